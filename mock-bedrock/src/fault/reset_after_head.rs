//! The connection is reset right behind the head of an answer.
//!
//! Imitates a machine or load balancer that dies at the worst moment: status 200 has come, and then nothing. Counts by status
//! call it a success. A client meets it at its first read of the body. The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BodyFault, FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{units::Share};

/// The connection is reset right behind the head.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResetAfterHeadSpec {
    /// Share of attempts; all, when not given.
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct ResetAfterHead {
    pub share: f64,
}

impl Settings for ResetAfterHeadSpec {
    type Kind = ResetAfterHead;
    const INFO: FaultInfo = FaultInfo {
        name: "reset_after_head",
        summary: "the connection is reset right behind the head",
        stage: "body",
        quota: "kept",
        client_sees: "status 200, and an input/output error at the first read",
        in_simulation: "for a unary call a broken answer: its head has come",
        on_the_wire: "the head, and a reset (RST)",
        example: "reset_after_head: { share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ResetAfterHead {
        ResetAfterHead { share: checks.share(self.share) }
    }
}

impl Kind for ResetAfterHead {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn body(&mut self, _: &Chosen, _: u32) -> Option<BodyFault> {
        Some(BodyFault::Bare { reset: true })
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
        let bare = || Some(BodyFault::Bare { reset: true });
        let table = [("stream", true, 100, bare()), ("empty", true, 0, bare()), ("unary", false, 100, bare())];
        body_table(&rule(Action::ResetAfterHead(ResetAfterHead { share: 1.0 })), &table);
    }
}
