//! How long the service takes: first-token time with its tail, its outliers and its prompt-size term, and one speed
//! per answer, all from keyed draws. Measured starting points are in the scenarios, not here.
//!
//! A stream's whole timing is one [`Pace`]; nothing ever happens per token.

use crate::{Nanos, dist::Sampler, luck::Draws};

/// What a draw is for; with a Region's and a model's salt it makes the purpose part of the key. Part of the
/// recorded world: append, never change.
#[derive(Debug, Clone, Copy)]
#[repr(u32)]
pub enum Purpose {
    RoundTrip = 1,
    FirstToken = 2,
    Outlier = 3,
    OutlierFirstToken = 4,
    Gap = 5,
    Hop = 6,
    Destination = 7,
    RequestId = 8,
    PromptRouter = 9,
    PromptRouterOverhead = 10,
}

/// One attempt's chance: draws keyed by request and attempt, and by what and where, but never by who asks.
#[derive(Debug, Clone, Copy)]
pub struct Chance {
    pub draws: Draws,
    pub request: u64,
    pub attempt: u32,
}

impl Chance {
    #[inline]
    pub fn unit(&self, purpose: Purpose, salt: u32) -> f64 {
        self.draws.draw(self.request, self.attempt, salt ^ purpose as u32).unit()
    }

    #[inline]
    pub fn sample(&self, sampler: &Sampler, purpose: Purpose, salt: u32) -> f64 {
        match sampler {
            Sampler::Constant(value) => *value,
            sampler => sampler.at(self.unit(purpose, salt)),
        }
    }
}

/// A stable 32-bit mark of a name (FNV-1a, folded), so that a Region keeps its luck when another is added to the
/// world. The low bits are left free for the purpose.
pub fn salt(name: &str) -> u32 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    ((hash ^ (hash >> 32)) as u32) & !0xf
}

/// How fast a model answers when nothing is in its way; nanoseconds.
#[derive(Debug, Clone)]
pub struct ModelLatency {
    pub first_token: Sampler,
    pub per_token: Sampler,
    /// Added to the first token for each input token.
    pub per_input_token: f64,
    /// How often, and what the first token takes then.
    pub outliers: Option<(f64, Sampler)>,
}

/// An answer's speed as drawn: nanoseconds to the first token and between tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    pub first: f64,
    pub gap: f64,
}

impl ModelLatency {
    #[inline]
    pub fn draw(&self, chance: &Chance, salt: u32, input: u32) -> Speed {
        let prompt = self.per_input_token * f64::from(input);
        let first = match &self.outliers {
            Some((share, slow)) if chance.unit(Purpose::Outlier, salt) < *share => {
                chance.sample(slow, Purpose::OutlierFirstToken, salt)
            }
            _ => chance.sample(&self.first_token, Purpose::FirstToken, salt),
        };
        Speed { first: first + prompt, gap: chance.sample(&self.per_token, Purpose::Gap, salt) }
    }
}

/// What a Region can carry at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    pub concurrent: u32,
    /// Share in use from which answers slow down; below 1.
    pub knee: f64,
    /// How many times slower when full.
    pub slowdown: f64,
    /// Answers in production at which further calls are refused.
    pub refuse_at: Option<u32>,
}

impl Capacity {
    #[inline]
    pub fn share(&self, running: u32) -> f64 {
        f64::from(running) / f64::from(self.concurrent)
    }

    /// How many times slower an answer is: 1 up to the knee, then a straight line through `slowdown` at full.
    #[inline]
    pub fn factor(&self, running: u32) -> f64 {
        let past = self.share(running) - self.knee;
        if past <= 0.0 { 1.0 } else { 1.0 + (self.slowdown - 1.0) * past / (1.0 - self.knee) }
    }

    #[inline]
    pub fn full(&self, running: u32) -> bool {
        running >= self.concurrent.min(self.refuse_at.unwrap_or(u32::MAX))
    }

    #[inline]
    pub fn refuses(&self, running: u32) -> bool {
        self.refuse_at.is_some_and(|at| running >= at)
    }
}

/// One Region's capacity and how many answers it has in production.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegionLoad {
    pub capacity: Option<Capacity>,
    pub running: u32,
}

impl RegionLoad {
    pub fn full(&self) -> bool {
        self.capacity.is_some_and(|capacity| capacity.full(self.running))
    }

    #[inline]
    pub fn refuses(&self) -> bool {
        self.capacity.is_some_and(|capacity| capacity.refuses(self.running))
    }

    /// A Region without a limit counts as idle.
    pub fn share(&self) -> f64 {
        self.capacity.map_or(0.0, |capacity| capacity.share(self.running))
    }

    #[inline]
    pub fn factor(&self) -> f64 {
        self.capacity.map_or(1.0, |capacity| capacity.factor(self.running))
    }
}

/// A time span from a float: never negative, and short enough that sums stay clear of `Nanos::MAX`, which means
/// "never".
#[inline]
pub fn nanos(span: f64) -> Nanos {
    /// Thirty years.
    const LONGEST: f64 = 1e18;
    span.min(LONGEST) as Nanos
}

/// When the tokens of one answer come: the first at `first`, then one each `gap`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pace {
    pub first: Nanos,
    pub gap: f64,
}

impl Pace {
    /// When the n-th token is there, counted from 1; asking for none gives the first's time.
    #[inline]
    pub fn at(&self, n: u32) -> Nanos {
        self.first.saturating_add(nanos(self.gap * f64::from(n.saturating_sub(1))))
    }

    /// How many tokens are there by `now`.
    pub fn by(&self, now: Nanos) -> u32 {
        match now.checked_sub(self.first) {
            None => 0,
            Some(_) if self.gap < 1.0 => u32::MAX,
            Some(since) => (since as f64 / self.gap) as u32 + 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_is_free_up_to_the_knee_and_then_costs_in_a_straight_line() {
        let capacity = Capacity { concurrent: 100, knee: 0.8, slowdown: 3.0, refuse_at: Some(120) };
        for (running, factor) in [(0, 1.0), (80, 1.0), (90, 2.0), (100, 3.0), (110, 4.0)] {
            assert!(
                (capacity.factor(running) - factor).abs() < 1e-9,
                "{running}: {}",
                capacity.factor(running)
            );
        }
        for (running, full, refuses) in [(99, false, false), (100, true, false), (120, true, true)] {
            assert_eq!((capacity.full(running), capacity.refuses(running)), (full, refuses), "{running}");
        }
    }

    #[test]
    fn a_pace_knows_when_a_token_comes_and_how_many_are_there() {
        let pace = Pace { first: 100, gap: 10.0 };
        assert_eq!([0, 1, 2, 11].map(|n| pace.at(n)), [100, 100, 110, 200]);
        assert_eq!([99, 100, 109, 110].map(|now| pace.by(now)), [0, 1, 1, 2]);
        let at_once = Pace { first: 100, gap: 0.0 };
        assert_eq!((at_once.at(1000), at_once.by(99), at_once.by(100)), (100, 0, u32::MAX));
    }

    #[test]
    fn no_float_makes_a_span_that_means_never() {
        for span in [f64::INFINITY, f64::NAN, 1e300, -1.0, 0.5] {
            assert!(nanos(span) <= 1_000_000_000_000_000_000, "{span}");
        }
    }
}
