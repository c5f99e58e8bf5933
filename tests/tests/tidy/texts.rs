//! What the text at the top of a strategy and of a fault must tell.

use super::{File, files_under, refuse};

/// In this order, so that two strategies can be read side by side.
const STRATEGY_HEADINGS: [&str; 6] =
    ["Idea.", "Chooses.", "Learns from.", "Cold start.", "Throttling.", "Bad at."];

/// Files that hold one kind of thing each: those that give it an `INFO`.
fn kinds_in(folder: &str) -> Vec<File> {
    let introduces =
        |file: &File| file.text.lines().any(|line| line.contains("const INFO:") && line.contains('='));
    let kinds: Vec<File> = files_under(folder).into_iter().filter(introduces).collect();
    assert!(kinds.len() > 2, "{folder} has no files with an INFO any more");
    kinds
}

/// Headings that do not begin a line of the text at the top, after the one before.
fn missing_headings(source: &str) -> Vec<&'static str> {
    let mut lines = source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_start);
    STRATEGY_HEADINGS.into_iter().filter(|heading| !lines.any(|line| line.starts_with(heading))).collect()
}

#[test]
fn every_strategy_answers_the_same_six_questions() {
    let silent = |file: &File| {
        let missing = missing_headings(&file.text);
        (!missing.is_empty()).then(|| format!("{}: {}", file.path, missing.join(" ")))
    };
    let breaches: Vec<String> = kinds_in("core/src/strategy").iter().filter_map(silent).collect();
    refuse("a strategy's text lacks a heading, or has it out of order", &breaches);
}

#[test]
fn every_fault_says_what_it_imitates() {
    let silent = |file: &File| {
        let text = file.text.lines().map_while(|line| line.strip_prefix("//!"));
        let says = text.flat_map(str::split_whitespace).any(|word| word == "Imitates");
        (!says).then(|| file.path.clone())
    };
    let breaches: Vec<String> = kinds_in("mock-bedrock/src/fault").iter().filter_map(silent).collect();
    refuse("a fault's text does not say which real event it imitates (\"Imitates ..\")", &breaches);
}

#[test]
fn a_missing_heading_is_named() {
    let whole = "//! One.\n//!\n//! Idea. a\n//! Chooses. b\n//! Learns from. c\n//! Cold start. d\n//! Throttling. e\n//! Bad at. f\n";
    assert_eq!(missing_headings(whole), Vec::<&str>::new());
    assert_eq!(missing_headings(&whole.replace("//! Bad at. f\n", "")), ["Bad at."]);
    assert_eq!(missing_headings(&whole.replace("//! Bad at.", "/// Bad at.")), ["Bad at."]);
}
