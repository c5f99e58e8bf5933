//! Baselines as a user meets them: saved, compared, broken.

use std::fs;

use super::{Desk, Exit, Ran};

const TINY: &str = "version: 1
name: tiny
question: Does it change?
replications: 3
targets:
  east: { on_demand: { region: us-east-1, model: m } }
world:
  models:
    m: { first_token: { log_normal: { p50: 100ms, p99: 400ms } }, per_token: 5ms, max_output: 100 }
  quotas: { on_demand: { us-east-1: { requests: 600/min } } }
traffic:
  mix:
    ask: { share: 100%, api: converse, input: 10, output: 10, max_tokens: 50 }
  phases:
    - { name: all, for: 60s, rate: 20/s }
strategies:
  plain: { direct: { target: east } }
  other: { sdk: { target: east } }
";

impl Desk {
    /// With a scenario, a run of it, and a baseline.
    fn with_baseline() -> Desk {
        let desk = Desk::new();
        desk.file("s.yaml", TINY);
        desk.expect(&["run", "s.yaml", "--output", "quiet"], Exit::Passed);
        desk.expect(&["baseline", "save", "out/tiny"], Exit::Passed);
        desk
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a text")
    }

    fn expect(&self, args: &[&str], exit: Exit) -> Ran {
        let ran = self.richter(args);
        assert_eq!(ran.code, exit.code(), "{args:?}: {}{}", ran.out, ran.err);
        ran
    }

    /// As in a step of GitHub Actions.
    fn in_a_step(&self, args: &[&str], summary: &str) -> Ran {
        let output = self.command().args(args).env("GITHUB_STEP_SUMMARY", summary).output();
        Ran::of(output.expect("richter starts"))
    }
}

#[test]
fn a_scenario_that_did_not_change_passes_its_check() {
    let desk = Desk::with_baseline();
    let ran = desk.expect(&["check", "s.yaml"], Exit::Passed);
    assert!(ran.out.starts_with("PASSED  tiny: every event is as it was\n"), "{}", ran.out);
    let ran = desk.expect(&["check", "s.yaml", "out/tiny", "--quiet"], Exit::Passed);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", ""));
}

#[test]
fn a_change_for_the_worse_exits_99_and_names_the_first_decision() {
    let desk = Desk::with_baseline();
    desk.file("s.yaml", &TINY.replace("sdk: { target: east }", "sdk: { target: east, max_attempts: 1 }"));
    let ran =
        desk.expect(&["check", "s.yaml", "--junit", "j.xml", "--md", "c.md", "--json", "c.json"], Exit::Gate);
    assert!(ran.out.starts_with("FAILED  tiny: "), "{}", ran.out);
    for part in [
        "First decision that differs",
        "was: send to east after ",
        "is: no further attempt",
        "richter why out/tiny/run.json",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
    let why: Vec<&str> =
        ran.out.lines().find(|line| line.contains("richter why")).expect("told").split_whitespace().collect();
    desk.expect(&why[1..], Exit::Passed);
    assert!(desk.text("j.xml").contains("type=\"regression\""));
    assert!(desk.text("c.md").contains("❌ regressed"));
    let json: serde_json::Value = serde_json::from_str(&desk.text("c.json")).expect("JSON");
    assert_eq!((json["format"].as_str(), json["passed"].as_bool()), (Some("richter-check"), Some(false)));
    assert_eq!(json["checks"][0]["strategies"][1]["behaviour"], "changed");
}

#[test]
fn what_is_tolerated_passes_and_an_unknown_metric_is_a_usage_error() {
    let desk = Desk::with_baseline();
    desk.file("s.yaml", &TINY.replace("per_token: 5ms", "per_token: 5.1ms"));
    desk.expect(&["check", "s.yaml"], Exit::Gate);
    desk.expect(&["check", "s.yaml", "--tolerance", "20%"], Exit::Passed);
    let ran = desk.expect(&["check", "s.yaml", "--tolerance", "speed=20%"], Exit::Usage);
    assert!(ran.err.contains("not a metric of the comparison"), "{}", ran.err);
}

#[test]
fn a_broken_expectation_exits_99_although_nothing_changed() {
    let desk = Desk::new();
    desk.file("s.yaml", &format!("{TINY}expect:\n  - {{ that: success >= 99.9% }}\n"));
    desk.expect(&["run", "s.yaml", "--output", "quiet"], Exit::Gate);
    let ran = desk.expect(&["baseline", "save", "out/tiny"], Exit::Passed);
    assert!(ran.err.starts_with("note: tiny: "), "{}", ran.err);
    let ran = desk.expect(&["check", "s.yaml"], Exit::Gate);
    assert!(ran.out.contains("expectations did not hold"), "{}", ran.out);
}

#[test]
fn what_cannot_be_compared_says_what_to_do() {
    let desk = Desk::with_baseline();
    let ran = desk.expect(&["check", "s.yaml", "--baseline", "nowhere"], Exit::Broke);
    assert!(
        ran.err.contains("\"tiny\" has no baseline") && ran.err.contains("richter baseline save"),
        "{}",
        ran.err
    );
    desk.file("s.yaml", &TINY.replace("for: 60s", "for: 50s"));
    let ran = desk.expect(&["check", "s.yaml"], Exit::Broke);
    assert!(ran.err.contains("the phases were all (0 to 60 s) and are all (0 to 50 s)"), "{}", ran.err);
    let ran = desk.expect(&["baseline", "save", "out/tiny"], Exit::Passed);
    assert!(ran.out.contains("tiny.json"), "{}", ran.out);
    desk.expect(&["check", "s.yaml"], Exit::Passed);
}

#[test]
fn a_run_that_its_scenario_no_longer_tells_is_no_baseline() {
    let desk = Desk::with_baseline();
    desk.file("s.yaml", &TINY.replace("for: 60s", "for: 50s"));
    let ran = desk.expect(&["baseline", "save", "out/tiny"], Exit::Broke);
    assert!(ran.err.contains("has changed since this run"), "{}", ran.err);
}

#[test]
fn a_comment_in_the_scenario_changes_nothing_but_is_noted() {
    let desk = Desk::with_baseline();
    desk.file("s.yaml", &format!("# renewed\n{TINY}"));
    let ran = desk.expect(&["check", "s.yaml"], Exit::Passed);
    assert!(ran.out.contains("the scenario file has changed since the baseline was saved"), "{}", ran.out);
}

#[test]
fn a_steps_summary_keeps_what_others_wrote_and_is_left_alone_when_full() {
    let desk = Desk::with_baseline();
    desk.file("summary.md", "from another step\n");
    let summary = desk.path("summary.md").display().to_string();
    let ran = desk.in_a_step(&["check", "out/tiny", "--md", &summary], &summary);
    assert_eq!(ran.code, Exit::Passed.code(), "{}", ran.err);
    let text = desk.text("summary.md");
    assert!(text.starts_with("from another step\n") && text.contains("## ✅ tiny"), "{text}");
    desk.file("summary.md", &"x".repeat((1 << 20) - 10));
    let ran = desk.in_a_step(&["check", "out/tiny", "--md", &summary], &summary);
    assert!(ran.err.contains("no room is left in the step's summary"), "{}", ran.err);
    assert_eq!(desk.text("summary.md").len(), (1 << 20) - 10);
}
