//! What every sample and span says of its strategy, its class and its targets; made once from the plan.

use opentelemetry::KeyValue;
use richter_core::{
    live::Names,
    request::{Api, Request},
    target::{TargetId, base_model},
};

use super::names::{CLASS, PROVIDER, STRATEGY, is, operation};
use crate::{price::Price, scenario::plan::Plan};

/// One strategy's view of the plan.
#[derive(Debug, Clone)]
pub struct Facts {
    pub names: Names,
    pub strategy: String,
    /// What the request asks for, as far as a request of many targets asks for one model: the first target's.
    pub model: String,
    pub classes: Vec<String>,
    pub targets: Vec<TargetFacts>,
    /// By route.
    pub prices: Vec<Option<Price>>,
}

#[derive(Debug, Clone)]
pub struct TargetFacts {
    pub name: String,
    pub region: String,
    pub model_id: String,
    pub base: String,
}

impl Facts {
    /// Of the plan's strategy at a place.
    pub fn of(plan: &Plan, strategy: usize, names: Names) -> Facts {
        let targets: Vec<TargetFacts> = plan
            .targets
            .iter()
            .map(|target| TargetFacts {
                name: target.name.clone(),
                region: target.spec.region().to_owned(),
                model_id: target.spec.model_id().to_owned(),
                base: target
                    .spec
                    .models()
                    .next()
                    .map_or_else(String::new, |model| base_model(model).to_owned()),
            })
            .collect();
        let chosen = plan.strategies.get(strategy);
        let first =
            chosen.and_then(|chosen| chosen.spec.targets().first().map(|(_, name)| (*name).to_owned()));
        let model = targets.iter().find(|target| Some(&target.name) == first.as_ref());
        Facts {
            names,
            strategy: chosen.map_or_else(String::new, |chosen| chosen.name.clone()),
            model: model.map_or_else(String::new, |target| target.model_id.clone()),
            classes: plan.traffic.classes.iter().map(|class| class.name.clone()).collect(),
            prices: plan.route_prices.clone(),
            targets,
        }
    }

    pub fn target(&self, id: TargetId) -> Option<&TargetFacts> {
        self.targets.get(usize::from(id.0))
    }

    pub fn class(&self, request: &Request) -> &str {
        self.classes.get(usize::from(request.class)).map_or("", String::as_str)
    }

    /// What every sample says of a request.
    pub fn of_request(&self, request: &Request) -> Vec<KeyValue> {
        let rows = self.names.rows();
        let mut all = self.common(request.api, &self.model);
        all.push(is(STRATEGY, self.strategy.clone()));
        all.push(is(CLASS, self.class(request).to_owned()));
        all.push(is(rows.stream, request.api.streams()));
        all
    }

    /// What every sample says of an attempt.
    pub fn of_attempt(&self, request: &Request, target: TargetId) -> Vec<KeyValue> {
        let rows = self.names.rows();
        let target = self.target(target);
        let model = target.map_or(&*self.model, |target| &target.model_id);
        let mut all = self.common(request.api, model);
        all.push(is(STRATEGY, self.strategy.clone()));
        if let Some(target) = target {
            all.push(is(rows.target, target.name.clone()));
            all.push(is(rows.region, target.region.clone()));
        }
        all
    }

    fn common(&self, api: Api, model: &str) -> Vec<KeyValue> {
        let rows = self.names.rows();
        vec![
            is(rows.operation, operation(api)),
            is(rows.provider, PROVIDER),
            is(rows.request_model, model.to_owned()),
        ]
    }
}
