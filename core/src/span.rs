//! Lengths of time as people write them in a file: `250ms`, `90s`, `2m`, `1h 30m`. A bare number is refused, because
//! two readers could take it for different units.
//!
//! Use on a field as `#[serde(default, deserialize_with = "span::optional")] #[schemars(schema_with = "span::schema")]`.

use std::{fmt, time::Duration};

use jiff::fmt::friendly::SpanParser;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserializer, de};

const EXAMPLE: &str = "a length of time such as \"250ms\", \"90s\" or \"2m\"";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    #[error("\"{0}\" has no unit; write {EXAMPLE}")]
    NoUnit(String),
    #[error("\"{0}\" is not a length of time; write {EXAMPLE}")]
    NotASpan(String),
}

pub fn parse(text: &str) -> Result<Duration, SpanError> {
    let trimmed = text.trim();
    if trimmed.parse::<f64>().is_ok() {
        return Err(SpanError::NoUnit(text.to_owned()));
    }
    SpanParser::new().parse_unsigned_duration(trimmed).map_err(|_| SpanError::NotASpan(text.to_owned()))
}

/// For a field of type `Duration`.
pub fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    deserializer.deserialize_any(Reader)
}

/// For a field of type `Option<Duration>` with `#[serde(default)]`.
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_any(Reader).map(Some)
}

pub fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "description": "A length of time.",
        "pattern": r"^\s*[0-9][0-9.]*\s*(ns|us|µs|ms|s|m|min|h)(\s*[0-9][0-9.]*\s*(ns|us|µs|ms|s|m|min|h))*\s*$",
        "examples": ["250ms", "90s", "1h 30m"],
    })
}

struct Reader;

impl de::Visitor<'_> for Reader {
    type Value = Duration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXAMPLE)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
        parse(text).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Duration, E> {
        Err(E::custom(SpanError::NoUnit(number.to_string())))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Duration, E> {
        Err(E::custom(SpanError::NoUnit(number.to_string())))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Duration, E> {
        Err(E::custom(SpanError::NoUnit(number.to_string())))
    }
}

/// Whole nanoseconds; some 584 years if it is longer than that.
pub fn nanos(span: Duration) -> crate::Nanos {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use serde::de::{
        IntoDeserializer,
        value::{Error, F64Deserializer, StrDeserializer, U64Deserializer},
    };

    use super::*;

    #[test]
    fn lengths_of_time_are_read_as_people_write_them() {
        let rows = [
            ("250ms", Duration::from_millis(250)),
            ("90s", Duration::from_secs(90)),
            ("2m", Duration::from_secs(120)),
            ("1h 30m", Duration::from_secs(5_400)),
            ("1.5s", Duration::from_millis(1_500)),
            (" 3 s ", Duration::from_secs(3)),
            ("40us", Duration::from_micros(40)),
            ("0s", Duration::ZERO),
        ];
        for (text, span) in rows {
            assert_eq!(parse(text), Ok(span), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_length_of_time_is_refused_with_what_to_write() {
        let refusal = |text| parse(text).unwrap_err().to_string();
        let example = "write a length of time such as \"250ms\", \"90s\" or \"2m\"";
        assert_eq!(refusal("40"), format!("\"40\" has no unit; {example}"));
        assert_eq!(refusal("1.5"), format!("\"1.5\" has no unit; {example}"));
        for text in ["", "soon", "-2s", "2s ago", "5 parsecs", "999999999999999999999999h"] {
            assert_eq!(refusal(text), format!("\"{text}\" is not a length of time; {example}"));
        }
    }

    #[test]
    fn a_bare_number_in_a_file_has_no_unit_either() {
        let whole: U64Deserializer<Error> = 40u64.into_deserializer();
        assert!(required(whole).unwrap_err().to_string().starts_with("\"40\" has no unit"));
        let broken: F64Deserializer<Error> = 1.5f64.into_deserializer();
        assert!(optional(broken).unwrap_err().to_string().starts_with("\"1.5\" has no unit"));
        let text: StrDeserializer<'_, Error> = "2m".into_deserializer();
        assert_eq!(optional(text), Ok(Some(Duration::from_secs(120))));
    }
}
