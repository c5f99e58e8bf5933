//! The router: what a shell talks to.

use super::{AttemptId, Command, FlightId, Turn, leg::Leg, slots::Slots};
use crate::{
    Nanos,
    event::{Event, Observer},
    failure::AttemptEnd,
    flight::{ATTEMPTS_MAX, Content},
    request::Request,
    strategy::{Contract, Strategy},
};

/// All flights of one strategy instance.
#[derive(Debug)]
pub struct Router {
    strategy: Box<dyn Strategy>,
    contract: Contract,
    slots: Slots,
}

impl Router {
    pub fn new(strategy: Box<dyn Strategy>) -> Self {
        let asked = strategy.contract();
        let contract = Contract { attempts_max: asked.attempts_max.min(ATTEMPTS_MAX), ..asked };
        Router { strategy, contract, slots: Slots::default() }
    }

    /// Flights in the air.
    pub fn flying(&self) -> usize {
        self.slots.flying()
    }

    #[inline]
    pub fn begin<O: Observer>(&mut self, turn: &mut Turn<'_, O>, request: Request) -> FlightId {
        let flight = self.slots.open(request, turn.now);
        turn.observer.on(turn.now, &Event::Begun { flight, request: &request });
        self.with(turn, flight, |leg| leg.ask());
        flight
    }

    /// The head of an answer came: HTTP 200, no content yet.
    #[inline]
    pub fn opened<O: Observer>(&mut self, turn: &mut Turn<'_, O>, attempt: AttemptId) {
        self.with(turn, attempt.flight, |leg| leg.opened(attempt.number));
    }

    /// The first content delta came. Of an attempt whose content is kept back the caller gets none yet.
    #[inline]
    pub fn first_content<O: Observer>(&mut self, turn: &mut Turn<'_, O>, attempt: AttemptId) {
        self.with(turn, attempt.flight, |leg| leg.first_content(attempt.number));
    }

    /// Enough content of an attempt is there that was kept back, or it was kept back long enough.
    #[inline]
    pub fn released<O: Observer>(&mut self, turn: &mut Turn<'_, O>, attempt: AttemptId) {
        self.with(turn, attempt.flight, |leg| leg.released(attempt.number));
    }

    /// All that has come of an answer so far. To be told before an end that is none; nothing is decided by it.
    #[inline]
    pub fn came(&mut self, attempt: AttemptId, content: Content) {
        if let Some(flight) = self.slots.get(attempt.flight)
            && let Some(attempt) = flight.attempt_in_air(attempt.number)
        {
            attempt.content = content;
        }
    }

    /// The attempt is over. A whole answer needs no `opened` and no `first_content` before it.
    #[inline]
    pub fn ended<O: Observer>(&mut self, turn: &mut Turn<'_, O>, attempt: AttemptId, end: AttemptEnd<'_>) {
        self.with(turn, attempt.flight, |leg| leg.ended(attempt.number, &end));
    }

    /// A `WakeAt` came due. Late and repeated wake-ups are harmless.
    #[inline]
    pub fn wake<O: Observer>(&mut self, turn: &mut Turn<'_, O>, flight: FlightId) {
        self.with(turn, flight, |leg| leg.wake());
    }

    #[inline]
    pub fn caller_gone<O: Observer>(&mut self, turn: &mut Turn<'_, O>, flight: FlightId) {
        self.with(turn, flight, |leg| leg.caller_gone());
    }

    /// Does nothing for a flight that has landed.
    #[inline]
    fn with<O: Observer>(
        &mut self,
        turn: &mut Turn<'_, O>,
        id: FlightId,
        input: impl FnOnce(&mut Leg<'_, '_, O>),
    ) {
        let Some(flight) = self.slots.get(id) else {
            return;
        };
        input(&mut Leg { flight, strategy: &mut *self.strategy, contract: self.contract, turn });
        if !flight.flying {
            self.slots.release(id.slot);
        }
        if let Some((called, at)) = self.strategy.call(turn.now) {
            self.bring_forward(turn, called, at);
        }
    }

    fn bring_forward<O: Observer>(&mut self, turn: &mut Turn<'_, O>, flight: FlightId, at: Nanos) {
        // A time that has passed would be due at once, before the shell has done what it was told.
        let at = at.max(turn.now + 1);
        if self.slots.get(flight).is_some_and(|held| held.bring_forward(at)) {
            turn.commands.push(Command::WakeAt { flight, at });
        }
    }
}
