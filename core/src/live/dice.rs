//! Dice for a router that is not in a simulation: unpredictable from one process to the next, unless seeded.

use std::{
    collections::hash_map::RandomState,
    convert::Infallible,
    hash::{BuildHasher, Hasher},
};

use rand_core::{Rng, TryRng};

/// Gives the dice for one input: the request's number, and how many inputs the router took for it before. Keyed
/// like that, a test can give two shells the same luck.
pub type MakeDice = dyn Fn(u64, u32) -> Box<dyn Rng + Send> + Send + Sync;

/// Dice from a seed.
pub(super) fn seeded(seed: u64) -> Box<MakeDice> {
    Box::new(move |request, step| Box::new(Mixer(mix(mix(seed ^ request) ^ u64::from(step)))))
}

/// A seed that nobody can foresee: what the standard library keys its maps with.
pub(super) fn unforeseen() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// SplitMix64. Jitter needs to be spread out, not secret.
#[derive(Debug, Clone, Copy)]
struct Mixer(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

const fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(STEP);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

impl TryRng for Mixer {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let word = mix(self.0);
        self.0 = self.0.wrapping_add(STEP);
        Ok(word)
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
    fn equal_seeds_give_equal_dice_and_each_request_and_step_its_own() {
        let words = |seed, request, step| {
            let mut dice = seeded(seed)(request, step);
            [dice.next_u64(), dice.next_u64()]
        };
        assert_eq!(words(1, 2, 3), words(1, 2, 3));
        let all = [words(1, 2, 3), words(2, 2, 3), words(1, 3, 3), words(1, 2, 4)];
        let mut distinct: Vec<u64> = all.iter().flatten().copied().collect();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 8, "{all:?}");
    }

    #[test]
    fn words_are_spread_evenly() {
        let mut dice = seeded(7)(0, 0);
        let mean = (0..10_000).map(|_| (dice.next_u64() >> 11) as f64 / (1u64 << 53) as f64).sum::<f64>();
        assert!((4_800.0..5_200.0).contains(&mean), "{mean}");
    }
}
