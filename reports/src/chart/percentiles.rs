//! The percentile plot: how slow it was for the slowest one in ten, in a hundred, in a thousand.

use super::{Body, Chart, Fill, Ink, Line, Lines, Panel, Point, XAxis, XScale, YAxis, frame::Frame};
use crate::{
    quantity::{Unit, Value, thousands},
    stats::{self, Clock},
    tally::Tally,
};

/// Points on each tenfold of 1 / (1 - p).
const PER_DECADE: usize = 12;
/// One in a hundred million: more requests than a run can have.
const DECADES_MAX: usize = 8;
/// Samples that must lie beyond a percentile for it to say something.
const BEYOND: f64 = 5.0;

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    let most = frame.tallies.iter().map(|tally| tally.counts.offered).max().filter(|n| *n > 1)?;
    let values: Vec<f64> = (0..=PER_DECADE * DECADES_MAX)
        .map(|place| 10_f64.powf(place as f64 / PER_DECADE as f64))
        .take_while(|one_in| *one_in <= most as f64)
        .collect();
    let mut values = values;
    let mut panels = vec![
        panel(frame, "to the first token", Clock::FirstToken, &values),
        panel(frame, "to the whole answer", Clock::Total, &values),
    ];
    let reach = reach(&values, &panels);
    values.truncate(reach);
    for line in panels.iter_mut().flat_map(|panel| &mut panel.lines) {
        line.points.truncate(reach);
    }
    let mut notes = vec![
        "over the measured phases; each line ends where its sample does, and is pale where fewer than five samples \
         lie beyond"
            .to_owned(),
        "a line that leaves at the top has reached the requests without an answer (never)".to_owned(),
    ];
    notes.extend(frame.notes());
    let to = values.last().copied()?.max(10.0);
    Some(Chart {
        id: "percentiles",
        title: "How slow it was for the slowest".to_owned(),
        summary: format!(
            "Time by percentile for each strategy, of up to {} requests; the axis is 1 / (1 - p), so each step to the \
             right means ten times rarer.",
            thousands(most as f64)
        ),
        notes,
        body: Body::Lines(Lines {
            x: XAxis { scale: XScale::OneIn, label: "percentile".to_owned(), values, to },
            y: YAxis { label: "seconds".to_owned(), unit: Unit::Seconds, log: false },
            panels,
            shades: Vec::new(),
        }),
    })
}

/// Places up to the next power of ten after the last answer: beyond, everything is never.
fn reach(values: &[f64], panels: &[Panel]) -> usize {
    let lines = || panels.iter().flat_map(|panel| &panel.lines);
    let finite = |place: &usize| lines().any(|line| matches!(line.points[*place].value, Value::Finite(_)));
    let last = (0..values.len()).rfind(finite).unwrap_or(0);
    (last / PER_DECADE + 1).max(2) * PER_DECADE + 1
}

fn panel(frame: &Frame<'_>, title: &str, clock: Clock, values: &[f64]) -> Panel {
    let lines = frame.names().zip(&frame.tallies).enumerate().map(|(index, (name, tally))| Line {
        name: name.to_owned(),
        ink: Ink::Strategy(index),
        points: values.iter().map(|one_in| point(tally, clock, *one_in)).collect(),
    });
    Panel { title: title.to_owned(), strategy: None, lines: lines.collect(), fill: Fill::None }
}

fn point(tally: &Tally, clock: Clock, one_in: f64) -> Point {
    let (value, n) = stats::latency_beyond(tally, clock, one_in);
    let value = if one_in > n as f64 { Value::NoData } else { value };
    Point { value, thin: (n as f64) < BEYOND * one_in }
}
