//! The TLS handshake takes longer.
//!
//! Imitates a terminator that is short of processors, which a spike of new connections meets first, while open
//! connections feel nothing. The time goes into the connection, before anything is sent; a client that gives up on connecting
//! early sees a timeout. A handshake knows the Region's endpoint and no call, so the selector can name Regions only.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, HandshakeFault, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    units::{Share, Span},
};

/// The TLS handshake takes longer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsSlowSpec {
    pub delay: Dist<Span>,
    /// Share of connections; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct TlsSlow {
    pub delay: Sampler,
    pub share: f64,
}

impl Settings for TlsSlowSpec {
    type Kind = TlsSlow;
    const INFO: FaultInfo = FaultInfo {
        name: "tls_slow",
        summary: "the TLS handshake takes longer",
        stage: "handshake",
        quota: "as without it; none if the client gives up on connecting",
        client_sees: "a longer wait on new connections, or a connect timeout",
        in_simulation: "every attempt counts as a connection",
        on_the_wire: "the answer to the client's hello comes late; only with --tls",
        example: "tls_slow: { delay: 500ms, share: 50% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> TlsSlow {
        TlsSlow { delay: checks.dist("delay", &self.delay), share: checks.share(self.share) }
    }
}

impl Kind for TlsSlow {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Handshake, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InHandshake
    }

    fn handshake(&mut self, chosen: &Chosen) -> Option<HandshakeFault> {
        Some(HandshakeFault::Slow(self.delay.at(chosen.unit(0)) as Nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, FaultRule, NetworkFault,
        connect_slow::ConnectSlow,
        testing::{CALL, faults, named, subject},
    };

    fn slow(name: &str, delay: f64) -> FaultRule {
        named(name, Action::TlsSlow(TlsSlow { delay: Sampler::Constant(delay), share: 1.0 }))
    }

    #[test]
    fn delays_add_up_and_with_those_of_connecting() {
        let mut faults = faults([
            slow("a", 30.0),
            slow("b", 12.0),
            named("c", Action::ConnectSlow(ConnectSlow { delay: Sampler::Constant(100.0), share: 1.0 })),
        ]);
        assert_eq!(faults.handshake(CALL, &subject(1)), Some(HandshakeFault::Slow(42)));
        assert_eq!(faults.network(CALL, &subject(2)), Some(NetworkFault::Slow(142)));
    }
}
