//! A check for a terminal: verdict, what changed and by how much, where it parted. What stayed as it was is a count.

use super::{Behaviour, Gate, Method, MetricGate, Outcome, Parting, STRATEGIES_TOLD, StrategyGate};
use crate::{
    expect::Outcome as Expected,
    quantity::{Unit, Value},
    text::{
        Options,
        grid::{Align, Grid, GridCell, GridColumn},
        paint::{Style, clean},
    },
};

/// Ends with a newline.
pub fn render(gate: &Gate, options: &Options) -> String {
    let sections = [
        headline(gate, options),
        counts(gate, options),
        changes(gate, options),
        partings(gate, options),
        expectations(gate, options),
        list("Beware", &gate.notes, options),
        files(options),
    ];
    let blocks = sections.iter().filter(|lines| !lines.is_empty());
    blocks.map(|lines| lines.join("\n") + "\n").collect::<Vec<_>>().join("\n")
}

fn headline(gate: &Gate, options: &Options) -> Vec<String> {
    let (word, style) = if gate.passed { ("PASSED", Style::Good) } else { ("FAILED", Style::Bad) };
    let name = clean(&gate.scenario);
    let (first, rest) = gate.why.split_first().map_or(("", [].as_slice()), |(f, r)| (f.as_str(), r));
    let mut lines = options.hanging(word, style, &format!("{name}: {first}"));
    let indent = " ".repeat(word.len());
    lines.extend(rest.iter().flat_map(|why| options.hanging(&indent, Style::Plain, why)));
    lines.extend(options.hanging(&indent, Style::Plain, how(gate)));
    lines
}

pub(super) fn how(gate: &Gate) -> &'static str {
    match gate.method {
        Method::Exact => "compared with the baseline exactly: in a simulation nothing is left to chance",
        Method::Paired => {
            "compared with the baseline repeat by repeat; regressed means worse than is tolerated and than chance explains, with \
             an error of at most 1% for the whole check"
        }
    }
}

const fn style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Regressed => Style::Bad,
        Outcome::Improved => Style::Good,
        Outcome::NotEnoughData => Style::Warn,
        Outcome::Same => Style::Plain,
    }
}

pub(super) const OUTCOMES: [Outcome; 4] =
    [Outcome::Improved, Outcome::Same, Outcome::Regressed, Outcome::NotEnoughData];

pub(super) const fn behaviour(one: &StrategyGate) -> &'static str {
    match one.behaviour {
        Behaviour::Same => "as they were",
        Behaviour::Changed => "changed",
        Behaviour::Unknown => "-",
    }
}

pub(super) fn count(one: &StrategyGate, outcome: Outcome) -> usize {
    one.metrics.iter().filter(|metric| metric.outcome == outcome).count()
}

fn counts(gate: &Gate, options: &Options) -> Vec<String> {
    let left = |name| GridColumn { heading: ["", name], rank: 1, align: Align::Left };
    let right = |name| GridColumn { heading: ["", name], rank: 2, align: Align::Right };
    let mut columns = vec![left("strategy"), left("decisions")];
    columns.extend(OUTCOMES.map(|outcome| right(outcome.name())));
    let mut grid = Grid::new(columns);
    for one in gate.strategies.iter().take(STRATEGIES_TOLD) {
        let changed = if one.behaviour == Behaviour::Changed { Style::Warn } else { Style::Plain };
        let mut cells = vec![GridCell::plain(&one.strategy)];
        cells.push(GridCell { text: behaviour(one).to_owned(), mark: ' ', style: changed });
        cells.extend(OUTCOMES.map(|outcome| {
            let count = count(one, outcome);
            let style = if count > 0 { style(outcome) } else { Style::Dim };
            GridCell { text: count.to_string(), mark: ' ', style }
        }));
        grid.push(cells);
    }
    let mut lines = grid.lines(options);
    lines.extend(left_out(gate, options));
    lines
}

fn left_out(gate: &Gate, options: &Options) -> Vec<String> {
    match gate.strategies.len() {
        all if all > STRATEGIES_TOLD => {
            options.wrap(&format!("the first {STRATEGIES_TOLD} of {all} strategies"), 2)
        }
        _ => Vec::new(),
    }
}

/// What is worth a row: everything that is not the same, and what could not be told of what should be told.
pub(super) fn worth_telling(gate: &Gate) -> impl Iterator<Item = (&StrategyGate, &MetricGate)> {
    let told = |metric: &MetricGate| match metric.outcome {
        Outcome::Regressed | Outcome::Improved => true,
        Outcome::Same => metric.note.is_some(),
        // What neither run measured is not a question.
        Outcome::NotEnoughData => metric.was != metric.now || metric.was != Value::NoData,
    };
    let strategies = gate.strategies.iter().take(STRATEGIES_TOLD);
    strategies.flat_map(move |one| {
        one.metrics.iter().filter(move |metric| told(metric)).map(move |metric| (one, metric))
    })
}

/// Such as `+10.2%`, or `-0.40 points` of a share.
pub(super) fn change(metric: &MetricGate) -> String {
    let (Value::Finite(was), Value::Finite(now)) = (metric.was, metric.now) else { return String::new() };
    match metric.unit {
        _ if was == now => String::new(),
        Unit::Share => match 100.0 * (now - was) {
            points if points.abs() < 0.01 => format!("{points:+.4} points"),
            points => format!("{points:+.2} points"),
        },
        _ if was == 0.0 => String::new(),
        _ => match 100.0 * (now - was) / was {
            percent if percent.abs() < 0.1 => format!("{percent:+.4}%"),
            percent => format!("{percent:+.1}%"),
        },
    }
}

fn changes(gate: &Gate, options: &Options) -> Vec<String> {
    let left = |name, rank| GridColumn { heading: ["", name], rank, align: Align::Left };
    let right = |name, rank| GridColumn { heading: ["", name], rank, align: Align::Right };
    let columns = vec![
        left("strategy", 0),
        left("metric", 0),
        right("was", 1),
        right("now", 1),
        right("change", 2),
        left("outcome", 1),
        left("", 3),
    ];
    let mut grid = Grid::new(columns);
    let mut any = false;
    for (one, metric) in worth_telling(gate) {
        any = true;
        grid.push(vec![
            GridCell::plain(&one.strategy),
            GridCell::plain(&metric.name),
            GridCell::plain(&metric.unit.show(metric.was)),
            GridCell::plain(&metric.unit.show(metric.now)),
            GridCell::plain(&change(metric)),
            GridCell { text: metric.outcome.name().to_owned(), mark: ' ', style: style(metric.outcome) },
            GridCell::plain(metric.note.as_deref().unwrap_or("")),
        ]);
    }
    if any { grid.lines(options) } else { Vec::new() }
}

/// A parting in one sentence.
pub fn parting_in_words(parting: &Parting) -> String {
    let Parting { request, at_s, same_until_s, world, was, now } = parting;
    let of = request.as_ref().map_or(String::new(), |request| format!(" for request {request}"));
    let nothing = || "nothing more".to_owned();
    let [was, now] = [was, now].map(|told| told.clone().unwrap_or_else(nothing));
    match (world, parting.was.is_none() && parting.now.is_none()) {
        (true, true) => format!(
            "no decision differs, but after {same_until_s:.3} s the world does: arrivals, times or tokens are others"
        ),
        (true, false) => format!(
            "after {same_until_s:.3} s the world differs: arrivals, times or tokens are others; the first decision or end that \
             differs comes at {at_s:.3} s{of}: was: {was}; is: {now}"
        ),
        (false, _) => format!("at {at_s:.3} s{of}: was: {was}; is: {now}"),
    }
}

fn partings(gate: &Gate, options: &Options) -> Vec<String> {
    let mut lines = Vec::new();
    for one in gate.changed_strategies().take(STRATEGIES_TOLD) {
        let place = one.parted_in.map_or(String::new(), |at| format!(" (replication {at})"));
        let told = one.parting.as_ref().map_or_else(
            || "the baseline holds no decisions, so where it parts is not known".to_owned(),
            parting_in_words,
        );
        lines.extend(options.hanging("-", Style::Dim, &format!("{}{place}: {told}", one.strategy)));
        if let (Some(request), Some(run)) =
            (one.parting.as_ref().and_then(|p| p.request.as_ref()), &options.run_file)
        {
            let replication =
                one.parted_in.filter(|at| *at > 0).map_or(String::new(), |at| format!(" --replication {at}"));
            let (run, strategy) = (crate::text::shell_word(run), crate::text::shell_word(&one.strategy));
            lines.push(format!("  richter why {run} {request} --strategy {strategy}{replication}"));
        }
    }
    if !lines.is_empty() {
        lines.insert(0, options.paint("First decision that differs", Style::Bold));
    }
    lines
}

fn expectations(gate: &Gate, options: &Options) -> Vec<String> {
    let broken = gate.expectations.iter().filter(|one| one.outcome != Expected::Passed);
    let sentences: Vec<String> = broken
        .map(|one| {
            let note = one.note.as_ref().map_or(String::new(), |note| format!(" ({note})"));
            format!("{}: expected {}; is {}{note}", one.strategy, one.expected, one.measured)
        })
        .collect();
    list("Expectations that did not hold", &sentences, options)
}

fn list(title: &str, sentences: &[String], options: &Options) -> Vec<String> {
    if sentences.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![options.paint(title, Style::Bold)];
    lines.extend(sentences.iter().flat_map(|sentence| options.hanging("-", Style::Dim, sentence)));
    lines
}

fn files(options: &Options) -> Vec<String> {
    let longest = options.files.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
    options.files.iter().map(|(what, path)| format!("{what:<longest$}  {}", clean(path))).collect()
}
