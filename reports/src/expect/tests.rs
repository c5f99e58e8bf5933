use super::*;
use crate::{
    run_file::RunFile,
    synthetic::{self, Sketch, sketches},
    tally::View,
};

fn spec(json: &str) -> ExpectSpec {
    serde_json::from_str(json).expect(json)
}

fn known() -> Names<'static> {
    Names {
        strategies: vec!["one-region", "sdk-retries", "richter"],
        phases: vec!["warm", "spike", "after"],
        targets: vec!["east", "west"],
        models: vec!["amazon.nova-lite-v1:0"],
        faults: vec!["brown_out_west"],
    }
}

#[test]
fn the_forms_of_the_scenario_file_are_read_and_written_back() {
    for json in [
        r#"{"that":"success >= 99%","of":"richter","in":"spike"}"#,
        r#"{"that":"recovery <= 30s","of":["richter","one-region"],"after":"spike"}"#,
        r#"{"that":"amplification <= 1.3","of":"richter"}"#,
        r#"{"that":"goodput","of":"richter","better_than":"sdk-retries","by":"20%"}"#,
        r#"{"that":"share(west) <= 50%"}"#,
        r#"{"that":"ttft.p99.9<2s","in":["spike","after"]}"#,
        r#"{"that":"detect <= 10s","after":"brown_out_west"}"#,
    ] {
        let spec = spec(json);
        assert_eq!(spec.check(&known()), [], "{json}");
        assert_eq!(serde_json::to_string(&spec).expect("serializes"), json);
    }
}

#[test]
fn what_is_no_expectation_is_refused_when_read() {
    for (json, told) in [
        (r#"{"of":"richter"}"#, "missing field `that`"),
        (r#"{"that":"success >= 99%","off":"richter"}"#, "unknown field `off`"),
        (r#"{"that":"success >= 99%","of":[]}"#, "the list is empty; leave the key out to mean all"),
        (r#"{"that":"success >= 99%","of":7}"#, "a name or a list of names"),
        (r#"{"that":"success >= 99%","of":[7]}"#, "expected a string"),
    ] {
        let error = serde_json::from_str::<ExpectSpec>(json).expect_err(json).to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn every_problem_is_told_with_its_place_and_what_to_write() {
    let cases = [
        r#"{"that":"succes >= 99%"}"#,
        r#"{"that":"success >= 99"}"#,
        r#"{"that":"ttft.p99 <= 2"}"#,
        r#"{"that":"cost <= 5"}"#,
        r#"{"that":"success"}"#,
        r#"{"that":"success = 99%"}"#,
        r#"{"that":"success => 99%"}"#,
        r#"{"that":"success >== 99%"}"#,
        r#"{"that":"success >= 99% >= 5%"}"#,
        r#"{"that":"success >= 99%","of":"richtre","in":"spikes"}"#,
        r#"{"that":"success >= 99%","of":["richter","nobody-at-all"]}"#,
        r#"{"that":"recovery <= 30s"}"#,
        r#"{"that":"recovery <= 30s","after":"brown_out","in":"spike"}"#,
        r#"{"that":"success >= 99%","after":"spike"}"#,
        r#"{"that":"share(nort) >= 99%"}"#,
        r#"{"that":"share(east) ","better_than":"richter"}"#,
        r#"{"that":"goodput >= 3%","better_than":"richter"}"#,
        r#"{"that":"goodput","better_than":"richter","of":"richter"}"#,
        r#"{"that":"goodput","better_than":"richter","by":"20"}"#,
        r#"{"that":"ttft.p99","better_than":"richter","by":"100%"}"#,
        r#"{"that":"goodput >= 3%","by":"20%"}"#,
        r#"{"that":""}"#,
    ];
    let mut told = String::new();
    for json in cases {
        let problems = spec(json).check(&known());
        assert!(!problems.is_empty(), "{json}");
        told.push_str(&format!("{json}\n"));
        for problem in problems {
            told.push_str(&format!(
                "    {}: {}; {}\n",
                problem.path.join("."),
                problem.message,
                problem.hint
            ));
        }
    }
    insta::assert_snapshot!(told);
}

fn judged(run: &RunFile, json: &str) -> Vec<(String, Outcome, String)> {
    let results = judge(&View::new(run), &spec(json));
    results.into_iter().map(|result| (result.strategy, result.outcome, result.measured)).collect()
}

fn one(run: &RunFile, json: &str) -> (Outcome, String) {
    let results = judged(run, json);
    let [(_, outcome, measured)] = results.as_slice() else { panic!("{results:?}") };
    (*outcome, measured.clone())
}

#[test]
fn a_bound_holds_or_does_not_for_each_strategy() {
    let results = judged(&synthetic::usual(), r#"{"that":"success >= 60%","in":"spike"}"#);
    let expected = [
        ("one-region", Outcome::Failed, "60.0%"), // 17,990 of 30,000
        ("sdk-retries", Outcome::Failed, "50.0%"),
        ("richter", Outcome::Passed, "98.0%"),
    ];
    assert_eq!(results, expected.map(|(name, outcome, text)| (name.to_owned(), outcome, text.to_owned())));
}

#[test]
fn a_bound_that_is_met_exactly_holds() {
    for (comparator, measured, bound, holds) in [
        (Comparator::AtLeast, 999.0 / 1000.0, 99.9 / 100.0, true),
        (Comparator::AtMost, 0.1 + 0.2, 0.3, true),
        (Comparator::Above, 0.1 + 0.2, 0.3, false),
        (Comparator::Below, 0.3, 0.3, false),
        (Comparator::AtMost, 0.0, 0.0, true),
        (Comparator::Below, 0.0, 0.0, false),
        (Comparator::AtLeast, f64::INFINITY, 60.0, true),
        (Comparator::AtMost, f64::INFINITY, 60.0, false),
    ] {
        assert_eq!(comparator.holds(measured, bound), holds, "{measured} {comparator:?} {bound}");
    }
}

#[test]
fn recovery_is_judged_after_its_trigger_and_never_is_more_than_any_bound() {
    let run = synthetic::usual();
    assert_eq!(
        one(&run, r#"{"that":"recovery <= 30s","of":"richter","after":"spike"}"#),
        (Outcome::Passed, "0 s".to_owned())
    );
    let stuck = r#"{"that":"recovery > 60s","of":"sdk-retries","after":"spike"}"#;
    assert_eq!(one(&run, stuck), (Outcome::Passed, "never".to_owned()));
}

#[test]
fn too_few_samples_are_not_a_pass() {
    let mut run = synthetic::run(&[Sketch { good: [100, 100, 100], ..sketches().remove(0) }], 1);
    let p = |p: &str| format!(r#"{{"that":"ttft.{p} <= 60s","in":"after"}}"#);
    // 2,400 requests: enough for p99.7 (1,667), not for p99.9 (5,000).
    assert_eq!(one(&run, &p("p99.7")).0, Outcome::Passed);
    let results = judge(&View::new(&run), &spec(&p("p99.9")));
    assert_eq!(results[0].outcome, Outcome::NotEnoughData);
    assert_eq!(results[0].note.as_deref(), Some("2,400 samples, needs 5,000"));
    run.cells.clear();
    assert_eq!(one(&run, r#"{"that":"success >= 0%"}"#).0, Outcome::NotEnoughData);
}

#[test]
fn better_is_said_only_beyond_the_margin_and_with_enough_replications() {
    let run = synthetic::usual();
    let than = |by: &str| {
        format!(r#"{{"that":"goodput","of":"richter","better_than":"one-region","in":"spike","by":"{by}"}}"#)
    };
    // 98 % of 6,000 against 60 %: 63.4 % more, whatever the replication.
    assert_eq!(one(&run, &than("60%")), (Outcome::Passed, "63.4% more (63.4% to 63.4%)".to_owned()));
    assert_eq!(one(&run, &than("65%")).0, Outcome::Failed);
    let worse = r#"{"that":"goodput","of":"one-region","better_than":"richter","in":"spike"}"#;
    assert_eq!(one(&run, worse).0, Outcome::Failed);
    let few = synthetic::run(&sketches(), 2);
    let results = judge(&View::new(&few), &spec(&than("0%")));
    assert_eq!(results[0].outcome, Outcome::NotEnoughData);
    assert_eq!(results[0].note.as_deref(), Some("2 replications, needs 3"));
}

#[test]
fn identical_strategies_are_never_better() {
    let twins = [sketches().remove(2), Sketch { name: "twin", ..sketches().remove(2) }];
    let run = synthetic::run(&twins, 5);
    for metric in ["goodput", "ttft.p50", "cost", "amplification"] {
        let json = format!(r#"{{"that":"{metric}","of":"twin","better_than":"richter"}}"#);
        assert_eq!(one(&run, &json).0, Outcome::Failed, "{metric}");
    }
}

#[test]
fn without_of_every_strategy_but_the_one_to_beat_is_judged() {
    let results = judged(&synthetic::usual(), r#"{"that":"goodput","better_than":"one-region"}"#);
    let names: Vec<&str> = results.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["sdk-retries", "richter"]);
}

#[test]
fn an_expectation_that_the_run_cannot_answer_is_unclear_and_does_not_panic() {
    let run = synthetic::usual();
    for json in [
        r#"{"that":"nonsense","of":"richter"}"#,
        r#"{"that":"success >= 1%","of":"nobody"}"#,
        r#"{"that":"success >= 1%","of":"richter","in":"nowhere"}"#,
        r#"{"that":"recovery <= 1s","of":"richter"}"#,
        r#"{"that":"goodput","of":"richter","better_than":"nobody"}"#,
        r#"{"that":"share(nowhere) <= 1%","of":"richter"}"#,
    ] {
        assert_eq!(one(&run, json).0, Outcome::NotEnoughData, "{json}");
    }
}
