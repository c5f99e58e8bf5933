//! What an aggregate says of all rows of a group.

use std::collections::BTreeSet;

use super::{
    evaluate::{Row, evaluate, finite},
    expression::Expression,
    value::Value,
};

const KNOWN: [&str; 14] = [
    "avg",
    "count",
    "count_distinct",
    "earliest",
    "latest",
    "max",
    "median",
    "min",
    "pct",
    "percentile",
    "sortsfirst",
    "sortslast",
    "stddev",
    "sum",
];

pub fn is_known(name: &str) -> bool {
    KNOWN.contains(&name)
}

/// Whether an expression has an aggregate anywhere.
pub fn is_in(expression: &Expression) -> bool {
    match expression {
        Expression::Call(name, arguments) => is_known(name) || arguments.iter().any(is_in),
        Expression::Binary(_, left, right) => is_in(left) || is_in(right),
        Expression::Not(inner) => is_in(inner),
        Expression::List(list) => list.iter().any(is_in),
        Expression::Literal(_) | Expression::Field(_) | Expression::Regex(_) | Expression::Star => false,
    }
}

pub fn aggregate(name: &str, arguments: &[Expression], rows: &[&dyn Row]) -> Option<Value> {
    if !is_known(name) {
        return None;
    }
    let first = arguments.first();
    let values = || -> Vec<Value> {
        let all = rows.iter().map(|row| first.map_or(Value::Missing, |first| evaluate(first, *row)));
        all.filter(|value| !value.is_missing()).collect()
    };
    let numbers = || -> Vec<f64> { values().iter().filter_map(Value::number).collect() };
    Some(match name {
        "count" => match first {
            None | Some(Expression::Star) => Value::Number(rows.len() as f64),
            Some(_) => Value::Number(values().len() as f64),
        },
        "count_distinct" => {
            let distinct: BTreeSet<String> = values().iter().filter_map(Value::text).collect();
            Value::Number(distinct.len() as f64)
        }
        "sum" => some(&numbers(), |all| all.iter().sum()),
        "avg" => some(&numbers(), mean),
        "stddev" => some(&numbers(), |all| {
            let mean = mean(all);
            let squares: f64 = all.iter().map(|number| (number - mean) * (number - mean)).sum();
            libm::sqrt(squares / all.len() as f64)
        }),
        "min" => values().into_iter().min_by(Value::order).unwrap_or(Value::Missing),
        "max" => values().into_iter().max_by(Value::order).unwrap_or(Value::Missing),
        "sortsfirst" => values().into_iter().min_by_key(Value::text).unwrap_or(Value::Missing),
        "sortslast" => values().into_iter().max_by_key(Value::text).unwrap_or(Value::Missing),
        "median" => percentile(numbers(), 50.0),
        "pct" | "percentile" => match arguments.get(1) {
            Some(Expression::Literal(Value::Number(share))) => percentile(numbers(), *share),
            _ => Value::Missing,
        },
        _ => by_time(name == "earliest", first, rows),
    })
}

fn some(numbers: &[f64], of: impl Fn(&[f64]) -> f64) -> Value {
    if numbers.is_empty() { Value::Missing } else { finite(of(numbers)) }
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// The number that this share of all is at most as large as.
fn percentile(mut numbers: Vec<f64>, share: f64) -> Value {
    numbers.sort_by(f64::total_cmp);
    let rank = libm::ceil(share.clamp(0.0, 100.0) / 100.0 * numbers.len() as f64) as usize;
    numbers.get(rank.saturating_sub(1)).map_or(Value::Missing, |number| Value::Number(*number))
}

fn by_time(earliest: bool, of: Option<&Expression>, rows: &[&dyn Row]) -> Value {
    let at = |row: &&&dyn Row| row.field("@timestamp").number().unwrap_or(0.0);
    let known = rows.iter().filter(|row| of.is_some_and(|of| !evaluate(of, **row).is_missing()));
    let found = if earliest {
        known.min_by(|one, other| at(one).total_cmp(&at(other)))
    } else {
        known.max_by(|one, other| at(one).total_cmp(&at(other)))
    };
    match (found, of) {
        (Some(row), Some(of)) => evaluate(of, *row),
        _ => Value::Missing,
    }
}
