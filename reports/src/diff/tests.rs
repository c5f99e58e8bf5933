use super::*;
use crate::{
    run_file::decisions::{Entry, Word, WordKind, Writer},
    synthetic::{self, sketches},
    text::Options,
};

fn slower() -> RunFile {
    let mut sketches = sketches();
    sketches[0].first_token_ms = 440;
    sketches[0].good = [100, 59, 100];
    let mut run = synthetic::run(&sketches, 5);
    for cell in run.cells.iter_mut().filter(|cell| cell.strategy == 0) {
        cell.trace_hash.push('x');
    }
    run.cells[0].reasons.insert("attempts_spent".to_owned(), 7);
    run
}

fn logged(target: &str) -> decisions::Decisions {
    let mut writer = Writer::default();
    let word = |kind, target: &str| Word {
        kind,
        after: 0,
        target: Some(target.to_owned()),
        why: Some("first_choice".to_owned()),
    };
    let east = writer.word(word(WordKind::Send, "east"));
    writer.push(Entry { word: east, wait_ns: 0, max_tokens: 0 });
    let other = writer.word(word(WordKind::Send, target));
    writer.push(Entry { word: other, wait_ns: 0, max_tokens: 0 });
    writer.finish(5)
}

#[test]
fn a_run_does_not_differ_from_itself() {
    let run = synthetic::usual();
    let mut later = run.clone();
    later.when.started = "2027-01-01T00:00:00Z".to_owned();
    let diff = diff(&run, &later);
    assert!(diff.same && diff.asked.is_empty());
    assert_eq!(render(&diff, &Options::default()), "SAME  viral-spike: no event and no number differs\n");
}

#[test]
fn the_text_tells_numbers_reasons_and_where_they_part() {
    let mut was = synthetic::usual();
    let mut now = slower();
    was.cells[0].decisions = Some(logged("east"));
    now.cells[0].decisions = Some(logged("west"));
    now.strategies[0].worst_attempts = 5;
    now.faults.clear();
    now.cells.iter_mut().for_each(|cell| cell.faults.clear());
    insta::assert_snapshot!(render(&diff(&was, &now), &Options::default()));
}

#[test]
fn other_luck_is_compared_as_wholes_and_says_what_chance_explains() {
    let was = synthetic::usual();
    let mut now = slower();
    now.scenario.seed = 43;
    let diff = diff(&was, &now);
    let find = |name: &str| diff.strategies[0].numbers.iter().find(|one| one.name == name).expect("differs");
    assert_eq!(find("ttft p50").certainty, Certainty::Real);
    assert_eq!(diff.strategies[0].parting, None);
    // One good answer fewer in each replication after the first: less than the replications differ by themselves.
    let mut noise = synthetic::usual();
    noise.scenario.seed = 43;
    noise.cells[6].phases[1].good -= 1;
    let diff = super::diff(&was, &noise);
    let find = |name: &str| diff.strategies[1].numbers.iter().find(|one| one.name == name).expect("differs");
    assert_eq!(find("good").certainty, Certainty::Chance);
}

#[test]
fn what_one_run_lacks_is_told_and_not_compared() {
    let was = synthetic::usual();
    let now = synthetic::run(&sketches()[..2], 3);
    let diff = diff(&was, &now);
    assert_eq!(diff.strategies.len(), 2);
    assert!(diff.asked.iter().any(|told| told.starts_with("strategy richter is gone")), "{:?}", diff.asked);
    assert!(diff.asked.contains(&"replications: 5, then 3".to_owned()), "{:?}", diff.asked);
    assert_eq!(diff.strategies[0].replications, 3);
    assert!(diff.to_json().is_ok());
}
