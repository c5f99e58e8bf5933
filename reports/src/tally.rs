//! Sums of cells: one strategy, any phases, one replication or all of them.
//!
//! Derived numbers are made from sums, never averaged from derived numbers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use indexmap::IndexMap;

use crate::{
    run_file::{Cell, Histograms, PhaseCell, RunFile},
    samples::Samples,
};

/// A run file with its histograms unpacked.
#[derive(Debug)]
pub struct View<'a> {
    pub run: &'a RunFile,
    /// By cell, by phase.
    times: Vec<Vec<Times>>,
    /// Places of each strategy's cells, so that a run of thousands of strategies is not searched for every number.
    places: Vec<Vec<usize>>,
    /// Histograms that could not be read.
    pub damage: Vec<String>,
    /// A report asks for the same sums again and again, once for each number.
    pooled: Kept<Tally>,
    each: Kept<BTreeMap<u32, Tally>>,
}

/// Sums kept by strategy and phases.
type Kept<T> = Mutex<BTreeMap<(usize, Vec<usize>), Arc<T>>>;

/// Sums kept of each kind. A report of more strategies adds up again, rather than hold the times of all of them once more.
const KEPT_MAX: usize = 64;

fn kept<T>(all: &Kept<T>, key: (usize, &[usize]), sum: impl FnOnce() -> T) -> Arc<T> {
    let key = (key.0, key.1.to_vec());
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(&key) {
        return Arc::clone(known);
    }
    if all.len() >= KEPT_MAX {
        all.clear();
    }
    let summed = Arc::new(sum());
    all.insert(key, Arc::clone(&summed));
    summed
}

/// The recorded times of one or more phase cells.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Times {
    pub first_token: Samples,
    pub total: Samples,
    pub gap: Samples,
    pub attempt: Samples,
}

/// What derived numbers are made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tally {
    /// Sums; its histograms stay empty, `times` has them.
    pub counts: PhaseCell,
    pub times: Times,
    /// Length of the phases, once per replication.
    pub seconds: f64,
    pub replications: u32,
}

impl<'a> View<'a> {
    pub fn new(run: &'a RunFile) -> View<'a> {
        let mut damage = Vec::new();
        let times = run
            .cells
            .iter()
            .map(|cell| {
                cell.phases.iter().map(|phase| Times::decode(&phase.histograms, &mut damage)).collect()
            })
            .collect();
        let mut places = vec![Vec::new(); run.strategies.len()];
        for (place, cell) in run.cells.iter().enumerate() {
            places[cell.strategy].push(place);
        }
        View { run, times, places, damage, pooled: Kept::default(), each: Kept::default() }
    }

    /// The cells of one strategy, by replication.
    pub fn cells(&self, strategy: usize) -> impl Iterator<Item = &'a Cell> + use<'_, 'a> {
        self.places(strategy).iter().map(|place| &self.run.cells[*place])
    }

    fn places(&self, strategy: usize) -> &[usize] {
        self.places.get(strategy).map_or(&[], Vec::as_slice)
    }

    /// Phases that are judged when nothing else is said.
    pub fn measured_phases(&self) -> Vec<usize> {
        let phases = self.run.phases.iter().enumerate();
        phases.filter(|(_, phase)| phase.measured).map(|(index, _)| index).collect()
    }

    /// The sum over all replications.
    pub fn tally(&self, strategy: usize, phases: &[usize]) -> Arc<Tally> {
        kept(&self.pooled, (strategy, phases), || self.sum(phases, strategy, |_| true))
    }

    /// One sum per replication.
    pub fn tallies(&self, strategy: usize, phases: &[usize]) -> Arc<BTreeMap<u32, Tally>> {
        let sum = |r| self.sum(phases, strategy, |cell| cell.replication == r);
        let each = || self.cells(strategy).map(|cell| (cell.replication, sum(cell.replication))).collect();
        kept(&self.each, (strategy, phases), each)
    }

    fn sum(&self, phases: &[usize], strategy: usize, pick: impl Fn(&Cell) -> bool) -> Tally {
        let mut tally = Tally::default();
        tally.counts.cost_usd = Some(0.0);
        tally.counts.cut_short = Some(0);
        let cells = self.places(strategy).iter().map(|place| (&self.run.cells[*place], &self.times[*place]));
        for (cell, times) in cells.filter(|(cell, _)| pick(cell)) {
            tally.replications += 1;
            for phase in phases {
                if let (Some(counts), Some(times)) = (cell.phases.get(*phase), times.get(*phase)) {
                    add_counts(&mut tally.counts, counts);
                    tally.times.add(times);
                }
                tally.seconds += self.run.phases.get(*phase).map_or(0.0, |phase| phase.to_s - phase.from_s);
            }
        }
        tally
    }
}

impl Times {
    fn decode(histograms: &Histograms, damage: &mut Vec<String>) -> Times {
        let mut read = |blob: &Option<String>| match blob.as_deref().map(Samples::decode) {
            None => Samples::default(),
            Some(Ok(samples)) => samples,
            Some(Err(error)) => {
                damage.push(error.to_string());
                Samples::default()
            }
        };
        Times {
            first_token: read(&histograms.first_token),
            total: read(&histograms.total),
            gap: read(&histograms.gap),
            attempt: read(&histograms.attempt),
        }
    }

    fn add(&mut self, other: &Times) {
        self.first_token.add(&other.first_token);
        self.total.add(&other.total);
        self.gap.add(&other.gap);
        self.attempt.add(&other.attempt);
    }
}

fn add_counts(sum: &mut PhaseCell, cell: &PhaseCell) {
    sum.offered += cell.offered;
    sum.answered += cell.answered;
    sum.good += cell.good;
    sum.failed += cell.failed;
    sum.broken += cell.broken;
    sum.abandoned += cell.abandoned;
    sum.shed += cell.shed;
    sum.open += cell.open;
    sum.attempts += cell.attempts;
    sum.attempts_cancelled += cell.attempts_cancelled;
    sum.input_tokens += cell.input_tokens;
    sum.output_tokens += cell.output_tokens;
    sum.wasted_tokens += cell.wasted_tokens;
    // A file that does not tell makes the sum unknown.
    sum.cut_short = sum.cut_short.zip(cell.cut_short).map(|(sum, cell)| sum + cell);
    // One unknown price makes the sum unknown.
    sum.cost_usd = sum.cost_usd.zip(cell.cost_usd).map(|(sum, cell)| sum + cell);
    add_named(&mut sum.failed_by_class, &cell.failed_by_class);
    add_named(&mut sum.rejected_by_reason, &cell.rejected_by_reason);
    add_named(&mut sum.attempts_failed_by_class, &cell.attempts_failed_by_class);
    add_named(&mut sum.answered_by_model, &cell.answered_by_model);
    add_named(&mut sum.served_by_region, &cell.served_by_region);
    add_placed(&mut sum.attempts_by_target, &cell.attempts_by_target);
    add_placed(&mut sum.answered_by_target, &cell.answered_by_target);
}

fn add_named(sum: &mut IndexMap<String, u64>, cell: &IndexMap<String, u64>) {
    for (name, count) in cell {
        match sum.get_mut(name) {
            Some(total) => *total += count,
            None => {
                sum.insert(name.clone(), *count);
            }
        }
    }
}

fn add_placed(sum: &mut Vec<u64>, cell: &[u64]) {
    sum.resize(sum.len().max(cell.len()), 0);
    for (total, count) in sum.iter_mut().zip(cell) {
        *total += count;
    }
}
