//! A spike that no quota notices shows nothing: every strategy would look alike.

use richter_mock_bedrock::world::{RouteId, World};

use super::Check;
use crate::{
    load::Traffic,
    scenario::{demand::Demand, tree::Path},
};

/// A peak of so many times the mean is meant as a spike.
const SPIKE: f64 = 1.5;
/// Targets times phases times classes that are looked at; nobody needs this warning in a scenario beyond that.
const LOOKS_MAX: usize = 1_000_000;

pub fn check(check: &mut Check<'_>, traffic: &Traffic, world: &World) {
    let targets = check.scenario.targets.as_ref().map_or(0, |targets| targets.len());
    if targets * traffic.phases.len() * traffic.classes.len() > LOOKS_MAX {
        return;
    }
    let demand = Demand::of(traffic);
    let run = demand.run();
    let spec = check.scenario.world.as_ref();
    // Faults or a Region's capacity may be what the scenario is about.
    let other = !check.scenario.faults.is_empty() || spec.is_some_and(|world| world.capacity.is_some());
    if other || run.peak < run.mean * SPIKE {
        return;
    }
    let limiter = spec.and_then(|world| world.limiter).unwrap_or_default();
    let exceeded =
        |route: RouteId| demand.exceeds(world, route, &world.pool(world.route_pool(route)), limiter);
    let ways = (0..targets).flat_map(|place| world.route_ways(RouteId(place as u16)));
    if targets == 0 || ways.into_iter().any(exceeded) {
        return;
    }
    let message = format!(
        "the spike can never exceed a quota: at its peak of {:.0} requests a minute every target would still take all",
        run.peak
    );
    check.warning(
        Path::of(&["traffic", "phases"]),
        message,
        "raise its peak or lower `world.quotas`; `richter explain` shows both side by side",
    );
}
