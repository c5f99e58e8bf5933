//! What is written, over what its preset says: after this there are no presets and no defaults.

use std::time::Duration;

use super::{BudgetsSpec, ComposedSpec, CooldownsSpec, Exhausted, FirstTokenSpec, preset};
use crate::{
    Nanos,
    policy::{
        breaker::BreakerSpec, concurrency::ConcurrencySpec, hedge::HedgeSpec, ledger::LedgerSpec,
        outlier::OutlierSpec, part::Part, ramp::RampSpec, retry::RetrySpec, selector::SelectorSpec,
        throttle::AdaptiveThrottleSpec,
    },
    span,
    strategy::{Timeouts, WorstCase},
};

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) select: SelectorSpec,
    pub(super) cooldown: Option<CooldownsSpec>,
    pub(super) breaker: Option<BreakerSpec>,
    pub(super) outlier: Option<OutlierSpec>,
    pub(super) concurrency: Option<ConcurrencySpec>,
    pub(super) adaptive_throttle: Option<AdaptiveThrottleSpec>,
    pub(super) ramp: Option<RampSpec>,
    pub(super) quota: Option<LedgerSpec>,
    pub(super) hedge: Option<HedgeSpec>,
    pub(super) retry: RetrySpec,
    pub(super) budgets: Option<BudgetsSpec>,
    pub(super) timeouts: Timeouts,
    pub(super) first_token: Option<FirstTokenSpec>,
    pub(super) deadline: Option<Duration>,
    pub(super) on_exhausted: Vec<Exhausted>,
}

impl Settings {
    /// `None` if there is no such preset.
    pub(super) fn of(spec: &ComposedSpec) -> Option<Settings> {
        let base = match &spec.preset {
            None => ComposedSpec::default(),
            Some(name) => preset::settings(name)?,
        };
        Some(Settings {
            select: spec.select.or(base.select).unwrap_or(SelectorSpec::First),
            cooldown: over(spec.cooldown, base.cooldown),
            breaker: over(spec.breaker, base.breaker),
            outlier: over(spec.outlier, base.outlier),
            concurrency: over(spec.concurrency, base.concurrency),
            adaptive_throttle: over(spec.adaptive_throttle, base.adaptive_throttle),
            ramp: over(spec.ramp, base.ramp),
            quota: over(spec.quota, base.quota),
            hedge: over(spec.hedge, base.hedge),
            retry: over(spec.retry, base.retry).unwrap_or(RetrySpec::ONCE),
            budgets: over(spec.budgets, base.budgets),
            timeouts: spec.timeouts.or(base.timeouts).unwrap_or_default(),
            first_token: over(spec.first_token, base.first_token),
            deadline: spec.deadline.or(base.deadline),
            on_exhausted: spec.on_exhausted.clone().or(base.on_exhausted).unwrap_or_default(),
        })
    }

    /// Every attempt runs into its total limit, waits before it for a target as long as the rules allow, and each further
    /// one waits through the longest back-off, too.
    pub(super) fn worst_case(&self) -> WorstCase {
        let attempts = self.retry.attempts_max;
        let turns = Duration::from_nanos(self.waits_max().saturating_mul(u64::from(attempts)));
        let backoff = self.retry.cap.saturating_mul(attempts.saturating_sub(1));
        let worst = WorstCase::of(attempts, &self.timeouts, turns.saturating_add(backoff));
        let Some((deadline, total)) = self.deadline.zip(self.timeouts.total) else {
            return worst;
        };
        // The last attempt may start just before the deadline.
        WorstCase { wall: worst.wall.map(|wall| wall.min(deadline.saturating_add(total))), ..worst }
    }

    /// The longest wait for a target to become eligible.
    fn waits_max(&self) -> Nanos {
        let waits = self.on_exhausted.iter().map(|step| match step {
            Exhausted::WaitFirst(wait) => span::nanos(wait.max),
            _ => 0,
        });
        waits.fold(0, Nanos::saturating_add)
    }
}

/// A part that is given replaces the preset's as a whole.
fn over<T>(given: Option<Part<T>>, preset: Option<Part<T>>) -> Option<T> {
    given.or(preset).and_then(Part::on)
}
