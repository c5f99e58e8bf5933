//! The connection is reset after the request was read and before an answer begins.
//!
//! Imitates a machine that dies with a request in its hands: the work may have been done and billed, and the client cannot
//! know. It comes when the head would, or after `wait` where that is earlier. The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BodyFault, FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    units::{Share, Span},
};

/// The connection is reset after the request was read and before an answer begins.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResetBeforeHeadSpec {
    /// From the request on; when the head would come, when not given.
    pub wait: Option<Dist<Span>>,
    /// Share of attempts; all, when not given.
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct ResetBeforeHead {
    pub wait: Option<Sampler>,
    pub share: f64,
}

impl Settings for ResetBeforeHeadSpec {
    type Kind = ResetBeforeHead;
    const INFO: FaultInfo = FaultInfo {
        name: "reset_before_head",
        summary: "the connection is reset before an answer begins",
        stage: "body",
        quota: "kept",
        client_sees: "an input/output error that does not tell whether the work was done",
        in_simulation: "as said",
        on_the_wire: "a reset (RST) in place of the head",
        example: "reset_before_head: { share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ResetBeforeHead {
        ResetBeforeHead { wait: self.wait.as_ref().map(|wait| checks.dist("wait", wait)), share: checks.share(self.share) }
    }
}

impl Kind for ResetBeforeHead {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn body(&mut self, chosen: &Chosen, _: u32) -> Option<BodyFault> {
        Some(BodyFault::Lost { wait: self.wait.as_ref().map(|wait| wait.at(chosen.unit(0)) as Nanos) })
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
    fn every_answer_can_be_lost() {
        let action = ResetBeforeHead { wait: Some(Sampler::Constant(7.0)), share: 1.0 };
        let lost = || Some(BodyFault::Lost { wait: Some(7) });
        let table = [("stream", true, 100, lost()), ("empty", true, 0, lost()), ("unary", false, 100, lost())];
        body_table(&rule(Action::ResetBeforeHead(action)), &table);
    }
}
