//! What all lanes of one cell share: the traffic, who is still open, and what to do when one ends.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use richter_core::live::Clock;
use richter_mock_bedrock::luck::Luck;

use super::{
    ask::Asker,
    mock::Starter,
    pacer::Inbox,
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
    pub guard: Arc<Guard>,
    pub asker: Asker,
    /// Begins the time of a mock in this process.
    pub starter: Option<Starter>,
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
    /// Lanes that may still send something new.
    pub pacing: AtomicUsize,
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
    pub starter: Option<Starter>,
    pub lanes: usize,
    pub in_flight_max: u64,
    pub keyed: bool,
    pub named: bool,
    pub injections: Vec<Injection>,
}

impl Crew {
    pub fn new(parts: CrewParts) -> Arc<Crew> {
        let CrewParts { traffic, luck, clock, tape, guard, asker, starter, .. } = parts;
        let CrewParts { lanes, in_flight_max, keyed, named, injections, .. } = parts;
        let follows = traffic.may_follow_up();
        let counts = Counts { pacing: lanes.into(), ..Counts::default() };
        Arc::new(Crew {
            traffic,
            luck,
            clock,
            tape,
            guard,
            asker,
            starter,
            counts,
            links: Links::default(),
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

    /// Whether nothing new is sent any more.
    pub fn all_due(&self) -> bool {
        self.counts.pacing.load(Ordering::Acquire) == 0
    }

    /// Whether arrivals may still follow from requests that are open.
    pub fn may_follow(&self) -> bool {
        self.follows && self.open() > 0 && self.clock.now() < self.traffic.end()
    }

    /// Whether an arrival that is due now may be sent; it counts as open then.
    pub fn admits(&self, arrival: &Arrival) -> bool {
        if !self.guard.admits(arrival) {
            return false;
        }
        self.counts.due.fetch_add(1, Ordering::Relaxed);
        let open = self.counts.open.fetch_add(1, Ordering::AcqRel) + 1;
        if open > self.in_flight_max {
            self.counts.open.fetch_sub(1, Ordering::AcqRel);
            self.guard.released(arrival);
            self.tape.tell(Told::Shed { at: self.clock.now(), due: arrival.at });
            return false;
        }
        self.counts.open_max.fetch_max(open, Ordering::Relaxed);
        self.counts.begun.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// A request has ended for its caller; what follows from it goes to where it came from.
    pub fn ended(&self, arrival: &Arrival, answered: bool, inbox: &Inbox) {
        self.guard.released(arrival);
        if self.follows {
            let next = self.traffic.follow_up(self.luck, arrival, self.clock.now(), answered);
            if let Some(next) = next {
                inbox.put(next);
            }
        }
        self.counts.open.fetch_sub(1, Ordering::AcqRel);
    }
}
