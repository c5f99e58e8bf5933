//! What the simulated account finds in each Region: models, and the profiles that Bedrock itself defines. Made once
//! from the world as written, by the rules with which the engine resolves its routes.

use indexmap::IndexMap;

use super::arn;
use crate::{
    profile::{self, GLOBAL},
    world::{QuotasSpec, WorldSpec},
};

/// The world as the control plane tells of it.
#[derive(Debug, Clone)]
pub struct Atlas {
    /// Regions with the models that each lacks.
    regions: IndexMap<String, Vec<String>>,
    models: Vec<String>,
    profiles: Vec<Written>,
    /// ARNs with their models.
    pub provisioned: IndexMap<String, String>,
    pub quotas: QuotasSpec,
}

/// A profile with an entry in the world.
#[derive(Debug, Clone)]
struct Written {
    id: String,
    model: String,
    destinations: IndexMap<String, Vec<String>>,
}

/// A profile that Bedrock defines, as one source Region sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    pub id: String,
    pub model: String,
    pub destinations: Vec<String>,
}

impl System {
    pub fn global(&self) -> bool {
        self.id.starts_with(GLOBAL) && self.id[GLOBAL.len()..].starts_with('.')
    }

    /// The models it leads to; a global one names the model without a Region besides.
    pub fn model_arns(&self) -> Vec<String> {
        let of_region = self.destinations.iter().map(|region| arn::model(region, &self.model));
        let everywhere = self.global().then(|| arn::model("", &self.model));
        of_region.chain(everywhere).collect()
    }
}

impl Atlas {
    pub fn new(spec: &WorldSpec, usual_region: &str) -> Atlas {
        let written = spec.regions.iter().flatten();
        let mut regions: IndexMap<String, Vec<String>> =
            written.map(|(name, region)| (name.clone(), region.without.clone())).collect();
        if regions.is_empty() {
            regions.insert(usual_region.to_owned(), Vec::new());
        }
        let profiles = spec.profiles.iter().flatten().filter_map(|(id, profile)| {
            let id = id.rsplit_once('/').map_or(&**id, |(_, id)| id);
            let base = || profile::split_geography(id).map(|(_, model)| model.to_owned());
            let model = profile.model.clone().or_else(base)?;
            Some(Written { id: id.to_owned(), model, destinations: profile.destinations.clone() })
        });
        let bought = spec.provisioned.iter().flatten();
        Atlas {
            regions,
            models: spec.models.iter().flatten().map(|(id, _)| id.clone()).collect(),
            profiles: profiles.collect(),
            provisioned: bought.map(|(arn, bought)| (arn.clone(), bought.model.clone())).collect(),
            quotas: spec.quotas.clone().unwrap_or_default(),
        }
    }

    pub fn has_region(&self, region: &str) -> bool {
        self.regions.contains_key(region)
    }

    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(String::as_str)
    }

    pub fn knows(&self, model: &str) -> bool {
        self.models.iter().any(|known| known == model)
    }

    /// Whether a Region serves the model itself.
    pub fn offers(&self, region: &str, model: &str) -> bool {
        self.has_region(region) && self.knows(model) && !self.lacks(region, model)
    }

    fn lacks(&self, region: &str, model: &str) -> bool {
        self.regions.get(region).is_some_and(|without| without.iter().any(|other| other == model))
    }

    /// The profiles that calls from a Region may use.
    pub fn profiles(&self, source: &str) -> Vec<System> {
        if !self.has_region(source) {
            return Vec::new();
        }
        let known = self.models.iter().flat_map(|model| {
            let of_geography = move |geography: &str| format!("{geography}.{model}");
            profile::geographies().map(of_geography)
        });
        let ids = self.profiles.iter().map(|written| written.id.clone()).chain(known);
        let mut found: IndexMap<String, System> = IndexMap::new();
        for id in ids {
            if let Some(system) = (!found.contains_key(&id)).then(|| self.profile(source, &id)).flatten() {
                found.insert(id, system);
            }
        }
        found.into_values().collect()
    }

    /// A profile by its id, if calls from this Region may use it.
    pub fn profile(&self, source: &str, id: &str) -> Option<System> {
        if !self.has_region(source) {
            return None;
        }
        let written = self.profiles.iter().find(|written| written.id == id);
        let geography = profile::split_geography(id);
        let model = written.map(|written| &*written.model).or(geography.map(|(_, model)| model))?;
        let all: Vec<String> = match written.filter(|written| !written.destinations.is_empty()) {
            Some(written) => written.destinations.get(source).cloned().unwrap_or_default(),
            None => {
                let (prefix, _) = geography?;
                profile::destinations(prefix, source).into_iter().map(str::to_owned).collect()
            }
        };
        let destinations: Vec<String> = all.into_iter().filter(|region| !self.lacks(region, model)).collect();
        let usable = self.knows(model) && !destinations.is_empty();
        usable.then(|| System { id: id.to_owned(), model: model.to_owned(), destinations })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn atlas() -> Atlas {
        let spec = serde_saphyr::from_str::<WorldSpec>(
            "{ regions: { us-east-1: {}, us-east-2: { without: [amazon.nova-lite-v1:0] }, eu-west-1: {} },
               models: { amazon.nova-lite-v1:0: { first_token: 1s, per_token: 1ms, max_output: 10 } },
               profiles: { own.thing: { model: amazon.nova-lite-v1:0, destinations: { eu-west-1: [eu-west-1, us-east-1] } } } }",
        );
        Atlas::new(&spec.expect("a world"), "us-east-1")
    }

    #[test]
    fn each_source_has_its_own_profiles() {
        let ids = |region: &str| atlas().profiles(region).into_iter().map(|p| p.id).collect::<Vec<_>>();
        assert_eq!(ids("us-east-1"), ["us.amazon.nova-lite-v1:0", "global.amazon.nova-lite-v1:0"]);
        assert_eq!(
            ids("eu-west-1"),
            ["own.thing", "eu.amazon.nova-lite-v1:0", "global.amazon.nova-lite-v1:0"]
        );
        assert_eq!(ids("ap-south-1"), [""; 0], "not in this world");
    }

    #[test]
    fn destinations_leave_out_regions_that_lack_the_model() {
        let us = atlas().profile("us-east-2", "us.amazon.nova-lite-v1:0").expect("a source");
        assert_eq!(us.destinations, ["us-east-1", "us-west-2"]);
        assert!(!atlas().offers("us-east-2", "amazon.nova-lite-v1:0"));
        assert_eq!(atlas().profile("us-east-1", "eu.amazon.nova-lite-v1:0"), None, "not a source");
        assert_eq!(atlas().profile("us-east-1", "us.unknown"), None);
    }

    #[test]
    fn a_global_profile_names_its_model_once_without_a_region() {
        let global = atlas().profile("us-east-1", "global.amazon.nova-lite-v1:0").expect("a source");
        let arns = global.model_arns();
        assert_eq!(
            arns.last().map(String::as_str),
            Some("arn:aws:bedrock:::foundation-model/amazon.nova-lite-v1:0")
        );
        assert_eq!(arns.len(), global.destinations.len() + 1);
    }
}
