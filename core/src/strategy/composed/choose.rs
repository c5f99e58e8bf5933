//! The middle of the pipeline: which targets may take this attempt, and which of them does.

use rand_core::Rng;

use super::state::Composed;
use crate::{
    Nanos,
    flight::FlightView,
    policy::{Verdict, selector},
    request::Needs,
    strategy::Reason,
};

/// In a panic a target that never succeeds still gets this share of what it would get.
const TRUST_MIN: f64 = 0.05;

/// Places, or Regions, as bits.
pub(super) type Bits = u64;

/// One asking of the strategy.
pub(super) struct Ask<'a> {
    pub(super) flight: &'a FlightView<'a>,
    pub(super) now: Nanos,
    /// What is asked for in place of what the caller does.
    pub(super) max_tokens: Option<u32>,
    /// What a target must not lack.
    pub(super) needs: Needs,
    pub(super) dice: &'a mut dyn Rng,
}

/// Which targets come into question for one attempt.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Question {
    pub(super) without_places: Bits,
    pub(super) only_places: Option<Bits>,
    pub(super) without_domains: Bits,
    /// Whether what health says is ignored.
    pub(super) panic: bool,
    /// Whether a target on probation comes into question.
    pub(super) no_probes: bool,
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    Place {
        at: usize,
        probes: bool,
    },
    /// Nothing; the earliest time at which that may change, and what stands in the way until then.
    Nothing {
        until: Option<(Nanos, Reason)>,
    },
}

impl Composed {
    /// Tier by tier; a target that is due for a probe goes before those that are well.
    pub(super) fn choose(&mut self, ask: &mut Ask<'_>, question: Question) -> Found {
        let mut earliest: Option<(Nanos, Reason)> = None;
        for tier in 0..self.tiers.len() {
            let (from, to) = self.tiers[tier];
            self.candidates.clear();
            for at in from..to {
                if !question.concerns(at, self.places[at].domain) || !self.fits(at, ask) {
                    continue;
                }
                match self.verdict(at, ask, question.panic) {
                    Verdict::Probe if question.no_probes => {}
                    Verdict::Probe => return Found::Place { at, probes: true },
                    Verdict::Allow => self.candidate(at, question.panic, ask),
                    Verdict::Deny { until, reason } => {
                        if earliest.is_none_or(|(before, _)| until < before) {
                            earliest = Some((until, reason));
                        }
                    }
                }
            }
            match self.select(ask) {
                Ok(at) => return Found::Place { at, probes: false },
                Err(Some(turned_away)) if earliest.is_none_or(|(before, _)| turned_away.0 < before) => {
                    earliest = Some(turned_away);
                }
                Err(_) => {}
            }
        }
        Found::Nothing { until: earliest }
    }

    fn candidate(&mut self, at: usize, panic: bool, ask: &mut Ask<'_>) {
        let now = ask.now;
        let place = &mut self.places[at];
        if panic && let Some(breaker) = &mut place.breaker {
            let trust = breaker.success_share(now).max(TRUST_MIN);
            if selector::share(ask.dice) >= trust {
                return;
            }
        }
        let ledger = self.pools[place.pool].ledger.as_mut();
        let room = ledger.map_or(f64::INFINITY, |ledger| ledger.room(now));
        let (finish, cost) = self.outlook(at, ask.flight.request);
        let place = &self.places[at];
        self.candidates.push(selector::Candidate {
            place: at,
            weight: place.weight,
            in_flight: place.in_flight,
            latency: place.latency.value(now),
            room,
            finish,
            cost,
        });
    }

    /// What all gates of a place say together.
    pub(super) fn verdict(&mut self, at: usize, ask: &Ask<'_>, panic: bool) -> Verdict {
        let now = ask.now;
        let place = &self.places[at];
        let mut verdict = Verdict::Allow;
        if now < place.barred_until {
            return Verdict::Deny { until: place.barred_until, reason: Reason::Barred };
        }
        if let Some(cooldown) = &self.pools[place.pool].cooldown {
            verdict = verdict.and(cooldown.check(now));
        }
        let shown = f64::from(ask.flight.shown);
        let tokens = self.reservation(ask.flight.request, ask.max_tokens) + shown;
        if let Some(until) = self.paced(place.pool, tokens, now) {
            verdict = verdict.and(Verdict::Deny { until, reason: Reason::Paced });
        }
        let ledger = self.pools[self.places[at].pool].ledger.as_mut();
        if let Some(until) = ledger.and_then(|ledger| ledger.fits(tokens, now)) {
            verdict = verdict.and(Verdict::Deny { until, reason: Reason::QuotaShort });
        }
        let place = &self.places[at];
        if let Some(concurrency) = &place.concurrency {
            verdict = verdict.and(concurrency.check(place.in_flight, now));
        }
        if panic {
            return verdict;
        }
        if let Some(cooldown) = &place.cooldown {
            verdict = verdict.and(cooldown.check(now));
        }
        if let Some(breaker) = &place.breaker {
            verdict = verdict.and(breaker.check(now));
        }
        match &self.outliers {
            Some(outliers) => verdict.and(outliers.check(at, self.well(outliers, now), now)),
            None => verdict,
        }
    }
}

impl Question {
    fn concerns(&self, place: usize, domain: usize) -> bool {
        let bit = 1 << place;
        self.without_places & bit == 0
            && self.only_places.is_none_or(|only| only & bit != 0)
            && self.without_domains & (1 << domain) == 0
    }
}
