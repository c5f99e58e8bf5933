//! What attempts show, handed to every part that it concerns.
//!
//! Throttles concern the quota pool, faults the target, and the caller's own faults nobody.

use super::{
    admit::Shown,
    state::{Composed, Place},
};
use crate::{
    Nanos,
    failure::{Failure, FailureClass, Phase, ThrottleScope, Timer},
    flight::{Attempt, FlightView},
    policy::{
        SECOND, Ticket,
        cooldown::Strike,
        ledger::{Dimension, Ledger},
        seconds,
    },
    request::{Request, Usage},
    strategy::Lesson,
};

/// What a failure counts as first-token time, in seconds: else the target that fails fastest looks best.
pub(super) const FAILURE_LATENCY: f64 = 5.0;
/// How long we leave alone what we may not use.
const BARRED: Nanos = 300 * SECOND;
/// How long a spent daily quota is left alone before a probe.
const DAY_SPENT: Nanos = 3_600 * SECOND;
/// Weight of the newest answer in the time for one token.
const PACE_SMOOTH: f64 = 0.1;

/// Whose fault a failure is.
enum Blame {
    Throttle { hint_ms: Option<u64>, day: bool },
    Fault { hint_ms: Option<u64> },
    Access,
    QuotaHard,
    Nobody,
}

const fn blame(failure: Failure) -> Blame {
    match failure {
        Failure::Throttle { scope, retry_after_ms } => {
            Blame::Throttle { hint_ms: retry_after_ms, day: matches!(scope, ThrottleScope::TokensPerDay) }
        }
        Failure::Capacity { retry_after_ms } | Failure::ServerFault { retry_after_ms } => {
            Blame::Fault { hint_ms: retry_after_ms }
        }
        Failure::Transport(_) | Failure::Timeout(_) | Failure::StreamBroken => Blame::Fault { hint_ms: None },
        Failure::Access | Failure::Credential | Failure::ModelUnavailable => Blame::Access,
        Failure::QuotaHard => Blame::QuotaHard,
        Failure::ContextWindow | Failure::Content | Failure::BadRequest | Failure::LocalReject => {
            Blame::Nobody
        }
    }
}

/// Whether it speaks against the target.
pub(super) const fn is_fault(failure: Failure) -> bool {
    matches!(blame(failure), Blame::Fault { .. })
}

/// One attempt that something was heard of.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    pub(super) at: usize,
    ticket: Ticket,
    pub(super) attempt: &'a Attempt,
    /// Tokens held for it in the pool's books.
    reserved: f64,
    pub(super) now: Nanos,
}

impl Composed {
    pub(super) fn hear(&mut self, flight: &FlightView<'_>, lesson: &Lesson, now: Nanos) {
        let (target, number) = match *lesson {
            Lesson::Sent { target, attempt }
            | Lesson::Opened { target, attempt }
            | Lesson::Answered { target, attempt, .. }
            | Lesson::Failed { target, attempt, .. }
            | Lesson::Cancelled { target, attempt } => (target, attempt),
        };
        let (Some(at), Some(attempt)) = (self.at(target), flight.attempts.get(number as usize)) else {
            return;
        };
        let ticket = Ticket { request: flight.request.number, attempt: number };
        let reserved = self.reserved_by(flight.request, attempt);
        let heard = Heard { at, ticket, attempt, reserved, now };
        self.tell_gates(heard, lesson);
        self.tell_selector(heard, lesson);
        if let Some(queue) = self.queue.as_mut().filter(|_| !matches!(lesson, Lesson::Sent { .. })) {
            queue.stir();
        }
        match *lesson {
            Lesson::Sent { .. } => self.sent(heard),
            Lesson::Opened { .. } => self.admitted(heard),
            Lesson::Answered { usage, .. } => self.answered(heard, flight.request, usage),
            Lesson::Failed { failure, .. } => self.failed(heard, failure),
            Lesson::Cancelled { .. } => self.cancelled(heard),
        }
    }

    fn sent(&mut self, heard: Heard<'_>) {
        let Heard { ticket, now, .. } = heard;
        self.pace(self.places[heard.at].pool, heard.reserved, now);
        let place = &mut self.places[heard.at];
        place.in_flight += 1;
        let pool = &mut self.pools[place.pool];
        if let Some(cooldown) = &mut pool.cooldown {
            cooldown.sent(ticket, now);
        }
        if let Some(ledger) = &mut pool.ledger {
            ledger.reserve(heard.reserved, now);
        }
        if let Some(cooldown) = &mut place.cooldown {
            cooldown.sent(ticket, now);
        }
        if let Some(breaker) = &mut place.breaker {
            breaker.sent(ticket, now);
        }
    }

    /// The head of an answer shows that there was quota, though nothing yet about the target's health.
    fn admitted(&mut self, heard: Heard<'_>) {
        self.book(heard, |ledger| ledger.admitted());
        if let Some(cooldown) = &mut self.pools[self.places[heard.at].pool].cooldown {
            cooldown.passed(heard.ticket, heard.attempt.sent);
        }
    }

    fn answered(&mut self, heard: Heard<'_>, request: &Request, usage: Usage) {
        self.admitted(heard);
        let burndown = self.settings.quota.map_or(1.0, |quota| quota.burndown);
        let used = f64::from(usage.input) + f64::from(usage.cache_write) + f64::from(usage.output) * burndown;
        self.book(heard, |ledger| ledger.settle(heard.reserved, used, heard.now));
        // Who went on with an answer wrote only the rest of it.
        let whole =
            Usage { output: usage.output.saturating_add(heard.attempt.prefill.unwrap_or(0)), ..usage };
        let shown = Shown { pool: self.places[heard.at].pool, usage: whole, reserved: heard.reserved, used };
        self.shown(request, shown, heard.now);
        self.ended(false, heard.now);
        let place = &mut self.places[heard.at];
        place.landed();
        let cooled = place.cooldown.as_mut().is_some_and(|one| one.passed(heard.ticket, heard.attempt.sent));
        let unblocked = place.breaker.as_mut().is_some_and(|one| one.passed(heard.ticket, heard.now));
        if cooled || unblocked {
            place.well_from(heard.now);
        }
        place.time(heard.attempt, usage, heard.now);
    }

    fn failed(&mut self, heard: Heard<'_>, failure: Failure) {
        let Heard { at, ticket, attempt, now, .. } = heard;
        self.close_books(heard, failure);
        let strike = |hint_ms| Strike { ticket, sent: attempt.sent, hint_ms, jitter: self.jitter };
        let place = &mut self.places[at];
        let pool = &mut self.pools[place.pool];
        place.landed();
        match blame(failure) {
            Blame::Throttle { hint_ms, day } => {
                if let Some(cooldown) = &mut pool.cooldown {
                    match day {
                        true => cooldown.bar(ticket, DAY_SPENT, now),
                        false => cooldown.struck(&strike(hint_ms), now),
                    }
                }
                place.throttled(ticket, now, self.jitter);
            }
            Blame::QuotaHard => {
                if let Some(cooldown) = &mut pool.cooldown {
                    cooldown.bar(ticket, DAY_SPENT, now);
                }
                place.throttled(ticket, now, self.jitter);
            }
            Blame::Fault { hint_ms } => {
                if let Some(cooldown) = &mut pool.cooldown {
                    cooldown.cancelled(ticket);
                }
                place.faulted(&strike(hint_ms), attempt, now);
            }
            Blame::Access => {
                if self.settings.cooldown.is_some() {
                    place.barred_until = place.barred_until.max(now.saturating_add(BARRED));
                }
                self.shows_nothing(at, ticket);
            }
            Blame::Nobody => self.shows_nothing(at, ticket),
        }
    }

    fn cancelled(&mut self, heard: Heard<'_>) {
        let Heard { at, now, .. } = heard;
        self.book(heard, |ledger| ledger.abandon(heard.reserved, now));
        self.ended(false, now);
        self.places[at].landed();
        self.places[at].latency.add_penalty(seconds(heard.attempt.sent, now), now);
        self.shows_nothing(at, heard.ticket);
    }

    fn book(&mut self, heard: Heard<'_>, entry: impl FnOnce(&mut Ledger)) {
        if let Some(ledger) = &mut self.pools[self.places[heard.at].pool].ledger {
            entry(ledger);
        }
    }

    /// What a failed attempt took from its quota, as far as can be known.
    fn close_books(&mut self, heard: Heard<'_>, failure: Failure) {
        let Heard { reserved, now, .. } = heard;
        let dimension = |scope| match scope {
            ThrottleScope::Requests => Dimension::Requests,
            ThrottleScope::Tokens => Dimension::Tokens,
            ThrottleScope::TokensPerDay | ThrottleScope::Unknown => Dimension::Unknown,
        };
        self.ended(failure.class() == FailureClass::Throttle, now);
        self.book(heard, |ledger| match failure {
            Failure::Throttle { scope: ThrottleScope::TokensPerDay, .. } => ledger.refund(reserved, now),
            Failure::Throttle { scope, .. } => ledger.throttled(reserved, dimension(scope), now),
            Failure::Timeout(Timer::Connect) | Failure::Transport(Phase::Connect) => {
                ledger.refund(reserved, now);
            }
            Failure::Timeout(_) | Failure::Transport(_) | Failure::StreamBroken => {
                ledger.abandon(reserved, now);
            }
            // An error inside a stream comes after the work began.
            _ if heard.attempt.opened.is_some() => ledger.abandon(reserved, now),
            _ => ledger.refund(reserved, now),
        });
    }

    fn ended(&mut self, throttled: bool, now: Nanos) {
        if let Some(hedge) = &mut self.hedge {
            hedge.ended(throttled, now);
        }
    }

    fn shows_nothing(&mut self, at: usize, ticket: Ticket) {
        let place = &mut self.places[at];
        let pool = &mut self.pools[place.pool];
        for cooldown in [&mut pool.cooldown, &mut place.cooldown].into_iter().flatten() {
            cooldown.cancelled(ticket);
        }
        if let Some(breaker) = &mut place.breaker {
            breaker.cancelled(ticket);
        }
    }
}

impl Place {
    fn landed(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Whatever its health, it has no quota now.
    fn throttled(&mut self, ticket: Ticket, now: Nanos, jitter: f64) {
        if let Some(cooldown) = &mut self.cooldown {
            cooldown.cancelled(ticket);
        }
        if let Some(breaker) = &mut self.breaker {
            breaker.throttled(ticket, now, jitter);
        }
    }

    fn faulted(&mut self, strike: &Strike, attempt: &Attempt, now: Nanos) {
        if let Some(cooldown) = &mut self.cooldown {
            cooldown.struck(strike, now);
            if let Some(until) = cooldown.until().filter(|until| *until > now) {
                self.well_from(until);
            }
        }
        if let Some(breaker) = &mut self.breaker {
            breaker.failed(strike.ticket, now, strike.jitter);
        }
        let hinted = strike.hint_ms.map_or(0.0, |ms| (ms as f64 / 1e3).min(300.0));
        self.latency.add_penalty(FAILURE_LATENCY.max(hinted), now);
        // A silence that ended at a limit lasted at least that long.
        if matches!(attempt.failure(), Some(Failure::Timeout(_))) && attempt.first.is_none() {
            self.first_token.add(now.saturating_sub(attempt.sent), now);
        }
    }

    /// Seconds to the first token. A unary answer tells them only by what is left without its tokens.
    pub(super) fn first_token_of(&self, attempt: &Attempt, usage: Usage, now: Nanos) -> f64 {
        let tokens = f64::from(usage.output.max(1));
        match attempt.opened.zip(attempt.first) {
            Some((_, first)) => seconds(attempt.sent, first),
            None => (seconds(attempt.sent, now) - self.pace.unwrap_or(0.0) * tokens).max(0.001),
        }
    }

    fn time(&mut self, attempt: &Attempt, usage: Usage, now: Nanos) {
        self.latency.add(self.first_token_of(attempt, usage, now), now);
        if let Some((_, first)) = attempt.opened.zip(attempt.first) {
            self.first_token.add(first.saturating_sub(attempt.sent), now);
            let pace = seconds(first, now) / f64::from(usage.output.max(1));
            self.pace = Some(self.pace.map_or(pace, |old| old + (pace - old) * PACE_SMOOTH));
        }
    }
}
