//! The checkable lines of the five reference systems: each has a test that is named after it, or a reason.

use std::collections::{BTreeMap, BTreeSet};

use super::{files_under, refuse};

/// How many lines each system has: F0.1 to F0.15, F1.1 to F1.6 and so on.
const LINES: [usize; 5] = [15, 6, 7, 10, 9];

/// Lines that no test is named after, and where they belong. The strategies' own texts say so, too.
const ELSEWHERE: &[(&str, &str)] = &[
    ("F2.3", "the metric filter on the invocation log: nothing of routing; the feature `observe` sets it up"),
    ("F2.4", "setting up logging twice: nothing of routing; the feature `observe` does it"),
    ("F2.5", "an assumed role's keys: nothing of routing; they belong to the live client"),
    (
        "F2.7",
        "what cleaning up does to the account's logging: nothing of routing; the feature `observe` does it",
    ),
    (
        "F3.6",
        "prompt caching: the mock's engine takes the cached tokens as the call tells them and keeps no cache",
    ),
    ("F3.8", "batch jobs: nobody waits for an answer, so there is nothing to route"),
    ("F3.9", "the check of a machine before the start: nothing of routing"),
];

/// Every line there is, such as F2.6.
fn lines() -> BTreeSet<String> {
    let of = |(system, count): (usize, &usize)| (1..=*count).map(move |line| format!("F{system}.{line}"));
    LINES.iter().enumerate().flat_map(of).collect()
}

/// The line that a test is named after: `fn f2_6_a_throttled_call_…` is about F2.6.
fn line_of(source: &str) -> Option<String> {
    let name = source.trim_start().strip_prefix("fn f")?;
    let mut words = name.split('_');
    let (system, line) = (words.next()?, words.next()?);
    let number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    (number(system) && number(line)).then(|| format!("F{system}.{line}"))
}

/// Tests by the line they are named after; only functions right under `#[test]` count.
fn tests_in(source: &str) -> impl Iterator<Item = String> {
    let pairs = source.lines().zip(source.lines().skip(1));
    pairs.filter(|(above, _)| above.trim() == "#[test]").filter_map(|(_, below)| line_of(below))
}

#[test]
fn every_feature_line_has_a_test_named_after_it_or_a_reason() {
    let mut tested: BTreeMap<String, usize> = BTreeMap::new();
    let sources = files_under("").into_iter().filter(|file| file.path.ends_with(".rs"));
    sources.for_each(|file| tests_in(&file.text).for_each(|line| *tested.entry(line).or_default() += 1));
    let excused: BTreeMap<&str, &str> = ELSEWHERE.iter().copied().collect();
    let known = lines();
    let mut wrong: Vec<String> = known
        .iter()
        .filter(|line| tested.contains_key(*line) == excused.contains_key(&***line))
        .map(|line| format!("{line}: it needs either a test or a reason, not both and not neither"))
        .collect();
    let named = tested.keys().map(|line| &**line).chain(excused.keys().copied());
    wrong.extend(
        named.filter(|line| !known.contains(*line)).map(|line| format!("{line}: there is no such line")),
    );
    refuse("a line of the reference systems is not shown", &wrong);
}

#[test]
fn a_test_is_about_the_line_it_begins_with() {
    let source = "#[test]\nfn f2_6_a_call() {}\nfn f2_7_no_test() {}\n    #[test]\n    fn f0_15_x() {}\n#[test]\nfn five() {}";
    assert_eq!(tests_in(source).collect::<Vec<_>>(), ["F2.6", "F0.15"]);
    assert_eq!(lines().len(), 47);
}
