//! One flight, moved on by one input: the contract's rules, in the order in which they apply. Here is what is decided;
//! `hear` has what becomes of attempts.

mod hear;

use super::{
    Attempt, AttemptId, Command, Outcome, Turn, WAITS_MAX,
    slots::{Flight, Planned},
};
use crate::{
    Nanos,
    event::{Event, Observer},
    failure::Failure,
    request::Request,
    span,
    strategy::{Contract, Decision, Lesson, Reason, Send, Step, Strategy},
};

pub(super) struct Leg<'a, 't, O: Observer> {
    pub(super) flight: &'a mut Flight,
    pub(super) strategy: &'a mut dyn Strategy,
    pub(super) contract: Contract,
    pub(super) turn: &'a mut Turn<'t, O>,
}

/// Deciding: what the strategy wants, and what the contract lets it do.
impl<O: Observer> Leg<'_, '_, O> {
    /// Asks until the strategy waits or stops. Each round sends an attempt, so the cap on attempts bounds it.
    pub(super) fn ask(&mut self) {
        self.flight.planned = None;
        self.flight.asks = false;
        loop {
            let decision = self.strategy.step(&self.flight.view(), self.turn.now, self.turn.dice);
            let send = match decision.step {
                Step::Send(send) => send,
                Step::AskAgain { at } => return self.wait(at, decision.reason),
                Step::Stop => return self.stop(decision.reason),
            };
            if let Some(refusal) = self.refusal(&send) {
                return self.stop(refusal);
            }
            self.decided(decision);
            if send.at > self.turn.now {
                return self.plan(Planned::Send(send));
            }
            if !self.depart(&send) || self.attempts_spent() {
                return;
            }
        }
    }

    pub(super) fn wake(&mut self) {
        let Some(due) = self.flight.planned.take_if(|planned| planned.at() <= self.turn.now) else {
            return;
        };
        match due {
            Planned::Ask { .. } => self.ask(),
            // A shell on a real clock may wake late.
            Planned::Send(_) if self.deadline_passed(self.turn.now) => self.stop(Reason::DeadlineNear),
            Planned::Send(send) => {
                if self.depart(&send) && self.flight.committed.is_none() && !self.attempts_spent() {
                    self.ask();
                }
            }
        }
    }

    /// Why the contract forbids this attempt.
    fn refusal(&mut self, send: &Send) -> Option<Reason> {
        if self.attempts_spent() {
            return Some(Reason::AttemptsSpent);
        }
        if !self.flight.attempts.is_empty() && !self.strategy.withdraw(&self.flight.view(), send.target) {
            return Some(Reason::BudgetEmpty);
        }
        self.deadline_passed(send.at.max(self.turn.now)).then_some(Reason::DeadlineNear)
    }

    fn attempts_spent(&self) -> bool {
        self.flight.attempts.len() >= self.contract.attempts_max as usize
    }

    fn deadline_passed(&self, at: Nanos) -> bool {
        let intended = self.flight.request.intended;
        self.contract.deadline.is_some_and(|deadline| at >= intended.saturating_add(span::nanos(deadline)))
    }

    fn wait(&mut self, at: Nanos, reason: Reason) {
        self.flight.asks = true;
        if let Some(at) = self.put_off(at, reason) {
            self.flight.asked = Some(at);
            self.decided(Decision { step: Step::AskAgain { at }, reason });
            self.plan(Planned::Ask { at });
        }
    }

    /// Sends now, unless the strategy holds it back; whether it was sent.
    fn depart(&mut self, send: &Send) -> bool {
        let Some(at) = self.strategy.hold(&self.flight.view(), self.turn.now) else {
            self.flight.held = false;
            self.launch(send);
            return true;
        };
        self.flight.held = true;
        self.keep_back(Send { at, ..*send });
        false
    }

    fn keep_back(&mut self, send: Send) {
        let reason = Reason::RateLimited;
        let Some(at) = self.put_off(send.at, reason) else {
            return;
        };
        if self.deadline_passed(at) {
            return self.stop(Reason::DeadlineNear);
        }
        let send = Send { at, ..send };
        self.decided(Decision { step: Step::Send(send), reason });
        self.plan(Planned::Send(send));
    }

    /// Until when to put off, unless that would be for ever or once too often.
    fn put_off(&mut self, at: Nanos, reason: Reason) -> Option<Nanos> {
        if self.flight.waits >= WAITS_MAX {
            self.stop(Reason::WaitsSpent);
            return None;
        }
        if at == Nanos::MAX {
            self.stop(reason);
            return None;
        }
        self.flight.waits += 1;
        // A time that has passed would ask again at once, without end.
        Some(at.max(self.turn.now + 1))
    }

    fn plan(&mut self, planned: Planned) {
        self.flight.planned = Some(planned);
        self.turn.commands.push(Command::WakeAt { flight: self.flight.id, at: planned.at() });
    }

    /// Nothing more for now: the end of the flight, unless an attempt in the air may still answer.
    fn stop(&mut self, reason: Reason) {
        self.let_go();
        // That an attempt is in the air is no decision; it is only said in answer to being asked.
        if self.flight.in_air > 0 && reason == Reason::StillInAir {
            return;
        }
        self.decided(Decision { step: Step::Stop, reason });
        if self.flight.in_air > 0 {
            return;
        }
        match self.flight.broke {
            Some(failure) => self.finish(Outcome::Broken(failure), Reason::BrokenAfterCommit),
            None => {
                let failure = self.flight.last_failure.unwrap_or(Failure::LocalReject);
                self.finish(Outcome::Failed(failure), reason);
            }
        }
    }

    /// Drops what was planned; the strategy hears of what it put off.
    fn let_go(&mut self) {
        self.flight.planned = None;
        let held = std::mem::take(&mut self.flight.held);
        if std::mem::take(&mut self.flight.asks) || held {
            self.strategy.left(&self.flight.view());
        }
    }

    fn launch(&mut self, send: &Send) {
        let number = self.flight.attempts.len() as u32;
        let Send { target, timeouts, max_tokens, rules, .. } = *send;
        self.flight.asked = None;
        // Who has seen the beginning gets the rest of it, and nothing else.
        let prefill = self.flight.committed.map(|_| self.flight.shown);
        if prefill.is_some() {
            self.flight.committed = Some(number);
        }
        let held_back = prefill.is_none() && rules.hold_back.is_some();
        let sent = Attempt::new(target, self.turn.now);
        self.flight.attempts.push(Attempt { max_tokens, held_back, prefill, ..sent });
        self.flight.in_air += 1;
        let attempt = self.attempt(number);
        self.emit(|request| Event::Sent { attempt, request, target });
        self.turn.commands.push(Command::Attempt { attempt, target, timeouts, max_tokens, rules, prefill });
        self.learn(Lesson::Sent { target, attempt: number });
    }
}

/// Telling.
impl<O: Observer> Leg<'_, '_, O> {
    fn attempt(&self, number: u32) -> AttemptId {
        AttemptId { flight: self.flight.id, number }
    }

    fn decided(&mut self, decision: Decision) {
        let Decision { step, reason } = decision;
        let flight = self.flight.id;
        self.emit(|request| Event::Decided { flight, request, step, reason });
    }

    fn learn(&mut self, lesson: Lesson) {
        self.strategy.learn(&self.flight.view(), &lesson, self.turn.now);
    }

    #[inline]
    fn emit<'e>(&'e mut self, event: impl FnOnce(&'e Request) -> Event<'e>) {
        self.turn.observer.on(self.turn.now, &event(&self.flight.request));
    }
}
