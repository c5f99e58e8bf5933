//! Every shipped scenario is a test: it loads without a warning, its expectations hold, and running it again with
//! another number of jobs gives the same bytes.

use std::{path::PathBuf, sync::atomic::AtomicBool};

use richter::{
    run::{Options, progress::Progress, simulate},
    scenario::{self, plan::Plan},
};
use richter_reports::{
    run_file::RunFile,
    verdict::{Verdict as RunVerdict, judge},
};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Scenario files, by name.
pub fn scenario_paths() -> Vec<PathBuf> {
    let folder = root().join("scenarios");
    let entries = std::fs::read_dir(&folder).expect("the scenarios folder exists");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder that can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 13, "too few scenarios in {}", folder.display());
    paths
}

pub fn load(path: &std::path::Path) -> Plan {
    match scenario::load(path) {
        Ok(checked) => {
            assert_eq!(checked.warnings.render(false), "", "warnings in {}", path.display());
            checked.plan
        }
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

/// Runs a plan, with the times of day left out.
pub fn run(plan: &Plan, jobs: usize) -> RunFile {
    let (interrupted, progress) = (AtomicBool::new(false), Progress::silent());
    let options =
        Options { jobs, trace: None, file: "test.yaml", interrupted: &interrupted, progress: &progress };
    let mut run = simulate(plan, &options).expect("the scenario runs").run;
    run.when.started = String::new();
    run.when.took_ms = 0;
    run
}

#[test]
fn every_shipped_scenario_keeps_its_promises() {
    let mut broken = Vec::new();
    for path in scenario_paths() {
        let judgement = judge(&run(&load(&path), 2));
        if judgement.verdict != RunVerdict::Passed {
            let text = richter_reports::text::render(&judgement, &richter_reports::text::Options::default());
            broken.push(format!("{}\n{text}", path.display()));
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_number_of_jobs() {
    for name in ["viral-spike", "metastable", "flapping"] {
        let plan = load(&root().join("scenarios").join(name).with_extension("yaml"));
        let once = run(&plan, 1).to_json().expect("a run file is JSON");
        let again = run(&plan, 2).to_json().expect("a run file is JSON");
        assert!(once == again, "{name}: one job and two jobs differ");
    }
}

#[test]
fn different_seeds_differ() {
    let mut plan = load(&root().join("scenarios/steady.yaml"));
    plan.replications = 1;
    let hashes = |plan: &Plan| run(plan, 1).cells.into_iter().map(|cell| cell.trace_hash).collect::<Vec<_>>();
    let before = hashes(&plan);
    plan.seed += 1;
    let after = hashes(&plan);
    assert!(before.iter().zip(&after).all(|(b, a)| b != a), "{before:?} and {after:?}");
}

#[test]
fn every_strategy_meets_the_same_arrivals() {
    let run = run(&load(&root().join("scenarios/viral-spike.yaml")), 2);
    for replication in 0..run.scenario.replications {
        let cells = run.cells.iter().filter(|cell| cell.replication == replication);
        let offered: Vec<&Vec<u32>> = cells.map(|cell| &cell.series.offered).collect();
        let length = offered.iter().map(|series| series.len()).min().expect("strategies ran");
        for other in &offered[1..] {
            assert_eq!(offered[0][..length], other[..length], "replication {replication}");
        }
    }
}

#[test]
fn the_determinism_check_names_the_first_event_that_differs() {
    use richter::{
        ground::sim::Simulation,
        run::check::{Digest, Verdict, check, compare},
    };
    let plan = load(&root().join("scenarios/steady.yaml"));
    assert!(matches!(check(&plan, 1, 0), Ok(Verdict::Same { events, .. }) if events > 1_000));
    let side = |replication| Simulation::new(&plan, 1, replication, Digest::default()).expect("it starts");
    match compare(side(0), side(1)) {
        Ok(Verdict::Differs { event, left: Some(left), right: Some(right) }) => {
            assert!(event < 10, "the first difference is at event {event}");
            assert_ne!(left, right);
        }
        other => panic!("two replications were taken for the same run: {other:?}"),
    }
}
