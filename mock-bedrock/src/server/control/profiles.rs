//! Inference profiles: those that Bedrock defines, and the application profiles that callers copy from them or from
//! a model.

use serde_json::{Value, json};

use super::{
    Answer, Ask, Control,
    arn::{self, Arn},
    ask::{Allowed, Body, Query, page, refuse, required},
    atlas::System,
    created,
    holdings::{Application, Source, made_before, missing, no_such_model, room, unique},
    naming::Naming,
    nothing, ok,
};
use crate::{exception::ExceptionKind, profile::split_geography, server::reply::WireError};

pub const APPLICATION: &str = "application-inference-profile";
pub const SYSTEM: &str = "inference-profile";

/// When Bedrock's own profiles are said to be made: the day of the first of them.
const SYSTEM_SINCE: &str = "2024-08-26T00:00:00Z";

impl Control {
    pub(super) fn list_profiles(&self, ask: &Ask<'_>) -> Answer {
        let query = Query::of(ask.request);
        let kind = query.one_of("type", &["SYSTEM_DEFINED", "APPLICATION"])?;
        let wanted = |name: &str| kind.as_deref().is_none_or(|kind| kind == name);
        let mut all: Vec<Value> = Vec::new();
        if wanted("SYSTEM_DEFINED") {
            all.extend(self.atlas.profiles(&ask.caller.region).map(|profile| system(ask, profile)));
        }
        if wanted("APPLICATION") {
            all.extend(self.held(ask).profiles.iter().map(|(id, profile)| application(ask, id, profile)));
        }
        let key = |profile: &Value| profile["inferenceProfileArn"].to_string();
        let (profiles, next) = page(all, key, query)?;
        let mut body = json!({ "inferenceProfileSummaries": profiles });
        if let Some(next) = next {
            body["nextToken"] = next.into();
        }
        ok(body)
    }

    pub(super) fn get_profile(&self, ask: &Ask<'_>, id: &str) -> Answer {
        if let Some((id, profile)) = self.application(ask, id) {
            return ok(application(ask, id, profile));
        }
        let found = system_id(ask, id).and_then(|id| self.atlas.profile(&ask.caller.region, id));
        found.map_or_else(|| Err(missing("inference profile", id)), |profile| ok(system(ask, profile)))
    }

    pub(super) fn create_profile(&mut self, ask: &Ask<'_>) -> Answer {
        let body = Body::of(ask.request)?;
        let name = body.limited("inferenceProfileName", 64, Allowed::Name)?;
        let name = name.ok_or_else(|| required("inferenceProfileName"))?.to_owned();
        let description = body.limited("description", 200, Allowed::Description)?.map(str::to_owned);
        let token = body.limited("clientRequestToken", 256, Allowed::Id)?.map(str::to_owned);
        let from = body.inner("modelSource", "modelSource")?.ok_or_else(|| required("modelSource"))?;
        let (source, models) = self.copied(ask, from.required_text("copyFrom")?)?;
        let tags = super::tags::read(&body, "tags")?;
        let all = &self.held(ask).profiles;
        let before = made_before(all, token.as_deref(), |one| one.token.as_deref()).map(str::to_owned);
        let id = match before {
            Some(id) => id,
            None => {
                room(all.len(), "application inference profiles")?;
                unique(all.values().map(|one| &*one.name), &name, "inference profile")?;
                let id = self.new_id(ask, APPLICATION);
                let profile =
                    Application { name, description, source, models, at: ask.when.now, token, tags };
                self.held_mut(ask).profiles.insert(id.clone(), profile);
                id
            }
        };
        created(json!({ "inferenceProfileArn": owned(ask, APPLICATION, &id), "status": "ACTIVE" }))
    }

    pub(super) fn delete_profile(&mut self, ask: &Ask<'_>, id: &str) -> Answer {
        let Some(key) = self.application(ask, id).map(|(id, _)| id.to_owned()) else {
            let own =
                system_id(ask, id).is_some_and(|id| self.atlas.profile(&ask.caller.region, id).is_some());
            return Err(if own {
                let text = "System-defined inference profiles can not be deleted.";
                refuse(ExceptionKind::ValidationException, text)
            } else {
                missing("inference profile", id)
            });
        };
        self.held_mut(ask).profiles.shift_remove(&key);
        nothing()
    }

    /// An application profile by its id or ARN.
    pub(super) fn application<'a>(&'a self, ask: &Ask<'_>, id: &str) -> Option<(&'a str, &'a Application)> {
        let id = match Arn::parse(id) {
            Some(arn) if arn.kind == APPLICATION && mine(ask, &arn) => arn.id,
            Some(_) => return None,
            None => id,
        };
        self.held(ask).profiles.get_key_value(id).map(|(id, profile)| (id.as_str(), profile))
    }

    /// What an application profile may be copied from: a model of this Region, or one of Bedrock's profiles.
    fn copied(&self, ask: &Ask<'_>, from: &str) -> Result<(Source, Vec<String>), WireError> {
        let region = &*ask.caller.region;
        let arn = Arn::parse(from).ok_or_else(no_such_model)?;
        match arn.kind {
            "foundation-model" if arn.region == region && self.atlas.offers(region, arn.id) => {
                Ok((Source::Model(arn.id.to_owned()), vec![arn::model(region, arn.id)]))
            }
            SYSTEM if mine(ask, &arn) => {
                let profile = self.atlas.profile(region, arn.id).ok_or_else(no_such_model)?;
                Ok((Source::Profile(profile.id.clone()), profile.model_arns()))
            }
            _ => Err(no_such_model()),
        }
    }
}

/// Whether an ARN names something of this caller's account and Region.
pub fn mine(ask: &Ask<'_>, arn: &Arn<'_>) -> bool {
    arn.region == ask.caller.region && arn.account == ask.caller.account
}

pub fn owned(ask: &Ask<'_>, kind: &str, id: &str) -> String {
    arn::owned(&ask.caller.region, &ask.caller.account, kind, id)
}

/// The id of one of Bedrock's profiles, which may be named by either.
fn system_id<'a>(ask: &Ask<'_>, id: &'a str) -> Option<&'a str> {
    match Arn::parse(id) {
        Some(arn) => (arn.kind == SYSTEM && mine(ask, &arn)).then_some(arn.id),
        None => Some(id),
    }
}

fn models(arns: &[String]) -> Vec<Value> {
    arns.iter().map(|arn| json!({ "modelArn": arn })).collect()
}

fn system(ask: &Ask<'_>, profile: &System) -> Value {
    let naming = Naming::of(&profile.model);
    let geography = split_geography(&profile.id).map_or("", |(geography, _)| geography);
    let label = if profile.global() { "Global".to_owned() } else { geography.to_uppercase() };
    let name = format!("{label} {}", naming.full());
    let reach = if profile.global() {
        "globally across supported AWS Regions.".to_owned()
    } else {
        format!("in {}.", profile.destinations.join(", "))
    };
    json!({
        "inferenceProfileName": name.trim(),
        "description": format!("Routes requests to {} {reach}", naming.full()),
        "createdAt": SYSTEM_SINCE,
        "updatedAt": SYSTEM_SINCE,
        "inferenceProfileArn": owned(ask, SYSTEM, &profile.id),
        "models": models(&profile.model_arns()),
        "inferenceProfileId": profile.id,
        "status": "ACTIVE",
        "type": "SYSTEM_DEFINED",
    })
}

fn application(ask: &Ask<'_>, id: &str, profile: &Application) -> Value {
    let at = ask.when.text(profile.at);
    let mut body = json!({
        "inferenceProfileName": profile.name,
        "createdAt": at,
        "updatedAt": at,
        "inferenceProfileArn": owned(ask, APPLICATION, id),
        "models": models(&profile.models),
        "inferenceProfileId": id,
        "status": "ACTIVE",
        "type": "APPLICATION",
    });
    if let Some(description) = &profile.description {
        body["description"] = description.as_str().into();
    }
    body
}
