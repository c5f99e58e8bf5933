//! Turns what a ground shows into the numbers of the run file. Recording must not slow traffic: the hot path adds to
//! counters and histograms that were allocated before, and nothing else.

pub mod abort;
pub mod books;
pub mod cell;
pub mod decisions;
pub mod export;
pub mod journal;
pub mod metric;
pub mod names;
pub mod punctual;
pub mod quota;
pub mod series;
pub mod story;
pub mod tally;
pub mod tape;
pub mod trace;
pub mod windows;

use richter_core::event::{Event, Observer};
use richter_mock_bedrock::Nanos;

use crate::{
    ground::{Witness, Work},
    load::Arrival,
};

/// Two witnesses of one run.
#[derive(Debug)]
pub struct Both<A, B>(pub A, pub B);

impl<A: Observer, B: Observer> Observer for Both<A, B> {
    #[inline]
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        self.0.on(now, event);
        self.1.on(now, event);
    }
}

impl<A: Witness, B: Witness> Witness for Both<A, B> {
    #[inline]
    fn arrived(&mut self, arrival: &Arrival) {
        self.0.arrived(arrival);
        self.1.arrived(arrival);
    }

    #[inline]
    fn worked(&mut self, now: Nanos, work: &Work) {
        self.0.worked(now, work);
        self.1.worked(now, work);
    }
}

impl<B> AsRef<cell::Recorder> for Both<cell::Recorder, B> {
    fn as_ref(&self) -> &cell::Recorder {
        &self.0
    }
}
