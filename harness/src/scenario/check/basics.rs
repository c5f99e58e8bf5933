//! What every scenario says of itself: its sections, and plain numbers within their bounds.

use richter_mock_bedrock::units::Span;

use super::Check;
use crate::scenario::tree::Path;

/// Most repetitions of a run.
const REPLICATIONS_MAX: u32 = 1000;

/// Sections that every scenario has, with a line to begin one.
const SECTIONS: [(&str, &str); 5] = [
    ("name", "write `name: my-scenario`"),
    ("question", "write `question: ..`, what the run should answer"),
    (
        "targets",
        "write `targets:` with lines such as `east: { on_demand: { region: us-east-1, model: .. } }`",
    ),
    ("traffic", "write `traffic:` with `mix` and `phases`"),
    ("strategies", "write `strategies:` with lines such as `one-region: { direct: { target: east } }`"),
];

pub fn check(check: &mut Check<'_>) {
    for (section, hint) in SECTIONS {
        if absent(check, section) && !check.places.damaged(section) {
            let written = check.places.has(section);
            let how = if written { "is empty" } else { "is missing" };
            check.error(Path::of(&[section]), format!("\"{section}\" {how}"), hint);
        }
    }
    replications(check);
    slo(check);
}

fn absent(check: &Check<'_>, section: &str) -> bool {
    let scenario = check.scenario;
    let blank = |text: &Option<String>| text.as_ref().is_none_or(|text| text.trim().is_empty());
    match section {
        "name" => blank(&scenario.name),
        "question" => blank(&scenario.question),
        "targets" => scenario.targets.as_ref().is_none_or(|targets| targets.is_empty()),
        "traffic" => scenario.traffic.is_none(),
        _ => scenario.strategies.as_ref().is_none_or(|strategies| strategies.is_empty()),
    }
}

fn replications(check: &mut Check<'_>) {
    let count = check.scenario.replications;
    if !(1..=REPLICATIONS_MAX).contains(&count) {
        let message = format!("{count} replications are not between 1 and {REPLICATIONS_MAX}");
        check.error(Path::of(&["replications"]), message, "5 show the scatter, 20 narrow it");
    }
}

fn slo(check: &mut Check<'_>) {
    let slo = check.scenario.slo;
    for (key, bound) in [("first_token", slo.first_token), ("total", slo.total)] {
        if bound == Some(Span(0)) {
            let hint = "write a length of time such as 5s, or leave it out";
            check.error(Path::of(&["slo", key]), "no answer comes within 0s", hint);
        }
    }
}
