//! Attempts per request over time: whether retries became a load of their own.

use super::{
    Body, Chart, YAxis,
    frame::{Frame, highest},
};
use crate::{
    quantity::{Unit, Value},
    stats::over_time::OverTime,
};

pub(super) fn chart(frame: &Frame<'_>) -> Option<Chart> {
    let panel = frame.together("", OverTime::amplification);
    let peak = highest(&panel.lines)?;
    let mut notes = vec!["pale: fewer than 20 requests in the step; none where nobody came".to_owned()];
    notes.extend(frame.notes());
    let y = YAxis { label: "attempts per request".to_owned(), unit: Unit::Ratio, log: false };
    Some(Chart {
        id: "attempts",
        title: "Attempts per request over time".to_owned(),
        summary: format!(
            "Attempts sent in each step of {} for each request that arrived in it. The highest is {}.",
            frame.step(),
            Unit::Ratio.show(Value::Finite(peak))
        ),
        notes,
        body: Body::Lines(frame.over_time(y, vec![panel])),
    })
}
