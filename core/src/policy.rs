//! The parts of a composed strategy, one file each: what may be sent where, and what was learnt from it.
//!
//! A part is plain state with two kinds of methods: questions (`check`, `fits`, `score`) that change nothing but what
//! time alone changes, and lessons (`sent`, `failed`, `passed`) that a strategy reports as they happen. A part knows no
//! target, no request and no other part; the strategy owns one for each target, quota pool or failure domain and asks
//! them in a fixed order. No part reads a clock or draws its own chance, and none allocates after it was made.
//!
//! Start reading at [`Verdict`], then `cooldown` for the smallest gate and `ledger` for the part that matters most.

pub mod breaker;
pub mod budget;
pub mod clamp;
pub mod concurrency;
pub mod continuation;
pub mod cooldown;
pub mod degrade;
pub mod ewma;
pub mod fast_fail;
pub mod gcra;
pub mod hedge;
pub mod hold_back;
pub mod ledger;
pub mod outlier;
pub mod pacing;
pub mod part;
pub mod probe;
pub mod quantile;
pub mod queue;
pub mod ramp;
pub mod remedy;
pub mod retry;
pub mod selector;
pub mod shed;
pub mod tenants;
pub mod throttle;
pub mod throughput;
pub mod window;

use crate::{Nanos, strategy::Reason};

pub(crate) const MILLISECOND: Nanos = 1_000_000;
pub(crate) const SECOND: Nanos = 1_000 * MILLISECOND;

/// One attempt in the books of a part: the request's number and which of its attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pub request: u64,
    pub attempt: u32,
}

/// What a gate says to one more attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allow,
    /// Allowed as the one attempt that finds out whether it works again.
    Probe,
    /// Not before `until`. That is the present moment if an attempt in the air may change it any time.
    Deny {
        until: Nanos,
        reason: Reason,
    },
}

impl Verdict {
    /// What two gates say together: the stricter one; of two denials the one that lasts longer.
    #[must_use]
    pub fn and(self, other: Verdict) -> Verdict {
        match (self, other) {
            (Verdict::Deny { until: one, .. }, Verdict::Deny { until: two, .. }) => {
                if one >= two {
                    self
                } else {
                    other
                }
            }
            (Verdict::Deny { .. }, _) | (Verdict::Probe, Verdict::Probe | Verdict::Allow) => self,
            (_, other) => other,
        }
    }
}

/// How long a time that was told with `jitter` (0 to 1) may differ from its length: a quarter to both sides.
pub(crate) fn spread(length: Nanos, jitter: f64) -> Nanos {
    (length as f64 * (0.75 + 0.5 * jitter)) as Nanos
}

/// Seconds between two moments, none if they are in the wrong order.
pub(crate) fn seconds(from: Nanos, to: Nanos) -> f64 {
    to.saturating_sub(from) as f64 / SECOND as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_gates_together_are_as_strict_as_the_stricter_one() {
        let deny = |until| Verdict::Deny { until, reason: Reason::CoolingDown };
        let rows = [
            (Verdict::Allow, Verdict::Allow, Verdict::Allow),
            (Verdict::Allow, Verdict::Probe, Verdict::Probe),
            (Verdict::Probe, Verdict::Allow, Verdict::Probe),
            (Verdict::Probe, deny(5), deny(5)),
            (deny(5), Verdict::Allow, deny(5)),
            (deny(5), deny(9), deny(9)),
            (deny(9), deny(5), deny(9)),
        ];
        for (one, two, both) in rows {
            assert_eq!(one.and(two), both, "{one:?} and {two:?}");
        }
    }
}
