//! The line of flights that wait for a token: first come, first served. Whoever leaves it, those behind move up.

use std::collections::VecDeque;

use crate::{Nanos, flight::FlightId};

#[derive(Debug, Default)]
pub(super) struct Line {
    /// In the order of their numbers.
    places: VecDeque<Place>,
    /// By flight slot: the number of the flight's place, if it waits.
    numbers: Vec<Option<u64>>,
    next: u64,
}

#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    pub(super) flight: FlightId,
    /// When the flight will look again.
    pub(super) looks_at: Nanos,
}

impl Line {
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// How many come before this flight, if it waits.
    pub(super) fn ahead(&self, flight: FlightId) -> Option<usize> {
        let number = (*self.numbers.get(flight.slot as usize)?)?;
        self.places.binary_search_by_key(&number, |place| place.number).ok()
    }

    /// The flight waits, and looks again at that time; it joins at the end if it is new.
    pub(super) fn wait(&mut self, flight: FlightId, looks_at: Nanos) {
        if let Some(ahead) = self.ahead(flight) {
            self.places[ahead].looks_at = looks_at;
            return;
        }
        let slot = flight.slot as usize;
        if self.numbers.len() <= slot {
            self.numbers.resize(slot + 1, None);
        }
        self.numbers[slot] = Some(self.next);
        self.places.push_back(Place { number: self.next, flight, looks_at });
        self.next += 1;
    }

    pub(super) fn leave(&mut self, flight: FlightId) {
        if let Some(ahead) = self.ahead(flight) {
            self.places.remove(ahead);
            self.numbers[flight.slot as usize] = None;
        }
    }

    pub(super) fn first(&mut self) -> Option<&mut Place> {
        self.places.front_mut()
    }
}
