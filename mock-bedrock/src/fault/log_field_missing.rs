//! A record does not name the Region that served the call.
//!
//! Imitates records without `inferenceRegion`, as older calls and those that their source Region served have them: a filter
//! that takes a missing field for another Region counts reroutes that never were.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Delivery, FaultInfo, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::units::Share;

/// A record does not name the Region that served the call.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFieldMissingSpec {
    /// Share of records; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct LogFieldMissing {
    pub share: f64,
}

impl Settings for LogFieldMissingSpec {
    type Kind = LogFieldMissing;
    const INFO: FaultInfo = FaultInfo {
        name: "log_field_missing",
        summary: "a record lacks its `inferenceRegion`",
        stage: "log",
        quota: "as without it",
        client_sees: "nothing; who served is not known",
        in_simulation: "cannot be shown: a simulation logs nothing",
        on_the_wire: "records without `inferenceRegion`",
        example: "log_field_missing: { share: 20% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> LogFieldMissing {
        LogFieldMissing { share: checks.share(self.share) }
    }
}

impl Kind for LogFieldMissing {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Log, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InLogs
    }

    fn delivery(&mut self, _: &Chosen) -> Option<Delivery> {
        Some(Delivery { regionless: true, ..Delivery::default() })
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
    fn it_is_shown_where_there_are_logs() {
        let missing = rule(Action::LogFieldMissing(LogFieldMissing { share: 1.0 }));
        assert!(missing.obstacle(Ground::Simulation).is_some());
        assert_eq!(missing.obstacle(Ground::Wire { tls: false }), None);
        assert!(faults([missing]).delivery(CALL, &subject(1)).regionless);
    }
}
