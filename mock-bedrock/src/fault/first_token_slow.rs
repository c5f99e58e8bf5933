//! The first token comes late; the rest is as usual.
//!
//! Imitates cold paths: users report first tokens of about a minute on some calls after idle time, where two
//! seconds are usual. The delay is added to the time before the first token, after all factors; delays of
//! several rules add up. It counts for unary answers as well, which then come later as a whole. Quota stays
//! reserved that much longer.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, LatencyChange,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    units::{Share, Span},
};

/// The first token comes late.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstTokenSlowSpec {
    /// How much later.
    pub add: Dist<Span>,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct FirstTokenSlow {
    pub add: Sampler,
    pub share: f64,
}

impl Settings for FirstTokenSlowSpec {
    type Kind = FirstTokenSlow;
    const INFO: FaultInfo = FaultInfo {
        name: "first_token_slow",
        summary: "the first token comes late",
        stage: "latency",
        quota: "as without it, reserved for longer",
        client_sees: "a long silence before the answer",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "first_token_slow: { add: { log_normal: { p50: 5s, p99: 60s } }, share: 1% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> FirstTokenSlow {
        FirstTokenSlow { add: checks.dist("add", &self.add), share: checks.share(self.share) }
    }
}

impl Kind for FirstTokenSlow {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Latency, self.share)
    }

    fn latency(&mut self, chosen: &Chosen) -> Option<LatencyChange> {
        let first_token_add = self.add.at(chosen.unit(0)) as Nanos;
        Some(LatencyChange { first_token_add, ..LatencyChange::NONE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        latency_scale::LatencyScale,
        testing::{CALL, faults, named, rule, subject},
    };

    #[test]
    fn its_share_of_first_tokens_comes_later_by_the_distribution() {
        let add = Sampler::Uniform { from: 1000.0, width: 1000.0 };
        let mut faults = faults([rule(Action::FirstTokenSlow(FirstTokenSlow { add, share: 0.1 }))]);
        let added: Vec<Nanos> = (0..10_000)
            .map(|n| faults.latency(CALL, &subject(n)).first_token_add)
            .filter(|add| *add > 0)
            .collect();
        assert!((850..1150).contains(&added.len()), "{} of 10,000", added.len());
        assert!(added.iter().all(|add| (1000..=2000).contains(add)));
        let mean = added.iter().sum::<Nanos>() / added.len() as Nanos;
        assert!((1450..1550).contains(&mean), "mean {mean}");
    }

    #[test]
    fn delays_add_up_and_leave_factors_alone() {
        let slow = |name, add| {
            named(name, Action::FirstTokenSlow(FirstTokenSlow { add: Sampler::Constant(add), share: 1.0 }))
        };
        let scale = LatencyScale { network: 1.0, prefill: 3.0, decode: 1.0, share: 1.0 };
        let mut faults = faults([slow("a", 5.0), named("b", Action::LatencyScale(scale)), slow("c", 7.0)]);
        let change = faults.latency(CALL, &subject(1));
        assert_eq!((change.prefill, change.first_token_add), (3.0, 12));
    }
}
