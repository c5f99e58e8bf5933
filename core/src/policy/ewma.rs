//! A target's latency as a peak-sensitive moving average: it jumps up at once and forgets slowly.
//!
//! With time and no news it drifts back to its seed, so that a target which once was slow is tried again.
//!
//! Source: Twitter Finagle's and tower's PeakEwma.

use super::seconds;
use crate::Nanos;

#[derive(Debug, Clone, Copy)]
pub struct PeakEwma {
    /// All three in seconds.
    decay: f64,
    seed: f64,
    value: f64,
    updated: Nanos,
}

impl PeakEwma {
    pub fn new(decay: Nanos, seed: Nanos) -> PeakEwma {
        let (decay, seed) = (seconds(0, decay.max(1)), seconds(0, seed));
        PeakEwma { decay, seed, value: seed, updated: 0 }
    }

    /// In seconds.
    pub fn value(&self, now: Nanos) -> f64 {
        self.seed + (self.value - self.seed) * self.kept(now)
    }

    /// A call took `took` seconds.
    pub fn add(&mut self, took: f64, now: Nanos) {
        let kept = self.kept(now);
        self.value = if took > self.value { took } else { self.value * kept + took * (1.0 - kept) };
        self.updated = self.updated.max(now);
    }

    /// A call failed, or lasted at least this long: never good news.
    pub fn add_penalty(&mut self, seconds: f64, now: Nanos) {
        let value = self.value(now);
        if seconds > value {
            self.value = seconds;
            self.updated = self.updated.max(now);
        }
    }

    fn kept(&self, now: Nanos) -> f64 {
        libm::exp(-seconds(self.updated, now) / self.decay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SECOND;

    #[test]
    fn it_jumps_up_at_once_and_comes_down_slowly() {
        let mut ewma = PeakEwma::new(10 * SECOND, SECOND);
        ewma.add(3.0, 0);
        assert!((ewma.value(0) - 3.0).abs() < 1e-9);
        ewma.add(1.0, SECOND);
        assert!(ewma.value(SECOND) > 2.7, "{}", ewma.value(SECOND));
        for second in 2..60 {
            ewma.add(1.0, second * SECOND);
        }
        assert!((ewma.value(60 * SECOND) - 1.0).abs() < 0.02);
    }

    #[test]
    fn a_penalised_target_is_forgiven_with_time_alone() {
        let mut ewma = PeakEwma::new(10 * SECOND, SECOND);
        ewma.add_penalty(5.0, 0);
        ewma.add_penalty(2.0, 0);
        assert!((ewma.value(0) - 5.0).abs() < 1e-9, "a milder penalty is no good news");
        assert!(ewma.value(60 * SECOND) < 1.02);
    }
}
