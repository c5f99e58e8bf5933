//! The plan: a scenario resolved once. Code after this has no defaults and no "not set".

use std::time::Duration;

use richter_core::{
    strategy::{StrategySpec, WorstCase},
    target::TargetSpec,
};
use richter_mock_bedrock::{
    Nanos,
    fault::FaultRule,
    units::Span,
    world::{RouteId, World, WorldSpec},
};
use richter_reports::{expect::ExpectSpec, run_file::Slo};

use super::{
    check::Resolved,
    file::{Scenario, SloSpec, abort::AbortSpec, fault::NamedFault},
};
use crate::{
    load::Traffic,
    observe::spec::ObserveSpec,
    price::{Price, PricesSpec, named, price_of, stands_for},
};

#[derive(Debug, Clone)]
pub struct Plan {
    pub name: String,
    pub question: String,
    /// SHA-free digest of the scenario and all it includes: 16 hex digits.
    pub digest: String,
    pub seed: u64,
    pub replications: u32,
    /// A target's place here is its `TargetId` and its `RouteId`.
    pub targets: Vec<PlanTarget>,
    /// What tokens cost on each route of the world; those behind prompt routers come after the targets.
    pub route_prices: Vec<Option<Price>>,
    pub world: World,
    pub traffic: Traffic,
    pub faults: Vec<FaultRule>,
    /// World and faults as written, for a ground that offers more ways in than the targets; and what is set up.
    pub written: Written,
    pub strategies: Vec<PlanStrategy>,
    pub expect: Vec<ExpectSpec>,
    pub slo: Slo,
    pub abort: Abort,
    /// End of the last phase.
    pub end: Nanos,
    /// How long open requests may still run after `end`.
    pub drain: Nanos,
}

#[derive(Debug, Clone)]
pub struct Written {
    pub world: WorldSpec,
    pub faults: Vec<NamedFault>,
    pub observe: ObserveSpec,
}

#[derive(Debug, Clone)]
pub struct PlanTarget {
    pub name: String,
    pub spec: TargetSpec,
    /// None when nobody said what it costs.
    pub price: Option<Price>,
}

#[derive(Debug, Clone)]
pub struct PlanStrategy {
    pub name: String,
    /// Such as `sdk`.
    pub kind: &'static str,
    pub spec: StrategySpec,
    pub worst: WorstCase,
}

/// When to stop a strategy's run early.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Abort {
    pub spend_usd: Option<f64>,
    /// Success share, and for how long it must stay below.
    pub success_below: Option<(f64, Duration)>,
}

impl Plan {
    /// Puts a checked scenario together. Sections that are absent were reported before, so an empty one stands in.
    pub fn new(scenario: Scenario, resolved: Resolved, digest: String) -> Plan {
        let prices = scenario.prices;
        let target = |(name, spec): (String, TargetSpec)| {
            let price = price_of(&name, &spec, &prices);
            PlanTarget { name, spec, price }
        };
        let targets: Vec<PlanTarget> = scenario.targets.unwrap_or_default().into_iter().map(target).collect();
        let strategies = scenario.strategies.unwrap_or_default().into_iter();
        Plan {
            route_prices: route_prices(&targets, &resolved.world, &prices),
            name: scenario.name.unwrap_or_default(),
            question: scenario.question.unwrap_or_default(),
            digest,
            seed: scenario.seed,
            replications: scenario.replications,
            targets,
            end: resolved.traffic.end(),
            world: resolved.world,
            traffic: resolved.traffic,
            faults: resolved.faults,
            written: Written {
                world: scenario.world.unwrap_or_default(),
                faults: scenario.faults,
                observe: scenario.observe,
            },
            strategies: strategies.map(|(name, spec)| PlanStrategy::new(name, spec)).collect(),
            expect: scenario.expect,
            slo: slo(scenario.slo),
            abort: abort(scenario.abort),
            drain: scenario.drain.0,
        }
    }
}

/// A prompt router costs what the model costs that it picks, unless it has a price of its own.
fn route_prices(targets: &[PlanTarget], world: &World, prices: &PricesSpec) -> Vec<Option<Price>> {
    let mut by_route: Vec<Option<Price>> = targets.iter().map(|target| target.price).collect();
    by_route.resize(world.routes(), None);
    for (place, target) in targets.iter().enumerate() {
        let ways = world.route_ways(RouteId(place as u16));
        for (way, id) in ways.into_iter().zip(target.spec.leads_to()) {
            let own = || price_of(&target.name, &stands_for(target.spec.region(), id), prices);
            by_route[usize::from(way.0)] = target.price.or_else(own);
        }
    }
    by_route
}

impl Plan {
    /// Until the last open request is given up.
    pub const fn length(&self) -> Nanos {
        self.end.saturating_add(self.drain)
    }

    /// Takes other prices where there are any.
    pub fn reprice(&mut self, prices: &PricesSpec) {
        for target in &mut self.targets {
            target.price = named(&target.name, &target.spec, prices).or(target.price);
        }
        let before = std::mem::take(&mut self.route_prices);
        let now = route_prices(&self.targets, &self.world, prices);
        self.route_prices = now.into_iter().zip(before).map(|(now, before)| now.or(before)).collect();
    }

    /// Leaves out every other strategy, and the expectations that concern one left out; gives the number of these.
    pub fn keep_strategies(&mut self, names: &[String]) -> usize {
        self.strategies.retain(|strategy| names.contains(&strategy.name));
        let all = self.expect.len();
        let known = |name: &str| names.iter().any(|known| known == name);
        let whole = |expect: &ExpectSpec| {
            expect.of.iter().all(known) && expect.better_than.as_deref().is_none_or(known)
        };
        self.expect.retain(whole);
        all - self.expect.len()
    }
}

impl PlanStrategy {
    pub fn new(name: String, spec: StrategySpec) -> PlanStrategy {
        PlanStrategy { name, kind: spec.kind(), worst: spec.worst_case(), spec }
    }
}

fn slo(spec: SloSpec) -> Slo {
    let ms = |span: Span| span.0 as f64 / 1e6;
    Slo { first_token_ms: spec.first_token.map(ms), total_ms: spec.total.map(ms) }
}

fn abort(spec: AbortSpec) -> Abort {
    Abort {
        spend_usd: spec.spend.map(|dollars| dollars.0),
        success_below: spec.success_below.map(|rule| (rule.share.0, Duration::from_nanos(rule.length.0))),
    }
}
