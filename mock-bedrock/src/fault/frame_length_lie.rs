//! A stream's frame lies about its length, with checksums that fit.
//!
//! Imitates an encoder with a mistake, or an attack on the client's memory. `tiny` announces fewer bytes than any frame has,
//! which decoders refuse. `huge` announces two gibibytes: a decoder with a limit refuses, one without waits for
//! bytes that never come and takes the rest of the answer for the inside of the frame. It comes after `after` tokens; a stream
//! with fewer is missed. Unary calls are not rolled. The quota is kept.

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

/// A stream's frame lies about its length.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameLengthLieSpec {
    /// How many tokens come first.
    pub after: Dist<Tokens>,
    pub says: Length,
    /// Share of streams; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    Tiny,
    Huge,
}

#[derive(Debug, Clone)]
pub(super) struct FrameLengthLie {
    pub after: Sampler,
    pub says: Length,
    pub share: f64,
}

impl Settings for FrameLengthLieSpec {
    type Kind = FrameLengthLie;
    const INFO: FaultInfo = FaultInfo {
        name: "frame_length_lie",
        summary: "a stream's frame lies about its length",
        stage: "body",
        quota: "kept",
        client_sees: "an error of its decoder; for `huge` perhaps silence until the end",
        in_simulation: "a broken answer; for `huge` after silence until its end, as the AWS SDK for Rust has it",
        on_the_wire: "a prelude with that length",
        example: "frame_length_lie: { after: 20, says: huge, share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> FrameLengthLie {
        FrameLengthLie { after: checks.dist("after", &self.after), says: self.says, share: checks.share(self.share) }
    }
}

impl Kind for FrameLengthLie {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        subject.operation.streams()
    }

    fn body(&mut self, chosen: &Chosen, tokens: u32) -> Option<BodyFault> {
        let after = chosen.position(&self.after, tokens)?;
        let how = match self.says {
            Length::Tiny => Garble::TooShort,
            Length::Huge => Garble::TooLong,
        };
        Some(BodyFault::Garbled { after, how })
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
        let action = FrameLengthLie { after: Sampler::Constant(20.0), says: Length::Huge, share: 1.0 };
        let hits = body_table(
            &rule(Action::FrameLengthLie(action)),
            &[
                ("long", true, 100, Some(BodyFault::Garbled { after: 20, how: Garble::TooLong })),
                ("short", true, 19, None),
                ("unary", false, 100, None),
            ],
        );
        assert_eq!((hits.rolled, hits.hit, hits.missed), (2, 1, 1));
    }
}
