//! Proves determinism: plays the same job twice, step by step side by side, and names the first event that differs.

use std::fmt;

use richter_core::event::{Event, Observer};
use richter_mock_bedrock::Nanos;

use crate::{
    ground::{Witness, Work, sim::Simulation},
    load::{Arrival, TraceError},
    record::trace::TraceHash,
    scenario::plan::Plan,
};

/// Remembers the hash so far and the events of the latest step in words that can be printed.
#[derive(Debug, Default)]
pub struct Digest {
    hash: TraceHash,
    events: u64,
    latest: Vec<Mark>,
}

/// One event, small enough to keep for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub at: Nanos,
    pub what: &'static str,
    pub request: u64,
    pub hash: u64,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of request {} at {} ns (hash {:016x})", self.what, self.request, self.at, self.hash)
    }
}

impl Observer for Digest {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        self.hash.event(now, event);
        let (what, request) = match event {
            Event::Begun { request, .. } => ("arrival", request),
            Event::Decided { request, .. } => ("decision", request),
            Event::Sent { request, .. } => ("sending", request),
            Event::Opened { request, .. } => ("response head", request),
            Event::Committed { request, .. } => ("first content", request),
            Event::AttemptEnded { request, .. } => ("end of an attempt", request),
            Event::Finished { request, .. } => ("last word", request),
        };
        self.events += 1;
        self.latest.push(Mark { at: now, what, request: request.number, hash: self.hash.value() });
    }
}

impl Witness for Digest {
    fn arrived(&mut self, _: &Arrival) {}

    fn worked(&mut self, _: Nanos, work: &Work) {
        self.hash.work(work);
    }
}

/// What came of playing one job twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Same {
        events: u64,
        hash: u64,
    },
    /// Number of the first event that differs, and what each side did.
    Differs {
        event: u64,
        left: Option<Mark>,
        right: Option<Mark>,
    },
}

/// Plays one job of the plan twice.
pub fn check(plan: &Plan, strategy: usize, replication: u32) -> Result<Verdict, TraceError> {
    let once = || Simulation::new(plan, strategy, replication, Digest::default());
    compare(once()?, once()?)
}

/// Plays two simulations side by side until they differ or end.
pub fn compare(
    mut left: Simulation<'_, Digest>,
    mut right: Simulation<'_, Digest>,
) -> Result<Verdict, TraceError> {
    loop {
        let before = left.witness().events;
        let (goes_on, other_goes_on) = (next(&mut left)?, next(&mut right)?);
        let (l, r) = (left.witness(), right.witness());
        if l.hash != r.hash || l.events != r.events || goes_on != other_goes_on {
            return Ok(first_difference(before, &l.latest, &r.latest));
        }
        if !goes_on {
            return Ok(Verdict::Same { events: l.events, hash: l.hash.value() });
        }
    }
}

fn next(side: &mut Simulation<'_, Digest>) -> Result<bool, TraceError> {
    side.witness_mut().latest.clear();
    side.step()
}

/// One step may be several events, of which only the last ones differ.
fn first_difference(before: u64, left: &[Mark], right: &[Mark]) -> Verdict {
    let same = left.iter().zip(right).take_while(|(left, right)| left == right).count();
    Verdict::Differs {
        event: before + same as u64 + 1,
        left: left.get(same).copied(),
        right: right.get(same).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_event_that_differs_is_named_and_not_the_last_of_its_step() {
        let mark = |what, hash| Mark { at: 5, what, request: 1, hash };
        let [arrival, first, other] = [mark("arrival", 1), mark("decision", 2), mark("decision", 3)];
        let last = mark("sending", 4);
        let found = first_difference(10, &[arrival, first, last], &[arrival, other, last]);
        assert_eq!(found, Verdict::Differs { event: 12, left: Some(first), right: Some(other) });
        let found = first_difference(10, &[arrival], &[arrival, other]);
        assert_eq!(found, Verdict::Differs { event: 12, left: None, right: Some(other) });
    }
}
