//! Tiers of targets with gates, a selector, retries and budgets: a strategy as data.
//!
//! Idea. The known good policies as parts that are switched on one by one, in one fixed pipeline, so that a strategy can
//! be written, read and compared without programming.
//! Chooses. The first tier that has a target which every gate lets through; in it, what the selector picks. After a
//! failure an untried target comes first, after a fault in another Region; the same target again only after a back-off.
//! When no target is eligible, what `on_exhausted` says.
//! Learns from. Throttles cool a quota pool (account, Region, model and kind together), faults cool or block a target. The caller's
//! own faults teach nothing.
//! Cold start. Every target is taken for healthy and as fast as the seed says.
//! Throttling. Another pool at once; the throttled one is left alone, and one probe finds out when it takes work again.
//! Bad at. What it cannot see: where a profile really runs, and what others spend of a shared quota until a throttle tells.
//!
//! Here are the settings and their checks; `decide` is the pipeline, `learn` what it hears, `preset` ready-made settings.
//! The parts themselves are in [`crate::policy`].

mod admit;
mod checks;
mod choose;
mod decide;
mod gates;
mod learn;
mod midstream;
mod models;
mod outlook;
mod preset;
mod settings;
mod state;
mod waiting;

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use self::{settings::Settings, state::Composed};
use super::{Find, SpecProblem, Strategy, StrategyInfo, Timeouts, WorstCase};
use crate::{
    policy::{
        breaker::BreakerSpec,
        budget::BudgetSpec,
        clamp::ClampSpec,
        concurrency::ConcurrencySpec,
        continuation::ContinueSpec,
        cooldown::CooldownSpec,
        degrade::DegradeSpec,
        fast_fail::FastFailSpec,
        hedge::HedgeSpec,
        hold_back::HoldBackSpec,
        ledger::{LedgerSpec, LimitSpec},
        outlier::OutlierSpec,
        pacing::PacingSpec,
        part::Part,
        queue::QueueSpec,
        ramp::RampSpec,
        retry::RetrySpec,
        selector::{SelectorSpec, cost::PriceSpec},
        shed::ShedSpec,
        tenants::TenantsSpec,
        throttle::AdaptiveThrottleSpec,
        throughput::ThroughputSpec,
    },
    quantity::Share,
    request::Need,
    span,
};

pub use models::ModelsSpec;
pub use preset::{NAMES as PRESETS, settings as preset};

pub const INFO: StrategyInfo = StrategyInfo {
    name: "composed",
    summary: "tiers of targets with gates, selector, budgets and presets: a strategy as data",
};

/// What is left out is as the preset says; without a preset it is off.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComposedSpec {
    /// Ready-made settings to start from; a key given here replaces the preset's.
    #[serde(default)]
    pub preset: Option<String>,
    /// Names of the targets, tier by tier: a lower tier is used when no target of those above can be.
    #[serde(default)]
    pub tiers: Vec<Vec<String>>,
    /// By target; 1 where none is given.
    #[serde(default)]
    pub weights: BTreeMap<String, f64>,
    /// What tokens cost, by target; for `select: cost_first`, which needs the price of each.
    #[serde(default)]
    pub prices: BTreeMap<String, PriceSpec>,
    /// Which of several eligible targets of a tier; by default the first.
    #[serde(default)]
    pub select: Option<SelectorSpec>,
    /// Leave alone what refused. While it is on, what we may not use is left alone for five minutes.
    #[serde(default)]
    pub cooldown: Option<Part<CooldownsSpec>>,
    /// Block a target that fails too often.
    #[serde(default)]
    pub breaker: Option<Part<BreakerSpec>>,
    /// Put out of use a target that fares worse than the others.
    #[serde(default)]
    pub outlier: Option<Part<OutlierSpec>>,
    /// So many attempts in the air at each target as it bears.
    #[serde(default)]
    pub concurrency: Option<Part<ConcurrencySpec>>,
    /// Turn requests away when a quota pool refuses most of what is sent to it.
    #[serde(default)]
    pub adaptive_throttle: Option<Part<AdaptiveThrottleSpec>>,
    /// Give a target that is well again its traffic back little by little.
    #[serde(default)]
    pub ramp: Option<Part<RampSpec>>,
    /// Spare a target whose streams come too slowly, and perhaps end such streams.
    #[serde(default)]
    pub throughput_guard: Option<Part<ThroughputSpec>>,
    /// While quota runs short, turn away requests of low priority. Needs `quota`.
    #[serde(default)]
    pub shed: Option<Part<ShedSpec>>,
    /// A rate for each tenant; what is above it fails at once.
    #[serde(default)]
    pub tenants: Option<Part<TenantsSpec>>,
    /// Let requests without an attempt wait for room in a line. It stands in the place of `wait_first` among the rules of
    /// `on_exhausted`, else at their end: rules before it act at once, rules after it when the wait was in vain.
    #[serde(default)]
    pub queue: Option<Part<QueueSpec>>,
    /// Send to each quota pool at a steady rate below its limit.
    #[serde(default)]
    pub pacing: Option<Part<PacingSpec>>,
    /// Ask for no more output than answers usually have, where the caller set no limit.
    #[serde(default)]
    pub clamp_output: Option<Part<ClampSpec>>,
    /// Keep books on each quota pool and send only what fits.
    #[serde(default)]
    pub quota: Option<Part<LedgerSpec>>,
    /// Known quotas, by target; what is not given is learnt from throttles. For `quota` and `pacing`.
    #[serde(default)]
    pub limits: BTreeMap<String, LimitSpec>,
    /// Which other model may answer when that of the tiers cannot.
    #[serde(default)]
    pub models: Option<ModelsSpec>,
    /// Take what only another model can mend, a prompt too long or an answer that a filter stopped, to targets of the tiers that
    /// have another model.
    #[serde(default)]
    pub across_models: Option<bool>,
    /// What a target cannot do, by target: a request that needs it is not sent there.
    #[serde(default)]
    pub lacks: BTreeMap<String, Vec<Need>>,
    /// Keep the beginning of a stream back, so that a break in it can be retried unseen.
    #[serde(default)]
    pub hold_back: Option<Part<HoldBackSpec>>,
    /// Have another target go on with a text that broke off; off, it stays visibly broken.
    #[serde(default)]
    pub continue_prefill: Option<Part<ContinueSpec>>,
    /// A second attempt in another Region when a stream's first one stays silent.
    #[serde(default)]
    pub hedge: Option<Part<HedgeSpec>>,
    /// Further attempts; off, each request gets one.
    #[serde(default)]
    pub retry: Option<Part<RetrySpec>>,
    /// No further attempts after a failure that came late.
    #[serde(default)]
    pub fast_fail_only: Option<Part<FastFailSpec>>,
    /// Limits on further attempts as shares of the traffic.
    #[serde(default)]
    pub budgets: Option<Part<BudgetsSpec>>,
    /// Limits on each attempt; what is left out waits for ever. The first-token limit is for streams only.
    #[serde(default)]
    pub timeouts: Option<Timeouts>,
    /// A first-token limit that follows what the target usually takes.
    #[serde(default)]
    pub first_token: Option<Part<FirstTokenSpec>>,
    /// No attempt is sent later than this after the request's arrival.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub deadline: Option<Duration>,
    /// What to do when no target is eligible: the first of these that can be done; in the end the request fails.
    #[serde(default)]
    pub on_exhausted: Option<Vec<Exhausted>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CooldownsSpec {
    /// Of a quota pool, after throttles.
    #[serde(default)]
    pub throttle: Option<CooldownSpec>,
    /// Of a target, after faults.
    #[serde(default)]
    pub fault: Option<CooldownSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetsSpec {
    /// For trying the same target again.
    #[serde(default)]
    pub same: Option<BudgetSpec>,
    /// For moving on to another target.
    #[serde(default)]
    pub failover: Option<BudgetSpec>,
}

/// So many times a quantile of the target's recent first-token times. Until enough is known, `timeouts` counts.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstTokenSpec {
    #[serde(default = "almost_all")]
    pub quantile: Share,
    #[serde(default = "twice")]
    pub times: f64,
    /// Never shorter than this.
    #[serde(deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub min: Duration,
    /// Never longer than this.
    #[serde(deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub max: Duration,
    /// Answers seen before it counts.
    #[serde(default = "hundred")]
    pub samples_min: u32,
}

fn almost_all() -> Share {
    Share(0.99)
}
fn twice() -> f64 {
    2.0
}
fn hundred() -> u32 {
    100
}

/// What to do when no target is eligible.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Exhausted {
    /// Fail at once.
    FailFast,
    /// Wait until a target is eligible again, if that can be in time.
    WaitFirst(WaitFirstSpec),
    /// The target whose cool-down or blocking ends first; at most one request a second for each target.
    LeastBad,
    /// For a request that was not sent yet: the healthy target whose quota pool should open first, whatever our books
    /// say. A refusal costs little, and our books may be wrong.
    AskAnyway,
    /// Ignore health and select among all targets, trusting each as far as it lately succeeded. Quota still counts.
    PanicAll,
    /// A target that is used for nothing else.
    LastResort(LastResortSpec),
    /// Ask for less output, so that the request fits into what is left of the quota.
    Degrade(DegradeSpec),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitFirstSpec {
    #[serde(deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub max: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LastResortSpec {
    /// Name of the target.
    pub target: String,
}

impl ComposedSpec {
    pub(super) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        let path = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect();
        let mut targets = Vec::new();
        for (tier, names) in self.tiers.iter().enumerate() {
            for (at, name) in names.iter().enumerate() {
                let (tier, at) = (tier.to_string(), at.to_string());
                targets.push((path(&[INFO.name, "tiers", &tier, &at]), &**name));
            }
        }
        for name in self.weights.keys() {
            targets.push((path(&[INFO.name, "weights", name]), &**name));
        }
        for name in self.prices.keys() {
            targets.push((path(&[INFO.name, "prices", name]), &**name));
        }
        for name in self.limits.keys() {
            targets.push((path(&[INFO.name, "limits", name]), &**name));
        }
        for name in self.lacks.keys() {
            targets.push((path(&[INFO.name, "lacks", name]), &**name));
        }
        for (keys, name) in self.models.iter().flat_map(ModelsSpec::targets) {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            targets.push((path(&[&[INFO.name, "models"], &keys[..]].concat()), name));
        }
        for (at, step) in self.on_exhausted.iter().flatten().enumerate() {
            if let Exhausted::LastResort(last) = step {
                let at = at.to_string();
                let keys = [INFO.name, "on_exhausted", &at, "last_resort", "target"];
                targets.push((path(&keys), &*last.target));
            }
        }
        targets
    }

    pub(super) fn problems(&self) -> Vec<SpecProblem> {
        checks::problems(self)
    }

    /// Settings that cannot work with what is behind the targets' names.
    pub(super) fn misfits(&self, find: &Find<'_>) -> Vec<SpecProblem> {
        checks::misfits(self, find)
    }

    pub(super) fn worst_case(&self) -> WorstCase {
        Settings::of(self).map_or(WorstCase { attempts: 0, wall: None }, |settings| settings.worst_case())
    }

    pub(super) fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
        Some(Box::new(Composed::new(self, Settings::of(self)?, find)?))
    }
}

#[cfg(test)]
mod tests;
