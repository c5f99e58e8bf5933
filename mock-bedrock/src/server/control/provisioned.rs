//! Provisioned throughput: bought, made ready after a while, changed, and given back. What the world's file furnishes is
//! listed too, in service from the start.

use serde_json::{Value, json};

use super::{
    Answer, Ask, Control, When,
    arn::{self, Arn},
    ask::{Allowed, Body, Query, below, invalid, page, refuse, required},
    created,
    holdings::{Commitment, Provisioned, made_before, missing, no_such_model, room, unique},
    nothing, ok,
    profiles::{mine, owned},
    resolve::standing_arn,
};
use crate::{Nanos, exception::ExceptionKind, server::reply::WireError};

pub const PROVISIONED: &str = "provisioned-model";

const DAY: Nanos = 86_400_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Creating,
    InService,
    Updating,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Status::Creating => "Creating",
            Status::InService => "InService",
            Status::Updating => "Updating",
        }
    }
}

impl Commitment {
    fn name(self) -> &'static str {
        match self {
            Commitment::OneMonth => "OneMonth",
            Commitment::SixMonths => "SixMonths",
        }
    }

    fn ends(self, at: Nanos) -> Nanos {
        at.saturating_add(DAY * if self == Commitment::OneMonth { 30 } else { 180 })
    }
}

impl Provisioned {
    pub fn status(&self, now: Nanos, within: Nanos) -> Status {
        let waits = |since: Nanos| now < since.saturating_add(within);
        if waits(self.at) {
            Status::Creating
        } else if self.changed.is_some_and(waits) {
            Status::Updating
        } else {
            Status::InService
        }
    }

    /// The model that answers: the old one until a change is through.
    pub fn serves(&self, now: Nanos, within: Nanos) -> &str {
        if self.status(now, within) == Status::InService { &self.desired } else { &self.model }
    }
}

impl Control {
    pub(super) fn list_provisioned(&self, ask: &Ask<'_>) -> Answer {
        let query = Query::of(ask.request);
        let status = query.one_of("statusEquals", &["Creating", "InService", "Updating", "Failed"])?;
        let order = query.one_of("sortOrder", &["Ascending", "Descending"])?;
        query.one_of("sortBy", &["CreationTime"])?;
        let (model, name) = (query.get("modelArnEquals"), query.get("nameContains"));
        let (after, before) = (query.get("creationTimeAfter"), query.get("creationTimeBefore"));
        // Times in one form sort as texts do; fractions of a second are below what is kept.
        let fits = |one: &Value| {
            let text = |key: &str| one[key].as_str().unwrap_or_default();
            status.as_deref().is_none_or(|status| text("status") == status)
                && model.as_deref().is_none_or(|model| text("modelArn") == model)
                && name.as_deref().is_none_or(|name| text("provisionedModelName").contains(name))
                && after.as_deref().is_none_or(|after| text("creationTime") > after)
                && before.as_deref().is_none_or(|before| text("creationTime") < before)
        };
        let bought = self.held(ask).provisioned.iter().map(|(id, one)| self.details(ask, id, one));
        let mut all: Vec<Value> = self.furnished(ask).chain(bought).filter(fits).collect();
        // Newest first, unless asked otherwise.
        if order.as_deref() != Some("Ascending") {
            all.reverse();
        }
        let (all, next) = page(all, |one| one["provisionedModelArn"].to_string(), query)?;
        let mut body = json!({ "provisionedModelSummaries": all });
        if let Some(next) = next {
            body["nextToken"] = next.into();
        }
        ok(body)
    }

    pub(super) fn get_provisioned(&self, ask: &Ask<'_>, id: &str) -> Answer {
        if let Some((id, one)) = self.bought(ask, id) {
            return ok(self.details(ask, id, one));
        }
        let named = |one: &Value| one["provisionedModelArn"] == id || one["provisionedModelName"] == id;
        self.furnished(ask).find(named).map_or_else(|| Err(missing("provisioned model", id)), ok)
    }

    pub(super) fn create_provisioned(&mut self, ask: &Ask<'_>) -> Answer {
        let body = Body::of(ask.request)?;
        let units = body.number("modelUnits")?.ok_or_else(|| required("modelUnits"))?;
        if units < 1.0 || units.fract() != 0.0 {
            return Err(below(units, "modelUnits", 1));
        }
        let name = body.limited("provisionedModelName", 63, Allowed::Id)?;
        let name = name.ok_or_else(|| required("provisionedModelName"))?.to_owned();
        let model = self.base_model(ask, body.required_text("modelId")?)?;
        let token = body.limited("clientRequestToken", 256, Allowed::Id)?.map(str::to_owned);
        let commitment = match body.one_of("commitmentDuration", &["OneMonth", "SixMonths"])? {
            Some("OneMonth") => Some(Commitment::OneMonth),
            Some(_) => Some(Commitment::SixMonths),
            None => None,
        };
        let tags = super::tags::read(&body, "tags")?;
        let all = &self.held(ask).provisioned;
        let before = made_before(all, token.as_deref(), |one| one.token.as_deref()).map(str::to_owned);
        let id = match before {
            Some(id) => id,
            None => {
                room(all.len(), "provisioned models")?;
                // The operation declares no conflict.
                unique(all.values().map(|one| &*one.name), &name, "provisioned model")
                    .map_err(|error| invalid(error.message))?;
                let id = self.new_id(ask, PROVISIONED);
                let at = ask.when.now;
                let (units, desired) = (units as u64, model.clone());
                let one = Provisioned {
                    name,
                    units,
                    model,
                    desired,
                    commitment,
                    at,
                    modified: at,
                    changed: None,
                    token,
                    tags,
                };
                self.held_mut(ask).provisioned.insert(id.clone(), one);
                id
            }
        };
        created(json!({ "provisionedModelArn": owned(ask, PROVISIONED, &id) }))
    }

    pub(super) fn update_provisioned(&mut self, ask: &Ask<'_>, id: &str) -> Answer {
        let body = Body::of(ask.request)?;
        let name = body.limited("desiredProvisionedModelName", 63, Allowed::Id)?.map(str::to_owned);
        let desired = match body.text("desiredModelId")? {
            Some(model) => Some(self.base_model(ask, model)?),
            None => None,
        };
        let (key, one) = self.bought(ask, id).ok_or_else(|| missing("provisioned model", id))?;
        let (now, within) = (ask.when.now, self.settings.provision_within);
        if one.status(now, within) != Status::InService {
            return Err(invalid(format!("The provisioned model {id} is not in service; wait until it is.")));
        }
        let (key, serves) = (key.to_owned(), one.serves(now, within).to_owned());
        let others = self.held(ask).provisioned.iter().filter(|(other, _)| **other != key);
        if let Some(name) = &name {
            unique(others.map(|(_, one)| &*one.name), name, "provisioned model")
                .map_err(|error| invalid(error.message))?;
        }
        if let Some(one) = self.held_mut(ask).provisioned.get_mut(&key) {
            one.modified = now;
            one.name = name.unwrap_or_else(|| one.name.clone());
            if let Some(desired) = desired {
                (one.model, one.desired, one.changed) = (serves, desired, Some(now));
            }
        }
        nothing()
    }

    pub(super) fn delete_provisioned(&mut self, ask: &Ask<'_>, id: &str) -> Answer {
        let (key, one) = self.bought(ask, id).ok_or_else(|| missing("provisioned model", id))?;
        if one.commitment.is_some_and(|term| ask.when.now < term.ends(one.at)) {
            let text = "You can't delete a Provisioned Throughput before the commitment term is over.";
            return Err(refuse(ExceptionKind::ConflictException, text));
        }
        let key = key.to_owned();
        self.held_mut(ask).provisioned.shift_remove(&key);
        nothing()
    }

    /// What was bought, by its ARN, id or name.
    pub(super) fn bought<'a>(&'a self, ask: &Ask<'_>, id: &str) -> Option<(&'a str, &'a Provisioned)> {
        let all = &self.held(ask).provisioned;
        let found = match Arn::parse(id) {
            Some(arn) if arn.kind == PROVISIONED && mine(ask, &arn) => all.get_key_value(arn.id),
            Some(_) => None,
            None => all.get_key_value(id).or_else(|| all.iter().find(|(_, one)| one.name == id)),
        };
        found.map(|(id, one)| (id.as_str(), one))
    }

    /// Throughput is bought for models that the Region serves itself, and never for a profile.
    fn base_model(&self, ask: &Ask<'_>, id: &str) -> Result<String, WireError> {
        let region = &*ask.caller.region;
        let model = match Arn::parse(id) {
            Some(arn) if arn.kind == "foundation-model" && arn.region == region => arn.id,
            Some(_) => "",
            None => id,
        };
        if self.atlas.offers(region, model) { Ok(model.to_owned()) } else { Err(no_such_model()) }
    }

    fn details(&self, ask: &Ask<'_>, id: &str, one: &Provisioned) -> Value {
        let When { now, .. } = ask.when;
        let within = self.settings.provision_within;
        let region = &*ask.caller.region;
        let model = arn::model(region, one.serves(now, within));
        let mut body = json!({
            "modelUnits": one.units,
            "desiredModelUnits": one.units,
            "provisionedModelName": one.name,
            "provisionedModelArn": owned(ask, PROVISIONED, id),
            "modelArn": model,
            "desiredModelArn": arn::model(region, &one.desired),
            "foundationModelArn": model,
            "status": one.status(now, within).name(),
            "creationTime": ask.when.text(one.at),
            "lastModifiedTime": ask.when.text(one.modified),
        });
        if let Some(term) = one.commitment {
            body["commitmentDuration"] = term.name().into();
            body["commitmentExpirationTime"] = ask.when.text(term.ends(one.at)).into();
        }
        body
    }

    /// What the world's file says was bought, of this caller's account and Region.
    fn furnished<'a>(&'a self, ask: &Ask<'a>) -> impl Iterator<Item = Value> + 'a {
        let ask = *ask;
        let here = move |(text, model): (&'a str, &'a str)| {
            let arn = Arn::parse(text).filter(|arn| arn.kind == PROVISIONED && mine(&ask, arn))?;
            if text == standing_arn(&ask.caller.region, &ask.caller.account, model) {
                return None;
            }
            let (id, model) = (arn.id, arn::model(&ask.caller.region, model));
            let at = ask.when.text(0);
            Some(json!({
                "modelUnits": 1,
                "desiredModelUnits": 1,
                "provisionedModelName": id,
                "provisionedModelArn": text,
                "modelArn": model,
                "desiredModelArn": model,
                "foundationModelArn": model,
                "status": Status::InService.name(),
                "creationTime": at,
                "lastModifiedTime": at,
            }))
        };
        self.atlas.capacity(&ask.caller.region).filter_map(here)
    }
}
