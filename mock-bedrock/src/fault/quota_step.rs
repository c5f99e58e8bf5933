//! A quota is raised or cut while traffic runs.
//!
//! Imitates quota changes by AWS (an increase that is granted, a default that is lowered) and the lower
//! limits of new accounts. `on` selects pools by Region (the source Region of a profile) and model. The
//! factor applies to requests and tokens of a pool alike, and to its burst; refusals are the ordinary
//! throttles of the limiter, which cost no quota. Several rules on one pool multiply. Every call that asks a
//! changed pool is a hit.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, PoolKind,
    kind::{Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{Nanos, units::Span, world::PoolId};

/// A quota is raised or cut: either once by `factor`, or in `steps`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaStepSpec {
    /// Such as 0.5 for half.
    pub factor: Option<f64>,
    /// Each lasts until the next begins; the quota is unchanged before the first.
    pub steps: Vec<StepSpec>,
    /// Only pools of this kind.
    pub pool: Option<PoolKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// Since the start of the window.
    pub after: Span,
    /// On the quota as the world has it, not as the step before left it.
    pub factor: f64,
}

#[derive(Debug, Clone)]
pub(super) struct QuotaStep {
    pub steps: Vec<(Nanos, f64)>,
    pub pools: Vec<PoolId>,
}

impl Settings for QuotaStepSpec {
    type Kind = QuotaStep;
    const INFO: FaultInfo = FaultInfo {
        name: "quota_step",
        summary: "a quota is raised or cut",
        stage: "quota",
        quota: "none when throttled",
        client_sees: "more or fewer ThrottlingExceptions (429)",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "quota_step: { factor: 0.5 }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> QuotaStep {
        let hint = "write factor: 0.5, or steps: [{ after: 0s, factor: 0.5 }, ..]";
        if self.factor.is_some() != self.steps.is_empty() {
            checks.problem(&[], "needs either `factor` or `steps`", hint);
        }
        if self.steps.windows(2).any(|two| two[0].after >= two[1].after) {
            checks.problem(
                &["steps"],
                "steps must be in the order of `after`",
                "sort them, and give each another time",
            );
        }
        let mut steps: Vec<(Nanos, f64)> = Vec::new();
        steps.extend(self.factor.map(|factor| (0, checks.factor(&["factor"], factor))));
        for (index, step) in self.steps.iter().enumerate() {
            let factor = checks.factor(&["steps", &index.to_string(), "factor"], step.factor);
            steps.push((step.after.0, factor));
        }
        QuotaStep { steps, pools: checks.pools(self.pool) }
    }
}

impl Kind for QuotaStep {
    fn nature(&self) -> Nature {
        Nature { scales: true, ..Nature::at(Stage::Quota) }
    }

    fn pools(&self) -> &[PoolId] {
        &self.pools
    }

    fn quota_factor(&self, since: Nanos, intensity: f64) -> f64 {
        let next = self.steps.partition_point(|(after, _)| *after <= since);
        let factor = next.checked_sub(1).map_or(1.0, |last| self.steps[last].1);
        1.0 + (factor - 1.0) * intensity
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, FaultRule,
        rule::envelope::Envelope,
        testing::{FROM, SECOND, TO, faults, named, not_begun},
    };

    fn step(name: &str, steps: &[(Nanos, f64)]) -> FaultRule {
        named(name, Action::QuotaStep(QuotaStep { steps: steps.to_vec(), pools: vec![PoolId(0)] }))
    }

    #[test]
    fn each_step_lasts_until_the_next_and_all_end_with_the_window() {
        let mut faults = not_begun([step("cut", &[(10 * SECOND, 0.5), (20 * SECOND, 0.25)])]);
        for (at, pool, factor) in [
            (FROM - 1, 0, 1.0),
            (FROM, 0, 1.0),
            (FROM + 10 * SECOND, 0, 0.5),
            (FROM + 10 * SECOND, 1, 1.0),
            (FROM + 20 * SECOND, 0, 0.25),
            (TO, 0, 1.0),
        ] {
            faults.advance(at);
            assert_eq!(faults.quota_factor(at, PoolId(pool)), factor, "pool {pool} at {at}");
            faults.pool_asked(at, PoolId(pool));
        }
        let hits = faults.hits().next().expect("one rule").1;
        assert_eq!(hits.hit, 2, "only calls that ask a changed pool are hits");
    }

    #[test]
    fn rules_on_one_pool_multiply() {
        let faults = faults([step("a", &[(0, 0.5)]), step("b", &[(0, 0.5)])]);
        assert_eq!(faults.quota_factor(FROM, PoolId(0)), 0.25);
    }

    #[test]
    fn the_envelope_scales_the_change() {
        let mut rule = step("cut", &[(0, 0.5)]);
        rule.envelope = Envelope::Steps(vec![(0, 0.5)]);
        let faults = faults([rule]);
        assert_eq!(faults.quota_factor(FROM, PoolId(0)), 0.75);
    }
}
