//! Whether an expectation held.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Comparator, ExpectSpec, Test};
use crate::{
    metric::{Metric, Over},
    paired::{self, Better, Interval},
    quantity::{Unit, Value, thousands},
    stats::flow::Trigger,
    tally::View,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Passed,
    Failed,
    /// It cannot be told. Not a pass.
    NotEnoughData,
}

/// One expectation for one strategy.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct ExpectResult {
    pub strategy: String,
    /// What was expected, such as `success >= 99% in spike`.
    pub expected: String,
    pub measured: String,
    /// Samples behind the measured number; replications where replications are compared.
    pub n: u64,
    pub outcome: Outcome,
    /// Why it could not be told.
    pub note: Option<String>,
}

/// What was found, without what was asked.
struct Found {
    measured: String,
    n: u64,
    outcome: Outcome,
    note: Option<String>,
}

/// One result per strategy that the expectation is about.
pub fn judge(view: &View<'_>, spec: &ExpectSpec) -> Vec<ExpectResult> {
    let strategies = view.run.strategies.iter().map(|strategy| strategy.name.as_str());
    let about: Vec<&str> = match spec.of.is_empty() {
        true => strategies.filter(|name| spec.better_than.as_deref() != Some(name)).collect(),
        false => spec.of.iter().collect(),
    };
    let result = |name: &str| {
        let Found { measured, n, outcome, note } = judge_one(view, spec, name);
        ExpectResult { strategy: name.to_owned(), expected: in_words(spec), measured, n, outcome, note }
    };
    about.into_iter().map(result).collect()
}

fn judge_one(view: &View<'_>, spec: &ExpectSpec, name: &str) -> Found {
    let test = match spec.test() {
        Ok(test) => test,
        Err(problem) => return unclear(format!("{problem}; {}", problem.hint)),
    };
    let (Some(strategy), Some(over)) = (find(view, name), over(view, spec)) else {
        return unclear("the run has no such strategy, phase or fault".to_owned());
    };
    match test {
        Test::Bound { metric, comparator, bound } => {
            bounded(view, (&metric, strategy, &over), comparator, bound)
        }
        Test::BetterThan { metric, strategy: other, margin } => match find(view, &other) {
            Some(theirs) => better(view, (&metric, &over), [strategy, theirs], margin),
            None => unclear(format!("the run has no strategy {other}")),
        },
    }
}

fn find(view: &View<'_>, name: &str) -> Option<usize> {
    view.run.strategies.iter().position(|strategy| strategy.name == name)
}

fn over(view: &View<'_>, spec: &ExpectSpec) -> Option<Over> {
    let phases = match spec.within.is_empty() {
        true => view.measured_phases(),
        false => {
            let place = |name: &str| view.run.phases.iter().position(|phase| phase.name == name);
            spec.within.iter().map(place).collect::<Option<Vec<usize>>>()?
        }
    };
    let trigger = match &spec.after {
        None => None,
        Some(name) => Some(Trigger::find(view.run, name)?),
    };
    Some(Over { phases, trigger })
}

fn bounded(
    view: &View<'_>,
    (metric, strategy, over): (&Metric, usize, &Over),
    comparator: Comparator,
    bound: f64,
) -> Found {
    let measured = metric.measure(view, strategy, over);
    let shown = metric.show(measured.value);
    let Some(number) = measured.value.number() else {
        return Found { measured: shown, n: measured.n, ..unclear("nothing was measured".to_owned()) };
    };
    if measured.is_thin() {
        let [n, needed] = [measured.n, measured.n_needed].map(|count| thousands(count as f64));
        let note = format!("{n} samples, needs {needed}");
        return Found { measured: shown, n: measured.n, ..unclear(note) };
    }
    let outcome = if comparator.holds(number, bound) { Outcome::Passed } else { Outcome::Failed };
    Found { measured: shown, n: measured.n, outcome, note: None }
}

fn better(view: &View<'_>, (metric, over): (&Metric, &Over), pair: [usize; 2], margin: f64) -> Found {
    let [Some(ours), Some(theirs)] = pair.map(|strategy| numbers(view, metric, strategy, over)) else {
        return unclear("nothing was measured in some replications".to_owned());
    };
    let pairs = ours.len().min(theirs.len());
    let compare = |margin: f64| {
        let direction = metric.info().better;
        let advantages: Vec<f64> =
            ours.iter().zip(&theirs).map(|(a, b)| paired::advantage(*a, *b, direction, margin)).collect();
        let names = pair.map(|strategy| view.run.strategies[strategy].name.as_str());
        let key = paired::key(view.run.scenario.seed, &[&metric.to_string(), names[0], names[1]]);
        paired::interval(&advantages, key)
    };
    let (Some(test), Some(plain)) = (compare(margin), compare(0.0)) else {
        let note = format!("{pairs} replications, needs {}", paired::PAIRS_MIN);
        return Found { n: pairs as u64, ..unclear(note) };
    };
    let base = theirs.iter().sum::<f64>() / pairs as f64;
    let outcome = if test.is_above_zero() { Outcome::Passed } else { Outcome::Failed };
    Found { measured: relative(metric, plain, base), n: pairs as u64, outcome, note: None }
}

fn numbers(view: &View<'_>, metric: &Metric, strategy: usize, over: &Over) -> Option<Vec<f64>> {
    metric.by_replication(view, strategy, over).into_iter().map(Value::number).collect()
}

/// `34.0% more (28.1% to 40.2%)`, or in the metric's own unit where there is nothing to be relative to.
fn relative(metric: &Metric, plain: Interval, base: f64) -> String {
    let word = match metric.info().better {
        Better::Lower => "less",
        Better::Higher | Better::Neither => "more",
    };
    if base > 0.0 && base.is_finite() && plain.low.is_finite() && plain.high.is_finite() {
        let percent = |part: f64| format!("{:.1}%", 100.0 * part / base);
        return format!("{} {word} ({} to {})", percent(plain.mean), percent(plain.low), percent(plain.high));
    }
    let show = |number: f64| match (number.is_finite(), number < 0.0) {
        (false, negative) => if negative { "-inf" } else { "inf" }.to_owned(),
        (true, true) => format!("-{}", metric.show(Value::Finite(-number))),
        (true, false) => metric.show(Value::Finite(number)),
    };
    format!("{} {word} ({} to {})", show(plain.mean), show(plain.low), show(plain.high))
}

fn unclear(note: String) -> Found {
    Found {
        measured: Unit::Count.show(Value::NoData),
        n: 0,
        outcome: Outcome::NotEnoughData,
        note: Some(note),
    }
}

/// `recovery <= 30s after spike`.
fn in_words(spec: &ExpectSpec) -> String {
    let mut text = spec.that.trim().to_owned();
    if let Some(other) = &spec.better_than {
        text.push_str(&format!(" better than {other}"));
    }
    if let Some(by) = &spec.by {
        text.push_str(&format!(" by {by}"));
    }
    if !spec.within.is_empty() {
        text.push_str(&format!(" in {}", spec.within.iter().collect::<Vec<_>>().join(", ")));
    }
    if let Some(after) = &spec.after {
        text.push_str(&format!(" after {after}"));
    }
    text
}
