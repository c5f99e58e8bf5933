//! Packets to the endpoint vanish: nothing ever answers the first one.
//!
//! Imitates a broken route, a firewall that drops, or an address that no machine has. What it costs is the client's own
//! limit on connecting; without one it waits for as long as its system tries. Nothing reaches the service, so no quota
//! is consumed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, NetworkFault,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{units::Share};

/// Packets to the endpoint vanish.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ConnectBlackholeSpec {
    /// Share of attempts; all, when not given.
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct ConnectBlackhole {
    pub share: f64,
}

impl Settings for ConnectBlackholeSpec {
    type Kind = ConnectBlackhole;
    const INFO: FaultInfo = FaultInfo {
        name: "connect_blackhole",
        summary: "packets to the endpoint vanish",
        stage: "network",
        quota: "none",
        client_sees: "its own limit on connecting",
        in_simulation: "silence until the limit on connecting",
        on_the_wire: "an open connection without an answer: this server has to read a request to know whose it is",
        example: "connect_blackhole: { share: 20% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ConnectBlackhole {
        ConnectBlackhole { share: checks.share(self.share) }
    }
}

impl Kind for ConnectBlackhole {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Network, self.share)
    }

    fn network(&mut self, _: &Chosen) -> Option<NetworkFault> {
        Some(NetworkFault::Blackhole)
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
    fn its_share_of_attempts_is_never_answered() {
        let mut faults = faults([rule(Action::ConnectBlackhole(ConnectBlackhole { share: 0.25 }))]);
        let lost = (0..4000)
            .filter(|n| faults.network(CALL, &subject(*n)) == Some(NetworkFault::Blackhole))
            .count();
        assert!((900..1100).contains(&lost), "{lost} of 4000");
    }
}
