use std::{collections::BTreeMap, path::Path, sync::atomic::AtomicBool};

use richter_core::event::{Event, Observer};
use richter_mock_bedrock::{Nanos, record::RecordSettings};

use super::*;
use crate::{
    ground::{Witness, Work, sim::Simulation},
    load::Arrival,
    observe::record::Line,
    run::{Options, progress::Progress, simulate},
    scenario::{load_text, plan::Plan},
};

/// Only the engine's log is of interest.
struct Nobody;

impl Observer for Nobody {
    fn on(&mut self, _: Nanos, _: &Event<'_>) {}
}

impl Witness for Nobody {
    fn arrived(&mut self, _: &Arrival) {}
    fn worked(&mut self, _: Nanos, _: &Work) {}
}

/// What a known world logs of one strategy, as lines of NDJSON.
fn logged(scenario: &str) -> Vec<String> {
    let plan = planned(scenario, Path::new(""));
    let mut simulation = Simulation::new(&plan, 0, 0, Nobody).expect("no trace");
    simulation.engine_mut().record(RecordSettings {
        account_id: "111122223333".to_owned(),
        caller_arn: "arn:aws:iam::111122223333:user/alice".to_owned(),
        starts_at_unix_ms: 1_765_933_796_000,
        keep_max: 1_000_000,
    });
    while simulation.step().expect("no trace") {}
    let (_, mut engine) = simulation.into_parts();
    let records = engine.records().expect("attached").drain();
    records.map(|record| serde_json::to_string(&record).expect("plain data")).collect()
}

fn planned(scenario: &str, folder: &Path) -> Plan {
    match load_text("made.yaml", scenario, folder) {
        Ok(checked) => checked.plan,
        Err(problems) => panic!("{}\n{scenario}", problems.render(false)),
    }
}

fn gathered(lines: &[String]) -> Log {
    let mut log = Log::default();
    lines.iter().for_each(|line| log.take(Line::of(line)));
    log
}

fn wish() -> Wish {
    Wish { name: "incident".to_owned(), ..Wish::default() }
}

const WORLD: &str = r#"
version: 1
name: known
question: What will be found again?
replications: 1
targets:
  east: { on_demand: { region: us-east-1, model: m } }
  us: { profile: { source: us-east-1, id: us.m } }
world:
  regions: { us-east-1: {}, us-east-2: {}, us-west-2: {} }
  models:
    m: { first_token: { log_normal: { p50: 400ms, p99: 1500ms } }, per_token: 10ms, max_output: 4096 }
  profiles: { us.m: { destinations: { us-east-1: [us-east-1, us-east-2, us-west-2] } } }
  quotas: { on_demand: { us-east-1: { requests: 240/min } } }
  capacity: { us-east-1: { concurrent: 20, slowdown: 1 } }
  hop: 60ms
traffic:
  mix:
    chat: { share: 75%, api: converse_stream, input: { log_normal: { p50: 600, p99: 4000 } }, output: { log_normal: { p50: 180, p99: 600 } } }
    ask: { share: 25%, api: converse, input: 900, output: 50 }
  phases:
    - { name: calm, for: 1m, rate: 2/s }
    - { name: rush, for: 4m, rate: 12/s }
"#;

fn known(strategy: &str) -> String {
    format!("{WORLD}strategies:\n  it: {strategy}\n")
}

/// The scenario beside its trace, checked and run.
fn run(made: &Made) -> richter_reports::run_file::RunFile {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("incident.csv"), &made.trace).expect("written");
    let plan = planned(&made.scenario, folder.path());
    let (stop, progress) = (AtomicBool::new(false), Progress::silent());
    let options =
        Options { jobs: 1, trace: None, file: "made.yaml", interrupted: &stop, progress: &progress };
    simulate(&plan, &options).expect("played").run
}

#[test]
fn a_known_quota_and_known_latencies_are_found_again_in_the_log_of_a_throttled_run() {
    let lines = logged(&known("{ direct: { target: east } }"));
    let mut log = gathered(&lines);
    let made = make(&mut log, &wish()).expect("made");
    let facts = facts::Facts::of(&log, 0, &log.of(0).copied().collect::<Vec<_>>(), &wish()).expect("facts");
    let (binding, rate) = facts.quota().expect("throttles");
    assert_eq!(binding, quota::Binding::Requests);
    assert!((rate / 240.0 - 1.0).abs() < 0.03, "{rate}");
    let pace = facts.pace.as_ref().expect("Converse logs its times");
    assert!((pace.token_ms - 10.0).abs() < 0.5, "{pace:?}");
    let median = pace.first_ms.iter().find(|(at, _)| *at == 0.5).expect("a median").1;
    assert!((median / 400.0 - 1.0).abs() < 0.15, "{median}");
    assert_eq!(made.trace.lines().count(), lines.len() + 1, "each call is a row");

    let replayed = run(&made);
    let cell = |name: &str| {
        let strategy = replayed.strategies.iter().position(|strategy| strategy.name == name).expect("known");
        replayed.cells.iter().find(|cell| cell.strategy == strategy).expect("played")
    };
    let phase = &cell("one-attempt").phases[0];
    let was = lines.iter().filter(|line| line.contains("ThrottlingException")).count() as f64;
    let is = phase.failed_by_class.get("throttle").copied().unwrap_or(0) as f64;
    assert!((is / was - 1.0).abs() < 0.1, "throttled then {was}, replayed {is}");
    assert!(
        cell("sdk-retries").phases[0].attempts > phase.attempts,
        "another strategy meets the same traffic"
    );
}

#[test]
fn rerouted_answers_give_destinations_the_source_regions_room_and_the_price_of_a_hop() {
    let mut log = gathered(&logged(&known("{ direct: { target: us } }")));
    let made = make(&mut log, &wish()).expect("made");
    let facts = facts::Facts::of(&log, 0, &log.of(0).copied().collect::<Vec<_>>(), &wish()).expect("facts");
    assert_eq!(facts.kind, facts::Kind::Profile);
    let rerouted = facts.rerouted();
    assert!((0.2..0.9).contains(&rerouted), "{rerouted}");
    let room = facts.room.expect("mixed") as f64;
    assert!((18.0..=22.0).contains(&room), "{room}: starts are known to the second");
    let hop = facts.hop.as_ref().expect("both kinds of answers");
    let median = hop.iter().find(|(at, _)| *at == 0.5).expect("a median").1;
    assert!((35.0..110.0).contains(&median), "{hop:?}");

    let replayed = run(&made);
    let served: BTreeMap<_, _> = replayed.cells[0].phases[0].served_by_region.clone().into_iter().collect();
    let all: u64 = served.values().sum();
    let elsewhere = 1.0 - served["us-east-1"] as f64 / all as f64;
    assert!((elsewhere - rerouted).abs() < 0.1, "{elsewhere} as {rerouted}: {served:?}");
}

#[test]
fn what_is_assumed_is_said_in_the_scenario() {
    let mut log = gathered(&logged(&known("{ sdk: { target: east, mode: standard } }")));
    let made = make(&mut log, &wish()).expect("made");
    let text: String = made.scenario.lines().filter_map(|line| line.strip_prefix('#')).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["ESTIMATED: the quota", "ASSUMED: round trips", "whole seconds", "one caller's retries"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let dropped = make(&mut log, &Wish { throttled: Throttled::Drop, ..wish() }).expect("made");
    assert!(dropped.trace.lines().count() < made.trace.lines().count());
    assert!(!dropped.notes.iter().any(|note| note.contains("request of its own")));
}

#[test]
fn a_log_without_bodies_without_throttles_still_makes_a_scenario_that_runs() {
    let line = |second: u32, model: &str, error: &str| {
        format!(
            r#"{{"timestamp":"2025-12-17T01:{:02}:{:02}Z","region":"us-east-1","requestId":"{model} {second}","operation":"InvokeModel","modelId":"{model}",{error}
            "input":{{"inputTokenCount":12}},"output":{{"outputTokenCount":34}},"schemaType":"ModelInvocationLog"}}"#,
            second / 60,
            second % 60
        )
    };
    let provisioned = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl";
    let application = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abcdefghijkl";
    let profile = "arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.amazon.nova-lite-v1:0";
    for model in
        [provisioned, application, profile, "global.amazon.nova-2-lite-v1:0", "amazon.nova-lite-v1:0"]
    {
        let mut lines: Vec<String> = (0..90).map(|second| line(second, model, "")).collect();
        lines.push(line(91, model, r#""errorCode":"ServiceUnavailableException","#));
        lines.push(line(95, model, r#""errorCode":"ValidationException","#));
        lines.push(line(30, model, ""));
        let mut log = gathered(&lines);
        let made = make(&mut log, &wish()).expect(model);
        assert_eq!((log.duplicates, made.trace.lines().count()), (1, 92), "{model}");
        let run = run(&made);
        assert_eq!(run.cells[0].phases[0].offered, 91, "{model}");
        assert!(run.cells[0].faults[0].hit > 0, "the failed call is a fault: {:?}", run.cells[0].faults);
    }
}

#[test]
fn a_way_that_is_not_there_is_refused_with_those_that_are() {
    let mut log = gathered(&logged(&known("{ direct: { target: east } }")));
    let wrong = Wish { model: Some("us.m".to_owned()), ..wish() };
    assert_eq!(
        make(&mut log, &wrong).expect_err("not called").to_string(),
        "no call of us.m is in the log; it has m in us-east-1"
    );
    let late = Wish { from: Some(1_900_000_000), ..wish() };
    let refusal = make(&mut log, &late).expect_err("too late").to_string();
    assert!(refusal.contains("the log reaches from 2025-12-17T01:09:56Z to"), "{refusal}");
    let refusal = make(&mut Log::default(), &wish()).expect_err("empty").to_string();
    assert!(refusal.starts_with("no invocation record"), "{refusal}");
}

#[test]
fn names_from_a_log_cannot_break_out_of_the_scenario() {
    let hostile = r#"m\"\n}: x # y"#;
    let line = |second: u32| {
        format!(
            r#"{{"timestamp":"2025-12-17T01:00:{second:02}Z","region":"us-east-1","requestId":"{second}","operation":"Converse","modelId":"{hostile}","input":{{"inputTokenCount":1}},"output":{{"outputTokenCount":1}}}}"#
        )
    };
    let mut log = gathered(&(0..9).map(line).collect::<Vec<_>>());
    let made = make(&mut log, &wish()).expect("made");
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("incident.csv"), &made.trace).expect("written");
    if let Err(problems) = load_text("made.yaml", &made.scenario, folder.path()) {
        let text = problems.render(false);
        assert!(!text.contains("syntax") && text.contains("model"), "only the name is wrong: {text}");
    }
}
