//! Time to the last token over time; the first token's chart is made the same way.

use super::{
    Body, Chart, Fill, Ink, Panel, YAxis,
    frame::{Frame, line, wants_log},
};
use crate::{
    quantity::Unit,
    samples::{P50, P95, P99, Percentile},
    stats::Clock,
};

const PERCENTILES: [Percentile; 3] = [P50, P95, P99];

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    times(frame, Clock::Total, ["total", "Time to the whole answer over time"])
}

/// A panel for each percentile, a line for each strategy.
pub(super) fn times(frame: &Frame<'_>, clock: Clock, [id, title]: [&'static str; 2]) -> Option<Chart> {
    let empty = |percentile: &Percentile| Panel {
        title: percentile.to_string(),
        strategy: None,
        lines: Vec::new(),
        fill: Fill::None,
    };
    let mut panels: Vec<Panel> = PERCENTILES.iter().map(empty).collect();
    for (index, (name, over)) in frame.names().zip(&frame.over).enumerate() {
        let found = over.latency(clock, &PERCENTILES)?;
        for (panel, measured) in panels.iter_mut().zip(&found) {
            panel.lines.push(line(name, Ink::Strategy(index), measured));
        }
    }
    let mut notes = vec![
        "by intended arrival; a request without an answer counts as infinitely slow (never)".to_owned(),
        "pale: fewer samples in the step than the percentile needs".to_owned(),
    ];
    notes.extend(frame.notes());
    let y = YAxis { label: "seconds".to_owned(), unit: Unit::Seconds, log: wants_log(&panels) };
    Some(Chart {
        id,
        title: title.to_owned(),
        summary: format!(
            "The 50th, 95th and 99th percentile of each strategy over the requests that were due in each step of {}.",
            frame.step()
        ),
        notes,
        body: Body::Lines(frame.over_time(y, panels)),
    })
}
