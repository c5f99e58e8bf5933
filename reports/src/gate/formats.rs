//! Checks for machines and for pages of others; several scenarios may stand in one file.

use std::fmt::Write as _;

use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};
use serde::Serialize;

use super::{
    Behaviour, Gate, MetricGate, Outcome, StrategyGate,
    text::{OUTCOMES, behaviour, change, count, how, parting_in_words, worth_telling},
};
use crate::{
    expect::Outcome as Expected,
    format::{MARKDOWN_LIMIT, conforming, fitting, safe},
    plain::clean,
    verdict::Verdict,
};

/// Rows of one table, items of one list.
const ROWS_MAX: usize = 50;

/// Versioned JSON: what was compared, and what came of it.
pub fn json(gates: &[Gate]) -> serde_json::Result<Vec<u8>> {
    #[derive(Serialize)]
    struct Checks<'a> {
        format: &'static str,
        version: u32,
        passed: bool,
        checks: &'a [Gate],
    }
    let passed = gates.iter().all(|gate| gate.passed);
    let all = Checks { format: super::FORMAT, version: super::VERSION, passed, checks: gates };
    let mut bytes = serde_json::to_vec_pretty(&all)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// For a pull-request comment, or `GITHUB_STEP_SUMMARY`.
pub fn markdown(gates: &[Gate]) -> String {
    fitting(&gates.iter().map(one).collect::<Vec<_>>().join("\n---\n\n"), MARKDOWN_LIMIT)
}

const MEMORY: &str = "a string takes all";

fn one(gate: &Gate) -> String {
    let mut text = String::new();
    let (sign, word) = if gate.passed { ("✅", "passed") } else { ("❌", "failed") };
    writeln!(text, "## {sign} {}: check {word}\n", safe(&gate.scenario)).expect(MEMORY);
    for why in &gate.why {
        writeln!(text, "{}\n", safe(why)).expect(MEMORY);
    }
    let names = OUTCOMES.map(|outcome| outcome.name());
    writeln!(text, "| strategy | decisions | {} |\n|---|---|---:|---:|---:|---:|", names.join(" | "))
        .expect(MEMORY);
    for strategy in gate.strategies.iter().take(ROWS_MAX) {
        let counts = OUTCOMES.map(|outcome| count(strategy, outcome).to_string());
        let name = safe(&strategy.strategy);
        writeln!(text, "| {name} | {} | {} |", behaviour(strategy), counts.join(" | ")).expect(MEMORY);
    }
    text.push('\n');
    changes(&mut text, gate);
    partings(&mut text, gate);
    let broken = gate.expectations.iter().filter(|one| one.outcome != Expected::Passed);
    let broken =
        broken.map(|one| format!("{}: expected {}; is {}", one.strategy, one.expected, one.measured));
    list(&mut text, "Expectations that did not hold", broken);
    list(&mut text, "Beware", gate.notes.iter().cloned());
    writeln!(text, "<sub>{}; seed {}, {} replications</sub>", how(gate), gate.seed, gate.replications)
        .expect(MEMORY);
    text
}

fn changes(text: &mut String, gate: &Gate) {
    let rows: Vec<(&StrategyGate, &MetricGate)> = worth_telling(gate).collect();
    if rows.is_empty() {
        return;
    }
    text.push_str("| | strategy | metric | was | now | change |\n|---|---|---|---:|---:|---:|\n");
    for (strategy, metric) in rows.iter().take(ROWS_MAX) {
        let sign = match metric.outcome {
            Outcome::Regressed => "❌ regressed",
            Outcome::Improved => "⬆️ improved",
            Outcome::Same => "same",
            Outcome::NotEnoughData => "❔ not enough data",
        };
        let note = metric.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
        let cells = [
            format!("{sign}{}", safe(&note)),
            safe(&strategy.strategy),
            safe(&metric.name),
            safe(&metric.unit.show(metric.was)),
            safe(&metric.unit.show(metric.now)),
            safe(&change(metric)),
        ];
        writeln!(text, "| {} |", cells.join(" | ")).expect(MEMORY);
    }
    if rows.len() > ROWS_MAX {
        writeln!(text, "\nThe first {ROWS_MAX} of {} numbers.", rows.len()).expect(MEMORY);
    }
    text.push('\n');
}

fn partings(text: &mut String, gate: &Gate) {
    let told = gate.changed_strategies().filter_map(|one| {
        let place = one.parted_in.map_or(String::new(), |at| format!(" (replication {at})"));
        Some(format!("{}{place}: {}", one.strategy, parting_in_words(one.parting.as_ref()?)))
    });
    list(text, "First decision that differs", told);
}

fn list(text: &mut String, title: &str, sentences: impl Iterator<Item = String>) {
    let mut sentences = sentences.take(ROWS_MAX).peekable();
    if sentences.peek().is_none() {
        return;
    }
    writeln!(text, "**{title}**\n").expect(MEMORY);
    for sentence in sentences {
        writeln!(text, "- {}", safe(&sentence)).expect(MEMORY);
    }
    text.push('\n');
}

/// JUnit: a suite for each scenario; a case for its validity, each strategy's decisions, each number, each expectation. What
/// could not be told is skipped, which CI shows and does not count as a failure.
pub fn junit(gates: &[Gate]) -> Result<String, quick_junit::SerializeError> {
    let mut xml = Xml::new("richter check");
    xml.add_test_suites(gates.iter().map(suite));
    conforming(&xml)
}

fn suite(gate: &Gate) -> TestSuite {
    let mut suite = TestSuite::new(clean(&gate.scenario));
    suite.add_property(("seed", gate.seed.to_string().as_str()));
    let case = |name: &str, status: TestCaseStatus| {
        let mut case = TestCase::new(clean(name), status);
        case.set_classname(clean(&gate.scenario));
        case
    };
    suite.add_test_case(case("the run is valid", validity(gate)));
    for strategy in &gate.strategies {
        if strategy.behaviour != Behaviour::Unknown {
            let mut decisions = case(&format!("{}: decisions", strategy.strategy), TestCaseStatus::success());
            if let Some(parting) = &strategy.parting {
                decisions.set_system_out(clean(&parting_in_words(parting)));
            }
            suite.add_test_case(decisions);
        }
        let metrics = strategy.metrics.iter();
        suite.add_test_cases(metrics.map(|metric| {
            case(&format!("{}: {} against the baseline", strategy.strategy, metric.name), number(metric))
        }));
    }
    suite.add_test_cases(gate.expectations.iter().map(|one| {
        let status = match one.outcome {
            Expected::Passed => TestCaseStatus::success(),
            Expected::Failed | Expected::NotEnoughData => {
                let measured =
                    format!("expected {}; measured {} (n = {})", one.expected, one.measured, one.n);
                refused(NonSuccessKind::Failure, "expectation", &measured)
            }
        };
        case(&format!("{}: {}", one.strategy, one.expected), status)
    }));
    suite
}

fn validity(gate: &Gate) -> TestCaseStatus {
    match gate.verdict {
        Verdict::Passed | Verdict::Failed => TestCaseStatus::success(),
        verdict => refused(NonSuccessKind::Error, verdict.name(), &gate.why.join("; ")),
    }
}

fn refused(kind: NonSuccessKind, name: &str, message: &str) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(name);
    status.set_message(clean(message));
    status
}

fn number(metric: &MetricGate) -> TestCaseStatus {
    let (was, now) = (metric.unit.show(metric.was), metric.unit.show(metric.now));
    let note = metric.note.as_ref().map_or(String::new(), |note| format!(": {note}"));
    match metric.outcome {
        Outcome::Improved | Outcome::Same => TestCaseStatus::success(),
        Outcome::NotEnoughData => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(clean(&format!("not enough data: was {was}, is {now}{note}")));
            status
        }
        Outcome::Regressed => {
            let change = change(metric);
            let change = if change.is_empty() { change } else { format!(" ({change})") };
            refused(NonSuccessKind::Failure, "regression", &format!("was {was}, is {now}{change}{note}"))
        }
    }
}
