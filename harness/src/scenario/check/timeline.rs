//! What happens when: traffic and its phases, then the world, then the faults that need both.

use richter_core::target::{Account, TargetSpec};
use richter_mock_bedrock::{
    SpecProblem,
    fault::{FaultRule, Ground},
    world::{RouteKind, RouteSpec, World, WorldSpec},
};

use super::Check;
use crate::{
    load::Traffic,
    scenario::{tree::Path, words},
};

/// Traffic with absolute times, if it can be had.
pub fn traffic(check: &mut Check<'_>) -> Option<Traffic> {
    let spec = check.scenario.traffic.as_ref()?;
    if check.places.damaged("traffic") {
        return None;
    }
    let resolved = spec.resolve(check.folder);
    resolved.map_err(|problems| report(check, &Path::of(&["traffic"]), problems)).ok()
}

/// The world with a route for every target, if it can be had.
pub fn world(check: &mut Check<'_>) -> Option<World> {
    let targets = check.scenario.targets.as_ref()?;
    if check.places.damaged("world") || check.places.damaged("targets") {
        return None;
    }
    let routes: Vec<RouteSpec<'_>> = targets.values().filter(|target| is_sound(target)).map(route).collect();
    let bare = WorldSpec::default();
    match check.scenario.world.as_ref().unwrap_or(&bare).resolve(&routes) {
        // A world that lacks a target's route is fit for checks of the others only.
        Ok(world) => (routes.len() == targets.len()).then_some(world),
        Err(problems) => {
            problems.into_iter().for_each(|problem| report_world(check, problem));
            None
        }
    }
}

/// Reports what the world says where people will look for it: at the target, if the world has no words for that.
fn report_world(check: &mut Check<'_>, problem: SpecProblem) {
    let target = match problem.path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // A route is a target in the world's words, known by its place.
        ["routes", place] => place.parse().ok().and_then(|place| nth_target(check, place)),
        ["models", model] if !has_model(check, model) => target_of(check, model),
        _ => None,
    };
    let path = match target {
        Some(name) => Path::of(&["targets"]).key(name),
        None => check.places.below(&Path::of(&["world"]), &problem.path),
    };
    check.error(path, problem.message, problem.hint);
}

fn nth_target(check: &Check<'_>, place: usize) -> Option<String> {
    let mut sound = check.scenario.targets.as_ref()?.iter().filter(|(_, target)| is_sound(target));
    Some(sound.nth(place)?.0.clone())
}

fn has_model(check: &Check<'_>, model: &str) -> bool {
    let models = check.scenario.world.as_ref().and_then(|world| world.models.as_ref());
    models.is_some_and(|models| models.contains_key(model))
}

/// The first target whose id ends in this model.
fn target_of(check: &Check<'_>, model: &str) -> Option<String> {
    let leads_to = |(_, target): &(&String, &TargetSpec)| target.models().any(|known| known == model);
    check.scenario.targets.as_ref()?.iter().find(leads_to).map(|(name, _)| name.clone())
}

/// A target that can never be called was reported, and the world need not hear of it.
fn is_sound(target: &TargetSpec) -> bool {
    target.problems().is_empty()
}

pub(crate) fn route(target: &TargetSpec) -> RouteSpec<'_> {
    let (kind, leads_to): (_, &[String]) = match target {
        TargetSpec::OnDemand(_) => (RouteKind::OnDemand, &[]),
        TargetSpec::Profile(_) => (RouteKind::Profile, &[]),
        TargetSpec::ApplicationProfile(_) => (RouteKind::ApplicationProfile, target.leads_to()),
        TargetSpec::Provisioned(_) => (RouteKind::Provisioned, &[]),
        TargetSpec::PromptRouter(_) => (RouteKind::PromptRouter, target.leads_to()),
        TargetSpec::External(_) => (RouteKind::External, &[]),
    };
    RouteSpec {
        kind,
        account: target.account().map(Account::name),
        region: target.endpoint().unwrap_or(target.region()),
        id: target.model_id().into(),
        leads_to,
    }
}

fn report(check: &mut Check<'_>, base: &Path, problems: Vec<SpecProblem>) {
    for problem in problems {
        let path = check.places.below(base, &problem.path);
        check.error(path, problem.message, problem.hint);
    }
}

/// Faults on the timeline; those that cannot be placed are reported.
pub fn faults(check: &mut Check<'_>, traffic: &Traffic, world: &World) -> Vec<FaultRule> {
    let end = traffic.end();
    // A phase that does not exist was reported already; with the whole run in its place, the rest can be checked.
    let phase = |name: &str| {
        let known = traffic.phases.iter().find(|phase| phase.name == name);
        Some(known.map_or((0, end), |phase| (phase.from, phase.to)))
    };
    let mut rules = Vec::new();
    for (place, fault) in check.scenario.faults.iter().enumerate() {
        let home = home(check, place, &fault.name);
        if check.places.damaged_at(&home) {
            continue;
        }
        let rule = fault.spec.resolve(&fault.name, world, &phase, end);
        match rule.and_then(|rule| with_tenants(rule, traffic)) {
            Ok(rule) => {
                if let Some(obstacle) = rule.obstacle(Ground::Simulation) {
                    let message = format!("the simulation cannot show {}: {obstacle}", rule.kind);
                    let hint = "run it against the mock server; in a simulation it hits nothing, which makes the run invalid";
                    check.warning(home.clone(), message, hint);
                }
                rules.push(rule);
            }
            Err(problems) => report(check, &home, problems),
        }
    }
    rules
}

/// Those who ask are the tenants of the service, by the same numbers.
pub(crate) fn with_tenants(mut rule: FaultRule, traffic: &Traffic) -> Result<FaultRule, Vec<SpecProblem>> {
    let number = |name: &str| u16::try_from(traffic.tenants.iter().position(|known| known == name)?).ok();
    match rule.number_tenants(&number) {
        Ok(()) => Ok(rule),
        Err(problem) => {
            let hint = format!("the tenants of `traffic.mix` are {}", words::list(&traffic.tenants));
            Err(vec![SpecProblem { hint, ..problem }])
        }
    }
}

/// Where the settings of the n-th readable fault stand.
fn home(check: &Check<'_>, n: usize, name: &str) -> Path {
    Path::of(&["faults"]).item(check.places.living(&Path::of(&["faults"]), n)).key(name)
}

/// Two faults of one name could not be told apart in a report.
pub fn fault_names(check: &mut Check<'_>) {
    let faults = &check.scenario.faults;
    for (place, fault) in faults.iter().enumerate() {
        if faults[..place].iter().any(|earlier| earlier.name == fault.name) {
            let path = home(check, place, &fault.name);
            check.error(path, format!("two faults are called \"{}\"", fault.name), "rename one of them");
        }
    }
}

/// Phases that faults name, checked even when traffic itself cannot be resolved.
pub fn fault_phases(check: &mut Check<'_>) {
    let known: Vec<String> = check.places.phase_names().into_iter().map(str::to_owned).collect();
    if known.is_empty() {
        return;
    }
    for (place, fault) in check.scenario.faults.iter().enumerate() {
        if check.is_full() {
            return;
        }
        let Some(phase) = fault.spec.phase().filter(|phase| !known.iter().any(|name| name == phase)) else {
            continue;
        };
        let path = home(check, place, &fault.name).key("during").key("phase");
        check.error(path, format!("no phase is called \"{phase}\""), words::suggest(phase, &known));
    }
}
