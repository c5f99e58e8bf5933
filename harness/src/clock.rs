//! The only place that reads a real clock. What is simulated takes `now` as an argument.
#![expect(clippy::disallowed_methods, reason = "this file owns the clock")]

use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;

/// Measures how long something took.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Stopwatch {
        Stopwatch(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// How long ago something was; nothing for what lies ahead.
pub fn age(of: SystemTime) -> Duration {
    SystemTime::now().duration_since(of).unwrap_or_default()
}

/// Lets this thread rest; another may wake it before the time with `unpark`.
pub fn rest(length: Duration) {
    std::thread::park_timeout(length);
}

/// Nanoseconds within the present second and second of the day: nothing to compute with, but never the same twice.
pub fn nanos_of_day() -> u64 {
    let now = Timestamp::now();
    now.as_second().unsigned_abs().wrapping_mul(1_000_000_000)
        ^ u64::from(now.subsec_nanosecond().unsigned_abs())
}

/// The time of day, as RFC 3339 in UTC with whole seconds.
pub fn time_of_day() -> String {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string()
}

/// The time of day, for those who are told when things happened.
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// A time of day, as RFC 3339 in UTC with all its digits.
pub fn told(at: SystemTime) -> String {
    Timestamp::try_from(at).map_or_else(|_| String::new(), |at| at.to_string())
}

/// Milliseconds since 1970.
pub fn unix_ms() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// Seconds since 1970.
pub fn unix_s() -> u64 {
    u64::try_from(Timestamp::now().as_second()).unwrap_or(0)
}
