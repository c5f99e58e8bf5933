//! A scenario as written. Sections that other crates own keep their settings there; this file only composes them.
//!
//! Sections are optional here, also those that a scenario must have: a scenario with one unreadable section is still
//! checked in all the others. [`super::check`] reports what is missing.

pub mod abort;
pub mod fault;

use indexmap::IndexMap;
use richter_core::{strategy::StrategySpec, target::TargetSpec};
use richter_mock_bedrock::{units::Span, world::WorldSpec};
use richter_reports::expect::ExpectSpec;
use schemars::JsonSchema;
use serde::Deserialize;

use self::{abort::AbortSpec, fault::NamedFault};
use crate::{load::spec::TrafficSpec, observe::spec::ObserveSpec, price::PricesSpec};

/// The only version of the format so far.
pub const VERSION: u32 = 1;

/// A spike, the service that it meets, and the ways of calling the service that are compared.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Version of this format: 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// Short name; reports and files are called after it.
    #[schemars(required)]
    pub name: Option<String>,
    /// What the run should answer, as a person would ask it.
    #[schemars(required)]
    pub question: Option<String>,
    /// Root of all chance. Equal seeds give equal runs.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Independent repetitions of the run, each with its own arrivals and luck.
    #[serde(default = "default_replications")]
    #[schemars(range(min = 1, max = 1000))]
    pub replications: u32,
    /// A file beside this one whose `world`, `targets` and `prices` are shared by several scenarios. What is written
    /// here goes before: target by target, price by price, and section by section of the world.
    #[serde(default)]
    pub include: Option<String>,
    /// What can be called, by name. This is all that the real service needs.
    #[serde(default)]
    pub targets: Option<IndexMap<String, TargetSpec>>,
    /// How the simulated and mock Bedrock behave; ignored on the real one.
    #[serde(default)]
    pub world: Option<WorldSpec>,
    /// What answers cost, by target or model; the built-in list serves for the others.
    #[serde(default)]
    pub prices: PricesSpec,
    /// When an answer counts as good.
    #[serde(default)]
    pub slo: SloSpec,
    /// Who asks, how often, and for how much.
    #[schemars(required)]
    pub traffic: Option<TrafficSpec>,
    /// What goes wrong, each fault under its own name.
    #[serde(default)]
    pub faults: Vec<NamedFault>,
    /// The ways of calling that are compared, by name.
    #[schemars(required)]
    pub strategies: Option<IndexMap<String, StrategySpec>>,
    /// What must hold for the run to pass.
    #[serde(default)]
    pub expect: Vec<ExpectSpec>,
    /// When to stop a run early.
    #[serde(default)]
    pub abort: AbortSpec,
    /// What `richter observe` sets up in the account; without it, all of it by default.
    #[serde(default)]
    pub observe: ObserveSpec,
    /// How long open requests may go on after the last phase.
    #[serde(default = "default_drain")]
    pub drain: Span,
}

/// A good answer is a whole one within these bounds; a bound that is not given does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SloSpec {
    /// Longest time from a request's intended arrival to its first token; streamed answers only.
    pub first_token: Option<Span>,
    /// Longest time from a request's intended arrival to its last token.
    pub total: Option<Span>,
}

/// The file that `include` names.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shared {
    pub version: u32,
    #[serde(default)]
    pub targets: Option<IndexMap<String, TargetSpec>>,
    #[serde(default)]
    pub world: Option<WorldSpec>,
    #[serde(default)]
    pub prices: PricesSpec,
}

impl Scenario {
    /// This scenario with what it lacks taken from a shared file.
    pub fn over(mut self, shared: Shared) -> Scenario {
        self.targets = over(self.targets, shared.targets);
        self.world = match (self.world, shared.world) {
            (Some(own), Some(base)) => Some(own.over(base)),
            (own, base) => own.or(base),
        };
        for (name, price) in shared.prices.0 {
            self.prices.0.entry(name).or_insert(price);
        }
        self
    }
}

/// Own entries first and in their order, then those that only the shared file has.
fn over<T>(
    own: Option<IndexMap<String, T>>,
    base: Option<IndexMap<String, T>>,
) -> Option<IndexMap<String, T>> {
    match (own, base) {
        (Some(mut own), Some(base)) => {
            for (name, value) in base {
                own.entry(name).or_insert(value);
            }
            Some(own)
        }
        (own, base) => own.or(base),
    }
}

fn default_seed() -> u64 {
    42
}

fn default_replications() -> u32 {
    5
}

fn default_drain() -> Span {
    Span(60_000_000_000)
}
