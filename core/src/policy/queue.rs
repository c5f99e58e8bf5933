//! A bounded line in front of the targets: who finds no room waits for a turn, first come, first served, and those who
//! matter more before those who matter less.
//!
//! When the first in line has waited too long already, the newest goes first: if the rush outlasts the line, it is the one that
//! can still be served in time, and the oldest is late whatever is done. If the rush ends sooner, order would have served all:
//! `newest_first_after: 100%` keeps it.
//!
//! One of those who wait has the turn. It alone looks for room: when it gets the turn, when something changes, and when
//! it was told that there will be room. The others sleep.

use std::{collections::VecDeque, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use super::MILLISECOND;
use crate::{Nanos, flight::FlightId, quantity::Share, request::Priority, span};

pub const LENGTH_MAX: u32 = 10_000;
/// One flight looks at most this often during its wait, however much happens.
const LOOKS_MAX: u64 = 5_000;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QueueSpec {
    /// Requests that may wait at once; one more fails at once.
    #[serde(default = "hundred")]
    pub length: u32,
    /// The longest that one may wait.
    #[serde(default = "two_seconds", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub wait: Duration,
    /// The newest goes first while the oldest has waited more than this share of its time.
    #[serde(default = "half")]
    pub newest_first_after: Share,
}

fn hundred() -> u32 {
    100
}
fn two_seconds() -> Duration {
    Duration::from_secs(2)
}
fn half() -> Share {
    Share(0.5)
}

#[derive(Debug, Clone, Copy)]
struct Place {
    flight: FlightId,
    since: Nanos,
}

#[derive(Debug, Clone)]
pub struct Queue {
    length: usize,
    wait: Nanos,
    /// How long the oldest waits before the newest goes first.
    patience: Nanos,
    /// By priority; the oldest in front.
    lines: [VecDeque<Place>; Priority::ALL.len()],
    /// Who was last told of its turn, and when it last looked.
    turn: Option<(FlightId, Nanos)>,
    /// Whether something changed since then.
    stirred: bool,
}

impl Queue {
    pub fn new(spec: &QueueSpec) -> Queue {
        let length = spec.length.min(LENGTH_MAX) as usize;
        let wait = span::nanos(spec.wait);
        Queue {
            length,
            wait,
            patience: (wait as f64 * spec.newest_first_after.0) as Nanos,
            lines: std::array::from_fn(|_| VecDeque::with_capacity(length)),
            turn: None,
            stirred: false,
        }
    }

    pub fn len(&self) -> usize {
        self.lines.iter().map(VecDeque::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Until when a flight waits, if it does.
    pub fn waits_until(&self, flight: FlightId, priority: Priority) -> Option<Nanos> {
        let place = self.lines[priority as usize].iter().find(|place| place.flight == flight)?;
        Some(place.since.saturating_add(self.wait))
    }

    /// Whether one that came now would have the turn.
    pub fn goes_first(&self, priority: Priority, now: Nanos) -> bool {
        let (before, own) = (&self.lines[..priority as usize], &self.lines[priority as usize]);
        before.iter().all(VecDeque::is_empty) && (own.is_empty() || self.newest_first(own, now))
    }

    /// Whose turn it is.
    pub fn next(&self, now: Nanos) -> Option<FlightId> {
        let line = self.lines.iter().find(|line| !line.is_empty())?;
        let place = if self.newest_first(line, now) { line.back() } else { line.front() };
        place.map(|place| place.flight)
    }

    /// When the turn goes from the oldest to the newest, if that is to come.
    pub fn turns_at(&self, now: Nanos) -> Option<Nanos> {
        let oldest = self.lines.iter().find_map(VecDeque::front)?;
        let at = oldest.since.saturating_add(self.patience).saturating_add(1);
        (at > now).then_some(at)
    }

    /// A flight joins the line of its priority and has until then; `None` if there is no room for it.
    pub fn join(&mut self, flight: FlightId, priority: Priority, now: Nanos) -> Option<Nanos> {
        if self.len() >= self.length {
            return None;
        }
        self.lines[priority as usize].push_back(Place { flight, since: now });
        Some(now.saturating_add(self.wait))
    }

    /// The flight waits no longer; whether it did.
    pub fn leave(&mut self, flight: FlightId, priority: Priority) -> bool {
        let line = &mut self.lines[priority as usize];
        let Some(at) = line.iter().position(|place| place.flight == flight) else {
            return false;
        };
        line.remove(at);
        self.turn = self.turn.filter(|(turn, _)| *turn != flight);
        true
    }

    /// The one whose turn it is found no room.
    pub fn looked(&mut self, flight: FlightId, now: Nanos) {
        self.turn = Some((flight, now));
        self.stirred = false;
    }

    /// Something happened that may have made room.
    pub fn stir(&mut self) {
        self.stirred = true;
    }

    /// Who is to look for room before its time, and when: one that just got the turn, or that has it while something
    /// changed.
    pub fn call(&mut self, now: Nanos) -> Option<(FlightId, Nanos)> {
        let next = self.next(now)?;
        let at = match self.turn.filter(|(turn, _)| *turn == next) {
            None => now,
            Some(_) if !self.stirred => return None,
            Some((_, looked)) => looked.saturating_add((self.wait / LOOKS_MAX).max(MILLISECOND)).max(now),
        };
        self.looked(next, at);
        Some((next, at))
    }

    fn newest_first(&self, line: &VecDeque<Place>, now: Nanos) -> bool {
        line.front().is_some_and(|oldest| now.saturating_sub(oldest.since) > self.patience)
    }
}

#[cfg(test)]
mod tests;
