//! Strategies: targets that exist, settings that can work, and how bad one request can get.

use std::collections::BTreeSet;

use richter_core::{
    strategy::{SpecProblem, StrategySpec},
    target::{Known, TargetId},
};

use super::Check;
use crate::scenario::{tree::Path, words};

/// More attempts than this for one request are hardly meant.
const ATTEMPTS_MANY: u32 = 20;

pub fn check(check: &mut Check<'_>) {
    let before = check.problems.errors();
    targets(check);
    settings(check);
    // With a strategy that cannot work, nobody knows what it was meant to use.
    if check.problems.errors() == before {
        unused(check);
    }
}

/// Where the settings of a strategy stand.
fn home(name: &str) -> Path {
    Path::of(&["strategies"]).key(name)
}

fn targets(check: &mut Check<'_>) {
    let known: Vec<String> = check.places.names("targets").into_iter().map(str::to_owned).collect();
    if known.is_empty() || check.places.lost("targets") {
        return;
    }
    for (name, spec) in check.scenario.strategies.iter().flatten() {
        if check.is_full() {
            return;
        }
        for (words, target) in spec.targets() {
            let path = check.places.below(&home(name), &words);
            if !known.iter().any(|name| name == target) {
                check.error(
                    path,
                    format!("no target is called \"{target}\""),
                    words::suggest(target, &known),
                );
            } else if let Some(refusal) = refusal(check, spec, target) {
                check.error(path, refusal, "choose a target that it would call");
            }
        }
    }
}

/// Why the strategy would never call a target, though it exists.
fn refusal(check: &Check<'_>, spec: &StrategySpec, target: &str) -> Option<String> {
    let target = check.scenario.targets.as_ref()?.get(target)?;
    spec.refuses_model(target.model_id())
}

fn unused(check: &mut Check<'_>) {
    let strategies = check.scenario.strategies.iter().flatten();
    let used: BTreeSet<&str> =
        strategies.flat_map(|(_, spec)| spec.targets()).map(|(_, target)| target).collect();
    if check.scenario.strategies.is_none() || check.places.damaged("strategies") {
        return;
    }
    // A shared file may well offer more targets than one scenario needs.
    let own: Vec<String> = check.places.own_names("targets").into_iter().map(str::to_owned).collect();
    for name in own.iter().filter(|name| !used.contains(name.as_str())) {
        let path = Path::of(&["targets"]).key(name);
        check.warning(path, format!("no strategy uses \"{name}\""), "remove it, or use it in a strategy");
    }
}

fn settings(check: &mut Check<'_>) {
    for (name, spec) in check.scenario.strategies.iter().flatten() {
        let problems = spec.problems();
        for problem in &problems {
            let path = check.places.below(&home(name), &problem.path);
            check.error(path, problem.message.clone(), problem.hint.clone());
        }
        for misfit in misfits(check, spec) {
            let path = check.places.below(&home(name), &misfit.path);
            check.error(path, misfit.message.clone(), misfit.hint.clone());
        }
        if problems.is_empty() {
            worst_case(check, name, spec.worst_case().attempts);
        }
    }
}

fn misfits(check: &Check<'_>, spec: &StrategySpec) -> Vec<SpecProblem> {
    let targets = check.scenario.targets.as_ref();
    spec.misfits(&|name| Some(Known { id: TargetId(0), spec: targets?.get(name)? }))
}

fn worst_case(check: &mut Check<'_>, name: &str, attempts: u32) {
    if attempts > ATTEMPTS_MANY {
        let message = format!("one request can become {attempts} attempts");
        check.warning(home(name), message, "lower its attempts: under overload every attempt is more load");
    }
}
