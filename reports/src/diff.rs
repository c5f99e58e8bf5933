//! What differs between two run files: what was asked, the numbers and whether chance explains them, the reasons that were given,
//! and where each strategy first did something else. It judges nothing; [`crate::gate`] does.

mod facts;
mod text;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    gate::{self, Compared, Side},
    paired::{self, Interval},
    quantity::{Unit, Value},
    run_file::{Cell, Ground, RunFile, decisions},
    tally::View,
};

pub use text::render;

pub const FORMAT: &str = "richter-diff";
pub const VERSION: u32 = 1;
/// Differences told of one strategy's reasons.
const COUNTS_TOLD: usize = 8;

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Diff {
    /// Always `richter-diff`.
    pub format: &'static str,
    pub version: u32,
    /// Names of both scenarios.
    pub scenarios: [String; 2],
    /// No event and no number differs.
    pub same: bool,
    /// What differs in what was asked, in sentences.
    pub asked: Vec<String>,
    /// Strategies that both runs have, in the order of the second.
    pub strategies: Vec<StrategyDiff>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StrategyDiff {
    pub strategy: String,
    /// Replications that both runs have, and those of them with other events.
    pub replications: u32,
    pub changed: u32,
    /// Where the first changed replication parts.
    pub parting: Option<FirstDifference>,
    pub numbers: Vec<NumberDiff>,
    /// Reasons of decisions, and classes of failure, whose counts differ; the largest difference first.
    pub counts: Vec<CountDiff>,
}

/// Where two cells first differ, as closely as the files tell.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FirstDifference {
    pub replication: u32,
    /// The first bucket of the series that differs starts here.
    pub from_s: Option<f64>,
    /// What differs in it, such as `attempts`.
    pub series: Vec<String>,
    /// The first decision or end that differs, where both files hold decisions.
    pub was: Option<String>,
    pub now: Option<String>,
    /// Until here all events are the same, where both files hold decisions.
    pub same_until_s: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct NumberDiff {
    pub name: String,
    pub unit: Unit,
    pub was: Value,
    pub now: Value,
    pub certainty: Certainty,
    /// Of the difference of means over replications, second less first, with 95 % confidence.
    pub interval: Option<Interval>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Two simulations of the same world and luck: nothing is left to chance.
    Exact,
    /// The interval does not include zero.
    Real,
    /// Chance explains it.
    Chance,
    /// Too few replications, or not measured in one of the runs.
    Unknown,
}

impl Certainty {
    pub const fn name(self) -> &'static str {
        match self {
            Certainty::Exact => "exact",
            Certainty::Real => "real",
            Certainty::Chance => "chance explains it",
            Certainty::Unknown => "cannot be told",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CountDiff {
    /// Such as `decided: quota_short` or `failed: throttle`.
    pub name: String,
    pub was: u64,
    pub now: u64,
}

/// How far two runs can be compared number by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pairs {
    Exact,
    /// Replication by replication: the same seed gave both the same arrivals.
    Paired,
    /// Only as wholes.
    Apart,
}

pub fn diff(was: &RunFile, now: &RunFile) -> Diff {
    let views = [View::new(was), View::new(now)];
    let asked = facts::differences(was, now);
    let same_luck = was.scenario.seed == now.scenario.seed && was.phases == now.phases;
    let pairs = match same_luck {
        true if was.ground == Ground::Sim && now.ground == Ground::Sim => Pairs::Exact,
        true => Pairs::Paired,
        false => Pairs::Apart,
    };
    let strategies: Vec<StrategyDiff> = now
        .strategies
        .iter()
        .enumerate()
        .filter_map(|(index, facts)| {
            let old = was.strategies.iter().position(|old| old.name == facts.name)?;
            let sides = [Side { view: &views[0], strategy: old }, Side { view: &views[1], strategy: index }];
            Some(strategy(&sides, &facts.name, pairs))
        })
        .collect();
    let same = asked.is_empty()
        && strategies.iter().all(|one| one.changed == 0 && one.numbers.is_empty() && one.counts.is_empty());
    let scenarios = [was.scenario.name.clone(), now.scenario.name.clone()];
    Diff { format: FORMAT, version: VERSION, scenarios, same, asked, strategies }
}

impl Diff {
    /// Versioned JSON.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

fn strategy(sides: &[Side<'_>; 2], name: &str, pairs: Pairs) -> StrategyDiff {
    let cells = paired_cells(sides);
    let changed: Vec<&(&Cell, &Cell)> =
        cells.iter().filter(|(was, now)| was.trace_hash != now.trace_hash).collect();
    // On the wall clock no two runs have the same events, and where they part says nothing.
    let parting =
        changed.first().filter(|_| pairs == Pairs::Exact).map(|(was, now)| first_difference(was, now));
    StrategyDiff {
        strategy: name.to_owned(),
        replications: cells.len() as u32,
        changed: changed.len() as u32,
        parting,
        numbers: numbers(sides, name, pairs),
        counts: counts(sides),
    }
}

/// Cells of the same replication.
fn paired_cells<'a>([was, now]: &[Side<'a>; 2]) -> Vec<(&'a Cell, &'a Cell)> {
    let mut old: Vec<&Cell> = was.view.cells(was.strategy).collect();
    old.sort_by_key(|cell| cell.replication);
    let find = |cell: &Cell| old.binary_search_by_key(&cell.replication, |one| one.replication).ok();
    let mut pairs: Vec<(&Cell, &Cell)> =
        now.view.cells(now.strategy).filter_map(|cell| Some((old[find(cell)?], cell))).collect();
    pairs.sort_by_key(|(_, cell)| cell.replication);
    pairs
}

fn first_difference(was: &Cell, now: &Cell) -> FirstDifference {
    let mut found = FirstDifference {
        replication: now.replication,
        from_s: None,
        series: Vec::new(),
        was: None,
        now: None,
        same_until_s: None,
    };
    if was.series.bucket_s == now.series.bucket_s {
        let (old, new) = (series(was), series(now));
        let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
        let firsts: Vec<(usize, &String)> = names
            .filter_map(|name| {
                let [old, new] = [&old, &new].map(|all| all.get(name).copied().unwrap_or(&[]));
                first_other(old, new).map(|at| (at, name))
            })
            .collect();
        if let Some(first) = firsts.iter().map(|(at, _)| *at).min() {
            found.from_s = Some(first as f64 * now.series.bucket_s);
            found.series =
                firsts.iter().filter(|(at, _)| *at == first).map(|(_, name)| (*name).clone()).collect();
        }
    }
    let logs = |cell: &Cell| cell.decisions.as_ref()?.unpack().ok();
    if let (Some(old), Some(new)) = (logs(was), logs(now))
        && let Some(fork) = decisions::fork(&old, &new)
    {
        let tell = |log: &decisions::Log| {
            fork.entry.and_then(|at| log.entries.get(at)).map(|entry| log.tell(entry, |_| None))
        };
        (found.was, found.now) = (tell(&old), tell(&new));
        found.same_until_s = Some(fork.same_until_ms as f64 / 1e3);
    }
    found
}

/// A cell's series by name.
fn series(cell: &Cell) -> IndexMap<String, &[u32]> {
    let series = &cell.series;
    let plain = [
        ("offered", &series.offered),
        ("attempts", &series.attempts),
        ("throttles", &series.throttles),
        ("answered", &series.answered),
        ("good", &series.good),
        ("failed", &series.failed),
        ("abandoned", &series.abandoned),
        ("in flight", &series.in_flight),
    ];
    let mut all: IndexMap<String, &[u32]> =
        plain.map(|(name, counts)| (name.to_owned(), counts.as_slice())).into_iter().collect();
    all.extend(
        series.by_region.iter().map(|(region, counts)| (format!("served by {region}"), counts.as_slice())),
    );
    all
}

/// Missing buckets count 0, as they do everywhere.
fn first_other(one: &[u32], other: &[u32]) -> Option<usize> {
    let at = |counts: &[u32], place: usize| counts.get(place).copied().unwrap_or(0);
    (0..one.len().max(other.len())).find(|place| at(one, *place) != at(other, *place))
}

/// Numbers that are not the same.
fn numbers(sides: &[Side<'_>; 2], name: &str, pairs: Pairs) -> Vec<NumberDiff> {
    let [was, now] = sides;
    let (old, new) = (gate::compared(was.view), gate::compared(now.view));
    let both = new.iter().filter_map(|new| Some((old.iter().find(|old| old.name == new.name)?, new)));
    let one = |(old, new): (&Compared, &Compared)| {
        let (old_value, new_value) = (was.measure(old).value, now.measure(new).value);
        if old_value == new_value {
            return None;
        }
        let values = [was.by_replication(old), now.by_replication(new)];
        let key = paired::key(now.view.run.scenario.seed, &["diff", &new.name, name]);
        let interval = interval(values, pairs, key);
        let certainty = match (pairs, interval) {
            _ if old_value.number().is_none() || new_value.number().is_none() => Certainty::Unknown,
            (Pairs::Exact, _) => Certainty::Exact,
            (_, Some(interval)) if interval.low > 0.0 || interval.high < 0.0 => Certainty::Real,
            (_, Some(_)) => Certainty::Chance,
            (_, None) => Certainty::Unknown,
        };
        let unit = new.metric.info().unit;
        Some(NumberDiff { name: new.name.clone(), unit, was: old_value, now: new_value, certainty, interval })
    };
    both.filter_map(one).collect()
}

fn interval(values: [Vec<Value>; 2], pairs: Pairs, key: u64) -> Option<Interval> {
    let numbers = |values: &Vec<Value>| -> Option<Vec<f64>> {
        values.iter().map(|value| value.number().filter(|number| number.is_finite())).collect()
    };
    let (was, now) = (numbers(&values[0])?, numbers(&values[1])?);
    match pairs {
        Pairs::Exact | Pairs::Paired if was.len() == now.len() => {
            let differences: Vec<f64> = was.iter().zip(&now).map(|(was, now)| now - was).collect();
            paired::interval(&differences, key)
        }
        _ => paired::apart(&was, &now),
    }
}

fn counts(sides: &[Side<'_>; 2]) -> Vec<CountDiff> {
    let sums = |side: &Side<'_>| {
        let mut sums: IndexMap<String, u64> = IndexMap::new();
        let mut add = |name: String, count: u64| {
            let sum = sums.entry(name).or_default();
            *sum = sum.saturating_add(count);
        };
        for cell in side.view.cells(side.strategy) {
            cell.reasons.iter().for_each(|(name, count)| add(format!("decided: {name}"), *count));
            for phase in &cell.phases {
                phase.failed_by_class.iter().for_each(|(name, count)| add(format!("failed: {name}"), *count));
            }
        }
        sums
    };
    let (old, new) = (sums(&sides[0]), sums(&sides[1]));
    let names = old.keys().chain(new.keys().filter(|name| !old.contains_key(*name)));
    let of = |sums: &IndexMap<String, u64>, name: &String| sums.get(name).copied().unwrap_or(0);
    let mut differences: Vec<CountDiff> = names
        .map(|name| CountDiff { name: name.clone(), was: of(&old, name), now: of(&new, name) })
        .filter(|one| one.was != one.now)
        .collect();
    differences
        .sort_by(|a, b| b.was.abs_diff(b.now).cmp(&a.was.abs_diff(a.now)).then_with(|| a.name.cmp(&b.name)));
    differences.truncate(COUNTS_TOLD);
    differences
}

#[cfg(test)]
mod tests;
