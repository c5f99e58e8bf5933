//! What is written, over what its preset says: after this there are no presets and no defaults.

use std::time::Duration;

use super::{BudgetsSpec, ComposedSpec, CooldownsSpec, Exhausted, FirstTokenSpec, preset};
use crate::{
    Nanos,
    policy::{
        breaker::BreakerSpec, clamp::ClampSpec, concurrency::ConcurrencySpec, continuation::ContinueSpec,
        fast_fail::FastFailSpec, hedge::HedgeSpec, hold_back::HoldBackSpec, ledger, ledger::LedgerSpec,
        outlier::OutlierSpec, pacing::PacingSpec, part::Part, queue::QueueSpec, ramp::RampSpec,
        retry::RetrySpec, selector::SelectorSpec, shed::ShedSpec, tenants::TenantsSpec,
        throttle::AdaptiveThrottleSpec, throughput::ThroughputSpec,
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
    pub(super) throughput_guard: Option<ThroughputSpec>,
    pub(super) shed: Option<ShedSpec>,
    pub(super) tenants: Option<TenantsSpec>,
    pub(super) queue: Option<QueueSpec>,
    pub(super) pacing: Option<PacingSpec>,
    pub(super) clamp_output: Option<ClampSpec>,
    pub(super) quota: Option<LedgerSpec>,
    pub(super) across_models: bool,
    pub(super) hold_back: Option<HoldBackSpec>,
    pub(super) continue_prefill: Option<ContinueSpec>,
    pub(super) hedge: Option<HedgeSpec>,
    pub(super) retry: RetrySpec,
    pub(super) fast_fail_only: Option<FastFailSpec>,
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
            throughput_guard: over(spec.throughput_guard, base.throughput_guard),
            shed: over(spec.shed, base.shed),
            tenants: over(spec.tenants, base.tenants),
            queue: over(spec.queue, base.queue),
            pacing: over(spec.pacing, base.pacing),
            clamp_output: over(spec.clamp_output, base.clamp_output),
            quota: over(spec.quota, base.quota),
            across_models: spec.across_models.or(base.across_models).unwrap_or(false),
            hold_back: over(spec.hold_back, base.hold_back),
            continue_prefill: over(spec.continue_prefill, base.continue_prefill),
            hedge: over(spec.hedge, base.hedge),
            retry: over(spec.retry, base.retry).unwrap_or(RetrySpec::ONCE),
            fast_fail_only: over(spec.fast_fail_only, base.fast_fail_only),
            budgets: over(spec.budgets, base.budgets),
            timeouts: spec.timeouts.or(base.timeouts).unwrap_or_default(),
            first_token: over(spec.first_token, base.first_token),
            deadline: spec.deadline.or(base.deadline),
            on_exhausted: spec.on_exhausted.clone().or(base.on_exhausted).unwrap_or_default(),
        })
    }

    /// Whether anything keeps a request from a tier, or takes it to the next one after a failure.
    pub(super) fn leads_down(&self) -> bool {
        self.retry.attempts_max > 1
            || self.cooldown.is_some()
            || self.breaker.is_some()
            || self.outlier.is_some()
            || self.concurrency.is_some()
            || self.adaptive_throttle.is_some()
            || self.pacing.is_some()
            || self.quota.is_some()
    }

    /// Output that is reserved for a request which sets no limit, and the most that may be asked for.
    pub(super) fn max_output(&self) -> u32 {
        self.quota.map_or(ledger::MAX_OUTPUT, |quota| quota.max_output)
    }

    /// Every attempt runs into its total limit, waits before it for a target as long as the rules allow (the first one in
    /// the queue, if there is one), and each further one waits through the longest back-off, too. Who is put off by
    /// pacing waits no longer than that.
    pub(super) fn worst_case(&self) -> WorstCase {
        let attempts = self.retry.attempts_max;
        let waits = self.waits_max();
        let first = self.queue.map_or(waits, |queue| span::nanos(queue.wait));
        let further = waits.saturating_mul(u64::from(attempts.saturating_sub(1)));
        let turns = Duration::from_nanos(first.saturating_add(further));
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
