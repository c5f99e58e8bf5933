//! How late the generator was, and where the time of each answered request went. Five parts that sum exactly to the
//! total: the generator's lag, the strategy's wait before it first sent, attempts that came to nothing with the waits
//! between them, the wait for the first token of the attempt that was answered, and the rest of its answer.

use richter_core::{
    event::{AttemptResult, Event},
    flight::Outcome,
};
use richter_mock_bedrock::Nanos;
use richter_reports::run_file;

use super::{export::blob, tally::Latency};

/// Where the time of one answered request went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Split {
    /// From the intended arrival until the router had it.
    pub lag: Nanos,
    /// Until the first attempt was sent.
    pub wait: Nanos,
    /// Until the attempt was sent that was answered.
    pub tries: Nanos,
    /// Until its first content; of an answer in one piece, until it was there.
    pub first: Nanos,
    /// Until the last token.
    pub rest: Nanos,
}

impl Split {
    pub const NAMES: [&'static str; 5] = ["lag", "wait", "tries", "first", "rest"];

    pub const fn parts(&self) -> [Nanos; 5] {
        [self.lag, self.wait, self.tries, self.first, self.rest]
    }

    pub fn total(&self) -> Nanos {
        self.parts().iter().sum()
    }
}

/// One phase's.
#[derive(Debug, Default)]
pub struct PhaseSplit {
    /// Of every request that was begun.
    pub lag: Latency,
    pub requests: u64,
    pub sums: [u64; 5],
    pub total: u64,
    pub parts: [Latency; 5],
}

#[derive(Debug, Clone, Copy, Default)]
struct Seat {
    begun: Nanos,
    first_sent: Option<Nanos>,
    answered_sent: Option<Nanos>,
}

#[derive(Debug)]
pub struct Punctual {
    pub phases: Vec<PhaseSplit>,
    /// Over all phases, for the check of the run itself.
    pub lag: Latency,
    seats: Vec<Seat>,
}

impl Punctual {
    pub fn new(phases: usize) -> Punctual {
        let phases = (0..phases).map(|_| PhaseSplit::default()).collect();
        Punctual { phases, lag: Latency::default(), seats: Vec::new() }
    }

    fn seat(&mut self, slot: u32) -> &mut Seat {
        let slot = slot as usize;
        if slot >= self.seats.len() {
            self.seats.resize(slot + 1, Seat::default());
        }
        &mut self.seats[slot]
    }

    pub fn on(&mut self, now: Nanos, phase: u16, event: &Event<'_>) {
        match event {
            Event::Begun { flight, request } => {
                *self.seat(flight.slot) = Seat { begun: now, ..Seat::default() };
                let lag = now.saturating_sub(request.intended);
                self.lag.record(lag);
                self.phases[usize::from(phase)].lag.record(lag);
            }
            Event::Sent { attempt, .. } => {
                self.seat(attempt.flight.slot).first_sent.get_or_insert(now);
            }
            Event::AttemptEnded { attempt, end, .. } => {
                if let AttemptResult::Answered(_) = end.result {
                    self.seat(attempt.flight.slot).answered_sent = Some(end.sent);
                }
            }
            Event::Finished { flight, request, finish } => {
                if let Outcome::Answered(_) = finish.outcome {
                    let seat = *self.seat(flight.slot);
                    let split = seat.split(request.intended, finish.first, now);
                    self.phases[usize::from(phase)].add(&split, now - request.intended);
                }
            }
            Event::Decided { .. } | Event::Opened { .. } | Event::Committed { .. } => {}
        }
    }
}

impl Seat {
    /// Each boundary lies at or behind the one before it, so that nothing is counted twice and nothing is left out.
    fn split(self, intended: Nanos, first: Option<Nanos>, end: Nanos) -> Split {
        let begun = self.begun.clamp(intended, end);
        let sent = self.first_sent.unwrap_or(begun).clamp(begun, end);
        let answered = self.answered_sent.unwrap_or(sent).clamp(sent, end);
        let first = first.unwrap_or(end).clamp(answered, end);
        Split {
            lag: begun - intended,
            wait: sent - begun,
            tries: answered - sent,
            first: first - answered,
            rest: end - first,
        }
    }
}

impl PhaseSplit {
    /// As the run file has it.
    pub fn written(&self) -> run_file::Split {
        let [lag, wait, tries, first, rest] = std::array::from_fn(|place| run_file::live::Part {
            sum_ns: self.sums[place],
            histogram: blob(self.parts[place].histogram()),
        });
        let lag_of_all = blob(self.lag.histogram());
        run_file::Split {
            requests: self.requests,
            total_ns: self.total,
            lag_of_all,
            lag,
            wait,
            tries,
            first,
            rest,
        }
    }

    fn add(&mut self, split: &Split, total: Nanos) {
        self.requests += 1;
        self.total += total;
        for (place, part) in split.parts().into_iter().enumerate() {
            self.sums[place] += part;
            self.parts[place].record(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_s_time_is_split_where_things_happened() {
        let seat = Seat { begun: 12, first_sent: Some(20), answered_sent: Some(50) };
        let split = seat.split(10, Some(70), 100);
        assert_eq!(split.parts(), [2, 8, 30, 20, 30]);
        let whole = Seat { answered_sent: Some(20), ..seat }.split(10, None, 100);
        assert_eq!(whole.parts(), [2, 8, 0, 80, 0], "an answer in one piece has no rest");
    }

    proptest! {
        #[test]
        fn the_parts_sum_to_the_total_whatever_happened(
            intended in 0..1_000u64, total in 0..1_000u64, begun in 0..3_000u64,
            sent in proptest::option::of(0..3_000u64), answered in proptest::option::of(0..3_000u64),
            first in proptest::option::of(0..3_000u64),
        ) {
            let seat = Seat { begun, first_sent: sent, answered_sent: answered };
            prop_assert_eq!(seat.split(intended, first, intended + total).total(), total);
        }
    }
}
