//! From the wall clock to the engine's time and back. The only reader of a clock in this part.
//!
//! The engine counts nanoseconds since the start of the run. That start may be the server's, the first request's or a
//! signal's; until then the engine's time stands still at zero, so that no fault begins before anybody looks. Or requests
//! tell the time themselves, and nothing is waited for: the same requests then meet the same engine to the nanosecond.
#![expect(clippy::disallowed_methods, reason = "this file owns the clock")]

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::Nanos;

/// When the engine's time begins to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StartBy {
    /// When the server starts.
    #[default]
    Start,
    /// With the first request to the runtime.
    FirstRequest,
    /// When told to, by [`Clock::begin`].
    Signal,
    /// It stands still but for [`Clock::tell`].
    Told,
}

/// Time not begun.
const NEVER: u64 = u64::MAX;

#[derive(Debug)]
pub struct Clock {
    base: Instant,
    /// Time of day at `base`.
    unix: Duration,
    speed: f64,
    start: StartBy,
    /// Nanoseconds from `base` to the engine's zero.
    zero: AtomicU64,
    /// The engine's time where it is told.
    told: AtomicU64,
}

/// One reading: the engine's time, and the instant at which it was so.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    pub now: Nanos,
    instant: Instant,
    speed: f64,
}

impl Clock {
    /// `speed` is how many seconds of the engine pass in a real one.
    pub fn new(start: StartBy, speed: f64) -> Clock {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // What is told is over at once.
        let speed = if start == StartBy::Told { f64::INFINITY } else { speed };
        let (zero, told) = (AtomicU64::new(NEVER), AtomicU64::new(0));
        let clock = Clock { base: Instant::now(), unix, speed, start, zero, told };
        clock.restart();
        clock
    }

    pub fn speed(&self) -> f64 {
        self.speed
    }

    pub fn runs(&self) -> bool {
        self.zero.load(Ordering::Relaxed) != NEVER
    }

    /// Lets time run, if it does not yet.
    pub fn begin(&self) {
        let _ = self.zero.compare_exchange(NEVER, self.since_base(), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// A request has come.
    #[inline]
    pub fn touch(&self) {
        if self.start == StartBy::FirstRequest && !self.runs() {
            self.begin();
        }
    }

    /// A request says when it comes. Time does not go back, nor on where it runs by itself.
    pub fn tell(&self, now: Nanos) {
        self.told.fetch_max(now, Ordering::Relaxed);
    }

    /// Back to zero, running or waiting as after the start.
    pub fn restart(&self) {
        let runs = matches!(self.start, StartBy::Start | StartBy::Told);
        self.zero.store(if runs { self.since_base() } else { NEVER }, Ordering::Relaxed);
        self.told.store(0, Ordering::Relaxed);
    }

    #[inline]
    pub fn read(&self) -> Moment {
        let instant = Instant::now();
        if self.start == StartBy::Told {
            return Moment { now: self.told.load(Ordering::Relaxed), instant, speed: self.speed };
        }
        let since = nanos(instant.duration_since(self.base));
        let run = match self.zero.load(Ordering::Relaxed) {
            NEVER => 0,
            zero => since.saturating_sub(zero),
        };
        let now = if self.speed == 1.0 { run } else { (run as f64 * self.speed) as Nanos };
        Moment { now, instant, speed: self.speed }
    }

    /// Seconds since 1970, by the wall and never by the engine's speed.
    pub fn unix_s(&self) -> u64 {
        (self.unix + self.base.elapsed()).as_secs()
    }

    /// Milliseconds since 1970 at the engine's zero; the present ones while time stands still.
    pub fn unix_ms_at_zero(&self) -> u64 {
        let since = match self.zero.load(Ordering::Relaxed) {
            NEVER => self.base.elapsed(),
            zero => Duration::from_nanos(zero),
        };
        u64::try_from((self.unix + since).as_millis()).unwrap_or(u64::MAX)
    }

    fn since_base(&self) -> u64 {
        nanos(self.base.elapsed())
    }
}

impl Moment {
    /// The instant of an engine time; none for one that never comes.
    #[inline]
    pub fn instant_of(&self, at: Nanos) -> Option<Instant> {
        if at == Nanos::MAX {
            return None;
        }
        let ahead = at.saturating_sub(self.now);
        let real = if self.speed == 1.0 { ahead } else { (ahead as f64 / self.speed) as u64 };
        self.instant.checked_add(Duration::from_nanos(real))
    }

    pub fn instant(&self) -> Instant {
        self.instant
    }

    /// Seconds of the engine in a real one.
    pub fn speed(&self) -> f64 {
        self.speed
    }
}

/// The present instant, for what waits in real time.
#[inline]
pub fn instant() -> Instant {
    Instant::now()
}

/// Good for five centuries.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(NEVER - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_stands_still_until_it_is_begun() {
        let clock = Clock::new(StartBy::Signal, 1.0);
        clock.touch();
        assert!(!clock.runs());
        assert_eq!(clock.read().now, 0);
        clock.begin();
        assert!(clock.runs());
        clock.restart();
        assert!(!clock.runs(), "it waits again");
    }

    #[test]
    fn the_first_request_begins_time_where_that_was_asked() {
        let clock = Clock::new(StartBy::FirstRequest, 1.0);
        assert!(!clock.runs());
        clock.touch();
        assert!(clock.runs());
    }

    #[test]
    fn time_that_is_told_never_goes_back_and_waits_for_nothing() {
        let clock = Clock::new(StartBy::Told, 1.0);
        clock.tell(7);
        clock.tell(5);
        let moment = clock.read();
        assert_eq!(moment.now, 7);
        assert_eq!(moment.instant_of(1_000_000_000), Some(moment.instant()), "at once");
        assert_eq!(moment.instant_of(Nanos::MAX), None, "but never is never");
        clock.restart();
        assert_eq!(clock.read().now, 0);
    }

    #[test]
    fn an_engine_time_becomes_an_instant_and_never_becomes_none() {
        let clock = Clock::new(StartBy::Start, 10.0);
        let moment = clock.read();
        let ahead = moment.instant_of(moment.now + 1_000_000_000).expect("within centuries");
        assert_eq!(ahead.duration_since(moment.instant()), Duration::from_millis(100), "ten times as fast");
        assert_eq!(moment.instant_of(0), Some(moment.instant()), "what is past is due now");
        assert_eq!(moment.instant_of(Nanos::MAX), None);
    }
}
