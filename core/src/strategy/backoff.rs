//! Exponential back-off with full jitter: uniform between zero and a ceiling that doubles with each retry.

use rand_core::Rng;

use crate::Nanos;

/// The ceiling of the n-th retry, counted from 1.
pub(super) fn ceiling(base: Nanos, cap: Nanos, retry: u32) -> Nanos {
    let factor = 1u64.checked_shl(retry.saturating_sub(1)).unwrap_or(u64::MAX);
    base.saturating_mul(factor).min(cap)
}

/// A wait below the ceiling.
pub(super) fn jittered(ceiling: Nanos, dice: &mut dyn Rng) -> Nanos {
    (ceiling as f64 * share(dice)) as Nanos
}

/// Evenly from 0 up to, but never, 1.
pub(super) fn share(dice: &mut dyn Rng) -> f64 {
    // 53 bits: all that a double keeps.
    (dice.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ceiling_doubles_up_to_the_cap_and_never_overflows() {
        let ceilings: Vec<Nanos> = (1..=5).map(|retry| ceiling(1_000, 10_000, retry)).collect();
        assert_eq!(ceilings, [1_000, 2_000, 4_000, 8_000, 10_000]);
        assert_eq!(ceiling(1_000, 10_000, 64), 10_000);
        assert_eq!(ceiling(1_000, u64::MAX, 500), u64::MAX);
        assert_eq!(ceiling(0, 10_000, 70), 0);
    }
}
