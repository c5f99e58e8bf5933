//! Who served, as the service's own log tells it, over time; and in a second chart what a hop to another Region costs.

use indexmap::IndexMap;

use super::{
    Bar, Bars, Body, Chart, Fill, Group, Ink, Line, Lines, Panel, Point, XAxis, XScale, YAxis, frame::Frame,
};
use crate::{
    quantity::{Unit, Value},
    run_file::{Hop, Observed, ObservedCell, Spread},
};

pub(super) fn served(frame: &Frame<'_>) -> Option<Chart> {
    let observed = frame.view.run.observed.as_ref()?;
    let bucket_s = observed.cells.first()?.bucket_s;
    let steps = observed.cells.iter().flat_map(|cell| cell.served_by_region.values()).map(Vec::len).max()?;
    let mut names: Vec<&str> =
        observed.cells.iter().flat_map(|cell| cell.served_by_region.keys()).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    let panels: Vec<Panel> = frame
        .names()
        .enumerate()
        .filter_map(|(strategy, name)| {
            let cells: Vec<&ObservedCell> =
                observed.cells.iter().filter(|cell| cell.strategy == strategy).collect();
            panel(strategy, name, &cells, (&names, steps, bucket_s))
        })
        .collect();
    if panels.is_empty() {
        return None;
    }
    let to = steps as f64 * bucket_s;
    let x = XAxis {
        scale: XScale::Time,
        label: "time since the start of the run".to_owned(),
        values: (0..steps).map(|step| step as f64 * bucket_s).collect(),
        to,
    };
    let y = YAxis { label: "answers per second".to_owned(), unit: Unit::PerSecond, log: false };
    Some(Chart {
        id: "observed",
        title: "Who served, as the log tells it".to_owned(),
        summary: "Answers per second of each strategy, stacked by the Region that the invocation log names, at the time \
                  the call was sent."
            .to_owned(),
        notes: notes(observed),
        body: Body::Lines(Lines { shades: frame.shades(to), x, y, panels }),
    })
}

fn notes(observed: &Observed) -> Vec<String> {
    let mut notes = vec![
        "each call is joined with its record by the request id; a record without a serving Region counts for the Region \
         that was called"
            .to_owned(),
    ];
    if observed.counts.missing > 0 {
        notes.push(format!("{} calls without a record are not in it", observed.counts.missing));
    }
    notes
}

fn panel(
    strategy: usize,
    name: &str,
    cells: &[&ObservedCell],
    (names, steps, bucket_s): (&[&str], usize, f64),
) -> Option<Panel> {
    let rate = |region: &str, step: usize| -> f64 {
        let of = |cell: &&ObservedCell| cell.served_by_region.get(region)?.get(step).copied();
        let sum: u64 = cells.iter().filter_map(of).map(u64::from).sum();
        sum as f64 / bucket_s / cells.len() as f64
    };
    let present = |region: &str| cells.iter().any(|cell| cell.served_by_region.contains_key(region));
    let line = |(part, region): (usize, &&str)| Line {
        name: (*region).to_owned(),
        ink: Ink::Part(part),
        points: (0..steps)
            .map(|step| Point { value: Value::Finite(rate(region, step)), thin: false })
            .collect(),
    };
    let shown = names.iter().enumerate().filter(|(_, region)| present(region));
    let lines: Vec<Line> = shown.map(line).collect();
    (!lines.is_empty()).then(|| Panel {
        title: name.to_owned(),
        strategy: Some(strategy),
        lines,
        fill: Fill::Stacked,
    })
}

/// What is timed, and where a hop has it.
type Times = (&'static str, fn(&Hop) -> Option<&Spread>);

pub(super) fn hops(frame: &Frame<'_>) -> Option<Chart> {
    let observed = frame.view.run.observed.as_ref()?;
    let mut by_strategy: IndexMap<usize, Vec<&Hop>> = IndexMap::new();
    observed.hops.iter().for_each(|hop| by_strategy.entry(hop.strategy).or_default().push(hop));
    let names: Vec<&str> = frame.names().collect();
    let mut groups = Vec::new();
    for (strategy, hops) in by_strategy.iter().filter(|(_, hops)| hops.len() > 1) {
        let Some(name) = names.get(*strategy) else { continue };
        let first: Times = ("first token", |hop| hop.first_token.as_ref());
        let whole: Times = ("whole answer", |hop| hop.total.as_ref());
        for (what, spread) in [first, whole] {
            groups.extend(group(&format!("{name}: {what}, median and p99"), hops, spread));
        }
    }
    (!groups.is_empty()).then(|| Chart {
        id: "hops",
        title: "What a hop to another Region costs".to_owned(),
        summary: "For each strategy, the client's own times of answered calls, apart by the Region that the log says \
                  served them."
            .to_owned(),
        notes: Vec::new(),
        body: Body::Bars(Bars { groups }),
    })
}

fn group(title: &str, hops: &[&Hop], spread: fn(&Hop) -> Option<&Spread>) -> Option<Group> {
    let bars = hops.iter().enumerate().flat_map(|(part, hop)| {
        let bar = move |what: &str, ms: f64| Bar {
            name: format!("{} {what}", hop.region),
            ink: Ink::Part(part),
            value: Value::Finite(ms / 1e3),
        };
        let times = spread(hop).map(|spread| [bar("p50", spread.p50_ms), bar("p99", spread.p99_ms)]);
        times.into_iter().flatten()
    });
    let bars: Vec<Bar> = bars.collect();
    (!bars.is_empty()).then(|| Group { title: title.to_owned(), unit: Unit::Seconds, bars })
}
