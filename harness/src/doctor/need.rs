//! What a scenario will ask at its peak: of each quota, and of the machine that makes the calls.

use indexmap::IndexMap;
use richter_core::{request::Api, target::base_model};
use richter_mock_bedrock::{profile::split_geography, world::RouteId};

use super::quota_name::PoolKind;
use crate::scenario::{
    demand::Demand,
    plan::{Plan, PlanTarget},
};

/// What one quota pool is asked for if all traffic comes through it.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolNeed {
    /// Names of the targets that draw on it.
    pub targets: Vec<String>,
    pub requests_per_minute: f64,
    /// As reserved at admission.
    pub tokens_per_minute: f64,
    /// Over the whole run.
    pub tokens: f64,
}

/// Account as targets name it, Region, kind and base model.
pub type PoolKey = (String, String, PoolKind, String);

/// Pools of AWS in the order of the targets. Bought capacity and endpoints outside AWS have none.
pub fn pools(plan: &Plan) -> IndexMap<PoolKey, PoolNeed> {
    let demand = Demand::of(&plan.traffic);
    let mut pools: IndexMap<PoolKey, PoolNeed> = IndexMap::new();
    for (place, target) in plan.targets.iter().enumerate() {
        let ways = plan.world.route_ways(RouteId(place as u16));
        for (route, id) in ways.into_iter().zip(limited(target)) {
            let pool = pools.entry(key(target, id)).or_insert_with(|| need(plan, &demand, route));
            if !pool.targets.contains(&target.name) {
                pool.targets.push(target.name.clone());
            }
        }
    }
    pools
}

/// Base models or profiles whose quotas a target draws on.
fn limited(target: &PlanTarget) -> &[String] {
    if target.spec.endpoint().is_some() { &[] } else { target.spec.leads_to() }
}

fn key(target: &PlanTarget, id: &str) -> PoolKey {
    let account = target.spec.account().map_or("", |account| account.name()).to_owned();
    let short = id.rsplit('/').next().unwrap_or(id);
    let kind = match split_geography(short) {
        None => PoolKind::OnDemand,
        Some(("global", _)) => PoolKind::Global,
        Some(_) => PoolKind::Geographic,
    };
    (account, target.spec.region().to_owned(), kind, base_model(id).to_owned())
}

fn need(plan: &Plan, demand: &Demand<'_>, route: RouteId) -> PoolNeed {
    let (mut requests, mut tokens, mut all) = (0.0_f64, 0.0_f64, 0.0_f64);
    for (place, phase) in plan.traffic.phases.iter().enumerate() {
        let asked = demand.phase(place);
        let reserve = demand.reserve(&plan.world, route, place);
        let minutes = (phase.to - phase.from) as f64 / 60e9;
        requests = requests.max(asked.peak);
        tokens = tokens.max(asked.peak * reserve);
        all += asked.mean * minutes * reserve;
    }
    PoolNeed { targets: Vec::new(), requests_per_minute: requests, tokens_per_minute: tokens, tokens: all }
}

/// What the machine has to do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Load {
    pub requests_per_second: f64,
    /// Requests in the air at the peak: their rate times how long the slowest target takes for one.
    pub concurrent: f64,
    /// Of a core.
    pub cpu: f64,
}

/// CPU of one call by the signed client with full recording: the bounds that the driver is held to.
const CPU_S_WHOLE: f64 = 180e-6;
const CPU_S_STREAM: f64 = 300e-6;

pub fn load(plan: &Plan) -> Load {
    let demand = Demand::of(&plan.traffic);
    let classes = plan.traffic.classes.iter().enumerate();
    let per_request: f64 = classes.clone().map(|(_, class)| class.share * cpu_s(class.api)).sum();
    let mut load = Load { requests_per_second: 0.0, concurrent: 0.0, cpu: 0.0 };
    for place in 0..plan.traffic.phases.len() {
        let rate = demand.phase(place).peak / 60.0;
        let lasts = |route: RouteId| -> f64 {
            let of_class = classes.clone().map(|(class, spec)| {
                let output = plan.traffic.mean_sizes(place, class).1;
                spec.share * plan.world.usual_seconds(route, output)
            });
            of_class.sum()
        };
        let slowest = (0..plan.targets.len()).map(|target| lasts(RouteId(target as u16))).fold(0.0, f64::max);
        load.requests_per_second = load.requests_per_second.max(rate);
        load.concurrent = load.concurrent.max(rate * slowest);
        load.cpu = load.cpu.max(rate * per_request);
    }
    load
}

const fn cpu_s(api: Api) -> f64 {
    if api.streams() { CPU_S_STREAM } else { CPU_S_WHOLE }
}
