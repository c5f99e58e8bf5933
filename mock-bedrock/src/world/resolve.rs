//! From names to indices: each route's model, pool and destinations.

use indexmap::IndexMap;

use super::{
    ChoiceRule, ModelId, PoolId, PoolSettings, RegionId, Route, RouteKind, World,
    check::{ENTRIES_MAX, Names, Problems, check, did_you_mean, some_of},
    furnish::{default_hop, model, region},
    spec::{ProfileSpec, ProvisionedSpec, QuotaSpec, WorldSpec},
};
use crate::{SpecProblem, exception::Exception, profile, units::Rate};

impl WorldSpec {
    /// Resolves the world for the routes that will be called, or says everything that cannot work. A problem with a
    /// route itself has the path `["routes", "<index>"]`; every other path starts at the world's own settings.
    ///
    /// Without a `regions` section, the Regions are those that routes name, each with a round trip of 10 ms.
    /// Destinations of profiles need no entry: their round trip is never travelled by the caller.
    pub fn resolve(&self, routes: &[(RouteKind, &str, &str)]) -> Result<World, Vec<SpecProblem>> {
        if routes.len() > ENTRIES_MAX {
            let many = format!("{} routes", routes.len());
            let hint = format!("at most {ENTRIES_MAX} fit");
            return Err(vec![SpecProblem { path: vec!["routes".into()], message: many, hint }]);
        }
        let mut problems = Problems::default();
        let names = Names::of(self, routes.iter().map(|(_, region, _)| *region));
        check(self, &names, &mut problems);
        let mut builder = Builder::new(self, &names, routes);
        for (index, (kind, region, id)) in routes.iter().enumerate() {
            let way = Way { index: index.to_string(), kind: *kind, region, id };
            builder.add(&way, &mut problems);
        }
        problems.into_result()?;
        Ok(builder.finish())
    }
}

/// One entry of the list of routes.
struct Way<'a> {
    index: String,
    kind: RouteKind,
    region: &'a str,
    id: &'a str,
}

impl Way<'_> {
    fn problem(&self, problems: &mut Problems, message: String, hint: String) {
        problems.add(&["routes", &self.index], message, hint);
    }
}

/// A way whose names were found.
struct Found<'a> {
    model: ModelId,
    pool: PoolId,
    choice: ChoiceRule,
    destinations: Vec<&'a str>,
    unavailable: Option<Exception>,
}

struct Builder<'a> {
    spec: &'a WorldSpec,
    names: &'a Names<'a>,
    called: &'a [(RouteKind, &'a str, &'a str)],
    pools: IndexMap<String, PoolSettings>,
    /// Places in `World::days` by Region.
    days: IndexMap<&'a str, u64>,
    world: World,
}

impl<'a> Builder<'a> {
    fn new(
        spec: &'a WorldSpec,
        names: &'a Names<'a>,
        called: &'a [(RouteKind, &'a str, &'a str)],
    ) -> Builder<'a> {
        let mut world = World {
            limiter: spec.limiter.unwrap_or_default(),
            abandoned_work: spec.abandoned_work.unwrap_or_default(),
            log_source_region: spec.log_source_region.unwrap_or_default(),
            hop: spec.hop.as_ref().map_or_else(default_hop, |hop| hop.sampler()),
            regions: IndexMap::new(),
            models: spec.models.iter().flatten().map(|(name, m)| (name.clone(), model(name, m))).collect(),
            routes: Vec::new(),
            route_ids: Vec::new(),
            unavailable: Vec::new(),
            destinations: Vec::new(),
            pools: Vec::new(),
            days: Vec::new(),
        };
        for name in &names.regions {
            world.regions.insert((*name).to_owned(), region(spec, name));
        }
        Builder { spec, names, called, pools: IndexMap::new(), days: IndexMap::new(), world }
    }

    fn add(&mut self, way: &Way<'a>, problems: &mut Problems) {
        let regions = &self.names.regions;
        if !regions.contains(&way.region) {
            let unknown = format!("Region \"{}\" is not in regions", way.region);
            way.problem(problems, unknown, did_you_mean(way.region, regions.iter().copied()));
            return;
        }
        let found = match way.kind {
            RouteKind::OnDemand => self.on_demand(way, problems),
            RouteKind::Profile => self.profile(way, problems),
            RouteKind::Provisioned => self.provisioned(way, problems),
        };
        if let Some(found) = found {
            self.push(way, found);
        }
    }

    fn known_model(&self, name: &str, problems: &mut Problems) -> Option<ModelId> {
        let found = self.world.model(name);
        if found.is_none() {
            let missing = format!("model \"{name}\" has no entry in models");
            let hint = did_you_mean(name, self.names.models.iter().copied());
            problems.add(&["models", name], missing, format!("write its latency there; {hint}"));
        }
        found
    }

    fn push(&mut self, way: &Way<'a>, found: Found<'a>) {
        let from = self.world.destinations.len() as u32;
        for name in &found.destinations {
            let id = self.region_id(name);
            self.world.destinations.push(id);
        }
        let destinations = (from, self.world.destinations.len() as u32);
        let region = self.region_id(way.region);
        let Found { model, pool, choice, unavailable, .. } = found;
        let route = Route { kind: way.kind, region, model, pool, choice, destinations };
        self.world.routes.push(route);
        self.world.route_ids.push(way.id.to_owned());
        self.world.unavailable.push(unavailable);
    }

    /// The Region's place; destinations that nobody furnished join the world here.
    fn region_id(&mut self, name: &str) -> RegionId {
        let place = match self.world.regions.get_index_of(name) {
            Some(place) => place,
            None => self.world.regions.insert_full(name.to_owned(), region(self.spec, name)).0,
        };
        // `check` has refused worlds whose Regions, known ones included, outnumber the ids.
        RegionId(u16::try_from(place).unwrap_or(u16::MAX))
    }

    fn on_demand(&mut self, way: &Way<'a>, problems: &mut Problems) -> Option<Found<'a>> {
        let model = after_slash(way.id);
        let entry = self.spec.models.as_ref().is_some_and(|models| models.contains_key(model));
        if let (false, Some((geography, base))) = (entry, profile::split_geography(model)) {
            way.problem(
                problems,
                format!("\"{model}\" is a profile of the geography {geography}, not a base model"),
                format!("call it as a profile with this source, or call \"{base}\""),
            );
            return None;
        }
        let model_id = self.known_model(model, problems)?;
        Some(Found {
            model: model_id,
            pool: self.quota_pool("on_demand", way.region, model_id),
            choice: ChoiceRule::SourceFirst,
            destinations: vec![way.region],
            unavailable: lacks(self.spec, way.region, model).then(|| self.missing_model(way.region, model)),
        })
    }

    /// What a Region answers for a model that it has not, or has through profiles only.
    fn missing_model(&self, region: &str, model: &str) -> Exception {
        let written = |(id, spec): (&String, &ProfileSpec)| {
            spec.destinations.contains_key(region)
                && spec.model.as_deref().or_else(|| base_of(id)) == Some(model)
        };
        let called = |(kind, source, id): &(RouteKind, &str, &str)| {
            *kind == RouteKind::Profile && *source == region && base_of(after_slash(id)) == Some(model)
        };
        let through_profile =
            self.spec.profiles.iter().flatten().any(written) || self.called.iter().any(called);
        if through_profile { Exception::needs_a_profile(model) } else { Exception::invalid_model_id() }
    }

    fn profile(&mut self, way: &Way<'a>, problems: &mut Problems) -> Option<Found<'a>> {
        let id = after_slash(way.id);
        let written =
            self.spec.profiles.as_ref().and_then(|profiles| profiles.get(way.id).or(profiles.get(id)));
        let geography = profile::split_geography(id);
        let Some(model) = written.and_then(|spec| spec.model.as_deref()).or_else(|| base_of(id)) else {
            way.problem(
                problems,
                format!("\"{}\" is neither a known geography's profile nor in profiles", way.id),
                "write an entry in profiles with its model and destinations, or an id such as us.<model>"
                    .into(),
            );
            return None;
        };
        let destinations = self.source_first(way.region, self.written_or_known(way, written), model);
        if destinations.is_empty() {
            self.no_destinations(way, written, problems);
            return None;
        }
        let model = self.known_model(model, problems)?;
        let global = geography.is_some_and(|(prefix, _)| prefix == profile::GLOBAL);
        Some(Found {
            model,
            pool: self.quota_pool(if global { "global_profile" } else { "profile" }, way.region, model),
            choice: written.map_or_else(ChoiceRule::default, |spec| spec.choice),
            destinations,
            unavailable: None,
        })
    }

    fn written_or_known(&self, way: &Way<'a>, written: Option<&'a ProfileSpec>) -> Vec<&'a str> {
        match written.filter(|spec| !spec.destinations.is_empty()) {
            Some(spec) => {
                spec.destinations.get(way.region).into_iter().flatten().map(String::as_str).collect()
            }
            None => profile::split_geography(after_slash(way.id))
                .map_or_else(Vec::new, |(prefix, _)| profile::destinations(prefix, way.region)),
        }
    }

    /// The source ahead of the others, each once, without those that lack the model.
    fn source_first(&self, source: &str, all: Vec<&'a str>, model: &str) -> Vec<&'a str> {
        let mut destinations: Vec<&str> = Vec::new();
        for region in all.into_iter().take(profile::DESTINATIONS_MAX) {
            if !destinations.contains(&region) && !lacks(self.spec, region, model) {
                destinations.push(region);
            }
        }
        destinations.sort_by_key(|region| *region != source);
        destinations
    }

    fn no_destinations(&self, way: &Way<'_>, written: Option<&ProfileSpec>, problems: &mut Problems) {
        let sources: Vec<&str> = match written.filter(|spec| !spec.destinations.is_empty()) {
            Some(spec) => spec.destinations.keys().map(String::as_str).collect(),
            None => profile::split_geography(after_slash(way.id))
                .map_or_else(Vec::new, |(prefix, _)| profile::sources(prefix).collect()),
        };
        way.problem(
            problems,
            format!("profile \"{}\" has no destinations for calls from {}", way.id, way.region),
            format!("call it from one of its sources: {}", some_of(&sources)),
        );
    }

    fn provisioned(&mut self, way: &Way<'a>, problems: &mut Problems) -> Option<Found<'a>> {
        let bought = self.bought(way, problems)?;
        if let Some(region) = way.id.split(':').nth(3).filter(|region| !region.is_empty())
            && region != way.region
        {
            let elsewhere = format!("\"{}\" lies in {region}, not in {}", way.id, way.region);
            way.problem(problems, elsewhere, format!("call it in {region}"));
        }
        let model = self.known_model(&bought.model, problems)?;
        let settings = PoolSettings {
            region: self.region_id(way.region),
            model,
            name: format!("provisioned {} {}", way.region, way.id),
            requests_per_minute: bought.requests.map(Rate::per_minute),
            tokens_per_minute: bought.tokens.map(Rate::per_minute),
            day: None,
            concurrent: bought.concurrent,
        };
        Some(Found {
            model,
            pool: self.pool_id(settings),
            choice: ChoiceRule::SourceFirst,
            destinations: vec![way.region],
            unavailable: None,
        })
    }

    /// What was bought under an ARN. A world with one model and no `provisioned` section can only mean that model,
    /// without limits.
    fn bought(&self, way: &Way<'a>, problems: &mut Problems) -> Option<ProvisionedSpec> {
        let section = self.spec.provisioned.as_ref();
        let found = match (section, self.names.models.as_slice()) {
            (None, [model]) => Some(ProvisionedSpec::unlimited(model)),
            _ => section.and_then(|bought| bought.get(way.id)).cloned(),
        };
        if found.is_none() {
            let known = section.into_iter().flat_map(IndexMap::keys).map(String::as_str);
            let hint = match section {
                Some(bought) if !bought.is_empty() => did_you_mean(way.id, known),
                _ => {
                    "write an entry there under this ARN, such as { model: .., tokens: 200k/min }".to_owned()
                }
            };
            way.problem(problems, format!("\"{}\" is not in provisioned", way.id), hint);
        }
        found
    }

    /// The pool of one model in one Region; a quota that nobody wrote does not limit.
    fn quota_pool(&mut self, kind: &str, region: &'a str, model_id: ModelId) -> PoolId {
        let model = self.world.model_name(model_id);
        let quotas = self.spec.quotas.as_ref();
        let regions = quotas.map(|quotas| match kind {
            "on_demand" => &quotas.on_demand,
            "profile" => &quotas.profile,
            _ => &quotas.global_profile,
        });
        let quota = regions.and_then(|regions| regions.get(region));
        let (requests, tokens) = quota.map_or((None, None), |quota| quota_of(quota, model));
        let name = format!("{kind} {region} {model}");
        let settings = PoolSettings {
            region: self.region_id(region),
            model: model_id,
            name,
            requests_per_minute: requests.map(Rate::per_minute),
            tokens_per_minute: tokens.map(Rate::per_minute),
            day: self.day(region),
            concurrent: None,
        };
        self.pool_id(settings)
    }

    fn day(&mut self, region: &'a str) -> Option<u16> {
        let cap = self.spec.quotas.as_ref()?.tokens_per_day.get(region)?;
        let place = self.days.insert_full(region, cap.0).0;
        u16::try_from(place).ok()
    }

    fn pool_id(&mut self, settings: PoolSettings) -> PoolId {
        let place = match self.pools.get_index_of(&settings.name) {
            Some(place) => place,
            None => self.pools.insert_full(settings.name.clone(), settings).0,
        };
        // Never more pools than routes, and those were counted.
        PoolId(u16::try_from(place).unwrap_or(u16::MAX))
    }

    fn finish(self) -> World {
        let pools = self.pools.into_values().collect();
        let days = self.days.into_values().collect();
        World { pools, days, ..self.world }
    }
}

/// The id at the end of an ARN, or the id itself.
fn after_slash(id: &str) -> &str {
    id.rsplit_once('/').map_or(id, |(_, id)| id)
}

fn base_of(id: &str) -> Option<&str> {
    profile::split_geography(id).map(|(_, model)| model)
}

fn lacks(spec: &WorldSpec, region: &str, model: &str) -> bool {
    let region = spec.regions.as_ref().and_then(|regions| regions.get(region));
    region.is_some_and(|region| region.without.iter().any(|other| other == model))
}

fn quota_of(quota: &QuotaSpec, model: &str) -> (Option<Rate>, Option<Rate>) {
    let own = quota.models.get(model);
    let requests = own.and_then(|own| own.requests).or(quota.requests);
    (requests, own.and_then(|own| own.tokens).or(quota.tokens))
}
