//! Foundation models: what there is, and what one is.

use serde_json::{Value, json};

use super::{
    Answer, Ask, Control,
    arn::{self, Arn},
    ask::{Query, refuse},
    naming::Naming,
    ok,
};
use crate::exception::ExceptionKind;

/// Ways to use a model, as lists show them.
const ON_DEMAND: &str = "ON_DEMAND";
const INFERENCE_PROFILE: &str = "INFERENCE_PROFILE";
const PROVISIONED: &str = "PROVISIONED";

impl Control {
    pub(super) fn list_models(&self, ask: &Ask<'_>) -> Answer {
        let query = Query::of(ask.request);
        let customization = query
            .one_of("byCustomizationType", &["FINE_TUNING", "CONTINUED_PRE_TRAINING", "DISTILLATION"])?;
        let output = query.one_of("byOutputModality", &["TEXT", "IMAGE", "EMBEDDING"])?;
        let inference = query.one_of("byInferenceType", &[ON_DEMAND, PROVISIONED])?;
        let provider = query.get("byProvider");
        let region = &*ask.caller.region;
        let fits = |model: &&str| {
            let naming = Naming::of(model);
            let ways = self.ways(region, model);
            !ways.is_empty()
                && customization.is_none()
                && provider.as_ref().is_none_or(|provider| naming.provider.eq_ignore_ascii_case(provider))
                && output.as_ref().is_none_or(|output| naming.output.contains(&&**output))
                && inference.as_ref().is_none_or(|way| ways.contains(&&**way))
        };
        let found: Vec<Value> =
            self.atlas.models().filter(fits).map(|model| self.model(region, model)).collect();
        ok(json!({ "modelSummaries": found }))
    }

    pub(super) fn get_model(&self, ask: &Ask<'_>, id: &str) -> Answer {
        let region = &*ask.caller.region;
        let model = match Arn::parse(id) {
            Some(arn) if arn.kind == "foundation-model" && arn.region == region => arn.id,
            Some(_) => "",
            None => id,
        };
        if self.ways(region, model).is_empty() {
            let text = "Could not resolve the foundation model from the provided model identifier.";
            return Err(refuse(ExceptionKind::ResourceNotFoundException, text));
        }
        ok(json!({ "modelDetails": self.model(region, model) }))
    }

    /// Whether a model may be used from here: the account's access to it, and what the Region has.
    pub(super) fn availability(&self, ask: &Ask<'_>, id: &str) -> Answer {
        if !self.atlas.knows(id) {
            let text = "Could not resolve the foundation model from the provided model identifier.";
            return Err(refuse(ExceptionKind::ResourceNotFoundException, text));
        }
        let granted = !self.settings.forbidden.withholds(id);
        let there = |there: bool| if there { "AVAILABLE" } else { "NOT_AVAILABLE" };
        ok(json!({
            "modelId": id,
            "agreementAvailability": { "status": there(granted) },
            "authorizationStatus": if granted { "AUTHORIZED" } else { "NOT_AUTHORIZED" },
            "entitlementAvailability": there(granted),
            "regionAvailability": there(!self.ways(&ask.caller.region, id).is_empty()),
        }))
    }

    /// How a model can be used from a Region; not at all where it is neither offered there nor reached from there.
    fn ways(&self, region: &str, model: &str) -> Vec<&'static str> {
        let here = self.atlas.offers(region, model);
        let through = self.atlas.profiles(region).any(|profile| profile.model == model);
        let ways =
            [here.then_some(ON_DEMAND), through.then_some(INFERENCE_PROFILE), here.then_some(PROVISIONED)];
        ways.into_iter().flatten().collect()
    }

    fn model(&self, region: &str, model: &str) -> Value {
        let naming = Naming::of(model);
        json!({
            "modelArn": arn::model(region, model),
            "modelId": model,
            "modelName": naming.name,
            "providerName": naming.provider,
            "inputModalities": naming.input,
            "outputModalities": naming.output,
            "responseStreamingSupported": !naming.output.contains(&"EMBEDDING"),
            "customizationsSupported": [],
            "inferenceTypesSupported": self.ways(region, model),
            "modelLifecycle": { "status": "ACTIVE" },
        })
    }
}
