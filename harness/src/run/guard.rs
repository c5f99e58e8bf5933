//! What stops a live run: a limit on money, requests or tokens, too many failures, an abort rule, the user, a full disk.
//! The pacer asks before each arrival; the recorder tells what answers have cost. What is still open is counted at its
//! worst, so that a limit is kept and not only noticed.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::{load::Arrival, price::Price, record::abort::Broken};
use richter_core::request::Usage;

/// Limits over the whole run; what is `None` is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Limits {
    pub spend_usd: Option<f64>,
    pub requests: Option<u64>,
    pub tokens: Option<u64>,
    /// Share of failures among the last [`FAILURES_OF`] ended requests at which the run stops.
    pub failures: Option<f64>,
}

/// Ended requests over which failures are judged.
pub const FAILURES_OF: usize = 30;

/// Why it was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Halt {
    /// The user wants what there is.
    Interrupted,
    /// A limit of the command line; whether it is on money.
    Limit { what: String, spend: bool },
    /// A rule of the scenario.
    Rule { strategy: usize, broken: Broken },
    /// What is measured can no longer be kept, or what is due no longer sent.
    Broken(String),
}

/// Shared by pacer, tasks and recorder.
#[derive(Debug)]
pub struct Guard {
    limits: Limits,
    /// The dearest price per million tokens of any target, to be on the safe side.
    dearest: Option<Price>,
    /// The most that a request without a limit of its own may produce.
    output_max: u32,
    stopped: AtomicBool,
    why: Mutex<Option<Halt>>,
    requests: AtomicU64,
    /// Spent by answers that are in, and by those that are open at their worst: in billionths of a dollar.
    spent: AtomicU64,
    open: AtomicU64,
    tokens: AtomicU64,
    tokens_open: AtomicU64,
    /// What was held for requests that have ended, until what they used is known: in billionths of a dollar, and tokens.
    ended: Mutex<(u64, u64)>,
    last: Mutex<Vec<bool>>,
}

const NANO: f64 = 1e9;

impl Guard {
    pub fn new(limits: Limits, dearest: Option<Price>, output_max: u32) -> Guard {
        Guard {
            limits,
            dearest,
            output_max,
            stopped: AtomicBool::new(false),
            why: Mutex::new(None),
            requests: AtomicU64::new(0),
            spent: AtomicU64::new(0),
            open: AtomicU64::new(0),
            tokens: AtomicU64::new(0),
            tokens_open: AtomicU64::new(0),
            ended: Mutex::new((0, 0)),
            last: Mutex::new(Vec::new()),
        }
    }

    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    pub fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Stops the run; the first reason stands.
    pub fn stop(&self, halt: Halt) {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(halt);
        self.stopped.store(true, Ordering::Release);
    }

    pub fn why(&self) -> Option<Halt> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn spent_usd(&self) -> f64 {
        self.spent.load(Ordering::Relaxed) as f64 / NANO
    }

    /// Whether this arrival may be sent. If so, its worst is held until [`Guard::released`].
    pub fn admits(&self, arrival: &Arrival) -> bool {
        if self.stopped() {
            return false;
        }
        let Limits { spend_usd, requests, tokens, .. } = self.limits;
        let (worst, worst_tokens) = self.worst(arrival);
        let with = |used: &AtomicU64, open: &AtomicU64, more: u64| {
            used.load(Ordering::Relaxed).saturating_add(open.load(Ordering::Relaxed)).saturating_add(more)
        };
        if let Some(most) = requests.filter(|most| self.requests.load(Ordering::Relaxed) >= *most) {
            self.stop(Halt::Limit {
                what: format!("{most} requests were sent (--max-requests)"),
                spend: false,
            });
            return false;
        }
        if let Some(most) = tokens.filter(|most| with(&self.tokens, &self.tokens_open, worst_tokens) > *most)
        {
            let what = format!("the next request could go beyond {most} tokens (--max-tokens)");
            self.stop(Halt::Limit { what, spend: false });
            return false;
        }
        let over = |most: &f64| with(&self.spent, &self.open, worst) as f64 / NANO > *most;
        if let Some(most) = spend_usd.filter(over) {
            let what = format!("the next request could go beyond {most} USD (--max-spend)");
            self.stop(Halt::Limit { what, spend: true });
            return false;
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.open.fetch_add(worst, Ordering::Relaxed);
        self.tokens_open.fetch_add(worst_tokens, Ordering::Relaxed);
        true
    }

    /// The request is over for its caller. Its worst is held until what it used is told, or a limit could be passed in
    /// between.
    pub fn released(&self, arrival: &Arrival) {
        let (worst, tokens) = self.worst(arrival);
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        *ended = (ended.0 + worst, ended.1 + tokens);
    }

    /// What is held for requests that have ended by now: whoever takes it tells what they used, and then lets it go.
    pub fn take_ended(&self) -> (u64, u64) {
        std::mem::take(&mut *self.ended.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn let_go(&self, (worst, tokens): (u64, u64)) {
        self.open.fetch_sub(worst, Ordering::Relaxed);
        self.tokens_open.fetch_sub(tokens, Ordering::Relaxed);
    }

    /// Tokens that the service reported, and their price, over the whole run.
    pub fn used(&self, tokens: u64, usd: f64) {
        self.tokens.store(tokens, Ordering::Relaxed);
        self.spent.store((usd * NANO) as u64, Ordering::Relaxed);
    }

    /// A request ended; enough failures in a row stop the run.
    pub fn ended(&self, answered: bool) {
        let Some(most) = self.limits.failures else { return };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == FAILURES_OF {
            last.remove(0);
        }
        last.push(answered);
        let failed = last.iter().filter(|answered| !**answered).count();
        if last.len() == FAILURES_OF && failed as f64 >= most * FAILURES_OF as f64 {
            let what = format!("{failed} of the last {FAILURES_OF} requests failed (--stop-at-failures)");
            self.stop(Halt::Limit { what, spend: false });
        }
    }

    /// In billionths of a dollar, and in tokens.
    fn worst(&self, arrival: &Arrival) -> (u64, u64) {
        let output = arrival.max_tokens.unwrap_or(self.output_max).min(self.output_max);
        let usage = Usage { input: arrival.input_tokens, output, ..Usage::default() };
        let usd = self.dearest.map_or(0.0, |price| price.cost_usd(usage));
        ((usd * NANO) as u64, u64::from(arrival.input_tokens) + u64::from(output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrival(max_tokens: Option<u32>) -> Arrival {
        Arrival {
            at: 0,
            number: 0,
            phase: 0,
            class: 0,
            tenant: 0,
            input_tokens: 1_000,
            output_tokens: 1,
            max_tokens,
            prefix: None,
            patience: None,
        }
    }

    /// A dollar for a thousand tokens of either kind.
    fn guard(limits: Limits) -> Guard {
        let price = Price { input: 1_000.0, output: 1_000.0, ..Price::default() };
        Guard::new(limits, Some(price), 4_000)
    }

    fn admitted(guard: &Guard, arrival: &Arrival) -> usize {
        (0..100).take_while(|_| guard.admits(arrival)).count()
    }

    #[test]
    fn money_is_held_at_its_worst_while_a_request_is_open_and_spent_as_reported() {
        let guard = guard(Limits { spend_usd: Some(10.0), ..Limits::default() });
        let two_dollars = arrival(Some(1_000));
        assert_eq!(admitted(&guard, &two_dollars), 5);
        let told =
            Halt::Limit { what: "the next request could go beyond 10 USD (--max-spend)".into(), spend: true };
        assert_eq!((guard.stopped(), guard.why()), (true, Some(told)));

        let guard = self::guard(Limits { spend_usd: Some(10.0), ..Limits::default() });
        for requests in 1..=8 {
            assert!(guard.admits(&two_dollars), "{requests}");
            guard.released(&two_dollars);
            let ended = guard.take_ended();
            guard.used(0, f64::from(requests) * 1.1);
            guard.let_go(ended);
        }
        assert!(!guard.admits(&two_dollars), "8.80 are spent, and two more could be");
    }

    #[test]
    fn a_request_without_a_limit_of_its_own_is_held_at_the_model_s() {
        let guard = guard(Limits { tokens: Some(10_000), ..Limits::default() });
        assert_eq!(admitted(&guard, &arrival(None)), 2, "5,000 tokens each");
    }

    #[test]
    fn requests_are_counted_exactly_and_the_first_reason_stands() {
        let guard = guard(Limits { requests: Some(7), ..Limits::default() });
        assert_eq!(admitted(&guard, &arrival(None)), 7);
        guard.stop(Halt::Interrupted);
        assert!(matches!(guard.why(), Some(Halt::Limit { spend: false, .. })));
    }

    #[test]
    fn a_run_of_failures_stops_it_and_a_few_do_not() {
        let guard = guard(Limits { failures: Some(0.5), ..Limits::default() });
        for place in 0..300 {
            guard.ended(place % 5 != 0);
        }
        assert!(!guard.stopped());
        for _ in 0..FAILURES_OF {
            guard.ended(false);
        }
        assert!(guard.stopped());
    }
}
