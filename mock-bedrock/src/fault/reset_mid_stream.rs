//! The connection is reset in the middle of an answer.
//!
//! Imitates a machine or a load balancer that dies while it answers. A stream breaks after `after` tokens,
//! and the client sees an input/output error after partial text; a stream with fewer tokens is missed. A
//! unary call has no middle that a client could see: its connection is reset instead of the body, whatever
//! its length. The work was done, so the quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BodyFault, FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    dist::{Dist, Sampler},
    units::{Share, Tokens},
};

/// The connection is reset in the middle of an answer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetMidStreamSpec {
    /// How many tokens of a stream come first.
    pub after: Dist<Tokens>,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct ResetMidStream {
    pub after: Sampler,
    pub share: f64,
}

impl Settings for ResetMidStreamSpec {
    type Kind = ResetMidStream;
    const INFO: FaultInfo = FaultInfo {
        name: "reset_mid_stream",
        summary: "the connection is reset in the middle of an answer",
        stage: "body",
        quota: "kept",
        client_sees: "an input/output error, for streams after partial text",
        in_simulation: "as said",
        on_the_wire: "a reset (RST) behind the last token",
        example: "reset_mid_stream: { after: 20, share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ResetMidStream {
        ResetMidStream { after: checks.dist("after", &self.after), share: checks.share(self.share) }
    }
}

impl Kind for ResetMidStream {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn body(&mut self, chosen: &Chosen, tokens: u32) -> Option<BodyFault> {
        if !chosen.subject.operation.streams() {
            return Some(BodyFault::Reset { after: 0 });
        }
        chosen.position(&self.after, tokens).map(|after| BodyFault::Reset { after })
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
    fn streams_break_after_their_tokens_and_unary_calls_as_a_whole() {
        let action = ResetMidStream { after: Sampler::Constant(20.0), share: 1.0 };
        let hits = body_table(
            &rule(Action::ResetMidStream(action)),
            &[
                ("long", true, 100, Some(BodyFault::Reset { after: 20 })),
                ("short", true, 19, None),
                ("unary", false, 5, Some(BodyFault::Reset { after: 0 })),
            ],
        );
        assert_eq!((hits.rolled, hits.hit, hits.missed), (3, 2, 1));
    }
}
