//! A stream ends cleanly in the middle, without its end mark.
//!
//! Imitates a body that a proxy or a dying process closes in good order. Both SDKs then end the stream
//! without an error, so that a naive client takes half an answer for a whole one; only the missing
//! `messageStop` tells. After `after` tokens the body ends; an answer with fewer is missed, one with exactly
//! as many lacks only the mark. Unary calls are not rolled: their length is announced. The quota is kept.

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
    units::{Share, Tokens},
};

/// A stream ends cleanly in the middle, without its end mark.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EofMidStreamSpec {
    /// How many tokens come first.
    pub after: Dist<Tokens>,
    /// Share of streams; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct EofMidStream {
    pub after: Sampler,
    pub share: f64,
}

impl Settings for EofMidStreamSpec {
    type Kind = EofMidStream;
    const INFO: FaultInfo = FaultInfo {
        name: "eof_mid_stream",
        summary: "a stream ends cleanly without its end mark",
        stage: "body",
        quota: "kept",
        client_sees: "a short answer that looks whole unless it misses the end mark",
        in_simulation: "as said",
        on_the_wire: "the body's proper end behind the last token",
        example: "eof_mid_stream: { after: 20, share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> EofMidStream {
        EofMidStream { after: checks.dist("after", &self.after), share: checks.share(self.share) }
    }
}

impl Kind for EofMidStream {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        subject.operation.streams()
    }

    fn body(&mut self, chosen: &Chosen, tokens: u32) -> Option<BodyFault> {
        chosen.position(&self.after, tokens).map(|after| BodyFault::Eof { after })
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
    fn streams_long_enough_end_early_and_unary_calls_are_not_rolled() {
        let action = EofMidStream { after: Sampler::Constant(20.0), share: 1.0 };
        let hits = body_table(
            &rule(Action::EofMidStream(action)),
            &[
                ("long", true, 100, Some(BodyFault::Eof { after: 20 })),
                ("just", true, 20, Some(BodyFault::Eof { after: 20 })),
                ("short", true, 19, None),
                ("unary", false, 100, None),
            ],
        );
        assert_eq!((hits.rolled, hits.hit, hits.missed), (3, 2, 1));
    }
}
