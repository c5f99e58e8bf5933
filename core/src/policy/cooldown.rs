//! Leave alone what has just refused: longer with each further strike, and let a single probe find out when it is over.
//!
//! One cool-down serves one scope: a quota pool for throttles, a target for faults. A cool-down never gets shorter but
//! by a success; an attempt that left before the latest strike shows nothing new, neither by failing nor by succeeding.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{MILLISECOND, SECOND, Ticket, Verdict, probe::Permit, spread};
use crate::{Nanos, span, strategy::Reason};

/// No hint of the service is followed further than this.
const HINT_MAX: Nanos = 300 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CooldownSpec {
    /// Strikes in a row, without a success between them, before anything is left alone.
    #[serde(default = "one")]
    pub after: u32,
    /// Length of the first cool-down; it doubles with each further strike.
    #[serde(deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub base: Duration,
    /// The length grows no further than this.
    #[serde(deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub cap: Duration,
    /// How it ends.
    #[serde(default)]
    pub then: Then,
}

/// What happens when a cool-down is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// One attempt is let through; all others wait for its success.
    #[default]
    Probe,
    /// Everything is let through at once.
    Readmit,
}

fn one() -> u32 {
    1
}

/// A refusal of one attempt.
#[derive(Debug, Clone, Copy)]
pub struct Strike {
    pub ticket: Ticket,
    /// When the attempt left.
    pub sent: Nanos,
    /// How long the service asked to be left alone.
    pub hint_ms: Option<u64>,
    /// A share of one, which spreads the length by a quarter to both sides.
    pub jitter: f64,
}

#[derive(Debug, Clone)]
pub struct Cooldown {
    after: u32,
    base: Nanos,
    cap: Nanos,
    then: Then,
    probe_for: Nanos,
    strikes: u32,
    /// Of the latest strike.
    struck: Option<Nanos>,
    /// Set while something is wrong, over or not.
    until: Option<Nanos>,
    permit: Permit,
}

impl Cooldown {
    /// `probe_for` is how long a probe may take.
    pub fn new(spec: &CooldownSpec, probe_for: Nanos) -> Cooldown {
        Cooldown {
            after: spec.after.max(1),
            base: span::nanos(spec.base),
            cap: span::nanos(spec.cap),
            then: spec.then,
            probe_for,
            strikes: 0,
            struck: None,
            until: None,
            permit: Permit::default(),
        }
    }

    pub fn check(&self, now: Nanos) -> Verdict {
        let Some(until) = self.until else { return Verdict::Allow };
        if now < until {
            return Verdict::Deny { until, reason: Reason::CoolingDown };
        }
        match (self.then, self.permit.taken(now)) {
            (Then::Readmit, _) => Verdict::Allow,
            (Then::Probe, None) => Verdict::Probe,
            (Then::Probe, Some(_)) => Verdict::Deny { until: now, reason: Reason::CoolingDown },
        }
    }

    /// Until when it is closed to everybody, whatever happens.
    pub fn until(&self) -> Option<Nanos> {
        self.until
    }

    pub fn sent(&mut self, ticket: Ticket, now: Nanos) {
        if self.check(now) == Verdict::Probe {
            self.permit.take(ticket, now, now.saturating_add(self.probe_for));
        }
    }

    pub fn struck(&mut self, strike: &Strike, now: Nanos) {
        let Strike { ticket, sent, hint_ms, jitter } = *strike;
        let probed = self.permit.give_back(ticket);
        if self.struck.is_some_and(|struck| sent < struck) && !probed {
            return;
        }
        self.strikes = self.strikes.saturating_add(1);
        self.struck = Some(now);
        let over = self.strikes.checked_sub(self.after);
        let hint = hint_ms.map(|ms| ms.saturating_mul(MILLISECOND).min(HINT_MAX));
        let length = match (over, hint) {
            (None, None) => return,
            (over, hint) => self.length(over).max(hint.unwrap_or(0)),
        };
        let until = now.saturating_add(spread(length, jitter).max(hint.unwrap_or(0)));
        self.until = self.until.max(Some(until));
    }

    /// Closed for this long, whatever the strikes; a probe follows.
    pub fn bar(&mut self, ticket: Ticket, length: Nanos, now: Nanos) {
        self.permit.give_back(ticket);
        self.struck = Some(now);
        self.strikes = self.strikes.max(self.after);
        self.until = self.until.max(Some(now.saturating_add(length)));
    }

    /// An attempt sent at `sent` was let in; whether that ended a cool-down.
    pub fn passed(&mut self, ticket: Ticket, sent: Nanos) -> bool {
        let probed = self.permit.give_back(ticket);
        if !probed && self.struck.is_some_and(|struck| sent < struck) {
            return false;
        }
        self.strikes = 0;
        self.struck = None;
        self.permit.clear();
        self.until.take().is_some()
    }

    /// An attempt ended without showing anything.
    pub fn cancelled(&mut self, ticket: Ticket) {
        self.permit.give_back(ticket);
    }

    fn length(&self, over: Option<u32>) -> Nanos {
        let Some(over) = over else { return 0 };
        let factor = 1u64.checked_shl(over).unwrap_or(u64::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: f64 = 0.5;

    fn ticket(request: u64) -> Ticket {
        Ticket { request, attempt: 0 }
    }

    fn strike(request: u64, sent: Nanos, hint_ms: Option<u64>, jitter: f64) -> Strike {
        Strike { ticket: ticket(request), sent, hint_ms, jitter }
    }

    fn cooldown(after: u32, then: Then) -> Cooldown {
        let spec = CooldownSpec { after, base: Duration::from_secs(1), cap: Duration::from_secs(5), then };
        Cooldown::new(&spec, 10 * SECOND)
    }

    fn until(cooldown: &Cooldown) -> Nanos {
        cooldown.until().unwrap()
    }

    #[test]
    fn each_strike_doubles_the_length_up_to_the_cap() {
        let mut cool = cooldown(1, Then::Probe);
        let mut lengths = Vec::new();
        for nth in 0..5 {
            let now = nth * 100 * SECOND;
            cool.struck(&strike(nth, now, None, HALF), now);
            lengths.push((until(&cool) - now) / SECOND);
        }
        assert_eq!(lengths, [1, 2, 4, 5, 5]);
    }

    #[test]
    fn attempts_that_left_before_the_strike_count_neither_way() {
        let mut cool = cooldown(1, Then::Probe);
        cool.struck(&strike(1, 0, None, HALF), 100);
        let first = until(&cool);
        cool.struck(&strike(2, 50, None, HALF), 120);
        cool.passed(ticket(3), 60);
        assert_eq!(until(&cool), first);
        assert!(matches!(cool.check(first - 1), Verdict::Deny { .. }));
    }

    #[test]
    fn one_probe_goes_and_its_success_ends_the_cool_down() {
        let mut cool = cooldown(1, Then::Probe);
        cool.struck(&strike(1, 0, None, HALF), 0);
        let over = until(&cool);
        assert_eq!(cool.check(over), Verdict::Probe);
        cool.sent(ticket(2), over);
        let waits = Verdict::Deny { until: over + 1, reason: Reason::CoolingDown };
        assert_eq!(cool.check(over + 1), waits, "until the probe is back");
        cool.passed(ticket(2), over);
        assert_eq!(cool.check(over + 2), Verdict::Allow);
    }

    #[test]
    fn a_probe_that_fails_cools_for_longer_and_a_cancelled_one_frees_its_place() {
        let mut cool = cooldown(1, Then::Probe);
        cool.struck(&strike(1, 0, None, HALF), 0);
        let over = until(&cool);
        cool.sent(ticket(2), over);
        cool.struck(&strike(2, over, None, HALF), over + 5);
        assert_eq!(until(&cool), over + 5 + 2 * SECOND);
        let over = until(&cool);
        cool.sent(ticket(3), over);
        cool.cancelled(ticket(3));
        assert_eq!(cool.check(over), Verdict::Probe);
    }

    #[test]
    fn without_probes_everybody_is_back_when_it_is_over() {
        let mut cool = cooldown(1, Then::Readmit);
        cool.struck(&strike(1, 0, None, HALF), 0);
        cool.sent(ticket(2), until(&cool));
        assert_eq!(cool.check(until(&cool)), Verdict::Allow);
    }

    #[test]
    fn strikes_below_the_threshold_do_nothing_unless_the_service_names_a_time() {
        let mut cool = cooldown(3, Then::Probe);
        cool.struck(&strike(1, 0, None, HALF), 0);
        cool.struck(&strike(2, 1, None, HALF), 1);
        assert_eq!(cool.check(2), Verdict::Allow);
        cool.struck(&strike(3, 2, Some(7_000), 0.0), 2);
        assert_eq!(until(&cool), 2 + 7 * SECOND);
        let mut told = cooldown(3, Then::Probe);
        told.struck(&strike(1, 0, Some(2_000), 0.0), 0);
        assert_eq!(until(&told), 2 * SECOND);
    }

    #[test]
    fn it_never_gets_shorter_but_by_a_success() {
        let mut cool = cooldown(1, Then::Probe);
        cool.bar(ticket(1), 300 * SECOND, 0);
        cool.struck(&strike(2, 1, None, HALF), 1);
        assert_eq!(until(&cool), 300 * SECOND);
        cool.passed(ticket(3), 300 * SECOND);
        assert_eq!(cool.until(), None);
    }
}
