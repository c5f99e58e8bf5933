//! The pipeline: what next for one request.
//!
//! First the request's own state (an attempt in the air, a failure that nothing cures, attempts left), then the targets
//! in the order of preference, then what `on_exhausted` says, then the budget.

use std::ops::Range;

use rand_core::Rng;

use super::{
    Exhausted,
    choose::{Ask, Bits, Found, Question},
    state::Composed,
};
use crate::{
    Nanos,
    failure::{Failure, FailureClass},
    flight::{Attempt, FlightId, FlightView},
    policy::{
        MILLISECOND, SECOND, Verdict,
        remedy::{Action, actions},
        selector,
    },
    request::Request,
    span,
    strategy::{Contract, Decision, Lesson, Reason, Send, Step, Strategy},
    target::TargetId,
};

/// A waiting request looks again at least this often, as an attempt in the air may free its target any time.
pub(super) const LOOK_AGAIN: Nanos = 50 * MILLISECOND;
/// One that is called when an attempt lands looks by itself, too: another target may have come back meanwhile.
const CALLED_LOOK_AGAIN: Nanos = 10 * LOOK_AGAIN;
/// `least_bad` sends a target this much, and no more.
const PITY: Nanos = SECOND;

/// The request's latest failure and the targets it has tried.
pub(super) struct Past {
    failure: Failure,
    sent: Nanos,
    ended: Nanos,
    at: usize,
    tried: Bits,
    /// Attempts at the target that failed last.
    repeats: u32,
}

pub(super) const fn stop(reason: Reason) -> Decision {
    Decision { step: Step::Stop, reason }
}

impl Strategy for Composed {
    fn contract(&self) -> Contract {
        Contract { attempts_max: self.settings.retry.attempts_max, deadline: self.settings.deadline }
    }

    fn connect_limit(&self) -> Option<std::time::Duration> {
        self.settings.timeouts.connect
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        self.jitter = selector::share(dice);
        self.asked_at = now;
        if flight.attempts.is_empty() && flight.asked.is_none() {
            self.deposit(now);
        }
        self.asks(flight, dice);
        let max_tokens = self.clamped(flight.request, now);
        let ask = &mut Ask { flight, now, max_tokens, needs: flight.request.needed(), dice };
        if let Some(silent) = flight.attempts.iter().find(|attempt| attempt.in_air()) {
            return self.hedged(ask, silent);
        }
        let past = self.past(flight);
        let Some(past) = past else {
            return self.enter(ask);
        };
        if self.is_final(&past) {
            return stop(Reason::NotRetryable);
        }
        if flight.attempts.len() as u32 >= self.settings.retry.attempts_max {
            return stop(Reason::AttemptsSpent);
        }
        if self.settings.fast_fail_only.is_some_and(|fast| fast.surfaces(past.sent, past.ended)) {
            return stop(Reason::FailedLate);
        }
        self.again(ask, &past)
    }

    fn withdraw(&mut self, flight: &FlightView<'_>, target: TargetId) -> bool {
        let now = self.asked_at;
        if flight.attempts.iter().any(Attempt::in_air) {
            return self.hedge.as_mut().is_some_and(|hedge| hedge.withdraw(now));
        }
        let tried = flight.attempts.iter().any(|attempt| attempt.target == target);
        let budget = if tried { &mut self.same } else { &mut self.failover };
        budget.as_mut().is_none_or(|budget| budget.withdraw(now))
    }

    fn mend(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Option<Send> {
        self.mended(flight, now, dice)
    }

    fn learn(&mut self, flight: &FlightView<'_>, lesson: &Lesson, now: Nanos) {
        self.hear(flight, lesson, now);
    }

    fn left(&mut self, flight: &FlightView<'_>) {
        self.waiting.remove(flight.id);
        self.leaves(flight.id, flight.request.priority);
    }

    /// Who waits for a landing goes before the queue; it has the next call.
    fn call(&mut self, now: Nanos) -> Option<(FlightId, Nanos)> {
        if self.waiting.is_due() {
            let room = self.has_room(now);
            if let Some(flight) = self.waiting.next(room) {
                return Some((flight, now));
            }
        }
        self.queue.as_mut()?.call(now)
    }
}

impl Composed {
    fn deposit(&mut self, now: Nanos) {
        for budget in [&mut self.same, &mut self.failover].into_iter().flatten() {
            budget.deposit(now);
        }
        if let Some(hedge) = &mut self.hedge {
            hedge.deposit(now);
        }
    }

    /// An attempt is in the air: nothing more, unless it is silent for too long and a hedge may go elsewhere.
    fn hedged(&mut self, ask: &mut Ask<'_>, silent: &Attempt) -> Decision {
        let due = self.hedge_due(ask, silent);
        match due {
            None => return stop(Reason::StillInAir),
            Some(due) if ask.now < due => {
                return Decision { step: Step::AskAgain { at: due }, reason: Reason::StillInAir };
            }
            Some(_) => {}
        }
        if !self.hedge.as_mut().is_some_and(|hedge| hedge.pays(ask.now)) {
            return stop(Reason::StillInAir);
        }
        let tried = ask.flight.attempts.iter().filter_map(|attempt| self.at(attempt.target));
        let question = Question {
            without_places: tried.fold(0, |bits, at| bits | 1 << at),
            without_domains: self.at(silent.target).map_or(0, |at| 1 << self.places[at].domain),
            no_probes: true,
            ..Question::default()
        };
        match self.choose(ask, question) {
            Found::Place { at, .. } if !self.is_tight(at, ask.now) => self.send(ask, at, Reason::Hedged),
            Found::Place { .. } | Found::Nothing { .. } => stop(Reason::StillInAir),
        }
    }

    /// Whether the quota behind a place is better kept for first attempts.
    fn is_tight(&mut self, at: usize, now: Nanos) -> bool {
        let pool = &mut self.pools[self.places[at].pool];
        pool.ledger.as_mut().is_some_and(|ledger| ledger.is_tight(now))
    }

    /// When the attempt will have been silent for too long; `None` if it is not to be hedged.
    fn hedge_due(&mut self, ask: &Ask<'_>, silent: &Attempt) -> Option<Nanos> {
        let hedge = self.hedge.as_ref()?;
        let attempts = &ask.flight.attempts;
        let alone = attempts.iter().filter(|attempt| attempt.in_air()).count() == 1;
        let left = (attempts.len() as u32) < self.settings.retry.attempts_max;
        // Content that is kept back is no silence.
        let speaks = attempts.iter().any(|attempt| attempt.in_air() && attempt.first.is_some());
        let at = *self.places_by_target.get(usize::from(silent.target.0))?;
        let place = self.places.get_mut(usize::from(at))?;
        if !(alone && left && ask.flight.request.api.streams()) || speaks {
            return None;
        }
        let delay = hedge.delay(&mut place.first_token, ask.now)?;
        Some(silent.sent.saturating_add(delay))
    }

    fn past(&self, flight: &FlightView<'_>) -> Option<Past> {
        let mut tried = 0;
        let mut last: Option<(Nanos, &Attempt, Failure)> = None;
        for attempt in flight.attempts {
            tried |= self.at(attempt.target).map_or(0, |at| 1 << at);
            if let (Some((ended, _)), Some(failure)) = (attempt.ended, attempt.failure())
                && last.is_none_or(|(before, ..)| ended >= before)
            {
                last = Some((ended, attempt, failure));
            }
        }
        let (ended, &Attempt { target, sent, .. }, failure) = last?;
        let repeats = flight.attempts.iter().filter(|attempt| attempt.target == target).count() as u32;
        Some(Past { failure, sent, ended, at: self.at(target)?, tried, repeats })
    }

    pub(super) fn first(&mut self, ask: &mut Ask<'_>) -> Decision {
        match self.choose(ask, Question::default()) {
            Found::Place { at, probes } => {
                let reason = if probes { Reason::Probe } else { Reason::FirstChoice };
                self.send(ask, at, reason)
            }
            Found::Nothing { until } => {
                let hop = self.hop(ask, 0, self.instead(ask.flight.request));
                hop.unwrap_or_else(|| self.exhausted(ask, None, until))
            }
        }
    }

    /// What helps a request that no target of the tiers may take: a larger model if it fits none of them.
    fn instead(&self, request: &Request) -> Action {
        if self.has_room_for(request) { Action::NextModel } else { Action::LargerContext }
    }

    /// Whether it fits any model of the tiers, as far as we were told.
    pub(super) fn has_room_for(&self, request: &Request) -> bool {
        (0..self.tiered()).any(|at| self.is_roomy(at, request))
    }

    /// Whether nothing helps, or only another model that there is not.
    fn is_final(&self, past: &Past) -> bool {
        actions(past.failure).iter().all(|action| match action {
            Action::LargerContext | Action::OtherContent => !self.has_remedy(*action, past.tried),
            Action::NextTarget | Action::NextModel | Action::RetrySame => false,
        })
    }

    /// After a failure: the first remedy that can be had.
    fn again(&mut self, ask: &mut Ask<'_>, past: &Past) -> Decision {
        let mut earliest = None;
        for action in actions(past.failure) {
            let decided = match action {
                Action::NextTarget => self.next_target(ask, past, &mut earliest),
                Action::RetrySame if !self.settings.retry.same_target => None,
                Action::RetrySame => Some(self.same_again(ask, past, earliest)),
                Action::NextModel | Action::LargerContext | Action::OtherContent => {
                    self.hop(ask, past.tried, *action)
                }
            };
            if let Some(decision) = decided {
                return decision;
            }
        }
        match earliest {
            None => stop(Reason::TargetsSpent),
            Some(_) => self.exhausted(ask, Some(past), earliest),
        }
    }

    /// An untried target of the tiers, in another failure domain if this one is at fault.
    fn next_target(
        &mut self,
        ask: &mut Ask<'_>,
        past: &Past,
        earliest: &mut Option<(Nanos, Reason)>,
    ) -> Option<Decision> {
        let untried = Question { without_places: past.tried, ..Question::default() };
        let elsewhere = Question { without_domains: 1 << self.places[past.at].domain, ..untried };
        let first = if past.failure.class() == FailureClass::Throttle { untried } else { elsewhere };
        for question in [first, untried] {
            match self.choose(ask, question) {
                Found::Place { at, probes } => {
                    let reason = if probes { Reason::Probe } else { Reason::NextTarget };
                    return Some(self.send(ask, at, reason));
                }
                Found::Nothing { until } => *earliest = until,
            }
        }
        None
    }

    /// Targets that this request has tried are all that is left for now.
    fn same_again(&mut self, ask: &mut Ask<'_>, past: &Past, untried: Option<(Nanos, Reason)>) -> Decision {
        let retry = self.settings.retry;
        let now = ask.now;
        let waited = ask.flight.asked.is_some_and(|asked| asked <= now && asked > past.ended);
        if !waited {
            let at = now.saturating_add(retry.wait(past.failure, past.repeats, ask.dice));
            if at > now {
                return Decision { step: Step::AskAgain { at }, reason: Reason::RetrySame };
            }
        }
        self.tried(ask, past, untried)
    }

    fn tried(&mut self, ask: &mut Ask<'_>, past: &Past, untried: Option<(Nanos, Reason)>) -> Decision {
        let question = Question { only_places: Some(past.tried), ..Question::default() };
        match self.choose(ask, question) {
            Found::Place { at, probes } => {
                let reason = if probes { Reason::Probe } else { Reason::RetrySame };
                self.send(ask, at, reason)
            }
            Found::Nothing { until } => {
                let earliest = untried.into_iter().chain(until).min_by_key(|(at, _)| *at);
                self.exhausted(ask, Some(past), earliest)
            }
        }
    }

    pub(super) fn send(&mut self, ask: &Ask<'_>, at: usize, reason: Reason) -> Decision {
        let timeouts = self.timeouts(at, ask.flight.request.api.streams(), ask.now);
        let (target, rules) = (self.places[at].target, self.rules(ask));
        let send = Send { target, at: ask.now, timeouts, max_tokens: ask.max_tokens, rules };
        Decision { step: Step::Send(send), reason }
    }

    /// No target is eligible.
    fn exhausted(
        &mut self,
        ask: &mut Ask<'_>,
        past: Option<&Past>,
        earliest: Option<(Nanos, Reason)>,
    ) -> Decision {
        let decided = self.ruled(ask, past, earliest, 0..self.settings.on_exhausted.len());
        decided.unwrap_or_else(|| match earliest {
            Some((_, reason)) => stop(reason),
            None if self.is_beyond_all(ask.flight.request) => stop(Reason::Incapable),
            None => stop(Reason::NothingEligible),
        })
    }

    /// What the first of these rules does that can do anything.
    pub(super) fn ruled(
        &mut self,
        ask: &mut Ask<'_>,
        past: Option<&Past>,
        earliest: Option<(Nanos, Reason)>,
        rules: Range<usize>,
    ) -> Option<Decision> {
        let lines_up = past.is_none() && self.queue.is_some();
        for rule in rules {
            let tried = past.map_or(0, |past| past.tried);
            let decided = match &self.settings.on_exhausted[rule] {
                // Nobody waits out of turn.
                Exhausted::WaitFirst(_) if lines_up => None,
                Exhausted::FailFast => break,
                &Exhausted::Degrade(degrade) => self.degraded(ask, tried, degrade),
                Exhausted::WaitFirst(wait) => {
                    let since = past.map_or(ask.flight.begun, |past| past.ended);
                    self.wait_until(earliest, since.saturating_add(span::nanos(wait.max)), ask)
                }
                Exhausted::LeastBad => self.least_bad(ask, tried),
                Exhausted::AskAnyway => self.ask_anyway(ask),
                Exhausted::PanicAll => self.panic_all(ask, tried),
                Exhausted::LastResort(_) => self.last_resort(ask, tried, rule),
            };
            if decided.is_some() {
                return decided;
            }
        }
        None
    }

    /// The untried target that would be eligible first, for a single request each second.
    fn least_bad(&mut self, ask: &Ask<'_>, tried: Bits) -> Option<Decision> {
        let tiered = self.tiered();
        let open = (0..tiered).filter(|at| tried & (1 << at) == 0);
        let mut best: Option<(Nanos, usize)> = None;
        for at in open {
            let place = &self.places[at];
            if ask.now < place.barred_until || ask.now < place.pitied_until || !self.fits(at, ask) {
                continue;
            }
            if let Verdict::Deny { until, .. } = self.verdict(at, ask, false)
                && best.is_none_or(|(before, _)| until < before)
            {
                best = Some((until, at));
            }
        }
        let (_, at) = best?;
        self.places[at].pitied_until = ask.now.saturating_add(PITY);
        Some(self.send(ask, at, Reason::LeastBad))
    }

    /// The healthy target whose quota pool opens first, for a request that nobody was asked about yet.
    fn ask_anyway(&mut self, ask: &Ask<'_>) -> Option<Decision> {
        if !ask.flight.attempts.is_empty() {
            return None;
        }
        let tiered = self.tiered();
        let mut best: Option<(Nanos, usize)> = None;
        for at in 0..tiered {
            let place = &self.places[at];
            let healthy = self.fits(at, ask)
                && ask.now >= place.barred_until
                && place.cooldown.as_ref().is_none_or(|cooldown| cooldown.check(ask.now) == Verdict::Allow)
                && place.breaker.as_ref().is_none_or(|breaker| breaker.check(ask.now) == Verdict::Allow);
            if healthy
                && let Verdict::Deny { until, .. } = self.verdict(at, ask, true)
                && best.is_none_or(|(before, _)| until < before)
            {
                best = Some((until, at));
            }
        }
        let (_, at) = best?;
        Some(self.send(ask, at, Reason::AskedAnyway))
    }

    fn panic_all(&mut self, ask: &mut Ask<'_>, tried: Bits) -> Option<Decision> {
        let question = Question { without_places: tried, panic: true, ..Question::default() };
        match self.choose(ask, question) {
            Found::Place { at, .. } => Some(self.send(ask, at, Reason::Panicked)),
            Found::Nothing { .. } => None,
        }
    }

    /// Last resorts come after the tiers, in the order of their rules.
    fn last_resort(&mut self, ask: &Ask<'_>, tried: Bits, rule: usize) -> Option<Decision> {
        let before = self.settings.on_exhausted[..rule].iter();
        let nth = before.filter(|step| matches!(step, Exhausted::LastResort(_))).count();
        let at = self.tiered() + nth;
        let open = tried & (1 << at) == 0
            && self.fits(at, ask)
            && !matches!(self.verdict(at, ask, false), Verdict::Deny { .. });
        open.then(|| self.send(ask, at, Reason::LastResort))
    }

    /// Waits for the first target to come back, if that is before `limit`; wake-ups are spread, so that not everybody
    /// comes back in the same moment. Who waits for an attempt to land is called when one does.
    fn wait_until(
        &mut self,
        earliest: Option<(Nanos, Reason)>,
        limit: Nanos,
        ask: &mut Ask<'_>,
    ) -> Option<Decision> {
        let now = ask.now;
        let (until, reason) = earliest?;
        if until > limit || now >= limit {
            return None;
        }
        let called = reason == Reason::ConcurrencyFull && self.waiting.add(ask.flight.id);
        let look_again = if called { CALLED_LOOK_AGAIN } else { LOOK_AGAIN };
        let spread = (look_again as f64 * selector::share(ask.dice)) as Nanos;
        let at = until.max(now.saturating_add(look_again)).saturating_add(spread).min(limit);
        Some(Decision { step: Step::AskAgain { at }, reason })
    }
}
