//! Prices: for targets that exist, and whole.

use super::Check;
use crate::scenario::tree::Path;

pub fn check(check: &mut Check<'_>) {
    if check.places.damaged("targets") || check.places.damaged("prices") {
        return;
    }
    let Some(targets) = &check.scenario.targets else { return };
    for problem in check.scenario.prices.check(targets.iter().map(|(name, spec)| (name.as_str(), spec))) {
        let path = check.places.below(&Path::of(&["prices"]), &problem.path);
        check.error(path, problem.message, problem.hint);
    }
}
