//! Whether a difference between two strategies is real.
//!
//! Every replication gives both strategies the same arrivals and the same luck, so the pairs are compared, one
//! difference per replication. The 95 % interval of the mean difference is a percentile bootstrap over the pairs,
//! never narrower than Student's t interval: with the usual three to ten replications the bootstrap alone calls
//! noise a winner far too often (one time in four at three pairs, whenever all three happen to agree).

use schemars::JsonSchema;
use serde::Serialize;

/// Fewer pairs than this say nothing about noise.
pub const PAIRS_MIN: usize = 3;
const RESAMPLES: usize = 2_000;

/// Student's t, two-sided 95 %, by degrees of freedom from 1; beyond the table the last one is on the safe side.
const STUDENT: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/// Which direction of a number is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    Higher,
    Lower,
    Neither,
}

/// Where the mean difference lies, with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Interval {
    pub mean: f64,
    pub low: f64,
    pub high: f64,
}

impl Interval {
    /// The whole interval lies on the better side.
    pub fn is_above_zero(&self) -> bool {
        self.low > 0.0
    }
}

/// How much `ours` is better than `theirs` once theirs is improved by `margin`; positive is better. Two that both
/// never came are equal.
pub fn advantage(ours: f64, theirs: f64, better: Better, margin: f64) -> f64 {
    if ours == f64::INFINITY && theirs == f64::INFINITY {
        return 0.0;
    }
    match better {
        Better::Higher => ours - theirs * (1.0 + margin),
        Better::Lower => theirs * (1.0 - margin) - ours,
        Better::Neither => 0.0,
    }
}

/// The interval of the mean of paired differences; `None` with fewer than [`PAIRS_MIN`]. The same key gives the same
/// interval.
pub fn interval(differences: &[f64], key: u64) -> Option<Interval> {
    if differences.len() < PAIRS_MIN {
        return None;
    }
    let mut means = resampled_means(differences, key);
    means.sort_by(f64::total_cmp);
    let cut = RESAMPLES / 40;
    let (low, high) = (means[cut], means[RESAMPLES - 1 - cut]);
    let mean = mean_of(differences.iter().sum(), differences.len());
    let reach = student_reach(differences, mean);
    Some(Interval { mean, low: low.min(mean - reach), high: high.max(mean + reach) })
}

/// The interval of the difference of two means that have no pairs, the second less the first; Student's with the degrees of the
/// smaller list, which is never too narrow.
pub fn apart(one: &[f64], other: &[f64]) -> Option<Interval> {
    let least = one.len().min(other.len());
    if least < PAIRS_MIN {
        return None;
    }
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
    let variance = |numbers: &[f64], mean: f64| {
        let squares: f64 = numbers.iter().map(|number| (number - mean) * (number - mean)).sum();
        squares / (numbers.len() - 1) as f64 / numbers.len() as f64
    };
    let means = [mean(one), mean(other)];
    let spread = (variance(one, means[0]) + variance(other, means[1])).sqrt();
    let reach = STUDENT[(least - 2).min(STUDENT.len() - 1)] * spread;
    let mean = means[1] - means[0];
    Some(Interval { mean, low: mean - reach, high: mean + reach })
}

fn resampled_means(differences: &[f64], key: u64) -> Vec<f64> {
    let mut dice = SplitMix(key);
    let n = differences.len();
    let mut means = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        means.push(mean_of((0..n).map(|_| differences[dice.below(n)]).sum(), n));
    }
    means
}

/// Plus and minus infinity together speak for neither, so the cautious one stands.
fn mean_of(sum: f64, n: usize) -> f64 {
    if sum.is_nan() { f64::NEG_INFINITY } else { sum / n as f64 }
}

/// Half the width of Student's interval; 0 where differences are infinite and it has no meaning.
fn student_reach(differences: &[f64], mean: f64) -> f64 {
    if !mean.is_finite() {
        return 0.0;
    }
    let n = differences.len();
    let squares: f64 = differences.iter().map(|d| (d - mean) * (d - mean)).sum();
    let spread = (squares / (n - 1) as f64).sqrt();
    STUDENT[(n - 2).min(STUDENT.len() - 1)] * spread / (n as f64).sqrt()
}

/// A key for one comparison: the run's seed and what is compared.
pub fn key(seed: u64, parts: &[&str]) -> u64 {
    // FNV-1a, with a byte that no name has between the parts.
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xff]));
    bytes.fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Sebastiano Vigna's SplitMix64: small, pinned here, and good enough to draw indices.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix(u64);

impl SplitMix {
    #[cfg(test)]
    pub(crate) fn new(seed: u64) -> SplitMix {
        SplitMix(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.next()) * n as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_interval_and_another_key_another() {
        let differences = [0.1, 0.4, -0.2, 0.3, 0.15, 0.22, 0.9, -0.1];
        let one = resampled_means(&differences, key(42, &["goodput", "a", "b"]));
        assert_eq!(one, resampled_means(&differences, key(42, &["goodput", "a", "b"])));
        for other in
            [key(43, &["goodput", "a", "b"]), key(42, &["goodput", "ab"]), key(42, &["goodput", "b", "a"])]
        {
            assert_ne!(one, resampled_means(&differences, other));
        }
    }

    #[test]
    fn draws_are_pinned() {
        let mut dice = SplitMix(0);
        // The published first outputs for seed 0.
        assert_eq!([dice.next(), dice.next()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn identical_strategies_differ_by_nothing() {
        assert_eq!(interval(&[0.0; 5], 1), Some(Interval { mean: 0.0, low: 0.0, high: 0.0 }));
    }

    #[test]
    fn two_replications_say_nothing() {
        assert_eq!(interval(&[5.0, 5.0], 1), None);
        assert!(interval(&[5.0, 5.0, 5.0], 1).expect("three say something").is_above_zero());
    }

    #[test]
    fn the_interval_is_never_narrower_than_students() {
        // Mean 2, standard deviation 1, n = 3: 2 ± 4.303 / sqrt(3).
        let interval = interval(&[1.0, 2.0, 3.0], 7).expect("enough pairs");
        assert!((interval.mean - 2.0).abs() < 1e-12);
        assert!((interval.low - (2.0 - 2.484)).abs() < 1e-3, "{interval:?}");
        assert!((interval.high - (2.0 + 2.484)).abs() < 1e-3, "{interval:?}");
    }

    /// Pure noise may be called a difference in one case of twenty, a clear shift almost always.
    #[test]
    fn noise_is_rarely_called_better_and_a_shift_is() {
        let mut dice = SplitMix(2026);
        let mut noise =
            move || (0..12).map(|_| (dice.next() >> 11) as f64 / (1_u64 << 53) as f64).sum::<f64>() - 6.0;
        for n in [3, 5, 10] {
            let mut wins = |shift: f64| {
                let trial = |index: u64| {
                    let differences: Vec<f64> = (0..n).map(|_| noise() + shift).collect();
                    interval(&differences, index).is_some_and(|interval| interval.is_above_zero())
                };
                (0..200).map(trial).filter(|better| *better).count()
            };
            let (by_chance, by_shift) = (wins(0.0), wins(6.0));
            assert!(by_chance <= 10, "{by_chance} of 200 at n = {n}");
            assert!(by_shift >= 170, "{by_shift} of 200 at n = {n}");
        }
    }

    #[test]
    fn an_advantage_points_to_what_is_better_and_counts_beyond_the_margin() {
        for (ours, theirs, better, margin, expected) in [
            (0.9, 0.8, Better::Higher, 0.0, 0.1),
            (0.9, 0.8, Better::Higher, 0.2, -0.06),
            (80.0, 100.0, Better::Lower, 0.0, 20.0),
            (80.0, 100.0, Better::Lower, 0.3, -10.0),
            (f64::INFINITY, f64::INFINITY, Better::Lower, 0.2, 0.0),
            (80.0, f64::INFINITY, Better::Lower, 0.2, f64::INFINITY),
            (f64::INFINITY, 80.0, Better::Lower, 0.0, f64::NEG_INFINITY),
            (3.0, 1.0, Better::Neither, 0.0, 0.0),
        ] {
            let advantage = advantage(ours, theirs, better, margin);
            let close = advantage == expected || (advantage - expected).abs() < 1e-12;
            assert!(close, "{ours} against {theirs}: {advantage}");
        }
    }

    #[test]
    fn coming_back_always_beats_never_and_mixed_cases_stay_undecided() {
        let inf = f64::INFINITY;
        assert!(interval(&[inf, inf, inf], 1).expect("three").is_above_zero());
        assert!(!interval(&[inf, -inf, inf, inf], 1).expect("four").is_above_zero());
        assert!(!interval(&[-inf, -inf, -inf], 1).expect("three").is_above_zero());
    }
}
