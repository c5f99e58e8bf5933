//! Strategies side by side: the tables, what stands out, what to beware of, and the answer to the question.
//!
//! Nothing is called best unless the paired replications say so ([`crate::paired`]).

mod answer;
mod caveats;
mod evidence;
mod findings;
mod notable;
mod table;

use schemars::JsonSchema;
use serde::Serialize;

pub use answer::{Answer, Confidence};
pub(crate) use caveats::ground_limits;
pub use notable::{NOTABLE_FIRST, Notable};
pub use table::{COLUMNS, Column, Entry, Row, Table};

use crate::{
    metric::{Kind, Metric, Over},
    quantity::Value,
    run_file::Ground,
    stats::{self, flow::Trigger},
    tally::{Tally, View},
};

/// Load or faults that a strategy may recover from; more would not fit a table.
pub(crate) const TRIGGERS_MAX: usize = 4;
/// A phase is a spike when its rate is this much above the phase before it.
const SPIKE: f64 = 1.5;

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Comparison {
    pub heading: Heading,
    pub answer: Answer,
    /// All measured phases together.
    pub overall: Table,
    /// Each measured phase; empty if there is only one.
    pub phases: Vec<Table>,
    pub recovery: Recovery,
    /// Where each strategy was served, if it was in more than one Region.
    pub regions: Vec<Shares>,
    /// Which models made the answers, if more than one did.
    pub models: Vec<Shares>,
    pub findings: Vec<String>,
    pub caveats: Vec<String>,
    /// What the service's logs and metrics say.
    pub evidence: Vec<String>,
    /// Requests whose stories tell the most.
    pub notable: Vec<Notable>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Heading {
    pub name: String,
    pub question: String,
    pub ground: Ground,
    pub seed: u64,
    pub replications: u32,
    /// Replications that came to their end, those of all strategies counted together.
    pub cells: u32,
    pub cells_planned: u32,
    /// Length of one replication.
    pub seconds: f64,
    /// Requests of one strategy, all replications.
    pub offered: u64,
}

/// How long each strategy took to come back after each trigger.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Recovery {
    pub triggers: Vec<String>,
    pub rows: Vec<RecoveryRow>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RecoveryRow {
    pub strategy: String,
    /// In seconds, by trigger.
    pub recovery: Vec<Value>,
    /// Seconds until it was worked round, by trigger.
    pub detect: Vec<Value>,
    /// Good answers lost, by trigger.
    pub lost: Vec<Value>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Shares {
    pub strategy: String,
    /// Largest first.
    pub shares: Vec<(String, f64)>,
}

/// One strategy's sums over some phases.
struct Scored {
    name: String,
    pooled: Tally,
    /// By replication.
    each: Vec<Tally>,
}

impl Scored {
    /// One number per replication; `None` if any has none.
    fn numbers(&self, view: &View<'_>, metric: &Metric) -> Option<Vec<f64>> {
        self.each.iter().map(|tally| metric.of_tally(view, tally).value.number()).collect()
    }
}

pub fn compare(view: &View<'_>) -> Comparison {
    let measured = view.measured_phases();
    let scored = score(view, &measured);
    let recovery = recovery(view);
    Comparison {
        heading: heading(view),
        answer: answer::answer(view, &scored),
        overall: table::table(view, &phase_names(view, &measured), &scored),
        phases: by_phase(view, &measured),
        regions: shares(&scored, stats::region_shares),
        models: shares(&scored, stats::model_shares),
        findings: findings::findings(view, &scored, &recovery),
        caveats: caveats::caveats(view, &scored),
        evidence: evidence::evidence(view),
        notable: notable::notable(view),
        recovery,
    }
}

fn heading(view: &View<'_>) -> Heading {
    let run = view.run;
    let all: Vec<usize> = (0..run.phases.len()).collect();
    Heading {
        name: run.scenario.name.clone(),
        question: run.scenario.question.clone(),
        ground: run.ground,
        seed: run.scenario.seed,
        replications: run.scenario.replications,
        cells: run.cells.len() as u32,
        cells_planned: (run.strategies.len() as u32).saturating_mul(run.scenario.replications),
        seconds: run.phases.iter().map(|phase| phase.to_s - phase.from_s).sum(),
        offered: view.tally(0, &all).counts.offered,
    }
}

fn score(view: &View<'_>, phases: &[usize]) -> Vec<Scored> {
    let strategies = view.run.strategies.iter().enumerate();
    strategies
        .map(|(index, strategy)| Scored {
            name: strategy.name.clone(),
            pooled: Tally::clone(&view.tally(index, phases)),
            each: view.tallies(index, phases).values().cloned().collect(),
        })
        .collect()
}

fn phase_names(view: &View<'_>, phases: &[usize]) -> String {
    match phases {
        [] => "no phase is measured".to_owned(),
        _ => phases.iter().map(|phase| view.run.phases[*phase].name.as_str()).collect::<Vec<_>>().join(", "),
    }
}

fn by_phase(view: &View<'_>, measured: &[usize]) -> Vec<Table> {
    if measured.len() < 2 {
        return Vec::new();
    }
    let one = |phase: &usize| table::table(view, &view.run.phases[*phase].name, &score(view, &[*phase]));
    measured.iter().map(one).collect()
}

/// A row for each strategy, unless all have but one name between them.
fn shares(scored: &[Scored], of: impl Fn(&Tally) -> Vec<(String, f64)>) -> Vec<Shares> {
    let row = |one: &Scored| Shares { strategy: one.name.clone(), shares: of(&one.pooled) };
    let rows: Vec<Shares> = scored.iter().map(row).collect();
    let mut names: Vec<&str> =
        rows.iter().flat_map(|row| &row.shares).map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.len() > 1 { rows } else { Vec::new() }
}

fn recovery(view: &View<'_>) -> Recovery {
    let triggers = triggers(view);
    let one = |kind: Kind, strategy: usize, trigger: &Trigger| {
        let over = Over { phases: Vec::new(), trigger: Some(trigger.clone()) };
        Metric::plain(kind).measure(view, strategy, &over).value
    };
    let all = 0..view.run.strategies.len();
    let values: Vec<Vec<Value>> = triggers
        .iter()
        .map(|trigger| all.clone().map(|strategy| one(Kind::Recovery, strategy, trigger)).collect())
        .collect();
    // A column that says nothing of anybody is no column.
    let told = |place: &usize| values[*place].iter().any(|value| *value != Value::NoData);
    let told: Vec<usize> = (0..triggers.len()).filter(told).take(TRIGGERS_MAX).collect();
    let rows = view.run.strategies.iter().enumerate().map(|(index, strategy)| RecoveryRow {
        strategy: strategy.name.clone(),
        recovery: told.iter().map(|place| values[*place][index]).collect(),
        detect: told.iter().map(|place| one(Kind::Detect, index, &triggers[*place])).collect(),
        lost: told.iter().map(|place| one(Kind::Lost, index, &triggers[*place])).collect(),
    });
    Recovery {
        rows: rows.collect(),
        triggers: told.iter().map(|place| triggers[*place].name.clone()).collect(),
    }
}

/// Spikes and faults with something before them to come back to and something after them to come back in.
pub(crate) fn triggers(view: &View<'_>) -> Vec<Trigger> {
    let run = view.run;
    let end = run.phases.last().map_or(0.0, |phase| phase.to_s);
    let rate = |phase: usize| {
        let tally = view.tally(0, &[phase]);
        tally.counts.offered as f64 / tally.seconds.max(f64::MIN_POSITIVE)
    };
    let spikes = (1..run.phases.len()).filter(|phase| rate(*phase) > SPIKE * rate(*phase - 1));
    let names = spikes.map(|phase| &run.phases[phase].name).chain(run.faults.iter().map(|fault| &fault.name));
    names
        .filter_map(|name| Trigger::find(run, name))
        .filter(|trigger| trigger.from_s > 0.0 && trigger.to_s < end)
        .collect()
}
