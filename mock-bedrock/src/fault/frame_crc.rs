//! A stream's frame has a checksum that does not fit.
//!
//! Imitates bytes that were changed on the way, or an encoder with a mistake. Each frame has two checksums, one over its first eight
//! bytes (`prelude`) and one over the whole (`message`). Decoders must stop; what they had read before has been handed on. It comes after
//! `after` tokens; a stream with fewer is missed. Unary calls are not rolled. The quota is kept.

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

/// A stream's frame has a checksum that does not fit.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FrameCrcSpec {
    /// How many tokens come first.
    pub after: Dist<Tokens>,
    #[serde(default)]
    pub of: Checksum,
    /// Share of streams; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    /// Over the lengths.
    Prelude,
    /// Over the whole frame.
    #[default]
    Message,
}

#[derive(Debug, Clone)]
pub(super) struct FrameCrc {
    pub after: Sampler,
    pub of: Checksum,
    pub share: f64,
}

impl Settings for FrameCrcSpec {
    type Kind = FrameCrc;
    const INFO: FaultInfo = FaultInfo {
        name: "frame_crc",
        summary: "a stream's frame has a wrong checksum",
        stage: "body",
        quota: "kept",
        client_sees: "an error of its decoder, after partial text",
        in_simulation: "a broken answer",
        on_the_wire: "one bit of the checksum turned over",
        example: "frame_crc: { after: 20, share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> FrameCrc {
        FrameCrc { after: checks.dist("after", &self.after), of: self.of, share: checks.share(self.share) }
    }
}

impl Kind for FrameCrc {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        subject.operation.streams()
    }

    fn body(&mut self, chosen: &Chosen, tokens: u32) -> Option<BodyFault> {
        let after = chosen.position(&self.after, tokens)?;
        let how = match self.of {
            Checksum::Prelude => Garble::PreludeChecksum,
            Checksum::Message => Garble::MessageChecksum,
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
        let action = FrameCrc { after: Sampler::Constant(20.0), of: Checksum::Prelude, share: 1.0 };
        let hits = body_table(
            &rule(Action::FrameCrc(action)),
            &[
                ("long", true, 100, Some(BodyFault::Garbled { after: 20, how: Garble::PreludeChecksum })),
                ("short", true, 19, None),
                ("unary", false, 100, None),
            ],
        );
        assert_eq!((hits.rolled, hits.hit, hits.missed), (2, 1, 1));
    }
}
