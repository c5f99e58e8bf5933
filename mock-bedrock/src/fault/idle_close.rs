//! The endpoint closes a connection that was idle, while the client is sending on it.
//!
//! Imitates load balancers and NAT gateways that forget connections (350 s on AWS's) or servers with a shorter patience than
//! their clients: the end and the next request cross on the way. The client has sent a request and gets a reset; whether
//! its HTTP layer sends it again by itself differs. A call is struck when its connection was idle for `after`; the first
//! one on a connection never is. Nothing was done, no quota is consumed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, NetworkFault, Subject,
    kind::{Chosen, Kind, Nature, Place, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    units::{Share, Span},
    world::RegionId,
};

/// The endpoint closes a connection that was idle, while the client is sending on it.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdleCloseSpec {
    /// How long a connection must have been idle.
    pub after: Span,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct IdleClose {
    pub after: Nanos,
    /// When each Region's endpoint was last called, for want of connections.
    pub called: Vec<(RegionId, Nanos)>,
    pub share: f64,
}

impl IdleClose {
    fn since_last_call(&mut self, now: Nanos, region: RegionId) -> Option<Nanos> {
        match self.called.iter_mut().find(|(known, _)| *known == region) {
            Some((_, last)) => Some(now.saturating_sub(std::mem::replace(last, now))),
            None => {
                self.called.push((region, now));
                None
            }
        }
    }
}

impl Settings for IdleCloseSpec {
    type Kind = IdleClose;
    const INFO: FaultInfo = FaultInfo {
        name: "idle_close",
        summary: "an idle connection is closed under the next request",
        stage: "network",
        quota: "none",
        client_sees: "a reset instead of an answer, unless its HTTP layer sends again by itself",
        in_simulation: "the time since the last call to the Region stands for that of a connection",
        on_the_wire: "a reset (RST) as soon as the request has come",
        example: "idle_close: { after: 5s, share: 50% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> IdleClose {
        IdleClose { after: self.after.0, called: Vec::new(), share: checks.share(self.share) }
    }
}

impl Kind for IdleClose {
    fn nature(&self) -> Nature {
        Nature { place: Place::Endpoint, ..Nature::by_chance(Stage::Network, self.share) }
    }

    fn concerns(&mut self, now: Nanos, subject: &Subject) -> bool {
        let idle = match subject.line {
            Some(line) => line.idle,
            None => self.since_last_call(now, subject.region),
        };
        idle.is_some_and(|idle| idle >= self.after)
    }

    fn network(&mut self, _: &Chosen) -> Option<NetworkFault> {
        Some(NetworkFault::Reset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::Line,
        fault::{
            Action,
            testing::{CALL, SECOND, faults, rule, subject},
        },
    };

    fn close() -> crate::fault::FaultRule {
        rule(Action::IdleClose(IdleClose { after: 5 * SECOND, called: Vec::new(), share: 1.0 }))
    }

    #[test]
    fn a_connection_that_was_idle_for_long_is_reset_and_a_new_one_never() {
        let mut faults = faults([close()]);
        for (n, (idle, reset)) in (0..).zip([(None, false), (Some(4), false), (Some(5), true)]) {
            let line = Some(Line { age: 99 * SECOND, idle: idle.map(|idle: u64| idle * SECOND) });
            let struck = faults.network(CALL, &Subject { line, ..subject(n) });
            assert_eq!(struck, reset.then_some(NetworkFault::Reset), "{idle:?}");
        }
    }

    #[test]
    fn without_connections_the_last_call_to_the_region_tells() {
        let mut faults = faults([close()]);
        for (n, (after, region, reset)) in
            (0..).zip([(0, 0, false), (4, 0, false), (9, 0, true), (9, 1, false), (9, 0, false), (14, 0, true)])
        {
            let call = Subject { region: RegionId(region), ..subject(n) };
            let struck = faults.network(CALL + after * SECOND, &call);
            assert_eq!(struck.is_some(), reset, "{after} s, Region {region}");
        }
    }
}
