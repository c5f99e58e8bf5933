mod rates;

use super::*;
use crate::{
    run_file::RunFile,
    synthetic::{self, Sketch, sketches},
    text::Options,
    verdict::judge,
};

fn compared(base: &RunFile, now: &RunFile, tolerances: &[&str]) -> Gate {
    comparable(base, now).expect("comparable");
    let tolerances = tolerances.iter().map(|text| text.parse::<Tolerance>().expect("a tolerance")).collect();
    compare(base, now, &judge(now), &tolerances)
}

/// The usual run, in which one strategy got slower and another better.
fn changed() -> RunFile {
    let mut sketches = sketches();
    sketches[0].first_token_ms = 440;
    sketches[2] = Sketch { name: "richter", good: [100, 99, 100], ..sketches[2] };
    let mut run = synthetic::run(&sketches, 5);
    for cell in run.cells.iter_mut().filter(|cell| cell.strategy != 1) {
        cell.trace_hash.push('x');
    }
    run
}

fn with_parting(mut gate: Gate) -> Gate {
    gate.add_parting(
        "one-region",
        0,
        Parting {
            request: Some("1.12".to_owned()),
            at_s: 61.234,
            same_until_s: 61.2,
            world: false,
            was: Some("send to west (another target after a failure)".to_owned()),
            now: Some("no further attempt (every target was tried)".to_owned()),
        },
    );
    gate
}

fn outcome(gate: &Gate, strategy: &str, metric: &str) -> Outcome {
    let found = gate.strategies.iter().find(|one| one.strategy == strategy).expect("there");
    found.metrics.iter().find(|one| one.metric == metric).expect("there").outcome
}

#[test]
fn a_run_that_is_its_own_baseline_passes() {
    let run = synthetic::usual();
    let gate = compared(&run, &run, &[]);
    assert!(gate.passed);
    assert_eq!((gate.count(Outcome::Regressed), gate.count(Outcome::Improved)), (0, 0));
    assert_eq!(gate.why, ["every event is as it was"]);
}

#[test]
fn in_the_simulation_any_worsening_fails_unless_it_is_tolerated() {
    let gate = compared(&synthetic::usual(), &changed(), &[]);
    assert_eq!(outcome(&gate, "one-region", "ttft_p50"), Outcome::Regressed);
    assert_eq!(outcome(&gate, "richter", "goodput"), Outcome::Improved);
    assert_eq!(outcome(&gate, "sdk-retries", "goodput"), Outcome::Same);
    assert_eq!((gate.passed, gate.why[0].as_str()), (false, "1 number regressed"));
    let gate = compared(&synthetic::usual(), &changed(), &["20%"]);
    assert_eq!(outcome(&gate, "one-region", "ttft_p50"), Outcome::Same);
    assert!(gate.passed, "{:?}", gate.why);
    assert_eq!(gate.why[0].split(';').next(), Some("2 of 3 strategies decide otherwise"));
}

#[test]
fn a_broken_expectation_fails_the_check_whatever_the_baseline_says() {
    let mut run = synthetic::usual();
    run.expect = vec![crate::expect::ExpectSpec { that: "success >= 99%".to_owned(), ..Default::default() }];
    let gate = compared(&run, &run, &[]);
    assert_eq!((gate.passed, gate.why[0].as_str()), (false, "3 of 3 expectations did not hold"));
}

#[test]
fn runs_that_were_asked_other_things_are_not_compared() {
    let base = synthetic::usual();
    let told = |change: &dyn Fn(&mut RunFile)| {
        let mut now = synthetic::usual();
        change(&mut now);
        comparable(&base, &now).expect_err("refused").to_string()
    };
    assert_eq!(told(&|run| run.scenario.seed = 43), "the seed was 42 and is 43");
    assert_eq!(told(&|run| run.ground = Ground::Mock), "the ground was sim and is mock");
    assert_eq!(told(&|run| run.scenario.replications = 3), "the number of replications was 5 and is 3");
    assert!(
        told(&|run| run.phases[1].to_s = 130.0)
            .starts_with("the phases were warm (0 to 60 s, not measured), ")
    );
    assert_eq!(
        told(&|run| run.status = crate::run_file::Status::Interrupted),
        "the run did not go to its end"
    );
}

#[test]
fn what_is_missing_on_one_side_is_said_and_never_counted_as_a_pass() {
    let base = synthetic::usual();
    let mut now = synthetic::usual();
    now.strategies[2].name = "newcomer".to_owned();
    let gate = compared(&base, &now, &[]);
    assert_eq!(gate.strategies.len(), 2);
    assert_eq!(
        gate.notes,
        [
            "richter is in the baseline and not in this run",
            "newcomer is not in the baseline, and was compared with nothing"
        ]
    );
    let nobody = synthetic::run(&sketches()[..1], 5);
    let mut others = nobody.clone();
    others.strategies[0].name = "newcomer".to_owned();
    let gate = compared(&nobody, &others, &[]);
    assert_eq!((gate.passed, gate.why[0].as_str()), (false, "no strategy of the run is in the baseline"));
}

#[test]
fn a_number_that_is_no_longer_measured_is_not_enough_data() {
    let mut now = synthetic::usual();
    now.cells.iter_mut().flat_map(|cell| &mut cell.phases).for_each(|phase| phase.cost_usd = None);
    let gate = compared(&synthetic::usual(), &now, &[]);
    assert_eq!(outcome(&gate, "richter", "cost"), Outcome::NotEnoughData);
}

#[test]
fn the_text_reads_from_the_verdict_down() {
    let gate = with_parting(compared(&synthetic::usual(), &changed(), &[]));
    let options = Options { run_file: Some("out/viral-spike/run.json".to_owned()), ..Options::default() };
    insta::assert_snapshot!(render(&gate, &options));
}

#[test]
fn markdown_fits_a_comment_and_reads_from_the_verdict_down() {
    let gate = with_parting(compared(&synthetic::usual(), &changed(), &[]));
    insta::assert_snapshot!(markdown(std::slice::from_ref(&gate)));
    let many = markdown(&vec![gate; 100]);
    assert!(many.chars().count() <= crate::format::MARKDOWN_LIMIT);
}

#[test]
fn junit_has_a_case_for_each_number_and_says_what_regressed() {
    let gate = with_parting(compared(&synthetic::usual(), &changed(), &[]));
    insta::assert_snapshot!(junit(std::slice::from_ref(&gate)).expect("serializes"));
}

#[test]
fn json_is_versioned_and_says_what_was_and_is() {
    let gate = with_parting(compared(&synthetic::usual(), &changed(), &[]));
    let bytes = json(std::slice::from_ref(&gate)).expect("serializes");
    insta::assert_snapshot!(String::from_utf8(bytes).expect("text"));
}

#[test]
fn names_of_strangers_are_only_names() {
    let hostile = "=a\"|<script>`*@everyone*`\u{202e}\u{1b}]]>\n, 🚀";
    let mut run = synthetic::usual();
    run.strategies[0].name = hostile.to_owned();
    run.scenario.name = hostile.to_owned();
    let mut now = run.clone();
    now.cells[0].trace_hash.clear();
    let gate = compared(&run, &now, &[]);
    let (text, page) = (render(&gate, &Options::default()), markdown(std::slice::from_ref(&gate)));
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
    assert!(!page.contains("<script") && !page.contains("@everyone"));
    let xml = junit(std::slice::from_ref(&gate)).expect("serializes");
    quick_junit::Report::deserialize_from_str(&xml).expect("JUnit");
}
