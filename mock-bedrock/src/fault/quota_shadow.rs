//! Another team eats the same quota.
//!
//! Imitates a noisy neighbour inside the account: all inference APIs and all callers of an account share a
//! pool, so throttles come that one's own counters do not explain. `on` selects pools by Region (the source
//! Region of a profile) and model. The others ask evenly at these rates, scaled by the envelope, and get no
//! more than there is: they are throttled like everybody. A pool lives on while no call of ours looks at it,
//! refills and others' takings alternating. Several rules on one pool add up. Every call that asks a pool
//! while others use it is a hit.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, PoolKind,
    kind::{Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{units::Rate, world::PoolId};

/// Another team eats the same quota.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaShadowSpec {
    /// Requests of the others.
    pub requests: Option<Rate>,
    /// Quota tokens of the others.
    pub tokens: Option<Rate>,
    /// Only pools of this kind.
    pub pool: Option<PoolKind>,
}

#[derive(Debug, Clone)]
pub(super) struct QuotaShadow {
    pub requests_per_second: f64,
    pub tokens_per_second: f64,
    pub pools: Vec<PoolId>,
}

impl Settings for QuotaShadowSpec {
    type Kind = QuotaShadow;
    const INFO: FaultInfo = FaultInfo {
        name: "quota_shadow",
        summary: "another team eats the same quota",
        stage: "quota",
        quota: "none when throttled",
        client_sees: "ThrottlingExceptions (429) that its own traffic does not explain",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "quota_shadow: { requests: 200/min, tokens: 100k/min }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> QuotaShadow {
        let per_second = |rate: Option<Rate>| rate.map_or(0.0, Rate::per_second);
        let (requests, tokens) = (per_second(self.requests), per_second(self.tokens));
        if requests <= 0.0 && tokens <= 0.0 {
            checks.problem(
                &[],
                "takes nothing",
                "write such as requests: 200/min, tokens: 100k/min, or both",
            );
        }
        QuotaShadow {
            requests_per_second: requests,
            tokens_per_second: tokens,
            pools: checks.pools(self.pool),
        }
    }
}

impl Kind for QuotaShadow {
    fn nature(&self) -> Nature {
        Nature { scales: true, ..Nature::at(Stage::Shadow) }
    }

    fn pools(&self) -> &[PoolId] {
        &self.pools
    }

    fn shadow_rates(&self) -> (f64, f64) {
        (self.requests_per_second, self.tokens_per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Nanos,
        fault::{
            Action, FaultRule, Faults,
            flap::Pattern,
            rule::envelope::Envelope,
            testing::{CALL, FROM, SECOND, TO, faults, named, not_begun, rule},
        },
    };

    fn shadow() -> QuotaShadow {
        QuotaShadow { requests_per_second: 2.0, tokens_per_second: 100.0, pools: vec![PoolId(0), PoolId(1)] }
    }

    fn told(faults: &mut Faults, now: Nanos, pool: u16) -> (f64, f64) {
        let told = faults.shadow(now, PoolId(pool));
        faults.advance(now);
        told
    }

    fn close(got: f64, want: f64) -> bool {
        (got - want).abs() < 1e-6
    }

    #[test]
    fn each_pool_is_told_once_what_was_taken_since_it_was_last_asked() {
        let mut faults = faults([rule(Action::QuotaShadow(shadow()))]);
        for (at, pool, want) in
            [(0, 0, 0.0), (10, 0, 20.0), (10, 0, 0.0), (15, 0, 10.0), (15, 1, 30.0), (15, 2, 0.0)]
        {
            let (requests, tokens) = told(&mut faults, FROM + at * SECOND, pool);
            assert!(
                close(requests, want) && close(tokens, 50.0 * want),
                "pool {pool} after {at} s: {requests}"
            );
        }
    }

    #[test]
    fn at_the_end_of_the_window_the_rest_is_told_and_then_nothing() {
        let mut faults = faults([rule(Action::QuotaShadow(shadow()))]);
        told(&mut faults, TO - 10 * SECOND, 0);
        assert!(close(told(&mut faults, TO, 0).0, 20.0));
        assert!(faults.quiet());
        assert_eq!(told(&mut faults, TO + 10 * SECOND, 0), (0.0, 0.0));
    }

    #[test]
    fn while_it_lasts_there_is_an_edge_every_second() {
        let mut faults = not_begun([rule(Action::QuotaShadow(shadow()))]);
        let mut edges = Vec::new();
        while let Some(edge) = faults.edge(2 * TO) {
            faults.advance(edge);
            edges.push(edge);
        }
        let want: Vec<Nanos> =
            [0].into_iter().chain((FROM / SECOND..=TO / SECOND).map(|s| s * SECOND)).collect();
        assert_eq!(edges, want);
    }

    #[test]
    fn only_calls_that_ask_a_pool_in_use_are_hits() {
        let mut faults = faults([rule(Action::QuotaShadow(shadow()))]);
        told(&mut faults, CALL, 0);
        faults.pool_asked(CALL, PoolId(0));
        faults.pool_asked(CALL, PoolId(2));
        faults.advance(TO);
        faults.pool_asked(TO, PoolId(0));
        assert_eq!(faults.hits().next().expect("one rule").1.hit, 1);
    }

    #[test]
    fn rules_add_up_where_their_windows_overlap() {
        let [a, b] = ["a", "b"].map(|name| named(name, Action::QuotaShadow(shadow())));
        let mut faults = faults([a, FaultRule { from: CALL, ..b }]);
        let (requests, _) = told(&mut faults, CALL + 10 * SECOND, 0);
        assert!(close(requests, 2.0 * 60.0 + 2.0 * 10.0), "{requests}");
    }

    #[test]
    fn the_envelope_and_a_flap_scale_what_is_taken() {
        let mut ramp = rule(Action::QuotaShadow(shadow()));
        ramp.envelope = Envelope::Ramp { from: 0.0, to: 1.0, over: TO - FROM };
        let mut flap = rule(Action::QuotaShadow(shadow()));
        flap.flap = Some(Pattern { every: 20 * SECOND, on: 5 * SECOND, late: 0.0, key: 1 });
        for (rule, share) in [(ramp, 0.5), (flap, 0.25)] {
            let (requests, _) = told(&mut faults([rule]), TO, 0);
            assert!(close(requests, 200.0 * share), "{requests}, not {share} of 200");
        }
    }
}
