//! What all lanes and the pacer of one cell share: the traffic, who is still open, and what to do when one ends.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use richter_core::live::Clock;
use richter_mock_bedrock::luck::Luck;

use super::{
    ask::Asker,
    lane::Lane,
    pacer::{Inbox, Sink},
    wire::{inject::Injection, links::Links},
};
use crate::{
    load::{Arrival, Traffic},
    record::tape::{Tape, Told},
    run::guard::Guard,
};

/// Shared by all tasks of one cell.
#[derive(Debug)]
pub struct Crew {
    pub traffic: Traffic,
    pub luck: Luck,
    pub clock: Clock,
    pub tape: Arc<Tape>,
    pub inbox: Arc<Inbox>,
    pub guard: Arc<Guard>,
    pub asker: Asker,
    pub counts: Counts,
    pub links: Links,
    /// Most requests open at once.
    pub in_flight_max: u64,
    /// Whether calls carry what a mock needs to meet them with the same luck as the simulation does.
    pub keyed: bool,
    /// Whether the service's names of calls are wanted.
    pub named: bool,
    /// Faults of our own.
    pub injections: Vec<Injection>,
    follows: bool,
}

/// Counted where it happens; the run file's own counts come from the tape.
#[derive(Debug, Default)]
pub struct Counts {
    pub due: AtomicU64,
    pub begun: AtomicU64,
    pub open: AtomicU64,
    pub open_max: AtomicU64,
    /// The pacer has handed over all that there was.
    pub all_due: AtomicBool,
}

/// What a crew is made of.
#[derive(Debug)]
pub struct CrewParts {
    pub traffic: Traffic,
    pub luck: Luck,
    pub clock: Clock,
    pub tape: Arc<Tape>,
    pub guard: Arc<Guard>,
    pub asker: Asker,
    pub in_flight_max: u64,
    pub keyed: bool,
    pub named: bool,
    pub injections: Vec<Injection>,
}

impl Crew {
    pub fn new(parts: CrewParts) -> Arc<Crew> {
        let CrewParts { traffic, luck, clock, tape, guard, asker, in_flight_max, keyed, named, injections } =
            parts;
        let follows = traffic.may_follow_up();
        let (inbox, counts, links) = (Arc::default(), Counts::default(), Links::default());
        Arc::new(Crew {
            traffic,
            luck,
            clock,
            tape,
            inbox,
            guard,
            asker,
            counts,
            links,
            in_flight_max,
            keyed,
            named,
            injections,
            follows,
        })
    }

    pub fn open(&self) -> u64 {
        self.counts.open.load(Ordering::Acquire)
    }

    /// A request has ended for its caller.
    pub fn ended(&self, arrival: &Arrival, answered: bool) {
        self.guard.released(arrival);
        if self.follows {
            let next = self.traffic.follow_up(self.luck, arrival, self.clock.now(), answered);
            if let Some(next) = next {
                self.inbox.put(next);
            }
        }
        self.counts.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Hands arrivals to the lanes in turn.
#[derive(Debug)]
pub struct Dealer<'a> {
    pub crew: &'a Crew,
    pub lanes: &'a [Lane],
    pub turn: usize,
}

impl Sink for Dealer<'_> {
    fn due(&mut self, arrival: Arrival) {
        let counts = &self.crew.counts;
        counts.due.fetch_add(1, Ordering::Relaxed);
        if !self.crew.guard.admits(&arrival) {
            counts.due.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let open = counts.open.fetch_add(1, Ordering::AcqRel) + 1;
        if open > self.crew.in_flight_max {
            counts.open.fetch_sub(1, Ordering::AcqRel);
            self.crew.guard.released(&arrival);
            self.crew.tape.tell(Told::Shed { at: self.crew.clock.now(), due: arrival.at });
            return;
        }
        counts.open_max.fetch_max(open, Ordering::Relaxed);
        counts.begun.fetch_add(1, Ordering::Relaxed);
        let lane = &self.lanes[self.turn % self.lanes.len()];
        self.turn = self.turn.wrapping_add(1);
        lane.give(arrival);
    }

    fn stopped(&self) -> bool {
        self.crew.guard.stopped()
    }

    fn may_follow(&self) -> bool {
        self.crew.follows && self.crew.open() > 0 && self.crew.clock.now() < self.crew.traffic.end()
    }
}
