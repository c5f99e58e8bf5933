//! The README's tables against the code's own: one row for each thing there is, none for what is not.

use std::collections::BTreeSet;

use super::{files_under, markdown, read};

#[track_caller]
fn rows_are(heading: &str, expected: impl IntoIterator<Item = impl Into<String>>) {
    let readme = read("README.md");
    compare(heading, markdown::first_column(markdown::section(&readme, heading)), expected);
}

#[track_caller]
fn compare(heading: &str, rows: Vec<&str>, expected: impl IntoIterator<Item = impl Into<String>>) {
    let distinct: BTreeSet<String> = rows.iter().map(|row| (*row).to_owned()).collect();
    assert_eq!(rows.len(), distinct.len(), "README.md, \"{heading}\": a row stands twice");
    let expected: BTreeSet<String> = expected.into_iter().map(Into::into).collect();
    let missing: Vec<&String> = expected.difference(&distinct).collect();
    let extra: Vec<&String> = distinct.difference(&expected).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "README.md, \"{heading}\": missing {missing:?}, not in the code {extra:?}"
    );
}

#[test]
fn the_readme_lists_every_strategy() {
    rows_are("## Strategies", richter_core::strategy::STRATEGIES.iter().map(|info| info.name));
}

/// A definition of the scenario schema.
fn definition<'s>(schema: &'s serde_json::Value, name: &str) -> &'s serde_json::Value {
    schema.pointer(&format!("/$defs/{name}")).unwrap_or_else(|| panic!("the schema defines no {name}"))
}

fn schema() -> serde_json::Value {
    serde_json::from_str(&read("scenarios/schema.json")).expect("the schema is JSON")
}

#[test]
fn the_readme_lists_every_part_of_composed() {
    let schema = schema();
    let parts = definition(&schema, "ComposedSpec")["properties"].as_object().expect("parts are properties");
    rows_are("### Parts of `composed`", parts.keys());
}

#[test]
fn the_readme_lists_every_selector_of_composed() {
    let schema = schema();
    // Another part of the file has selectors, too, so the name is where the part's property points.
    let select = definition(&schema, "ComposedSpec")["properties"]["select"].to_string();
    let name = select.split("#/$defs/").nth(1).and_then(|rest| rest.split('"').next()).expect("a reference");
    let variants = definition(&schema, name)["oneOf"].as_array().expect("variants").iter();
    let names = variants.map(|variant| match variant["const"].as_str() {
        Some(plain) => plain.to_owned(),
        None => variant["required"][0].as_str().expect("a variant has a name").to_owned(),
    });
    rows_are("### Selectors of `composed`", names);
}

#[test]
fn the_readme_lists_every_kind_of_target() {
    rows_are("## Targets", richter_core::target::TARGETS.iter().map(|info| info.name));
}

#[test]
fn the_readme_lists_every_fault() {
    rows_are("## Faults", richter_mock_bedrock::fault::FAULTS.iter().map(|info| info.name));
}

#[test]
fn the_readme_lists_every_way_to_arrive() {
    rows_are("## Arrivals", richter::load::ARRIVALS.iter().map(|info| info.name));
}

#[test]
fn the_readme_lists_every_metric() {
    rows_are("## Metrics", richter_reports::metric::METRICS.iter().map(|info| info.name));
}

#[test]
fn the_readme_lists_every_format_of_reports() {
    rows_are("## Reports", richter_reports::format::FORMATS.iter().map(|info| info.option));
}

#[test]
fn the_readme_lists_every_exit_code() {
    rows_are("## Exit codes", richter::exit::Exit::ALL.iter().map(|exit| exit.code().to_string()));
}

#[test]
fn the_readme_lists_every_scenario() {
    let names = files_under("scenarios").into_iter().filter_map(|file| {
        let name = file.path.strip_prefix("scenarios/")?.strip_suffix(".yaml")?;
        (!name.contains('/')).then(|| name.to_owned())
    });
    rows_are("## Scenarios", names);
}
