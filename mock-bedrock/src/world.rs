//! How the simulated Bedrock is furnished: Regions, models, routes, quotas, capacity. [`WorldSpec`] is the world as
//! written, [`World`] the same resolved for the routes that will be called: names became indices, defaults are
//! filled in. It never changes during a run. Start reading at [`WorldSpec`].

mod check;
mod furnish;
mod resolve;
mod route;
mod spec;

use indexmap::IndexMap;

pub(crate) use check::{OWN as OWN_ACCOUNT, did_you_mean};
pub use route::{RouteKind, RouteSpec};
pub use spec::{
    AbandonedWork, AccountSpec, ApplicationProfileSpec, CapacitySpec, ChoiceRule, ExternalSpec, LimiterKind,
    ModelQuotaSpec, ModelSpec, OutlierSpec, ProfileSpec, PromptRouterSpec, ProvisionedSpec, QuotaSpec,
    QuotasSpec, RegionSpec, WorldSpec,
};

use crate::{
    dist::Sampler,
    exception::Exception,
    latency::{Capacity, ModelLatency},
};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u16);
    )*};
}
ids!(
    /// A Region's place in the world.
    RegionId,
    /// A model's place in the world.
    ModelId,
    /// A quota pool's place in the world.
    PoolId,
    /// A way in: one (account, Region, model id) that can be called, with its pool and destinations.
    RouteId,
    /// An account's place in the world; 0 is the one that is called when nothing else is said.
    AccountId
);

/// A quota pool, for explaining and for checks.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolInfo {
    /// Such as `on_demand us-east-1 anthropic.claude-3-haiku-20240307-v1:0`.
    pub name: String,
    pub requests_per_minute: Option<f64>,
    pub tokens_per_minute: Option<f64>,
    /// Of the account in that Region, shared with its other pools.
    pub tokens_per_day: Option<f64>,
}

#[derive(Debug, Clone)]
pub(crate) struct Region {
    pub salt: u32,
    pub rtt: Sampler,
    pub capacity: Option<Capacity>,
}

#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub salt: u32,
    pub latency: ModelLatency,
    pub max_output: u32,
    pub context: Option<u64>,
    pub burndown: f64,
}

/// One way in. Small and `Copy`, so that a call need not borrow the world.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Route {
    pub kind: RouteKind,
    pub account: AccountId,
    /// Region of the endpoint.
    pub region: RegionId,
    pub model: ModelId,
    pub pool: PoolId,
    pub choice: ChoiceRule,
    /// Where its destinations lie in `World::destinations`.
    pub destinations: (u32, u32),
    /// Whether a cross-Region profile picks among them.
    pub through_profile: bool,
    /// Place in `World::routers`, for a prompt router.
    pub router: Option<u16>,
}

/// A prompt router: the routes to its two models, and how it picks.
#[derive(Debug, Clone)]
pub(crate) struct Router {
    pub salt: u32,
    pub models: [RouteId; 2],
    /// Share of the prompts that go to the first.
    pub first: f64,
    pub overhead: Sampler,
}

#[derive(Debug, Clone)]
pub(crate) struct PoolSettings {
    pub name: String,
    pub account: AccountId,
    pub region: RegionId,
    pub model: ModelId,
    pub requests_per_minute: Option<f64>,
    pub tokens_per_minute: Option<f64>,
    /// Place in `World::days`.
    pub day: Option<u16>,
    pub concurrent: Option<u32>,
}

/// The world, resolved: names became indices, defaults are filled in.
#[derive(Debug, Clone)]
pub struct World {
    limiter: LimiterKind,
    abandoned_work: AbandonedWork,
    log_source_region: bool,
    hop: Sampler,
    regions: IndexMap<String, Region>,
    models: IndexMap<String, Model>,
    /// Those besides the first, by name.
    accounts: Vec<String>,
    /// Those that were asked for, then those behind prompt routers.
    routes: Vec<Route>,
    /// How many were asked for.
    asked: usize,
    routers: Vec<Router>,
    /// What the caller of each route sends as model id.
    route_ids: Vec<String>,
    /// Why a route can only fail, where its Region lacks the model.
    unavailable: Vec<Option<Exception>>,
    destinations: Vec<RegionId>,
    pools: Vec<PoolSettings>,
    /// Caps in tokens per day, by account and Region.
    days: Vec<u64>,
}

impl World {
    /// The route for the n-th entry of the list given to `resolve`: its `RouteId` is that index.
    pub fn route_pool(&self, route: RouteId) -> PoolId {
        self.routes[usize::from(route.0)].pool
    }

    /// Base model that a route leads to.
    pub fn route_model(&self, route: RouteId) -> ModelId {
        self.routes[usize::from(route.0)].model
    }

    /// Region whose endpoint a route calls.
    pub fn route_region(&self, route: RouteId) -> RegionId {
        self.routes[usize::from(route.0)].region
    }

    pub fn route_kind(&self, route: RouteId) -> RouteKind {
        self.routes[usize::from(route.0)].kind
    }

    /// What a caller of the route sends as model id.
    pub fn route_id(&self, route: RouteId) -> &str {
        &self.route_ids[usize::from(route.0)]
    }

    /// Regions that may serve a route, the called one first where it may.
    pub fn route_destinations(&self, route: RouteId) -> &[RegionId] {
        self.destinations_of(&self.routes[usize::from(route.0)])
    }

    /// All routes: those given to `resolve`, in their order, then those behind prompt routers.
    pub fn routes(&self) -> usize {
        self.routes.len()
    }

    /// Routes that a call of this one may take: itself, or the two of a prompt router.
    pub fn route_ways(&self, route: RouteId) -> Vec<RouteId> {
        let router = self.routes[usize::from(route.0)].router;
        router.map_or_else(|| vec![route], |place| self.routers[usize::from(place)].models.to_vec())
    }

    /// Whose account a route is called with; `None` for the one that is called when nothing else is said.
    pub fn route_account(&self, route: RouteId) -> Option<&str> {
        self.account_name(self.routes[usize::from(route.0)].account)
    }

    /// `None` for the account that is called when nothing else is said.
    pub fn account_name(&self, account: AccountId) -> Option<&str> {
        self.accounts.get(usize::from(account.0).checked_sub(1)?).map(String::as_str)
    }

    pub fn accounts(&self) -> usize {
        1 + self.accounts.len()
    }

    pub fn pool(&self, pool: PoolId) -> PoolInfo {
        let settings = &self.pools[usize::from(pool.0)];
        PoolInfo {
            name: settings.name.clone(),
            requests_per_minute: settings.requests_per_minute,
            tokens_per_minute: settings.tokens_per_minute,
            tokens_per_day: settings.day.map(|day| self.days[usize::from(day)] as f64),
        }
    }

    /// Whose quota a pool is.
    pub fn pool_account(&self, pool: PoolId) -> AccountId {
        self.pools[usize::from(pool.0)].account
    }

    pub fn pools(&self) -> usize {
        self.pools.len()
    }

    /// Region whose quota a pool is: the source Region of a profile's.
    pub fn pool_region(&self, pool: PoolId) -> RegionId {
        self.pools[usize::from(pool.0)].region
    }

    /// Base model of a pool.
    pub fn pool_model(&self, pool: PoolId) -> ModelId {
        self.pools[usize::from(pool.0)].model
    }

    /// One more way in, to capacity that nothing limits; none where the world is full.
    #[cfg(feature = "server")]
    pub(crate) fn add_unlimited(&mut self, region: RegionId, model: ModelId, arn: String) -> Option<RouteId> {
        let route = RouteId(u16::try_from(self.routes.len()).ok()?);
        let pool = PoolId(u16::try_from(self.pools.len()).ok()?);
        let from = u32::try_from(self.destinations.len()).ok()?;
        let name = format!("provisioned {} {arn}", self.region_name(region));
        self.pools.push(PoolSettings {
            name,
            account: AccountId(0),
            region,
            model,
            requests_per_minute: None,
            tokens_per_minute: None,
            day: None,
            concurrent: None,
        });
        self.destinations.push(region);
        self.routes.push(Route {
            kind: RouteKind::Provisioned,
            account: AccountId(0),
            region,
            model,
            pool,
            choice: ChoiceRule::SourceFirst,
            destinations: (from, from + 1),
            through_profile: false,
            router: None,
        });
        self.route_ids.push(arn);
        self.unavailable.push(None);
        Some(route)
    }

    pub fn region_name(&self, region: RegionId) -> &str {
        self.regions.get_index(usize::from(region.0)).map_or("", |(name, _)| name)
    }

    pub fn region(&self, name: &str) -> Option<RegionId> {
        self.regions.get_index_of(name).and_then(|place| u16::try_from(place).ok()).map(RegionId)
    }

    pub fn regions(&self) -> usize {
        self.regions.len()
    }

    pub fn model(&self, name: &str) -> Option<ModelId> {
        self.models.get_index_of(name).and_then(|place| u16::try_from(place).ok()).map(ModelId)
    }

    pub fn models(&self) -> usize {
        self.models.len()
    }

    pub fn model_name(&self, model: ModelId) -> &str {
        self.models.get_index(usize::from(model.0)).map_or("", |(name, _)| name)
    }

    /// Most tokens that one answer of a model can have.
    pub fn max_output(&self, model: ModelId) -> u32 {
        self.model_at(model).max_output
    }

    /// How long an answer of so many tokens takes on average, when nothing is in its way; in seconds.
    pub fn usual_seconds(&self, route: RouteId, output_tokens: f64) -> f64 {
        let latency = &self.models[usize::from(self.route_model(route).0)].latency;
        (latency.first_token.mean() + output_tokens * latency.per_token.mean()) / 1e9
    }

    /// Quota tokens reserved at admission: all input, cached or not, and the most that may be produced.
    #[inline]
    pub fn reserves(&self, route: RouteId, input: u32, max_tokens: Option<u32>) -> u64 {
        let model = self.route_model(route);
        u64::from(input) + u64::from(max_tokens.unwrap_or(self.models[usize::from(model.0)].max_output))
    }

    /// Quota tokens the answer costs in the end; `input` is the uncached part, and cache reads cost nothing.
    #[inline]
    pub fn settles(&self, route: RouteId, input: u32, cache_write: u32, output: u32) -> u64 {
        let burndown = self.models[usize::from(self.route_model(route).0)].burndown;
        let output = libm::ceil(f64::from(output) * burndown) as u64;
        u64::from(input).saturating_add(u64::from(cache_write)).saturating_add(output)
    }

    pub(crate) fn limiter(&self) -> LimiterKind {
        self.limiter
    }

    pub(crate) fn abandoned_work(&self) -> AbandonedWork {
        self.abandoned_work
    }

    pub(crate) fn logs_source_region(&self) -> bool {
        self.log_source_region
    }

    pub(crate) fn hop(&self) -> &Sampler {
        &self.hop
    }

    pub(crate) fn route(&self, route: RouteId) -> Option<Route> {
        self.routes.get(usize::from(route.0)).copied()
    }

    pub(crate) fn router(&self, route: &Route) -> Option<&Router> {
        self.routers.get(usize::from(route.router?))
    }

    pub(crate) fn unavailable(&self, route: RouteId) -> Option<&Exception> {
        self.unavailable.get(usize::from(route.0)).and_then(Option::as_ref)
    }

    #[inline]
    pub(crate) fn destinations_of(&self, route: &Route) -> &[RegionId] {
        &self.destinations[route.destinations.0 as usize..route.destinations.1 as usize]
    }

    #[inline]
    pub(crate) fn region_at(&self, region: RegionId) -> &Region {
        &self.regions[usize::from(region.0)]
    }

    #[inline]
    pub(crate) fn model_at(&self, model: ModelId) -> &Model {
        &self.models[usize::from(model.0)]
    }

    pub(crate) fn capacities(&self) -> impl Iterator<Item = Option<Capacity>> {
        self.regions.values().map(|region| region.capacity)
    }

    pub(crate) fn pool_settings(&self) -> impl Iterator<Item = &PoolSettings> {
        self.pools.iter()
    }

    pub(crate) fn daily_caps(&self) -> impl Iterator<Item = u64> {
        self.days.iter().copied()
    }
}

#[cfg(test)]
mod tests;
