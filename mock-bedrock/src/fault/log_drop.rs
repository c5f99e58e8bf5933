//! The record of a call never comes.
//!
//! Imitates delivery that fails, such as for want of a permission, or that drops what is too large: the call was made and
//! paid for, and the log knows nothing of it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Delivery, FaultInfo, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::units::Share;

/// The record of a call never comes.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogDropSpec {
    /// Share of records; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct LogDrop {
    pub share: f64,
}

impl Settings for LogDropSpec {
    type Kind = LogDrop;
    const INFO: FaultInfo = FaultInfo {
        name: "log_drop",
        summary: "a record never comes",
        stage: "log",
        quota: "as without it",
        client_sees: "nothing; the log and its metrics count too few",
        in_simulation: "cannot be shown: a simulation logs nothing",
        on_the_wire: "no record",
        example: "log_drop: { share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> LogDrop {
        LogDrop { share: checks.share(self.share) }
    }
}

impl Kind for LogDrop {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Log, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InLogs
    }

    fn delivery(&mut self, _: &Chosen) -> Option<Delivery> {
        Some(Delivery { lost: true, ..Delivery::default() })
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
    fn about_its_share_of_records_is_lost() {
        let mut faults = faults([rule(Action::LogDrop(LogDrop { share: 0.2 }))]);
        let lost = (0..1000).filter(|n| faults.delivery(CALL, &subject(*n)).lost).count();
        assert!((150..250).contains(&lost), "{lost}");
    }
}
