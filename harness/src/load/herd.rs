//! Callers who come together: cron jobs, expiring caches. They have no rate, only visits.

use richter_mock_bedrock::{Nanos, luck::Draws};

const WHEN: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Herd {
    pub every: Nanos,
    pub count: u32,
    /// At most `every`, so that visits do not overlap.
    pub spread: Nanos,
}

impl Herd {
    /// Arrivals expected from the phase's start to `at`.
    pub fn expected(&self, at: Nanos) -> f64 {
        let into = at % self.every;
        let visit = if self.spread == 0 { 1.0 } else { (into as f64 / self.spread as f64).min(1.0) };
        // A visit without spread happens at once, but not before its moment.
        let visit = if into == 0 { 0.0 } else { visit };
        ((at / self.every) as f64 + visit) * f64::from(self.count)
    }
}

/// One herd's arrivals in order. Callers of a visit are drawn as the order statistics of uniform moments, one after
/// the other, so nothing has to be kept or sorted.
#[derive(Debug, Clone)]
pub struct Visits {
    herd: Herd,
    draws: Draws,
    phase: u32,
    visit: u64,
    caller: u32,
    /// Share of the spread that has passed.
    passed: f64,
}

impl Visits {
    pub fn new(herd: Herd, draws: Draws, phase: u16) -> Visits {
        Visits { herd, draws, phase: u32::from(phase), visit: 0, caller: 0, passed: 0.0 }
    }
}

impl Iterator for Visits {
    /// Place in the phase and nanoseconds from its start.
    type Item = (u64, Nanos);

    /// The next caller; there is always one.
    fn next(&mut self) -> Option<(u64, Nanos)> {
        if self.caller == self.herd.count {
            self.visit += 1;
            self.caller = 0;
            self.passed = 0.0;
        }
        let place = self.visit * u64::from(self.herd.count) + u64::from(self.caller);
        if self.herd.spread > 0 {
            let left = f64::from(self.herd.count - self.caller);
            self.passed = later(self.passed, left, self.draws.draw(place, self.phase, WHEN).unit());
        }
        self.caller += 1;
        let within = (self.passed * self.herd.spread as f64) as Nanos;
        Some((place, self.visit.saturating_mul(self.herd.every).saturating_add(within)))
    }
}

/// The smallest of `left` uniform moments between `passed` and 1.
pub fn later(passed: f64, left: f64, unit: f64) -> f64 {
    passed + (1.0 - passed) * -libm::expm1(libm::log(unit) / left)
}
