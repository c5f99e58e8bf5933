//! The endpoint's name is not resolved, or to an address that is of no use.
//!
//! Imitates failures of a resolver, which come before any connection. `nxdomain` and `servfail` are told at once,
//! `timeout` costs the client's limit on connecting, `slow` makes everything begin later by `delay`, and behind the address
//! of `stale` nobody listens any more. Names are resolved on the client's machine, where no server reaches: only
//! the simulation can show it. No quota is consumed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, NetworkFault, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    units::{Share, Span},
};

/// The endpoint's name is not resolved, or to an address that is of no use.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DnsSpec {
    pub mode: DnsMode,
    /// How much longer it takes; for `slow` alone.
    #[serde(default)]
    pub delay: Option<Dist<Span>>,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DnsMode {
    /// There is no such name.
    Nxdomain,
    /// The resolver cannot tell.
    Servfail,
    /// The resolver does not answer.
    Timeout,
    /// The resolver takes its time.
    Slow,
    /// An address that is no longer anybody's.
    Stale,
}

#[derive(Debug, Clone)]
pub(super) struct Dns {
    pub mode: DnsMode,
    pub delay: Option<Sampler>,
    pub share: f64,
}

impl Settings for DnsSpec {
    type Kind = Dns;
    const INFO: FaultInfo = FaultInfo {
        name: "dns",
        summary: "the endpoint's name is not resolved, or wrongly",
        stage: "network; connect when slow",
        quota: "none",
        client_sees: "an input/output error, or its own limit on connecting",
        in_simulation: "as said",
        on_the_wire: "cannot be shown: names are resolved on the client's machine",
        example: "dns: { mode: nxdomain, share: 20% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> Dns {
        if (self.mode == DnsMode::Slow) != self.delay.is_some() {
            checks.problem(&["delay"], "belongs to `mode: slow`, which needs it", "write { mode: slow, delay: 2s }");
        }
        Dns { mode: self.mode, delay: self.delay.as_ref().map(|delay| checks.dist("delay", delay)), share: checks.share(self.share) }
    }
}

impl Kind for Dns {
    fn nature(&self) -> Nature {
        let stage = if self.mode == DnsMode::Slow { Stage::Connect } else { Stage::Network };
        Nature::by_chance(stage, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InSimulation
    }

    fn network(&mut self, _: &Chosen) -> Option<NetworkFault> {
        match self.mode {
            DnsMode::Nxdomain | DnsMode::Servfail | DnsMode::Stale => Some(NetworkFault::Refuse),
            DnsMode::Timeout => Some(NetworkFault::Blackhole),
            DnsMode::Slow => None,
        }
    }

    fn connect(&mut self, chosen: &Chosen) -> Option<Nanos> {
        self.delay.as_ref().map(|delay| delay.at(chosen.unit(0)) as Nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, Ground,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn each_mode_fails_in_its_own_way_and_none_on_the_wire() {
        for (mode, fault) in [
            (DnsMode::Nxdomain, NetworkFault::Refuse),
            (DnsMode::Servfail, NetworkFault::Refuse),
            (DnsMode::Stale, NetworkFault::Refuse),
            (DnsMode::Timeout, NetworkFault::Blackhole),
            (DnsMode::Slow, NetworkFault::Slow(7)),
        ] {
            let delay = (mode == DnsMode::Slow).then_some(Sampler::Constant(7.0));
            let rule = rule(Action::Dns(Dns { mode, delay, share: 1.0 }));
            assert!(rule.obstacle(Ground::Wire { tls: true }).is_some());
            assert_eq!(faults([rule]).network(CALL, &subject(1)), Some(fault), "{mode:?}");
        }
    }
}
