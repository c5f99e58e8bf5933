//! A model must warm up in a Region before it answers there.
//!
//! Imitates ModelNotReadyException, which the API reference describes as a model that is not ready to serve
//! inference requests. Within the window the first call of a model in a Region starts its warm-up; until
//! `warm_up` has passed, every call of that pair (the first too) gets ModelNotReadyException (429). SDKs
//! retry it, but not as a throttle, so their adaptive rate limits do not react. No quota is consumed. Once
//! warm, a pair stays warm and its calls are not rolled.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, Subject,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    exception::{Exception, ExceptionKind},
    units::Span,
    world::{ModelId, RegionId},
};

/// A model must warm up in a Region before it answers there.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelNotReadySpec {
    /// From the first call of a model in a Region until it answers.
    pub warm_up: Span,
}

#[derive(Debug, Clone)]
pub(super) struct ModelNotReady {
    pub warm_up: Nanos,
    /// First calls. There are few pairs, and a list of few is found through fastest from its start.
    pub first_calls: Vec<(RegionId, ModelId, Nanos)>,
}

impl Settings for ModelNotReadySpec {
    type Kind = ModelNotReady;
    const INFO: FaultInfo = FaultInfo {
        name: "model_not_ready",
        summary: "a model must warm up in a Region after the first call there",
        stage: "availability",
        quota: "none",
        client_sees: "ModelNotReadyException (429), until the model is warm",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "model_not_ready: { warm_up: 30s }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ModelNotReady {
        if self.warm_up.0 == 0 {
            checks.problem(
                &["warm_up"],
                "a warm-up of 0s never refuses a call",
                "write such as warm_up: 30s",
            );
        }
        ModelNotReady { warm_up: self.warm_up.0, first_calls: Vec::new() }
    }
}

impl Kind for ModelNotReady {
    fn nature(&self) -> Nature {
        Nature::at(Stage::Availability)
    }

    fn concerns(&mut self, now: Nanos, subject: &Subject) -> bool {
        let (region, model) = (subject.serving, subject.model);
        let known = self.first_calls.iter().find(|first| (first.0, first.1) == (region, model));
        let first = known.map_or(now, |first| first.2);
        if known.is_none() {
            self.first_calls.push((region, model, now));
        }
        now.saturating_sub(first) < self.warm_up
    }

    fn exception(&mut self, _: &Chosen) -> Option<Exception> {
        Some(Exception::usual(ExceptionKind::ModelNotReadyException))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn each_region_and_model_warms_up_from_its_own_first_call() {
        let action = ModelNotReady { warm_up: 30, first_calls: Vec::new() };
        let mut faults = faults([rule(Action::ModelNotReady(action))]);
        let west = Subject { serving: RegionId(1), ..subject(1) };
        let other = Subject { model: ModelId(1), ..subject(9) };
        for (at, call, ready) in [
            (0, subject(1), false),
            (29, subject(2), false),
            (30, subject(3), true),
            (40, west, false),
            (50, other, false),
            (69, Subject { attempt: 1, ..west }, false),
            (70, Subject { request: 2, ..west }, true),
            (80, other, true),
        ] {
            let refused = faults.availability(CALL + at, &call).is_some();
            assert_eq!(refused, !ready, "{at} after the first call: {call:?}");
        }
        let hits = faults.hits().next().expect("one rule").1.clone();
        assert_eq!((hits.rolled, hits.hit, hits.missed), (5, 5, 0));
    }
}
