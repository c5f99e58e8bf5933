//! Whether two run files can be compared at all, and which cells are not what they were.

use std::collections::BTreeMap;

use super::{Changed, Side};
use crate::run_file::{Ground, RunFile, Status};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct Incomparable(pub Vec<String>);

/// Two runs are comparable when they asked the same of their strategies: ground, seed, phases, and traffic.
pub fn comparable(base: &RunFile, now: &RunFile) -> Result<(), Incomparable> {
    let mut reasons = Vec::new();
    let mut differs = |what: &str, was: String, is: String| {
        if was != is {
            reasons.push(format!("{what} was {was} and is {is}"));
        }
    };
    differs("the ground", base.ground.name().to_owned(), now.ground.name().to_owned());
    differs("the seed", base.scenario.seed.to_string(), now.scenario.seed.to_string());
    differs("the SLO", slo(base), slo(now));
    if base.ground == Ground::Sim {
        let replications = |run: &RunFile| run.scenario.replications.to_string();
        differs("the number of replications", replications(base), replications(now));
    }
    if phases(base) != phases(now) {
        reasons.push(format!("the phases were {} and are {}", told(&phases(base)), told(&phases(now))));
    }
    for (whose, run) in [("baseline", base), ("run", now)] {
        if run.status != Status::Complete {
            reasons.push(format!("the {whose} did not go to its end"));
        }
    }
    if reasons.is_empty() { Ok(()) } else { Err(Incomparable(reasons)) }
}

fn slo(run: &RunFile) -> String {
    let slo = &run.scenario.slo;
    let bound = |bound: Option<f64>| bound.map_or("none".to_owned(), |ms| format!("{ms} ms"));
    format!("first token {}, total {}", bound(slo.first_token_ms), bound(slo.total_ms))
}

type Phases<'a> = Vec<(&'a str, f64, f64, bool)>;

fn phases(run: &RunFile) -> Phases<'_> {
    run.phases.iter().map(|phase| (phase.name.as_str(), phase.from_s, phase.to_s, phase.measured)).collect()
}

fn told(phases: &Phases<'_>) -> String {
    let one = |(name, from, to, measured): &(&str, f64, f64, bool)| {
        let aside = if *measured { "" } else { ", not measured" };
        format!("{name} ({from} to {to} s{aside})")
    };
    phases.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// What a reader should know although the runs are comparable.
pub(super) fn notes(base: &RunFile, now: &RunFile) -> Vec<String> {
    let mut notes = Vec::new();
    if base.scenario.digest != now.scenario.digest {
        notes.push(format!(
            "the scenario file has changed since the baseline was saved (digest {}, then {})",
            now.scenario.digest, base.scenario.digest
        ));
    }
    if base.written_by != now.written_by {
        notes.push(format!("the baseline was played by {}, this run by {}", base.written_by, now.written_by));
    }
    for gone in base.strategies.iter().filter(|old| now.strategies.iter().all(|one| one.name != old.name)) {
        notes.push(format!("{} is in the baseline and not in this run", gone.name));
    }
    notes
}

/// The first replication whose hash is another, or that is missing on one side.
pub(super) fn changed([was, now]: &[Side<'_>; 2]) -> Option<Changed> {
    let hashes = |side: &Side<'_>| -> BTreeMap<u32, String> {
        side.view.cells(side.strategy).map(|cell| (cell.replication, cell.trace_hash.clone())).collect()
    };
    let (old, new) = (hashes(was), hashes(now));
    let replications = old.keys().chain(new.keys());
    let replication = *replications.filter(|at| old.get(at) != new.get(at)).min()?;
    let cells = &was.view.run.cells;
    let is_it =
        |cell: &&crate::run_file::Cell| cell.strategy == was.strategy && cell.replication == replication;
    let base_cell = cells.iter().position(|cell| is_it(&cell)).unwrap_or(usize::MAX);
    Some(Changed { strategy: now.strategy, replication, base_cell })
}
