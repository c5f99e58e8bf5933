//! An answer comes drop by drop.
//!
//! Imitates a path with hardly any bandwidth left, and middleboxes that pass single bytes on. A client's parser sees parts of
//! frames; a limit on silence never runs out, because something always comes. In the simulation events come as slowly as
//! their bytes would, taking about 200 for an event with one token. The quota stays reserved for longer.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, LatencyChange,
    kind::{Chosen, Kind, Nature, Place, Settings, Stage},
    rule::checks::Checks,
};
use crate::{units::{Rate, Share}};

/// An answer comes drop by drop.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrickleSpec {
    /// Most bytes of an answer, such as 300/s.
    pub bytes: Rate,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct Trickle {
    pub bytes_per_s: f64,
    pub share: f64,
}

impl Settings for TrickleSpec {
    type Kind = Trickle;
    const INFO: FaultInfo = FaultInfo {
        name: "trickle",
        summary: "an answer comes drop by drop",
        stage: "latency",
        quota: "as without it, reserved for longer",
        client_sees: "frames in parts, and never silence",
        in_simulation: "events as slow as their bytes would be",
        on_the_wire: "a few bytes at a time",
        example: "trickle: { bytes: 300/s, share: 10% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> Trickle {
        if self.bytes.per_second() < 1.0 {
            checks.problem(&["bytes"], "less than a byte in a second would never end", "write such as 300/s");
        }
        Trickle { bytes_per_s: self.bytes.per_second(), share: checks.share(self.share) }
    }
}

impl Kind for Trickle {
    fn nature(&self) -> Nature {
        Nature { place: Place::Endpoint, ..Nature::by_chance(Stage::Latency, self.share) }
    }

    fn latency(&mut self, _: &Chosen) -> Option<LatencyChange> {
        Some(LatencyChange { bytes_per_s: self.bytes_per_s, ..LatencyChange::NONE })
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
    fn the_narrowest_of_several_counts() {
        let trickle = |name, bytes_per_s| named(name, Action::Trickle(Trickle { bytes_per_s, share: 1.0 }));
        let change = faults([trickle("a", 300.0), trickle("b", 100.0)]).latency(CALL, &subject(1));
        assert_eq!(change, LatencyChange { bytes_per_s: 100.0, ..LatencyChange::NONE });
    }
}
