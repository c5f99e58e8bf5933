//! The record of a call comes twice.
//!
//! Imitates delivery at least once: the same record, with the same request id, again. Metric filters count both.

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

/// The record of a call comes twice.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogDupSpec {
    /// How long after the first.
    pub after: Dist<Span>,
    /// Share of records; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct LogDup {
    pub after: Sampler,
    pub share: f64,
}

impl Settings for LogDupSpec {
    type Kind = LogDup;
    const INFO: FaultInfo = FaultInfo {
        name: "log_dup",
        summary: "a record comes twice",
        stage: "log",
        quota: "as without it",
        client_sees: "nothing; the log and its metrics count too many",
        in_simulation: "cannot be shown: a simulation logs nothing",
        on_the_wire: "the same record again",
        example: "log_dup: { after: 2s, share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> LogDup {
        LogDup { after: checks.dist("after", &self.after), share: checks.share(self.share) }
    }
}

impl Kind for LogDup {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Log, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InLogs
    }

    fn delivery(&mut self, chosen: &Chosen) -> Option<Delivery> {
        let again = Some(self.after.at(chosen.unit(0)) as Nanos);
        Some(Delivery { again, ..Delivery::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{CALL, SECOND, faults, rule, subject},
    };

    #[test]
    fn a_record_comes_again_after_its_time() {
        let after = Sampler::Constant(2.0 * SECOND as f64);
        let mut faults = faults([rule(Action::LogDup(LogDup { after, share: 1.0 }))]);
        assert_eq!(faults.delivery(CALL, &subject(1)).again, Some(2 * SECOND));
    }
}
