//! Targets that can never be called, whatever the world.

use super::Check;
use crate::scenario::tree::Path;

pub fn check(check: &mut Check<'_>) {
    for (name, spec) in check.scenario.targets.iter().flatten() {
        if check.is_full() {
            return;
        }
        for problem in spec.problems() {
            let path = check.places.below(&Path::of(&["targets"]).key(name), &problem.path);
            check.error(path, problem.message, problem.hint);
        }
    }
}
