//! What good answers cost, and what was produced for nobody.

use super::{Bar, Bars, Body, Chart, Group, Ink, frame::Frame};
use crate::{
    quantity::{Unit, Value},
    stats,
    tally::Tally,
};

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    let groups: Vec<Group> = [
        group(frame, "price of 1,000 good answers", Unit::Usd, stats::cost),
        group(frame, "output produced for nobody, of all output", Unit::Share, stats::wasted_tokens),
    ]
    .into_iter()
    .filter(|group| group.bars.iter().any(|bar| bar.value != Value::NoData))
    .collect();
    (!groups.is_empty()).then(|| Chart {
        id: "cost",
        title: "Cost and waste".to_owned(),
        summary: "For each strategy, over the measured phases: the price of 1,000 good answers with everything that \
                  was paid for the others, and the part of the output tokens that reached nobody."
            .to_owned(),
        notes: frame.notes(),
        body: Body::Bars(Bars { groups }),
    })
}

fn group(frame: &Frame<'_>, title: &str, unit: Unit, number: fn(&Tally) -> Value) -> Group {
    let bars = frame.names().zip(&frame.tallies).enumerate().map(|(index, (name, tally))| Bar {
        name: name.to_owned(),
        ink: Ink::Strategy(index),
        value: number(tally),
    });
    Group { title: title.to_owned(), unit, bars: bars.collect() }
}
