//! What the default build may pull in, and that the fuzzer tests the versions that are shipped.

use std::collections::{BTreeMap, BTreeSet};

use super::{cargo, read, refuse};

/// Names of everything that is compiled into these packages with default features.
fn tree(packages: &[&str]) -> BTreeSet<String> {
    let mut arguments = vec!["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    packages.iter().for_each(|package| arguments.extend(["--package", package]));
    let lines = cargo(&arguments);
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Versions by name, as a lock file has them.
fn locked(lock: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'))
        };
        if let (Some(name), Some(version)) = (value("name"), value("version")) {
            versions.entry(name).or_default().insert(version);
        }
    }
    versions
}

/// Packages in both locks of which `other` has a version that `main` has not.
fn drifted(main: &str, other: &str) -> Vec<String> {
    let main = locked(main);
    let known = |(name, versions): &(&str, BTreeSet<&str>)| {
        main.get(name).is_none_or(|main| versions.is_subset(main))
    };
    let drifted = locked(other).into_iter().filter(|package| !known(package));
    drifted.map(|(name, versions)| format!("{name} {versions:?}")).collect()
}

/// The vendor's event-stream framing, which the mock's server speaks; they are small and hold no client.
const FRAMING: [&str; 2] = ["aws-smithy-eventstream", "aws-smithy-types"];

#[test]
fn the_default_build_compiles_no_aws_crate_but_the_framing() {
    let packages = tree(&["richter", "richter-core", "richter-mock-bedrock", "richter-reports"]);
    assert!(packages.contains("richter-core"), "the tree is not the one that was asked for: {packages:?}");
    let framing = |name: &str| FRAMING.contains(&name);
    let aws: Vec<String> =
        packages.into_iter().filter(|name| name.starts_with("aws-") && !framing(name)).collect();
    refuse("an AWS crate is in the default build; put it behind the feature `aws` or `observe`", &aws);
}

#[test]
fn reports_are_made_without_an_async_runtime() {
    let packages = tree(&["richter-reports"]);
    assert!(packages.contains("serde_json"), "the tree is not the one that was asked for: {packages:?}");
    let runtimes = ["tokio", "async-std", "smol", "futures-executor"];
    let found: Vec<String> = packages.into_iter().filter(|name| runtimes.contains(&name.as_str())).collect();
    refuse("reports needs an async runtime", &found);
}

#[test]
fn the_fuzzer_is_built_from_the_versions_that_are_shipped() {
    let drifted = drifted(&read("Cargo.lock"), &read("tests/fuzz/Cargo.lock"));
    let renew =
        "cp Cargo.lock tests/fuzz/ && cargo metadata --manifest-path tests/fuzz/Cargo.toml >/dev/null";
    refuse(
        &format!("tests/fuzz/Cargo.lock has other versions than Cargo.lock; renew it with `{renew}`"),
        &drifted,
    );
}

#[test]
fn a_version_that_only_the_other_lock_has_is_drift_and_a_package_that_only_it_has_is_not() {
    let main =
        "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n";
    let other =
        "[[package]]\nname = \"b\"\nversion = \"9.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n";
    assert_eq!(drifted(main, other), Vec::<String>::new());
    assert_eq!(drifted(main, &other.replace("2.0.0", "2.0.1")), ["a {\"2.0.1\"}"]);
}
