//! The live router's clock: the only reader of time in this part, and the only one who waits.
//!
//! tokio rounds every timer up to a whole millisecond. That harms nobody on a wall clock; in a test with a paused
//! clock it would blur what happened when, so there the clock is stretched: one nanosecond of ours is then as
//! long as many of tokio's.

use std::{pin::Pin, time::Duration};

use tokio::time::{Instant, Sleep};

use crate::{Nanos, span};

/// As far as anybody waits: for ever, as tokio counts it.
const FOR_EVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// Nanoseconds since its start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    stretch: u32,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock::stretched(1)
    }
}

impl Clock {
    /// Starts now. One unit of this clock takes `factor` of tokio's: 1 is real time, and 1,000,000 makes every
    /// nanosecond a whole millisecond of tokio's paused clock, so that nothing is rounded.
    pub fn stretched(factor: u32) -> Clock {
        Clock { start: Instant::now(), stretch: factor.max(1) }
    }

    /// Starts as long from now as this: until then it stands at zero.
    pub fn starting_in(lead: Duration) -> Clock {
        Clock { start: Instant::now() + lead, stretch: 1 }
    }

    /// The time since the start.
    pub fn now(&self) -> Nanos {
        span::nanos(self.start.elapsed() / self.stretch)
    }

    /// How long it is until then; nothing for what is past. For whoever waits without a runtime.
    pub fn left_until(&self, at: Nanos) -> Duration {
        self.instant(at).saturating_duration_since(Instant::now())
    }

    /// Waits until then.
    pub async fn sleep_until(&self, at: Nanos) {
        self.alarm(at).await;
    }

    /// A length of time on this clock as tokio must wait for it.
    pub fn stretch(&self, length: Duration) -> Duration {
        length.saturating_mul(self.stretch).min(FOR_EVER)
    }

    pub(super) fn alarm(&self, at: Nanos) -> Pin<Box<Sleep>> {
        Box::pin(tokio::time::sleep_until(self.instant(at)))
    }

    pub(super) fn instant(&self, at: Nanos) -> Instant {
        let since_start = Duration::from_nanos(at).saturating_mul(self.stretch);
        self.start.checked_add(since_start).unwrap_or_else(|| self.start + FOR_EVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stretched_clock_is_exact_to_the_nanosecond() {
        let clock = Clock::stretched(1_000_000);
        for at in [1, 2, 3_000_000_001, 600_000_000_000] {
            clock.sleep_until(at).await;
            assert_eq!(clock.now(), at);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_starts_later_stands_at_zero_until_then() {
        let clock = Clock::starting_in(Duration::from_millis(5));
        assert_eq!(clock.now(), 0);
        tokio::time::sleep(Duration::from_millis(4)).await;
        assert_eq!(clock.now(), 0);
        clock.sleep_until(2_000_000).await;
        assert_eq!(clock.now(), 2_000_000);
    }

    #[tokio::test(start_paused = true)]
    async fn an_unstretched_clock_never_wakes_early() {
        let clock = Clock::default();
        clock.sleep_until(1_500_000).await;
        assert_eq!(clock.now(), 2_000_000, "tokio rounds up to the next millisecond");
    }
}
