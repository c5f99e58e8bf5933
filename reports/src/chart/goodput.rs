//! Goodput and offered load over time: what was asked for, and what came back in time.

use super::{
    Body, Chart, Ink, YAxis,
    frame::{Frame, highest, line},
};
use crate::{
    quantity::{Unit, Value},
    stats::over_time::OverTime,
};

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    let mut panel = frame.together("", OverTime::goodput);
    let offered = line("offered", Ink::Reference, &frame.over.first()?.offered());
    let peak = highest([&offered])?;
    panel.lines.insert(0, offered);
    let y = YAxis { label: "per second".to_owned(), unit: Unit::PerSecond, log: false };
    Some(Chart {
        id: "goodput",
        title: "Good answers and offered load over time".to_owned(),
        summary: format!(
            "Good answers per second of each strategy, when they ended, beside the requests offered per second, in \
             steps of {}. The offered load peaks at {}.",
            frame.step(),
            Unit::PerSecond.show(Value::Finite(peak)),
        ),
        notes: frame.notes(),
        body: Body::Lines(frame.over_time(y, vec![panel])),
    })
}
