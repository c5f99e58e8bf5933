//! Baselines: run files that are kept to compare later runs with, and what it takes to say where a later run parts.
//!
//! A run itself keeps no decisions, so that its memory does not grow with its requests. The simulation is deterministic:
//! whoever saves a baseline plays it once more and writes the decisions down; whoever finds another hash plays that one
//! cell again beside what was written down, up to the first thing that differs.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use richter_reports::{
    gate::{self, Parting},
    run_file::{RunFile, decisions::DecisionsError},
};

use crate::{
    ground::sim::Simulation,
    load::TraceError,
    record::decisions::{Follower, Logger},
    scenario::plan::Plan,
};

#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("{0}, replication {1} does not play as it did when the run was made; run it again, then save it")]
    Other(String, u32),
    #[error("{0}")]
    Damaged(#[from] DecisionsError),
}

/// Plays every cell again and writes its decisions into the run file. The plan must be the one that the run was made from.
pub fn write_down(plan: &Plan, run: &mut RunFile, jobs: usize) -> Result<(), BaselineError> {
    let places: Vec<(usize, u32)> = run.cells.iter().map(|cell| (cell.strategy, cell.replication)).collect();
    let logged = each(places.len(), jobs, |at| {
        let (strategy, replication) = places[at];
        let mut simulation = Simulation::new(plan, strategy, replication, Logger::new(plan))?;
        while simulation.step()? {}
        let (logger, _) = simulation.into_parts();
        Ok((format!("{:016x}", logger.hash()), logger.finish()))
    })?;
    for (cell, (hash, decisions)) in run.cells.iter_mut().zip(logged) {
        if cell.trace_hash != hash {
            let name = plan.strategies[cell.strategy].name.clone();
            return Err(BaselineError::Other(name, cell.replication));
        }
        cell.decisions = Some(decisions);
    }
    Ok(())
}

/// Where a strategy of the plan does something else than the baseline, and in which replication.
#[derive(Debug, Clone, PartialEq)]
pub struct Parted {
    pub strategy: String,
    pub replication: u32,
    pub parting: Parting,
}

/// Where each changed strategy parts from the baseline, in its first replication that does; those whose baseline holds no decisions
/// are left out.
pub fn partings(
    plan: &Plan,
    base: &RunFile,
    now: &RunFile,
    jobs: usize,
) -> Result<Vec<Parted>, BaselineError> {
    let changed = gate::changed(base, now);
    let found = each(changed.len(), jobs, |at| {
        let gate::Changed { strategy, replication, base_cell } = changed[at];
        let Some(cell) = base.cells.get(base_cell) else { return Ok(None) };
        let Some(decisions) = &cell.decisions else { return Ok(None) };
        let log = decisions.unpack()?;
        let mut simulation = Simulation::new(plan, strategy, replication, Follower::new(plan, &log))?;
        while !simulation.witness().has_parted() && simulation.step()? {}
        let (follower, _) = simulation.into_parts();
        let strategy = plan.strategies[strategy].name.clone();
        Ok(follower.parting(&cell.trace_hash).map(|parting| Parted { strategy, replication, parting }))
    })?;
    Ok(found.into_iter().flatten().collect())
}

/// Does a piece of work for each index, some at once, and gives what came of them in order.
fn each<T: Send>(
    count: usize,
    jobs: usize,
    work: impl Fn(usize) -> Result<T, BaselineError> + Sync,
) -> Result<Vec<T>, BaselineError> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<Option<Result<T, BaselineError>>>> = Mutex::new((0..count).map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= count {
                        return;
                    }
                    let came = work(at);
                    done.lock().expect("no work panics while it holds the lock")[at] = Some(came);
                }
            });
        }
    });
    let done = done.into_inner().expect("no work panics while it holds the lock");
    done.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests;
