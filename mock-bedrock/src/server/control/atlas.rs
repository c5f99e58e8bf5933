//! What the simulated account finds in each Region: models, the profiles that Bedrock itself defines, capacity that the
//! world furnishes, and quotas. It is read out of the ways in that the engine knows, so that the control plane never
//! lists what cannot be called.

use indexmap::IndexMap;

use crate::{
    profile::{self, GLOBAL},
    world::{RouteId, RouteKind, World},
};

use super::arn;

/// The world as the control plane tells of it.
#[derive(Debug, Clone, Default)]
pub struct Atlas {
    regions: IndexMap<String, Place>,
    models: Vec<String>,
}

/// What one Region has.
#[derive(Debug, Clone, Default)]
struct Place {
    /// Models that it serves itself.
    models: Vec<String>,
    profiles: IndexMap<String, System>,
    /// ARNs with their models.
    capacity: IndexMap<String, String>,
    quotas: IndexMap<(Pool, String), Quota>,
    tokens_per_day: Option<f64>,
}

/// A profile that Bedrock defines, as one source Region sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct System {
    pub id: String,
    pub model: String,
    pub destinations: Vec<String>,
}

/// The kinds of quota pools, as Service Quotas tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pool {
    OnDemand,
    Geographic,
    Global,
}

/// What one model may be asked for per minute; nothing where it is not limited.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    pub requests: Option<f64>,
    pub tokens: Option<f64>,
}

impl System {
    pub fn global(&self) -> bool {
        profile::split_geography(&self.id).is_some_and(|(prefix, _)| prefix == GLOBAL)
    }

    /// The models it leads to; a global one names the model without a Region besides.
    pub fn model_arns(&self) -> Vec<String> {
        let of_region = self.destinations.iter().map(|region| arn::model(region, &self.model));
        let everywhere = self.global().then(|| arn::model("", &self.model));
        of_region.chain(everywhere).collect()
    }
}

impl Atlas {
    pub fn of(world: &World) -> Atlas {
        let mut atlas = Atlas::default();
        // A world has no more routes and models than their ids can count.
        let count = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
        for model in 0..count(world.models()) {
            atlas.models.push(world.model_name(crate::world::ModelId(model)).to_owned());
        }
        for route in (0..count(world.routes())).map(RouteId) {
            let region = world.region_name(world.route_region(route)).to_owned();
            atlas.regions.entry(region).or_default().learn(world, route);
        }
        for place in atlas.regions.values_mut() {
            place.models.sort_by_key(|model| atlas.models.iter().position(|other| other == model));
        }
        atlas
    }

    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.models.iter().map(String::as_str)
    }

    pub fn knows(&self, model: &str) -> bool {
        self.models.iter().any(|known| known == model)
    }

    /// Whether a Region serves the model itself.
    pub fn offers(&self, region: &str, model: &str) -> bool {
        self.regions.get(region).is_some_and(|place| place.models.iter().any(|known| known == model))
    }

    /// The profiles that calls from a Region may use.
    pub fn profiles(&self, source: &str) -> impl Iterator<Item = &System> {
        self.regions.get(source).into_iter().flat_map(|place| place.profiles.values())
    }

    /// A profile by its id, if calls from this Region may use it.
    pub fn profile(&self, source: &str, id: &str) -> Option<&System> {
        self.regions.get(source)?.profiles.get(id)
    }

    /// ARNs of the capacity that the world furnishes in a Region, with their models.
    pub fn capacity(&self, region: &str) -> impl Iterator<Item = (&str, &str)> {
        let all = self.regions.get(region).into_iter().flat_map(|place| &place.capacity);
        all.map(|(arn, model)| (arn.as_str(), model.as_str()))
    }

    /// The quotas of a Region by kind of pool and model.
    pub fn quotas(&self, region: &str) -> impl Iterator<Item = (Pool, &str, Quota)> {
        let all = self.regions.get(region).into_iter().flat_map(|place| &place.quotas);
        all.map(|((pool, model), quota)| (*pool, model.as_str(), *quota))
    }

    pub fn tokens_per_day(&self, region: &str) -> Option<f64> {
        self.regions.get(region)?.tokens_per_day
    }
}

impl Place {
    fn learn(&mut self, world: &World, route: RouteId) {
        if world.unavailable(route).is_some() {
            return;
        }
        let (id, model) = (world.route_id(route), world.model_name(world.route_model(route)).to_owned());
        let pool = match world.route_kind(route) {
            RouteKind::Provisioned => {
                self.capacity.insert(id.to_owned(), model);
                return;
            }
            // Declared in the world by ARN: the runtime finds them there, and nobody made them here.
            RouteKind::ApplicationProfile | RouteKind::PromptRouter | RouteKind::External => return,
            RouteKind::OnDemand => {
                if !self.models.contains(&model) {
                    self.models.push(model.clone());
                }
                Pool::OnDemand
            }
            RouteKind::Profile => {
                let id = id.rsplit_once('/').map_or(id, |(_, id)| id).to_owned();
                let destinations = world.route_destinations(route).iter();
                let destinations = destinations.map(|region| world.region_name(*region).to_owned()).collect();
                let system = System { id: id.clone(), model: model.clone(), destinations };
                let pool = if system.global() { Pool::Global } else { Pool::Geographic };
                self.profiles.entry(id).or_insert(system);
                pool
            }
        };
        let limits = world.pool(world.route_pool(route));
        let quota = Quota {
            requests: limits.requests_per_minute.map(as_written),
            tokens: limits.tokens_per_minute.map(as_written),
        };
        self.quotas.entry((pool, model)).or_insert(quota);
        self.tokens_per_day = self.tokens_per_day.or(limits.tokens_per_day);
    }
}

/// Without the dust of having been a rate per second in between.
fn as_written(per_minute: f64) -> f64 {
    libm::round(per_minute * 1e6) / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::WorldSpec;

    const LITE: &str = "amazon.nova-lite-v1:0";

    fn atlas() -> Atlas {
        let spec = serde_saphyr::from_str::<WorldSpec>(
            "{ regions: { us-east-1: {}, us-east-2: { without: [amazon.nova-lite-v1:0] } },
               models: { amazon.nova-lite-v1:0: { first_token: 1s, per_token: 1ms, max_output: 10 } },
               quotas: { profile: { us-east-1: { tokens: 1k/min } }, tokens_per_day: { us-east-1: 1M } } }",
        );
        let arn = "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-lite-v1:0";
        let routes = [
            (RouteKind::OnDemand, "us-east-1", LITE),
            (RouteKind::OnDemand, "us-east-2", LITE),
            (RouteKind::Profile, "us-east-1", arn),
            (RouteKind::Profile, "us-east-2", "us.amazon.nova-lite-v1:0"),
            (RouteKind::Profile, "us-east-1", "global.amazon.nova-lite-v1:0"),
        ];
        Atlas::of(&spec.expect("a world").resolve(&routes).expect("a world without problems"))
    }

    #[test]
    fn each_region_has_what_can_be_called_there() {
        let atlas = atlas();
        let ids = |region: &str| atlas.profiles(region).map(|p| p.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids("us-east-1"), ["us.amazon.nova-lite-v1:0", "global.amazon.nova-lite-v1:0"]);
        assert_eq!(ids("us-east-2"), ["us.amazon.nova-lite-v1:0"]);
        assert_eq!(ids("ap-south-1"), [""; 0], "not in this world");
        assert!(atlas.offers("us-east-1", LITE) && !atlas.offers("us-east-2", LITE));
    }

    #[test]
    fn destinations_leave_out_regions_that_lack_the_model() {
        let us = "us.amazon.nova-lite-v1:0";
        assert_eq!(
            atlas().profile("us-east-2", us).expect("a source").destinations,
            ["us-east-1", "us-west-2"]
        );
        assert_eq!(atlas().profile("us-east-1", "eu.amazon.nova-lite-v1:0"), None, "not a source");
    }

    #[test]
    fn a_global_profile_names_its_model_once_without_a_region() {
        let atlas = atlas();
        let global = atlas.profile("us-east-1", "global.amazon.nova-lite-v1:0").expect("a source");
        let arns = global.model_arns();
        assert_eq!(
            arns.last().map(String::as_str),
            Some("arn:aws:bedrock:::foundation-model/amazon.nova-lite-v1:0")
        );
        assert_eq!(arns.len(), global.destinations.len() + 1);
    }

    #[test]
    fn quotas_are_told_by_kind_of_pool() {
        let atlas = atlas();
        let of = |pool: Pool| {
            atlas.quotas("us-east-1").find(|quota| quota.0 == pool).map(|(_, _, quota)| quota.tokens)
        };
        assert_eq!(of(Pool::Geographic), Some(Some(1_000.0)));
        assert_eq!(of(Pool::Global), Some(None), "not limited");
        assert_eq!((atlas.tokens_per_day("us-east-1"), atlas.tokens_per_day("us-east-2")), (Some(1e6), None));
    }
}
