//! Throttles say when to come back, truly or not. Imitates a service that sends the hint which the AWS SDKs look for.
//!
//! Adds `x-amz-retry-after`, in milliseconds, to throttles. The AWS SDKs follow it within limits of their own; the real
//! service is not known to send it. Without `says` it tells the truth: when the quota would admit this call if nobody
//! else asked, which is unknown for a limit on calls at once. With `says` it lies. Where the quota does not throttle, it has
//! nothing to add to. No quota is consumed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    exception::{Exception, ExceptionKind},
    units::{Share, Span},
};

/// Throttles say when to come back, truly or not.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RetryAfterHintSpec {
    /// What they say; the truth, when not given.
    pub says: Option<Dist<Span>>,
    /// Share of errors; all, when not given.
    pub share: Option<Share>,
}

const MS: Nanos = 1_000_000;

#[derive(Debug, Clone)]
pub(super) struct RetryAfterHint {
    pub says: Option<Sampler>,
    pub share: f64,
}

impl Settings for RetryAfterHintSpec {
    type Kind = RetryAfterHint;
    const INFO: FaultInfo = FaultInfo {
        name: "retry_after_hint",
        summary: "throttles say when to come back, truly or not",
        stage: "error",
        quota: "none",
        client_sees: "`x-amz-retry-after`, which the AWS SDKs follow",
        in_simulation: "as said",
        on_the_wire: "the header, in milliseconds",
        example: "retry_after_hint: { says: 5s }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> RetryAfterHint {
        RetryAfterHint { says: self.says.as_ref().map(|says| checks.dist("says", says)), share: checks.share(self.share) }
    }
}

impl Kind for RetryAfterHint {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Error, self.share)
    }

    fn error(&mut self, chosen: &Chosen, error: &Exception, wait: Option<Nanos>) -> Option<Exception> {
        if error.kind != ExceptionKind::ThrottlingException {
            return None;
        }
        let lie = self.says.as_ref().map(|says| says.at(chosen.unit(0)) as Nanos);
        // Rounded up, or whoever obeys would come too early.
        let ms = lie.or(wait)?.div_ceil(MS);
        Some(Exception { retry_after_ms: Some(ms), ..error.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn throttles_tell_the_truth_or_the_lie_and_other_errors_nothing() {
        let throttle = Exception::too_many_requests;
        let lie = Some(Sampler::Constant(5e9));
        for (says, error, wait, told) in [
            (None, throttle(), Some(1_000_001), Some(2)),
            (None, throttle(), None, None),
            (lie.clone(), throttle(), Some(1_000_001), Some(5_000)),
            (lie, Exception::no_capacity(), None, None),
        ] {
            let mut faults = faults([rule(Action::RetryAfterHint(RetryAfterHint { says, share: 1.0 }))]);
            let got = faults.error(CALL, &subject(1), error, wait);
            assert_eq!(got.retry_after_ms, told);
            let (_, hits) = faults.hits().next().expect("one rule");
            assert_eq!((hits.hit, hits.missed), (u64::from(told.is_some()), u64::from(told.is_none())));
        }
    }
}
