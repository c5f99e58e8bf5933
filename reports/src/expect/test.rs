//! The text of an expectation, parsed.

use super::{ExpectProblem, ExpectSpec};
use crate::{
    metric::{Metric, MetricProblem},
    paired::Better,
    quantity::percent,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    AtLeast,
    AtMost,
    Above,
    Below,
}

/// What is measured, and what it is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Bound { metric: Metric, comparator: Comparator, bound: f64 },
    BetterThan { metric: Metric, strategy: String, margin: f64 },
}

impl Comparator {
    /// The longer ones first, so that `>=` is not read as `>`.
    const ALL: [(&'static str, Comparator); 4] = [
        (">=", Comparator::AtLeast),
        ("<=", Comparator::AtMost),
        (">", Comparator::Above),
        ("<", Comparator::Below),
    ];

    /// Rounding in the last bits decides nothing: 999 of 1000 is at least 99.9 %.
    pub fn holds(self, measured: f64, bound: f64) -> bool {
        let slack = 1e-9 * bound.abs().max(1e-9);
        match self {
            Comparator::AtLeast => measured >= bound - slack,
            Comparator::AtMost => measured <= bound + slack,
            Comparator::Above => measured > bound + slack,
            Comparator::Below => measured < bound - slack,
        }
    }
}

impl Test {
    pub fn metric(&self) -> &Metric {
        match self {
            Test::Bound { metric, .. } | Test::BetterThan { metric, .. } => metric,
        }
    }
}

impl ExpectSpec {
    /// What `that`, `better_than` and `by` say together.
    pub fn test(&self) -> Result<Test, ExpectProblem> {
        let (metric_text, bound) = split(&self.that)?;
        let metric = Metric::parse(metric_text.trim())
            .map_err(|MetricProblem { message, hint }| ExpectProblem::at("that", message, hint))?;
        match (&self.better_than, bound) {
            (Some(other), None) => self.better_than_test(metric, other),
            (Some(_), Some(_)) => Err(ExpectProblem::at(
                "that",
                format!("\"{}\" has a bound although `better_than` is given", self.that),
                format!("write `that: {metric}`, or leave `better_than` out"),
            )),
            (None, None) => Err(ExpectProblem::at(
                "that",
                format!("\"{}\" has no bound", self.that),
                format!("write >=, <=, > or < and {}, or add `better_than`", metric.info().unit.example()),
            )),
            (None, Some((comparator, text))) => {
                let bound = metric.info().unit.read(text).ok_or_else(|| bad_bound(&metric, text))?;
                Ok(Test::Bound { metric, comparator, bound })
            }
        }
    }

    fn better_than_test(&self, metric: Metric, other: &str) -> Result<Test, ExpectProblem> {
        if metric.info().better == Better::Neither {
            return Err(ExpectProblem::at(
                "better_than",
                format!("neither more nor less of {metric} is better"),
                "bound it instead, or compare another metric",
            ));
        }
        let margin = match self.by.as_deref() {
            None => 0.0,
            Some(text) => percent(text).ok_or_else(|| {
                ExpectProblem::at(
                    "by",
                    format!("\"{text}\" is not a margin"),
                    "write a percentage such as 20%",
                )
            })?,
        };
        if metric.info().better == Better::Lower && margin >= 1.0 {
            let message = format!(
                "nothing can have {margin_percent:.0}% less {metric}",
                margin_percent = margin * 100.0
            );
            return Err(ExpectProblem::at("by", message, "write a percentage below 100%"));
        }
        Ok(Test::BetterThan { metric, strategy: other.to_owned(), margin })
    }
}

type Bound<'a> = Option<(Comparator, &'a str)>;

fn split(that: &str) -> Result<(&str, Bound<'_>), ExpectProblem> {
    let at = that.find(['>', '<', '=', '≥', '≤', '!']);
    let Some(at) = at else { return Ok((that, None)) };
    let (metric, rest) = that.split_at(at);
    let found = Comparator::ALL.iter().find_map(|(text, c)| rest.strip_prefix(text).map(|bound| (*c, bound)));
    match found {
        Some((comparator, bound)) if !bound.starts_with(['>', '<', '=']) => {
            Ok((metric, Some((comparator, bound))))
        }
        _ => Err(ExpectProblem::at(
            "that",
            format!("\"{that}\" has no comparison that is known"),
            "write >=, <=, > or <, such as success >= 99%",
        )),
    }
}

fn bad_bound(metric: &Metric, text: &str) -> ExpectProblem {
    let example = metric.info().unit.example();
    ExpectProblem::at(
        "that",
        format!("\"{}\" is no bound for {metric}", text.trim()),
        format!("write {example}"),
    )
}
