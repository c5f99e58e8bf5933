//! JUnit XML: a suite for each scenario, a case for each strategy and expectation. A run that cannot be believed is an
//! error of its own, whatever its expectations say.

use quick_junit::{NonSuccessKind, Report as Xml, TestCase, TestCaseStatus, TestSuite};

use crate::{
    expect::{ExpectResult, Outcome},
    export::Report,
    plain::clean,
    verdict::Verdict,
};

pub fn junit(reports: &[Report]) -> Result<String, quick_junit::SerializeError> {
    let mut xml = Xml::new("richter");
    xml.add_test_suites(reports.iter().map(suite));
    conforming(&xml)
}

/// As Jenkins's schema has it: it counts what was skipped by suite, and knows no such number for all of them.
pub(crate) fn conforming(xml: &Xml) -> Result<String, quick_junit::SerializeError> {
    let text = xml.to_string()?;
    let Some(start) = text.find("<testsuites ") else { return Ok(text) };
    let end = text[start..].find('>').map_or(text.len(), |at| start + at);
    let head: Vec<&str> = text[start..end].split(' ').filter(|part| !part.starts_with("skipped=")).collect();
    Ok(format!("{}{}{}", &text[..start], head.join(" "), &text[end..]))
}

fn suite(report: &Report) -> TestSuite {
    let mut suite = TestSuite::new(clean(&report.scenario.name));
    suite.add_property(("seed", report.scenario.seed.to_string().as_str()));
    suite.add_property(("digest", clean(&report.scenario.digest).as_str()));
    suite.add_test_case(validity(report));
    suite.add_test_cases(report.expectations.iter().map(|result| case(report, result)));
    suite
}

/// Whether the run can be believed at all.
fn validity(report: &Report) -> TestCase {
    let status = match report.verdict {
        Verdict::Passed | Verdict::Failed => TestCaseStatus::success(),
        Verdict::Invalid | Verdict::Aborted | Verdict::Interrupted => {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
            status.set_type(report.verdict.name());
            status.set_message(clean(&report.why.join("; ")));
            status
        }
    };
    named(report, "the run is valid", status)
}

fn case(report: &Report, result: &ExpectResult) -> TestCase {
    let measured = format!("expected {}; measured {} (n = {})", result.expected, result.measured, result.n);
    let refused = |kind, name: &str, message: String| {
        let mut status = TestCaseStatus::non_success(kind);
        status.set_type(name);
        status.set_message(clean(&message));
        status
    };
    let status = match result.outcome {
        Outcome::Passed => TestCaseStatus::success(),
        Outcome::Failed => refused(NonSuccessKind::Failure, "expectation", measured),
        Outcome::NotEnoughData => {
            let note = result.note.as_deref().unwrap_or("it cannot be told");
            refused(NonSuccessKind::Failure, "not_enough_data", format!("{measured}: {note}"))
        }
    };
    named(report, &format!("{}: {}", result.strategy, result.expected), status)
}

fn named(report: &Report, name: &str, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new(clean(name), status);
    case.set_classname(clean(&report.scenario.name));
    case
}
