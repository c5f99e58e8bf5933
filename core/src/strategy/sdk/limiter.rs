//! The rate limiter of adaptive mode: a token bucket whose rate grows as a cubic function of the time since the last
//! throttle, and is cut at each one. It counts replies of one client and knows nothing of throttle scopes.
//!
//! A token is taken at the moment of sending, so a caller who left before has taken none, and a new rate is felt by
//! all who wait. In the SDKs every waiting caller looks again whenever a token could be there, and the first to look
//! gets it: as many tokens for as many callers, in an order left to chance. Here callers stand in a line.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Retry behavior", adaptive mode.

use super::line::Line;
use crate::{Nanos, flight::FlightId};

const RATE_MIN: f64 = 0.5;
const CAPACITY_MIN: f64 = 1.0;
/// Weight of the newest measurement.
const SMOOTH: f64 = 0.8;
/// What a throttle leaves of the rate.
const BETA: f64 = 0.7;
const SCALE: f64 = 0.4;
/// Replies are counted in halves of a second.
const BUCKETS_PER_SECOND: f64 = 2.0;
/// The rate never exceeds this many times the measured one.
const OVERSHOOT_MAX: f64 = 2.0;
/// A turn that comes earlier by less is not worth a call.
const CALL_MARGIN: Nanos = 1_000_000;

/// Times are in seconds, rates per second.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    /// Off until the first throttle.
    enabled: bool,
    rate: f64,
    capacity: f64,
    tokens: f64,
    refilled: f64,
    measured: f64,
    bucket: f64,
    replies: f64,
    rate_before_throttle: f64,
    throttled: f64,
    line: Line,
}

impl Limiter {
    /// Lets the flight send and takes a token for it, or tells when its turn should come.
    pub(super) fn hold(&mut self, flight: FlightId, now: Nanos) -> Option<Nanos> {
        if !self.enabled {
            return None;
        }
        self.refill(seconds(now));
        let ahead = self.line.ahead(flight).unwrap_or(self.line.len());
        if ahead == 0 && self.tokens >= 1.0 {
            self.tokens -= 1.0;
            self.line.leave(flight);
            return None;
        }
        let turn = self.turn(ahead, now);
        self.line.wait(flight, turn);
        Some(turn)
    }

    /// What a retry of the Rust SDK does before 2026: it takes so many tokens at the moment of its decision and then backs
    /// off as always; or there are too few, and it waits as long as those would need and takes none.
    pub(super) fn charge(&mut self, tokens: f64, now: Nanos) -> Option<Nanos> {
        if !self.enabled {
            return None;
        }
        self.refill(seconds(now));
        if tokens > self.tokens {
            return Some(((tokens - self.tokens) / self.rate * 1e9) as Nanos);
        }
        self.tokens -= tokens;
        None
    }

    /// The flight waits no longer and will not send.
    pub(super) fn leave(&mut self, flight: FlightId) {
        self.line.leave(flight);
    }

    /// The first in line, if its turn comes earlier than it was told: the rate rose, or others left.
    pub(super) fn call(&mut self, now: Nanos) -> Option<(FlightId, Nanos)> {
        let looks_at = self.line.first()?.looks_at;
        self.refill(seconds(now));
        let turn = self.turn(0, now);
        if turn.saturating_add(CALL_MARGIN) >= looks_at {
            return None;
        }
        let first = self.line.first()?;
        first.looks_at = turn;
        Some((first.flight, turn))
    }

    /// When a flight with so many before it gets its token, at the present rate.
    fn turn(&self, ahead: usize, now: Nanos) -> Nanos {
        let missing = ahead as f64 + 1.0 - self.tokens;
        let wait = (missing / self.rate * 1e9).max(0.0);
        // Rounded up, so that the token is whole when the flight looks.
        now.saturating_add(wait as Nanos).saturating_add(1)
    }

    /// A reply came: an answer or an error, throttled or not.
    pub(super) fn reply(&mut self, now: Nanos, throttled: bool) {
        let now = seconds(now);
        self.measure(now);
        let wanted = if throttled { self.cut(now) } else { self.grow(now) };
        self.set_rate(now, wanted.min(OVERSHOOT_MAX * self.measured));
    }

    fn measure(&mut self, now: f64) {
        let bucket = libm::floor(now * BUCKETS_PER_SECOND) / BUCKETS_PER_SECOND;
        self.replies += 1.0;
        if bucket > self.bucket {
            let newest = self.replies / (bucket - self.bucket);
            self.measured = newest * SMOOTH + self.measured * (1.0 - SMOOTH);
            self.replies = 0.0;
            self.bucket = bucket;
        }
    }

    fn cut(&mut self, now: f64) -> f64 {
        let rate = if self.enabled { self.measured.min(self.rate) } else { self.measured };
        self.rate_before_throttle = rate;
        self.throttled = now;
        self.enabled = true;
        rate * BETA
    }

    /// Back to the rate before the throttle after a while that depends on the cut, slowly around it, then beyond.
    fn grow(&self, now: f64) -> f64 {
        let window = libm::cbrt(self.rate_before_throttle * (1.0 - BETA) / SCALE);
        let past = now - self.throttled - window;
        SCALE * past * past * past + self.rate_before_throttle
    }

    fn set_rate(&mut self, now: f64, rate: f64) {
        self.refill(now);
        self.rate = rate.max(RATE_MIN);
        self.capacity = rate.max(CAPACITY_MIN);
        self.tokens = self.tokens.min(self.capacity);
    }

    fn refill(&mut self, now: f64) {
        self.tokens = (self.tokens + (now - self.refilled) * self.rate).min(self.capacity);
        self.refilled = now;
    }
}

fn seconds(at: Nanos) -> f64 {
    at as f64 / 1e9
}

#[cfg(test)]
mod tests;
