//! A breaker against faults: passing, blocked, or probing.
//!
//! It blocks after a run of faults, or when too few of the last calls succeeded; while blocked nothing passes; then one
//! probe at a time decides. When it passes again it starts cold, so that old failures do not block it at once. Throttles
//! belong to quota and are not reported here, unless `throttle_weight` says so, and never break a run.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SECOND, Ticket, Verdict, probe::Permit, spread, window::Window};
use crate::{Nanos, quantity::Share, span, strategy::Reason};

/// One opening is forgotten for each minute that it passes.
const FORGETS_AFTER: Nanos = 60 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakerSpec {
    /// Blocks after so many faults in a row; 0 counts no runs.
    #[serde(default = "five")]
    pub consecutive: u32,
    /// Blocks when the share of successes in the window falls below this.
    #[serde(default = "four_fifths")]
    pub success_below: Share,
    /// Calls in the window before its share counts; 0 never looks at the share.
    #[serde(default = "ten")]
    pub calls_min: u32,
    #[serde(default = "half_a_minute", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub window: Duration,
    /// Length of the first blocking; it doubles each time it blocks again.
    #[serde(default = "five_seconds", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub block: Duration,
    #[serde(default = "five_minutes", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub block_cap: Duration,
    /// Successful probes before it passes.
    #[serde(default = "one")]
    pub probes: u32,
    /// What a throttle counts in the share; 100% counts it like a fault.
    #[serde(default = "nothing")]
    pub throttle_weight: Share,
}

fn one() -> u32 {
    1
}
fn five() -> u32 {
    5
}
fn ten() -> u32 {
    10
}
fn four_fifths() -> Share {
    Share(0.8)
}
fn nothing() -> Share {
    Share(0.0)
}
fn five_seconds() -> Duration {
    Duration::from_secs(5)
}
fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}
fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

impl BreakerSpec {
    /// Whether any failure could ever make it block.
    pub fn can_block(&self) -> bool {
        self.consecutive > 0 || (self.calls_min > 0 && self.success_below.0 > 0.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Passing { since: Nanos },
    Blocked { until: Nanos },
    Probing { passed: u32 },
}

#[derive(Debug, Clone)]
pub struct Breaker {
    spec: BreakerSpec,
    probe_for: Nanos,
    state: State,
    run: u32,
    window: Window,
    /// How often it blocked lately.
    openings: u32,
    permit: Permit,
}

impl Breaker {
    pub fn new(spec: &BreakerSpec, probe_for: Nanos) -> Breaker {
        Breaker {
            spec: *spec,
            probe_for,
            state: State::Passing { since: 0 },
            run: 0,
            window: Window::new(span::nanos(spec.window)),
            openings: 0,
            permit: Permit::default(),
        }
    }

    pub fn check(&self, now: Nanos) -> Verdict {
        match self.state {
            State::Passing { .. } => Verdict::Allow,
            State::Blocked { until } if now < until => {
                Verdict::Deny { until, reason: Reason::BreakerBlocked }
            }
            State::Blocked { .. } | State::Probing { .. } => match self.permit.taken(now) {
                None => Verdict::Probe,
                Some(_) => Verdict::Deny { until: now, reason: Reason::BreakerBlocked },
            },
        }
    }

    /// Share of the last calls that succeeded; all of them if there were none.
    pub fn success_share(&mut self, now: Nanos) -> f64 {
        let (good, bad) = self.window.sums(now);
        if good + bad > 0.0 { good / (good + bad) } else { 1.0 }
    }

    pub fn sent(&mut self, ticket: Ticket, now: Nanos) {
        if self.check(now) == Verdict::Probe {
            if let State::Blocked { .. } = self.state {
                self.state = State::Probing { passed: 0 };
            }
            self.permit.take(ticket, now, now.saturating_add(self.probe_for));
        }
    }

    /// Whether this made it pass again.
    pub fn passed(&mut self, ticket: Ticket, now: Nanos) -> bool {
        let probed = self.permit.give_back(ticket);
        self.run = 0;
        self.window.add(now, 1.0, 0.0);
        match self.state {
            State::Probing { passed } if probed && passed + 1 >= self.spec.probes => {
                self.state = State::Passing { since: now };
                self.window.clear();
                true
            }
            State::Probing { passed } if probed => {
                self.state = State::Probing { passed: passed + 1 };
                false
            }
            _ => false,
        }
    }

    pub fn failed(&mut self, ticket: Ticket, now: Nanos, jitter: f64) {
        let probed = self.permit.give_back(ticket);
        self.run = self.run.saturating_add(1);
        self.window.add(now, 0.0, 1.0);
        self.judge(probed, now, jitter);
    }

    /// A probe that is throttled has shown no recovery.
    pub fn throttled(&mut self, ticket: Ticket, now: Nanos, jitter: f64) {
        let probed = self.permit.give_back(ticket);
        self.window.add(now, 0.0, self.spec.throttle_weight.0);
        self.judge(probed, now, jitter);
    }

    pub fn cancelled(&mut self, ticket: Ticket) {
        self.permit.give_back(ticket);
    }

    fn judge(&mut self, probed: bool, now: Nanos, jitter: f64) {
        match self.state {
            State::Passing { since } => {
                if !self.is_bad(now) {
                    return;
                }
                let calm = now.saturating_sub(since) / FORGETS_AFTER;
                self.openings = self.openings.saturating_sub(u32::try_from(calm).unwrap_or(u32::MAX));
                self.block(now, jitter);
            }
            State::Probing { .. } if probed => self.block(now, jitter),
            State::Blocked { .. } | State::Probing { .. } => {}
        }
    }

    fn is_bad(&mut self, now: Nanos) -> bool {
        let spec = self.spec;
        if spec.consecutive > 0 && self.run >= spec.consecutive {
            return true;
        }
        let (good, bad) = self.window.sums(now);
        let calls = good + bad;
        spec.calls_min > 0 && calls >= f64::from(spec.calls_min) && good < spec.success_below.0 * calls
    }

    fn block(&mut self, now: Nanos, jitter: f64) {
        let factor = 1u64.checked_shl(self.openings).unwrap_or(u64::MAX);
        let length =
            span::nanos(self.spec.block).saturating_mul(factor).min(span::nanos(self.spec.block_cap));
        self.state = State::Blocked { until: now.saturating_add(spread(length, jitter)) };
        self.openings = self.openings.saturating_add(1);
        self.run = 0;
        self.permit.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(request: u64) -> Ticket {
        Ticket { request, attempt: 0 }
    }

    fn breaker(settings: serde_json::Value) -> Breaker {
        Breaker::new(&serde_json::from_value(settings).unwrap(), 10 * SECOND)
    }

    fn plain() -> Breaker {
        breaker(serde_json::json!({}))
    }

    fn blocked_until(breaker: &Breaker, now: Nanos) -> Option<Nanos> {
        match breaker.check(now) {
            Verdict::Deny { until, .. } => Some(until),
            _ => None,
        }
    }

    #[test]
    fn five_faults_in_a_row_block_and_a_success_between_them_does_not() {
        let mut one = plain();
        (0..5).for_each(|n| one.failed(ticket(n), n, 0.5));
        assert_eq!(blocked_until(&one, 10), Some(4 + 5 * SECOND));
        let mut two = plain();
        for n in 0..8 {
            if n == 4 { _ = two.passed(ticket(n), n) } else { two.failed(ticket(n), n, 0.5) }
        }
        assert_eq!(blocked_until(&two, 10), None);
    }

    #[test]
    fn a_low_share_of_successes_blocks_once_there_are_enough_calls() {
        let mut one = plain();
        for n in 0..12 {
            if n % 2 == 0 {
                _ = one.passed(ticket(n), n)
            } else {
                one.failed(ticket(n), n, 0.5)
            }
            assert_eq!(blocked_until(&one, n).is_some(), n >= 9, "after {} calls", n + 1);
        }
    }

    #[test]
    fn throttles_are_no_faults_unless_they_are_given_weight() {
        let mut one = plain();
        (0..50).for_each(|n| one.throttled(ticket(n), n, 0.5));
        assert_eq!(one.check(60), Verdict::Allow);
        let mut two = breaker(serde_json::json!({ "throttle_weight": "100%" }));
        (0..10).for_each(|n| two.throttled(ticket(n), n, 0.5));
        assert!(blocked_until(&two, 60).is_some());
    }

    #[test]
    fn one_probe_at_a_time_and_it_decides() {
        let mut one = plain();
        (0..5).for_each(|n| one.failed(ticket(n), 0, 0.5));
        let over = 5 * SECOND;
        assert_eq!(one.check(over), Verdict::Probe);
        one.sent(ticket(10), over);
        assert_eq!(blocked_until(&one, over), Some(over), "until the probe is back");
        one.failed(ticket(10), over + 1, 0.5);
        assert_eq!(blocked_until(&one, over + 1), Some(over + 1 + 10 * SECOND), "twice as long");
        let over = over + 1 + 10 * SECOND;
        one.sent(ticket(11), over);
        assert!(one.passed(ticket(11), over + 1));
        assert_eq!(one.check(over + 1), Verdict::Allow);
        one.failed(ticket(12), over + 2, 0.5);
        assert_eq!(one.check(over + 2), Verdict::Allow, "it starts cold");
    }

    #[test]
    fn a_throttled_probe_blocks_again_and_late_answers_of_others_do_not_pass() {
        let mut one = plain();
        (0..5).for_each(|n| one.failed(ticket(n), 0, 0.5));
        assert!(!one.passed(ticket(99), 1), "it left before the blocking");
        assert!(blocked_until(&one, 1).is_some());
        one.sent(ticket(10), 5 * SECOND);
        one.throttled(ticket(10), 5 * SECOND + 1, 0.5);
        assert!(blocked_until(&one, 6 * SECOND).is_some());
    }

    #[test]
    fn a_probe_that_is_never_heard_of_again_makes_room_for_another() {
        let mut one = plain();
        (0..5).for_each(|n| one.failed(ticket(n), 0, 0.5));
        one.sent(ticket(10), 5 * SECOND);
        assert_eq!(one.check(15 * SECOND), Verdict::Probe);
        one.cancelled(ticket(10));
        assert_eq!(one.check(6 * SECOND), Verdict::Probe);
    }

    #[test]
    fn several_probes_may_be_asked_for() {
        let mut one = breaker(serde_json::json!({ "probes": 2 }));
        (0..5).for_each(|n| one.failed(ticket(n), 0, 0.5));
        one.sent(ticket(10), 5 * SECOND);
        assert!(!one.passed(ticket(10), 5 * SECOND));
        assert_eq!(one.check(5 * SECOND), Verdict::Probe);
        one.sent(ticket(11), 5 * SECOND);
        assert!(one.passed(ticket(11), 5 * SECOND));
    }
}
