//! The target that has a prompt's beginning in its cache.
//!
//! Requests with the same prefix go to the same target as long as it may be used and is not much busier than the others:
//! a cache belongs to one Region, and spreading a prefix over all of them pays for writing it everywhere. Which target
//! that is says a hash of prefix and target, so that one target less moves only its own prefixes. A prefix that had to
//! move stays where it went while the cache there is warm.
//!
//! Source: Mirrokni, Thorup and Zadimoghaddam, "Consistent Hashing with Bounded Loads"; Thaler and Ravishankar,
//! "Using name-based mappings to increase hit rates" (highest random weight).

use std::time::Duration;

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Candidate, Wish, busy, least};
use crate::{Nanos, span};

/// Prefixes whose place is remembered. Two that meet in a slot forget each other, which costs a cache write at worst.
const REMEMBERED: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AffinitySpec {
    /// So many times the mean of all in the air, and one more, may be in the air at a target before its prefixes go
    /// elsewhere.
    #[serde(default = "quarter_more")]
    pub load: f64,
    /// How long a cache stays warm after its latest use.
    #[serde(default = "five_minutes", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub ttl: Duration,
}

fn quarter_more() -> f64 {
    1.25
}
fn five_minutes() -> Duration {
    Duration::from_secs(300)
}

impl AffinitySpec {
    /// With a bound below the mean it could happen that nobody keeps to it.
    pub fn is_sound(&self) -> bool {
        self.load.is_finite() && self.load >= 1.0 && !self.ttl.is_zero()
    }
}

/// Where a prefix went last.
#[derive(Debug, Clone, Copy)]
struct Home {
    prefix: u64,
    place: usize,
    until: Nanos,
}

#[derive(Debug, Clone)]
pub(super) struct Affinity {
    homes: Vec<Option<Home>>,
}

impl Affinity {
    pub(super) fn new(used: bool) -> Affinity {
        Affinity { homes: vec![None; if used { REMEMBERED } else { 0 }] }
    }

    pub(super) fn pick<'c>(
        &mut self,
        candidates: &'c [Candidate],
        spec: AffinitySpec,
        wish: Wish,
        dice: &mut dyn Rng,
    ) -> Option<&'c Candidate> {
        let Some(prefix) = wish.prefix else {
            return least(candidates, busy, dice);
        };
        let total: f64 = candidates.iter().map(|one| f64::from(one.in_flight)).sum();
        let bound = spec.load * total / candidates.len() as f64 + 1.0;
        let fits = |one: &&Candidate| f64::from(one.in_flight) <= bound;
        let slot = self.homes.get_mut(mixed(prefix) as usize % REMEMBERED)?;
        let home = slot.filter(|home| home.prefix == prefix && wish.now < home.until);
        let until = wish.now.saturating_add(span::nanos(spec.ttl));
        let at_home = home.and_then(|home| candidates.iter().find(|one| one.place == home.place));
        if let Some(one) = at_home {
            if fits(&one) {
                *slot = Some(Home { prefix, place: one.place, until });
                return Some(one);
            }
            // Its home is busy, and stays its home.
            return best(candidates.iter().filter(fits), prefix);
        }
        let chosen = best(candidates.iter().filter(fits), prefix)?;
        *slot = Some(Home { prefix, place: chosen.place, until });
        Some(chosen)
    }
}

/// The highest of all hashes, each stretched by the target's weight.
fn best<'c>(candidates: impl Iterator<Item = &'c Candidate>, prefix: u64) -> Option<&'c Candidate> {
    let score = |one: &Candidate| {
        let bits = mixed(prefix ^ mixed(one.place as u64 + 1)) >> 11;
        // Between 0 and 1, neither of them.
        let unit = (bits as f64 + 0.5) / (1u64 << 53) as f64;
        one.weight / -libm::log(unit)
    };
    candidates.max_by(|one, two| score(one).total_cmp(&score(two)))
}

/// All bits depend on all bits (the finisher of splitmix64).
fn mixed(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::tests::candidate, *};
    use crate::{policy::SECOND, rig::Loaded};

    fn spec() -> AffinitySpec {
        serde_json::from_str("{}").unwrap()
    }

    fn pick(affinity: &mut Affinity, candidates: &[Candidate], prefix: u64, now: Nanos) -> usize {
        let wish = Wish { prefix: Some(prefix), now };
        affinity.pick(candidates, spec(), wish, &mut Loaded(0.5)).unwrap().place
    }

    fn some(places: &[usize]) -> Vec<Candidate> {
        places.iter().map(|place| candidate(*place)).collect()
    }

    #[test]
    fn a_prefix_stays_with_its_target_and_prefixes_are_spread_over_all() {
        let mut affinity = Affinity::new(true);
        let all = some(&[0, 1, 2]);
        let mut counts = [0; 3];
        for prefix in 0..300 {
            let place = pick(&mut affinity, &all, prefix, 0);
            assert_eq!(pick(&mut affinity, &all, prefix, SECOND), place);
            counts[place] += 1;
        }
        assert!(counts.iter().all(|count| (70..130).contains(count)), "{counts:?}");
    }

    #[test]
    fn weights_share_out_the_prefixes() {
        let mut affinity = Affinity::new(true);
        let all = [Candidate { weight: 3.0, ..candidate(0) }, candidate(1)];
        let heavy = (0..400).filter(|prefix| pick(&mut affinity, &all, *prefix, 0) == 0).count();
        assert!((270..330).contains(&heavy), "{heavy} of 400");
    }

    #[test]
    fn without_a_prefix_the_least_busy_is_chosen() {
        let all = [Candidate { in_flight: 3, ..candidate(0) }, candidate(1)];
        let wish = Wish { prefix: None, now: 0 };
        let chosen = Affinity::new(true).pick(&all, spec(), wish, &mut Loaded(0.5)).unwrap();
        assert_eq!(chosen.place, 1);
    }

    #[test]
    fn a_busy_home_sends_what_is_too_much_elsewhere_and_stays_the_home() {
        let mut affinity = Affinity::new(true);
        let all = some(&[0, 1, 2]);
        let home = pick(&mut affinity, &all, 5, 0);
        // The mean is a third of it: the bound is 1.25 times that, and one.
        let table = [(1, true), (2, false), (9, false)];
        for (in_flight, stays) in table {
            let mut loaded = all.clone();
            loaded[home].in_flight = in_flight;
            assert_eq!(pick(&mut affinity, &loaded, 5, SECOND) == home, stays, "{in_flight} in the air");
        }
        assert_eq!(pick(&mut affinity, &all, 5, 2 * SECOND), home);
    }

    #[test]
    fn a_prefix_that_had_to_move_stays_where_its_cache_is_warm() {
        let mut affinity = Affinity::new(true);
        let all = some(&[0, 1, 2]);
        let home = pick(&mut affinity, &all, 5, 0);
        let others: Vec<Candidate> = all.iter().filter(|one| one.place != home).copied().collect();
        let refuge = pick(&mut affinity, &others, 5, SECOND);
        assert_ne!(refuge, home);
        assert_eq!(pick(&mut affinity, &all, 5, 2 * SECOND), refuge);
        assert_eq!(pick(&mut affinity, &all, 5, 302 * SECOND), home, "the cache there is cold by now");
    }

    proptest! {
        #[test]
        fn one_target_less_moves_only_its_own_prefixes(prefix in any::<u64>(), gone in 0usize..6) {
            let all = some(&[0, 1, 2, 3, 4, 5]);
            let left: Vec<Candidate> = all.iter().filter(|one| one.place != gone).copied().collect();
            let before = pick(&mut Affinity::new(true), &all, prefix, 0);
            let after = pick(&mut Affinity::new(true), &left, prefix, 0);
            prop_assert!(before == gone || before == after);
        }

        #[test]
        fn nobody_gets_more_than_the_bound_while_another_keeps_to_it(
            loads in prop::collection::vec(0u32..40, 2..9), prefix in any::<u64>(),
        ) {
            let all: Vec<Candidate> = loads
                .iter()
                .enumerate()
                .map(|(at, in_flight)| Candidate { in_flight: *in_flight, ..candidate(at) })
                .collect();
            let place = pick(&mut Affinity::new(true), &all, prefix, 0);
            let mean = loads.iter().sum::<u32>() as f64 / loads.len() as f64;
            prop_assert!(f64::from(loads[place]) <= 1.25 * mean + 1.0);
        }
    }
}
