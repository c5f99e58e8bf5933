//! Values of rows, and how they look as text, which is all that results show.

use crate::{cloudwatch::Millis, record::rfc3339};

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Missing,
    Number(f64),
    Text(String),
    Flag(bool),
    Time(Millis),
}

impl Value {
    pub fn of_json(value: &serde_json::Value) -> Value {
        use serde_json::Value as Json;
        match value {
            Json::Null => Value::Missing,
            Json::Bool(flag) => Value::Flag(*flag),
            Json::Number(number) => number.as_f64().map_or(Value::Missing, Value::Number),
            Json::String(text) => Value::Text(text.clone()),
            // Insights finds the leaves of JSON; what holds them is shown as it is written.
            Json::Array(_) | Json::Object(_) => Value::Text(value.to_string()),
        }
    }

    pub fn is_missing(&self) -> bool {
        *self == Value::Missing
    }

    /// As a number; a text that is one counts.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Time(at) => Some(*at as f64),
            Value::Flag(flag) => Some(f64::from(u8::from(*flag))),
            Value::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Value::Missing => None,
        }
    }

    pub fn text(&self) -> Option<String> {
        match self {
            Value::Missing => None,
            Value::Number(number) => Some(plain(*number)),
            Value::Text(text) => Some(text.clone()),
            // As numbers, which is how the service shows what is true.
            Value::Flag(flag) => Some(u8::from(*flag).to_string()),
            Value::Time(at) => Some(stamp(*at)),
        }
    }

    pub fn is_true(&self) -> bool {
        match self {
            Value::Flag(flag) => *flag,
            Value::Number(number) => *number != 0.0,
            Value::Text(text) => text == "true" || text == "1",
            Value::Missing | Value::Time(_) => false,
        }
    }

    /// Numbers by size, texts by letters, and what is missing first.
    pub fn order(&self, other: &Value) -> std::cmp::Ordering {
        match (self.number(), other.number()) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            _ => self.text().cmp(&other.text()),
        }
    }

    pub fn equals(&self, other: &Value) -> bool {
        match (self.number(), other.number()) {
            (Some(one), Some(other)) => one == other,
            _ => self.text() == other.text(),
        }
    }
}

fn plain(number: f64) -> String {
    let number = number + 0.0;
    if number.fract() == 0.0 && number.abs() < 1e15 {
        return format!("{number:.0}");
    }
    // Four decimals are what the service shows.
    let text = format!("{number:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// `2025-12-17 01:09:56.000`
fn stamp(at: Millis) -> String {
    let text = rfc3339(u64::try_from(at.div_euclid(1_000)).unwrap_or(0));
    format!("{}.{:03}", text.trim_end_matches('Z').replace('T', " "), at.rem_euclid(1_000))
}
