//! The answer to the scenario's question, in one sentence that claims no more than the data does.
//!
//! Best is whoever gives the most good answers over the measured phases; the price is named beside it. A lead that
//! chance explains is a tie.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Scored, table::lead};
use crate::{
    metric::{Kind, Metric},
    quantity::Value,
    stats,
    tally::View,
};

/// Strategies that share the lead and are named; more of them are not compared by price either.
const TIED_TOLD: usize = 12;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// The lead is real with 95 % confidence.
    Sure,
    /// The leaders cannot be told apart.
    Tie,
    /// Too few replications to tell.
    TooFew,
    /// There is nothing to compare, or nothing good.
    Nothing,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Answer {
    pub sentence: String,
    pub confidence: Confidence,
    /// The best strategy, or all that share the lead.
    pub best: Vec<String>,
}

pub(super) fn answer(view: &View<'_>, scored: &[Scored]) -> Answer {
    let mut order: Vec<&Scored> = scored.iter().filter(|one| one.pooled.counts.offered > 0).collect();
    // A stable sort: equal ones stay in the order of the file.
    order.sort_by(|a, b| goodput(b).total_cmp(&goodput(a)));
    match order.as_slice() {
        [] if view.run.cells.is_empty() => nothing("Nothing was played to its end.".to_owned()),
        [] => nothing("No strategy met a request in a measured phase.".to_owned()),
        [first, ..] if first.pooled.counts.good == 0 => nothing("No strategy gave a good answer.".to_owned()),
        [only] => alone(only),
        [first, rest @ ..] => among(view, first, rest),
    }
}

fn nothing(sentence: String) -> Answer {
    Answer { sentence, confidence: Confidence::Nothing, best: Vec::new() }
}

fn alone(only: &Scored) -> Answer {
    let sentence = format!(
        "{} gave good answers to {} of the requests{}; there is no other strategy to compare it with.",
        only.name,
        show_goodput(only),
        at_price(only),
    );
    Answer { sentence, confidence: Confidence::Nothing, best: vec![only.name.clone()] }
}

fn among(view: &View<'_>, first: &Scored, rest: &[&Scored]) -> Answer {
    let metric = Metric::plain(Kind::Goodput);
    let leads: Option<Vec<_>> = rest.iter().map(|other| lead(view, &metric, first, other)).collect();
    let Some(leads) = leads else { return too_few(first, rest[0]) };
    let tied: Vec<&Scored> =
        rest.iter().zip(&leads).filter(|(_, lead)| !lead.is_above_zero()).map(|(other, _)| *other).collect();
    if !tied.is_empty() {
        return tie(view, first, &tied);
    }
    let (next, lead) = (rest[0], leads[0]);
    let sentence = format!(
        "{} serves callers best: good answers to {} of the requests, {:.1} points more than {} (95% interval {:.1} \
         to {:.1}){}.",
        first.name,
        show_goodput(first),
        100.0 * lead.mean,
        next.name,
        100.0 * lead.low,
        100.0 * lead.high,
        prices(first, next),
    );
    Answer { sentence, confidence: Confidence::Sure, best: vec![first.name.clone()] }
}

fn too_few(first: &Scored, next: &Scored) -> Answer {
    let (ours, theirs) = (show_goodput(first), show_goodput(next));
    let n = first.each.len().min(next.each.len());
    let runs = if n == 1 { "replication" } else { "replications" };
    let sentence = format!(
        "{} gave the most good answers ({ours}, {} {theirs}), but {n} {runs} cannot show that this is more than \
         chance.",
        first.name, next.name,
    );
    Answer { sentence, confidence: Confidence::TooFew, best: vec![first.name.clone()] }
}

fn tie(view: &View<'_>, first: &Scored, tied: &[&Scored]) -> Answer {
    let all: Vec<&Scored> = [first].into_iter().chain(tied.iter().copied()).collect();
    let mut shown: Vec<String> =
        all.iter().take(TIED_TOLD).map(|one| format!("{} ({})", one.name, show_goodput(one))).collect();
    if all.len() > TIED_TOLD {
        shown.push(format!("{} others", all.len() - TIED_TOLD));
    }
    let price = match cheapest(view, &all) {
        Some(one) => format!("; {} is the cheapest of them{}", one.name, at_price(one)),
        None if all.len() > TIED_TOLD => String::new(),
        None => "; nor does their price differ beyond chance".to_owned(),
    };
    let sentence = format!("{} cannot be told apart by their good answers{price}.", list(&shown));
    Answer { sentence, confidence: Confidence::Tie, best: all.iter().map(|one| one.name.clone()).collect() }
}

/// The one that costs less than each of the others, beyond chance.
fn cheapest<'a>(view: &View<'_>, all: &[&'a Scored]) -> Option<&'a Scored> {
    if all.len() > TIED_TOLD {
        return None;
    }
    let metric = Metric::plain(Kind::Cost);
    all.iter().copied().find(|one| {
        let others = all.iter().filter(|other| other.name != one.name);
        others.copied().all(|other| lead(view, &metric, one, other).is_some_and(|lead| lead.is_above_zero()))
    })
}

fn goodput(one: &Scored) -> f64 {
    stats::goodput(&one.pooled).number().unwrap_or(0.0)
}

fn show_goodput(one: &Scored) -> String {
    Metric::plain(Kind::Goodput).show(stats::goodput(&one.pooled))
}

fn show_cost(one: &Scored) -> Option<String> {
    match stats::cost(&one.pooled) {
        cost @ Value::Finite(usd) if usd > 0.0 => Some(Metric::plain(Kind::Cost).show(cost)),
        _ => None,
    }
}

fn at_price(one: &Scored) -> String {
    show_cost(one).map_or(String::new(), |cost| format!(" at {cost} per 1,000 good answers"))
}

fn prices(first: &Scored, next: &Scored) -> String {
    match (show_cost(first), show_cost(next)) {
        (Some(ours), Some(theirs)) => format!(", at {ours} per 1,000 good answers ({}: {theirs})", next.name),
        (Some(ours), None) => format!(", at {ours} per 1,000 good answers"),
        _ => String::new(),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
