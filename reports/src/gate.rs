//! A run against its baseline: improved, same, regressed, or not enough data, for each strategy and metric.
//!
//! Two ways to compare, by what the ground can promise ([`Method`]). In the simulation nothing is left to chance, so
//! every difference is real and any worsening beyond the tolerance is a regression; decisions that changed are shown even if no
//! number did. On the wall clock repeats are compared pair by pair (`paired`), and a regression must be both larger than is
//! tolerated and more than chance explains, over all comparisons together.

mod exact;
mod find;
mod formats;
mod paired;
mod text;
mod tolerance;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    comparison::{COLUMNS, triggers},
    expect::{ExpectResult, Outcome as Expected},
    metric::{Kind, Measured, Metric, Over},
    paired::{Better, Interval, PAIRS_MIN},
    quantity::{Unit, Value},
    run_file::{Ground, RunFile},
    tally::View,
    verdict::{Judgement, Verdict},
};

pub use find::{Incomparable, comparable};
pub use formats::{json, junit, markdown};
pub use paired::FAMILY_ERROR;
pub use text::{parting_in_words, render};
pub use tolerance::{Tolerance, ToleranceProblem, Tolerances};

pub const FORMAT: &str = "richter-check";
pub const VERSION: u32 = 1;
/// Metrics of more strategies than this are compared, but not told one by one.
pub const STRATEGIES_TOLD: usize = 100;

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Gate {
    /// Always `richter-check`.
    pub format: &'static str,
    pub version: u32,
    pub scenario: String,
    /// As it was named on the command line.
    pub file: String,
    pub ground: Ground,
    pub seed: u64,
    pub replications: u32,
    pub method: Method,
    pub passed: bool,
    /// Why, most important first; never empty.
    pub why: Vec<String>,
    /// What the comparison leaves out, and why to doubt it.
    pub notes: Vec<String>,
    /// Of the run itself, as `richter run` says it.
    pub verdict: Verdict,
    pub expectations: Vec<ExpectResult>,
    pub strategies: Vec<StrategyGate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Nothing is left to chance: any difference is real.
    Exact,
    /// Differences of repeats, pair by pair.
    Paired,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StrategyGate {
    pub strategy: String,
    pub behaviour: Behaviour,
    /// Where it first does something else.
    pub parting: Option<Parting>,
    /// Replication of the parting.
    pub parted_in: Option<u32>,
    pub metrics: Vec<MetricGate>,
}

/// Whether a strategy does what it did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Event by event, by the hashes of both runs.
    Same,
    Changed,
    /// On the wall clock no two runs are alike.
    Unknown,
}

/// Where two runs of one cell first differ.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Parting {
    /// Whose decision or attempt it is; absent where one run said nothing more, or where it is not known.
    pub request: Option<String>,
    /// Seconds since the start of the run.
    pub at_s: f64,
    /// Until here all events were the same.
    pub same_until_s: f64,
    /// The world was another before any decision was: arrivals, times or tokens.
    pub world: bool,
    /// What was decided, or how the attempt ended; absent if nothing more came.
    pub was: Option<String>,
    pub now: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct MetricGate {
    /// As in `--tolerance`.
    pub metric: String,
    pub name: String,
    pub unit: Unit,
    pub better: Better,
    pub was: Value,
    pub now: Value,
    /// Tolerated worsening, in the metric's unit.
    pub tolerated: f64,
    /// Mean worsening over pairs with its 95% interval, in the metric's unit; negative is better. Only of repeats.
    pub worse_by: Option<Interval>,
    #[serde(skip)]
    #[schemars(skip)]
    chance: Option<paired::Chance>,
    pub outcome: Outcome,
    pub note: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Regressed,
    NotEnoughData,
    Improved,
    Same,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Improved => "improved",
            Outcome::Same => "same",
            Outcome::Regressed => "regressed",
            Outcome::NotEnoughData => "not enough data",
        }
    }
}

/// One metric that is compared, and over what.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    id: String,
    pub(crate) name: String,
    pub(crate) metric: Metric,
    over: Over,
    /// What a relative tolerance is at least taken of, so that one of nothing is not nothing.
    floor: f64,
}

/// Metrics by name as `--tolerance` takes them.
pub fn metric_names() -> Vec<&'static str> {
    let columns = COLUMNS.iter().filter(|column| column.is_merit()).map(|column| column.id);
    columns.chain(["recovery", "detect", "lost"]).collect()
}

/// A recovery is measured in steps of a second and more; one of 0 s has no 5%.
const RECOVERY_FLOOR_S: f64 = 60.0;
/// Good answers lost: one of twenty thousand is noise.
const LOST_FLOOR: f64 = 100.0;

pub(crate) fn compared(view: &View<'_>) -> Vec<Compared> {
    let phases = view.measured_phases();
    let column = |column: &crate::comparison::Column| Compared {
        id: column.id.to_owned(),
        name: column.name(),
        metric: column.metric(),
        over: Over { phases: phases.clone(), trigger: None },
        floor: 0.0,
    };
    let mut all: Vec<Compared> = COLUMNS.iter().filter(|column| column.is_merit()).map(column).collect();
    for trigger in triggers(view).into_iter().take(crate::comparison::TRIGGERS_MAX) {
        for (kind, id, floor) in [
            (Kind::Recovery, "recovery", RECOVERY_FLOOR_S),
            (Kind::Detect, "detect", RECOVERY_FLOOR_S),
            (Kind::Lost, "lost", LOST_FLOOR),
        ] {
            all.push(Compared {
                id: id.to_owned(),
                name: format!("{id} after {}", trigger.name),
                metric: Metric::plain(kind),
                over: Over { phases: Vec::new(), trigger: Some(trigger.clone()) },
                floor,
            });
        }
    }
    all
}

/// Of one strategy in one run.
pub(crate) struct Side<'a> {
    pub(crate) view: &'a View<'a>,
    pub(crate) strategy: usize,
}

impl Side<'_> {
    pub(crate) fn measure(&self, compared: &Compared) -> Measured {
        compared.metric.measure(self.view, self.strategy, &compared.over)
    }

    pub(crate) fn by_replication(&self, compared: &Compared) -> Vec<Value> {
        compared.metric.by_replication(self.view, self.strategy, &compared.over)
    }
}

/// Both runs must be [`comparable`]. The judgement is that of the new run.
pub fn compare(base: &RunFile, now: &RunFile, judgement: &Judgement, tolerances: &Tolerances) -> Gate {
    let (was, is) = (View::new(base), View::new(now));
    let method = match now.ground {
        Ground::Sim => Method::Exact,
        Ground::Mock | Ground::Bedrock => Method::Paired,
    };
    let all = compared(&is);
    let mut strategies = Vec::new();
    let mut notes = find::notes(base, now);
    for (index, facts) in now.strategies.iter().enumerate() {
        let Some(old) = base.strategies.iter().position(|old| old.name == facts.name) else {
            notes.push(format!("{} is not in the baseline, and was compared with nothing", facts.name));
            continue;
        };
        let sides = [Side { view: &was, strategy: old }, Side { view: &is, strategy: index }];
        let metrics = match method {
            Method::Exact => exact::metrics(&sides, &all, tolerances),
            Method::Paired => paired::metrics(&sides, &all, tolerances),
        };
        let behaviour = match method {
            Method::Paired => Behaviour::Unknown,
            Method::Exact if find::changed(&sides).is_none() => Behaviour::Same,
            Method::Exact => Behaviour::Changed,
        };
        let strategy = facts.name.clone();
        strategies.push(StrategyGate { strategy, behaviour, parting: None, parted_in: None, metrics });
    }
    if method == Method::Paired {
        paired::settle(&mut strategies);
    }
    let mut gate = Gate {
        format: FORMAT,
        version: VERSION,
        scenario: now.scenario.name.clone(),
        file: now.scenario.file.clone(),
        ground: now.ground,
        seed: now.scenario.seed,
        replications: now.scenario.replications,
        method,
        passed: false,
        why: Vec::new(),
        notes,
        verdict: judgement.verdict,
        expectations: judgement.expectations.clone(),
        strategies,
    };
    let pairs = base.scenario.replications.min(now.scenario.replications);
    (gate.passed, gate.why) = gate.verdict(judgement, pairs);
    gate
}

/// The first replication in which each strategy of the new run did something else, by their indices in both runs.
pub fn changed(base: &RunFile, now: &RunFile) -> Vec<Changed> {
    let (was, is) = (View::new(base), View::new(now));
    let pairs = now.strategies.iter().enumerate().filter_map(|(index, facts)| {
        let old = base.strategies.iter().position(|old| old.name == facts.name)?;
        Some([Side { view: &was, strategy: old }, Side { view: &is, strategy: index }])
    });
    pairs.filter_map(|sides| find::changed(&sides)).collect()
}

/// A cell that is not what it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Changed {
    /// Index into the strategies of the new run.
    pub strategy: usize,
    pub replication: u32,
    /// Index into the cells of the baseline.
    pub base_cell: usize,
}

impl Gate {
    /// Adds where a strategy parted from its baseline.
    pub fn add_parting(&mut self, strategy: &str, replication: u32, parting: Parting) {
        if let Some(found) = self.strategies.iter_mut().find(|found| found.strategy == strategy) {
            (found.parting, found.parted_in) = (Some(parting), Some(replication));
        }
    }

    pub fn count(&self, outcome: Outcome) -> usize {
        self.all().filter(|(_, metric)| metric.outcome == outcome).count()
    }

    pub fn changed_strategies(&self) -> impl Iterator<Item = &StrategyGate> {
        self.strategies.iter().filter(|one| one.behaviour == Behaviour::Changed)
    }

    fn all(&self) -> impl Iterator<Item = (&str, &MetricGate)> {
        let strategies = self.strategies.iter();
        strategies.flat_map(|one| one.metrics.iter().map(|metric| (one.strategy.as_str(), metric)))
    }

    fn verdict(&self, judgement: &Judgement, pairs: u32) -> (bool, Vec<String>) {
        let mut why = Vec::new();
        if !matches!(judgement.verdict, Verdict::Passed | Verdict::Failed) {
            why.push(format!("the run is {}: {}", judgement.verdict.name(), judgement.why.join("; ")));
        }
        let regressed = self.count(Outcome::Regressed);
        if regressed > 0 {
            why.push(match regressed {
                1 => "1 number regressed".to_owned(),
                _ => format!("{regressed} numbers regressed"),
            });
        }
        let broken = self.expectations.iter().filter(|one| one.outcome != Expected::Passed).count();
        if broken > 0 {
            why.push(format!("{broken} of {} expectations did not hold", self.expectations.len()));
        }
        why.extend(self.nothing_told(pairs));
        if self.strategies.is_empty() {
            why.push("no strategy of the run is in the baseline".to_owned());
        }
        let passed = why.is_empty();
        if passed {
            why.push(self.calm());
        }
        (passed, why)
    }

    /// A gate that can tell nothing must not look as if it had.
    fn nothing_told(&self, pairs: u32) -> Vec<String> {
        if self.method == Method::Paired && (pairs as usize) < PAIRS_MIN {
            let repeats = if pairs == 1 { "1 repeat is" } else { "2 repeats are" };
            return vec![format!(
                "there is not enough data to tell anything: {repeats} too few, and {PAIRS_MIN} the least; save a baseline with \
                 more (richter run --replications)"
            )];
        }
        let untold =
            |one: &&StrategyGate| one.metrics.iter().all(|metric| metric.outcome == Outcome::NotEnoughData);
        let untold = self.strategies.iter().filter(untold);
        untold
            .map(|one| format!("there is not enough data to tell anything about {}", one.strategy))
            .collect()
    }

    /// What a gate says that has nothing against the run.
    fn calm(&self) -> String {
        let all = self.all().count();
        let changed = self.changed_strategies().count();
        let (improved, unclear) = (self.count(Outcome::Improved), self.count(Outcome::NotEnoughData));
        let mut parts = Vec::new();
        match (self.method, changed) {
            (Method::Exact, 0) => parts.push("every event is as it was".to_owned()),
            (Method::Exact, _) => {
                parts.push(format!("{changed} of {} strategies decide otherwise", self.strategies.len()))
            }
            (Method::Paired, _) => parts.push(format!("none of {all} numbers regressed")),
        }
        if improved > 0 {
            parts.push(format!("{improved} improved"));
        }
        if unclear > 0 && self.method == Method::Paired {
            parts.push(format!("{unclear} could not be told"));
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests;
