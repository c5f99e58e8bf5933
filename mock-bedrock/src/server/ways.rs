//! The ways in: which route of the world a caller means by a Region and a model id or ARN.

use std::collections::BTreeSet;

use indexmap::IndexMap;

use crate::{
    exception::Exception,
    profile,
    world::{RegionSpec, RouteId, RouteKind, RouteSpec, World, WorldSpec},
};

/// A world whose Regions are written down: its own, or else those that are named.
pub fn with_regions(mut spec: WorldSpec, named: &[RouteSpec<'_>]) -> WorldSpec {
    let inside = named.iter().filter(|route| route.kind != RouteKind::External);
    let regions = || inside.map(|route| (route.region.to_owned(), RegionSpec::default())).collect();
    spec.regions.get_or_insert_with(regions);
    spec
}

/// All ways that callers of this world could try: those that were named, then everything that it has by itself.
pub fn all<'a>(spec: &'a WorldSpec, named: Vec<RouteSpec<'a>>) -> Vec<RouteSpec<'a>> {
    let mut seen = BTreeSet::new();
    let own = spec.every_route().into_iter().filter(|route| leads_somewhere(spec, route));
    let ways = named.into_iter().chain(own);
    ways.filter(|route| seen.insert((route.kind, route.account, route.region, route.id.to_string())))
        .collect()
}

/// Whether any destination of a profile has its model.
fn leads_somewhere(spec: &WorldSpec, route: &RouteSpec<'_>) -> bool {
    let written = spec.profiles.iter().flatten().any(|(id, _)| *id == route.id);
    let Some((prefix, model)) = profile::split_geography(&route.id) else { return true };
    let has = |place: &str| {
        let region = spec.regions.as_ref().and_then(|regions| regions.get(place));
        region.is_none_or(|region| !region.without.iter().any(|lacking| lacking == model))
    };
    route.kind != RouteKind::Profile
        || written
        || profile::destinations(prefix, route.region).into_iter().any(has)
}

/// The routes of a world by account, Region and id.
#[derive(Debug, Default)]
pub struct Ways {
    own: Regions,
    /// Of the accounts besides the world's own, by name.
    others: IndexMap<String, Regions>,
}

type Regions = IndexMap<String, Entrances>;

#[derive(Debug, Default)]
struct Entrances {
    routes: IndexMap<String, RouteId>,
    /// Base models that profiles of this Region lead to.
    through_profiles: BTreeSet<String>,
}

impl Ways {
    pub fn of(world: &World) -> Ways {
        let mut ways = Ways::default();
        for index in 0..world.routes() {
            // A world has fewer routes than the ids can count.
            let route = RouteId(u16::try_from(index).unwrap_or(u16::MAX));
            let regions = match world.route_account(route) {
                None => &mut ways.own,
                Some(name) => ways.others.entry(name.to_owned()).or_default(),
            };
            let region = world.region_name(world.route_region(route)).to_owned();
            regions.entry(region).or_default().add(world, route);
        }
        ways
    }

    /// The route that a caller of an account means in a Region, or what Bedrock says when there is none.
    pub fn find(&self, account: &str, region: &str, id: &str) -> Result<RouteId, Exception> {
        let regions = self.others.get(account).unwrap_or(&self.own);
        let entrances = regions.get(region).ok_or_else(Exception::invalid_model_id)?;
        if let Some(route) = entrances.routes.get(id) {
            return Ok(*route);
        }
        let short = in_region(id, region).ok_or_else(Exception::invalid_model_id)?;
        match entrances.routes.get(short) {
            Some(route) => Ok(*route),
            None if entrances.through_profiles.contains(short) => Err(Exception::needs_a_profile(short)),
            None => Err(Exception::invalid_model_id()),
        }
    }
}

impl Entrances {
    fn add(&mut self, world: &World, route: RouteId) {
        let (id, kind) = (world.route_id(route), world.route_kind(route));
        self.routes.entry(id.to_owned()).or_insert(route);
        if matches!(kind, RouteKind::OnDemand | RouteKind::Profile) {
            let short = id.rsplit('/').next().unwrap_or(id);
            self.routes.entry(short.to_owned()).or_insert(route);
        }
        if kind == RouteKind::Profile {
            self.through_profiles.insert(world.model_name(world.route_model(route)).to_owned());
        }
    }
}

/// The model or profile id that an id or ARN means in this Region.
fn in_region<'a>(id: &'a str, region: &str) -> Option<&'a str> {
    let Some(rest) = id.strip_prefix("arn:") else { return Some(id) };
    let mut parts = rest.splitn(5, ':');
    let (_partition, service, of) = (parts.next()?, parts.next()?, parts.next()?);
    let (_account, resource) = (parts.next()?, parts.next()?);
    let (kind, short) = resource.split_once('/')?;
    let here = of == region || (of.is_empty() && kind == "foundation-model");
    let known = ["foundation-model", "inference-profile"].contains(&kind);
    (service == "bedrock" && here && known).then_some(short)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn world() -> World {
        let spec: WorldSpec = serde_json::from_value(json!({
            "regions": { "us-east-1": {}, "us-west-2": { "without": ["b"] }, "eu-west-1": {} },
            "models": {
                "a": { "first_token": "1ms", "per_token": "1ms", "max_output": 10 },
                "b": { "first_token": "1ms", "per_token": "1ms", "max_output": 10 }
            }
        }))
        .expect("a world");
        let named = vec![(RouteKind::OnDemand, "eu-west-1", "b").into()];
        let ways = all(&spec, named.clone());
        assert_eq!(ways[0], named[0], "what was named keeps its place");
        assert_eq!(ways.iter().filter(|way| **way == named[0]).count(), 1);
        spec.resolve(&ways).expect("a world without problems")
    }

    #[test]
    fn every_model_can_be_called_by_id_and_by_arn_where_it_is() {
        let world = world();
        let ways = Ways::of(&world);
        let name = |region, id| {
            let route =
                ways.find("111122223333", region, id).map_err(|exception| exception.message.into_owned())?;
            Ok::<_, String>(world.route_id(route).to_owned())
        };
        let table = [
            ("us-east-1", "a", "a"),
            ("us-east-1", "us.a", "us.a"),
            ("us-east-1", "global.a", "global.a"),
            ("us-east-1", "arn:aws:bedrock:us-east-1::foundation-model/b", "b"),
            ("eu-west-1", "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.a", "eu.a"),
        ];
        for (region, id, expected) in table {
            assert_eq!(name(region, id).as_deref(), Ok(expected), "{region} {id}");
        }
    }

    #[test]
    fn point_24_a_profile_is_unknown_outside_its_source_regions() {
        let ways = Ways::of(&world());
        let table = [
            ("us-east-1", "eu.a"),
            ("eu-west-1", "us.a"),
            ("eu-west-1", "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.a"),
            ("us-east-1", "c"),
            ("mars-north-1", "a"),
            ("us-east-1", "arn:aws:bedrock:us-east-1"),
        ];
        for (region, id) in table {
            let found = ways.find("111122223333", region, id).expect_err(id);
            assert_eq!(found.message, "The provided model identifier is invalid.", "{region} {id}");
        }
    }
}
