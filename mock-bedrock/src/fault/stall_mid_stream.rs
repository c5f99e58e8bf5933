//! A stream falls silent and stays open.
//!
//! Imitates streams that users report as hanging: the connection lives, no bytes come, and neither SDK ends
//! the wait by itself. After `after` tokens there is silence for `for`, then the rest comes as before;
//! without `for` it never does. An answer with fewer tokens is missed; one with exactly as many lacks only
//! its end mark. Unary calls are not rolled. The quota is kept.

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
    units::{Share, Span, Tokens},
};

/// A stream falls silent and stays open.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StallMidStreamSpec {
    /// How many tokens come first.
    pub after: Dist<Tokens>,
    /// How long the silence lasts; for ever, when not given.
    #[serde(default, rename = "for")]
    pub silence: Option<Dist<Span>>,
    /// Share of streams; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct StallMidStream {
    pub after: Sampler,
    pub silence: Option<Sampler>,
    pub share: f64,
}

impl Settings for StallMidStreamSpec {
    type Kind = StallMidStream;
    const INFO: FaultInfo = FaultInfo {
        name: "stall_mid_stream",
        summary: "a stream falls silent for a time or for ever",
        stage: "body",
        quota: "kept",
        client_sees: "an open connection without bytes; it hangs unless it keeps its own watch",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "stall_mid_stream: { after: 20, for: 30s, share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> StallMidStream {
        StallMidStream {
            after: checks.dist("after", &self.after),
            silence: self.silence.as_ref().map(|silence| checks.dist("for", silence)),
            share: checks.share(self.share),
        }
    }
}

impl Kind for StallMidStream {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        subject.operation.streams()
    }

    fn body(&mut self, chosen: &Chosen, tokens: u32) -> Option<BodyFault> {
        let silence = self.silence.as_ref().map(|silence| silence.at(chosen.unit(1)) as Nanos);
        chosen.position(&self.after, tokens).map(|after| BodyFault::Stall { after, silence })
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
    fn streams_long_enough_stall_and_unary_calls_do_not() {
        for silence in [None, Some(30)] {
            let sampler = silence.map(|silence: Nanos| Sampler::Constant(silence as f64));
            let action = StallMidStream { after: Sampler::Constant(20.0), silence: sampler, share: 1.0 };
            let stalled = Some(BodyFault::Stall { after: 20, silence });
            body_table(
                &rule(Action::StallMidStream(action)),
                &[
                    ("long", true, 100, stalled.clone()),
                    ("just", true, 20, stalled),
                    ("short", true, 19, None),
                ],
            );
        }
    }

    #[test]
    fn unary_calls_are_not_rolled() {
        let action = StallMidStream { after: Sampler::Constant(0.0), silence: None, share: 1.0 };
        let hits = body_table(&rule(Action::StallMidStream(action)), &[("unary", false, 100, None)]);
        assert_eq!(hits.rolled, 0);
    }
}
