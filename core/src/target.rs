//! What can be called: all that the real service needs to know to reach a model.

use schemars::JsonSchema;
use serde::Deserialize;

/// A target's place in the run's list of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(pub u16);

/// A target as a strategy gets to know it: where it stands, and what it is.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub id: TargetId,
    pub spec: &'a TargetSpec,
}

/// One way to reach a model, as written in a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetSpec {
    /// A base model in one Region, paid per token.
    OnDemand(OnDemand),
    /// A cross-Region inference profile, called from its source Region.
    Profile(Profile),
    /// Capacity bought by the hour, addressed by its ARN.
    Provisioned(Provisioned),
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnDemand {
    /// Region of the endpoint, such as us-east-1.
    pub region: String,
    /// Base model id, such as anthropic.claude-3-haiku-20240307-v1:0.
    pub model: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Region the profile is called from; its quota counts there.
    pub source: String,
    /// Profile id or ARN, such as us.anthropic.claude-3-haiku-20240307-v1:0.
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provisioned {
    pub region: String,
    /// ARN of the provisioned model.
    pub arn: String,
}

impl TargetSpec {
    /// The variant's name, as written in a file.
    pub const fn kind(&self) -> &'static str {
        match self {
            TargetSpec::OnDemand(_) => "on_demand",
            TargetSpec::Profile(_) => "profile",
            TargetSpec::Provisioned(_) => "provisioned",
        }
    }

    /// The Region whose endpoint is called.
    pub fn region(&self) -> &str {
        match self {
            TargetSpec::OnDemand(t) => &t.region,
            TargetSpec::Profile(t) => &t.source,
            TargetSpec::Provisioned(t) => &t.region,
        }
    }

    /// What goes into the request's `modelId`.
    pub fn model_id(&self) -> &str {
        match self {
            TargetSpec::OnDemand(t) => &t.model,
            TargetSpec::Profile(t) => &t.id,
            TargetSpec::Provisioned(t) => &t.arn,
        }
    }
}
