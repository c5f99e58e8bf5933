//! Where requests were served over time: the Region that did the work, which the caller is never told, and the target
//! that was called.

use super::{
    Body, Chart, Fill, Ink, Line, Panel, YAxis,
    frame::{Frame, line},
};
use crate::{metric::Measured, quantity::Unit};
use indexmap::IndexMap;

/// A served series by name, of one strategy.
type Named = IndexMap<String, Vec<Measured>>;

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    let regions: Vec<Named> = frame.over.iter().map(|over| over.served_by_region()).collect();
    let called = |target: usize| {
        let target = &frame.view.run.targets[target];
        format!("{} {}", target.region, target.model_id)
    };
    let targets: Vec<Named> = frame.over.iter().map(|over| over.served_by_target(called)).collect();
    let mut panels = apart(frame, &regions, ("served by", 0));
    panels.extend(apart(frame, &targets, ("called", names(&regions).len())));
    if panels.is_empty() {
        return None;
    }
    let mut notes = vec![
        "served by: the Region that did the work (inferenceRegion), which an answer does not name; called: the Region \
         and model id that the request named"
            .to_owned(),
    ];
    notes.extend(frame.notes());
    let y = YAxis { label: "served attempts per second".to_owned(), unit: Unit::PerSecond, log: false };
    Some(Chart {
        id: "served",
        title: "Where requests were served over time".to_owned(),
        summary: "Served attempts per second of each strategy, stacked: by the Region that did the work, and by the \
                  Region and model id that were called."
            .to_owned(),
        notes,
        body: Body::Lines(frame.over_time(y, panels)),
    })
}

fn names(found: &[Named]) -> Vec<&String> {
    let mut names: Vec<&String> = found.iter().flat_map(|named| named.keys()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// A stacked panel for each strategy; none if there are not two names to tell apart. Parts are counted from `first`, so
/// that a Region and a target do not look the same.
fn apart(frame: &Frame<'_>, found: &[Named], (what, first): (&str, usize)) -> Vec<Panel> {
    let names = names(found);
    if names.len() < 2 {
        return Vec::new();
    }
    let lines = |named: &Named| -> Vec<Line> {
        let parts = names.iter().enumerate().filter_map(|(part, name)| Some((part, name, named.get(*name)?)));
        parts.map(|(part, name, rates)| line(name, Ink::Part(first + part), rates)).collect()
    };
    let mut panels = frame.apart(Fill::Stacked, |index, _| lines(&found[index])).unwrap_or_default();
    panels.iter_mut().for_each(|panel| panel.title = format!("{}: {what}", panel.title));
    panels
}
