//! Recovery: the share of good answers over time beside what it was before each trigger, and what was lost as an area.

use super::{
    Body, Chart, Fill, Ink, Line, Point, YAxis,
    frame::{Frame, line},
};
use crate::{
    comparison,
    quantity::{Unit, Value},
    stats::flow::{Flow, Trigger},
};

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    let triggers = comparison::triggers(frame.view);
    if triggers.is_empty() {
        return None;
    }
    let panels = frame.apart(Fill::Below, |index, over| {
        let mut lines = vec![line("good answers", Ink::Strategy(index), &over.good_share())];
        lines.extend(triggers.iter().filter_map(|trigger| before(frame, index, trigger)));
        lines
    })?;
    let names: Vec<&str> = triggers.iter().map(|trigger| trigger.name.as_str()).collect();
    let mut notes = vec![
        "shaded: good answers lost, from the start of the trigger until goodput is back at 95% of what it was before, \
         in the slowest replication"
            .to_owned(),
    ];
    notes.extend(frame.notes());
    let y = YAxis { label: "good answers, of offered".to_owned(), unit: Unit::Share, log: false };
    Some(Chart {
        id: "recovery",
        title: "Recovery".to_owned(),
        summary: format!(
            "Share of the requests of each step of {} that got a good answer, for each strategy, beside the share \
             before {}.",
            frame.step(),
            names.join(", ")
        ),
        notes,
        body: Body::Lines(frame.over_time(y, panels)),
    })
}

/// The base of a trigger, drawn for as long as it is missed; averaged over the replications that have one.
fn before(frame: &Frame<'_>, strategy: usize, trigger: &Trigger) -> Option<Line> {
    let flows: Vec<Flow> = frame.view.cells(strategy).map(|cell| Flow::new(frame.view.run, cell)).collect();
    let bases: Vec<f64> = flows.iter().filter_map(|flow| flow.base(trigger)).collect();
    let until = flows.iter().map(|flow| flow.back_at(trigger)).max_by(f64::total_cmp)?;
    let base = Value::ratio(bases.iter().sum(), bases.len() as f64);
    if base == Value::NoData {
        return None;
    }
    let reach = trigger.from_s - frame.grid.step_s..until;
    let value = |start: &f64| if reach.contains(start) { base } else { Value::NoData };
    let points = frame.grid.starts().iter().map(|start| Point { value: value(start), thin: false }).collect();
    Some(Line { name: format!("before {}", trigger.name), ink: Ink::Reference, points })
}
