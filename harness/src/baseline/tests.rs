use std::{path::Path, sync::atomic::AtomicBool};

use proptest::prelude::*;
use richter_reports::{
    gate::{Behaviour, Outcome, Tolerances},
    run_file::decisions::{Block, Decisions, Entry, Log, Word, Writer},
    verdict,
};

use super::*;
use crate::{
    record::decisions::meaning,
    run::{Options, progress::Progress, simulate},
    scenario::load_text,
};

/// Throttles, retries with jitter, failover, and hedges.
const SCENARIO: &str = "version: 1
name: gate
question: Does anything change?
replications: 2
seed: 7
targets:
  east: { on_demand: { region: us-east-1, model: m } }
  west: { on_demand: { region: us-west-2, model: m } }
world:
  models:
    m: { first_token: { log_normal: { p50: 100ms, p99: 900ms } }, per_token: 5ms, max_output: 100 }
  quotas: { on_demand: { us-east-1: { requests: 300/min }, us-west-2: { requests: 6000/min } } }
traffic:
  mix:
    ask: { share: 100%, api: converse_stream, input: 10, output: 20, max_tokens: 50 }
  phases:
    - { name: all, for: 40s, rate: 20/s }
strategies:
  retries: { sdk: { target: east } }
  ours: { composed: { preset: balanced, tiers: [[east, west]] } }
";

fn plan(text: &str) -> Plan {
    match load_text("gate.yaml", text, Path::new("")) {
        Ok(checked) => checked.plan,
        Err(problems) => panic!("{}", problems.render(false)),
    }
}

fn play(plan: &Plan) -> RunFile {
    let options = Options {
        jobs: 2,
        trace: None,
        file: "gate.yaml",
        interrupted: &AtomicBool::new(false),
        progress: &Progress::silent(),
    };
    simulate(plan, &options).expect("it runs").run
}

fn baseline(plan: &Plan) -> RunFile {
    let mut run = play(plan);
    write_down(plan, &mut run, 2).expect("it plays the same again");
    run
}

fn check(base: &RunFile, plan: &Plan) -> (gate::Gate, Vec<Parted>) {
    let now = play(plan);
    gate::comparable(base, &now).expect("comparable");
    let gate = gate::compare(base, &now, &verdict::judge(&now), &Tolerances::default());
    (gate, partings(plan, base, &now, 2).expect("followed"))
}

#[test]
fn what_did_not_change_is_the_same_in_every_event() {
    let plan = plan(SCENARIO);
    let (gate, parted) = check(&baseline(&plan), &plan);
    assert!(gate.passed, "{:?}", gate.why);
    assert_eq!(gate.why, ["every event is as it was"]);
    assert!(gate.strategies.iter().all(|one| one.behaviour == Behaviour::Same));
    assert_eq!((gate.count(Outcome::Regressed), gate.count(Outcome::Improved), parted), (0, 0, Vec::new()));
}

#[test]
fn a_run_of_other_code_is_not_saved_with_decisions_that_it_did_not_take() {
    let plan = plan(SCENARIO);
    let mut run = play(&plan);
    run.cells[2].trace_hash = "0123456789abcdef".to_owned();
    let error = write_down(&plan, &mut run, 1).expect_err("refused").to_string();
    assert_eq!(
        error,
        "ours, replication 0 does not play as it did when the run was made; run it again, then save it"
    );
}

#[test]
fn a_setting_that_changes_a_decision_is_told_with_both_decisions() {
    let base = baseline(&plan(SCENARIO));
    let fewer = plan(&SCENARIO.replace("sdk: { target: east }", "sdk: { target: east, max_attempts: 2 }"));
    let (gate, parted) = check(&base, &fewer);
    assert!(!gate.passed, "{:?}", gate.why);
    let [parted] = parted.as_slice() else { panic!("one strategy changed: {parted:?}") };
    assert_eq!((parted.strategy.as_str(), parted.replication), ("retries", 0));
    let (was, now) =
        (parted.parting.was.as_deref().expect("told"), parted.parting.now.as_deref().expect("told"));
    assert!(
        was.starts_with("send to east after ") && now == "no further attempt (no attempts left)",
        "{parted:?}"
    );
    assert!(!parted.parting.world && parted.parting.request.is_some(), "{parted:?}");
    assert!(parted.parting.same_until_s <= parted.parting.at_s);
}

#[test]
fn a_world_that_answers_otherwise_is_told_apart_from_decisions() {
    let base = baseline(&plan(SCENARIO));
    let slower = plan(&SCENARIO.replace("per_token: 5ms", "per_token: 6ms"));
    let (_, parted) = check(&base, &slower);
    assert_eq!(parted.len(), 2);
    assert!(parted.iter().all(|one| one.parting.world), "{parted:?}");
}

#[test]
fn one_answer_that_became_a_failure_is_found_among_thousands() {
    let base = baseline(&plan(SCENARIO));
    let fault = "faults:\n  - once: { error_burst: { errors: { InternalServerException: 100% } }, hits: 1, during: { from: 30s, for: 5s } }\nstrategies:";
    let (gate, parted) = check(&base, &plan(&SCENARIO.replace("strategies:", fault)));
    assert!(gate.strategies.iter().all(|one| one.behaviour == Behaviour::Changed));
    for one in &parted {
        assert!((30.0..35.0).contains(&one.parting.at_s), "{one:?}");
        let now = one.parting.now.as_deref().expect("told");
        assert!(now.ends_with("failed: server fault"), "{one:?}");
    }
    assert_eq!(parted.len(), 2);
}

/// The log with its words in one list, so that an entry can be put in another's place.
fn packed(log: &Log) -> Decisions {
    let mut writer = Writer::default();
    let mut blocks = log.blocks.iter();
    for entry in &log.entries {
        let word = writer.word(log.words[entry.word as usize].clone());
        writer.push(Entry { word, ..*entry });
    }
    blocks.by_ref().for_each(|block: &Block| writer.block(*block));
    writer.finish(log.events)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// As if the code that saved the baseline had decided otherwise just once.
    #[test]
    fn any_single_decision_that_changed_is_the_one_that_is_named(
        cell in 0_usize..4,
        place in any::<prop::sample::Index>(),
        how in 0_u8..3,
    ) {
        let plan = plan(SCENARIO);
        let mut base = baseline(&plan);
        let mut log = base.cells[cell].decisions.as_ref().expect("written down").unpack().expect("whole");
        let decisions: Vec<usize> = (0..log.entries.len())
            .filter(|at| log.words[log.entries[*at].word as usize].kind.is_decision())
            .collect();
        let at = decisions[place.index(decisions.len())];
        let mut word: Word = log.words[log.entries[at].word as usize].clone();
        match how {
            0 => word.target = Some("north".to_owned()),
            1 => word.why = Some("whim".to_owned()),
            _ => log.entries[at].wait_ns = log.entries[at].wait_ns.wrapping_add(1),
        }
        // A stop has no wait that could be another.
        if how == 2 && !word_waits(&word) {
            return Ok(());
        }
        log.words.push(word);
        log.entries[at].word = log.words.len() as u32 - 1;
        let was = log.tell(&log.entries[at], meaning);
        base.cells[cell].decisions = Some(packed(&log));
        base.cells[cell].trace_hash = "another".to_owned();
        let (gate, parted) = check(&base, &plan);
        let [parted] = parted.as_slice() else { panic!("one cell changed: {parted:?}") };
        prop_assert_eq!(parted.parting.was.as_deref(), Some(was.as_str()));
        prop_assert!(parted.parting.now.is_some() && parted.parting.request.is_some() && !parted.parting.world);
        prop_assert_eq!(gate.changed_strategies().count(), 1);
    }
}

fn word_waits(word: &Word) -> bool {
    use richter_reports::run_file::decisions::WordKind;
    matches!(word.kind, WordKind::Send | WordKind::SendCapped | WordKind::Wait)
}
