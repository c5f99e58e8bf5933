//! The usage that an answer reports is wrong.
//!
//! Imitates token counts that disagree with the text, as relays and new model versions bring them: routers
//! that budget by reported usage then plan with wrong numbers, while the service counts right. All reported
//! counts are multiplied by the factor; 0 reports nothing at all. The quota is settled by the true counts.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::units::Share;

/// The usage that an answer reports is wrong.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageWrongSpec {
    /// On every reported count; 0 reports zeros.
    pub factor: f64,
    /// Share of answers; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct UsageWrong {
    pub factor: f64,
    pub share: f64,
}

impl Settings for UsageWrongSpec {
    type Kind = UsageWrong;
    const INFO: FaultInfo = FaultInfo {
        name: "usage_wrong",
        summary: "the reported usage is wrong by a factor",
        stage: "usage",
        quota: "settled by the true counts",
        client_sees: "token counts that disagree with the text",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "usage_wrong: { factor: 0.5 }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> UsageWrong {
        let factor = self.factor;
        if !(factor.is_finite() && factor >= 0.0) || factor == 1.0 {
            let message = format!("a factor of {factor} does not make usage wrong");
            checks.problem(&["factor"], message, "write such as 0.5, 2, or 0 to report nothing");
        }
        UsageWrong { factor, share: checks.share(self.share) }
    }
}

impl Kind for UsageWrong {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Usage, self.share)
    }

    fn usage(&mut self, _: &Chosen) -> Option<f64> {
        Some(self.factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{CALL, faults, named, subject},
    };

    #[test]
    fn the_first_rule_that_hits_says_how_wrong() {
        let wrong = |name, factor| named(name, Action::UsageWrong(UsageWrong { factor, share: 1.0 }));
        let mut faults = faults([wrong("a", 0.5), wrong("b", 0.0)]);
        assert_eq!(faults.usage(CALL, &subject(1)), 0.5);
        let counts: Vec<_> = faults.hits().map(|(_, hits)| (hits.rolled, hits.hit, hits.missed)).collect();
        assert_eq!(counts, [(1, 1, 0), (1, 0, 1)]);
    }
}
