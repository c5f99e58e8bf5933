//! Reports for machines and for pages of others. Each format is a function from reports to text; several runs may
//! stand in one file where the format has room for them.

mod benchmark;
mod csv;
mod hgrm;
mod junit;
mod markdown;
mod openmetrics;

pub use benchmark::{bencher, gha_benchmark};
pub use csv::csv;
pub use hgrm::{Hgrm, hgrm};
pub(crate) use junit::conforming;
pub use junit::junit;
pub use markdown::{LIMIT as MARKDOWN_LIMIT, markdown};
pub(crate) use markdown::{fitting, safe};
pub use openmetrics::openmetrics;

use crate::{
    comparison::{Entry, Table},
    export::{Report, ReportColumn},
};

/// A row of `richter list formats`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormatInfo {
    /// The option of `richter report` and `richter run` that asks for it.
    pub option: &'static str,
    pub meaning: &'static str,
}

const fn row(option: &'static str, meaning: &'static str) -> FormatInfo {
    FormatInfo { option, meaning }
}

pub const FORMATS: [FormatInfo; 10] = [
    row("--html", "one page that needs nothing but itself, with charts, tables and the stories of requests"),
    row("--png", "each chart as a picture, for slides and pull requests"),
    row("--md", "Markdown for a pull-request comment or GITHUB_STEP_SUMMARY"),
    row("--junit", "JUnit XML: a suite for each scenario, a case for each strategy and expectation"),
    row("--json", "the whole report as versioned JSON; `richter schema report` describes it"),
    row("--csv", "every number of the tables, one to a row"),
    row("--hgrm", "percentile distributions that HdrHistogram's plotter reads, in milliseconds"),
    row("--openmetrics", "OpenMetrics text, for GitLab's metrics report and for Prometheus"),
    row("--gha-benchmark", "github-action-benchmark's customSmallerIsBetter"),
    row("--bencher", "Bencher's metric format"),
];

/// One number of a report's tables.
struct Number<'a> {
    /// The phase, or `all` for the measured ones together.
    scope: &'a str,
    strategy: &'a str,
    column: &'a ReportColumn,
    entry: &'a Entry,
}

/// Every number of one report, all phases together first.
fn numbers(report: &Report) -> Vec<Number<'_>> {
    let tables = std::iter::once(("all", &report.comparison.overall));
    let phases = report.comparison.phases.iter().map(|table| (table.title.as_str(), table));
    tables.chain(phases).flat_map(|(scope, table)| of_table(report, scope, table)).collect()
}

fn of_table<'a>(report: &'a Report, scope: &'a str, table: &'a Table) -> Vec<Number<'a>> {
    let rows = table.rows.iter();
    rows.flat_map(|row| {
        let entries = report.columns.iter().zip(&row.entries);
        entries.map(move |(column, entry)| Number { scope, strategy: &row.strategy, column, entry })
    })
    .collect()
}

#[cfg(test)]
mod tests;
