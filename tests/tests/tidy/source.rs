//! What a file may hold, and how long it may be.

use super::{File, files_under, refuse};

/// Past this, a file is two rooms.
const LINES_MAX: usize = 450;

/// Files that may be longer, each with its reason.
const LONG: &[(&str, &str)] = &[];

/// Words that must not stand in Rust source, and why. Split, so that this file may name them.
const FORBIDDEN: [(&str, &str); 5] = [
    (
        concat!("#[", "allow("),
        "say #[expect(.., reason = \"..\")], which notices when it is no longer needed",
    ),
    (
        concat!("#![", "allow("),
        "say #![expect(.., reason = \"..\")], which notices when it is no longer needed",
    ),
    (concat!("to", "do!("), "finish it, or leave it out"),
    (concat!("unimpl", "emented!("), "finish it, or leave it out"),
    (concat!("#[", "ignore"), "a test that does not run tests nothing"),
];

/// Top folders that only exist on somebody's machine.
const MACHINE_FOLDERS: [&str; 7] = ["home", "root", "Users", "work", "mnt", "media", "tmp"];

fn rust_files() -> Vec<File> {
    files_under("").into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

fn forbidden_words(file: &File) -> Vec<String> {
    let lines = file.text.lines().enumerate();
    let found = lines.flat_map(|(i, line)| {
        let words = FORBIDDEN.iter().filter(move |(word, _)| line.contains(word));
        words.map(move |(word, instead)| format!("{}:{}: {word}: {instead}", file.path, i + 1))
    });
    found.collect()
}

/// Whether a line names a place on one machine: a top folder of a person's disk, at the start of a path.
fn names_a_machine_path(line: &str) -> bool {
    line.match_indices('/').any(|(at, _)| {
        let starts =
            line[..at].chars().next_back().is_none_or(|c| !c.is_alphanumeric() && !"/._-~)}>".contains(c));
        let folder = line[at + 1..].split('/').next().filter(|folder| at + 1 + folder.len() < line.len());
        starts && folder.is_some_and(|folder| MACHINE_FOLDERS.contains(&folder))
    })
}

fn file(path: &str, text: &str) -> File {
    File { path: path.to_owned(), text: text.to_owned() }
}

#[test]
fn no_source_file_holds_a_forbidden_word() {
    let breaches: Vec<String> = rust_files().iter().flat_map(forbidden_words).collect();
    refuse("forbidden in source", &breaches);
}

#[test]
fn a_forbidden_word_is_found_with_its_line() {
    let found = forbidden_words(&file("a.rs", concat!("fn a() {\n    to", "do!()\n}\n")));
    assert_eq!(found, [concat!("a.rs:2: to", "do!(: finish it, or leave it out")]);
    assert!(forbidden_words(&file("a.rs", "#[expect(dead_code, reason = \"later\")]\n")).is_empty());
}

#[test]
fn modules_stand_beside_their_folders() {
    let breaches: Vec<String> =
        rust_files().into_iter().map(|file| file.path).filter(|path| path.ends_with("/mod.rs")).collect();
    refuse("write x.rs beside x/, not x/mod.rs", &breaches);
}

#[test]
fn every_source_file_says_first_what_it_is_for() {
    let silent = rust_files()
        .into_iter()
        .filter(|file| !file.path.ends_with("/tests.rs") && !file.text.starts_with("//!"));
    let breaches: Vec<String> = silent.map(|file| file.path).collect();
    refuse("a file starts with //! and what it is for", &breaches);
}

#[test]
fn no_source_file_is_two_rooms() {
    let long = |file: &File| {
        let lines = file.text.lines().count();
        let excused = LONG.iter().any(|(path, _)| *path == file.path);
        (lines > LINES_MAX && !excused).then(|| format!("{}: {lines} lines", file.path))
    };
    let breaches: Vec<String> = rust_files().iter().filter_map(long).collect();
    refuse(&format!("a file has more than {LINES_MAX} lines; split it, or give a reason in LONG"), &breaches);
}

#[test]
fn no_reason_for_length_outlives_its_file() {
    let files = rust_files();
    let is_long = |path: &str| files.iter().any(|f| f.path == path && f.text.lines().count() > LINES_MAX);
    let stale: Vec<String> = LONG
        .iter()
        .filter(|(path, _)| !is_long(path))
        .map(|(path, reason)| format!("{path}: {reason}"))
        .collect();
    refuse("LONG excuses a file that is gone or short enough", &stale);
}

#[test]
fn no_file_names_a_place_on_one_machine() {
    let places = |file: &File| {
        let lines = file.text.lines().enumerate().filter(|(_, line)| names_a_machine_path(line));
        lines.map(|(i, line)| format!("{}:{}: {}", file.path, i + 1, line.trim())).collect::<Vec<_>>()
    };
    let breaches: Vec<String> = files_under("").iter().flat_map(places).collect();
    refuse("an absolute path that only exists on one machine", &breaches);
}

#[test]
fn a_machine_path_is_told_from_a_url_and_a_relative_path() {
    let table = [
        (concat!("cd /", "home/ada/richter"), true),
        (concat!("\"/", "tmp/out.json\""), true),
        (concat!("folder=/", "work/x"), true),
        ("https://example.com/home/page", false),
        ("harness/tmp/x", false),
        ("../media/x", false),
        ("${root}/home/x", false),
        ("#!/usr/bin/env bash", false),
        ("requests /s", false),
        ("/tmpfs/x", false),
    ];
    for (line, expected) in table {
        assert_eq!(names_a_machine_path(line), expected, "{line}");
    }
}
