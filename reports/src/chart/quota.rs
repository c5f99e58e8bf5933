//! How much of each pool's quota was in use over time.

use super::{
    Body, Chart, Fill, Ink, Line, Point, YAxis,
    frame::{Frame, line},
};
use crate::quantity::{Unit, Value};

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    let pools: Vec<&str> =
        frame.view.run.cells.first()?.pools.iter().map(|pool| pool.name.as_str()).collect();
    let panels = frame.apart(Fill::None, |_, over| {
        let used = pools.iter().enumerate().filter_map(|(pool, name)| {
            let used = over.quota_used(pool)?;
            // A pool that this strategy left alone is no line.
            let touched = used.iter().any(|one| one.value.number().is_some_and(|part| part > 0.0));
            touched.then(|| line(name, Ink::Part(pool), &used))
        });
        let mut lines: Vec<Line> = used.collect();
        if !lines.is_empty() {
            lines.push(limit(frame.grid.steps));
        }
        lines
    })?;
    let mut notes = vec![
        "requests or tokens, whichever is scarcer; above 100% while in debt, because answers used more than they had \
         reserved; a quota that a fault cuts is still measured against what was written"
            .to_owned(),
    ];
    notes.extend(frame.notes());
    let y = YAxis { label: "of the quota in use".to_owned(), unit: Unit::Share, log: false };
    Some(Chart {
        id: "quota",
        title: "Quota in use over time, by pool".to_owned(),
        summary: format!(
            "Part of each quota pool that was in use at the start of each step of {}, averaged over the replications, \
             for each strategy; pools: {}.",
            frame.step(),
            pools.join(", ")
        ),
        notes,
        body: Body::Lines(frame.over_time(y, panels)),
    })
}

fn limit(steps: usize) -> Line {
    let point = Point { value: Value::Finite(1.0), thin: false };
    Line { name: "limit".to_owned(), ink: Ink::Reference, points: vec![point; steps] }
}
