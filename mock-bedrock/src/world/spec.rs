//! The world as written in a file, before names became indices.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    dist::Dist,
    units::{Rate, Share, Span, Tokens},
};

/// The world as written. Every section may be absent, so that a shared file can hold some and a scenario others.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorldSpec {
    /// How quotas refill. A public log of 29 real calls fits the token bucket and no window.
    pub limiter: Option<LimiterKind>,
    /// The Regions that can be called; without this section, those that the targets name.
    pub regions: Option<IndexMap<String, RegionSpec>>,
    pub models: Option<IndexMap<String, ModelSpec>>,
    /// Cross-Region inference profiles by id or ARN. Those of known geographies (us, us-gov, eu, apac, jp, au, ca,
    /// global) need no entry.
    pub profiles: Option<IndexMap<String, ProfileSpec>>,
    /// Provisioned capacity by ARN; without this section, and with one model, unlimited capacity for that model.
    pub provisioned: Option<IndexMap<String, ProvisionedSpec>>,
    /// Application inference profiles by ARN; not needed for those whose caller says what they copy.
    pub application_profiles: Option<IndexMap<String, ApplicationProfileSpec>>,
    /// Prompt routers by ARN; not needed for those whose caller says which models they pick from.
    pub prompt_routers: Option<IndexMap<String, PromptRouterSpec>>,
    /// Endpoints outside AWS by their address, each a small world of its own.
    pub external: Option<IndexMap<String, ExternalSpec>>,
    /// Quotas of the account that is called when nothing else is said.
    pub quotas: Option<QuotasSpec>,
    /// Other accounts by name, or by number for those reached through a role. One without an entry has quotas of its
    /// own, as large as `quotas` says.
    pub accounts: Option<IndexMap<String, AccountSpec>>,
    /// What each Region can carry at once, all models together; without an entry, anything.
    pub capacity: Option<IndexMap<String, CapacitySpec>>,
    /// Delay added when a profile sends a call to another Region; without it, some tens of milliseconds.
    pub hop: Option<Dist<Span>>,
    /// Whether the service goes on working for a caller that has left.
    pub abandoned_work: Option<AbandonedWork>,
    /// Whether the invocation log names the serving Region also when it is the source.
    pub log_source_region: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LimiterKind {
    /// Burst equals the quota, continuous refill, refusals are free.
    #[default]
    TokenBucket,
    /// The whole quota again at each full minute.
    ClockMinute,
    /// What was admitted in the last 60 seconds counts.
    SlidingMinute,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AbandonedWork {
    /// The answer is produced to its end, and its quota and capacity stay taken until then.
    #[default]
    Continues,
    /// Work stops when the caller leaves.
    Stops,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegionSpec {
    /// Round trip from the caller to this Region; 10ms when not given, as from nearby.
    pub rtt: Option<Dist<Span>>,
    /// Models that are not available here.
    pub without: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelSpec {
    /// Time from admission to the first token, without the network.
    pub first_token: Dist<Span>,
    /// Gap between tokens; one draw per answer, so that a slow answer is slow throughout.
    pub per_token: Dist<Span>,
    /// Most tokens one answer can have; reserved from the quota when the caller sets no max_tokens.
    pub max_output: Tokens,
    /// Most input tokens.
    #[serde(default)]
    pub context: Option<Tokens>,
    /// How many quota tokens one output token costs at settlement; 1 when not given.
    #[serde(default)]
    pub burndown: Option<f64>,
    /// First-token time added per 1,000 input tokens.
    #[serde(default)]
    pub per_1k_input: Option<Span>,
    /// Rare answers with another first-token time, such as a cold path.
    #[serde(default)]
    pub outliers: Option<OutlierSpec>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OutlierSpec {
    pub share: Share,
    pub first_token: Dist<Span>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileSpec {
    /// Base model it leads to; without it, the id less its geography prefix.
    #[serde(default)]
    pub model: Option<String>,
    /// Destination Regions by source Region; without it, those of the id's geography.
    #[serde(default)]
    pub destinations: IndexMap<String, Vec<String>>,
    #[serde(default)]
    pub choice: ChoiceRule,
}

/// How a profile picks a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChoiceRule {
    /// The source Region while it has capacity, then the others in order.
    #[default]
    SourceFirst,
    /// Evenly by chance over those with capacity.
    Spread,
    /// The one with the smallest share of its capacity in use.
    LeastLoaded,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvisionedSpec {
    pub model: String,
    #[serde(default)]
    pub requests: Option<Rate>,
    #[serde(default)]
    pub tokens: Option<Rate>,
    /// Most answers in production at once.
    #[serde(default)]
    pub concurrent: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationProfileSpec {
    /// Base model or cross-Region profile that it was made from.
    pub copies: String,
}

/// The service picks one of two models for each prompt; the same prompt is always sent the same way.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PromptRouterSpec {
    /// Two base models or cross-Region profiles; those that the caller names, when not given.
    pub models: Vec<String>,
    /// Share of the prompts that go to the first model; half, when not given.
    pub first: Option<Share>,
    /// What picking adds before the model is called; 329ms when not given, as measured in a public lab.
    pub overhead: Option<Dist<Span>>,
}

/// Another endpoint that speaks Bedrock's protocol. It meets no Region's faults; `on: { region: ADDRESS }` strikes it.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExternalSpec {
    /// Round trip from the caller; 10ms when not given.
    pub rtt: Option<Dist<Span>>,
    /// Requests of one model that it lets through; any number, when not given.
    pub requests: Option<Rate>,
    pub tokens: Option<Rate>,
    /// What it can carry at once.
    pub capacity: Option<CapacitySpec>,
    /// Its names for models, each with the model of `models` that answers; others have the same name there.
    pub models: IndexMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccountSpec {
    pub quotas: QuotasSpec,
}

impl ProvisionedSpec {
    /// Capacity for a model that nothing limits.
    pub(crate) fn unlimited(model: &str) -> ProvisionedSpec {
        ProvisionedSpec { model: model.to_owned(), requests: None, tokens: None, concurrent: None }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotasSpec {
    /// Per Region: calls of a base model.
    pub on_demand: IndexMap<String, QuotaSpec>,
    /// Per source Region: calls of a geographic profile.
    pub profile: IndexMap<String, QuotaSpec>,
    /// Per source Region: calls of a global profile.
    pub global_profile: IndexMap<String, QuotaSpec>,
    /// Per Region: one cap over all models of the account. Zero is a real value: some new accounts have it.
    pub tokens_per_day: IndexMap<String, Tokens>,
}

/// The quota of each model in a pool, unless `models` says otherwise for one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuotaSpec {
    pub requests: Option<Rate>,
    pub tokens: Option<Rate>,
    pub models: IndexMap<String, ModelQuotaSpec>,
}

#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ModelQuotaSpec {
    pub requests: Option<Rate>,
    pub tokens: Option<Rate>,
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacitySpec {
    /// Answers in production at once at which the Region is full.
    pub concurrent: u32,
    /// Share in use from which answers slow down; 80% when not given.
    #[serde(default)]
    pub knee: Option<Share>,
    /// How many times slower at 100 % than at the knee, growing in a straight line beyond; 3 when not given.
    #[serde(default)]
    pub slowdown: Option<f64>,
    /// Share in use above which calls are refused with ServiceUnavailableException; never, when not given.
    #[serde(default)]
    pub refuse_above: Option<f64>,
}

impl WorldSpec {
    /// This world with the sections that it lacks taken from `base`.
    pub fn over(self, base: WorldSpec) -> WorldSpec {
        WorldSpec {
            limiter: self.limiter.or(base.limiter),
            regions: self.regions.or(base.regions),
            models: self.models.or(base.models),
            profiles: self.profiles.or(base.profiles),
            provisioned: self.provisioned.or(base.provisioned),
            application_profiles: self.application_profiles.or(base.application_profiles),
            prompt_routers: self.prompt_routers.or(base.prompt_routers),
            external: self.external.or(base.external),
            quotas: self.quotas.or(base.quotas),
            accounts: self.accounts.or(base.accounts),
            capacity: self.capacity.or(base.capacity),
            hop: self.hop.or(base.hop),
            abandoned_work: self.abandoned_work.or(base.abandoned_work),
            log_source_region: self.log_source_region.or(base.log_source_region),
        }
    }
}
