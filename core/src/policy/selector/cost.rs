//! The cheapest target that is quick enough.

use std::time::Duration;

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Candidate, any, least, share};
use crate::{policy::seconds, quantity::Share, span};

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CostSpec {
    /// An answer that is expected to be whole after this time is quick enough.
    #[serde(deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub slo: Duration,
    /// Share of choices left to chance, so that a target which was too slow is looked at again.
    #[serde(default = "two_in_a_hundred")]
    pub explore: Share,
}

fn two_in_a_hundred() -> Share {
    Share(0.02)
}

/// What a target's tokens cost, in any currency, as long as it is the same for all.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceSpec {
    /// Of a million input tokens.
    pub input: f64,
    /// Of a million output tokens.
    pub output: f64,
}

impl PriceSpec {
    pub fn is_sound(&self) -> bool {
        [self.input, self.output].iter().all(|price| price.is_finite() && *price >= 0.0)
    }

    pub fn of(&self, input_tokens: f64, output_tokens: f64) -> f64 {
        (input_tokens * self.input + output_tokens * self.output) / 1e6
    }
}

/// The quickest if nobody is quick enough.
pub(super) fn pick<'c>(
    candidates: &'c [Candidate],
    spec: CostSpec,
    dice: &mut dyn Rng,
) -> Option<&'c Candidate> {
    if share(dice) < spec.explore.0 {
        return any(candidates, dice);
    }
    let slo = seconds(0, span::nanos(spec.slo));
    let in_time = |one: &Candidate| one.finish <= slo;
    if candidates.iter().any(in_time) {
        return least(candidates, |one| if in_time(one) { one.cost } else { f64::INFINITY }, dice);
    }
    least(candidates, |one| one.finish, dice)
}

#[cfg(test)]
mod tests {
    use super::{super::tests::candidate, *};
    use crate::rig::Loaded;

    #[test]
    fn the_cheapest_in_time_is_chosen_and_the_quickest_if_nobody_is() {
        let rows = [
            // (finish, cost) of each, and who is chosen
            ([(1.0, 3.0), (2.0, 1.0), (3.0, 2.0)], 1),
            ([(1.0, 3.0), (5.0, 1.0), (3.0, 2.0)], 2),
            ([(4.0, 3.0), (4.1, 1.0), (9.0, 0.0)], 0),
            ([(7.0, 1.0), (5.0, 9.0), (6.0, 1.0)], 1),
        ];
        let spec = CostSpec { slo: Duration::from_secs(4), explore: Share(0.02) };
        for (candidates, chosen) in rows {
            let list: Vec<Candidate> = (0..3)
                .map(|at| Candidate { finish: candidates[at].0, cost: candidates[at].1, ..candidate(at) })
                .collect();
            let place = pick(&list, spec, &mut Loaded(0.5)).unwrap().place;
            assert_eq!(place, chosen, "{candidates:?}");
        }
    }

    #[test]
    fn a_price_counts_input_and_output() {
        let price = PriceSpec { input: 0.25, output: 1.25 };
        assert!((price.of(1_000.0, 200.0) - 0.0005).abs() < 1e-12);
        assert!(price.is_sound());
        assert!(!PriceSpec { input: -1.0, ..price }.is_sound());
        assert!(!PriceSpec { output: f64::NAN, ..price }.is_sound());
    }
}
