//! Why requests went where they went: how often each reason was given.

use indexmap::IndexMap;

use super::{Bar, Bars, Body, Chart, Group, Ink, frame::Frame};
use crate::quantity::{Unit, Value};

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    let groups: Vec<Group> =
        frame.names().enumerate().map(|(index, name)| group(frame, index, name)).collect();
    groups.iter().any(|group| !group.bars.is_empty()).then(|| Chart {
        id: "reasons",
        title: "Reasons for decisions".to_owned(),
        summary: "How often each strategy gave each reason, in all replications and phases.".to_owned(),
        notes: frame.notes(),
        body: Body::Bars(Bars { groups }),
    })
}

fn group(frame: &Frame<'_>, strategy: usize, name: &str) -> Group {
    let mut counts: IndexMap<&str, u64> = IndexMap::new();
    for (reason, count) in frame.view.cells(strategy).flat_map(|cell| &cell.reasons) {
        let sum = counts.entry(reason).or_default();
        *sum = sum.saturating_add(*count);
    }
    counts.sort_by(|a, b, c, d| d.cmp(b).then_with(|| a.cmp(c)));
    let bars = counts.into_iter().map(|(reason, count)| Bar {
        name: reason.replace('_', " "),
        ink: Ink::Strategy(strategy),
        value: Value::Finite(count as f64),
    });
    Group { title: name.to_owned(), unit: Unit::Count, bars: bars.collect() }
}
