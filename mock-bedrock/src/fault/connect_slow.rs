//! Connections take longer to come about.
//!
//! Imitates a full accept queue or a bad path between networks, which a spike of new connections meets first.
//! The time goes into the connection, before anything is sent; a client that gives up on connecting early
//! sees a timeout, and then no quota is consumed. Delays of several rules add up; a refused connection is not
//! delayed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    units::{Share, Span},
};

/// Connections take longer to come about.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectSlowSpec {
    pub delay: Dist<Span>,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct ConnectSlow {
    pub delay: Sampler,
    pub share: f64,
}

impl Settings for ConnectSlowSpec {
    type Kind = ConnectSlow;
    const INFO: FaultInfo = FaultInfo {
        name: "connect_slow",
        summary: "connections take longer to come about",
        stage: "connect",
        quota: "as without it; none if the client gives up on connecting",
        client_sees: "a longer wait for everything, or a connect timeout",
        in_simulation: "the wait is part of connecting",
        on_the_wire: "the wait comes before the answer; the connection stands already",
        example: "connect_slow: { delay: { log_normal: { p50: 200ms, p99: 2s } } }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ConnectSlow {
        ConnectSlow { delay: checks.dist("delay", &self.delay), share: checks.share(self.share) }
    }
}

impl Kind for ConnectSlow {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Connect, self.share)
    }

    fn connect(&mut self, chosen: &Chosen) -> Option<Nanos> {
        Some(self.delay.at(chosen.unit(0)) as Nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, NetworkFault,
        connect_refused::ConnectRefused,
        testing::{CALL, faults, named, subject},
    };

    fn slow(name: &str, delay: f64) -> crate::fault::FaultRule {
        named(name, Action::ConnectSlow(ConnectSlow { delay: Sampler::Constant(delay), share: 1.0 }))
    }

    #[test]
    fn delays_of_several_rules_add_up() {
        let mut faults = faults([slow("a", 30.0), slow("b", 12.0)]);
        assert_eq!(faults.network(CALL, &subject(1)), Some(NetworkFault::Slow(42)));
        assert!(faults.hits().all(|(_, hits)| hits.hit == 1));
    }

    #[test]
    fn a_refusal_wins_over_a_delay_that_is_written_before_it() {
        let refused = named("refused", Action::ConnectRefused(ConnectRefused { share: 1.0 }));
        let mut faults = faults([slow("a", 30.0), refused]);
        assert_eq!(faults.network(CALL, &subject(1)), Some(NetworkFault::Refuse));
        assert_eq!(faults.hits().map(|(_, hits)| hits.rolled).collect::<Vec<_>>(), [0, 1]);
    }
}
