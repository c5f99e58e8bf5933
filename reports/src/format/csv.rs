//! CSV as RFC 4180 has it: every number of the tables, one to a row, in its unit's base.

use super::numbers;
use crate::{export::Report, plain::clean, quantity::Value};

const HEADING: &str = "scenario,ground,seed,phase,strategy,metric,unit,value,n,n_needed,best\r\n";

/// What was not measured is empty, what never came is `inf`.
pub fn csv(reports: &[Report]) -> String {
    let mut text = HEADING.to_owned();
    for report in reports {
        let scenario = &report.scenario;
        let ground = serde_json::to_value(report.ground).ok();
        let ground = ground.as_ref().and_then(|ground| ground.as_str()).unwrap_or("");
        for number in numbers(report) {
            let measured = &number.entry.measured;
            let value = match measured.value {
                Value::Finite(value) => value.to_string(),
                Value::Infinite => "inf".to_owned(),
                Value::NoData => String::new(),
            };
            text.push_str(&format!(
                "{},{ground},{},{},{},{},{},{value},{},{},{}\r\n",
                field(&scenario.name),
                scenario.seed,
                field(number.scope),
                field(number.strategy),
                number.column.id,
                number.column.unit.name(),
                measured.n,
                measured.n_needed,
                number.entry.best,
            ));
        }
    }
    text
}

/// Quoted where it must be. A name that a spreadsheet would take for a formula gets an apostrophe.
fn field(text: &str) -> String {
    let mut text = clean(text);
    if text.starts_with(['=', '+', '-', '@']) {
        text.insert(0, '\'');
    }
    match text.contains(['"', ',']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}
