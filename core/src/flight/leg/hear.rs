//! Hearing what became of an attempt, up to the flight's end.

use super::Leg;
use crate::{
    event::{AttemptResult, Ended, Event, Finished, Observer},
    failure::{AttemptEnd, Failure, Signs, classify},
    flight::{Attempt, Command, Outcome, slots::Planned},
    request::Usage,
    strategy::{Decision, Lesson, Reason, Send, Step},
    target::TargetId,
};

impl<O: Observer> Leg<'_, '_, O> {
    pub(in crate::flight) fn opened(&mut self, number: u32) {
        let now = self.turn.now;
        let Some(attempt) = self.flight.attempt_in_air(number).filter(|attempt| attempt.opened.is_none())
        else {
            return;
        };
        attempt.opened = Some(now);
        let target = attempt.target;
        let attempt = self.attempt(number);
        self.emit(|request| Event::Opened { attempt, request });
        self.learn(Lesson::Opened { target, attempt: number });
    }

    pub(in crate::flight) fn first_content(&mut self, number: u32) {
        self.opened(number);
        let now = self.turn.now;
        let committed = self.flight.committed;
        let Some(attempt) = self.flight.attempt_in_air(number) else { return };
        if committed.is_none() || committed == Some(number) {
            attempt.first.get_or_insert(now);
            if committed.is_none() && !attempt.held_back {
                self.commit(number);
            }
        }
    }

    /// What was kept back of it goes out.
    pub(in crate::flight) fn released(&mut self, number: u32) {
        let has_content = |attempt: &mut Attempt| attempt.first.is_some();
        if self.flight.committed.is_none() && self.flight.attempt_in_air(number).is_some_and(has_content) {
            self.commit(number);
        }
    }

    pub(in crate::flight) fn ended(&mut self, number: u32, end: &AttemptEnd<'_>) {
        if self.flight.attempt_in_air(number).is_none() {
            return;
        }
        if end.follows_head() && self.flight.request.api.streams() {
            self.opened(number);
        }
        match classify(end) {
            Ok(usage) => self.answered(number, usage),
            Err(failure) => self.failed(number, failure, Signs::of(end)),
        }
    }

    fn answered(&mut self, number: u32, usage: Usage) {
        if self.flight.committed.is_none() {
            if let Some(failure) = self.strategy.discard(&self.flight.view(), number, self.turn.dice) {
                return self.failed(number, failure, Signs::default());
            }
            self.commit(number);
        }
        let target = self.close(number, AttemptResult::Answered(usage));
        self.learn(Lesson::Answered { target, attempt: number, usage });
        self.finish(Outcome::Answered(usage), Reason::Answered);
    }

    fn failed(&mut self, number: u32, failure: Failure, signs: Signs) {
        self.flight.attempts[number as usize].signs = signs;
        self.flight.last_failure = Some(failure);
        let committed = self.flight.committed == Some(number);
        let target = self.close(number, AttemptResult::Failed(failure));
        self.learn(Lesson::Failed { target, attempt: number, committed, failure });
        if committed {
            return self.broke(number, failure);
        }
        // A planned sending needs no second asking.
        if !matches!(self.flight.planned, Some(Planned::Send(_))) {
            self.ask();
        }
    }

    /// The caller has seen part of the answer, and now it broke.
    fn broke(&mut self, number: u32, failure: Failure) {
        let attempt = &self.flight.attempts[number as usize];
        // An attempt to go on that brought nothing is not how the answer broke.
        let (brought, cause) = (attempt.first.is_some(), self.flight.broke);
        self.flight.shown = self.flight.shown.saturating_add(attempt.content.tokens);
        self.flight.broke = cause.filter(|_| !brought).or(Some(failure));
        // What is not text, or was not kept, nobody can go on with.
        let whole = self.flight.shown > 0 && (attempt.content.is_text || !brought);
        let mended = whole.then(|| self.strategy.mend(&self.flight.view(), self.turn.now, self.turn.dice));
        match mended.flatten() {
            Some(send) => self.go_on(send),
            None => {
                let cause = self.flight.broke.unwrap_or(failure);
                self.finish(Outcome::Broken(cause), Reason::BrokenAfterCommit);
            }
        }
    }

    /// Has another attempt go on where the answer broke off, if the contract lets it.
    fn go_on(&mut self, send: Send) {
        if let Some(refusal) = self.refusal(&send) {
            return self.stop(refusal);
        }
        self.decided(Decision { step: Step::Send(send), reason: Reason::Continued });
        if send.at > self.turn.now {
            return self.plan(Planned::Send(send));
        }
        self.depart(&send);
    }

    pub(in crate::flight) fn caller_gone(&mut self) {
        self.finish(Outcome::Gone, Reason::CallerGone);
    }

    /// From here on this attempt's answer is the caller's answer.
    fn commit(&mut self, number: u32) {
        let now = self.turn.now;
        let attempt = &mut self.flight.attempts[number as usize];
        attempt.first.get_or_insert(now);
        let target = attempt.target;
        self.flight.committed = Some(number);
        self.flight.shown_at = Some(now);
        self.let_go();
        let attempt = self.attempt(number);
        self.emit(|request| Event::Committed { attempt, request, target });
        self.turn.commands.push(Command::Commit { attempt });
        self.cancel_all_but(Some(number));
    }

    pub(super) fn finish(&mut self, outcome: Outcome, reason: Reason) {
        self.let_go();
        self.cancel_all_but(None);
        self.flight.flying = false;
        let answering = self.flight.committed.map(|number| self.flight.attempts[number as usize]);
        let finish = Finished {
            outcome,
            reason,
            attempts: self.flight.attempts.len() as u32,
            first: self.flight.shown_at,
            target: answering.map(|attempt| attempt.target),
        };
        let flight = self.flight.id;
        self.emit(|request| Event::Finished { flight, request, finish });
        let answered = matches!(finish.outcome, Outcome::Answered(_));
        self.turn.commands.push(Command::Finish { flight, answered });
    }

    fn cancel_all_but(&mut self, kept: Option<u32>) {
        if self.flight.in_air == u32::from(kept.is_some()) {
            return;
        }
        for number in 0..self.flight.attempts.len() as u32 {
            if Some(number) != kept && self.flight.attempts[number as usize].in_air() {
                let attempt = self.attempt(number);
                self.turn.commands.push(Command::Cancel { attempt });
                let target = self.close(number, AttemptResult::Cancelled);
                self.learn(Lesson::Cancelled { target, attempt: number });
            }
        }
    }

    /// Ends the attempt in the books.
    fn close(&mut self, number: u32, result: AttemptResult) -> TargetId {
        let attempt = &mut self.flight.attempts[number as usize];
        attempt.ended = Some((self.turn.now, result));
        let end = Ended { target: attempt.target, sent: attempt.sent, first: attempt.first, result };
        self.flight.in_air -= 1;
        let attempt = self.attempt(number);
        self.emit(|request| Event::AttemptEnded { attempt, request, end });
        end.target
    }
}
