//! A diff for a terminal.

use super::{Certainty, Diff, FirstDifference, NumberDiff, StrategyDiff};
use crate::{
    quantity::{Unit, Value, thousands},
    text::{
        Options,
        grid::{Align, Grid, GridCell, GridColumn},
        paint::{Style, clean},
    },
};

/// Strategies that are told one by one.
const STRATEGIES_TOLD: usize = 50;
/// Sentences about what was asked.
const ASKED_TOLD: usize = 50;

/// Ends with a newline.
pub fn render(diff: &Diff, options: &Options) -> String {
    let mut sections = vec![headline(diff, options), asked(diff, options)];
    let told = diff.strategies.iter().filter(|one| !is_same(one)).take(STRATEGIES_TOLD);
    sections.extend(told.map(|one| strategy(one, options)));
    sections.push(unchanged(diff, options));
    let blocks = sections.iter().filter(|lines| !lines.is_empty());
    blocks.map(|lines| lines.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}

fn is_same(one: &StrategyDiff) -> bool {
    one.changed == 0 && one.numbers.is_empty() && one.counts.is_empty()
}

fn headline(diff: &Diff, options: &Options) -> Vec<String> {
    let [was, now] = diff.scenarios.each_ref().map(|name| clean(name));
    let names = if was == now { was } else { format!("{was}, then {now}") };
    match diff.same {
        true => options.hanging("SAME", Style::Good, &format!("{names}: no event and no number differs")),
        false => {
            let changed = diff.strategies.iter().filter(|one| !is_same(one)).count();
            let all = diff.strategies.len();
            options.hanging(
                "DIFFERENT",
                Style::Warn,
                &format!("{names}: {changed} of {all} strategies that both runs have"),
            )
        }
    }
}

fn asked(diff: &Diff, options: &Options) -> Vec<String> {
    if diff.asked.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![options.paint("What was asked", Style::Bold)];
    let told = diff.asked.iter().take(ASKED_TOLD);
    lines.extend(told.flat_map(|sentence| options.hanging("-", Style::Dim, sentence)));
    if diff.asked.len() > ASKED_TOLD {
        lines.push(format!("- and {} more", diff.asked.len() - ASKED_TOLD));
    }
    lines
}

fn strategy(one: &StrategyDiff, options: &Options) -> Vec<String> {
    let StrategyDiff { replications, changed, .. } = one;
    let mut lines = vec![options.paint(&clean(&one.strategy), Style::Bold)];
    if *changed > 0 {
        lines.extend(options.wrap(&format!("other events in {changed} of {replications} replications"), 2));
    }
    if let Some(parting) = &one.parting {
        lines.extend(options.wrap(&parts(parting), 2));
    }
    if !one.numbers.is_empty() {
        lines.extend(numbers(&one.numbers, options));
    }
    if !one.counts.is_empty() {
        let count = |count: u64| thousands(count as f64);
        let told: Vec<String> = one
            .counts
            .iter()
            .map(|one| format!("{} {}, then {}", one.name, count(one.was), count(one.now)))
            .collect();
        lines.extend(options.wrap(&told.join("; "), 2));
    }
    lines
}

fn parts(parting: &FirstDifference) -> String {
    let FirstDifference { replication, from_s, series, was, now, same_until_s } = parting;
    let mut text = format!("they part in replication {replication}");
    if let Some(from) = from_s {
        text.push_str(&format!(" in the second from {from} s: {} differ", series.join(", ")));
    }
    if let Some(same) = same_until_s.filter(|same| *same > 0.0) {
        text.push_str(&format!("; all events are the same until {same:.3} s"));
    }
    if was.is_some() || now.is_some() {
        let [was, now] = [was, now].map(|told| told.as_deref().unwrap_or("nothing more"));
        text.push_str(&format!("; the first decision or end that differs: {was}; then: {now}"));
    }
    text
}

fn numbers(numbers: &[NumberDiff], options: &Options) -> Vec<String> {
    let left = |name| GridColumn { heading: ["", name], rank: 1, align: Align::Left };
    let right = |name| GridColumn { heading: ["", name], rank: 2, align: Align::Right };
    let columns = vec![left("metric"), right("was"), right("now"), right("difference"), left("")];
    let mut grid = Grid::new(columns);
    for one in numbers {
        let style = if matches!(one.certainty, Certainty::Exact | Certainty::Real) {
            Style::Plain
        } else {
            Style::Dim
        };
        grid.push(vec![
            GridCell::plain(&one.name),
            GridCell::plain(&one.unit.show(one.was)),
            GridCell::plain(&one.unit.show(one.now)),
            GridCell::plain(&difference(one)),
            GridCell { text: one.certainty.name().to_owned(), mark: ' ', style },
        ]);
    }
    grid.lines(options)
}

fn difference(one: &NumberDiff) -> String {
    let (Value::Finite(was), Value::Finite(now)) = (one.was, one.now) else { return String::new() };
    match one.unit {
        Unit::Share => format!("{:+.2} points", 100.0 * (now - was)),
        _ if was == 0.0 => String::new(),
        _ => format!("{:+.1}%", 100.0 * (now - was) / was),
    }
}

fn unchanged(diff: &Diff, options: &Options) -> Vec<String> {
    let same: Vec<&str> =
        diff.strategies.iter().filter(|one| is_same(one)).map(|one| one.strategy.as_str()).collect();
    match same.as_slice() {
        _ if diff.same => Vec::new(),
        [] => Vec::new(),
        names if names.len() > STRATEGIES_TOLD => {
            options.wrap(&format!("The same in every event: {} strategies", names.len()), 0)
        }
        names => options.wrap(&format!("The same in every event: {}", names.join(", ")), 0),
    }
}
