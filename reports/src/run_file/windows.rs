//! What a run file holds besides counts: times and quota use over stretches of the run, and single requests' stories.
//! New in version 2; a file of version 1 lacks them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request;

/// Numbers that need more samples than a bucket of the series has. Window i covers `[i, i+1) * window_s`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Windows {
    /// A whole number of the series' buckets.
    pub window_s: f64,
    /// By intended arrival: from there to the first content, of whole answers. V2 HdrHistogram blobs of two digits,
    /// in microseconds; empty where nothing was recorded.
    pub first_token: Vec<String>,
    /// By intended arrival: from there to the last token, of whole answers.
    pub total: Vec<String>,
    /// By pool, in the order of `pools`: percent of the written quota in use at the first event of each window, of
    /// requests or tokens, whichever is scarcer; above 100 while in debt. Empty for a pool without such a quota.
    pub quota_used: Vec<Vec<u32>>,
}

/// What happened to one request under one strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Story {
    /// Index into `strategies`.
    pub strategy: usize,
    pub replication: u32,
    /// Written as a name, such as `1.2756`.
    #[serde(with = "request")]
    #[schemars(with = "String")]
    pub request: u64,
    pub lines: Vec<StoryLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StoryLine {
    /// Since the intended arrival; absent for what the request is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<f64>,
    pub text: String,
}
