//! Markdown for a pull-request comment or a job's summary: verdict, answer, table, what failed, findings, caveats.

use std::fmt::Write as _;

use crate::{
    comparison::{Entry, Table},
    expect::{ExpectResult, Outcome},
    export::Report,
    plain::clean,
    quantity::{Unit, Value, thousands},
    verdict::Verdict,
};

/// Characters: a comment may have 65,536, and whoever posts it adds a line or two. A job's summary may have sixteen
/// times as many.
pub const LIMIT: usize = 60_000;
const CUT: &str = "\n\n*Cut here: the rest would not fit. The HTML report has all of it.*\n";
/// Rows of one table, items of one list.
const ROWS_MAX: usize = 50;

pub fn markdown(reports: &[Report]) -> String {
    fitting(&reports.iter().map(one).collect::<Vec<_>>().join("\n---\n\n"), LIMIT)
}

/// Cut at a line if it is too long, and said so.
pub(crate) fn fitting(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let kept: String = text.chars().take(limit - CUT.len()).collect();
    // Whole lines only: half a row would break the table.
    let kept = kept.rfind('\n').map_or("", |end| &kept[..end]);
    let open = kept.matches("<details>").count().saturating_sub(kept.matches("</details>").count());
    format!("{kept}{}{CUT}", "\n\n</details>".repeat(open))
}

fn one(report: &Report) -> String {
    let mut text = String::new();
    let comparison = &report.comparison;
    let heading = &comparison.heading;
    let sign = match report.verdict {
        Verdict::Passed => "✅",
        Verdict::Failed => "❌",
        Verdict::Invalid | Verdict::Aborted | Verdict::Interrupted => "⚠️",
    };
    let (name, verdict, why) = (safe(&heading.name), report.verdict.name(), report.why.first());
    let why = why.map_or(String::new(), |why| safe(why));
    line(&mut text, &format!("## {sign} {name}: {verdict}\n\n{why}\n"));
    line(&mut text, &format!("**{}**\n\n{}\n", safe(&heading.question), safe(&comparison.answer.sentence)));
    line(&mut text, &table(report, &comparison.overall));
    expectations(&mut text, &report.expectations);
    list(&mut text, "Findings", &comparison.findings);
    list(&mut text, "In the logs", &comparison.evidence);
    list(&mut text, "Beware", &comparison.caveats);
    for phase in &comparison.phases {
        let title = safe(&phase.title);
        line(
            &mut text,
            &format!("<details><summary>{title}</summary>\n\n{}\n</details>\n", table(report, phase)),
        );
    }
    let scenario = &report.scenario;
    let (offered, replications) = (thousands(heading.offered as f64), scenario.replications);
    let length = Unit::Seconds.show(Value::Finite(heading.seconds));
    let (file, seed, digest) = (code(&scenario.file), scenario.seed, safe(&scenario.digest));
    line(
        &mut text,
        &format!(
            "<sub>{offered} requests per strategy, {replications} × {length}; {file}, seed {seed}, digest {digest}</sub>"
        ),
    );
    text
}

fn line(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("a string takes all");
}

fn table(report: &Report, table: &Table) -> String {
    let names: Vec<&str> = report.columns.iter().map(|column| column.name.as_str()).collect();
    let mut text = format!("| strategy | {} |\n|---|{}\n", names.join(" | "), "---:|".repeat(names.len()));
    for row in table.rows.iter().take(ROWS_MAX) {
        let entries: Vec<String> = row.entries.iter().map(entry).collect();
        line(&mut text, &format!("| {} | {} |", safe(&row.strategy), entries.join(" | ")));
    }
    if table.rows.len() > ROWS_MAX {
        line(&mut text, &format!("\nThe first {ROWS_MAX} of {} strategies.", table.rows.len()));
    }
    text
}

fn entry(entry: &Entry) -> String {
    match (entry.best, entry.measured.is_thin() && entry.measured.value != Value::NoData) {
        (true, _) => format!("**{}** ★", safe(&entry.text)),
        (_, true) => format!("*{}* ?", safe(&entry.text)),
        _ => safe(&entry.text),
    }
}

/// What did not hold; what held is one number.
fn expectations(text: &mut String, results: &[ExpectResult]) {
    let held = results.iter().filter(|result| result.outcome == Outcome::Passed).count();
    if results.is_empty() {
        return;
    }
    line(text, &format!("{held} of {} expectations held.\n", results.len()));
    let open: Vec<&ExpectResult> =
        results.iter().filter(|result| result.outcome != Outcome::Passed).collect();
    if open.is_empty() {
        return;
    }
    line(text, "| | strategy | expected | measured | n |\n|---|---|---|---|---:|");
    for result in open.iter().take(ROWS_MAX) {
        let sign = if result.outcome == Outcome::Failed { "❌ failed" } else { "❔ unclear" };
        let note = result.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
        let cells = [&result.strategy, &result.expected, &format!("{}{note}", result.measured)];
        let [strategy, expected, measured] = cells.map(|cell| safe(cell));
        line(
            text,
            &format!("| {sign} | {strategy} | {expected} | {measured} | {} |", thousands(result.n as f64)),
        );
    }
    text.push('\n');
}

fn list(text: &mut String, title: &str, sentences: &[String]) {
    if sentences.is_empty() {
        return;
    }
    line(text, &format!("**{title}**\n"));
    for sentence in sentences.iter().take(ROWS_MAX) {
        line(text, &format!("- {}", safe(sentence)));
    }
    text.push('\n');
}

/// Nothing in it is markup, and nobody is notified.
pub(crate) fn safe(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '@' => safe.push_str("&#64;"),
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '~' | '!' | '$' => {
                safe.push('\\');
                safe.push(c);
            }
            c => safe.push(c),
        }
    }
    safe
}

/// A path as code; what would end the code is left out.
fn code(text: &str) -> String {
    format!("`{}`", clean(text).replace('`', "'"))
}
