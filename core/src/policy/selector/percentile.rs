//! The targets whose slow answers are quickest.
//!
//! A mean hides that one answer in ten is slow, and a peak remembers a single one. This looks at a percentile of the last
//! half minute or minute, and spreads the load over all that are about as good as the best.

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Candidate, any, by_chance, share};
use crate::{
    Nanos,
    policy::{SECOND, quantile::Quantiles},
    quantity::Share,
};

/// The two histograms of a target take turns of this length.
const TURN: Nanos = 30 * SECOND;
/// What is believed of a target that hardly anything is known of.
const SEED: Nanos = SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PercentileSpec {
    #[serde(default = "nine_tenths")]
    pub quantile: Share,
    /// Answers seen before it counts; until then a target is believed to take a second.
    #[serde(default = "twenty")]
    pub samples_min: u32,
    /// All within this much of the best are as good.
    #[serde(default = "tenth")]
    pub within: Share,
    /// Share of choices left to chance, so that a target which looks bad is looked at again.
    #[serde(default = "two_in_a_hundred")]
    pub explore: Share,
}

fn twenty() -> u32 {
    20
}
fn tenth() -> Share {
    Share(0.1)
}
fn nine_tenths() -> Share {
    Share(0.9)
}
fn two_in_a_hundred() -> Share {
    Share(0.02)
}

impl PercentileSpec {
    pub fn is_sound(&self) -> bool {
        self.quantile.0 > 0.0 && self.quantile.0 <= 1.0 && self.explore.0 <= 1.0
    }
}

/// First-token times, by place.
#[derive(Debug, Clone)]
pub(super) struct Percentiles {
    seen: Vec<Quantiles>,
    /// Written and read by each choice.
    slow: Vec<Nanos>,
}

impl Percentiles {
    pub(super) fn new(places: usize) -> Percentiles {
        Percentiles { seen: vec![Quantiles::turning(TURN); places], slow: vec![SEED; places] }
    }

    pub(super) fn took(&mut self, place: usize, length: Nanos, now: Nanos) {
        if let Some(seen) = self.seen.get_mut(place) {
            seen.add(length, now);
        }
    }

    pub(super) fn pick<'c>(
        &mut self,
        candidates: &'c [Candidate],
        spec: PercentileSpec,
        now: Nanos,
        dice: &mut dyn Rng,
    ) -> Option<&'c Candidate> {
        if share(dice) < spec.explore.0 {
            return any(candidates, dice);
        }
        let mut best = Nanos::MAX;
        for one in candidates {
            let known = self.seen[one.place].at(spec.quantile.0, spec.samples_min, now);
            self.slow[one.place] = known.unwrap_or(SEED);
            best = best.min(self.slow[one.place]);
        }
        let bound = (best as f64 * (1.0 + spec.within.0)) as Nanos;
        let slow = &self.slow;
        by_chance(candidates, |one| if slow[one.place] <= bound { one.weight } else { 0.0 }, dice)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::candidate, *};
    use crate::{policy::MILLISECOND, rig::Loaded};

    fn spec() -> PercentileSpec {
        serde_json::from_str("{}").unwrap()
    }

    /// Each place answered in these times (ms), twenty times over.
    fn seen(times: &[u64]) -> Percentiles {
        let mut percentiles = Percentiles::new(times.len());
        for (place, ms) in times.iter().enumerate() {
            (0..20).for_each(|_| percentiles.took(place, ms * MILLISECOND, 0));
        }
        percentiles
    }

    fn picks(percentiles: &mut Percentiles, places: usize, dice: f64, now: Nanos) -> usize {
        let candidates: Vec<Candidate> = (0..places).map(candidate).collect();
        percentiles.pick(&candidates, spec(), now, &mut Loaded(dice)).unwrap().place
    }

    #[test]
    fn all_that_are_about_as_good_as_the_best_share_the_load() {
        let mut percentiles = seen(&[900, 500, 1_800, 510]);
        let chosen: Vec<usize> = [0.1, 0.4, 0.6, 0.9].map(|dice| picks(&mut percentiles, 4, dice, 0)).into();
        assert_eq!(chosen, [1, 1, 3, 3]);
    }

    #[test]
    fn one_slow_answer_in_ten_counts_and_one_in_twenty_does_not() {
        let table = [(1, 0), (3, 1)];
        for (slow, chosen) in table {
            let mut percentiles = Percentiles::new(2);
            for n in 0..20 {
                percentiles.took(0, if n < slow { 5_000 } else { 300 } * MILLISECOND, 0);
                percentiles.took(1, 600 * MILLISECOND, 0);
            }
            assert_eq!(picks(&mut percentiles, 2, 0.5, 0), chosen, "{slow} of twenty were slow");
        }
    }

    #[test]
    fn of_whom_too_little_is_known_takes_a_second_by_belief() {
        let mut percentiles = Percentiles::new(2);
        (0..20).for_each(|_| percentiles.took(0, 1_500 * MILLISECOND, 0));
        assert_eq!(picks(&mut percentiles, 2, 0.5, 0), 1);
        assert_eq!(picks(&mut seen(&[400, 300]), 2, 0.01, 0), 0, "some choices are left to chance");
        let mut old = seen(&[200, 100]);
        assert_eq!(picks(&mut old, 2, 0.1, 61 * SECOND), 0, "after a minute both are as good as unknown");
    }
}
