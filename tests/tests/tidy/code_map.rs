//! ARCHITECTURE.md has a code map; every path on it exists, and every top-level module is on it.

use super::{files_under, markdown, read, refuse, root};

const SOURCES: [&str; 4] = ["core/src/", "mock-bedrock/src/", "reports/src/", "harness/src/"];

/// Paths on the map: code spans with a slash.
fn mapped(architecture: &str) -> Vec<&str> {
    let spans = markdown::code_spans(markdown::section(architecture, "## Code map"));
    spans.into_iter().filter(|span| span.contains('/')).collect()
}

/// Whether a file is a module of its crate's first level.
fn is_top_level(path: &str) -> bool {
    let name = SOURCES.iter().find_map(|source| path.strip_prefix(source));
    name.is_some_and(|name| name.ends_with(".rs") && !name.contains('/') && name != "lib.rs")
}

#[test]
fn every_path_on_the_code_map_exists() {
    let architecture = read("ARCHITECTURE.md");
    let paths = mapped(&architecture);
    assert!(paths.len() > SOURCES.len(), "the code map is nearly empty: {paths:?}");
    let gone: Vec<String> =
        paths.into_iter().filter(|path| !root().join(path).exists()).map(str::to_owned).collect();
    refuse("ARCHITECTURE.md maps what is not there", &gone);
}

#[test]
fn every_top_level_module_is_on_the_code_map() {
    let architecture = read("ARCHITECTURE.md");
    let paths = mapped(&architecture);
    let modules = files_under("").into_iter().map(|file| file.path).filter(|path| is_top_level(path));
    let missing: Vec<String> = modules.filter(|path| !paths.contains(&path.as_str())).collect();
    refuse("ARCHITECTURE.md, \"## Code map\", lacks a module", &missing);
}

#[test]
fn only_the_first_level_must_be_mapped() {
    assert!(is_top_level("core/src/flight.rs"));
    assert!(!is_top_level("core/src/strategy/direct.rs"));
    assert!(!is_top_level("core/src/lib.rs"));
    assert!(!is_top_level("tests/src/lib.rs"));
}
