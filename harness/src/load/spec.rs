//! Traffic as written in a scenario file. Shapes of the rate are in [`super::shape`], ways to scatter around it in
//! [`super::arrival`].

use indexmap::IndexMap;
use richter_core::request::{Api, Need, Priority};
use richter_mock_bedrock::{
    dist::Dist,
    units::{Share, Span, Tokens},
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{arrival::ArrivalSpec, shape::RateSpec, tenants::TenantsSpec};

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrafficSpec {
    /// Kinds of requests; the shares add up to 100 %.
    pub mix: IndexMap<String, ClassSpec>,
    /// One after the other, unless `from` says otherwise.
    pub phases: Vec<PhaseSpec>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClassSpec {
    pub share: Share,
    pub api: Api,
    /// Prompt size.
    pub input: Dist<Tokens>,
    /// How much the model would produce.
    pub output: Dist<Tokens>,
    /// What the caller sets; leave it out for callers who set nothing (the model's maximum is then reserved).
    #[serde(default)]
    pub max_tokens: Option<Tokens>,
    /// What the requests need of a model beside text: any of tools, images, json and thinking. Text alone can be gone on with
    /// by another target after a break.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Who goes first when there is not enough for all; strategies that tell requests apart go by it.
    #[serde(default)]
    pub priority: Priority,
    /// On whose behalf the requests are made: a count, a list of names, or `{ count: 20, skew: 1 }`; by default one
    /// tenant, called like the class.
    #[serde(default)]
    pub tenants: Option<TenantsSpec>,
    /// A part that prompts begin with and share with others, such as a system prompt; Regions cache it.
    #[serde(default)]
    pub shared_prefix: Option<SharedPrefixSpec>,
    /// How long a caller waits for the whole answer before leaving.
    #[serde(default)]
    pub abandon_after: Option<Span>,
    /// Callers who come back after a failure: the coupling that keeps an overload alive. A population's users follow
    /// their own `retry_after` instead.
    #[serde(default)]
    pub again: Option<AgainSpec>,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SharedPrefixSpec {
    /// How many different beginnings there are; each request has one of them, all equally often.
    pub prefixes: u32,
    /// Length of each, part of `input`. Bedrock caches none that is shorter than 1,024 tokens.
    pub tokens: Tokens,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AgainSpec {
    /// Share of the failed callers who try again, each time anew.
    pub share: Share,
    /// How long they wait first.
    pub after: Dist<Span>,
    /// How often one caller comes back at most.
    pub times: u32,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseSpec {
    pub name: String,
    #[serde(rename = "for")]
    pub length: Span,
    /// Start, when it is not the end of the phase before.
    #[serde(default)]
    pub from: Option<Span>,
    /// Mean requests per time, constant or shaped. Needed unless `population`, `trace` or a herd is given.
    #[serde(default)]
    pub rate: Option<RateSpec>,
    /// How arrivals scatter around the rate; Poisson when left out.
    #[serde(default)]
    pub arrivals: Option<ArrivalSpec>,
    /// A fixed number of users who wait for each answer, instead of a rate.
    #[serde(default)]
    pub population: Option<PopulationSpec>,
    /// Recorded arrivals and sizes, instead of a rate.
    #[serde(default)]
    pub trace: Option<TraceSpec>,
    /// Whether results count; a warm-up is run but not judged.
    #[serde(default = "yes")]
    pub measured: bool,
}

fn yes() -> bool {
    true
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PopulationSpec {
    pub users: u32,
    /// Pause between an answer and the user's next request.
    pub think: Dist<Span>,
    /// Pause after a failure; without it, `think`.
    #[serde(default)]
    pub retry_after: Option<Dist<Span>>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceSpec {
    /// Below the scenario file's folder, or with a leading variable such as $RICHTER_TRACES/azure_llm_2023_code.csv.
    pub file: String,
    pub format: TraceFormat,
    /// Column names, for `csv`.
    #[serde(default)]
    pub columns: Option<ColumnsSpec>,
    /// 2 plays it twice as fast.
    #[serde(default)]
    pub time_scale: Option<f64>,
    /// 2 doubles every burst, 0.5 halves it; the pattern of bursts and silences stays.
    #[serde(default)]
    pub rate_scale: Option<f64>,
    /// The part of the trace to use, in its own time.
    #[serde(default)]
    pub window: Option<WindowSpec>,
    /// Requests with more input tokens are cut down to this.
    #[serde(default)]
    pub token_cap: Option<Tokens>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// TIMESTAMP, ContextTokens, GeneratedTokens.
    Azure,
    /// JSON Lines with timestamp (ms), input_length, output_length.
    Mooncake,
    /// Any CSV with a header, read through `columns`.
    Csv,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ColumnsSpec {
    /// Seconds (a number), or a date and time.
    pub time: String,
    pub input: String,
    pub output: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowSpec {
    pub from: Span,
    #[serde(rename = "for")]
    pub length: Span,
}
