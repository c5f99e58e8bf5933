//! Single requests worth a look: each strategy's first failure, and the slowest answer of all. A failure that several
//! strategies share is told once: the story shows how each of them met it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    quantity::{Unit, Value},
    run_file::{Cell, RequestName},
    tally::View,
};

/// More than a reader looks at.
const NOTABLE_MAX: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Notable {
    /// Such as `first failure of one-region, sdk-retries`.
    pub what: String,
    /// Whose it is: indices into the run's strategies.
    pub strategies: Vec<usize>,
    /// Such as `1.2756`.
    pub request: String,
    pub replication: u32,
}

pub(super) fn notable(view: &View<'_>) -> Vec<Notable> {
    let mut notable = first_failures(view);
    notable.truncate(NOTABLE_MAX - 1);
    notable.extend(slowest(view));
    notable
}

fn first_failures(view: &View<'_>) -> Vec<Notable> {
    let mut firsts: Vec<((u32, u64), Vec<usize>)> = Vec::new();
    for index in 0..view.run.strategies.len() {
        let failures =
            view.cells(index).filter_map(|cell| Some((cell.replication, *cell.notable.failed.first()?)));
        let Some(first) = failures.min_by_key(|(replication, _)| *replication) else { continue };
        match firsts.iter_mut().find(|(known, _)| *known == first) {
            Some((_, strategies)) => strategies.push(index),
            None => firsts.push((first, vec![index])),
        }
    }
    let named = |((replication, request), strategies): ((u32, u64), Vec<usize>)| {
        let names: Vec<&str> = strategies.iter().map(|at| view.run.strategies[*at].name.as_str()).collect();
        Notable {
            what: format!("first failure of {}", names.join(", ")),
            strategies,
            request: RequestName(request).to_string(),
            replication,
        }
    };
    firsts.into_iter().map(named).collect()
}

fn slowest(view: &View<'_>) -> Option<Notable> {
    let first = |cell: &Cell| Some((cell.strategy, cell.replication, *cell.notable.slowest.first()?));
    let all = view.run.cells.iter().filter_map(first);
    // The first one wins a draw: `max_by` would take the last.
    let (strategy, replication, slowest) =
        all.reduce(|best, next| match next.2.total_ms > best.2.total_ms {
            true => next,
            false => best,
        })?;
    let total = Unit::Seconds.show(Value::Finite(slowest.total_ms / 1e3));
    Some(Notable {
        what: format!("slowest answer, {total}, of {}", view.run.strategies.get(strategy)?.name),
        strategies: vec![strategy],
        request: RequestName(slowest.request).to_string(),
        replication,
    })
}
