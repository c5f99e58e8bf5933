//! A stream's frame ends in its middle, and the body with it.
//!
//! Imitates a proxy that loses the rest of what it passes on: the frame announces more bytes than arrive. Decoders of
//! event streams say so, unless they keep the rest of their buffer to themselves. It comes after `after` tokens; a stream with
//! fewer is missed. Unary calls are not rolled. The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BodyFault, FaultInfo, Subject,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    engine::Garble,
    units::{Share, Tokens},
};

/// A stream's frame ends in its middle.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameTruncatedSpec {
    /// How many tokens come first.
    pub after: Dist<Tokens>,
    /// Share of streams; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct FrameTruncated {
    pub after: Sampler,
    pub share: f64,
}

impl Settings for FrameTruncatedSpec {
    type Kind = FrameTruncated;
    const INFO: FaultInfo = FaultInfo {
        name: "frame_truncated",
        summary: "a stream's frame ends in its middle",
        stage: "body",
        quota: "kept",
        client_sees: "an error of its decoder, after partial text",
        in_simulation: "a broken answer",
        on_the_wire: "half a frame, and the proper end of the body",
        example: "frame_truncated: { after: 20, share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> FrameTruncated {
        FrameTruncated { after: checks.dist("after", &self.after), share: checks.share(self.share) }
    }
}

impl Kind for FrameTruncated {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        subject.operation.streams()
    }

    fn body(&mut self, chosen: &Chosen, tokens: u32) -> Option<BodyFault> {
        let after = chosen.position(&self.after, tokens)?;
        Some(BodyFault::Garbled { after, how: Garble::CutFrame })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{body_table, rule},
    };

    #[test]
    fn streams_long_enough_break_where_it_says() {
        let action = FrameTruncated { after: Sampler::Constant(20.0), share: 1.0 };
        let hits = body_table(
            &rule(Action::FrameTruncated(action)),
            &[
                ("long", true, 100, Some(BodyFault::Garbled { after: 20, how: Garble::CutFrame })),
                ("short", true, 19, None),
                ("unary", false, 100, None),
            ],
        );
        assert_eq!((hits.rolled, hits.hit, hits.missed), (2, 1, 1));
    }
}
