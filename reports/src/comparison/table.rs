//! One table: strategies against metrics, over some phases.

use schemars::JsonSchema;
use serde::Serialize;

use super::Scored;
use crate::{
    metric::{Kind, Measured, Metric},
    paired::{self, Better},
    quantity::{Unit, Value},
    samples::{P50, P95, P99, Percentile},
    stats::{self, Clock},
    tally::View,
};

/// A column: its two lines of heading, and how much it matters when there is little room (0 matters most).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Column {
    /// Its name in machine formats.
    pub id: &'static str,
    pub heading: [&'static str; 2],
    pub rank: u8,
    source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    Plain(Kind),
    Percentile(Kind, Percentile),
    /// First token over whole answers only.
    OfAnswers(Percentile),
}

pub const COLUMNS: [Column; 10] = [
    column("success", ["", "success"], 1, Source::Plain(Kind::Success)),
    column("goodput", ["", "good"], 0, Source::Plain(Kind::Goodput)),
    column("ttft_p50", ["ttft", "p50"], 6, Source::Percentile(Kind::FirstToken, P50)),
    column("ttft_p99", ["ttft", "p99"], 2, Source::Percentile(Kind::FirstToken, P99)),
    column("ttft_p99_of_answers", ["p99 of", "answers"], 8, Source::OfAnswers(P99)),
    column("total_p95", ["total", "p95"], 7, Source::Percentile(Kind::Total, P95)),
    column("throttles", ["throt-", "tled"], 5, Source::Plain(Kind::Throttles)),
    column("amplification", ["tries", "/req"], 3, Source::Plain(Kind::Amplification)),
    column("cost", ["$/1k", "good"], 4, Source::Plain(Kind::Cost)),
    column("wasted_tokens", ["", "wasted"], 9, Source::Plain(Kind::WastedTokens)),
];

const fn column(id: &'static str, heading: [&'static str; 2], rank: u8, source: Source) -> Column {
    Column { id, heading, rank, source }
}

impl Column {
    /// Its heading in one line.
    pub fn name(&self) -> String {
        match self.heading {
            ["throt-", "tled"] => "throttled".to_owned(),
            ["p99 of", "answers"] => "ttft p99 of answers".to_owned(),
            ["tries", "/req"] => "attempts per request".to_owned(),
            ["$/1k", "good"] => "price of 1,000 good".to_owned(),
            [over, under] => format!("{over} {under}").trim().to_owned(),
        }
    }

    pub fn unit(&self) -> Unit {
        self.metric().info().unit
    }

    pub fn better(&self) -> Better {
        self.metric().info().better
    }

    /// What it says, for those who do not know.
    pub fn meaning(&self) -> &'static str {
        match self.source {
            Source::OfAnswers(_) => "time to the first content, over whole answers only",
            _ => self.metric().info().meaning,
        }
    }

    /// Whether a better number is a better strategy. How fast the answers were is no merit by itself: a strategy that only answers
    /// the easy requests leads.
    pub(crate) fn is_merit(&self) -> bool {
        !matches!(self.source, Source::OfAnswers(_))
    }

    pub(crate) fn metric(&self) -> Metric {
        match self.source {
            Source::Plain(kind) => Metric::plain(kind),
            Source::Percentile(kind, percentile) => Metric::percentile(kind, percentile),
            Source::OfAnswers(percentile) => Metric::percentile(Kind::FirstToken, percentile),
        }
    }

    fn measure(&self, view: &View<'_>, scored: &Scored) -> Measured {
        match self.source {
            Source::OfAnswers(percentile) => {
                let (value, n) = stats::latency_of_answers(&scored.pooled, Clock::FirstToken, percentile);
                Measured { value, n, n_needed: percentile.samples_needed() }
            }
            _ => self.metric().of_tally(view, &scored.pooled),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Table {
    pub title: String,
    pub rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Row {
    pub strategy: String,
    /// In the order of [`COLUMNS`].
    pub entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Entry {
    pub measured: Measured,
    pub text: String,
    /// Better than the next one, beyond what chance explains.
    pub best: bool,
}

pub(super) fn table(view: &View<'_>, title: &str, scored: &[Scored]) -> Table {
    let best: Vec<Option<usize>> = COLUMNS.iter().map(|column| best(view, column, scored)).collect();
    let row = |(place, one): (usize, &Scored)| {
        let entry = |(column, best): (&Column, &Option<usize>)| {
            let measured = column.measure(view, one);
            Entry { measured, text: column.metric().show(measured.value), best: *best == Some(place) }
        };
        Row { strategy: one.name.clone(), entries: COLUMNS.iter().zip(&best).map(entry).collect() }
    };
    Table { title: title.to_owned(), rows: scored.iter().enumerate().map(row).collect() }
}

/// The strategy whose number is best, if its lead over the next one is real.
fn best(view: &View<'_>, column: &Column, scored: &[Scored]) -> Option<usize> {
    if !column.is_merit() {
        return None;
    }
    let metric = column.metric();
    let better = metric.info().better;
    let mut order: Vec<(usize, f64)> = Vec::new();
    for (place, one) in scored.iter().enumerate() {
        let measured = column.measure(view, one);
        if let (Value::Finite(number), false) = (measured.value, measured.is_thin()) {
            order.push((place, number));
        } else if let (Value::Infinite, false) = (measured.value, measured.is_thin()) {
            order.push((place, f64::INFINITY));
        }
    }
    order.sort_by(|a, b| match better {
        Better::Higher => b.1.total_cmp(&a.1),
        Better::Lower | Better::Neither => a.1.total_cmp(&b.1),
    });
    let [(first, _), (second, _), ..] = order.as_slice() else { return None };
    let lead = lead(view, &metric, &scored[*first], &scored[*second])?;
    lead.is_above_zero().then_some(*first)
}

/// The interval of one strategy's advantage over another.
pub(super) fn lead(
    view: &View<'_>,
    metric: &Metric,
    one: &Scored,
    other: &Scored,
) -> Option<paired::Interval> {
    let (ours, theirs) = (one.numbers(view, metric)?, other.numbers(view, metric)?);
    let better = metric.info().better;
    let advantages: Vec<f64> =
        ours.iter().zip(&theirs).map(|(a, b)| paired::advantage(*a, *b, better, 0.0)).collect();
    let key = paired::key(view.run.scenario.seed, &[&metric.to_string(), &one.name, &other.name]);
    paired::interval(&advantages, key)
}
