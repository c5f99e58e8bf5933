//! Who may know whom: core, mock-bedrock and reports never import each other, nor the harness that joins them.

use std::collections::BTreeMap;

use super::{PARTS, cargo, files_under, refuse, root};

/// Names of the packages of this repository that each package depends on, in whatever way.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a workspace has packages");
    packages.iter().map(|package| (text(&package["name"]), ours(&package["dependencies"]))).collect()
}

fn ours(dependencies: &serde_json::Value) -> Vec<String> {
    let names = dependencies.as_array().into_iter().flatten().map(|dependency| text(&dependency["name"]));
    names.filter(|name| name.starts_with("richter")).collect()
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().expect("a package has a name").to_owned()
}

/// Lines of one part's source that name another part.
fn foreign_names(own: &str, path: &str, source: &str) -> Vec<String> {
    let foreign = |line: &str| {
        line.contains("richter::")
            || PARTS.iter().any(|(_, name)| *name != own && line.contains(&format!("{name}::")))
    };
    let lines = source.lines().enumerate().filter(|(_, line)| foreign(line));
    lines.map(|(i, line)| format!("{path}:{}: {}", i + 1, line.trim())).collect()
}

#[test]
fn core_mock_bedrock_and_reports_depend_on_nothing_of_ours() {
    let dependencies = dependencies();
    for (_, name) in PARTS {
        let package = name.replace('_', "-");
        assert_eq!(dependencies[&package], Vec::<String>::new(), "{package} must know no other part");
    }
    assert_eq!(dependencies["richter"].len(), 3, "the harness joins the three parts and nothing else");
}

#[test]
fn core_mock_bedrock_and_reports_never_name_each_other_in_source() {
    let breaches: Vec<String> = PARTS
        .iter()
        .flat_map(|(folder, own)| files_under(folder).into_iter().map(move |file| (own, file)))
        .flat_map(|(own, file)| foreign_names(own, &file.path, &file.text))
        .collect();
    refuse("a part names another part", &breaches);
}

#[test]
fn naming_another_part_is_seen_and_naming_oneself_is_not() {
    let source = "use richter_core::Nanos;\nuse richter_reports::stats;\nlet x = richter::run();\n";
    let breaches = foreign_names("richter_core", "a.rs", source);
    assert_eq!(breaches, ["a.rs:2: use richter_reports::stats;", "a.rs:3: let x = richter::run();"]);
}

#[test]
fn every_package_keeps_the_lints_of_the_workspace() {
    let manifests = ["core", "mock-bedrock", "reports", "harness", "tests"];
    let without = |folder: &&str| {
        let manifest = std::fs::read_to_string(root().join(folder).join("Cargo.toml"));
        !manifest.expect("every part is a package").contains("[lints]\nworkspace = true\n")
    };
    let breaches: Vec<String> =
        manifests.iter().filter(|f| without(f)).map(|f| format!("{f}/Cargo.toml")).collect();
    refuse("a package has its own lints; write [lints] workspace = true", &breaches);
}

/// Lines that name one strategy by its variant. Tests may: theirs are in files of their own.
fn variants_named(path: &str, source: &str) -> Vec<String> {
    let names = |line: &str| {
        line.split("StrategySpec::").skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
    };
    let lines = source.lines().enumerate().filter(|(_, line)| names(line));
    lines.map(|(i, line)| format!("{path}:{}: {}", i + 1, line.trim())).collect()
}

/// Whoever adds a strategy writes its file and its line in the list, and nobody else has to hear of it.
#[test]
fn a_strategy_is_known_by_name_to_its_own_file_and_to_the_list_alone() {
    let list = "core/src/strategy.rs";
    let ours = ["core/src", "mock-bedrock/src", "reports/src", "harness/src"];
    let files = ours.iter().flat_map(|folder| files_under(folder));
    let others = files.filter(|file| file.path != list && !file.path.contains("/tests"));
    let breaches: Vec<String> = others.flat_map(|file| variants_named(&file.path, &file.text)).collect();
    refuse("code that is not the list of strategies names one of them", &breaches);
    let seen = variants_named("a.rs", "StrategySpec::build();\nmatch x { StrategySpec::Cris(_) => 1 }");
    assert_eq!(seen, ["a.rs:2: match x { StrategySpec::Cris(_) => 1 }"]);
}
