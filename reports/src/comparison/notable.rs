//! Single requests worth a look: each strategy's first failure and slowest answer. Those that tell the most come first, for reports
//! that have room for a few. A failure that several strategies share is told once: the story shows how each of them met it.

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    quantity::{Unit, Value},
    run_file::{Cell, RequestName},
    tally::View,
};

/// More than a reader of a terminal looks at; the page has room for all of them.
pub const NOTABLE_FIRST: usize = 5;
/// Strategies whose requests are told.
const STRATEGIES_MAX: usize = crate::chart::STRATEGIES_MAX;

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
    let later = notable.split_off(notable.len().min(NOTABLE_FIRST - 1));
    let slowest = slowest_of_each(view);
    let is_longest = |one: &(f64, Notable)| slowest.iter().all(|other| other.0 <= one.0);
    // The first one wins a draw.
    let longest = slowest.iter().position(is_longest);
    notable.extend(longest.map(|at| slowest[at].1.clone()));
    notable.extend(later);
    let others = slowest.into_iter().enumerate().filter(|(at, _)| Some(*at) != longest);
    notable.extend(others.map(|(_, (_, one))| one));
    notable
}

fn first_failures(view: &View<'_>) -> Vec<Notable> {
    let mut firsts: Vec<((u32, u64), Vec<usize>)> = Vec::new();
    for index in 0..view.run.strategies.len().min(STRATEGIES_MAX) {
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

/// With its time.
fn slowest_of_each(view: &View<'_>) -> Vec<(f64, Notable)> {
    let strategies = view.run.strategies.iter().enumerate().take(STRATEGIES_MAX);
    strategies.filter_map(|(index, strategy)| slowest(view, index, &strategy.name)).collect()
}

fn slowest(view: &View<'_>, strategy: usize, name: &str) -> Option<(f64, Notable)> {
    let first = |cell: &Cell| Some((cell.replication, *cell.notable.slowest.first()?));
    // The first one wins a draw: `max_by` would take the last.
    let (replication, slowest) = view
        .cells(strategy)
        .filter_map(first)
        .reduce(|best, next| if next.1.total_ms > best.1.total_ms { next } else { best })?;
    let total = Unit::Seconds.show(Value::Finite(slowest.total_ms / 1e3));
    let one = Notable {
        what: format!("slowest answer, {total}, of {name}"),
        strategies: vec![strategy],
        request: RequestName(slowest.request).to_string(),
        replication,
    };
    Some((slowest.total_ms, one))
}
