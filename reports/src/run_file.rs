//! The run file: everything one run measured, as versioned JSON. Whoever measures writes it; everything in this
//! crate reads it.
//!
//! Two rules keep it honest. Equal runs give equal bytes, so only `when` may differ between two runs of one seed.
//! And missing data is absent, never zero.

pub mod decisions;
mod disk;
pub mod live;
pub mod observed;
mod plausible;
pub mod request;
mod windows;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use disk::{ReadCause, ReadError, WriteError, write_whole};
pub use live::{Live, LiveCell, Split};
pub use observed::{Hop, LogCounts, MetricCount, Observed, ObservedCell, Spread};
pub use request::RequestName;
pub use windows::{Story, StoryLine, Windows};

use crate::expect::ExpectSpec;

pub const FORMAT: &str = "richter-run";
/// Version 2 added `windows` and `by_target` to cells, and `stories`; version 3 `decisions`, in baselines, what of a
/// fault its ground cannot show, and of live runs `live` and `split`.
pub const VERSION: u32 = 3;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunFile {
    /// Always `richter-run`.
    pub format: String,
    pub version: u32,
    /// Name and version of the program that wrote it.
    pub written_by: String,
    /// Times of day: the only part that differs between two equal runs.
    pub when: When,
    pub scenario: ScenarioFacts,
    pub ground: Ground,
    pub status: Status,
    pub phases: Vec<PhaseFacts>,
    pub targets: Vec<TargetFacts>,
    pub faults: Vec<FaultFacts>,
    /// Traffic classes, by the index that cells use.
    pub classes: Vec<String>,
    pub strategies: Vec<StrategyFacts>,
    pub expect: Vec<ExpectSpec>,
    /// One cell per strategy and replication, in that order.
    pub cells: Vec<Cell>,
    /// Requests worth telling, attempt by attempt. Empty in files of version 1 and where nobody asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stories: Vec<Story>,
    /// Only runs on the wall clock have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// What logs and metrics say; absent where nobody collected it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Observed>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// RFC 3339.
    pub started: String,
    pub took_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioFacts {
    pub name: String,
    /// The file as it was named on the command line.
    pub file: String,
    pub question: String,
    /// Digest of the scenario with all that it includes.
    pub digest: String,
    pub seed: u64,
    pub replications: u32,
    /// When an answer counts as good; absent bounds do not count.
    pub slo: Slo,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slo {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_ms: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    Sim,
    Mock,
    Bedrock,
}

impl Ground {
    /// As `--on` takes it.
    pub const fn name(self) -> &'static str {
        match self {
            Ground::Sim => "sim",
            Ground::Mock => "mock",
            Ground::Bedrock => "bedrock",
        }
    }

    /// Whether no two runs on it are alike.
    pub const fn is_live(self) -> bool {
        !matches!(self, Ground::Sim)
    }
}

/// Whether the run went to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Complete,
    /// An abort rule of the scenario stopped it.
    Aborted {
        rule: String,
        /// Whether it was a limit on spend.
        spend: bool,
    },
    Interrupted,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseFacts {
    pub name: String,
    pub from_s: f64,
    pub to_s: f64,
    /// Warm-up phases are run but not judged.
    pub measured: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetFacts {
    pub name: String,
    /// Such as `on_demand`, `profile` or `provisioned`.
    pub kind: String,
    /// Absent for the run's own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Region that is called, or the address of an endpoint outside AWS.
    pub region: String,
    pub model_id: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultFacts {
    pub name: String,
    pub kind: String,
    pub from_s: f64,
    pub to_s: f64,
    /// Why the ground cannot show it; absent where it can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cannot_show: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StrategyFacts {
    pub name: String,
    /// Such as `sdk`.
    pub kind: String,
    pub worst_attempts: u32,
    /// Absent when nothing bounds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worst_wall_s: Option<f64>,
}

/// What one strategy did in one replication.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cell {
    /// Index into `strategies`.
    pub strategy: usize,
    pub replication: u32,
    /// Rolling hash over every event; equal runs have equal hashes.
    pub trace_hash: String,
    /// Per phase of the intended arrival, in the order of `phases`.
    pub phases: Vec<PhaseCell>,
    pub series: Series,
    /// Absent in files of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub windows: Option<Windows>,
    /// How often each reason was given, by its name.
    pub reasons: IndexMap<String, u64>,
    /// Requests worth asking for one by one.
    pub notable: Notable,
    /// In the order of `faults`.
    pub faults: Vec<FaultHits>,
    pub pools: Vec<PoolUse>,
    /// What was decided, entry by entry; only baselines of simulated runs have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decisions: Option<decisions::Decisions>,
}

/// A few requests by name: `richter why` tells their stories.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Notable {
    /// Slowest whole answers, slowest first.
    pub slowest: Vec<Slowest>,
    /// The first requests that failed or broke.
    #[serde(with = "request::list")]
    #[schemars(with = "Vec<String>")]
    pub failed: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slowest {
    /// Written as a name, such as `1.2756`.
    #[serde(with = "request")]
    #[schemars(with = "String")]
    pub request: u64,
    pub total_ms: f64,
}

/// Requests whose intended arrival lies in one phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseCell {
    pub offered: u64,
    /// Whole answers.
    pub answered: u64,
    /// Whole answers within the SLO.
    pub good: u64,
    /// Answers that stopped at a `max_tokens` which the strategy had set; they count as answered and never as good.
    /// Absent in files that were written before this was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_short: Option<u64>,
    /// Failed before any content.
    pub failed: u64,
    /// Broke after some content; counted in `failed_by_class` too.
    pub broken: u64,
    /// The caller left first.
    pub abandoned: u64,
    /// Never begun, because a limit of the generator was reached.
    pub shed: u64,
    /// Still open when the run ended.
    pub open: u64,
    /// Last failure of each failed or broken request, by class name.
    pub failed_by_class: IndexMap<String, u64>,
    /// Of the requests that failed with class `local_reject`: why the strategy itself turned each away, by the reason's
    /// name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub rejected_by_reason: IndexMap<String, u64>,
    pub attempts: u64,
    /// Failed attempts, by class name; `throttle` is the number of throttled attempts.
    pub attempts_failed_by_class: IndexMap<String, u64>,
    pub attempts_cancelled: u64,
    /// Attempts by target, in the order of `targets`.
    pub attempts_by_target: Vec<u64>,
    /// Whole answers by target.
    pub answered_by_target: Vec<u64>,
    /// Whole answers by the model that made them; absent in older files.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub answered_by_model: IndexMap<String, u64>,
    /// Attempts that were served, by the Region that served them.
    pub served_by_region: IndexMap<String, u64>,
    pub input_tokens: u64,
    /// Of every attempt, wasted ones included.
    pub output_tokens: u64,
    /// Those of the output tokens produced for nobody: cancelled, abandoned or broken answers.
    pub wasted_tokens: u64,
    /// Absent when a price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// Where the time of answered requests went; only live runs measure it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<Split>,
    pub histograms: Histograms,
}

/// V2 HdrHistogram blobs, deflated, base64; values in microseconds. Absent when nothing was recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Histograms {
    /// From the intended arrival to the first content; answered requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token: Option<String>,
    /// From the intended arrival to the last token; answered requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<String>,
    /// Mean gap between tokens of one answer; answered streams.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    /// From sending to end; every attempt that was not cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<String>,
}

/// Numbers over time. Bucket i covers `[i, i+1) * bucket_s`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Series {
    pub bucket_s: f64,
    /// Requests by intended arrival.
    pub offered: Vec<u32>,
    /// Good answers by intended arrival: what callers who came then got.
    pub good_by_arrival: Vec<u32>,
    /// Good answers by the moment they ended.
    pub good: Vec<u32>,
    pub answered: Vec<u32>,
    pub failed: Vec<u32>,
    pub abandoned: Vec<u32>,
    /// Attempts by the moment they were sent.
    pub attempts: Vec<u32>,
    /// Throttled attempts by the moment of the refusal.
    pub throttles: Vec<u32>,
    /// Most requests open at once in the bucket.
    pub in_flight: Vec<u32>,
    /// Failed requests by class name; classes that never occurred are absent.
    pub failed_by_class: IndexMap<String, Vec<u32>>,
    /// Served attempts by the Region that served them.
    pub by_region: IndexMap<String, Vec<u32>>,
    /// Served attempts by target, in the order of `targets`. Absent in files of version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_target: Option<Vec<Vec<u32>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultHits {
    pub rolled: u64,
    pub hit: u64,
    pub missed: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoolUse {
    pub name: String,
    pub admitted: u64,
    pub throttled: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<f64>,
}
