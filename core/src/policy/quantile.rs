//! Quantiles of recent lengths of time: two histograms that take turns, of a minute each unless a part wants them
//! shorter, with eight buckets to each doubling, so a quantile is at most an eighth too high.

use super::{MILLISECOND, SECOND};
use crate::Nanos;

const TURN: Nanos = 60 * SECOND;
/// Of a millisecond, the smallest length told apart.
const UNIT: Nanos = MILLISECOND;
const PER_DOUBLING: usize = 8;
const BUCKETS: usize = 18 * PER_DOUBLING;

#[derive(Debug, Clone)]
pub struct Quantiles {
    counts: [[u32; BUCKETS]; 2],
    totals: [u32; 2],
    turn: u64,
    /// How long a turn is.
    length: Nanos,
}

impl Default for Quantiles {
    fn default() -> Self {
        Quantiles::turning(TURN)
    }
}

impl Quantiles {
    /// What is older than two turns is forgotten.
    pub fn turning(length: Nanos) -> Quantiles {
        Quantiles { counts: [[0; BUCKETS]; 2], totals: [0; 2], turn: 0, length: length.max(1) }
    }

    pub fn add(&mut self, length: Nanos, now: Nanos) {
        self.rotate(now);
        let side = (self.turn % 2) as usize;
        self.counts[side][bucket(length)] += 1;
        self.totals[side] += 1;
    }

    /// The length that this share of the last minute or two stayed below, if there were at least `samples_min`.
    pub fn at(&mut self, share: f64, samples_min: u32, now: Nanos) -> Option<Nanos> {
        self.rotate(now);
        let total = self.totals[0] + self.totals[1];
        if total == 0 || total < samples_min {
            return None;
        }
        let wanted = libm::ceil(f64::from(total) * share);
        let mut below = 0;
        let found = (0..BUCKETS).find(|at| {
            below += self.counts[0][*at] + self.counts[1][*at];
            f64::from(below) >= wanted
        });
        Some(top(found.unwrap_or(BUCKETS - 1)))
    }

    fn rotate(&mut self, now: Nanos) {
        let turn = now / self.length;
        let passed = turn.saturating_sub(self.turn);
        self.turn = self.turn.max(turn);
        for step in 0..passed.min(2) {
            let side = ((self.turn - step) % 2) as usize;
            self.counts[side] = [0; BUCKETS];
            self.totals[side] = 0;
        }
    }
}

/// The doubling it falls in, by its highest bit, then an even eighth of it.
fn bucket(length: Nanos) -> usize {
    let units = (length / UNIT).max(1);
    let doubling = units.ilog2() as usize;
    let eighth = ((units << 3) >> doubling) as usize & (PER_DOUBLING - 1);
    (doubling * PER_DOUBLING + eighth).min(BUCKETS - 1)
}

/// The longest length in a bucket.
fn top(bucket: usize) -> Nanos {
    let (doubling, eighth) = (bucket / PER_DOUBLING, bucket % PER_DOUBLING);
    ((UNIT << doubling) / PER_DOUBLING as u64) * (PER_DOUBLING + eighth + 1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_never_too_low_and_at_most_an_eighth_too_high() {
        let mut quantiles = Quantiles::default();
        (1..=1_000).for_each(|ms| quantiles.add(ms * MILLISECOND, 0));
        for (share, exact) in [(0.5, 500), (0.95, 950), (0.99, 990), (1.0, 1_000)] {
            let told = quantiles.at(share, 100, 0).unwrap();
            let exact = exact * MILLISECOND;
            assert!((exact..=exact + exact / 8).contains(&told), "{share}: {told}");
        }
    }

    #[test]
    fn too_few_samples_tell_nothing() {
        let mut quantiles = Quantiles::default();
        (0..99).for_each(|_| quantiles.add(SECOND, 0));
        assert_eq!(quantiles.at(0.5, 100, 0), None);
        quantiles.add(SECOND, 0);
        assert!(quantiles.at(0.5, 100, 0).is_some());
        assert_eq!(Quantiles::default().at(0.5, 0, 0), None);
    }

    #[test]
    fn samples_are_forgotten_after_two_minutes() {
        let mut quantiles = Quantiles::default();
        quantiles.add(SECOND, 0);
        assert!(quantiles.at(0.5, 1, TURN + 1).is_some());
        assert_eq!(quantiles.at(0.5, 1, 2 * TURN), None);
        quantiles.add(SECOND, 9 * TURN);
        assert!(quantiles.at(0.5, 1, 9 * TURN).is_some());
        let mut short = Quantiles::turning(TURN / 2);
        short.add(SECOND, 0);
        assert_eq!(short.at(0.5, 1, TURN), None, "turns of half the length");
    }

    #[test]
    fn lengths_beyond_the_scale_land_in_its_last_bucket() {
        let mut quantiles = Quantiles::default();
        quantiles.add(Nanos::MAX, 0);
        quantiles.add(0, 0);
        assert!(quantiles.at(1.0, 1, 0).unwrap() > 200 * SECOND);
    }
}
