//! What can be called: all that the real service needs to know to reach a model; and what routing must know of it:
//! which quota a call draws on, and what fails together with it.
//!
//! A throttle says that a pool is empty, a fault that a target or its failure domain is sick. Both are functions of
//! the target as written, and a file may overrule them. `check` refuses what can never be called.

mod arn;
mod check;

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use check::TargetProblem;

/// A target's place in the run's list of targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetId(pub u16);

/// A target as a strategy gets to know it: where it stands, and what it is.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    pub id: TargetId,
    pub spec: &'a TargetSpec,
}

/// A row of `richter list targets` and of the README.
#[derive(Debug, Clone, Copy)]
pub struct TargetInfo {
    pub name: &'static str,
    pub summary: &'static str,
    pub example: &'static str,
}

/// One way to reach a model, as written in a file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TargetSpec {
    /// A base model in one Region, paid per token.
    OnDemand(OnDemand),
    /// A cross-Region inference profile, called from its source Region.
    Profile(Profile),
    /// An inference profile of one's own, made for its tags and metrics.
    ApplicationProfile(ApplicationProfile),
    /// Capacity bought by the hour, addressed by its ARN.
    Provisioned(Provisioned),
    /// The service picks one of two models of a family for each prompt.
    PromptRouter(PromptRouter),
    /// Another endpoint that speaks Bedrock's protocol, such as a gateway.
    External(External),
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnDemand {
    /// Region of the endpoint, such as us-east-1.
    pub region: String,
    /// Base model id, such as anthropic.claude-3-haiku-20240307-v1:0.
    pub model: String,
    /// Whose account calls it; without this, the run's own.
    #[serde(default)]
    pub account: Option<Account>,
    /// Name of the quota pool it draws on, if it is not the usual one.
    #[serde(default)]
    pub pool: Option<String>,
    /// Name of what fails together with it, if that is not its Region.
    #[serde(default)]
    pub domain: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Region the profile is called from; its quota counts there.
    pub source: String,
    /// Profile id or ARN, such as us.anthropic.claude-3-haiku-20240307-v1:0.
    pub id: String,
    /// Whose account calls it; without this, the run's own.
    #[serde(default)]
    pub account: Option<Account>,
    /// Name of the quota pool it draws on, if it is not the usual one.
    #[serde(default)]
    pub pool: Option<String>,
    /// Name of what fails together with it, if that is not its Region.
    #[serde(default)]
    pub domain: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApplicationProfile {
    pub region: String,
    /// ARN of the application inference profile; a bare id is not accepted by the service.
    pub arn: String,
    /// What it was made from: a base model, or a cross-Region profile.
    pub copies: String,
    /// Whose account calls it; without this, the run's own.
    #[serde(default)]
    pub account: Option<Account>,
    /// Name of the quota pool it draws on, if it is not that of what it copies.
    #[serde(default)]
    pub pool: Option<String>,
    /// Name of what fails together with it, if that is not its Region.
    #[serde(default)]
    pub domain: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provisioned {
    pub region: String,
    /// ARN of the provisioned model.
    pub arn: String,
    /// Whose account calls it; without this, the run's own.
    #[serde(default)]
    pub account: Option<Account>,
    /// Name of the quota pool it draws on, if it is not its own capacity.
    #[serde(default)]
    pub pool: Option<String>,
    /// Name of what fails together with it, if that is not its Region.
    #[serde(default)]
    pub domain: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromptRouter {
    pub region: String,
    /// ARN of the prompt router.
    pub arn: String,
    /// The two models of one family that it picks from, as base models or as cross-Region profiles.
    pub models: Vec<String>,
    /// Whose account calls it; without this, the run's own.
    #[serde(default)]
    pub account: Option<Account>,
    /// Name of the quota pool it draws on, if it is not that of its models.
    #[serde(default)]
    pub pool: Option<String>,
    /// Name of what fails together with it, if that is not its Region.
    #[serde(default)]
    pub domain: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct External {
    /// Where it listens, such as `https://gateway.example`.
    pub endpoint: String,
    /// Region that calls are signed for.
    pub region: String,
    /// Model id as the endpoint knows it.
    pub model: String,
    /// Name of the quota pool it draws on, if it is not its own.
    #[serde(default)]
    pub pool: Option<String>,
    /// Name of what fails together with it, if that is not the endpoint.
    #[serde(default)]
    pub domain: Option<String>,
}

/// Whose account calls: it has quotas of its own in every Region, and shares the Region's faults with all others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Account {
    /// Name of a profile in the caller's AWS configuration.
    Profile(String),
    /// ARN of a role to assume.
    Role(String),
}

impl Account {
    /// What tells one account from another: roles in one account draw on the same quotas.
    pub fn name(&self) -> &str {
        match self {
            Account::Profile(name) => name,
            Account::Role(arn) => arn::Arn::parse(arn).map_or(arn, |arn| arn.account),
        }
    }
}

/// The row of each kind of target, in the order of [`TargetSpec`].
pub const TARGETS: &[TargetInfo] = &[
    TargetInfo {
        name: "on_demand",
        summary: "a base model in one Region, paid per token",
        example: "on_demand: { region: us-east-1, model: amazon.nova-lite-v1:0 }",
    },
    TargetInfo {
        name: "profile",
        summary: "a cross-Region inference profile, by id or ARN",
        example: "profile: { source: us-east-1, id: us.amazon.nova-lite-v1:0 }",
    },
    TargetInfo {
        name: "application_profile",
        summary: "an inference profile of one's own, which costs and is limited like what it copies",
        example: "application_profile: { region: us-east-1, arn: \"arn:aws:bedrock:..\", copies: us.amazon.nova-lite-v1:0 }",
    },
    TargetInfo {
        name: "provisioned",
        summary: "capacity bought by the hour",
        example: "provisioned: { region: us-east-1, arn: \"arn:aws:bedrock:..\" }",
    },
    TargetInfo {
        name: "prompt_router",
        summary: "the service picks one of two models of a family for each prompt",
        example: "prompt_router: { region: us-east-1, arn: \"arn:aws:bedrock:..\", models: [amazon.nova-lite-v1:0, amazon.nova-pro-v1:0] }",
    },
    TargetInfo {
        name: "external",
        summary: "another endpoint that speaks Bedrock's protocol, such as a gateway",
        example: "external: { endpoint: \"https://gateway.example\", region: us-east-1, model: fast }",
    },
];

/// What all kinds of target have, as written.
struct Common<'a> {
    region: &'a str,
    model_id: &'a str,
    account: Option<&'a Account>,
    pool: Option<&'a str>,
    domain: Option<&'a str>,
}

impl TargetSpec {
    fn common(&self) -> Common<'_> {
        macro_rules! of {
            ($target:ident, $region:ident, $id:ident, $account:expr) => {
                Common {
                    region: &$target.$region,
                    model_id: &$target.$id,
                    account: $account,
                    pool: $target.pool.as_deref(),
                    domain: $target.domain.as_deref(),
                }
            };
        }
        match self {
            TargetSpec::OnDemand(t) => of!(t, region, model, t.account.as_ref()),
            TargetSpec::Profile(t) => of!(t, source, id, t.account.as_ref()),
            TargetSpec::ApplicationProfile(t) => of!(t, region, arn, t.account.as_ref()),
            TargetSpec::Provisioned(t) => of!(t, region, arn, t.account.as_ref()),
            TargetSpec::PromptRouter(t) => of!(t, region, arn, t.account.as_ref()),
            TargetSpec::External(t) => of!(t, region, model, None),
        }
    }

    /// The variant's name, as written in a file.
    pub const fn kind(&self) -> &'static str {
        let row = match self {
            TargetSpec::OnDemand(_) => 0,
            TargetSpec::Profile(_) => 1,
            TargetSpec::ApplicationProfile(_) => 2,
            TargetSpec::Provisioned(_) => 3,
            TargetSpec::PromptRouter(_) => 4,
            TargetSpec::External(_) => 5,
        };
        TARGETS[row].name
    }

    /// The Region whose endpoint is called, or that calls are signed for.
    pub fn region(&self) -> &str {
        self.common().region
    }

    /// What goes into the request's `modelId`.
    pub fn model_id(&self) -> &str {
        self.common().model_id
    }

    /// Whose account calls it; `None` is the run's own.
    pub fn account(&self) -> Option<&Account> {
        self.common().account
    }

    /// Where to call, if not at the Region's own endpoint.
    pub fn endpoint(&self) -> Option<&str> {
        match self {
            TargetSpec::External(t) => Some(&t.endpoint),
            _ => None,
        }
    }

    /// Base models and cross-Region profiles behind it, as far as the file says: a prompt router has two.
    pub fn leads_to(&self) -> &[String] {
        match self {
            TargetSpec::OnDemand(t) => std::slice::from_ref(&t.model),
            TargetSpec::Profile(t) => std::slice::from_ref(&t.id),
            TargetSpec::ApplicationProfile(t) => std::slice::from_ref(&t.copies),
            TargetSpec::Provisioned(_) => &[],
            TargetSpec::PromptRouter(t) => &t.models,
            TargetSpec::External(t) => std::slice::from_ref(&t.model),
        }
    }

    /// The models behind it without the geography of a cross-Region profile: what makes two targets answer alike.
    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.leads_to().iter().map(|id| base_model(id))
    }

    /// Failure domain: what is down together. All accounts meet the faults of a Region alike; an external endpoint
    /// stands alone.
    pub fn domain(&self) -> &str {
        let common = self.common();
        common.domain.unwrap_or_else(|| self.endpoint().unwrap_or(common.region))
    }

    /// Name of the quota pool that its calls draw on: account, source Region, model and kind together.
    ///
    /// An application profile draws on the pool of what it copies: it was made for tags and metrics, and AWS lists
    /// no quota for it (our assumption; override it with `pool` where yours has one of its own). A prompt
    /// router draws on the pool of whichever model it picks, and a throttle does not say which that was, so
    /// to a strategy the pools of both are one.
    pub fn pool(&self) -> Cow<'_, str> {
        let common = self.common();
        if let Some(pool) = common.pool {
            return pool.into();
        }
        match self {
            TargetSpec::External(t) => format!("external {} {}", t.endpoint, t.model).into(),
            TargetSpec::Provisioned(t) => self.owned(format!("provisioned {} {}", t.region, t.arn)).into(),
            _ => {
                let mut pools: Vec<String> =
                    self.leads_to().iter().map(|id| self.owned(quota_of(common.region, id))).collect();
                pools.sort_unstable();
                pools.join(" or ").into()
            }
        }
    }

    fn owned(&self, pool: String) -> String {
        match self.account() {
            None => pool,
            Some(account) => format!("{pool} of {}", account.name()),
        }
    }
}

/// Quotas of one model: in a Region, through a geography's profile, and through the global one.
fn quota_of(region: &str, id: &str) -> String {
    let id = last_part(id);
    match geography(id) {
        None => format!("on_demand {region} {id}"),
        Some(("global", model)) => format!("global_profile {region} {model}"),
        Some((_, model)) => format!("profile {region} {model}"),
    }
}

/// Prefixes of the ids of cross-Region profiles (AWS: "Supported Regions and models for inference profiles").
const GEOGRAPHIES: &[&str] = &["us", "us-gov", "eu", "apac", "jp", "au", "ca", "global"];

/// Splits a cross-Region profile's id into geography and base model.
fn geography(id: &str) -> Option<(&str, &str)> {
    id.split_once('.').filter(|(prefix, _)| GEOGRAPHIES.contains(prefix))
}

/// The base model behind an id or ARN.
pub fn base_model(id: &str) -> &str {
    let id = last_part(id);
    geography(id).map_or(id, |(_, model)| model)
}

/// What an ARN names, or the id itself.
fn last_part(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, id)| id)
}

#[cfg(test)]
mod tests;
