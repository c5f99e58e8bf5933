//! An answer ends in order right behind its head.
//!
//! Imitates a body that a proxy or a dying process closes before anything is in it. A stream is then empty and looks whole
//! to a naive client; of a unary answer the announced length never comes, which boto3 takes for an answer with nothing in
//! it. The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BodyFault, FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{units::Share};

/// An answer ends in order right behind its head.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EofAfterHeadSpec {
    /// Share of attempts; all, when not given.
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct EofAfterHead {
    pub share: f64,
}

impl Settings for EofAfterHeadSpec {
    type Kind = EofAfterHead;
    const INFO: FaultInfo = FaultInfo {
        name: "eof_after_head",
        summary: "an answer ends in order right behind its head",
        stage: "body",
        quota: "kept",
        client_sees: "an empty stream that looks whole; of a unary call a body that is too short",
        in_simulation: "a broken answer",
        on_the_wire: "the head, and the proper end of a stream's body, or of a unary call's connection",
        example: "eof_after_head: { share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> EofAfterHead {
        EofAfterHead { share: checks.share(self.share) }
    }
}

impl Kind for EofAfterHead {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn body(&mut self, _: &Chosen, _: u32) -> Option<BodyFault> {
        Some(BodyFault::Bare { reset: false })
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
    fn every_answer_can_end_there() {
        let bare = || Some(BodyFault::Bare { reset: false });
        let table = [("stream", true, 100, bare()), ("empty", true, 0, bare()), ("unary", false, 100, bare())];
        body_table(&rule(Action::EofAfterHead(EofAfterHead { share: 1.0 })), &table);
    }
}
