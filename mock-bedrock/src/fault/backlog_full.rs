//! The endpoint takes connections at a limited rate, and its queue for the others is short.
//!
//! Imitates an accept queue that overflows in a spike, as under `netstat -s` "listen queue of a socket overflowed". A
//! connection waits for its turn. One that finds the queue full is not answered; the client's system tries again after
//! 1 s, then 2 s, 4 s and so on, by when there may be room. So its delays depend on the load: a mixture of none,
//! short ones, and whole seconds. A client that gives up before sees a timeout, and then no quota is consumed. Every attempt
//! counts as a connection.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{Nanos, units::Rate, world::RegionId};

/// The endpoint takes connections at a limited rate.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BacklogFullSpec {
    /// How many it takes.
    pub accepts: Rate,
    /// How many may wait.
    #[serde(default = "usual_queue")]
    pub queue: u32,
}

/// As many as some systems have it.
const fn usual_queue() -> u32 {
    128
}

/// When a system first tries again to connect; then after twice as long each time.
const RETRY: f64 = 1e9;
/// Nobody tries for longer.
const TRIED_MAX: f64 = 127e9;

#[derive(Debug, Clone)]
pub(super) struct BacklogFull {
    /// Between two connections.
    pub every: f64,
    pub queue: u32,
    /// When each Region's endpoint has taken all that wait.
    pub busy_until: Vec<(RegionId, f64)>,
}

impl BacklogFull {
    fn of(&mut self, region: RegionId) -> &mut f64 {
        let place = self.busy_until.iter().position(|(known, _)| *known == region).unwrap_or_else(|| {
            self.busy_until.push((region, 0.0));
            self.busy_until.len() - 1
        });
        &mut self.busy_until[place].1
    }
}

impl Settings for BacklogFullSpec {
    type Kind = BacklogFull;
    const INFO: FaultInfo = FaultInfo {
        name: "backlog_full",
        summary: "the endpoint takes connections at a limited rate",
        stage: "connect",
        quota: "as without it; none if the client gives up on connecting",
        client_sees: "slow connections and connect timeouts, the more of them the higher the load",
        in_simulation: "as said; every attempt counts as a connection",
        on_the_wire: "the wait comes before the answer; the connection stands already",
        example: "backlog_full: { accepts: 5/s, queue: 16 }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> BacklogFull {
        if self.accepts.per_second() <= 0.0 {
            checks.problem(&["accepts"], "takes no connections at all", "write such as 20/s, or connect_blackhole");
        }
        BacklogFull { every: 1e9 / self.accepts.per_second(), queue: self.queue, busy_until: Vec::new()  }
    }
}

impl Kind for BacklogFull {
    fn nature(&self) -> Nature {
        Nature::at(Stage::Connect)
    }

    fn connect(&mut self, chosen: &Chosen) -> Option<Nanos> {
        if chosen.again {
            return None;
        }
        let (every, room) = (self.every, self.every * f64::from(self.queue));
        let busy_until = self.of(chosen.subject.region);
        let now = chosen.now as f64;
        // What is tried again later is taken out of its turn: the queue is told only of those who wait in it.
        let mut tried = 0.0;
        let mut pause = RETRY;
        while *busy_until - (now + tried) > room && tried < TRIED_MAX {
            tried += pause;
            pause *= 2.0;
        }
        let wait = tried + (*busy_until - (now + tried)).max(0.0);
        if tried == 0.0 {
            *busy_until = busy_until.max(now) + every;
        }
        (wait > 0.0).then_some(wait as Nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, Faults, NetworkFault, Subject,
        testing::{CALL, SECOND, faults, rule, subject},
    };

    fn delays(faults: &mut Faults, at: Nanos, n: u64, region: RegionId) -> Vec<u64> {
        let delay = |n| match faults.network(at, &Subject { region, ..subject(n) }) {
            Some(NetworkFault::Slow(delay)) => delay / (SECOND / 10),
            _ => 0,
        };
        (0..n).map(delay).collect()
    }

    #[test]
    fn connections_queue_and_those_without_room_try_again_after_whole_seconds() {
        let kind = BacklogFull { every: 1e8, queue: 3, busy_until: Vec::new() };
        let mut faults = faults([rule(Action::BacklogFull(kind))]);
        assert_eq!(delays(&mut faults, CALL, 7, RegionId(0)), [0, 1, 2, 3, 10, 10, 10], "in tenths of a second");
        assert_eq!(delays(&mut faults, CALL, 2, RegionId(1)), [0, 1], "each endpoint has its own queue");
        assert_eq!(delays(&mut faults, CALL + 9 * SECOND, 1, RegionId(0)), [0], "it has been emptied");
    }
}
