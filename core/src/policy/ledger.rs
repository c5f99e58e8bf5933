//! What is left of a quota, kept in our own books: reserve before sending, settle by what was used.
//!
//! The service refills a bucket and tells nobody how full it is. So the ledger keeps a copy: each attempt takes what the
//! service will reserve, its end gives back what was not used. Where the refill rate is not known, the first throttle
//! turns the books on with the rate at which we were spending; from then on the rate is measured, since all that was
//! spent between two throttles, at both of which the bucket was about empty, must have been refilled in that time. While
//! it holds requests back, the rate grows, so that a quota that was raised is found; each throttle corrects it.
//!
//! Reservations are in tokens, as in AWS: "How tokens are counted in Amazon Bedrock".

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SECOND, seconds, window::Window};
use crate::{
    Nanos,
    quantity::{Rate, Share},
};

/// Depth of a bucket, in seconds of its refill.
const DEPTH: f64 = 60.0;
/// What a model can produce, if nobody says better.
pub(crate) const MAX_OUTPUT: u32 = 4_096;
/// Below this share of its depth a bucket is tight.
const TIGHT: f64 = 0.2;
/// Throttles nearer to each other than this are one.
const EPISODE: Nanos = 2 * SECOND;
/// Before the first throttle, the rate of spending is taken over this long.
const LATELY: Nanos = 10 * SECOND;
/// Without a throttle for this long, a learnt rate is forgotten.
const FORGOTTEN: Nanos = 300 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LedgerSpec {
    /// How fast a rate that holds requests back grows, each second.
    #[serde(default = "tenth")]
    pub growth: Share,
    /// Share of a known limit that is used.
    #[serde(default = "most")]
    pub safety: Share,
    /// Quota tokens that one output token counts, as the model's burndown rate says.
    #[serde(default = "one")]
    pub burndown: f64,
    /// Output that is reserved for a request without `max_tokens`: the model's maximum.
    #[serde(default = "usual_maximum")]
    pub max_output: u32,
}

fn tenth() -> Share {
    Share(0.1)
}
fn most() -> Share {
    Share(0.95)
}
fn one() -> f64 {
    1.0
}
const fn usual_maximum() -> u32 {
    MAX_OUTPUT
}

/// A known limit; what is left out is learnt.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LimitSpec {
    #[serde(default)]
    pub requests: Option<Rate>,
    #[serde(default)]
    pub tokens: Option<Rate>,
}

/// Which of the two limits a throttle spoke of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    Requests,
    Tokens,
    Unknown,
}

#[derive(Debug, Clone)]
pub struct Ledger {
    requests: Gauge,
    tokens: Gauge,
    /// Tokens of attempts that are not settled.
    open: f64,
    /// Part of a reservation that is usually used.
    used_share: f64,
}

impl Ledger {
    pub fn new(spec: &LedgerSpec, limit: LimitSpec) -> Ledger {
        let gauge =
            |rate: Option<Rate>| Gauge::new(spec.growth.0, rate.map(|rate| rate.per_second * spec.safety.0));
        Ledger { requests: gauge(limit.requests), tokens: gauge(limit.tokens), open: 0.0, used_share: 0.5 }
    }

    /// `None` if it fits; else when it will, if nothing else happens.
    pub fn fits(&mut self, tokens: f64, now: Nanos) -> Option<Nanos> {
        self.requests.fits(1.0, now).max(self.tokens.fits(tokens, now))
    }

    /// Tokens left; infinite if no limit is known.
    pub fn room(&mut self, now: Nanos) -> f64 {
        self.tokens.refill(now);
        self.tokens.rate.map_or(f64::INFINITY, |_| self.tokens.level.max(0.0))
    }

    /// Whether so little is left that nothing should be sent that need not be.
    pub fn is_tight(&mut self, now: Nanos) -> bool {
        self.tokens.refill(now);
        self.tokens.rate.is_some_and(|rate| self.tokens.level < TIGHT * rate * DEPTH)
    }

    /// Share of the quota that is spent, in the dimension of which less is left; nothing where no limit is known.
    pub fn spent(&mut self, now: Nanos) -> f64 {
        self.requests.spent_share(now).max(self.tokens.spent_share(now))
    }

    /// The rates as they are known now, given or learnt.
    pub fn rates(&self) -> LimitSpec {
        let rate = |gauge: &Gauge| gauge.rate.map(|per_second| Rate { per_second });
        LimitSpec { requests: rate(&self.requests), tokens: rate(&self.tokens) }
    }

    /// Tokens of attempts that are not settled.
    pub fn open(&self) -> f64 {
        self.open
    }

    pub fn reserve(&mut self, tokens: f64, now: Nanos) {
        self.requests.take(1.0, now);
        self.tokens.take(tokens, now);
        self.open += tokens;
    }

    /// An attempt was let in, so the service had room for it: our books cannot be below zero.
    pub fn admitted(&mut self) {
        self.requests.level = self.requests.level.max(0.0);
        self.tokens.level = self.tokens.level.max(0.0);
    }

    /// The attempt was answered and used this much.
    pub fn settle(&mut self, reserved: f64, used: f64, now: Nanos) {
        self.used_share += (used / reserved.max(1.0) - self.used_share) * 0.02;
        self.close(reserved, used, now);
    }

    /// The attempt ended without telling what it used: the work goes on or was done in part.
    pub fn abandon(&mut self, reserved: f64, now: Nanos) {
        self.close(reserved, reserved * self.used_share.min(1.0), now);
    }

    /// The attempt was never let in.
    pub fn refund(&mut self, reserved: f64, now: Nanos) {
        self.requests.give_back(1.0, now);
        self.close(reserved, 0.0, now);
    }

    /// The service says that there is not enough left; the attempt is refunded, too.
    pub fn throttled(&mut self, reserved: f64, dimension: Dimension, now: Nanos) {
        self.refund(reserved, now);
        if dimension != Dimension::Tokens {
            self.requests.throttled(1.0, now);
        }
        if dimension != Dimension::Requests {
            self.tokens.throttled(reserved, now);
        }
    }

    fn close(&mut self, reserved: f64, used: f64, now: Nanos) {
        self.open = (self.open - reserved).max(0.0);
        self.tokens.give_back(reserved - used, now);
    }
}

/// One dimension of a quota.
#[derive(Debug, Clone)]
struct Gauge {
    growth: f64,
    /// Never more than this, if it is known.
    limit: Option<f64>,
    /// A second; `None` while nothing is known.
    rate: Option<f64>,
    level: f64,
    refilled: Nanos,
    /// The latest throttle from which on spending is measured.
    mark: Option<Nanos>,
    spent: f64,
    /// Whether some refill was lost since the mark because our bucket was full.
    overflowed: bool,
    lately: Window,
    throttled_at: Nanos,
    /// Whether it held something back since the last refill.
    pressed: bool,
}

impl Gauge {
    fn new(growth: f64, limit: Option<f64>) -> Gauge {
        Gauge {
            growth,
            limit,
            rate: limit,
            level: limit.unwrap_or(0.0) * DEPTH,
            refilled: 0,
            mark: None,
            spent: 0.0,
            overflowed: true,
            lately: Window::new(LATELY),
            throttled_at: 0,
            pressed: false,
        }
    }

    fn fits(&mut self, amount: f64, now: Nanos) -> Option<Nanos> {
        self.refill(now);
        let rate = self.rate?;
        // What exceeds the whole bucket must not wait for ever.
        let missing = amount.min(rate * DEPTH) - self.level;
        if missing <= 0.0 {
            return None;
        }
        self.pressed = true;
        Some(now.saturating_add((missing / rate.max(1e-6) * SECOND as f64) as Nanos).max(now + 1))
    }

    fn spent_share(&mut self, now: Nanos) -> f64 {
        self.refill(now);
        self.rate.map_or(0.0, |rate| (1.0 - self.level / (rate * DEPTH)).clamp(0.0, 1.0))
    }

    fn take(&mut self, amount: f64, now: Nanos) {
        self.refill(now);
        self.level -= amount;
        self.spent += amount;
        self.lately.add(now, amount, 0.0);
    }

    fn give_back(&mut self, amount: f64, now: Nanos) {
        self.refill(now);
        self.level += amount;
        self.spent -= amount;
        self.lately.add(now, -amount, 0.0);
    }

    fn refill(&mut self, now: Nanos) {
        let Some(rate) = self.rate else { return };
        let since = seconds(self.refilled, now);
        if since <= 0.0 {
            return;
        }
        self.refilled = now;
        if self.limit.is_none() && now.saturating_sub(self.throttled_at) > FORGOTTEN {
            (self.rate, self.mark) = (None, None);
            return;
        }
        let grown = if self.pressed { rate * (1.0 + self.growth * since.min(1.0)) } else { rate };
        let rate = self.limit.map_or(grown, |limit| grown.min(limit));
        (self.rate, self.pressed) = (Some(rate), false);
        self.level += rate * since;
        if self.level > rate * DEPTH {
            (self.level, self.overflowed) = (rate * DEPTH, true);
        }
    }

    /// Less than `amount` is left.
    fn throttled(&mut self, amount: f64, now: Nanos) {
        self.refill(now);
        let since = self.mark.map_or(EPISODE, |mark| now.saturating_sub(mark));
        if since >= EPISODE {
            let measured = self.measured(since, now);
            let rate = self.rate.map_or(measured, |rate| measured.clamp(rate / 2.0, rate * 2.0));
            self.rate = Some(self.limit.map_or(rate, |limit| rate.min(limit)).max(amount / DEPTH));
            (self.mark, self.spent, self.overflowed) = (Some(now), 0.0, false);
        }
        self.refilled = now;
        self.throttled_at = now;
        self.level = self.level.min(amount / 2.0);
    }

    /// The refill rate as far as this throttle and the one before show it.
    fn measured(&mut self, since: Nanos, now: Nanos) -> f64 {
        match self.rate {
            None => self.lately.sums(now).0 / seconds(0, LATELY.min(now.max(SECOND))),
            Some(rate) if self.overflowed => rate * 0.8,
            Some(_) => self.spent / seconds(0, since),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::MILLISECOND;

    fn spec() -> LedgerSpec {
        serde_json::from_str("{}").unwrap()
    }

    fn unknown() -> Ledger {
        Ledger::new(&spec(), LimitSpec::default())
    }

    fn known(per_second: f64) -> Ledger {
        let tokens = Some(Rate { per_second: per_second / 0.95 });
        Ledger::new(&spec(), LimitSpec { requests: None, tokens })
    }

    #[test]
    fn without_a_limit_and_without_a_throttle_everything_fits() {
        let mut ledger = unknown();
        (0..1_000).for_each(|_| ledger.reserve(1e6, 0));
        assert_eq!(ledger.fits(1e9, 0), None);
        assert!(ledger.room(0).is_infinite());
    }

    #[test]
    fn a_known_limit_is_spent_down_and_refills() {
        let mut ledger = known(100.0);
        (0..6).for_each(|_| ledger.reserve(1_000.0, 0));
        let when = ledger.fits(50.0, 0).unwrap();
        assert!(when.abs_diff(500 * MILLISECOND) < MILLISECOND, "{when}");
        ledger.settle(1_000.0, 300.0, 0);
        assert_eq!(ledger.fits(50.0, 0), None);
        assert!((ledger.room(0) - 700.0).abs() < 1e-6);
        assert!((ledger.open() - 5_000.0).abs() < 1e-6);
    }

    #[test]
    fn a_bucket_is_tight_when_little_of_it_is_left_and_an_unknown_one_never_is() {
        let mut ledger = known(100.0);
        ledger.reserve(4_700.0, 0);
        assert!(!ledger.is_tight(0));
        ledger.reserve(200.0, 0);
        assert!(ledger.is_tight(0));
        assert!(!unknown().is_tight(0));
    }

    #[test]
    fn an_attempt_that_was_let_in_shows_that_there_was_room() {
        let mut ledger = known(100.0);
        ledger.reserve(9_000.0, 0);
        let before = ledger.fits(500.0, 0).unwrap();
        ledger.admitted();
        assert_eq!((before, ledger.fits(500.0, 0)), (35 * SECOND, Some(5 * SECOND)));
    }

    #[test]
    fn what_is_spent_is_told_for_the_dimension_of_which_less_is_left() {
        let rate = |per_second| Some(Rate { per_second: per_second / 0.95 });
        let mut ledger = Ledger::new(&spec(), LimitSpec { requests: rate(1.0), tokens: rate(100.0) });
        assert!(ledger.spent(0) < 1e-9);
        (0..15).for_each(|_| ledger.reserve(10.0, 0));
        assert!((ledger.spent(0) - 0.25).abs() < 1e-9, "a quarter of 60 requests");
        ledger.reserve(5_000.0, 0);
        assert!((ledger.spent(0) - 5_150.0 / 6_000.0).abs() < 1e-9);
        assert!((ledger.rates().tokens.unwrap().per_second - 100.0).abs() < 1e-9);
        let mut unknown = unknown();
        unknown.reserve(1e6, 0);
        assert_eq!((unknown.spent(0), unknown.rates()), (0.0, LimitSpec::default()));
    }

    #[test]
    fn what_exceeds_the_whole_bucket_goes_when_the_bucket_is_full() {
        assert_eq!(known(100.0).fits(1e9, 0), None);
    }

    /// A service with a bucket of 6,000 tokens that refills 100 each second, and a client that always wants more.
    fn run(refill: f64, from: f64, ledger: &mut Ledger) -> (u32, u32, f64) {
        let (mut level, mut sent, mut throttled, mut admitted) = (from, 0, 0, 0.0);
        for tick in 0..6_000u64 {
            let now = tick * 50 * MILLISECOND;
            level = f64::min(level + refill * 0.05, refill * DEPTH);
            if ledger.fits(40.0, now).is_some() {
                continue;
            }
            ledger.reserve(40.0, now);
            sent += 1;
            if level < 40.0 {
                throttled += 1;
                ledger.throttled(40.0, Dimension::Tokens, now);
            } else {
                level -= 40.0;
                admitted += 40.0;
                ledger.settle(40.0, 40.0, now);
            }
        }
        (sent, throttled, admitted)
    }

    #[test]
    fn an_unknown_limit_is_learnt_with_few_throttles_and_wholly_used() {
        let (sent, throttled, admitted) = run(100.0, 6_000.0, &mut unknown());
        let possible = 6_000.0 + 300.0 * 100.0;
        assert!(admitted > 0.98 * possible, "{admitted} of {possible}");
        assert!(f64::from(throttled) < 0.2 * f64::from(sent), "{throttled} of {sent}");
    }

    #[test]
    fn a_limit_that_is_lower_than_what_is_known_is_learnt_too() {
        let (sent, throttled, admitted) = run(20.0, 0.0, &mut known(100.0));
        assert!(admitted > 0.95 * 300.0 * 20.0, "{admitted}");
        assert!(f64::from(throttled) < 0.35 * f64::from(sent), "{throttled} of {sent}");
    }

    proptest! {
        /// Random lives of attempts: reserved, then ended in one of four ways, each once.
        #[test]
        fn what_is_open_is_what_was_reserved_and_never_negative(
            steps in prop::collection::vec((0u64..2_000, 0u8..5, 1.0f64..9_000.0, 0.0f64..2.0), 1..200),
        ) {
            let (mut ledger, mut out, mut now) = (unknown(), Vec::new(), 0);
            for (wait, kind, tokens, share) in steps {
                now += wait * MILLISECOND;
                let ends = if kind == 0 { None } else { out.pop() };
                match (kind, ends) {
                    (_, None) => {
                        ledger.reserve(tokens, now);
                        out.push(tokens);
                    }
                    (1, Some(open)) => ledger.settle(open, open * share, now),
                    (2, Some(open)) => ledger.abandon(open, now),
                    (3, Some(open)) => ledger.refund(open, now),
                    (_, Some(open)) => ledger.throttled(open, Dimension::Unknown, now),
                }
                let expected: f64 = out.iter().sum();
                prop_assert!((ledger.open() - expected).abs() < 1e-3);
                prop_assert!(ledger.open() >= 0.0 && ledger.room(now) >= 0.0);
            }
        }
    }
}
