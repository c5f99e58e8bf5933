//! Which of several targets that may all be used.
//!
//! Gates have spoken before: a selector only compares. With a single candidate all selectors agree.

pub mod affinity;
pub mod cost;
pub mod percentile;

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use self::{
    affinity::{Affinity, AffinitySpec},
    cost::CostSpec,
    percentile::{PercentileSpec, Percentiles},
};
use crate::{Nanos, quantity::Share};

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SelectorSpec {
    /// The first in list order.
    First,
    /// At random, by weight.
    Weighted,
    /// In turn, by weight, as evenly spread as can be.
    SmoothWeighted,
    /// The one with the fewest attempts in the air for its weight.
    LeastInFlight,
    /// The better of two drawn at random, by first-token time and attempts in the air.
    P2c(P2cSpec),
    /// At random, by the tokens left in its quota pool. Needs `quota`.
    Headroom(HeadroomSpec),
    /// At random among those whose usual worst first-token time is near the best.
    TtftPercentile(PercentileSpec),
    /// The cheapest that is expected to finish in time, else the quickest. Needs `prices`.
    CostFirst(CostSpec),
    /// The one that has the prompt's beginning in its cache, unless it is much busier than the others.
    CacheAffinity(AffinitySpec),
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct P2cSpec {
    /// Share of choices left to chance, so that a target which looks bad is looked at again.
    #[serde(default = "two_in_a_hundred")]
    pub explore: Share,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeadroomSpec {
    /// Always the fullest pool, but for `explore`; otherwise in proportion.
    #[serde(default)]
    pub greedy: bool,
    #[serde(default = "five_in_a_hundred")]
    pub explore: Share,
}

fn two_in_a_hundred() -> Share {
    Share(0.02)
}

fn five_in_a_hundred() -> Share {
    Share(0.05)
}

/// One target that may be used, as a selector sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Its place in the strategy's list.
    pub place: usize,
    /// Above zero.
    pub weight: f64,
    pub in_flight: u32,
    /// Expected first-token time, in seconds.
    pub latency: f64,
    /// Tokens left in its quota pool; infinite if nothing is known.
    pub room: f64,
    /// Expected time to the last token, in seconds.
    pub finish: f64,
    /// Expected price of the answer, in whatever its prices are written; zero without prices.
    pub cost: f64,
}

/// The request that is to be placed, as far as a selector minds.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    /// Of its prompt's beginning.
    pub prefix: Option<u64>,
    pub now: Nanos,
}

#[derive(Debug, Clone)]
pub struct Selector {
    spec: SelectorSpec,
    /// By place; of smooth weighted turns only.
    turns: Vec<f64>,
    percentiles: Percentiles,
    affinity: Affinity,
}

impl Selector {
    pub fn new(spec: SelectorSpec, places: usize) -> Selector {
        let watched = if matches!(spec, SelectorSpec::TtftPercentile(_)) { places } else { 0 };
        let sticks = matches!(spec, SelectorSpec::CacheAffinity(_));
        Selector {
            spec,
            turns: vec![0.0; places],
            percentiles: Percentiles::new(watched),
            affinity: Affinity::new(sticks),
        }
    }

    /// The place of the chosen one; `None` if there is none.
    pub fn pick(&mut self, candidates: &[Candidate], wish: Wish, dice: &mut dyn Rng) -> Option<usize> {
        if candidates.len() < 2 {
            return candidates.first().map(|only| only.place);
        }
        let chosen = match self.spec {
            SelectorSpec::First => candidates.first(),
            SelectorSpec::Weighted => by_chance(candidates, |one| one.weight, dice),
            SelectorSpec::SmoothWeighted => in_turn(&mut self.turns, candidates),
            SelectorSpec::LeastInFlight => least(candidates, busy, dice),
            SelectorSpec::P2c(spec) => better_of_two(candidates, spec.explore.0, dice),
            SelectorSpec::Headroom(spec) => roomiest(candidates, spec, dice),
            SelectorSpec::TtftPercentile(spec) => self.percentiles.pick(candidates, spec, wish.now, dice),
            SelectorSpec::CostFirst(spec) => cost::pick(candidates, spec, dice),
            SelectorSpec::CacheAffinity(spec) => self.affinity.pick(candidates, spec, wish, dice),
        };
        chosen.map(|one| one.place)
    }

    /// The first token of an attempt at this place took so long, or the attempt failed after that time.
    pub fn took(&mut self, place: usize, length: Nanos, now: Nanos) {
        self.percentiles.took(place, length, now);
    }
}

/// Each gains its weight; the richest is chosen and pays for all.
fn in_turn<'c>(turns: &mut [f64], candidates: &'c [Candidate]) -> Option<&'c Candidate> {
    let mut total = 0.0;
    for one in candidates {
        turns[one.place] += one.weight;
        total += one.weight;
    }
    let ahead = |one: &&Candidate, two: &&Candidate| {
        // The earlier of two equals.
        turns[one.place].total_cmp(&turns[two.place]).then(two.place.cmp(&one.place))
    };
    let chosen = candidates.iter().max_by(ahead)?;
    turns[chosen.place] -= total;
    Some(chosen)
}

fn busy(one: &Candidate) -> f64 {
    (f64::from(one.in_flight) + 1.0) / one.weight
}

fn slow(one: &Candidate) -> f64 {
    one.latency * busy(one)
}

/// A share of one.
pub(crate) fn share(dice: &mut dyn Rng) -> f64 {
    // 53 bits: all that a double keeps, so the share is never 1.
    (dice.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

fn any<'c>(candidates: &'c [Candidate], dice: &mut dyn Rng) -> Option<&'c Candidate> {
    candidates.get((share(dice) * candidates.len() as f64) as usize)
}

fn by_chance<'c>(
    candidates: &'c [Candidate],
    weight: impl Fn(&Candidate) -> f64,
    dice: &mut dyn Rng,
) -> Option<&'c Candidate> {
    let total: f64 = candidates.iter().map(&weight).sum();
    let mut left = share(dice) * total;
    let chosen = candidates.iter().find(|one| {
        left -= weight(one);
        left < 0.0
    });
    chosen.or(candidates.last())
}

/// Ties go to chance, else the first of the list would get every request of a quiet hour.
fn least<'c>(
    candidates: &'c [Candidate],
    score: impl Fn(&Candidate) -> f64,
    dice: &mut dyn Rng,
) -> Option<&'c Candidate> {
    let best = candidates.iter().map(&score).fold(f64::INFINITY, f64::min);
    let ties = candidates.iter().filter(|one| score(one) <= best);
    let pick = (share(dice) * ties.clone().count() as f64) as usize;
    ties.clone().nth(pick)
}

fn better_of_two<'c>(candidates: &'c [Candidate], explore: f64, dice: &mut dyn Rng) -> Option<&'c Candidate> {
    if share(dice) < explore {
        return any(candidates, dice);
    }
    let count = candidates.len();
    let one = (share(dice) * count as f64) as usize;
    let other = (one + 1 + (share(dice) * (count - 1) as f64) as usize) % count;
    let (one, other) = (candidates.get(one)?, candidates.get(other)?);
    Some(if slow(one) <= slow(other) { one } else { other })
}

/// A pool of which nothing is known is taken for roomy: that is how it gets known.
fn roomiest<'c>(
    candidates: &'c [Candidate],
    spec: HeadroomSpec,
    dice: &mut dyn Rng,
) -> Option<&'c Candidate> {
    if share(dice) < spec.explore.0 {
        return any(candidates, dice);
    }
    let unknown = candidates.iter().any(|one| one.room.is_infinite());
    if spec.greedy || unknown {
        let score = |one: &Candidate| if one.room.is_infinite() { busy(one) - 1e18 } else { -one.room };
        return least(candidates, score, dice);
    }
    by_chance(candidates, |one| one.room.max(0.0) * one.weight, dice)
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::rig::Loaded;

    pub(super) fn candidate(place: usize) -> Candidate {
        Candidate {
            place,
            weight: 1.0,
            in_flight: 0,
            latency: 1.0,
            room: f64::INFINITY,
            finish: 1.0,
            cost: 0.0,
        }
    }

    const WISH: Wish = Wish { prefix: Some(7), now: 0 };

    fn selector(spec: serde_json::Value) -> Selector {
        Selector::new(serde_json::from_value(spec).unwrap(), 4)
    }

    fn every() -> Vec<Selector> {
        let specs = [
            json!("first"),
            json!("weighted"),
            json!("smooth_weighted"),
            json!("least_in_flight"),
            json!({ "p2c": {} }),
            json!({ "headroom": {} }),
            json!({ "ttft_percentile": {} }),
            json!({ "cost_first": { "slo": "4s" } }),
            json!({ "cache_affinity": {} }),
        ];
        specs.into_iter().map(selector).collect()
    }

    #[test]
    fn one_candidate_is_chosen_by_all_and_none_by_nobody() {
        for mut selector in every() {
            assert_eq!(selector.pick(&[], WISH, &mut Loaded(0.5)), None);
            assert_eq!(selector.pick(&[candidate(3)], WISH, &mut Loaded(0.5)), Some(3));
        }
    }

    #[test]
    fn whatever_the_dice_show_somebody_is_chosen() {
        let candidates = [candidate(0), Candidate { room: 0.0, ..candidate(2) }, candidate(3)];
        for mut selector in every() {
            for dice in [0.0, 0.01, 0.3, 0.5, 0.7, 0.999_999_999] {
                let place = selector.pick(&candidates, WISH, &mut Loaded(dice)).unwrap();
                assert!([0, 2, 3].contains(&place));
            }
        }
    }

    #[test]
    fn smooth_turns_spread_a_heavy_weight_evenly() {
        let mut selector = selector(json!("smooth_weighted"));
        let candidates = [Candidate { weight: 5.0, ..candidate(0) }, candidate(1), candidate(2)];
        let turns: Vec<usize> =
            (0..7).filter_map(|_| selector.pick(&candidates, WISH, &mut Loaded(0.5))).collect();
        assert_eq!(turns, [0, 0, 1, 0, 2, 0, 0]);
    }

    #[test]
    fn weights_share_out_chance() {
        let mut selector = selector(json!("weighted"));
        let candidates = [candidate(0), Candidate { weight: 3.0, ..candidate(1) }];
        assert_eq!(selector.pick(&candidates, WISH, &mut Loaded(0.24)), Some(0));
        assert_eq!(selector.pick(&candidates, WISH, &mut Loaded(0.26)), Some(1));
    }

    #[test]
    fn the_less_busy_one_is_chosen_for_its_weight() {
        let mut selector = selector(json!("least_in_flight"));
        let candidates = [
            Candidate { in_flight: 2, ..candidate(0) },
            Candidate { in_flight: 5, weight: 3.0, ..candidate(1) },
        ];
        assert_eq!(selector.pick(&candidates, WISH, &mut Loaded(0.5)), Some(1));
    }

    #[test]
    fn of_two_the_quicker_one_is_chosen_unless_chance_explores() {
        let mut selector = selector(json!({ "p2c": { "explore": "10%" } }));
        let candidates = [Candidate { latency: 3.0, ..candidate(0) }, candidate(1)];
        assert_eq!(selector.pick(&candidates, WISH, &mut Loaded(0.5)), Some(1));
        assert_eq!(selector.pick(&candidates, WISH, &mut Loaded(0.05)), Some(0));
    }

    #[test]
    fn more_room_is_better_and_an_unknown_pool_is_the_roomiest() {
        let mut selector = selector(json!({ "headroom": { "greedy": true } }));
        let (small, large) =
            (Candidate { room: 10.0, ..candidate(0) }, Candidate { room: 90.0, ..candidate(1) });
        assert_eq!(selector.pick(&[small, large], WISH, &mut Loaded(0.5)), Some(1));
        assert_eq!(selector.pick(&[small, large, candidate(2)], WISH, &mut Loaded(0.5)), Some(2));
    }
}
