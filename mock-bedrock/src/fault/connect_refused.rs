//! The endpoint refuses connections: a reset answers the first packet.
//!
//! Imitates an endpoint whose machines are up but do not listen, as in the first minutes of a regional outage
//! or behind a stale address. The client fails within about one round trip. Nothing reaches the service, so
//! no quota is consumed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, NetworkFault,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::units::Share;

/// The endpoint refuses connections.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectRefusedSpec {
    /// Share of attempts; all, when not given.
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct ConnectRefused {
    pub share: f64,
}

impl Settings for ConnectRefusedSpec {
    type Kind = ConnectRefused;
    const INFO: FaultInfo = FaultInfo {
        name: "connect_refused",
        summary: "the endpoint refuses connections",
        stage: "network",
        quota: "none",
        client_sees: "an input/output error within one round trip",
        in_simulation: "an input/output error after a round trip, before anything was sent",
        on_the_wire: "a reset before any answer: this server has to accept and read a request to know whose it is",
        example: "connect_refused: { share: 20% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ConnectRefused {
        ConnectRefused { share: checks.share(self.share) }
    }
}

impl Kind for ConnectRefused {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Network, self.share)
    }

    fn network(&mut self, _: &Chosen) -> Option<NetworkFault> {
        Some(NetworkFault::Refuse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn its_share_of_attempts_is_refused() {
        let mut faults = faults([rule(Action::ConnectRefused(ConnectRefused { share: 0.25 }))]);
        let refused =
            (0..4000).filter(|n| faults.network(CALL, &subject(*n)) == Some(NetworkFault::Refuse)).count();
        assert!((900..1100).contains(&refused), "{refused} of 4000");
    }
}
