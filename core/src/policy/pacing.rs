//! Sends a pool's requests at a steady rate somewhat below its quota, so that a spike is smoothed before it is throttled.
//!
//! The books of [`super::ledger`] know what is left in a whole minute's bucket and would let all of it go at once; this
//! keeps the seconds even. Tokens count as what such requests usually use, not as what is reserved for them.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    gcra::{Gcra, Pace},
    ledger::LimitSpec,
};
use crate::{
    Nanos,
    quantity::{Rate, Share},
    span,
};

/// Weight of the newest answer in what requests usually use.
const SMOOTH: f64 = 0.02;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PacingSpec {
    /// Share of the pool's rate that is sent: of the limit that is given, else of the one that is learnt.
    #[serde(default = "most")]
    pub share: Share,
    /// What comes together in this time may be sent at once.
    #[serde(default = "tenth_of_a_minute", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub burst: Duration,
}

fn most() -> Share {
    Share(0.95)
}
fn tenth_of_a_minute() -> Duration {
    Duration::from_secs(6)
}

#[derive(Debug, Clone)]
pub struct Pacer {
    spec: PacingSpec,
    given: LimitSpec,
    requests: Gcra,
    tokens: Gcra,
    reserved: f64,
    used: f64,
}

impl Pacer {
    /// `given` is what the file says of the pool's limits.
    pub fn new(spec: &PacingSpec, given: LimitSpec) -> Pacer {
        let (requests, tokens) = (Gcra::default(), Gcra::default());
        Pacer { spec: *spec, given, requests, tokens, reserved: 0.0, used: 0.0 }
    }

    /// `None` if a request that reserves so much may go now; else when it may. Where no limit is known, there is none.
    pub fn check(&self, reserved: f64, learnt: LimitSpec, now: Nanos) -> Option<Nanos> {
        let (requests, tokens) = self.paces(learnt);
        let one = requests.and_then(|pace| self.requests.check(1.0, pace, now));
        let all = tokens.and_then(|pace| self.tokens.check(self.usual(reserved), pace, now));
        one.max(all)
    }

    pub fn sent(&mut self, reserved: f64, learnt: LimitSpec, now: Nanos) {
        let (requests, tokens) = self.paces(learnt);
        let usual = self.usual(reserved);
        if let Some(pace) = requests {
            self.requests.take(1.0, pace, now);
        }
        if let Some(pace) = tokens {
            self.tokens.take(usual, pace, now);
        }
    }

    /// An answer used so much of what was reserved for it.
    pub fn answered(&mut self, reserved: f64, used: f64) {
        self.reserved += reserved - self.reserved * SMOOTH;
        self.used += used - self.used * SMOOTH;
    }

    fn usual(&self, reserved: f64) -> f64 {
        if self.reserved > 0.0 { reserved * self.used / self.reserved } else { reserved }
    }

    fn paces(&self, learnt: LimitSpec) -> (Option<Pace>, Option<Pace>) {
        let burst = span::nanos(self.spec.burst);
        let pace = |rate: Rate| Pace { rate: rate.per_second * self.spec.share.0, burst };
        let (requests, tokens) =
            (self.given.requests.or(learnt.requests), self.given.tokens.or(learnt.tokens));
        (requests.map(pace), tokens.map(pace))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{MILLISECOND, SECOND};

    fn limit(requests: Option<f64>, tokens: Option<f64>) -> LimitSpec {
        let rate = |rate: Option<f64>| rate.map(|per_second| Rate { per_second });
        LimitSpec { requests: rate(requests), tokens: rate(tokens) }
    }

    fn pacer(given: LimitSpec) -> Pacer {
        Pacer::new(&serde_json::from_str(r#"{ "share": "50%", "burst": "2s" }"#).unwrap(), given)
    }

    /// How many of such size pass in the first and in the tenth second, asking each millisecond.
    fn passed(pacer: &mut Pacer, reserved: f64, learnt: LimitSpec) -> (u32, u32) {
        let (mut first, mut tenth) = (0, 0);
        for now in (0..10_000).map(|ms| ms * MILLISECOND) {
            if pacer.check(reserved, learnt, now).is_none() {
                pacer.sent(reserved, learnt, now);
                first += u32::from(now < SECOND);
                tenth += u32::from(now >= 9 * SECOND);
            }
        }
        (first, tenth)
    }

    #[test]
    fn after_its_burst_a_pool_gets_its_share_of_the_rate_in_the_tighter_dimension() {
        let none = limit(None, None);
        // Half of 20 requests a second, and at once what comes in two seconds.
        assert_eq!(passed(&mut pacer(limit(Some(20.0), None)), 1.0, none), (29, 10));
        // Half of 1,000 tokens a second is 5 requests of 100.
        assert_eq!(passed(&mut pacer(limit(Some(20.0), Some(1_000.0))), 100.0, none), (14, 5));
    }

    #[test]
    fn what_the_file_says_goes_before_what_was_learnt_and_nothing_known_holds_nothing_back() {
        let learnt = limit(Some(20.0), None);
        assert_eq!(passed(&mut pacer(limit(None, None)), 1.0, learnt).1, 10);
        assert_eq!(passed(&mut pacer(limit(Some(40.0), None)), 1.0, learnt).1, 20);
        assert_eq!(passed(&mut pacer(limit(None, None)), 1.0, limit(None, None)), (1_000, 1_000));
    }

    #[test]
    fn tokens_count_as_what_is_usually_used() {
        let mut pacer = pacer(limit(None, Some(1_000.0)));
        (0..500).for_each(|_| pacer.answered(1_000.0, 100.0));
        assert_eq!(passed(&mut pacer, 1_000.0, limit(None, None)).1, 5);
    }
}
