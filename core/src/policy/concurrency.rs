//! How many attempts a target may have in the air: a limit that finds itself.
//!
//! It grows while answers begin in time and are wanted, and is cut when the service pushes back: a throttle, a lack of
//! capacity, a first token that did not come in time. The signal is the first-token time, since the whole time of an
//! answer says how long the answer is. A cut speaks for everything that was in the air with it: an attempt that left
//! before the latest cut does not cut again.
//!
//! Source: Netflix concurrency-limits, AIMDLimit and Gradient2Limit.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Verdict, seconds};
use crate::{Nanos, quantity::Share, span, strategy::Reason};

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConcurrencySpec {
    #[serde(default = "twenty")]
    pub initial: u32,
    /// Never fewer in the air than this.
    #[serde(default = "one")]
    pub min: u32,
    /// Never more in the air than this.
    #[serde(default = "two_hundred")]
    pub max: u32,
    /// What is left of the limit after the service pushed back.
    #[serde(default = "nine_tenths")]
    pub cut: Share,
    /// A first token that takes longer than this counts as pushing back.
    #[serde(default = "five_seconds", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub slow: Duration,
    /// How it grows.
    #[serde(default)]
    pub by: Growth,
}

/// How a limit that is wanted grows.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Growth {
    /// By one for each limit's worth of answers.
    #[default]
    Aimd,
    /// By some each answer while first tokens are about as quick as they usually are; it shrinks as they get slower.
    Gradient2(GradientSpec),
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GradientSpec {
    /// So many times the usual first-token time is still no sign of overload.
    #[serde(default = "half_more")]
    pub tolerance: f64,
    /// What it gains in a step while nothing is slow.
    #[serde(default = "four")]
    pub queue: u32,
    /// Weight of each step.
    #[serde(default = "fifth")]
    pub smoothing: Share,
    /// Answers that the usual first-token time looks back on.
    #[serde(default = "six_hundred")]
    pub window: u32,
}

fn one() -> u32 {
    1
}
fn four() -> u32 {
    4
}
fn twenty() -> u32 {
    20
}
fn two_hundred() -> u32 {
    200
}
fn six_hundred() -> u32 {
    600
}
fn half_more() -> f64 {
    1.5
}
fn fifth() -> Share {
    Share(0.2)
}
fn nine_tenths() -> Share {
    Share(0.9)
}
fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

impl ConcurrencySpec {
    /// What makes it useless, with what to write instead.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if self.min == 0 || self.max < self.min || !(self.min..=self.max).contains(&self.initial) {
            return Some((
                "no limit lies within these bounds",
                "write `min` from 1, `initial`, `max` in order",
            ));
        }
        if !(self.cut.0 > 0.0 && self.cut.0 < 1.0) {
            return Some(("a cut leaves some of the limit, and not all", "write a share such as \"90%\""));
        }
        match self.by {
            Growth::Gradient2(gradient) if !gradient.moves() => Some((
                "this gradient never moves the limit",
                "write `tolerance` of at least 1, and `queue`, `smoothing` and `window` above zero",
            )),
            _ => None,
        }
    }
}

impl GradientSpec {
    fn moves(&self) -> bool {
        let smooth = self.smoothing.0 > 0.0 && self.smoothing.0 <= 1.0;
        self.tolerance.is_finite() && self.tolerance >= 1.0 && self.queue > 0 && smooth && self.window > 0
    }
}

/// An attempt that began to answer.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// When it left.
    pub sent: Nanos,
    /// Its first-token time, in seconds.
    pub first_token: f64,
    /// Attempts in the air with it, itself included.
    pub in_flight: u32,
}

#[derive(Debug, Clone)]
pub struct Concurrency {
    spec: ConcurrencySpec,
    limit: f64,
    /// Of the latest cut.
    cut_at: Option<Nanos>,
    /// The usual first-token time in seconds, and how many answers it is made of.
    usual: (f64, u32),
}

impl Concurrency {
    pub fn new(spec: &ConcurrencySpec) -> Concurrency {
        Concurrency { spec: *spec, limit: f64::from(spec.initial), cut_at: None, usual: (0.0, 0) }
    }

    /// Attempts that may be in the air.
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Any attempt in the air may make room, so the denial is until now.
    pub fn check(&self, in_flight: u32, now: Nanos) -> Verdict {
        if in_flight < self.limit() {
            return Verdict::Allow;
        }
        Verdict::Deny { until: now, reason: Reason::ConcurrencyFull }
    }

    pub fn answered(&mut self, sample: Sample, now: Nanos) {
        if sample.first_token > seconds(0, span::nanos(self.spec.slow)) {
            return self.pushed_back(sample.sent, now);
        }
        let usual = self.learn_usual(sample.first_token);
        // What nobody asks for says nothing about what would be possible.
        if f64::from(sample.in_flight) * 2.0 < self.limit {
            return;
        }
        let limit = match self.spec.by {
            Growth::Aimd => self.limit + 1.0 / self.limit,
            Growth::Gradient2(spec) => stepped(self.limit, sample.first_token, usual, &spec),
        };
        self.limit = self.within(limit);
    }

    /// A throttle, a lack of capacity, or no first token in time, of an attempt that left at `sent`.
    pub fn pushed_back(&mut self, sent: Nanos, now: Nanos) {
        if self.cut_at.is_some_and(|cut| sent < cut) {
            return;
        }
        self.limit = self.within(self.limit * self.spec.cut.0);
        self.cut_at = Some(now);
    }

    fn within(&self, limit: f64) -> f64 {
        limit.clamp(f64::from(self.spec.min), f64::from(self.spec.max))
    }

    fn learn_usual(&mut self, first_token: f64) -> f64 {
        let Growth::Gradient2(spec) = self.spec.by else { return first_token };
        let (mean, count) = self.usual;
        let count = (count + 1).min(spec.window);
        let mut mean = mean + (first_token - mean) / f64::from(count);
        // After a long overload the usual time is far too high, and would take as long to come down.
        if mean > 2.0 * first_token {
            mean *= 0.95;
        }
        self.usual = (mean, count);
        mean
    }
}

/// One step of the gradient: at most half is lost in a step, and the queue is always allowed.
fn stepped(limit: f64, first_token: f64, usual: f64, spec: &GradientSpec) -> f64 {
    let gradient = (spec.tolerance * usual / first_token.max(1e-6)).clamp(0.5, 1.0);
    let wanted = limit * gradient + f64::from(spec.queue);
    limit + (wanted - limit) * spec.smoothing.0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::policy::SECOND;

    fn limit(settings: Value) -> Concurrency {
        Concurrency::new(&serde_json::from_value(settings).unwrap())
    }

    fn quick(sent: Nanos, in_flight: u32) -> Sample {
        Sample { sent, first_token: 0.4, in_flight }
    }

    #[test]
    fn as_many_as_the_limit_are_let_through_and_the_next_may_be_at_any_moment() {
        let one = limit(json!({ "initial": 3 }));
        let full = Verdict::Deny { until: 7, reason: Reason::ConcurrencyFull };
        let table = [(0, Verdict::Allow), (2, Verdict::Allow), (3, full), (9, full)];
        for (in_flight, verdict) in table {
            assert_eq!(one.check(in_flight, 7), verdict, "{in_flight} in the air");
        }
    }

    #[test]
    fn it_grows_by_one_for_each_limits_worth_of_answers_and_only_when_half_of_it_is_used() {
        let mut one = limit(json!({}));
        (0..400).for_each(|n| one.answered(quick(n, 9), n));
        assert_eq!(one.limit(), 20, "less than half of it was in the air");
        (0..21).for_each(|n| one.answered(quick(n, 11), n));
        assert_eq!(one.limit(), 21);
        (0..1_000_000).for_each(|n| one.answered(quick(n, 200), n));
        assert_eq!(one.limit(), 200, "never more than its maximum");
    }

    #[test]
    fn one_cut_speaks_for_all_that_were_in_the_air_with_it() {
        let mut one = limit(json!({}));
        (0..20).for_each(|n| one.pushed_back(n, 100 + n));
        assert_eq!(one.limit(), 18);
        one.pushed_back(100, 200);
        assert_eq!(one.limit(), 16, "this one left when the first had come back");
        (0..100).for_each(|n| one.pushed_back(1_000 * n + 1_000, 1_000 * n + 1_001));
        assert_eq!(one.limit(), 1, "never fewer than its minimum");
    }

    #[test]
    fn a_first_token_that_takes_too_long_cuts_too() {
        let mut one = limit(json!({ "slow": "2s" }));
        one.answered(Sample { first_token: 2.1, ..quick(0, 20) }, SECOND);
        assert_eq!(one.limit(), 18);
        one.answered(Sample { first_token: 1.9, ..quick(2 * SECOND, 20) }, 4 * SECOND);
        assert_eq!(one.limit(), 18);
    }

    #[test]
    fn a_gradient_grows_while_first_tokens_are_usual_and_shrinks_as_they_slow_down() {
        let mut one = limit(json!({ "by": { "gradient2": {} } }));
        (0..600).for_each(|n| one.answered(quick(n, 1), n));
        assert_eq!(one.limit(), 20, "nobody wanted more");
        (0..50).for_each(|n| one.answered(quick(n, one.limit()), n));
        let grown = one.limit();
        assert!((40..=60).contains(&grown), "{grown}: four a step, a fifth of it taken");
        (0..50).for_each(|n| one.answered(Sample { first_token: 1.2, ..quick(n, one.limit()) }, n));
        assert!(one.limit() < grown / 2, "{}", one.limit());
    }

    #[test]
    fn what_could_never_be_a_limit_is_refused() {
        let rows = [
            (json!({}), true),
            (json!({ "min": 0 }), false),
            (json!({ "initial": 300 }), false),
            (json!({ "min": 30 }), false),
            (json!({ "cut": "100%" }), false),
            (json!({ "by": { "gradient2": { "queue": 0 } } }), false),
            (json!({ "by": { "gradient2": { "tolerance": 0.5 } } }), false),
        ];
        for (written, fine) in rows {
            let spec: ConcurrencySpec = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(spec.problem().is_none(), fine, "{written}");
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_limit_stays_within_its_bounds(
            gradient in any::<bool>(),
            steps in prop::collection::vec((any::<bool>(), 0.0f64..20.0, 0u32..400), 1..300),
        ) {
            let by = if gradient { json!({ "gradient2": {} }) } else { json!("aimd") };
            let mut one = limit(json!({ "initial": 10, "min": 2, "max": 50, "by": by }));
            for (now, (drops, first_token, in_flight)) in steps.into_iter().enumerate() {
                let now = now as Nanos;
                match drops {
                    true => one.pushed_back(now, now),
                    false => one.answered(Sample { sent: now, first_token, in_flight }, now),
                }
                prop_assert!((2..=50).contains(&one.limit()), "{}", one.limit());
            }
        }
    }
}
