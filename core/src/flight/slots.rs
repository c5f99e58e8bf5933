//! Where flights live: slots that are used again, with their memory, so that a warm router allocates nothing.

use super::{Attempt, FlightId, FlightView};
use crate::{Nanos, failure::Failure, request::Request, strategy::Send};

/// What a flight waits for besides its attempts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Planned {
    Send(Send),
    Ask { at: Nanos },
}

impl Planned {
    pub(super) const fn at(&self) -> Nanos {
        match self {
            Planned::Send(send) => send.at,
            Planned::Ask { at } => *at,
        }
    }
}

#[derive(Debug)]
pub(super) struct Flight {
    pub(super) id: FlightId,
    pub(super) flying: bool,
    pub(super) request: Request,
    pub(super) begun: Nanos,
    pub(super) attempts: Vec<Attempt>,
    pub(super) in_air: u32,
    /// The attempt whose content the caller gets.
    pub(super) committed: Option<u32>,
    /// When the first content reached the caller.
    pub(super) shown_at: Option<Nanos>,
    /// Tokens that the caller has of attempts that broke.
    pub(super) shown: u32,
    /// How the answer broke that the caller has seen part of.
    pub(super) broke: Option<Failure>,
    pub(super) planned: Option<Planned>,
    /// Whether the strategy holds the planned sending back.
    pub(super) held: bool,
    /// Whether the strategy waits to be asked again.
    pub(super) asks: bool,
    pub(super) waits: u32,
    /// What the latest `AskAgain` named.
    pub(super) asked: Option<Nanos>,
    pub(super) last_failure: Option<Failure>,
}

impl Flight {
    fn new(id: FlightId, request: Request, now: Nanos) -> Flight {
        Flight {
            id,
            flying: true,
            request,
            begun: now,
            attempts: Vec::new(),
            in_air: 0,
            committed: None,
            shown_at: None,
            shown: 0,
            broke: None,
            planned: None,
            held: false,
            asks: false,
            waits: 0,
            asked: None,
            last_failure: None,
        }
    }

    /// Takes the next request; ids of the one before no longer fit.
    fn renew(&mut self, request: Request, now: Nanos) {
        let mut attempts = std::mem::take(&mut self.attempts);
        attempts.clear();
        let id = FlightId { generation: self.id.generation.wrapping_add(1), ..self.id };
        *self = Flight { attempts, ..Flight::new(id, request, now) };
    }

    pub(super) fn view(&self) -> FlightView<'_> {
        FlightView {
            id: self.id,
            request: &self.request,
            attempts: &self.attempts,
            begun: self.begun,
            shown: self.shown,
            asked: self.asked,
        }
    }

    /// Brings what the strategy put off forward; whether that changed anything.
    pub(super) fn bring_forward(&mut self, at: Nanos) -> bool {
        match &mut self.planned {
            Some(Planned::Send(send)) if self.held && at < send.at => {
                send.at = at;
                true
            }
            Some(Planned::Ask { at: before }) if at < *before => {
                *before = at;
                self.asked = Some(at);
                true
            }
            _ => false,
        }
    }

    /// The attempt, if it exists and has not ended.
    pub(super) fn attempt_in_air(&mut self, number: u32) -> Option<&mut Attempt> {
        self.attempts.get_mut(number as usize).filter(|attempt| attempt.in_air())
    }
}

#[derive(Debug, Default)]
pub(super) struct Slots {
    flights: Vec<Flight>,
    free: Vec<u32>,
}

impl Slots {
    pub(super) fn flying(&self) -> usize {
        self.flights.len() - self.free.len()
    }

    #[inline]
    pub(super) fn open(&mut self, request: Request, now: Nanos) -> FlightId {
        if let Some(slot) = self.free.pop() {
            let flight = &mut self.flights[slot as usize];
            flight.renew(request, now);
            return flight.id;
        }
        let slot = u32::try_from(self.flights.len()).expect("memory ends long before 2^32 flights");
        let id = FlightId { slot, generation: 0 };
        self.flights.push(Flight::new(id, request, now));
        id
    }

    /// The flight, if it is still in the air.
    #[inline]
    pub(super) fn get(&mut self, id: FlightId) -> Option<&mut Flight> {
        let flight = self.flights.get_mut(id.slot as usize)?;
        (flight.flying && flight.id == id).then_some(flight)
    }

    /// Gives the slot of a landed flight back.
    #[inline]
    pub(super) fn release(&mut self, slot: u32) {
        self.free.push(slot);
    }
}
