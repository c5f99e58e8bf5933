//! A steady rate with a bound on bursts, kept as one moment: when everything that was let through would have been earned.
//!
//! Source: ITU-T I.371, the generic cell rate algorithm in its form of virtual scheduling.

use super::SECOND;
use crate::Nanos;

/// What may pass: so much each second, and at once as much as comes together in `burst`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    pub rate: f64,
    pub burst: Nanos,
}

impl Pace {
    fn time_of(self, amount: f64) -> Nanos {
        libm::ceil(amount / self.rate.max(1e-9) * SECOND as f64) as Nanos
    }
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Gcra {
    earned_at: Nanos,
}

impl Gcra {
    /// `None` if the amount may pass now; else when it may, if nothing else passes. What exceeds a whole burst passes
    /// when everything before it is earned.
    pub fn check(&self, amount: f64, pace: Pace, now: Nanos) -> Option<Nanos> {
        let time = pace.time_of(amount);
        let earned_at = self.earned_at.max(now).saturating_add(time);
        let early = earned_at.saturating_sub(pace.burst.max(time));
        (early > now).then_some(early)
    }

    /// The amount passes, whatever `check` says of it.
    pub fn take(&mut self, amount: f64, pace: Pace, now: Nanos) {
        self.earned_at = self.earned_at.max(now).saturating_add(pace.time_of(amount));
    }

    /// Part of what passed was not used. Only what is still to be earned can be given back.
    pub fn give_back(&mut self, amount: f64, pace: Pace) {
        self.earned_at = self.earned_at.saturating_sub(pace.time_of(amount));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::{MILLISECOND, seconds};

    const PACE: Pace = Pace { rate: 10.0, burst: SECOND };

    #[test]
    fn a_burst_passes_at_once_and_then_one_at_a_time() {
        let mut gcra = Gcra::default();
        let mut passed = 0;
        while gcra.check(1.0, PACE, 0).is_none() {
            gcra.take(1.0, PACE, 0);
            passed += 1;
        }
        assert_eq!(passed, 10);
        assert_eq!(gcra.check(1.0, PACE, 0), Some(100 * MILLISECOND));
        assert_eq!(gcra.check(1.0, PACE, 100 * MILLISECOND), None);
        assert_eq!(gcra.check(3.0, PACE, 100 * MILLISECOND), Some(300 * MILLISECOND));
    }

    #[test]
    fn what_exceeds_a_burst_passes_when_nothing_is_owed_and_is_earned_after() {
        let mut gcra = Gcra::default();
        assert_eq!(gcra.check(50.0, PACE, 7), None);
        gcra.take(50.0, PACE, 7);
        assert_eq!(gcra.check(1.0, PACE, 7), Some(4 * SECOND + 100 * MILLISECOND + 7));
    }

    #[test]
    fn what_is_given_back_may_pass_again_and_idle_time_is_not_saved_up() {
        let mut gcra = Gcra::default();
        gcra.take(10.0, PACE, 0);
        gcra.give_back(4.0, PACE);
        assert_eq!((gcra.check(4.0, PACE, 0), gcra.check(5.0, PACE, 0)), (None, Some(100 * MILLISECOND)));
        assert_eq!(gcra.check(11.0, PACE, 100 * SECOND), None, "an amount above the burst goes alone");
        gcra.take(11.0, PACE, 100 * SECOND);
        assert!(gcra.check(1.0, PACE, 100 * SECOND).is_some());
    }

    proptest! {
        /// Amounts up to a burst, at any times.
        #[test]
        fn it_never_lets_more_through_than_its_rate_and_one_burst(
            rate in 0.1f64..1_000.0,
            burst_ms in 1u64..20_000,
            steps in prop::collection::vec((0u64..2_000, 0.0f64..=1.0), 1..200),
        ) {
            let pace = Pace { rate, burst: burst_ms * MILLISECOND };
            let burst = rate * seconds(0, pace.burst);
            let (mut gcra, mut now, mut passed) = (Gcra::default(), 0, 0.0);
            for (wait, share) in steps {
                now += wait * MILLISECOND;
                let amount = share * burst;
                match gcra.check(amount, pace, now) {
                    None => {
                        gcra.take(amount, pace, now);
                        passed += amount;
                    }
                    Some(when) => {
                        prop_assert!(when > now);
                        prop_assert_eq!(gcra.check(amount, pace, when), None, "told {} and refused then", when);
                    }
                }
                let earned = rate * seconds(0, now) + burst;
                prop_assert!(passed <= earned * (1.0 + 1e-9) + 1e-6, "{passed} passed, {earned} earned");
            }
        }
    }
}
