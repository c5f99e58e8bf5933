//! The numbers that an expectation may name: one table for `richter list metrics`, the parser and the README.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    paired::Better,
    quantity::{Unit, Value},
    samples::Percentile,
    stats::{
        self, Clock, REQUESTS_MIN,
        flow::{Flow, Trigger, amplification_peak},
    },
    tally::{Tally, View},
};

/// A row of `richter list metrics`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricInfo {
    pub kind: Kind,
    /// As people write it; `pNN` and `(TARGET)` stand for what they choose.
    pub name: &'static str,
    pub unit: Unit,
    pub better: Better,
    pub meaning: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Success,
    Goodput,
    GoodputRate,
    FirstToken,
    Total,
    Gap,
    Attempt,
    Recovery,
    Detect,
    Lost,
    Amplification,
    AmplificationPeak,
    Throttles,
    Failures,
    Rejected,
    CutShort,
    Abandoned,
    Shed,
    Cost,
    Spend,
    WastedTokens,
    Share,
    ModelShare,
}

const fn row(
    kind: Kind,
    name: &'static str,
    (unit, better): (Unit, Better),
    meaning: &'static str,
) -> MetricInfo {
    MetricInfo { kind, name, unit, better, meaning }
}

use Better::{Higher, Lower, Neither};

/// In the order of [`Kind`].
pub const METRICS: [MetricInfo; 23] = [
    row(Kind::Success, "success", (Unit::Share, Higher), "whole answers, of all offered requests"),
    row(
        Kind::Goodput,
        "goodput",
        (Unit::Share, Higher),
        "whole answers within the SLO, of all offered requests",
    ),
    row(Kind::GoodputRate, "goodput_rate", (Unit::PerSecond, Higher), "good answers per second"),
    row(
        Kind::FirstToken,
        "ttft.pNN",
        (Unit::Seconds, Lower),
        "time from the intended arrival to the first content; a request without an answer counts as infinite",
    ),
    row(
        Kind::Total,
        "total.pNN",
        (Unit::Seconds, Lower),
        "time from the intended arrival to the last token; a request without an answer counts as infinite",
    ),
    row(Kind::Gap, "gap.pNN", (Unit::Seconds, Lower), "mean time between the tokens of one answer"),
    row(Kind::Attempt, "attempt.pNN", (Unit::Seconds, Lower), "time of one attempt, however it ended"),
    row(
        Kind::Recovery,
        "recovery",
        (Unit::Seconds, Lower),
        "time from the end of the phase or fault named by `after` until goodput is back at 95 % of what it was \
         before; the slowest replication counts",
    ),
    row(
        Kind::Detect,
        "detect",
        (Unit::Seconds, Lower),
        "how long callers suffered during the phase or fault named by `after` before it was worked round; the \
         slowest replication counts",
    ),
    row(
        Kind::Lost,
        "lost",
        (Unit::Count, Lower),
        "good answers lost to the phase or fault named by `after`, until recovery; the worst replication counts",
    ),
    row(Kind::Amplification, "amplification", (Unit::Ratio, Lower), "attempts per request"),
    row(
        Kind::AmplificationPeak,
        "amplification_peak",
        (Unit::Ratio, Lower),
        "most attempts per request over any 10 s; the worst replication counts",
    ),
    row(Kind::Throttles, "throttles", (Unit::Share, Lower), "throttled attempts, of all attempts"),
    row(
        Kind::Failures,
        "failures",
        (Unit::Share, Lower),
        "failed and broken requests, of all offered requests",
    ),
    row(
        Kind::Rejected,
        "rejected",
        (Unit::Share, Lower),
        "requests that failed by the strategy's own decision and not by the service's, of all offered",
    ),
    row(
        Kind::CutShort,
        "cut_short",
        (Unit::Share, Lower),
        "answers that stopped at a `max_tokens` which the strategy had set, of all whole answers",
    ),
    row(
        Kind::Abandoned,
        "abandoned",
        (Unit::Share, Lower),
        "requests whose caller left first, of all offered",
    ),
    row(Kind::Shed, "shed", (Unit::Share, Lower), "requests that the generator never began, of all offered"),
    row(Kind::Cost, "cost", (Unit::Usd, Lower), "price of 1,000 good answers, everything paid included"),
    row(Kind::Spend, "spend", (Unit::Usd, Lower), "price of the whole of one replication"),
    row(
        Kind::WastedTokens,
        "wasted_tokens",
        (Unit::Share, Lower),
        "output tokens produced for nobody, of all",
    ),
    row(
        Kind::Share,
        "share(TARGET)",
        (Unit::Share, Neither),
        "whole answers that came from the target, of all",
    ),
    row(
        Kind::ModelShare,
        "model_share(MODEL)",
        (Unit::Share, Neither),
        "whole answers that the model made, of all: what failing over to another model costs in quality",
    ),
];

impl Kind {
    pub const fn info(self) -> &'static MetricInfo {
        &METRICS[self as usize]
    }

    /// Measured after a trigger, not over phases.
    pub const fn needs_trigger(self) -> bool {
        matches!(self, Kind::Recovery | Kind::Detect | Kind::Lost)
    }

    /// The part of the name before `.pNN` or `(TARGET)`.
    fn head(self) -> &'static str {
        let name = self.info().name;
        name.split(['.', '(']).next().unwrap_or(name)
    }
}

/// A metric as an expectation names it.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    pub kind: Kind,
    pub argument: Argument,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Argument {
    None,
    Percentile(Percentile),
    Target(String),
    Model(String),
}

impl Argument {
    /// `rest` is what follows the metric's name in `text`.
    fn parse(kind: Kind, text: &str, rest: &str) -> Result<Argument, MetricProblem> {
        let head = kind.head();
        let (argument, message, hint) = match kind {
            Kind::FirstToken | Kind::Total | Kind::Gap | Kind::Attempt => (
                rest.strip_prefix('.')
                    .and_then(|percentile| percentile.parse().ok())
                    .map(Argument::Percentile),
                format!("\"{text}\" needs a percentile"),
                format!("write {head}.p50, {head}.p99 or {head}.p99.9"),
            ),
            Kind::Share => {
                let target = rest.strip_prefix('(').and_then(|name| name.strip_suffix(')')).map(str::trim);
                (
                    target.filter(|name| !name.is_empty()).map(|name| Argument::Target(name.to_owned())),
                    format!("\"{text}\" needs a target"),
                    "write share(TARGET)".to_owned(),
                )
            }
            Kind::ModelShare => {
                let model = rest.strip_prefix('(').and_then(|name| name.strip_suffix(')')).map(str::trim);
                (
                    model.filter(|name| !name.is_empty()).map(|name| Argument::Model(name.to_owned())),
                    format!("\"{text}\" needs a model"),
                    "write model_share(MODEL), with a base model's id".to_owned(),
                )
            }
            _ => (
                rest.is_empty().then_some(Argument::None),
                format!("{head} takes no \"{rest}\""),
                format!("write {head}"),
            ),
        };
        argument.ok_or(MetricProblem { message, hint })
    }
}

/// What is wrong with a metric's name, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricProblem {
    pub message: String,
    pub hint: String,
}

/// A number with what it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Measured {
    pub value: Value,
    /// Samples behind it.
    pub n: u64,
    /// Fewer samples than this and it says little.
    pub n_needed: u64,
}

impl Measured {
    pub fn is_thin(&self) -> bool {
        self.n < self.n_needed
    }
}

impl Metric {
    pub fn plain(kind: Kind) -> Metric {
        Metric { kind, argument: Argument::None }
    }

    pub fn percentile(kind: Kind, percentile: Percentile) -> Metric {
        Metric { kind, argument: Argument::Percentile(percentile) }
    }

    pub fn info(&self) -> &'static MetricInfo {
        self.kind.info()
    }

    pub fn parse(text: &str) -> Result<Metric, MetricProblem> {
        let head = text.split(['.', '(']).next().unwrap_or(text).trim();
        let Some(info) = METRICS.iter().find(|info| info.kind.head() == head) else {
            return Err(unknown(head));
        };
        let rest = text[text.find(head).unwrap_or(0) + head.len()..].trim();
        let argument = Argument::parse(info.kind, text, rest)?;
        Ok(Metric { kind: info.kind, argument })
    }

    /// Over phases, all replications together. Without data for metrics that need a trigger or the series.
    pub fn of_tally(&self, view: &View<'_>, tally: &Tally) -> Measured {
        let counts = &tally.counts;
        let offered = |value| Measured { value, n: counts.offered, n_needed: REQUESTS_MIN };
        match self.kind {
            Kind::Success => offered(stats::success(tally)),
            Kind::Goodput => offered(stats::goodput(tally)),
            Kind::GoodputRate => offered(stats::goodput_rate(tally)),
            Kind::Failures => offered(stats::failures(tally)),
            Kind::Abandoned => offered(stats::abandoned(tally)),
            Kind::Rejected => offered(stats::rejected(tally)),
            Kind::CutShort => {
                Measured { value: stats::cut_short(tally), n: tally.counts.answered, n_needed: REQUESTS_MIN }
            }
            Kind::Shed => offered(stats::shed(tally)),
            Kind::Amplification => offered(stats::amplification(tally)),
            Kind::Cost => offered(stats::cost(tally)),
            Kind::Spend => offered(stats::spend(tally)),
            Kind::WastedTokens => offered(stats::wasted_tokens(tally)),
            Kind::Throttles => {
                Measured { value: stats::throttles(tally), n: counts.attempts, n_needed: REQUESTS_MIN }
            }
            Kind::Share => self.target_share(view, tally),
            Kind::ModelShare => {
                let value = match &self.argument {
                    Argument::Model(model) => stats::model_share(tally, model),
                    _ => Value::NoData,
                };
                Measured { value, n: counts.answered, n_needed: REQUESTS_MIN }
            }
            Kind::FirstToken => self.latency(tally, Clock::FirstToken),
            Kind::Total => self.latency(tally, Clock::Total),
            Kind::Gap => self.latency(tally, Clock::Gap),
            Kind::Attempt => self.latency(tally, Clock::Attempt),
            Kind::Recovery | Kind::Detect | Kind::Lost | Kind::AmplificationPeak => {
                Measured { value: Value::NoData, n: 0, n_needed: 1 }
            }
        }
    }

    fn latency(&self, tally: &Tally, clock: Clock) -> Measured {
        let Argument::Percentile(percentile) = self.argument else {
            return Measured { value: Value::NoData, n: 0, n_needed: 1 };
        };
        let (value, n) = stats::latency(tally, clock, percentile);
        Measured { value, n, n_needed: percentile.samples_needed() }
    }

    fn target_share(&self, view: &View<'_>, tally: &Tally) -> Measured {
        let place = match &self.argument {
            Argument::Target(name) => view.run.targets.iter().position(|target| target.name == *name),
            _ => None,
        };
        let value = place.map_or(Value::NoData, |target| stats::target_share(tally, target));
        Measured { value, n: tally.counts.answered, n_needed: REQUESTS_MIN }
    }

    /// For each replication of a strategy, in order.
    pub fn by_replication(&self, view: &View<'_>, strategy: usize, over: &Over) -> Vec<Value> {
        view.tallies(strategy, &over.phases)
            .iter()
            .filter_map(|(replication, tally)| {
                let cell = view.cells(strategy).find(|cell| cell.replication == *replication)?;
                Some(match (self.kind, &over.trigger) {
                    (Kind::Recovery, Some(trigger)) => Flow::new(view.run, cell).recovery(trigger),
                    (Kind::Detect, Some(trigger)) => Flow::new(view.run, cell).detect(trigger),
                    (Kind::Lost, Some(trigger)) => Flow::new(view.run, cell).lost(trigger),
                    (Kind::AmplificationPeak, _) => amplification_peak(view.run, cell, &over.phases),
                    _ => self.of_tally(view, tally).value,
                })
            })
            .collect()
    }

    /// One number for a strategy: replications pooled, or the worst one where pooling would hide it.
    pub fn measure(&self, view: &View<'_>, strategy: usize, over: &Over) -> Measured {
        if self.kind.needs_trigger() || self.kind == Kind::AmplificationPeak {
            let each = self.by_replication(view, strategy, over);
            return Measured { value: worst(&each), n: each.len() as u64, n_needed: 1 };
        }
        self.of_tally(view, &view.tally(strategy, &over.phases))
    }

    pub fn show(&self, value: Value) -> String {
        self.info().unit.show(value)
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.argument {
            Argument::None => f.write_str(self.kind.head()),
            Argument::Percentile(percentile) => write!(f, "{}.{percentile}", self.kind.head()),
            Argument::Target(name) | Argument::Model(name) => write!(f, "{}({name})", self.kind.head()),
        }
    }
}

/// What a metric is taken over.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Over {
    pub phases: Vec<usize>,
    pub trigger: Option<Trigger>,
}

/// The largest; without data if any has none, because the missing one may be the worst.
fn worst(values: &[Value]) -> Value {
    let numbers: Option<Vec<f64>> = values.iter().map(|value| value.number()).collect();
    match numbers.and_then(|numbers| numbers.into_iter().max_by(f64::total_cmp)) {
        None => Value::NoData,
        Some(f64::INFINITY) => Value::Infinite,
        Some(number) => Value::Finite(number),
    }
}

fn unknown(name: &str) -> MetricProblem {
    let names: Vec<&str> = METRICS.iter().map(|info| info.name).collect();
    let hint = match nearest(name, METRICS.iter().map(|info| info.kind.head())) {
        Some(near) => format!(
            "did you mean {}?",
            METRICS.iter().find(|i| i.kind.head() == near).map_or(near, |i| i.name)
        ),
        None => format!("known metrics: {}", names.join(", ")),
    };
    MetricProblem { message: format!("\"{name}\" is not a metric"), hint }
}

/// The known name that was probably meant: at most a third of its letters differ.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|candidate| {
            (strsim::damerau_levenshtein(&name.to_lowercase(), &candidate.to_lowercase()), candidate)
        })
        .filter(|(distance, candidate)| distance * 3 <= candidate.chars().count().max(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
