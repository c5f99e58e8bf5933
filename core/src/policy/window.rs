//! How many went well and how many failed lately: buckets that rotate, so the oldest one is forgotten at once. There are
//! ten, unless a part wants them of a certain length.

use crate::Nanos;

#[derive(Debug, Clone, Copy)]
pub struct Window<const BUCKETS: usize = 10> {
    bucket: Nanos,
    /// The bucket of the newest entry, counted from the start of the run.
    newest: u64,
    /// Good and bad ones of each bucket. Weights are fractions, so that a part may count one thing for less.
    counts: [(f64, f64); BUCKETS],
}

impl<const BUCKETS: usize> Window<BUCKETS> {
    pub fn new(span: Nanos) -> Window<BUCKETS> {
        Window { bucket: (span / BUCKETS as u64).max(1), newest: 0, counts: [(0.0, 0.0); BUCKETS] }
    }

    pub fn add(&mut self, now: Nanos, good: f64, bad: f64) {
        self.forget(now);
        let count = &mut self.counts[self.newest as usize % BUCKETS];
        count.0 += good;
        count.1 += bad;
    }

    /// Good and bad ones in the window.
    pub fn sums(&mut self, now: Nanos) -> (f64, f64) {
        self.forget(now);
        self.counts.iter().fold((0.0, 0.0), |sum, count| (sum.0 + count.0, sum.1 + count.1))
    }

    pub fn clear(&mut self) {
        self.counts = [(0.0, 0.0); BUCKETS];
    }

    fn forget(&mut self, now: Nanos) {
        let newest = now / self.bucket;
        let passed = newest.saturating_sub(self.newest).min(BUCKETS as u64);
        for step in 1..=passed {
            self.counts[(self.newest + step) as usize % BUCKETS] = (0.0, 0.0);
        }
        if passed == BUCKETS as u64 {
            self.clear();
        }
        self.newest = self.newest.max(newest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_window_is_forgotten() {
        let mut window: Window = Window::new(100);
        window.add(5, 1.0, 0.0);
        window.add(55, 0.0, 1.0);
        assert_eq!(window.sums(99), (1.0, 1.0));
        assert_eq!(window.sums(104), (0.0, 1.0));
        assert_eq!(window.sums(160), (0.0, 0.0));
        window.add(1_000_000, 2.0, 0.5);
        assert_eq!(window.sums(1_000_050), (2.0, 0.5));
        window.clear();
        assert_eq!(window.sums(1_000_050), (0.0, 0.0));
    }

    #[test]
    fn a_late_report_counts_for_the_newest_bucket() {
        let mut window: Window = Window::new(100);
        window.add(95, 1.0, 0.0);
        window.add(40, 1.0, 0.0);
        assert_eq!(window.sums(95), (2.0, 0.0));
    }
}
