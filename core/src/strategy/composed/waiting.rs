//! Requests that wait for an attempt to land, because every target has as many in the air as it bears. They are called
//! one by one as attempts land, so that they need not look all the time.

use std::collections::VecDeque;

use crate::flight::FlightId;

/// More than this many look by themselves.
const CALLED_MAX: usize = 1_024;

#[derive(Debug)]
pub(super) struct Waiting {
    /// Who has waited longest comes first.
    flights: VecDeque<FlightId>,
    /// Places that came free and that nobody was called for.
    free: u32,
}

impl Default for Waiting {
    fn default() -> Self {
        Waiting { flights: VecDeque::with_capacity(CALLED_MAX), free: 0 }
    }
}

impl Waiting {
    /// Whether it will be called.
    pub(super) fn add(&mut self, flight: FlightId) -> bool {
        let room = self.flights.len() < CALLED_MAX;
        if room {
            self.flights.push_back(flight);
        }
        room
    }

    /// It asks again or has ended, so it waits no longer.
    pub(super) fn remove(&mut self, flight: FlightId) {
        if let Some(at) = self.flights.iter().position(|waiting| *waiting == flight) {
            self.flights.remove(at);
        }
    }

    /// An attempt landed.
    pub(super) fn landed(&mut self) {
        if !self.flights.is_empty() {
            self.free += 1;
        }
    }

    /// Whether an attempt has landed that nobody was called for.
    pub(super) fn is_due(&self) -> bool {
        self.free > 0
    }

    /// Who is to be called now, if there is room.
    pub(super) fn next(&mut self, room: bool) -> Option<FlightId> {
        let called = if room && self.is_due() { self.flights.pop_front() } else { None };
        self.free = if called.is_some() { self.free - 1 } else { 0 };
        called
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flight(slot: u32) -> FlightId {
        FlightId { slot, generation: 0 }
    }

    #[test]
    fn one_is_called_for_each_that_lands_and_who_waited_longest_is_first() {
        let mut waiting = Waiting::default();
        waiting.landed();
        assert_eq!(waiting.next(true), None, "nobody waited when it landed");
        (0..4).for_each(|slot| assert!(waiting.add(flight(slot))));
        assert_eq!(waiting.next(true), None, "nothing has landed");
        waiting.remove(flight(1));
        (0..5).for_each(|_| waiting.landed());
        let called: Vec<_> = std::iter::from_fn(|| waiting.next(true)).map(|flight| flight.slot).collect();
        assert_eq!(called, [0, 2, 3]);
        waiting.add(flight(7));
        assert_eq!(waiting.next(true), None, "what came free before is taken");
        waiting.landed();
        assert_eq!(waiting.next(false), None, "the limit was cut as it landed");
        assert_eq!(waiting.next(true), None);
    }

    #[test]
    fn so_many_are_called_and_no_more() {
        let mut waiting = Waiting::default();
        let called = (0..2_000).filter(|slot| waiting.add(flight(*slot))).count();
        assert_eq!(called, CALLED_MAX);
    }
}
