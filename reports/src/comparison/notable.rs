//! Single requests worth a look: each strategy's first failure, and the slowest answer of all. A failure that several
//! strategies share is told once: the story shows how each of them met it.

use serde::Serialize;

use crate::{
    quantity::{Unit, Value},
    run_file::{Cell, RequestName},
    tally::View,
};

/// More than a reader looks at.
const NOTABLE_MAX: usize = 5;

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notable {
    /// Such as `first failure of one-region, sdk-retries`.
    pub what: String,
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
    let mut firsts: Vec<((u32, u64), Vec<&str>)> = Vec::new();
    for (index, strategy) in view.run.strategies.iter().enumerate() {
        let failures =
            view.cells(index).filter_map(|cell| Some((cell.replication, *cell.notable.failed.first()?)));
        let Some(first) = failures.min_by_key(|(replication, _)| *replication) else { continue };
        match firsts.iter_mut().find(|(known, _)| *known == first) {
            Some((_, names)) => names.push(&strategy.name),
            None => firsts.push((first, vec![&strategy.name])),
        }
    }
    let named = |((replication, request), names): ((u32, u64), Vec<&str>)| Notable {
        what: format!("first failure of {}", names.join(", ")),
        request: RequestName(request).to_string(),
        replication,
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
        request: RequestName(slowest.request).to_string(),
        replication,
    })
}
