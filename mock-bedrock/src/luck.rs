//! Keyed chance: a draw is a function of (seed, replication, stream, request, attempt, purpose) and never of
//! the order of calls. Adding a fault or a strategy therefore shifts no other draw, and every strategy meets
//! the same world.
//!
//! The mixer is two rounds of a 64×64→128-bit multiply folded by xor (the wyhash primitive). It is pinned here,
//! needs no tables, and takes a few nanoseconds; it is not for secrets.

use rand_core::{Infallible, TryRng};

/// Independent families of draws. Names are part of the recorded world: append, never reorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Stream {
    Arrivals = 1,
    Classes = 2,
    Sizes = 3,
    Clients = 4,
    Latency = 5,
    Routing = 6,
    Faults = 7,
    Strategy = 8,
    Bootstrap = 9,
    Users = 10,
    Words = 11,
}

const ODD: [u64; 4] =
    [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3, 0x5899_65cc_7537_4cc3];

const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The root of all chance in one replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Luck(u64);

impl Luck {
    pub const fn new(seed: u64, replication: u32) -> Self {
        let once = fold(seed ^ ODD[0], (replication as u64) ^ ODD[1]);
        Luck(fold(once ^ ODD[2], seed ^ ODD[3]))
    }

    pub const fn stream(self, stream: Stream) -> Draws {
        Draws(fold(self.0 ^ ODD[1], (stream as u64) ^ ODD[2]))
    }
}

/// One stream of keyed draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draws(u64);

impl Draws {
    /// The draw for one purpose of one attempt of one request.
    pub const fn draw(self, request: u64, attempt: u32, purpose: u32) -> Draw {
        let inner = fold(request ^ ODD[0], (((attempt as u64) << 32) | purpose as u64) ^ self.0);
        Draw(fold(inner ^ ODD[3], self.0 ^ ODD[2]))
    }

    /// A generator for code that wants a sequence, such as a strategy's jitter.
    pub const fn dice(self, request: u64, attempt: u32, purpose: u32) -> Dice {
        Dice { key: self.draw(request, attempt, purpose).0, drawn: 0 }
    }
}

/// 64 random bits and the usual ways to read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw(u64);

impl Draw {
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// Uniform in the open interval (0, 1): never 0 and never 1, so that a logarithm or a quantile is finite.
    pub const fn unit(self) -> f64 {
        ((self.0 >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
    }

    /// Uniform in `0..n`; `n` must not be 0.
    pub const fn below(self, n: u64) -> u64 {
        ((self.0 as u128 * n as u128) >> 64) as u64
    }
}

/// A keyed sequence of random words, for whoever asks through `rand_core`.
#[derive(Debug, Clone)]
pub struct Dice {
    key: u64,
    drawn: u64,
}

impl TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.drawn += 1;
        Ok(Draws(self.key).draw(self.drawn, 0, 0).bits())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.try_next_u64()?.to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_depends_on_every_part_of_its_key_and_on_nothing_else() {
        let draws = Luck::new(42, 0).stream(Stream::Latency);
        let base = draws.draw(7, 1, 3);
        assert_eq!(base, draws.draw(7, 1, 3));
        assert_ne!(base, draws.draw(8, 1, 3));
        assert_ne!(base, draws.draw(7, 2, 3));
        assert_ne!(base, draws.draw(7, 1, 4));
        assert_ne!(base, Luck::new(42, 0).stream(Stream::Faults).draw(7, 1, 3));
        assert_ne!(base, Luck::new(42, 1).stream(Stream::Latency).draw(7, 1, 3));
        assert_ne!(base, Luck::new(43, 0).stream(Stream::Latency).draw(7, 1, 3));
    }

    #[test]
    fn draws_are_pinned_so_that_every_machine_sees_the_same_world() {
        let draws = Luck::new(42, 0).stream(Stream::Latency);
        let words: Vec<u64> = (0..3).map(|request| draws.draw(request, 0, 0).bits()).collect();
        assert_eq!(words, PINNED);
    }
    const PINNED: [u64; 3] =
        [2_712_233_022_260_583_141, 7_750_742_871_521_679_474, 4_708_017_174_036_314_900];

    /// Neighbouring keys must look independent: bits balanced, neighbours uncorrelated, deciles even.
    #[test]
    fn neighbouring_keys_give_uniform_and_uncorrelated_draws() {
        let draws = Luck::new(1, 0).stream(Stream::Arrivals);
        let units: Vec<f64> = (0..100_000).map(|request| draws.draw(request, 0, 0).unit()).collect();
        let mut deciles = [0u32; 10];
        for unit in &units {
            deciles[(unit * 10.0) as usize] += 1;
        }
        let chi: f64 = deciles.iter().map(|n| (f64::from(*n) - 10_000.0).powi(2) / 10_000.0).sum();
        assert!(chi < 28.0, "chi-square over deciles is {chi}");
        let lag: f64 = units.windows(2).map(|w| (w[0] - 0.5) * (w[1] - 0.5)).sum::<f64>() / 99_999.0;
        assert!(lag.abs() < 0.001, "lag-1 covariance is {lag}");
    }

    /// Words of one die must be independent also three at a time: a weaker step once failed just this.
    #[test]
    fn triples_of_one_die_are_spread_evenly() {
        let mut cells = [0u32; 512];
        for request in 0..100_000 {
            let mut dice = Luck::new(3, 0).stream(Stream::Strategy).dice(request, 0, 0);
            let mut octant = || (rand_core::Rng::next_u64(&mut dice) >> 61) as usize;
            cells[octant() * 64 + octant() * 8 + octant()] += 1;
        }
        let mean = 100_000.0 / 512.0;
        let chi: f64 = cells.iter().map(|n| (f64::from(*n) - mean).powi(2) / mean).sum();
        assert!((400.0..640.0).contains(&chi), "chi-square over triples is {chi}");
    }
}
