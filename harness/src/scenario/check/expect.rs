//! Expectations: metrics that exist, of strategies and phases that exist.

use indexmap::IndexMap;
use richter_mock_bedrock::world::ModelSpec;
use richter_reports::expect::{ExpectSpec, Names};

use super::Check;
use crate::scenario::{file::Scenario, tree::Path};

pub fn check(check: &mut Check<'_>) {
    // A target of a shared file that could not be read is not unknown.
    if check.places.lost("targets") {
        return;
    }
    let names = Names {
        strategies: or_used(check.places.names("strategies"), check.scenario, |e| {
            e.of.iter().chain(e.better_than.as_deref()).collect()
        }),
        phases: or_used(check.places.phase_names(), check.scenario, |e| {
            e.within.iter().chain(e.after.as_deref()).collect()
        }),
        targets: check.places.names("targets"),
        models: check.scenario.world.iter().flat_map(|world| &world.models).flat_map(model_names).collect(),
        faults: check.places.fault_names(),
    };
    for (place, expected) in check.scenario.expect.iter().enumerate() {
        if check.is_full() {
            return;
        }
        let place = check.places.living(&Path::of(&["expect"]), place);
        for problem in expected.check(&names) {
            let path = check.places.below(&Path::of(&["expect"]).item(place), &problem.path);
            check.error(path, problem.message, problem.hint);
        }
    }
}

fn model_names(models: &IndexMap<String, ModelSpec>) -> impl Iterator<Item = &str> {
    models.keys().map(String::as_str)
}

/// The names there are. Where a whole section is missing, which was reported, all names in use count as known.
fn or_used<'s>(
    names: Vec<&'s str>,
    scenario: &'s Scenario,
    used: impl Fn(&'s ExpectSpec) -> Vec<&'s str>,
) -> Vec<&'s str> {
    if names.is_empty() { scenario.expect.iter().flat_map(used).collect() } else { names }
}
