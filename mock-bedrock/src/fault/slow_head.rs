//! A head begins and does not go on for a while.
//!
//! Imitates a server or proxy that stalls between the status line and the headers. Bytes have come, so that limits on the first byte
//! are content, but there is no head to look at. For streams the head is late, for unary calls the whole answer. The
//! quota stays reserved for longer.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, LatencyChange,
    kind::{Chosen, Kind, Nature, Place, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    units::{Share, Span},
};

/// A head begins and does not go on for a while.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowHeadSpec {
    /// From the status line to the rest.
    pub delay: Dist<Span>,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct SlowHead {
    pub delay: Sampler,
    pub share: f64,
}

impl Settings for SlowHeadSpec {
    type Kind = SlowHead;
    const INFO: FaultInfo = FaultInfo {
        name: "slow_head",
        summary: "a head begins and does not go on for a while",
        stage: "latency",
        quota: "as without it, reserved for longer",
        client_sees: "a longer wait for the head, with its first bytes there",
        in_simulation: "the head comes late",
        on_the_wire: "the status line, and the rest later",
        example: "slow_head: { delay: 3s, share: 10% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> SlowHead {
        SlowHead { delay: checks.dist("delay", &self.delay), share: checks.share(self.share) }
    }
}

impl Kind for SlowHead {
    fn nature(&self) -> Nature {
        Nature { place: Place::Endpoint, ..Nature::by_chance(Stage::Latency, self.share) }
    }

    fn latency(&mut self, chosen: &Chosen) -> Option<LatencyChange> {
        Some(LatencyChange { head_add: self.delay.at(chosen.unit(0)) as Nanos, ..LatencyChange::NONE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{CALL, faults, named, subject},
    };

    #[test]
    fn delays_of_several_rules_add_up() {
        let slow = |name| named(name, Action::SlowHead(SlowHead { delay: Sampler::Constant(21.0), share: 1.0 }));
        let change = faults([slow("a"), slow("b")]).latency(CALL, &subject(1));
        assert_eq!(change, LatencyChange { head_add: 42, ..LatencyChange::NONE });
    }
}
