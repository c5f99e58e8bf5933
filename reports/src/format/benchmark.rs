//! Formats of services that watch numbers from commit to commit.

use serde_json::{Map, Value as Json, json};

use super::{Number, numbers};
use crate::{
    export::Report,
    paired::Better,
    plain::clean,
    quantity::{Unit, Value},
};

/// github-action-benchmark's `customSmallerIsBetter`: shares that should be high are told by what lacks of them.
/// Numbers that never came or were not measured have no entry, and neither have those too thin to rely on.
pub fn gha_benchmark(reports: &[Report]) -> String {
    let entries = solid(reports).map(|(report, number, value)| {
        let (what, value) = match number.column.better {
            Better::Higher => (format!("not {}", number.column.id), 1.0 - value),
            Better::Lower | Better::Neither => (number.column.id.to_owned(), value),
        };
        let unit = number.column.unit;
        json!({
            "name": clean(&format!("{} / {} / {what}", report.scenario.name, number.strategy)),
            "unit": unit.name(),
            "value": if unit == Unit::Share { 100.0 * value } else { value },
            "extra": format!("n = {}, seed {}", number.entry.measured.n, report.scenario.seed),
        })
    });
    pretty(&Json::Array(entries.collect()))
}

/// Bencher's metric format: benchmark, measure, value.
pub fn bencher(reports: &[Report]) -> String {
    let mut benchmarks = Map::new();
    for (report, number, value) in solid(reports) {
        let name = clean(&format!("{}/{}", report.scenario.name, number.strategy));
        let measures = benchmarks.entry(name).or_insert_with(|| Json::Object(Map::new()));
        if let Json::Object(measures) = measures {
            measures.insert(number.column.id.to_owned(), json!({ "value": value }));
        }
    }
    pretty(&Json::Object(benchmarks))
}

/// Finite numbers with enough samples, over all measured phases together.
fn solid(reports: &[Report]) -> impl Iterator<Item = (&Report, Number<'_>, f64)> {
    reports.iter().flat_map(|report| {
        let numbers = numbers(report).into_iter().filter(|number| number.scope == "all");
        numbers.filter_map(move |number| match number.entry.measured.value {
            Value::Finite(value) if !number.entry.measured.is_thin() => Some((report, number, value)),
            _ => None,
        })
    })
}

fn pretty(json: &Json) -> String {
    serde_json::to_string_pretty(json).expect("names and finite numbers are always JSON") + "\n"
}
