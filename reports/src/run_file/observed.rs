//! What the service's logs and metrics say of a run, beside what the client saw. Absent where nobody collected it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Log groups with their Regions, or files.
    pub sources: Vec<String>,
    pub counts: LogCounts,
    /// One for each cell whose attempts are known, in the order of `cells`.
    pub cells: Vec<ObservedCell>,
    /// What a hop costs: latencies as the client measured them, by strategy and serving Region.
    pub hops: Vec<Hop>,
    /// Each metric's sum over the run, and what the log's records make it.
    pub metrics: Vec<MetricCount>,
    /// From a record's time to its arrival in the log group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<Spread>,
    /// Why the counts differ, one cause to a sentence; empty where they do not.
    pub differences: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogCounts {
    /// Attempts of the client that got an answer of any kind, and with it a request id.
    pub attempts: u64,
    /// Attempts without one: nothing came back.
    pub unnamed: u64,
    /// Of the attempts, those that are not the first of their request: each is a call with an id of its own.
    pub retries: u64,
    /// Records read, each delivery counted.
    pub records: u64,
    /// Attempts whose record was found.
    pub matched: u64,
    /// Records that came again.
    pub duplicates: u64,
    /// Records of calls that this run did not make.
    pub foreign: u64,
    /// Records that arrived after one with a later time.
    pub reordered: u64,
    /// Records that arrived more than a minute after their time.
    pub late: u64,
    /// Records that cannot be read.
    pub damaged: u64,
    /// Attempts without a record.
    pub missing: u64,
    /// Answers through a profile whose record names no serving Region: the source served them, or the field was lost.
    pub region_unnamed: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedCell {
    /// Index into `strategies`.
    pub strategy: usize,
    pub replication: u32,
    pub bucket_s: f64,
    /// Answered attempts by the Region that the log names, by the moment they were sent.
    pub served_by_region: IndexMap<String, Vec<u32>>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// Index into `strategies`.
    pub strategy: usize,
    pub region: String,
    /// Whether that is the Region that was called.
    pub source: bool,
    pub answers: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_token: Option<Spread>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Spread>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spread {
    pub p50_ms: f64,
    pub p90_ms: f64,
    pub p99_ms: f64,
    pub samples: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MetricCount {
    /// Namespace, name and dimensions.
    pub name: String,
    pub counted: f64,
    /// What the records that were read make it.
    pub in_log: u64,
}

impl Observed {
    /// What does not fit the run's own lists.
    pub(super) fn problem(&self, strategies: usize) -> Option<String> {
        let cells = self.cells.iter().map(|cell| cell.strategy);
        let hops = self.hops.iter().map(|hop| hop.strategy);
        let beyond = cells.chain(hops).find(|strategy| *strategy >= strategies);
        if let Some(strategy) = beyond {
            return Some(format!("observed is of strategy {strategy}, but there are {strategies}"));
        }
        let short = self.cells.iter().find(|cell| cell.bucket_s.is_nan() || cell.bucket_s < 0.001)?;
        Some(format!("observed.bucket_s is {}, less than 0.001", short.bucket_s))
    }
}
