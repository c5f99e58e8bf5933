//! One quota's arithmetic: a token bucket, or one of the two windows that people take the service's limiter for.
//!
//! All amounts are integers in fixed point, so that a run gives the same decisions on every machine and a bucket
//! neither leaks nor gains by rounding. A refusal costs nothing. A settlement may cost more than was reserved, and
//! then the quota is in debt until it has refilled.

use std::collections::VecDeque;

use crate::{Nanos, world::LimiterKind};

const MINUTE: Nanos = 60_000_000_000;
const DAY: Nanos = 1_440 * MINUTE;
/// Parts of one request or token: fine enough for quotas written per hour and for shares of a quota.
const PART: i128 = 1_000_000;
/// A quota of one part per minute gains one tick per nanosecond; that makes refilling a plain product.
const TICK: i128 = MINUTE as i128;
/// Highest quota per minute. Beyond it a bucket's product with a long idle time would not fit 127 bits.
pub const PER_MINUTE_MAX: f64 = 1e12;

/// What was taken, for giving it back or charging more later. Not `Copy`: it is settled once.
#[derive(Debug, PartialEq, Eq)]
pub struct Receipt {
    units: u64,
    /// Which window or entry it was booked in; a bucket has none.
    mark: u64,
}

#[derive(Debug, Clone)]
pub enum Limiter {
    Bucket(Bucket),
    Clock(Clock),
    Sliding(Sliding),
}

impl Limiter {
    /// A full limiter for a quota per minute, at most [`PER_MINUTE_MAX`].
    pub fn per_minute(kind: LimiterKind, quota: f64) -> Limiter {
        let parts = parts_of(quota.min(PER_MINUTE_MAX));
        match kind {
            LimiterKind::TokenBucket => Limiter::Bucket(Bucket::full(parts)),
            LimiterKind::ClockMinute => Limiter::Clock(Clock::empty(parts, MINUTE)),
            LimiterKind::SlidingMinute => Limiter::Sliding(Sliding::empty(parts)),
        }
    }

    /// A cap per day. When AWS's day begins is not documented; here days are counted from the start of the run.
    pub fn per_day(cap: u64) -> Limiter {
        Limiter::Clock(Clock::empty(i128::from(cap) * PART, DAY))
    }

    /// Changes the quota to a factor of what it was built with, from now on.
    pub fn scale(&mut self, now: Nanos, factor: f64) {
        match self {
            Limiter::Bucket(bucket) => bucket.scale(now, factor),
            Limiter::Clock(clock) => clock.limit = scaled(clock.base, factor),
            Limiter::Sliding(sliding) => sliding.limit = scaled(sliding.base, factor),
        }
    }

    /// Lets somebody else take up to `units` of what is left; they get no more than there is.
    pub fn drain(&mut self, now: Nanos, units: f64) {
        let parts = parts_of(units);
        match self {
            Limiter::Bucket(bucket) => bucket.drain(now, parts),
            Limiter::Clock(clock) => clock.drain(now, parts),
            Limiter::Sliding(sliding) => sliding.drain(now, parts),
        }
    }

    #[inline]
    pub fn has(&mut self, now: Nanos, units: u64) -> bool {
        match self {
            Limiter::Bucket(bucket) => bucket.refilled(now) >= i128::from(units) * PART * TICK,
            Limiter::Clock(clock) => clock.left(now) >= i128::from(units) * PART,
            Limiter::Sliding(sliding) => sliding.left(now) >= i128::from(units) * PART,
        }
    }

    /// How long until it would have so many units, if nobody else asks; `None` if it never will.
    pub fn wait(&mut self, now: Nanos, units: u64) -> Option<Nanos> {
        let parts = i128::from(units) * PART;
        match self {
            Limiter::Bucket(bucket) => bucket.wait(now, parts),
            Limiter::Clock(clock) => clock.wait(now, parts),
            Limiter::Sliding(sliding) => sliding.wait(now, parts),
        }
    }

    /// Takes without asking: call `has` first.
    #[inline]
    pub fn take(&mut self, now: Nanos, units: u64) -> Receipt {
        let parts = i128::from(units) * PART;
        let mark = match self {
            Limiter::Bucket(bucket) => bucket.take(now, parts),
            Limiter::Clock(clock) => clock.take(now, parts),
            Limiter::Sliding(sliding) => sliding.push(now, parts),
        };
        Receipt { units, mark }
    }

    /// Corrects what was taken to what was used, which may be more.
    #[inline]
    pub fn settle(&mut self, now: Nanos, receipt: &Receipt, used: u64) {
        let more = (i128::from(used) - i128::from(receipt.units)) * PART;
        match self {
            Limiter::Bucket(bucket) => bucket.settle(now, more),
            Limiter::Clock(clock) => clock.settle(now, receipt.mark, more),
            Limiter::Sliding(sliding) => sliding.settle(now, receipt.mark, more),
        }
    }

    /// What is left now; negative while in debt.
    pub fn left(&mut self, now: Nanos) -> f64 {
        let parts = match self {
            Limiter::Bucket(bucket) => bucket.refilled(now).div_euclid(TICK),
            Limiter::Clock(clock) => clock.left(now),
            Limiter::Sliding(sliding) => sliding.left(now),
        };
        parts as f64 / PART as f64
    }
}

/// Whatever the number, also an infinite one, a number of parts that cannot overflow later.
fn parts_of(units: f64) -> i128 {
    (units * PART as f64).round().clamp(0.0, 1e24) as i128
}

fn scaled(parts: i128, factor: f64) -> i128 {
    (parts as f64 * factor).round().clamp(0.0, 1e24) as i128
}

/// Burst equals the quota, refill is continuous.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Parts per minute as built.
    base: i128,
    level: i128,
    capacity: i128,
    /// Ticks gained per nanosecond.
    gain: u64,
    updated: Nanos,
}

impl Bucket {
    fn full(base: i128) -> Bucket {
        let mut bucket = Bucket { base, level: i128::MAX, capacity: 0, gain: 0, updated: 0 };
        bucket.resize(base);
        bucket
    }

    /// A quota below one per minute still holds one, or nothing could ever pass.
    fn resize(&mut self, parts: i128) {
        let parts = parts.min(parts_of(PER_MINUTE_MAX));
        self.gain = u64::try_from(parts).unwrap_or(u64::MAX);
        self.capacity = if parts == 0 { 0 } else { parts.max(PART) * TICK };
        self.level = self.level.min(self.capacity);
    }

    fn scale(&mut self, now: Nanos, factor: f64) {
        self.refilled(now);
        self.resize(scaled(self.base, factor));
    }

    #[inline]
    fn refilled(&mut self, now: Nanos) -> i128 {
        if now > self.updated {
            let gained = i128::from(now - self.updated) * i128::from(self.gain);
            self.level = (self.level + gained).min(self.capacity);
            self.updated = now;
        }
        self.level
    }

    fn wait(&mut self, now: Nanos, parts: i128) -> Option<Nanos> {
        let wanted = parts.checked_mul(TICK).filter(|wanted| *wanted <= self.capacity)?;
        let lacking = wanted.saturating_sub(self.refilled(now)).max(0);
        // Rounded up, or the last part of a token would still lack.
        let wait =
            lacking / i128::from(self.gain.max(1)) + i128::from(lacking % i128::from(self.gain.max(1)) > 0);
        Nanos::try_from(wait).ok()
    }

    #[inline]
    fn take(&mut self, now: Nanos, parts: i128) -> u64 {
        self.refilled(now);
        self.level = self.level.saturating_sub(parts * TICK);
        0
    }

    fn drain(&mut self, now: Nanos, parts: i128) {
        let there = self.refilled(now).max(0);
        self.level -= parts.saturating_mul(TICK).min(there);
    }

    #[inline]
    fn settle(&mut self, now: Nanos, more: i128) {
        self.refilled(now);
        self.level = self.level.saturating_sub(more * TICK).clamp(-DEBT_MAX, self.capacity);
    }
}

/// More debt than any run can pay back; it keeps sums away from the ends of the integer.
const DEBT_MAX: i128 = i128::MAX / 8;

/// The whole quota again at each full minute (or day) since the start of the run.
#[derive(Debug, Clone)]
pub struct Clock {
    base: i128,
    limit: i128,
    width: Nanos,
    window: u64,
    used: i128,
}

impl Clock {
    fn empty(base: i128, width: Nanos) -> Clock {
        Clock { base, limit: base, width, window: 0, used: 0 }
    }

    fn left(&mut self, now: Nanos) -> i128 {
        let window = now / self.width;
        if window > self.window {
            self.window = window;
            self.used = 0;
        }
        self.limit - self.used
    }

    fn wait(&mut self, now: Nanos, parts: i128) -> Option<Nanos> {
        if self.left(now) >= parts {
            return Some(0);
        }
        let next = self.window.saturating_add(1).saturating_mul(self.width);
        (parts <= self.limit).then_some(next.saturating_sub(now))
    }

    fn take(&mut self, now: Nanos, parts: i128) -> u64 {
        self.left(now);
        self.used = self.used.saturating_add(parts);
        self.window
    }

    fn drain(&mut self, now: Nanos, parts: i128) {
        self.used += parts.min(self.left(now).max(0));
    }

    /// What a past window reserved too much is gone with it; what it reserved too little counts now.
    fn settle(&mut self, now: Nanos, window: u64, more: i128) {
        self.left(now);
        if window == self.window || more > 0 {
            self.used = self.used.saturating_add(more);
        }
    }
}

/// What was admitted in the last 60 seconds counts. Entries live for a minute, so their number is bounded by what
/// was admitted in one.
#[derive(Debug, Clone)]
pub struct Sliding {
    base: i128,
    limit: i128,
    entries: VecDeque<(Nanos, i128)>,
    /// Sequence number of the oldest entry.
    oldest: u64,
    used: i128,
}

impl Sliding {
    fn empty(base: i128) -> Sliding {
        Sliding { base, limit: base, entries: VecDeque::new(), oldest: 0, used: 0 }
    }

    fn left(&mut self, now: Nanos) -> i128 {
        while let Some((at, parts)) = self.entries.front()
            && at.saturating_add(MINUTE) <= now
        {
            self.used -= parts;
            self.entries.pop_front();
            self.oldest += 1;
        }
        self.limit - self.used
    }

    fn wait(&mut self, now: Nanos, parts: i128) -> Option<Nanos> {
        let mut left = self.left(now);
        if left >= parts {
            return Some(0);
        }
        let freed = self.entries.iter().find(|(_, taken)| {
            left += taken;
            left >= parts
        });
        freed.map(|(at, _)| at.saturating_add(MINUTE).saturating_sub(now))
    }

    fn push(&mut self, now: Nanos, parts: i128) -> u64 {
        self.left(now);
        self.used = self.used.saturating_add(parts);
        self.entries.push_back((now, parts));
        self.oldest + self.entries.len() as u64 - 1
    }

    fn drain(&mut self, now: Nanos, parts: i128) {
        let taken = parts.min(self.left(now).max(0));
        if taken > 0 {
            self.push(now, taken);
        }
    }

    fn settle(&mut self, now: Nanos, mark: u64, more: i128) {
        self.left(now);
        let place = mark.checked_sub(self.oldest).and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| self.entries.get_mut(place)) {
            Some((_, parts)) => {
                *parts = parts.saturating_add(more);
                self.used = self.used.saturating_add(more);
            }
            None if more > 0 => {
                self.push(now, more);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests;
