//! A retry budget: a bucket that requests fill and extra attempts draw from, so that they stay a share of the traffic.
//!
//! What was paid in can be drawn for about ten seconds; a quiet night saves nothing up for a bad morning.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{SECOND, seconds};
use crate::{
    Nanos,
    quantity::{Rate, Share},
};

const KEPT: Nanos = 10 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetSpec {
    /// What each request pays in, in attempts.
    pub share: Share,
    /// Paid in whatever the traffic, so that a quiet service may retry at all.
    #[serde(default = "nothing")]
    pub floor: Rate,
}

fn nothing() -> Rate {
    Rate { per_second: 0.0 }
}

impl BudgetSpec {
    /// Whether it could ever pay for one attempt.
    pub fn can_pay(&self) -> bool {
        self.share.0 > 0.0 || self.floor.per_second > 0.0
    }
}

#[derive(Debug, Clone)]
pub struct Budget {
    share: f64,
    floor: f64,
    left: f64,
    filled: Nanos,
    /// Requests of this stretch of ten seconds and of the one before.
    requests: [f64; 2],
    stretch: u64,
}

impl Budget {
    pub fn new(spec: &BudgetSpec) -> Budget {
        let floor = spec.floor.per_second;
        // The floor of the first ten seconds is there from the start.
        let left = floor * seconds(0, KEPT);
        Budget { share: spec.share.0, floor, left, filled: 0, requests: [0.0; 2], stretch: 0 }
    }

    /// A request came.
    pub fn deposit(&mut self, now: Nanos) {
        self.fill(now);
        self.requests[0] += 1.0;
        self.left = (self.left + self.share).min(self.cap());
    }

    pub fn pays(&mut self, now: Nanos) -> bool {
        self.fill(now);
        self.left >= 1.0
    }

    pub fn withdraw(&mut self, now: Nanos) -> bool {
        let pays = self.pays(now);
        if pays {
            self.left -= 1.0;
        }
        pays
    }

    fn fill(&mut self, now: Nanos) {
        let stretch = now / KEPT;
        match stretch.saturating_sub(self.stretch) {
            0 => {}
            1 => self.requests = [0.0, self.requests[0]],
            _ => self.requests = [0.0; 2],
        }
        self.stretch = self.stretch.max(stretch);
        self.left = (self.left + self.floor * seconds(self.filled, now)).min(self.cap());
        self.filled = self.filled.max(now);
    }

    /// At least one attempt, else a small share of little traffic could never pay.
    fn cap(&self) -> f64 {
        let lately = self.requests[0] + self.requests[1];
        (self.floor * seconds(0, KEPT) + self.share * lately).max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn budget(share: f64, floor: f64) -> Budget {
        Budget::new(&BudgetSpec { share: Share(share), floor: Rate { per_second: floor } })
    }

    #[test]
    fn a_twentieth_pays_for_one_in_twenty() {
        let mut budget = budget(0.05, 0.0);
        let paid = (0..200).filter(|n| {
            budget.deposit(n * 10_000_000);
            budget.withdraw(n * 10_000_000)
        });
        assert!((9..=10).contains(&paid.count()));
    }

    #[test]
    fn a_quiet_night_saves_nothing_up() {
        let mut budget = budget(0.1, 1.0);
        (0..10_000).for_each(|n| budget.deposit(n * SECOND / 1_000));
        let later = 10_000 * SECOND;
        assert_eq!((0..100).filter(|_| budget.withdraw(later)).count(), 10);
    }

    proptest! {
        /// Each step is a wait in milliseconds and either a deposit or a withdrawal.
        #[test]
        fn what_is_drawn_never_exceeds_what_was_paid_in(
            share in 0.0f64..2.0,
            floor in 0.0f64..5.0,
            steps in prop::collection::vec((0u64..3_000, any::<bool>()), 0..300),
        ) {
            let mut budget = budget(share, floor);
            let (mut now, mut deposits, mut drawn) = (0, 0.0, 0.0);
            for (wait, deposit) in steps {
                now += wait * 1_000_000;
                if deposit {
                    budget.deposit(now);
                    deposits += share;
                } else if budget.withdraw(now) {
                    drawn += 1.0;
                }
                let paid_in = deposits + floor * (seconds(0, now) + seconds(0, KEPT));
                prop_assert!(drawn <= paid_in + 1e-6, "{drawn} drawn, {paid_in} paid in");
            }
        }
    }
}
