//! The event heap: entries leave in order of (time, stage, sequence), so that ties never depend on luck.

use std::{cmp::Ordering, collections::BinaryHeap};

use richter_core::flight::FlightId;
use richter_mock_bedrock::{Nanos, engine::CallId};

/// An attempt's place in the simulation's list of attempts in the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AirId {
    pub slot: u32,
    pub generation: u32,
}

/// What comes due. The order of the variants is the order among equal times: the service settles before callers
/// hear of it, answers before timers, and new arrivals last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    Settle(CallId),
    Head(AirId),
    FirstToken(AirId),
    /// What was kept back of it goes out.
    Release(AirId),
    End(AirId),
    Wake(FlightId),
    CallerLeaves(FlightId),
    /// Index into the list of arrivals that followed from earlier requests.
    FollowUp(u32),
}

impl Due {
    const fn stage(self) -> u64 {
        match self {
            Due::Settle(_) => 0,
            Due::Head(_) => 1,
            Due::FirstToken(_) => 2,
            Due::Release(_) => 3,
            Due::End(_) => 4,
            Due::Wake(_) => 5,
            Due::CallerLeaves(_) => 6,
            Due::FollowUp(_) => 7,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    at: Nanos,
    /// Stage in the high bits, then the sequence.
    order: u64,
    due: Due,
}

const STAGE_SHIFT: u32 = 56;

impl Entry {
    fn key(&self) -> (Nanos, u64) {
        (self.at, self.order)
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    /// Reversed: the standard heap gives the greatest first, we want the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.key().cmp(&self.key())
    }
}

/// Everything that is due later.
#[derive(Debug, Default)]
pub struct EventHeap {
    entries: BinaryHeap<Entry>,
    pushed: u64,
}

impl EventHeap {
    #[inline]
    pub fn push(&mut self, at: Nanos, due: Due) {
        self.pushed += 1;
        let order = (due.stage() << STAGE_SHIFT) | self.pushed;
        self.entries.push(Entry { at, order, due });
    }

    #[inline]
    pub fn next_at(&self) -> Option<Nanos> {
        self.entries.peek().map(|entry| entry.at)
    }

    #[inline]
    pub fn pop(&mut self) -> Option<(Nanos, Due)> {
        self.entries.pop().map(|entry| (entry.at, entry.due))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_times_leave_by_stage_and_then_in_the_order_they_came() {
        let flight = |slot| FlightId { slot, generation: 0 };
        let mut heap = EventHeap::default();
        heap.push(5, Due::FollowUp(0));
        heap.push(5, Due::Wake(flight(1)));
        heap.push(5, Due::Wake(flight(2)));
        heap.push(5, Due::Settle(CallId { slot: 0, generation: 0 }));
        heap.push(4, Due::FollowUp(1));
        let order: Vec<Due> = std::iter::from_fn(|| heap.pop()).map(|(_, due)| due).collect();
        let call = CallId { slot: 0, generation: 0 };
        assert_eq!(
            order,
            [
                Due::FollowUp(1),
                Due::Settle(call),
                Due::Wake(flight(1)),
                Due::Wake(flight(2)),
                Due::FollowUp(0)
            ]
        );
    }
}
