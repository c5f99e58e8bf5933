//! Records come into their log group in another order.
//!
//! Imitates delivery in batches by several writers: a later call's record can be there first. Each record waits for a time of
//! its own within the window, so that those of calls that end close together change places.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Delivery, FaultInfo, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    units::{Share, Span},
};

/// Records come into their log group in another order.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogReorderSpec {
    /// How long a record waits at most.
    pub within: Span,
    /// Share of records; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct LogReorder {
    pub within: Nanos,
    pub share: f64,
}

impl Settings for LogReorderSpec {
    type Kind = LogReorder;
    const INFO: FaultInfo = FaultInfo {
        name: "log_reorder",
        summary: "records come out of order",
        stage: "log",
        quota: "as without it",
        client_sees: "nothing; the log is out of order",
        in_simulation: "cannot be shown: a simulation logs nothing",
        on_the_wire: "records shuffled within that time",
        example: "log_reorder: { within: 20s }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> LogReorder {
        LogReorder { within: self.within.0, share: checks.share(self.share) }
    }
}

impl Kind for LogReorder {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Log, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InLogs
    }

    fn delivery(&mut self, chosen: &Chosen) -> Option<Delivery> {
        let later = (self.within as f64 * chosen.unit(0)) as Nanos;
        Some(Delivery { later, ..Delivery::default() })
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
    fn each_record_waits_for_a_time_of_its_own() {
        let mut faults = faults([rule(Action::LogReorder(LogReorder { within: 20 * SECOND, share: 1.0 }))]);
        let waits: Vec<_> = (0..50).map(|n| faults.delivery(CALL, &subject(n)).later).collect();
        assert!(waits.iter().all(|wait| *wait <= 20 * SECOND));
        assert!(waits.windows(2).any(|pair| pair[0] > pair[1]) && waits.windows(2).any(|pair| pair[0] < pair[1]));
    }
}
