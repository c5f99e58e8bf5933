//! A plan's Bedrock as a server's settings: its world with every way in that a client could try, its faults, and its
//! classes of traffic as tenants.

use richter_mock_bedrock::{
    SpecProblem,
    engine::Operation,
    fault::FaultRule,
    luck::Luck,
    server::{Class, Settings, ways},
    world::{RegionId, RouteSpec, World},
};

use crate::{
    load::Traffic,
    scenario::{
        check::timeline::{route, with_tenants},
        plan::Plan,
    },
};

/// The settings of a server for a plan. What cannot be is reported as a scenario's problems are; a plan that was checked
/// has none but by more ways in than a world can hold.
pub fn settings(plan: &Plan) -> Result<Settings, Vec<SpecProblem>> {
    let named: Vec<RouteSpec<'_>> = plan.targets.iter().map(|target| route(&target.spec)).collect();
    let spec = ways::with_regions(plan.written.world.clone(), &named);
    let world = spec.resolve(&ways::all(&spec, named))?;
    let faults = faults(plan, &world)?;
    let region = world.region_name(RegionId(0)).to_owned();
    let classes = plan.traffic.classes.iter().map(|class| Class {
        name: class.name.clone(),
        operation: operation(class.api),
        output: class.output.clone(),
    });
    Ok(Settings {
        region,
        luck: Luck::new(plan.seed, 0),
        world,
        faults,
        tenants: plan.traffic.tenants.clone(),
        classes: classes.collect(),
        ..Settings::default()
    })
}

/// The faults placed once more, since a wider world has more pools for them to act on.
fn faults(plan: &Plan, world: &World) -> Result<Vec<FaultRule>, Vec<SpecProblem>> {
    let Traffic { phases, .. } = &plan.traffic;
    let phase = |name: &str| {
        let found = phases.iter().find(|phase| phase.name == name);
        found.map(|phase| (phase.from, phase.to))
    };
    let rules = plan.written.faults.iter().map(|fault| {
        let rule = fault.spec.resolve(&fault.name, world, &phase, plan.end)?;
        with_tenants(rule, &plan.traffic)
    });
    rules.collect()
}

const fn operation(api: richter_core::request::Api) -> Operation {
    use richter_core::request::Api;
    match api {
        Api::Converse => Operation::Converse,
        Api::ConverseStream => Operation::ConverseStream,
        Api::InvokeModel => Operation::InvokeModel,
        Api::InvokeModelWithResponseStream => Operation::InvokeModelWithResponseStream,
    }
}
