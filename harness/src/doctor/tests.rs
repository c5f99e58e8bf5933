//! The report as a whole.

use super::*;

#[test]
fn the_report_counts_its_checks_keeps_their_order_and_fits_its_schema() {
    let checks = vec![
        Check::ok(Kind::Cpu, "", "enough"),
        Check::fail(Kind::Credentials, "", "there are none", "run `aws login`"),
        Check::warn(Kind::Logging, "us-east-1", "off", "turn it on"),
    ];
    let report = Report::new("spike".into(), checks);
    assert_eq!((report.ok, report.warn, report.fail), (1, 1, 1));
    assert_eq!(report.checks[0].check, Kind::Credentials);
    let json = serde_json::to_value(&report).expect("JSON");
    assert_eq!((&json["version"], &json["checks"][1]["check"]), (&1.into(), &"logging".into()));
    let schema = serde_json::to_value(schema()).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(validator.is_valid(&json));
    assert!(!validator.is_valid(&serde_json::json!({ "version": 1 })));
}

#[test]
fn every_kind_of_check_has_its_row_once() {
    let mut names: Vec<&str> = CHECKS.iter().map(|info| info.name).collect();
    assert!(CHECKS.iter().all(|info| info.kind.name() == info.name));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CHECKS.len());
}

#[test]
fn the_readme_lists_every_check() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(readme).expect("the README");
    for CheckInfo { name, asks, fails, .. } in CHECKS {
        let row = format!("| `{name}` | {asks} | {fails} |");
        assert!(readme.contains(&row), "README.md lacks: {row}");
    }
}
