//! The record of a call comes late into its log group.
//!
//! Imitates delivery that takes minutes: usually a record is there within seconds, and nothing promises it. Whoever counts
//! reroutes too early counts too few.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Delivery, FaultInfo, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    units::{Share, Span},
};

/// The record of a call comes late into its log group.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogDelaySpec {
    /// How much later.
    pub by: Dist<Span>,
    /// Share of records; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct LogDelay {
    pub by: Sampler,
    pub share: f64,
}

impl Settings for LogDelaySpec {
    type Kind = LogDelay;
    const INFO: FaultInfo = FaultInfo {
        name: "log_delay",
        summary: "a record comes late into its log group",
        stage: "log",
        quota: "as without it",
        client_sees: "nothing; the log lags",
        in_simulation: "cannot be shown: a simulation logs nothing",
        on_the_wire: "records that much later",
        example: "log_delay: { by: 90s, share: 10% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> LogDelay {
        LogDelay { by: checks.dist("by", &self.by), share: checks.share(self.share) }
    }
}

impl Kind for LogDelay {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Log, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InLogs
    }

    fn delivery(&mut self, chosen: &Chosen) -> Option<Delivery> {
        let later = self.by.at(chosen.unit(0)) as Nanos;
        Some(Delivery { later, ..Delivery::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, Ground,
        testing::{CALL, SECOND, faults, rule, subject},
    };

    #[test]
    fn delays_of_several_rules_add_up_and_a_simulation_shows_none() {
        let by = Sampler::Constant(2.0 * SECOND as f64);
        let late = || rule(Action::LogDelay(LogDelay { by: by.clone(), share: 1.0 }));
        assert!(late().obstacle(Ground::Simulation).is_some());
        let mut faults = faults([late(), late()]);
        assert_eq!(faults.delivery(CALL, &subject(1)), Delivery { later: 4 * SECOND, ..Delivery::default() });
    }
}
