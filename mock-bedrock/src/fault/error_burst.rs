//! A share of calls fails with a mix of errors: the brown-out.
//!
//! Imitates partial failures of a Region as clients report them: most calls work, the others fail with 503,
//! 500, 424 or 408 in changing proportions, which trips naive breakers and feeds retry storms. Any exception
//! of the service model can be in the mix. It strikes where capacity is checked, after the quota: a throttled
//! call is throttled, not hit. The model does not run, so what was reserved from the quota is given back at
//! once. The selector means the serving Region.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    dist::{Dist, Sampler},
    exception::{Exception, ExceptionKind},
    units::{Share, Span},
};

/// A share of calls fails with a mix of errors.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ErrorBurstSpec {
    /// How often each exception is chosen, in proportion to the others.
    pub errors: IndexMap<ExceptionKind, Share>,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
    /// Adds this time to the errors as `x-amz-retry-after`, which SDKs obey; the real service is not known to
    /// send it.
    #[serde(default)]
    pub retry_after: Option<Dist<Span>>,
    /// Text of the errors where their usual one will not do, such as that of a content filter.
    #[serde(default)]
    pub message: Option<String>,
}

#[derive(Debug, Clone)]
pub(super) struct ErrorBurst {
    /// Each exception with the sum of the shares up to it; the last sum is 1.
    pub errors: Vec<(f64, ExceptionKind)>,
    pub share: f64,
    pub retry_after: Option<Sampler>,
    pub message: Option<String>,
}

impl Settings for ErrorBurstSpec {
    type Kind = ErrorBurst;
    const INFO: FaultInfo = FaultInfo {
        name: "error_burst",
        summary: "a share of calls fails with a weighted mix of exceptions",
        stage: "capacity",
        quota: "none: the reservation is given back at once",
        client_sees: "the exceptions of the mix, with their statuses",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "error_burst: { errors: { ServiceUnavailableException: 70%, InternalServerException: 30% }, share: 30% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ErrorBurst {
        let total: f64 = self.errors.values().map(|share| share.0).sum();
        if total <= 0.0 {
            let message = if self.errors.is_empty() {
                "the mix has no errors"
            } else {
                "every error has a share of 0%"
            };
            let hint = "write such as { ServiceUnavailableException: 70%, InternalServerException: 30% }";
            checks.problem(&["errors"], message, hint);
        }
        ErrorBurst {
            errors: mix(&self.errors, total),
            share: checks.share(self.share),
            retry_after: self.retry_after.as_ref().map(|after| checks.dist("retry_after", after)),
            message: self.message.clone(),
        }
    }
}

fn mix(errors: &IndexMap<ExceptionKind, Share>, total: f64) -> Vec<(f64, ExceptionKind)> {
    let mut sum = 0.0;
    let add = |(kind, share): (&ExceptionKind, &Share)| {
        sum += share.0 / total;
        (sum, *kind)
    };
    errors.iter().filter(|(_, share)| share.0 > 0.0).map(add).collect()
}

impl Kind for ErrorBurst {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Capacity, self.share)
    }

    fn exception(&mut self, chosen: &Chosen) -> Option<Exception> {
        let unit = chosen.unit(0);
        let place = self.errors.partition_point(|(sum, _)| *sum <= unit);
        // Rounding may leave the last sum a hair below 1.
        let (_, kind) = self.errors.get(place).or(self.errors.last())?;
        let retry_after_ms = self.retry_after.as_ref().map(|after| (after.at(chosen.unit(1)) / 1e6) as u64);
        let usual = Exception::usual(*kind);
        let message = self.message.as_ref().map_or(usual.message, |text| text.clone().into());
        Some(Exception { retry_after_ms, message, ..usual })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fault::{
            Action, Subject,
            testing::{CALL, faults, rule, subject},
        },
        world::RegionId,
    };

    const MIX: [(f64, ExceptionKind); 2] =
        [(0.7, ExceptionKind::ServiceUnavailableException), (1.0, ExceptionKind::InternalServerException)];

    fn burst(share: f64) -> crate::fault::FaultRule {
        rule(Action::ErrorBurst(ErrorBurst { errors: MIX.to_vec(), share, retry_after: None, message: None }))
    }

    #[test]
    fn its_share_of_calls_fails_with_the_mix() {
        let mut faults = faults([burst(0.3)]);
        let failed: Vec<_> =
            (0..10_000).filter_map(|n| faults.capacity(CALL, &subject(n))).map(|e| e.kind).collect();
        let unavailable =
            failed.iter().filter(|kind| **kind == ExceptionKind::ServiceUnavailableException).count();
        assert!((2800..3200).contains(&failed.len()), "{} failed", failed.len());
        let share = unavailable as f64 / failed.len() as f64;
        assert!((share - 0.7).abs() < 0.03, "{share} of them unavailable");
    }

    #[test]
    fn it_means_the_region_that_serves() {
        let mut rule = burst(1.0);
        rule.selector.regions = vec![RegionId(1)];
        let mut faults = faults([rule]);
        let through = Subject { region: RegionId(0), serving: RegionId(1), ..subject(1) };
        let home = Subject { region: RegionId(1), serving: RegionId(0), ..subject(1) };
        assert!(faults.capacity(CALL, &through).is_some());
        assert!(faults.capacity(CALL, &home).is_none());
    }

    #[test]
    fn it_can_add_a_time_to_come_back() {
        let retry_after = Some(Sampler::Constant(2e9));
        let mut faults =
            faults([rule(Action::ErrorBurst(ErrorBurst { errors: MIX.to_vec(), share: 1.0, retry_after, message: None }))]);
        let error = faults.capacity(CALL, &subject(1)).expect("share 100%");
        assert_eq!(error.retry_after_ms, Some(2000));
    }

    #[test]
    fn weights_are_taken_in_proportion_and_zeros_never_chosen() {
        let errors = IndexMap::from([
            (ExceptionKind::ConflictException, Share(0.0)),
            (ExceptionKind::ThrottlingException, Share(0.1)),
            (ExceptionKind::ModelErrorException, Share(0.3)),
        ]);
        let mixed = mix(&errors, 0.4);
        assert_eq!(mixed[0].1, ExceptionKind::ThrottlingException);
        assert!((mixed[0].0 - 0.25).abs() < 1e-12 && (mixed[1].0 - 1.0).abs() < 1e-12, "{mixed:?}");
    }

    #[test]
    fn a_text_of_its_own_replaces_the_usual_one_and_nothing_else() {
        let errors = vec![(1.0, ExceptionKind::ValidationException)];
        let message = Some("The content filter blocked it.".to_owned());
        let burst = ErrorBurst { errors, share: 1.0, retry_after: None, message };
        let said = faults([rule(Action::ErrorBurst(burst))]).capacity(CALL, &subject(1)).expect("a hit");
        let usual = Exception::usual(ExceptionKind::ValidationException);
        assert_eq!(said, Exception { message: "The content filter blocked it.".into(), ..usual });
    }
}
