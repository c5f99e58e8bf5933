//! A stream has something in it that no client knows.
//!
//! Imitates a service that has moved on: an event of a new type, a new header on a known event, or an event without payload.
//! Clients must ignore it, and nothing else changes; whoever stops has found a mistake of theirs. So only the server can show it.
//! It comes after `after` tokens; a stream with fewer is missed. Unary calls are not rolled. The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, Shows, Subject,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    engine::Quirk,
    units::{Share, Tokens},
};

/// A stream has something in it that no client knows.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameUnknownSpec {
    /// How many tokens come first.
    pub after: Dist<Tokens>,
    pub what: Unknown,
    /// Share of streams; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unknown {
    /// A type of event.
    Event,
    /// A header of an event.
    Header,
    /// An event with neither type nor payload to speak of.
    Empty,
}

#[derive(Debug, Clone)]
pub(super) struct FrameUnknown {
    pub after: Sampler,
    pub what: Unknown,
    pub share: f64,
}

impl Settings for FrameUnknownSpec {
    type Kind = FrameUnknown;
    const INFO: FaultInfo = FaultInfo {
        name: "frame_unknown",
        summary: "a stream has an event or a header that nobody knows",
        stage: "wire",
        quota: "kept",
        client_sees: "nothing, if it ignores what it must",
        in_simulation: "cannot be shown: nothing changes but bytes",
        on_the_wire: "that event or header among the others",
        example: "frame_unknown: { what: event, after: 5 }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> FrameUnknown {
        FrameUnknown { after: checks.dist("after", &self.after), what: self.what, share: checks.share(self.share) }
    }
}

impl Kind for FrameUnknown {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Wire, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::OnWire
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        subject.operation.streams()
    }

    fn quirk(&mut self, chosen: &Chosen, tokens: Option<u32>) -> Option<Quirk> {
        let after = chosen.position(&self.after, tokens?)?;
        Some(match self.what {
            Unknown::Event => Quirk::UnknownEvent { after },
            Unknown::Header => Quirk::UnknownHeader { after },
            Unknown::Empty => Quirk::EmptyEvent { after },
        })
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
    fn streams_long_enough_have_it_and_errors_do_not() {
        let action = FrameUnknown { after: Sampler::Constant(20.0), what: Unknown::Header, share: 1.0 };
        let rule = rule(Action::FrameUnknown(action));
        assert!(rule.obstacle(Ground::Simulation).is_some());
        let mut faults = faults([rule]);
        let header = Some(Quirk::UnknownHeader { after: 20 });
        for (n, (tokens, quirk)) in (0..).zip([(Some(20), header), (Some(19), None), (None, None)]) {
            assert_eq!(faults.quirk(CALL, &subject(n), tokens), quirk, "{tokens:?}");
        }
    }
}
