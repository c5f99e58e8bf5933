//! The report for a terminal: what somebody on call needs, from the top down. Verdict, answer, tables, expectations,
//! findings, caveats, and where the files are.
//!
//! Lines fit the width: sentences wrap, tables drop their least important columns and say which. Colour only
//! repeats what the words already say.

pub(crate) mod grid;
pub(crate) mod paint;

use crate::{
    comparison::{COLUMNS, Comparison, Entry, Heading, NOTABLE_FIRST, Notable, Shares, Table},
    expect::{ExpectResult, Outcome},
    metric::{Kind, Metric},
    quantity::{Unit, Value, thousands},
    run_file::Ground,
    verdict::{Judgement, Verdict},
};
use grid::{Align, Grid, GridCell, GridColumn};
use paint::{Style, clean};

pub use paint::Options;

/// The whole report; ends with a newline.
pub fn render(judgement: &Judgement, options: &Options) -> String {
    let comparison = &judgement.comparison;
    let sections = [
        headline(judgement, options),
        question(comparison, options),
        tables(comparison, options),
        recovery(comparison, options),
        shares("Served by", &comparison.regions, options),
        shares("Answered by", &comparison.models, options),
        expectations(&judgement.expectations, options),
        list("Findings", &comparison.findings, options),
        list("In the logs", &comparison.evidence, options),
        list("Beware", &comparison.caveats, options),
        look_at(comparison, options),
        files(options),
    ];
    let blocks = sections.iter().filter(|lines| !lines.is_empty());
    blocks.map(|lines| lines.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}

fn headline(judgement: &Judgement, options: &Options) -> Vec<String> {
    let style = match judgement.verdict {
        Verdict::Passed => Style::Good,
        Verdict::Failed => Style::Bad,
        Verdict::Invalid | Verdict::Aborted | Verdict::Interrupted => Style::Warn,
    };
    let word = judgement.verdict.name().to_uppercase();
    let name = clean(&judgement.comparison.heading.name);
    let (first, rest) = judgement.why.split_first().map_or(("", [].as_slice()), |(f, r)| (f.as_str(), r));
    let mut lines = options.hanging(&word, style, &format!("{name}: {first}"));
    lines.extend(rest.iter().flat_map(|why| options.hanging(&" ".repeat(word.len()), Style::Plain, why)));
    lines
}

fn question(comparison: &Comparison, options: &Options) -> Vec<String> {
    let mut lines = options.hanging("Question", Style::Bold, &comparison.heading.question);
    lines.extend(options.hanging("Answer  ", Style::Bold, &comparison.answer.sentence));
    lines
}

fn tables(comparison: &Comparison, options: &Options) -> Vec<String> {
    let mut lines = options.wrap(&facts(&comparison.heading), 0);
    lines.push(String::new());
    let mut all = vec![&comparison.overall];
    all.extend(&comparison.phases);
    for table in &all {
        lines.extend(metrics(table, options));
        lines.push(String::new());
    }
    lines.extend(legend(&all, options));
    // Where nothing needs explaining, no gap is left for it.
    lines.truncate(lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1));
    lines
}

fn facts(heading: &Heading) -> String {
    let ground = match heading.ground {
        Ground::Sim => "simulated",
        Ground::Mock => "against the mock",
        Ground::Bedrock => "against Amazon Bedrock",
    };
    let length = Unit::Seconds.show(Value::Finite(heading.seconds));
    let (done, planned, seed) = (heading.cells, heading.cells_planned, heading.seed);
    let played = match heading.replications {
        _ if done < planned => {
            return format!(
                "only {done} of {planned} replications came to their end ({length} each), {ground}, seed {seed}"
            );
        }
        1 => "1 replication".to_owned(),
        several => format!("{several} replications"),
    };
    let offered = thousands(heading.offered as f64);
    format!("{offered} requests per strategy in {played} of {length}, {ground}, seed {seed}")
}

fn metrics(table: &Table, options: &Options) -> Vec<String> {
    let mut columns = vec![GridColumn { heading: ["", "strategy"], rank: 0, align: Align::Left }];
    let metric = COLUMNS.iter().map(|c| GridColumn { heading: c.heading, rank: c.rank, align: Align::Right });
    columns.extend(metric);
    let mut grid = Grid::new(columns);
    for row in &table.rows {
        let mut cells = vec![GridCell::plain(&row.strategy)];
        cells.extend(row.entries.iter().map(entry));
        grid.push(cells);
    }
    let mut lines = vec![options.paint(&clean(&title(table)), Style::Bold)];
    lines.extend(grid.lines(options));
    lines
}

/// The table's phases and how many requests each strategy's percentiles are made of.
fn title(table: &Table) -> String {
    let first_token = COLUMNS.iter().position(|column| column.heading == ["ttft", "p99"]);
    let n = |entries: &[Entry]| {
        first_token.and_then(|place| entries.get(place)).map_or(0, |entry| entry.measured.n)
    };
    let counts = || table.rows.iter().map(|row| n(&row.entries));
    let (low, high) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    let range = match low == high {
        true => thousands(low as f64),
        false => format!("{} to {}", thousands(low as f64), thousands(high as f64)),
    };
    format!("{} (n = {range})", table.title)
}

fn entry(entry: &Entry) -> GridCell {
    let thin = entry.measured.is_thin() && entry.measured.value != Value::NoData;
    let (mark, style) = match (entry.best, thin) {
        (true, _) => ('*', Style::Good),
        (_, true) => ('?', Style::Dim),
        _ if entry.measured.value == Value::Infinite => (' ', Style::Bad),
        _ => (' ', Style::Plain),
    };
    GridCell { text: entry.text.clone(), mark, style }
}

/// Explains only what occurs.
fn legend(tables: &[&Table], options: &Options) -> Vec<String> {
    let entries = || tables.iter().flat_map(|table| &table.rows).flat_map(|row| &row.entries);
    let mut notes = Vec::new();
    if entries().any(|entry| entry.best) {
        notes.push("* better than the next one, with 95% confidence over paired replications");
    }
    if entries().any(|entry| entry.measured.is_thin() && entry.measured.value != Value::NoData) {
        notes.push("? too few samples to rely on");
    }
    if entries().any(|entry| entry.text == "never") {
        notes.push("never: requests without an answer count as infinitely slow, and reach this percentile");
    }
    notes
        .into_iter()
        .flat_map(|note| options.wrap(note, 2))
        .map(|line| options.paint(&line, Style::Dim))
        .collect()
}

fn recovery(comparison: &Comparison, options: &Options) -> Vec<String> {
    let recovery = &comparison.recovery;
    if recovery.triggers.is_empty() {
        return Vec::new();
    }
    let mut columns = vec![GridColumn { heading: ["", "strategy"], rank: 0, align: Align::Left }];
    let names: Vec<String> = recovery.triggers.iter().map(|name| clean(name)).collect();
    for (rank, name) in (1..).zip(&names) {
        columns.push(GridColumn { heading: ["", name], rank, align: Align::Right });
    }
    let mut grid = Grid::new(columns);
    let metric = Metric::plain(Kind::Recovery);
    for row in &recovery.rows {
        let mut cells = vec![GridCell::plain(&row.strategy)];
        cells.extend(row.recovery.iter().map(|value| {
            let style = if *value == Value::Infinite { Style::Bad } else { Style::Plain };
            GridCell { text: metric.show(*value), mark: ' ', style }
        }));
        grid.push(cells);
    }
    let mut lines = vec![options.paint("Recovery after the end of", Style::Bold)];
    lines.extend(grid.lines(options));
    if recovery.rows.iter().flat_map(|row| &row.recovery).any(|value| *value == Value::NoData) {
        let note = "-: less than half was good before, or too few requests came to tell";
        lines.extend(options.wrap(note, 3).into_iter().map(|line| options.paint(&line, Style::Dim)));
    }
    lines
}

fn shares(title: &str, rows: &[Shares], options: &Options) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let longest = rows.iter().map(|row| row.strategy.chars().count()).max().unwrap_or(0);
    let mut lines = vec![options.paint(title, Style::Bold)];
    for row in rows {
        let show =
            |(name, share): &(String, f64)| format!("{name} {}", Unit::Share.show(Value::Finite(*share)));
        let shares: Vec<String> = row.shares.iter().map(show).collect();
        let label = format!("{:<longest$}", clean(&row.strategy));
        lines.extend(options.hanging(&label, Style::Plain, &shares.join(", ")));
    }
    lines
}

fn expectations(results: &[ExpectResult], options: &Options) -> Vec<String> {
    if results.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![options.paint("Expectations", Style::Bold)];
    let grid = expectation_grid(results);
    if !grid.fits(options) {
        lines.extend(results.iter().flat_map(|result| expectation_sentence(result, options)));
        return lines;
    }
    lines.extend(grid.lines(options));
    for result in results {
        if let Some(note) = &result.note {
            let text = format!("unclear: {}: {}: {note}", result.strategy, result.expected);
            lines.extend(options.wrap(&text, 2));
        }
    }
    lines
}

fn expectation_grid(results: &[ExpectResult]) -> Grid<'static> {
    let columns = ["", "strategy", "expected", "measured", "n"];
    let mut grid = Grid::new(
        columns.map(|name| GridColumn { heading: ["", name], rank: 1, align: Align::Left }).to_vec(),
    );
    for result in results {
        let (mark, style) = outcome(result.outcome);
        let mut cells = vec![GridCell { text: mark.to_owned(), mark: ' ', style }];
        cells
            .extend([&result.strategy, &result.expected, &result.measured].map(|text| GridCell::plain(text)));
        cells.push(GridCell::plain(&thousands(result.n as f64)));
        grid.push(cells);
    }
    grid
}

fn expectation_sentence(result: &ExpectResult, options: &Options) -> Vec<String> {
    let (mark, style) = outcome(result.outcome);
    let ExpectResult { strategy, expected, measured, .. } = result;
    let based_on = result.note.clone().unwrap_or_else(|| format!("n = {}", thousands(result.n as f64)));
    let sentence = format!("{strategy}: {expected}; is {measured} ({based_on})");
    options.hanging(&format!("{mark:<7}"), style, &sentence)
}

fn outcome(outcome: Outcome) -> (&'static str, Style) {
    match outcome {
        Outcome::Passed => ("passed", Style::Good),
        Outcome::Failed => ("FAILED", Style::Bad),
        Outcome::NotEnoughData => ("UNCLEAR", Style::Warn),
    }
}

fn list(title: &str, sentences: &[String], options: &Options) -> Vec<String> {
    if sentences.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![options.paint(title, Style::Bold)];
    let bullet = if options.unicode { "•" } else { "-" };
    lines.extend(sentences.iter().flat_map(|sentence| options.hanging(bullet, Style::Dim, sentence)));
    lines
}

/// Requests with the command that tells their stories; commands are not wrapped, as they are there to be copied.
fn look_at(comparison: &Comparison, options: &Options) -> Vec<String> {
    if comparison.notable.is_empty() || comparison.heading.ground != Ground::Sim {
        return Vec::new();
    }
    let run = options.run_file.as_deref().map_or("RUN".to_owned(), shell_word);
    let command = |one: &Notable| match one.replication {
        0 => format!("richter why {run} {}", one.request),
        other => format!("richter why {run} {} --replication {other}", one.request),
    };
    let lines = comparison.notable.iter().take(NOTABLE_FIRST).flat_map(|one| {
        let mut lines = options.wrap(&one.what, 2);
        lines.push(format!("  {}", command(one)));
        lines
    });
    std::iter::once(options.paint("Look at", Style::Bold)).chain(lines).collect()
}

/// A path as a shell takes it.
pub(crate) fn shell_word(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./+,:@%=".contains(c);
    match path.chars().all(plain) {
        true => path.to_owned(),
        false => format!("'{}'", clean(path).replace('\'', "'\\''")),
    }
}

fn files(options: &Options) -> Vec<String> {
    let longest = options.files.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
    // Paths are not wrapped: they are there to be copied.
    options.files.iter().map(|(what, path)| format!("{what:<longest$}  {}", clean(path))).collect()
}

#[cfg(test)]
mod tests;
