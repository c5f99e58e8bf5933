//! How often and after which wait one request is tried again.
//!
//! Moving to another target never waits; staying waits with full jitter, longer after a throttle than after a fault, and
//! at least as long as the service asked for.

use std::time::Duration;

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{MILLISECOND, SECOND, selector::share};
use crate::{Nanos, failure::Failure, span};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetrySpec {
    /// Attempts for one request in total: the first, retries, failovers and hedges together.
    #[serde(default = "three")]
    pub attempts_max: u32,
    /// Whether a target may be tried again by the same request.
    #[serde(default = "yes")]
    pub same_target: bool,
    /// Ceiling of the first wait after a fault; it doubles with each retry.
    #[serde(default = "fault_base", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub fault_base: Duration,
    /// Ceiling of the first wait after a throttle or a lack of capacity.
    #[serde(default = "throttle_base", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub throttle_base: Duration,
    /// No wait is longer than this, whatever the service asks for.
    #[serde(default = "cap", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub cap: Duration,
    /// Whether the wait that the service names is kept to.
    #[serde(default = "yes")]
    pub hints: bool,
}

fn three() -> u32 {
    3
}
fn yes() -> bool {
    true
}
fn fault_base() -> Duration {
    Duration::from_millis(50)
}
fn throttle_base() -> Duration {
    Duration::from_secs(1)
}
fn cap() -> Duration {
    Duration::from_secs(20)
}

impl RetrySpec {
    /// One attempt and no more.
    pub const ONCE: RetrySpec = RetrySpec {
        attempts_max: 1,
        same_target: false,
        fault_base: Duration::from_nanos(50 * MILLISECOND),
        throttle_base: Duration::from_nanos(SECOND),
        cap: Duration::from_nanos(20 * SECOND),
        hints: true,
    };

    /// How long to wait before the n-th retry of the same target, counted from 1.
    pub fn wait(&self, failure: Failure, retry: u32, dice: &mut dyn Rng) -> Nanos {
        let jittered = (self.ceiling(failure, retry) as f64 * share(dice)) as Nanos;
        let hint = failure.retry_after_ms().filter(|_| self.hints).unwrap_or(0).saturating_mul(MILLISECOND);
        jittered.max(hint).min(span::nanos(self.cap))
    }

    fn ceiling(&self, failure: Failure, retry: u32) -> Nanos {
        let base = match failure {
            Failure::Throttle { .. } | Failure::Capacity { .. } => self.throttle_base,
            _ => self.fault_base,
        };
        let factor = 1u64.checked_shl(retry.saturating_sub(1)).unwrap_or(u64::MAX);
        span::nanos(base).saturating_mul(factor).min(span::nanos(self.cap))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{failure::ThrottleScope, rig::Loaded};

    const FAULT: Failure = Failure::ServerFault { retry_after_ms: None };

    fn throttle(retry_after_ms: Option<u64>) -> Failure {
        Failure::Throttle { scope: ThrottleScope::Unknown, retry_after_ms }
    }

    #[test]
    fn waits_double_are_longer_after_a_throttle_and_stay_below_the_cap() {
        let retry = RetrySpec::ONCE;
        let wait = |failure, nth| retry.wait(failure, nth, &mut Loaded(0.5)) / MILLISECOND;
        assert_eq!([wait(FAULT, 1), wait(FAULT, 2), wait(FAULT, 3)], [25, 50, 100]);
        assert_eq!([wait(throttle(None), 1), wait(throttle(None), 2)], [500, 1_000]);
        assert_eq!(wait(throttle(None), 70), 10_000);
    }

    #[test]
    fn the_service_s_wish_is_a_floor_and_the_cap_a_ceiling() {
        let retry = RetrySpec::ONCE;
        assert_eq!(retry.wait(throttle(Some(3_000)), 1, &mut Loaded(0.5)), 3 * SECOND);
        assert_eq!(retry.wait(throttle(Some(90_000)), 1, &mut Loaded(0.5)), 20 * SECOND);
        let deaf = RetrySpec { hints: false, ..retry };
        assert_eq!(deaf.wait(throttle(Some(3_000)), 1, &mut Loaded(0.5)), 500 * MILLISECOND);
    }
}
