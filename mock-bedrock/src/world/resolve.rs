//! From names to indices: each route's model, pool and destinations.

mod account;
mod named;

use indexmap::{IndexMap, IndexSet};

use super::{
    AccountId, ChoiceRule, ModelId, PoolId, PoolSettings, RegionId, Route, RouteId, RouteKind, RouteSpec,
    Router, World,
    check::{ENTRIES_MAX, Names, Problems, check, did_you_mean, some_of},
    furnish::{default_hop, model, region},
    spec::{ProfileSpec, WorldSpec},
};
use crate::{SpecProblem, exception::Exception, profile};

impl WorldSpec {
    /// Resolves the world for the routes that will be called, or says everything that cannot work. A problem with a
    /// route itself has the path `["routes", "<index>"]`; every other path starts at the world's own settings.
    ///
    /// Without a `regions` section, the Regions are those that routes name, each with a round trip of 10 ms.
    /// Destinations of profiles need no entry: their round trip is never travelled by the caller.
    pub fn resolve<'a, R: Clone + Into<RouteSpec<'a>>>(
        &'a self,
        routes: &'a [R],
    ) -> Result<World, Vec<SpecProblem>> {
        let routes: Vec<RouteSpec<'a>> = routes.iter().cloned().map(Into::into).collect();
        self.resolve_all(&routes)
    }

    fn resolve_all(&self, routes: &[RouteSpec<'_>]) -> Result<World, Vec<SpecProblem>> {
        let routers = routes.iter().filter(|route| route.kind == RouteKind::PromptRouter).count();
        if routes.len() + 2 * routers > ENTRIES_MAX {
            let many = format!("{} routes", routes.len() + 2 * routers);
            let hint = format!("at most {ENTRIES_MAX} fit");
            return Err(vec![SpecProblem { path: vec!["routes".into()], message: many, hint }]);
        }
        let mut problems = Problems::default();
        let inside = routes.iter().filter(|route| route.kind != RouteKind::External);
        let names = Names::of(self, inside.map(|route| route.region));
        check(self, &names, &mut problems);
        let mut builder = Builder::new(self, &names, routes);
        for (index, route) in routes.iter().enumerate() {
            let way = Way::of(index, route, &mut builder.accounts);
            builder.add(&way, &mut problems);
        }
        problems.into_result()?;
        Ok(builder.finish())
    }
}

/// One entry of the list of routes, or one of the two behind a prompt router.
#[derive(Clone)]
struct Way<'a> {
    index: String,
    kind: RouteKind,
    account: AccountId,
    region: &'a str,
    id: &'a str,
    leads_to: &'a [String],
}

impl<'a> Way<'a> {
    fn of(index: usize, route: &'a RouteSpec<'a>, accounts: &mut IndexSet<&'a str>) -> Way<'a> {
        Way {
            index: index.to_string(),
            kind: route.kind,
            account: account::id(route.account, accounts),
            region: route.region,
            id: &route.id,
            leads_to: route.leads_to,
        }
    }

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
    through_profile: bool,
    unavailable: Option<Exception>,
}

struct Builder<'a> {
    spec: &'a WorldSpec,
    names: &'a Names<'a>,
    called: &'a [RouteSpec<'a>],
    /// Names of all accounts but the first.
    accounts: IndexSet<&'a str>,
    pools: IndexMap<String, PoolSettings>,
    /// Places in `World::days` by account and Region.
    days: IndexMap<(AccountId, &'a str), u64>,
    /// Prompt routers, with the two ways that each leads.
    routers: Vec<(Router, [(Way<'a>, Found<'a>); 2])>,
    world: World,
}

impl<'a> Builder<'a> {
    fn new(spec: &'a WorldSpec, names: &'a Names<'a>, called: &'a [RouteSpec<'a>]) -> Builder<'a> {
        let mut world = World {
            limiter: spec.limiter.unwrap_or_default(),
            abandoned_work: spec.abandoned_work.unwrap_or_default(),
            log_source_region: spec.log_source_region.unwrap_or_default(),
            hop: spec.hop.as_ref().map_or_else(default_hop, |hop| hop.sampler()),
            regions: IndexMap::new(),
            models: spec.models.iter().flatten().map(|(name, m)| (name.clone(), model(name, m))).collect(),
            accounts: Vec::new(),
            routes: Vec::new(),
            asked: called.len(),
            routers: Vec::new(),
            route_ids: Vec::new(),
            unavailable: Vec::new(),
            destinations: Vec::new(),
            pools: Vec::new(),
            days: Vec::new(),
        };
        for name in &names.regions {
            world.regions.insert((*name).to_owned(), region(spec, name));
        }
        Builder {
            spec,
            names,
            called,
            accounts: IndexSet::new(),
            pools: IndexMap::new(),
            days: IndexMap::new(),
            routers: Vec::new(),
            world,
        }
    }

    fn add(&mut self, way: &Way<'a>, problems: &mut Problems) {
        let regions = &self.names.regions;
        if way.kind != RouteKind::External && !regions.contains(&way.region) {
            let unknown = format!("Region \"{}\" is not in regions", way.region);
            way.problem(problems, unknown, did_you_mean(way.region, regions.iter().copied()));
            return;
        }
        let found = match way.kind {
            RouteKind::OnDemand => self.on_demand(way, problems),
            RouteKind::Profile => self.profile(way, problems),
            RouteKind::Provisioned => self.provisioned(way, problems),
            RouteKind::ApplicationProfile => self.application_profile(way, problems),
            RouteKind::PromptRouter => return self.prompt_router(way, problems),
            RouteKind::External => self.external(way, problems),
        };
        if let Some(found) = found {
            self.push(way, &found, None);
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

    fn push(&mut self, way: &Way<'a>, found: &Found<'a>, router: Option<u16>) {
        let from = self.world.destinations.len() as u32;
        for name in &found.destinations {
            let id = self.region_id(name);
            self.world.destinations.push(id);
        }
        let destinations = (from, self.world.destinations.len() as u32);
        let region = self.region_id(way.region);
        let &Found { model, pool, choice, through_profile, .. } = found;
        let Way { kind, account, .. } = *way;
        let route =
            Route { kind, account, region, model, pool, choice, destinations, through_profile, router };
        self.world.routes.push(route);
        self.world.route_ids.push(way.id.to_owned());
        self.world.unavailable.push(found.unavailable.clone());
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
            pool: self.quota_pool("on_demand", way, model_id),
            choice: ChoiceRule::SourceFirst,
            destinations: vec![way.region],
            through_profile: false,
            unavailable: lacks(self.spec, way.region, model).then(|| self.missing_model(way.region, model)),
        })
    }

    /// What a Region answers for a model that it has not, or has through profiles only.
    fn missing_model(&self, region: &str, model: &str) -> Exception {
        let written = |(id, spec): (&String, &ProfileSpec)| {
            spec.destinations.contains_key(region)
                && spec.model.as_deref().or_else(|| base_of(id)) == Some(model)
        };
        let called = |route: &RouteSpec<'_>| {
            let profile = route.kind == RouteKind::Profile && route.region == region;
            profile && base_of(after_slash(&route.id)) == Some(model)
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
            pool: self.quota_pool(if global { "global_profile" } else { "profile" }, way, model),
            choice: written.map_or_else(ChoiceRule::default, |spec| spec.choice),
            destinations,
            through_profile: true,
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

    fn pool_id(&mut self, settings: PoolSettings) -> PoolId {
        let place = match self.pools.get_index_of(&settings.name) {
            Some(place) => place,
            None => self.pools.insert_full(settings.name.clone(), settings).0,
        };
        // Never more pools than routes, and those were counted.
        PoolId(u16::try_from(place).unwrap_or(u16::MAX))
    }

    fn finish(mut self) -> World {
        for (mut router, ways) in std::mem::take(&mut self.routers) {
            for (place, (way, found)) in ways.iter().enumerate() {
                router.models[place] = RouteId(self.world.routes.len() as u16);
                self.push(way, found, None);
            }
            self.world.routers.push(router);
        }
        let accounts = self.accounts.into_iter().map(str::to_owned).collect();
        let pools = self.pools.into_values().collect();
        let days = self.days.into_values().collect();
        World { accounts, pools, days, ..self.world }
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
