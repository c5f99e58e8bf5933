//! ARNs of what targets lead to.

use richter_core::target::{TargetSpec, base_model};
use richter_mock_bedrock::profile::{destinations, split_geography};

/// How ARNs are written.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// Account id, or `*`.
    pub account: &'a str,
}

/// A model by way of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Through {
    pub profile: String,
    /// Base model.
    pub model: String,
    /// The Region that is called.
    pub source: String,
    /// All others that it may lead to; none for a global profile.
    pub regions: Vec<String>,
    pub global: bool,
}

fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("us-gov-") => "aws-us-gov",
        region if region.starts_with("cn-") => "aws-cn",
        _ => "aws",
    }
}

/// A foundation model in a Region, or in none, as global profiles have it.
pub fn model(region: &str, of: &str, id: &str) -> String {
    format!("arn:{}:bedrock:{region}::foundation-model/{}", partition(of), base_model(id))
}

impl Names<'_> {
    fn profile(&self, region: &str, id: &str) -> String {
        if id.starts_with("arn:") {
            return id.to_owned();
        }
        format!("arn:{}:bedrock:{region}:{}:inference-profile/{id}", partition(region), self.account)
    }

    /// What a target reaches by way of profiles: through itself, through what it copies, or through what it picks from.
    pub fn through(&self, target: &TargetSpec) -> Vec<Through> {
        let region = target.region();
        match target {
            TargetSpec::Profile(profile) => {
                vec![through(self.profile(region, &profile.id), region, &profile.id)]
            }
            TargetSpec::ApplicationProfile(profile) => {
                vec![through(profile.arn.clone(), region, &profile.copies)]
            }
            TargetSpec::PromptRouter(router) => {
                let by_profile = router.models.iter().filter(|id| split_geography(short(id)).is_some());
                by_profile.map(|id| through(self.profile(region, id), region, id)).collect()
            }
            TargetSpec::OnDemand(_) | TargetSpec::Provisioned(_) | TargetSpec::External(_) => Vec::new(),
        }
    }

    /// What a target names directly: a model, bought capacity, a router and its models.
    pub fn direct(&self, target: &TargetSpec) -> Vec<String> {
        let region = target.region();
        match target {
            TargetSpec::OnDemand(on_demand) => vec![model(region, region, &on_demand.model)],
            TargetSpec::Provisioned(provisioned) => vec![provisioned.arn.clone()],
            TargetSpec::PromptRouter(router) => {
                let plain = router.models.iter().filter(|id| split_geography(short(id)).is_none());
                let models = plain.map(|id| model(region, region, id));
                std::iter::once(router.arn.clone()).chain(models).collect()
            }
            TargetSpec::Profile(_) | TargetSpec::ApplicationProfile(_) | TargetSpec::External(_) => {
                Vec::new()
            }
        }
    }
}

fn short(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// `of` is a profile's id or ARN, or for an application profile perhaps a model.
fn through(profile: String, source: &str, of: &str) -> Through {
    let geography = split_geography(short(of)).map(|(geography, _)| geography);
    let global = geography == Some("global");
    let regions = match geography {
        Some(geography) if !global => destinations(geography, source),
        _ => Vec::new(),
    };
    Through {
        profile,
        model: base_model(of).to_owned(),
        source: source.to_owned(),
        regions: regions.into_iter().filter(|region| *region != source).map(str::to_owned).collect(),
        global,
    }
}
