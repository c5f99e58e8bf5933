//! A head lacks what clients go by.
//!
//! Imitates mocks and gateways that pass bodies on and drop headers. Without `error_type` an error has neither
//! `x-amzn-ErrorType` nor `__type`: clients guess by its status, and the AWS SDK for Rust no longer takes a throttle for one. Without
//! `request_id` an answer or an error cannot be told to support; no outcome changes, so the simulation cannot show it.
//! The quota is as without it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, Shows,
    kind::{Chosen, Kind, Nature, Place, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    engine::Quirk,
    exception::{Exception, Missing},
    units::Share,
};

/// A head lacks what clients go by.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadMissingSpec {
    pub what: Lacking,
    /// Share of heads; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lacking {
    ErrorType,
    RequestId,
}

#[derive(Debug, Clone)]
pub(super) struct HeadMissing {
    pub what: Lacking,
    pub share: f64,
}

impl Settings for HeadMissingSpec {
    type Kind = HeadMissing;
    const INFO: FaultInfo = FaultInfo {
        name: "head_missing",
        summary: "a head lacks its error type or its request id",
        stage: "error; wire for the request id",
        quota: "as without it",
        client_sees: "an error known by its status alone; an answer without an id",
        in_simulation: "an error without its name; the request id cannot be shown",
        on_the_wire: "heads without that header",
        example: "head_missing: { what: error_type }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> HeadMissing {
        HeadMissing { what: self.what, share: checks.share(self.share) }
    }
}

impl Kind for HeadMissing {
    fn nature(&self) -> Nature {
        let stage = match self.what {
            Lacking::ErrorType => Stage::Error,
            Lacking::RequestId => Stage::Wire,
        };
        Nature { place: Place::Endpoint, ..Nature::by_chance(stage, self.share) }
    }

    fn shows(&self) -> Shows {
        match self.what {
            Lacking::ErrorType => Shows::Everywhere,
            Lacking::RequestId => Shows::OnWire,
        }
    }

    fn error(&mut self, _: &Chosen, error: &Exception, _: Option<Nanos>) -> Option<Exception> {
        Some(Exception { missing: Missing::Type, ..error.clone() })
    }

    fn quirk(&mut self, _: &Chosen, _: Option<u32>) -> Option<Quirk> {
        Some(Quirk::NoRequestId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, Ground,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn an_error_loses_its_type_and_everything_its_request_id() {
        let lacking = |what| rule(Action::HeadMissing(HeadMissing { what, share: 1.0 }));
        assert_eq!(lacking(Lacking::ErrorType).obstacle(Ground::Simulation), None);
        assert!(lacking(Lacking::RequestId).obstacle(Ground::Simulation).is_some());
        let mut faults = faults([lacking(Lacking::ErrorType), lacking(Lacking::RequestId)]);
        let told = faults.error(CALL, &subject(1), Exception::too_many_requests(), None);
        assert_eq!(told.missing, Missing::Type);
        assert_eq!(faults.quirk(CALL, &subject(1), None), Some(Quirk::NoRequestId));
    }
}
