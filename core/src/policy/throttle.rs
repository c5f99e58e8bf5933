//! Turn requests away here when the service would: what it refuses costs it, too.
//!
//! Over two minutes it counts what was wanted of a quota pool and what was let in. Nothing is turned away until more was
//! wanted than `k` times what was let in; beyond that, just so many that the service gets about `k` times what it lets
//! in. What is turned away was wanted. An attempt counts as let in from its sending on until the service says otherwise:
//! an answer takes seconds, and a burst of silent attempts is no refusal.
//!
//! Source: Google, "Site Reliability Engineering", chapter "Handling Overload".

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SECOND, window::Window};
use crate::Nanos;

/// Two minutes in buckets of ten seconds.
const LATELY: Nanos = 120 * SECOND;
const BUCKETS: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveThrottleSpec {
    /// So many times what is let in may be sent; 1.1 is strict, 2 leaves the service room to show that it is well again.
    #[serde(default = "two")]
    pub k: f64,
}

fn two() -> f64 {
    2.0
}

impl AdaptiveThrottleSpec {
    /// Below one it would turn requests away from a service that lets everything in.
    pub fn is_sound(&self) -> bool {
        self.k.is_finite() && self.k >= 1.0
    }
}

#[derive(Debug, Clone)]
pub struct AdaptiveThrottle {
    k: f64,
    /// What was let in, and what was not.
    wanted: Window<BUCKETS>,
    /// A share of one, drawn for each asking, so that asking twice at once gives one answer.
    drawn: f64,
    /// Whether turning this asking away is still to be counted.
    counts: bool,
}

impl AdaptiveThrottle {
    pub fn new(spec: &AdaptiveThrottleSpec) -> AdaptiveThrottle {
        AdaptiveThrottle { k: spec.k, wanted: Window::new(LATELY), drawn: 1.0, counts: false }
    }

    /// A request asks. One that asked before and waited since is no second request.
    pub fn asked(&mut self, drawn: f64, waited: bool) {
        (self.drawn, self.counts) = (drawn, !waited);
    }

    /// Whether the request that asks is to be turned away from here.
    pub fn turns_away(&mut self, now: Nanos) -> bool {
        let turned_away = self.drawn < self.share(now);
        if turned_away && std::mem::take(&mut self.counts) {
            self.wanted.add(now, 0.0, 1.0);
        }
        turned_away
    }

    /// Share of the requests that are turned away.
    pub fn share(&mut self, now: Nanos) -> f64 {
        let (let_in, not) = self.wanted.sums(now);
        let (let_in, not) = (let_in.max(0.0), not.max(0.0));
        ((let_in + not - self.k * let_in) / (let_in + not + 1.0)).max(0.0)
    }

    pub fn sent(&mut self, now: Nanos) {
        self.wanted.add(now, 1.0, 0.0);
    }

    /// A throttle, or a lack of capacity.
    pub fn refused(&mut self, now: Nanos) {
        self.wanted.add(now, -1.0, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn throttle(k: f64) -> AdaptiveThrottle {
        AdaptiveThrottle::new(&AdaptiveThrottleSpec { k })
    }

    /// After this many attempts of which so many were refused, what share is turned away.
    fn after(k: f64, sent: u32, refused: u32) -> f64 {
        let mut one = throttle(k);
        (0..sent).for_each(|_| one.sent(0));
        (0..refused).for_each(|_| one.refused(0));
        one.share(0)
    }

    #[test]
    fn nothing_is_turned_away_until_more_is_wanted_than_k_times_what_is_let_in() {
        let table = [
            (2.0, 0, 0, 0.0),
            (2.0, 100, 0, 0.0),
            (2.0, 100, 50, 0.0),
            (2.0, 100, 75, 50.0 / 101.0),
            (2.0, 100, 100, 100.0 / 101.0),
            (1.1, 100, 50, 45.0 / 101.0),
            (1.0, 1, 1, 0.5),
        ];
        for (k, sent, refused, share) in table {
            let found = after(k, sent, refused);
            assert!((found - share).abs() < 1e-9, "k {k}, {refused} of {sent} refused: {found}");
        }
    }

    #[test]
    fn attempts_that_are_still_silent_are_no_refusals() {
        assert_eq!(after(2.0, 400, 0), 0.0, "a burst of four hundred, none answered yet");
    }

    #[test]
    fn what_is_turned_away_was_wanted_and_counts_once_for_each_request() {
        let mut one = throttle(2.0);
        (0..4).for_each(|_| one.sent(0));
        (0..4).for_each(|_| one.refused(0));
        one.asked(0.1, false);
        assert!(one.turns_away(0) && one.turns_away(0));
        assert!((one.share(0) - 5.0 / 6.0).abs() < 1e-9, "{}", one.share(0));
        one.asked(0.1, true);
        assert!(one.turns_away(0));
        assert!((one.share(0) - 5.0 / 6.0).abs() < 1e-9, "it only waited");
        one.asked(0.9, false);
        assert!(!one.turns_away(0));
    }

    #[test]
    fn refusals_are_forgotten_after_two_minutes() {
        let mut one = throttle(2.0);
        (0..9).for_each(|_| one.sent(0));
        (0..9).for_each(|_| one.refused(0));
        assert!(one.share(119 * SECOND) > 0.8);
        assert_eq!(one.share(120 * SECOND), 0.0);
    }

    /// A service that lets in two a second, and callers who want twenty.
    #[test]
    fn the_service_gets_about_k_times_what_it_lets_in() {
        let (mut one, mut sent, mut let_in) = (throttle(2.0), 0, 0);
        for n in 0u64..20 * 600 {
            let now = n * SECOND / 20;
            // A share that is spread evenly over any stretch of requests.
            one.asked((n as f64 * 0.618_033_988_75).fract(), false);
            if one.turns_away(now) {
                continue;
            }
            one.sent(now);
            sent += 1;
            if let_in < 2 * (now / SECOND + 1) { let_in += 1 } else { one.refused(now) }
        }
        let times = f64::from(sent) / let_in as f64;
        assert!((1.8..2.4).contains(&times), "{times}");
    }

    proptest! {
        #[test]
        fn the_share_is_never_one_and_never_negative(
            k in 1.0f64..4.0,
            steps in prop::collection::vec((0u64..20, 0u8..3), 1..300),
        ) {
            let (mut one, mut now) = (throttle(k), 0);
            for (after, kind) in steps {
                now += after * SECOND;
                match kind {
                    0 => one.sent(now),
                    1 => one.refused(now),
                    _ => {
                        one.asked(0.5, false);
                        one.turns_away(now);
                    }
                }
                prop_assert!((0.0..1.0).contains(&one.share(now)), "{}", one.share(now));
            }
        }
    }
}
