//! Failures over time, by class.

use super::{
    Body, Chart, Fill, Ink, Line, YAxis,
    frame::{Frame, line},
};
use crate::quantity::Unit;

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    let found: Vec<_> = frame.over.iter().map(|over| over.failures()).collect();
    let mut classes: Vec<&String> = found.iter().flat_map(|classes| classes.keys()).collect();
    classes.sort_unstable();
    classes.dedup();
    let panels = frame.apart(Fill::Stacked, |index, _| -> Vec<Line> {
        let parts = classes.iter().enumerate();
        parts
            .filter_map(|(part, class)| Some(line(class, Ink::Part(part), found[index].get(*class)?)))
            .collect()
    })?;
    let y = YAxis { label: "failed requests per second".to_owned(), unit: Unit::PerSecond, log: false };
    let names: Vec<&str> = classes.iter().map(|class| class.as_str()).collect();
    Some(Chart {
        id: "failures",
        title: "Failed requests over time, by class".to_owned(),
        summary: format!(
            "Failed and broken requests per second of each strategy, when they ended, stacked by class of the last \
             failure: {}.",
            names.join(", ")
        ),
        notes: frame.notes(),
        body: Body::Lines(frame.over_time(y, panels)),
    })
}
