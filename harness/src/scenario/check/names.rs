//! Names that are used elsewhere: in expectations, on the command line, as columns of tables.

use super::Check;
use crate::scenario::tree::Path;

/// Longest name of a target, strategy, phase, class or fault.
const NAME_MAX: usize = 40;

pub fn check(check: &mut Check<'_>) {
    for section in ["targets", "strategies"] {
        names_of(check, section);
    }
    names_of_all(check);
}

fn names_of(check: &mut Check<'_>, section: &'static str) {
    let names: Vec<String> = check.places.names(section).into_iter().map(str::to_owned).collect();
    for name in names {
        let path = Path::of(&[section]).key(&name);
        usable(check, path, &name);
    }
}

fn names_of_all(check: &mut Check<'_>) {
    let scenario = check.scenario;
    if let Some(name) = scenario.name.as_ref().filter(|name| !name.trim().is_empty()) {
        usable(check, Path::of(&["name"]), name);
    }
    for (place, fault) in scenario.faults.iter().enumerate() {
        let place = check.places.living(&Path::of(&["faults"]), place);
        usable(check, Path::of(&["faults"]).item(place).key(&fault.name), &fault.name);
    }
    for (class, _) in scenario.traffic.iter().flat_map(|traffic| &traffic.mix) {
        usable(check, Path::of(&["traffic", "mix"]).key(class), class);
    }
    for (place, phase) in scenario.traffic.iter().flat_map(|traffic| &traffic.phases).enumerate() {
        let place = check.places.living(&Path::of(&["traffic", "phases"]), place);
        usable(check, Path::of(&["traffic", "phases"]).item(place).key("name"), &phase.name);
    }
}

fn usable(check: &mut Check<'_>, path: Path, name: &str) {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || !name.chars().all(plain) {
        check.error(path, format!("\"{name}\" cannot be a name"), "use letters, digits, - _ and . only");
    } else if name.chars().count() > NAME_MAX {
        let message = format!("a name of {} characters", name.chars().count());
        check.error(path, message, format!("shorten it to at most {NAME_MAX}"));
    }
}
