//! The people behind the flights: what each asked for, how long they wait, and what of theirs is in the air.

use richter_core::flight::FlightId;
use richter_mock_bedrock::Nanos;

use crate::{ground::heap::AirId, load::Arrival};

/// The person behind one flight.
#[derive(Debug)]
pub struct Caller {
    flight: FlightId,
    pub arrival: Arrival,
    pub leaves_at: Nanos,
    /// Whether the heap holds the moment of leaving. It is pushed only once something is due after it.
    pub leaving_queued: bool,
    /// Inputs that the router took for this flight; each has dice of its own.
    pub steps: u32,
    pub in_air: Vec<AirId>,
}

/// By flight slot, so that a slot's memory serves every flight in it.
#[derive(Debug, Default)]
pub struct Callers(Vec<Caller>);

impl Callers {
    /// The slots come in order: the router opens a new one only when all others are taken.
    pub fn seat(&mut self, flight: FlightId, arrival: Arrival) {
        let leaves_at = arrival.patience.map_or(Nanos::MAX, |patience| arrival.at.saturating_add(patience));
        let mut caller =
            Caller { flight, arrival, leaves_at, leaving_queued: false, steps: 0, in_air: Vec::new() };
        match self.0.get_mut(flight.slot as usize) {
            Some(seat) => {
                caller.in_air = std::mem::take(&mut seat.in_air);
                caller.in_air.clear();
                *seat = caller;
            }
            None => self.0.push(caller),
        }
    }

    /// `None` when the flight is over and somebody else sits in its place: what is due late for one caller must not
    /// touch the next.
    #[inline]
    pub fn get(&mut self, flight: FlightId) -> Option<&mut Caller> {
        self.0.get_mut(flight.slot as usize).filter(|caller| caller.flight == flight)
    }

    /// The caller of a flight for which the router has just spoken.
    #[inline]
    pub fn seated(&mut self, flight: FlightId) -> &mut Caller {
        let caller = &mut self.0[flight.slot as usize];
        debug_assert_eq!(caller.flight, flight, "the router speaks only of flights that are seated");
        caller
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_late_for_one_caller_does_not_reach_the_next_in_the_seat() {
        let arrival = Arrival {
            at: 5,
            number: 1,
            phase: 0,
            class: 0,
            tenant: 0,
            input_tokens: 1,
            output_tokens: 1,
            max_tokens: None,
            prefix: None,
            patience: Some(3),
        };
        let (first, second) = (FlightId { slot: 0, generation: 0 }, FlightId { slot: 0, generation: 1 });
        let mut callers = Callers::default();
        callers.seat(first, arrival);
        callers.get(first).expect("seated").steps = 7;
        callers.seat(second, Arrival { number: 2, ..arrival });
        assert!(callers.get(first).is_none());
        let caller = callers.get(second).expect("seated");
        assert_eq!((caller.arrival.number, caller.steps, caller.leaves_at), (2, 0, 8));
    }
}
