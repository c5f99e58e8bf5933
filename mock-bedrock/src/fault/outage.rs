//! A Region's endpoint is gone, in one of three ways.
//!
//! Imitates regional outages; AWS's post-event summaries tell of each way. The way is the point: a refusal is
//! known within a round trip, a black hole costs the client its whole timeout, and a 503 arrives like any
//! answer and invites retries. `refuse` and `blackhole` strike in the network stage, `unavailable` where
//! availability is checked. No quota is consumed. The selector means the Region that is called: a profile
//! whose source is elsewhere still sends calls to this Region unless `reroute_drain` takes it out as well.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, NetworkFault,
    kind::{Chosen, Kind, Nature, Place, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    exception::{Exception, ExceptionKind},
    units::Share,
};

/// A Region's endpoint is gone.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutageSpec {
    pub mode: OutageMode,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutageMode {
    /// Connections are refused at once.
    Refuse,
    /// Nothing ever comes back.
    Blackhole,
    /// ServiceUnavailableException, status 503.
    Unavailable,
}

#[derive(Debug, Clone)]
pub(super) struct Outage {
    pub mode: OutageMode,
    pub share: f64,
}

impl Settings for OutageSpec {
    type Kind = Outage;
    const INFO: FaultInfo = FaultInfo {
        name: "outage",
        summary: "a Region's endpoint is gone: refuse, blackhole or unavailable",
        stage: "network; availability when unavailable",
        quota: "none",
        client_sees: "an input/output error, its own timeout, or ServiceUnavailableException (503)",
        in_simulation: "as said",
        on_the_wire: "a refusal is a reset before any answer, a black hole an open connection without one",
        example: "outage: { mode: blackhole }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> Outage {
        Outage { mode: self.mode, share: checks.share(self.share) }
    }
}

impl Kind for Outage {
    fn nature(&self) -> Nature {
        let stage = match self.mode {
            OutageMode::Refuse | OutageMode::Blackhole => Stage::Network,
            OutageMode::Unavailable => Stage::Availability,
        };
        Nature { place: Place::Endpoint, ..Nature::by_chance(stage, self.share) }
    }

    fn network(&mut self, _: &Chosen) -> Option<NetworkFault> {
        match self.mode {
            OutageMode::Refuse => Some(NetworkFault::Refuse),
            OutageMode::Blackhole => Some(NetworkFault::Blackhole),
            OutageMode::Unavailable => None,
        }
    }

    fn exception(&mut self, _: &Chosen) -> Option<Exception> {
        Some(Exception::usual(ExceptionKind::ServiceUnavailableException))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fault::{
            Action, Subject,
            testing::{CALL, faults, rule, subject},
        },
        world::RegionId,
    };

    fn outage(mode: OutageMode) -> crate::fault::FaultRule {
        rule(Action::Outage(Outage { mode, share: 1.0 }))
    }

    #[test]
    fn each_mode_fails_in_its_own_way_and_stage() {
        let unavailable = Some(ExceptionKind::ServiceUnavailableException);
        for (mode, network, exception) in [
            (OutageMode::Refuse, Some(NetworkFault::Refuse), None),
            (OutageMode::Blackhole, Some(NetworkFault::Blackhole), None),
            (OutageMode::Unavailable, None, unavailable),
        ] {
            let mut faults = faults([outage(mode)]);
            assert_eq!(faults.network(CALL, &subject(1)), network, "{mode:?}");
            assert_eq!(faults.availability(CALL, &subject(1)).map(|e| e.kind), exception, "{mode:?}");
        }
    }

    #[test]
    fn it_means_the_region_that_is_called_and_not_the_one_that_serves() {
        let mut rule = outage(OutageMode::Unavailable);
        rule.selector.regions = vec![RegionId(1)];
        let mut faults = faults([rule]);
        let through = Subject { region: RegionId(0), serving: RegionId(1), ..subject(1) };
        let direct = Subject { region: RegionId(1), serving: RegionId(1), ..subject(2) };
        assert_eq!(faults.availability(CALL, &through), None);
        assert!(faults.availability(CALL, &direct).is_some());
    }
}
