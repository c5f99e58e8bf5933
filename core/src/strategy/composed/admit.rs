//! The front of the pipeline: who is let in at all, who waits for room, and with how much output a request is sent.
//!
//! Nobody is turned away who was let in before: only a request that has no attempt yet meets what is here, and further
//! attempts go past the queue.

use super::{
    Exhausted,
    choose::{Ask, Bits, Found, Question},
    decide::{LOOK_AGAIN, stop},
    state::Composed,
};
use crate::{
    Nanos,
    flight::{FlightId, FlightView},
    policy::{
        Verdict,
        degrade::DegradeSpec,
        ledger::{Ledger, LimitSpec},
        remedy::Action,
    },
    request::{Priority, Request, Usage},
    strategy::{Decision, Reason, Step},
};

impl Composed {
    /// A request without an attempt.
    pub(super) fn enter(&mut self, ask: &mut Ask<'_>) -> Decision {
        if ask.flight.asked.is_none()
            && let Some(reason) = self.turned_away(ask)
        {
            return stop(reason);
        }
        // Who is too long for every model of the tiers has nothing to wait for.
        let lines_up = self.queue.is_some() && self.has_room_for(ask.flight.request);
        if lines_up { self.in_line(ask) } else { self.first(ask) }
    }

    /// Why a new request is not let in. What is shed does not count against its tenant's rate.
    fn turned_away(&mut self, ask: &Ask<'_>) -> Option<Reason> {
        let request = ask.flight.request;
        if self.sheds(ask) {
            return Some(Reason::ShedByPriority);
        }
        let tokens = self.reservation(request, None);
        let over = self.tenants.as_mut().is_some_and(|one| !one.admit(request.tenant, tokens, ask.now));
        over.then_some(Reason::TenantOverRate)
    }

    /// The pool of which least is spent decides, of those that the request may use or could if there were quota.
    fn sheds(&mut self, ask: &Ask<'_>) -> bool {
        let priority = ask.flight.request.priority;
        let Some(shed) = self.settings.shed.filter(|_| priority != Priority::Critical) else {
            return false;
        };
        let tiered = self.tiered();
        let mut least: Option<f64> = None;
        for at in 0..tiered {
            let usable = match self.verdict(at, ask, false) {
                Verdict::Allow | Verdict::Probe => true,
                Verdict::Deny { reason, .. } => matches!(reason, Reason::QuotaShort | Reason::Paced),
            };
            if usable {
                let ledger = self.pools[self.places[at].pool].ledger.as_mut();
                let spent = ledger.map_or(0.0, |ledger| ledger.spent(ask.now));
                least = Some(least.map_or(spent, |least| least.min(spent)));
            }
        }
        least.is_some_and(|spent| shed.drops(priority, spent))
    }

    /// The one whose turn it is looks for a target; all others wait for their turn.
    fn in_line(&mut self, ask: &mut Ask<'_>) -> Decision {
        let FlightView { id, request, .. } = *ask.flight;
        let (priority, now) = (request.priority, ask.now);
        let Some(queue) = &self.queue else { return stop(Reason::NothingEligible) };
        let until = queue.waits_until(id, priority);
        let has_turn = match until {
            None => queue.goes_first(priority, now),
            Some(_) => queue.next(now) == Some(id),
        };
        let mut room_at = None;
        if has_turn {
            match self.looks(ask) {
                Ok(decision) => {
                    self.leaves(id, priority);
                    return decision;
                }
                Err(earliest) => room_at = earliest,
            }
        }
        match until {
            Some(until) if now >= until => {
                self.leaves(id, priority);
                let rules = self.queue_s_place()..self.settings.on_exhausted.len();
                self.ruled(ask, None, room_at, rules).unwrap_or(stop(Reason::QueueTimeout))
            }
            Some(until) => {
                let reason = room_at.map_or(Reason::Queued, |(_, reason)| reason);
                self.waits(ask, until, room_at, reason)
            }
            None => match self.queue.as_mut().and_then(|queue| queue.join(id, priority, now)) {
                None => stop(Reason::QueueFull),
                Some(until) => self.waits(ask, until, room_at, Reason::Queued),
            },
        }
    }

    /// A target now, or else when there may be one.
    fn looks(&mut self, ask: &mut Ask<'_>) -> Result<Decision, Option<(Nanos, Reason)>> {
        match self.choose(ask, Question::default()) {
            Found::Place { at, probes } => {
                let reason = if probes { Reason::Probe } else { Reason::FirstChoice };
                Ok(self.send(ask, at, reason))
            }
            Found::Nothing { until } => match self.hop(ask, 0, Action::NextModel) {
                Some(decision) => Ok(decision),
                None => {
                    let rules = 0..self.queue_s_place();
                    self.ruled(ask, None, until, rules).ok_or(until)
                }
            },
        }
    }

    /// The queue stands where the rules would wait or give up: those before it act at once, those after it when the wait
    /// was in vain.
    fn queue_s_place(&self) -> usize {
        let rules = &self.settings.on_exhausted;
        let ends = |rule: &Exhausted| matches!(rule, Exhausted::WaitFirst(_) | Exhausted::FailFast);
        rules.iter().position(ends).unwrap_or(rules.len())
    }

    /// It sleeps until its time is over; the one that has the turn until there may be room, or the turn is another's.
    fn waits(
        &mut self,
        ask: &Ask<'_>,
        until: Nanos,
        room_at: Option<(Nanos, Reason)>,
        reason: Reason,
    ) -> Decision {
        let (id, now) = (ask.flight.id, ask.now);
        let mut at = until;
        if let Some(queue) = self.queue.as_mut().filter(|queue| queue.next(now) == Some(id)) {
            queue.looked(id, now);
            at = at.min(queue.turns_at(now).unwrap_or(until));
            if let Some((room_at, _)) = room_at {
                at = at.min(if room_at > now { room_at } else { now.saturating_add(LOOK_AGAIN) });
            }
        }
        Decision { step: Step::AskAgain { at }, reason }
    }

    /// It waits no longer.
    pub(super) fn leaves(&mut self, flight: FlightId, priority: Priority) {
        if let Some(queue) = &mut self.queue {
            queue.leave(flight, priority);
        }
    }

    /// What to ask for in place of what the caller does.
    pub(super) fn clamped(&mut self, request: &Request, now: Nanos) -> Option<u32> {
        let most = self.settings.max_output();
        self.clamp.as_mut()?.limit(request.class, request.max_tokens, most, now)
    }

    /// Nothing is eligible: with less output, something may be.
    pub(super) fn degraded(
        &mut self,
        ask: &mut Ask<'_>,
        tried: Bits,
        degrade: DegradeSpec,
    ) -> Option<Decision> {
        let request = ask.flight.request;
        let wanted = ask.max_tokens;
        let asked = wanted.or(request.max_tokens).unwrap_or(self.settings.max_output());
        // At the floor everything that can be had at all is eligible; of that, the most room counts.
        ask.max_tokens = Some(degrade.floor);
        let most = self.most_room(ask, tried);
        let fitting = most.and_then(|room| degrade.fitting(room, request.input_tokens, asked));
        ask.max_tokens = fitting;
        if fitting.is_some()
            && let Found::Place { at, .. } =
                self.choose(ask, Question { without_places: tried, ..Question::default() })
        {
            return Some(self.send(ask, at, Reason::Degraded));
        }
        ask.max_tokens = wanted;
        None
    }

    /// Tokens left where most are, of the targets that may be used.
    fn most_room(&mut self, ask: &Ask<'_>, tried: Bits) -> Option<f64> {
        let tiered = self.tiered();
        let mut most: Option<f64> = None;
        for at in (0..tiered).filter(|at| tried & (1 << at) == 0) {
            if !self.fits(at, ask) || matches!(self.verdict(at, ask, false), Verdict::Deny { .. }) {
                continue;
            }
            let ledger = self.pools[self.places[at].pool].ledger.as_mut();
            let room = ledger.map_or(f64::INFINITY, |ledger| ledger.room(ask.now));
            most = Some(most.map_or(room, |most| most.max(room)));
        }
        most
    }

    /// When pacing lets a request through that reserves so much; `None` if that is now.
    pub(super) fn paced(&self, pool: usize, reserved: f64, now: Nanos) -> Option<Nanos> {
        let pool = &self.pools[pool];
        pool.pacer.as_ref()?.check(reserved, learnt(pool.ledger.as_ref()), now)
    }

    /// An attempt is sent from this pool.
    pub(super) fn pace(&mut self, pool: usize, reserved: f64, now: Nanos) {
        let pool = &mut self.pools[pool];
        if let Some(pacer) = &mut pool.pacer {
            pacer.sent(reserved, learnt(pool.ledger.as_ref()), now);
        }
    }

    /// What an answer shows to the parts in front.
    pub(super) fn shown(&mut self, request: &Request, answer: Shown, now: Nanos) {
        if let Some(clamp) = &mut self.clamp {
            clamp.answered(request.class, answer.usage.output, now);
        }
        let charged = self.reservation(request, None);
        if let Some(tenants) = &mut self.tenants {
            tenants.give_back(request.tenant, charged - answer.used);
        }
        if let Some(pacer) = &mut self.pools[answer.pool].pacer {
            pacer.answered(answer.reserved, answer.used);
        }
    }
}

/// What an answer used, in tokens of its quota pool.
pub(super) struct Shown {
    pub(super) pool: usize,
    pub(super) usage: Usage,
    pub(super) reserved: f64,
    pub(super) used: f64,
}

fn learnt(ledger: Option<&Ledger>) -> LimitSpec {
    ledger.map_or_else(LimitSpec::default, Ledger::rates)
}
