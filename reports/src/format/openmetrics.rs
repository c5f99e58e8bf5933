//! OpenMetrics text: one gauge for each number of the tables. A number that was not measured has no line.

use std::fmt::Write as _;

use super::numbers;
use crate::{
    export::{Report, ReportColumn},
    plain::clean,
    quantity::{Unit, Value},
};

pub fn openmetrics(reports: &[Report]) -> String {
    let mut text = String::new();
    let columns = reports.first().map_or([].as_slice(), |report| &report.columns);
    for column in columns {
        let name = name(column);
        writeln!(text, "# TYPE {name} gauge").expect("a string takes all");
        if let Some(unit) = unit(column.unit) {
            writeln!(text, "# UNIT {name} {unit}").expect("a string takes all");
        }
        writeln!(text, "# HELP {name} {}", label(column.meaning)).expect("a string takes all");
        for report in reports {
            let scenario = label(&report.scenario.name);
            for number in numbers(report).iter().filter(|number| number.column.id == column.id) {
                let value = match number.entry.measured.value {
                    Value::Finite(value) => value.to_string(),
                    Value::Infinite => "+Inf".to_owned(),
                    Value::NoData => continue,
                };
                let (phase, strategy) = (label(number.scope), label(number.strategy));
                writeln!(
                    text,
                    "{name}{{scenario=\"{scenario}\",phase=\"{phase}\",strategy=\"{strategy}\"}} {value}"
                )
                .expect("a string takes all");
            }
        }
    }
    text.push_str("# EOF\n");
    text
}

fn name(column: &ReportColumn) -> String {
    let unit = unit(column.unit).map_or(String::new(), |unit| format!("_{unit}"));
    format!("richter_{}{unit}", column.id)
}

/// The name of a metric must end with its unit.
fn unit(unit: Unit) -> Option<&'static str> {
    match unit {
        Unit::Share | Unit::Ratio => Some("ratio"),
        Unit::Seconds => Some("seconds"),
        Unit::Usd => Some("dollars"),
        Unit::PerSecond | Unit::Count => None,
    }
}

fn label(text: &str) -> String {
    clean(text).replace('\\', "\\\\").replace('"', "\\\"")
}
