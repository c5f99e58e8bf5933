//! A second attempt elsewhere while the first one is still silent: when, and how many.
//!
//! Only streams are hedged: a unary answer is silent to its end, so its silence tells nothing. The whole is suspended
//! while throttles show that there is no quota to spare.
//!
//! Source: Dean and Barroso, "The Tail at Scale".

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    SECOND,
    budget::{Budget, BudgetSpec},
    quantile::Quantiles,
    window::Window,
};
use crate::{
    Nanos,
    quantity::{Rate, Share},
    span,
};

const LATELY: Nanos = 30 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HedgeSpec {
    /// After this quantile of the target's recent first-token times.
    #[serde(default = "most")]
    pub quantile: Share,
    /// Answers seen before there is a quantile; no hedge before that.
    #[serde(default = "fifty")]
    pub samples_min: u32,
    /// Never sooner than this.
    #[serde(default = "little", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub delay_min: Duration,
    /// Share of the requests that may be hedged.
    #[serde(default = "twentieth")]
    pub share: Share,
    /// No hedges while more than this share of all attempts is throttled.
    #[serde(default = "fiftieth")]
    pub throttles_max: Share,
}

fn most() -> Share {
    Share(0.95)
}
fn fifty() -> u32 {
    50
}
fn little() -> Duration {
    Duration::from_millis(50)
}
fn twentieth() -> Share {
    Share(0.05)
}
fn fiftieth() -> Share {
    Share(0.02)
}

#[derive(Debug, Clone)]
pub struct Hedge {
    spec: HedgeSpec,
    budget: Budget,
    ends: Window,
}

impl Hedge {
    pub fn new(spec: &HedgeSpec) -> Hedge {
        let budget = Budget::new(&BudgetSpec { share: spec.share, floor: Rate { per_second: 0.0 } });
        Hedge { spec: *spec, budget, ends: Window::new(LATELY) }
    }

    /// A request came.
    pub fn deposit(&mut self, now: Nanos) {
        self.budget.deposit(now);
    }

    /// An attempt ended, throttled or not.
    pub fn ended(&mut self, throttled: bool, now: Nanos) {
        let throttled = f64::from(u8::from(throttled));
        self.ends.add(now, 1.0 - throttled, throttled);
    }

    /// How long an attempt may be silent; `None` if too little is known of the target.
    pub fn delay(&self, first_token: &mut Quantiles, now: Nanos) -> Option<Nanos> {
        let usual = first_token.at(self.spec.quantile.0, self.spec.samples_min, now)?;
        Some(usual.max(span::nanos(self.spec.delay_min)))
    }

    /// Whether one more would be paid for.
    pub fn pays(&mut self, now: Nanos) -> bool {
        let (well, throttled) = self.ends.sums(now);
        throttled <= self.spec.throttles_max.0 * (well + throttled) && self.budget.pays(now)
    }

    pub fn withdraw(&mut self, now: Nanos) -> bool {
        self.budget.withdraw(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::MILLISECOND;

    fn hedge() -> Hedge {
        Hedge::new(&serde_json::from_str("{}").unwrap())
    }

    #[test]
    fn the_delay_is_what_few_answers_exceed_once_enough_were_seen() {
        let (hedge, mut seen) = (hedge(), Quantiles::default());
        (1..50).for_each(|ms| seen.add(ms * 10 * MILLISECOND, 0));
        assert_eq!(hedge.delay(&mut seen, 0), None);
        seen.add(500 * MILLISECOND, 0);
        let delay = hedge.delay(&mut seen, 0).unwrap();
        assert!((480 * MILLISECOND..=540 * MILLISECOND).contains(&delay), "{delay}");
    }

    #[test]
    fn one_request_in_twenty_pays_and_throttles_suspend_it() {
        let mut hedge = hedge();
        (0..40).for_each(|_| hedge.deposit(0));
        assert!(hedge.pays(0) && hedge.withdraw(0));
        (0..96).for_each(|_| hedge.ended(false, 0));
        (0..4).for_each(|_| hedge.ended(true, 0));
        assert!(!hedge.pays(0));
        assert!(!hedge.pays(20 * SECOND));
        assert!(hedge.pays(60 * SECOND), "by then the throttles are forgotten");
    }
}
