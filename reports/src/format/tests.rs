use super::*;
use crate::{
    expect::{ExpectSpec, OneOrMany},
    run_file::RunFile,
    synthetic,
};

fn expecting() -> RunFile {
    let mut run = synthetic::usual();
    let expect = |that: &str, of: &str, within: &str| ExpectSpec {
        that: that.to_owned(),
        of: OneOrMany(vec![of.to_owned()]),
        within: OneOrMany(vec![within.to_owned()]),
        ..ExpectSpec::default()
    };
    run.expect = vec![
        expect("success >= 97%", "richter", "spike"),
        expect("success >= 97%", "one-region", "spike"),
        expect("ttft.p99.99 <= 2s", "richter", "after"),
    ];
    run
}

fn reports() -> Vec<Report> {
    vec![Report::of(&expecting())]
}

const HOSTILE: &str = "=a\"|<script>`*@everyone*`\u{202e}\u{1b}]]>\n, 🚀";

fn hostile() -> Vec<Report> {
    let mut run = expecting();
    run.scenario.name = HOSTILE.to_owned();
    run.strategies[2].name = HOSTILE.to_owned();
    run.phases[1].name = HOSTILE.to_owned();
    vec![Report::of(&run)]
}

#[test]
fn markdown_reads_from_the_verdict_down() {
    insta::assert_snapshot!(markdown(&reports()));
}

#[test]
fn markdown_holds_no_markup_of_strangers_and_fits_a_comment() {
    let text = markdown(&hostile());
    assert!(!text.contains("<script") && !text.contains("@everyone") && !text.contains('\u{202e}'));
    let text = markdown(&vec![reports().remove(0); 60]);
    assert!(text.chars().count() <= MARKDOWN_LIMIT, "{}", text.chars().count());
    assert!(text.ends_with("The HTML report has all of it.*\n"));
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
}

#[test]
fn junit_has_a_suite_for_each_scenario_and_a_case_for_each_expectation() {
    insta::assert_snapshot!(junit(&reports()).expect("serializes"));
}

#[test]
fn junit_is_read_back_as_what_was_written() {
    let text = junit(&hostile()).expect("serializes");
    let read = quick_junit::Report::deserialize_from_str(&text).expect("JUnit");
    assert_eq!((read.test_suites.len(), read.test_suites[0].test_cases.len()), (1, 4));
    let mut run = expecting();
    run.cells[0].phases[0].offered += 1;
    let text = junit(&[Report::of(&run)]).expect("serializes");
    assert!(text.contains("<error") && text.contains("requests do not add up"), "{text}");
}

/// Splits a record as a reader of CSV does.
fn fields(record: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for c in record.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => fields.last_mut().expect("there is one").push(c),
        }
    }
    fields
}

#[test]
fn csv_has_as_many_fields_in_every_record_and_leaves_missing_numbers_empty() {
    let mut run = expecting();
    run.cells.iter_mut().for_each(|cell| cell.phases[1].cost_usd = None);
    for text in [csv(&[Report::of(&run)]), csv(&hostile())] {
        let records: Vec<Vec<String>> = text.split_terminator("\r\n").map(fields).collect();
        assert!(records.len() == 1 + 3 * 3 * 10, "{}", records.len());
        assert!(records.iter().all(|record| record.len() == 11));
        assert!(records.iter().skip(1).all(|record| !record[4].starts_with('=')));
    }
    let text = csv(&[Report::of(&run)]);
    assert!(text.contains("spike,richter,cost,USD,,30000"), "{text}");
    assert!(text.contains("spike,one-region,ttft_p99,time,inf,30000"), "{text}");
}

#[test]
fn percentile_distributions_rise_to_the_last_answer() {
    let files = hgrm(&synthetic::usual());
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names[..2], ["one-region-first_token", "one-region-total"]);
    let rows: Vec<Vec<&str>> = files[0]
        .text
        .lines()
        .skip(2)
        .filter(|l| !l.starts_with('#'))
        .map(|l| l.split_whitespace().collect())
        .collect();
    let counts: Vec<u64> = rows.iter().map(|row| row[2].parse().expect("a count")).collect();
    assert!(counts.is_sorted() && rows.iter().all(|row| row.len() == 4));
    let last = rows.last().expect("rows");
    assert_eq!((last[1], last[3]), ("1.000000000000", "inf"));
    assert!(files[0].text.contains(&format!("Total count    = {:>12}]", counts.last().expect("a count"))));
}

#[test]
fn openmetrics_names_end_with_their_unit_and_the_text_with_its_end() {
    let text = openmetrics(&reports());
    assert!(text.ends_with("# EOF\n"));
    assert!(
        text.contains(
            "richter_goodput_ratio{scenario=\"viral-spike\",phase=\"all\",strategy=\"richter\"} 0.98"
        )
    );
    assert!(text.contains("phase=\"spike\",strategy=\"one-region\"} +Inf"));
    let mut family = "";
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            family = rest.split(' ').next().expect("a name");
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            let (name, unit) = rest.split_once(' ').expect("a unit");
            assert!(name.ends_with(&format!("_{unit}")), "{line}");
        } else if !line.starts_with('#') {
            assert!(line.starts_with(&format!("{family}{{")), "{line}");
        }
    }
    let hostile = openmetrics(&hostile());
    assert!(hostile.lines().all(|line| line.starts_with('#') || line.starts_with("richter_")), "{hostile}");
}

#[test]
fn watched_numbers_are_finite_solid_and_point_one_way() {
    let entries: serde_json::Value = serde_json::from_str(&gha_benchmark(&reports())).expect("JSON");
    let entries = entries.as_array().expect("an array");
    let find = |name: &str| entries.iter().find(|entry| entry["name"] == name);
    let lacking =
        find("viral-spike / richter / not goodput").expect("there")["value"].as_f64().expect("a number");
    assert!((1.0..2.0).contains(&lacking), "{lacking}");
    assert!(find("viral-spike / richter / ttft_p99").is_none(), "it never came");
    let bencher: serde_json::Value = serde_json::from_str(&bencher(&reports())).expect("JSON");
    assert!(bencher["viral-spike/richter"]["goodput"]["value"].as_f64().expect("a number") > 0.98);
}
