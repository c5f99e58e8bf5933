//! Intelligent prompt routers: two models of one family under one ARN. Bedrock brings one for each family; callers
//! may make their own. The rule of choice is Bedrock's secret, so that here chance decides evenly.

use serde_json::{Value, json};

use super::{
    Answer, Ask, Control,
    arn::{self, Arn},
    ask::{Allowed, Body, Query, above, below, invalid, page, required},
    holdings::{Router, made_before, missing, no_such_model, room, unique},
    naming::{self, Naming},
    nothing, ok,
    profiles::{mine, owned},
};
use crate::server::reply::WireError;

pub const CUSTOM: &str = "prompt-router";
pub const DEFAULT: &str = "default-prompt-router";

/// When Bedrock's own routers are said to be made: the day on which the feature came.
const DEFAULT_SINCE: &str = "2024-12-03T00:00:00Z";

impl Control {
    pub(super) fn list_routers(&self, ask: &Ask<'_>) -> Answer {
        let query = Query::of(ask.request);
        let kind = query.one_of("type", &["custom", "default"])?;
        let wanted = |name: &str| kind.as_deref().is_none_or(|kind| kind == name);
        let mut all: Vec<Value> = Vec::new();
        if wanted("default") {
            all.extend(self.defaults(ask).iter().map(|(family, models)| default(ask, family, models)));
        }
        if wanted("custom") {
            all.extend(self.held(ask).routers.iter().map(|(id, router)| custom(ask, id, router)));
        }
        let (all, next) = page(all, |one| one["promptRouterArn"].to_string(), query)?;
        let mut body = json!({ "promptRouterSummaries": all });
        if let Some(next) = next {
            body["nextToken"] = next.into();
        }
        ok(body)
    }

    pub(super) fn get_router(&self, ask: &Ask<'_>, text: &str) -> Answer {
        let own = || self.router(ask, text).map(|(id, router)| custom(ask, id, router));
        let brought =
            || self.default_router(ask, text).map(|(family, models)| default(ask, &family, &models));
        own().or_else(brought).map_or_else(|| Err(missing("prompt router", text)), ok)
    }

    pub(super) fn create_router(&mut self, ask: &Ask<'_>) -> Answer {
        let body = Body::of(ask.request)?;
        let router = self.read_router(ask, &body)?;
        let all = &self.held(ask).routers;
        let before = made_before(all, router.token.as_deref(), |one| one.token.as_deref()).map(str::to_owned);
        let id = match before {
            Some(id) => id,
            None => {
                room(all.len(), "prompt routers")?;
                unique(all.values().map(|one| &*one.name), &router.name, "prompt router")?;
                let id = self.new_id(ask, CUSTOM);
                self.held_mut(ask).routers.insert(id.clone(), router);
                id
            }
        };
        ok(json!({ "promptRouterArn": owned(ask, CUSTOM, &id) }))
    }

    pub(super) fn delete_router(&mut self, ask: &Ask<'_>, text: &str) -> Answer {
        let Some(id) = self.router(ask, text).map(|(id, _)| id.to_owned()) else {
            return Err(match self.default_router(ask, text) {
                Some(_) => invalid("Default prompt routers can not be deleted."),
                None => missing("prompt router", text),
            });
        };
        self.held_mut(ask).routers.shift_remove(&id);
        nothing()
    }

    fn read_router(&self, ask: &Ask<'_>, body: &Body<'_>) -> Result<Router, WireError> {
        let name = body.limited("promptRouterName", 64, Allowed::Name)?;
        let name = name.ok_or_else(|| required("promptRouterName"))?.to_owned();
        let description = body.limited("description", 200, Allowed::Description)?.map(str::to_owned);
        let token = body.limited("clientRequestToken", 256, Allowed::Id)?.map(str::to_owned);
        let criteria = body.inner("routingCriteria", "routingCriteria")?;
        let criteria = criteria.ok_or_else(|| required("routingCriteria"))?;
        let at = "routingCriteria.responseQualityDifference";
        let quality_difference = criteria.number("responseQualityDifference")?.ok_or_else(|| required(at))?;
        match quality_difference {
            difference if difference > 100.0 => return Err(above(difference, at, 100)),
            difference if difference < 0.0 => return Err(below(difference, at, 0)),
            difference if difference % 5.0 != 0.0 => {
                return Err(invalid("The response quality difference must be a multiple of 5."));
            }
            _ => {}
        }
        let models = body.structures("models", "models")?.ok_or_else(|| required("models"))?;
        let models: Vec<String> = models
            .iter()
            .map(|model| model.required_text("modelArn").map(str::to_owned))
            .collect::<Result<_, _>>()?;
        self.check_pair(ask, &models)?;
        let fallback =
            body.inner("fallbackModel", "fallbackModel")?.ok_or_else(|| required("fallbackModel"))?;
        let fallback = fallback.required_text("modelArn")?.to_owned();
        if !models.contains(&fallback) {
            return Err(invalid("The fallback model must be one of the models of the prompt router."));
        }
        let tags = super::tags::read(body, "tags")?;
        let at = ask.when.now;
        Ok(Router { name, description, models, fallback, quality_difference, at, token, tags })
    }

    fn check_pair(&self, ask: &Ask<'_>, arns: &[String]) -> Result<(), WireError> {
        let [one, other] = arns else {
            return Err(invalid("A prompt router must have exactly two models."));
        };
        let (one, other) = (self.routed_model(ask, one)?, self.routed_model(ask, other)?);
        if !naming::routes_prompts(&one) || !naming::routes_prompts(&other) {
            return Err(invalid("Prompt routing is not supported"));
        }
        if one == other || naming::family(&one) != naming::family(&other) {
            return Err(invalid("The models of a prompt router must be two of the same model family."));
        }
        Ok(())
    }

    /// The base model behind an ARN that a router may name.
    fn routed_model(&self, ask: &Ask<'_>, text: &str) -> Result<String, WireError> {
        let arn = Arn::parse(text).ok_or_else(no_such_model)?;
        if arn.kind == CUSTOM || arn.kind == DEFAULT {
            return Err(no_such_model());
        }
        self.resolve(ask.caller, text, ask.when.now, 0.0)
            .map(|found| found.model)
            .map_err(|error| (&error).into())
    }

    /// A custom router by its ARN.
    pub(super) fn router<'a>(&'a self, ask: &Ask<'_>, text: &str) -> Option<(&'a str, &'a Router)> {
        let arn = Arn::parse(text).filter(|arn| arn.kind == CUSTOM && mine(ask, arn))?;
        self.held(ask).routers.get_key_value(arn.id).map(|(id, router)| (id.as_str(), router))
    }

    /// One of Bedrock's routers by its ARN: its id and its two models.
    pub(super) fn default_router(&self, ask: &Ask<'_>, text: &str) -> Option<(String, [String; 2])> {
        let arn = Arn::parse(text).filter(|arn| arn.kind == DEFAULT && mine(ask, arn))?;
        self.defaults(ask).into_iter().find(|(id, _)| id == arn.id)
    }

    /// One router for each family with two models that the Region serves: `anthropic.claude:1` and so on.
    fn defaults(&self, ask: &Ask<'_>) -> Vec<(String, [String; 2])> {
        let region = &*ask.caller.region;
        let routed = |model: &&str| naming::routes_prompts(model) && self.atlas.offers(region, model);
        let mut found: Vec<(String, [String; 2])> = Vec::new();
        let mut firsts: Vec<(String, &str)> = Vec::new();
        for model in self.atlas.models().filter(routed) {
            let id = format!("{}:1", naming::family(model));
            if found.iter().any(|(other, _)| *other == id) {
                continue;
            }
            match firsts.iter().find(|(other, _)| *other == id) {
                Some((_, first)) => found.push((id, [arn::model(region, first), arn::model(region, model)])),
                None => firsts.push((id, model)),
            }
        }
        found
    }
}

fn targets(arns: &[String]) -> Vec<Value> {
    arns.iter().map(|arn| json!({ "modelArn": arn })).collect()
}

fn default(ask: &Ask<'_>, id: &str, models: &[String; 2]) -> Value {
    let base = models[0].rsplit_once('/').map_or("", |(_, model)| model);
    let provider = Naming::of(base).provider;
    json!({
        "promptRouterName": format!("{provider} Prompt Router"),
        "routingCriteria": { "responseQualityDifference": 0.0 },
        "description": format!("Routes requests among models in the {provider} family"),
        "createdAt": DEFAULT_SINCE,
        "updatedAt": DEFAULT_SINCE,
        "promptRouterArn": owned(ask, DEFAULT, id),
        "models": targets(models),
        "fallbackModel": { "modelArn": models[1] },
        "status": "AVAILABLE",
        "type": "default",
    })
}

fn custom(ask: &Ask<'_>, id: &str, router: &Router) -> Value {
    let at = ask.when.text(router.at);
    let mut body = json!({
        "promptRouterName": router.name,
        "routingCriteria": { "responseQualityDifference": router.quality_difference },
        "createdAt": at,
        "updatedAt": at,
        "promptRouterArn": owned(ask, CUSTOM, id),
        "models": targets(&router.models),
        "fallbackModel": { "modelArn": router.fallback },
        "status": "AVAILABLE",
        "type": "custom",
    });
    if let Some(description) = &router.description {
        body["description"] = description.as_str().into();
    }
    body
}
