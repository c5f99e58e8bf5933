//! Shares and rates as people write them in a file: `10%`, `400/min`, `300k/min`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// A part of a whole, written `10%`. It may exceed the whole, as budgets do.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(pub f64);

/// So much a second, written `400/min` or `5/s`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate {
    pub per_second: f64,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("\"{0}\" is not a share; write one such as \"10%\"")]
    NotAShare(String),
    #[error("\"{0}\" is not a rate; write one such as \"5/s\" or \"300k/min\"")]
    NotARate(String),
}

impl Share {
    pub fn parse(text: &str) -> Result<Share, QuantityError> {
        let percent = text.trim().strip_suffix('%').and_then(number);
        percent.map(|percent| Share(percent / 100.0)).ok_or_else(|| QuantityError::NotAShare(text.to_owned()))
    }
}

impl Rate {
    pub fn parse(text: &str) -> Result<Rate, QuantityError> {
        let parsed = text.trim().split_once('/').and_then(|(count, unit)| {
            let seconds = match unit.trim() {
                "s" => 1.0,
                "min" | "m" => 60.0,
                "h" => 3_600.0,
                _ => return None,
            };
            Some(Rate { per_second: scaled(count)? / seconds })
        });
        parsed.ok_or_else(|| QuantityError::NotARate(text.to_owned()))
    }
}

fn scaled(text: &str) -> Option<f64> {
    let text = text.trim();
    let thousand = |digits| number(digits).map(|number| number * 1e3);
    let million = |digits| number(digits).map(|number| number * 1e6);
    text.strip_suffix('k')
        .map_or_else(|| text.strip_suffix('M').map_or_else(|| number(text), million), thousand)
}

/// No sign, no exponent, nothing that is not finite.
fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

macro_rules! written_as_text {
    ($type:ident, $expects:literal, $pattern:literal, $example:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Reader;
                impl de::Visitor<'_> for Reader {
                    type Value = $type;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expects)
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        $type::parse(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Reader)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern, "examples": [$example] })
            }
        }
    };
}

written_as_text!(Share, "a share such as \"10%\"", r"^\s*[0-9][0-9.]*\s*%\s*$", "10%");
written_as_text!(
    Rate,
    "a rate such as \"5/s\" or \"300k/min\"",
    r"^\s*[0-9][0-9.]*\s*[kM]?\s*/\s*(s|min|m|h)\s*$",
    "300k/min"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_rates_are_read_as_people_write_them() {
        assert_eq!(Share::parse("10%"), Ok(Share(0.1)));
        assert_eq!(Share::parse(" 2.5 % "), Ok(Share(0.025)));
        assert_eq!(Share::parse("150%"), Ok(Share(1.5)));
        assert_eq!(Rate::parse("5/s"), Ok(Rate { per_second: 5.0 }));
        assert_eq!(Rate::parse("300k/min"), Ok(Rate { per_second: 5_000.0 }));
        assert_eq!(Rate::parse("1.8M / h"), Ok(Rate { per_second: 500.0 }));
    }

    #[test]
    fn what_is_neither_is_refused_with_what_to_write() {
        for text in ["", "10", "%", "-1%", "1e3%", "NaN%", "inf%", "ten%", "1.2.3%"] {
            let refusal = format!("\"{text}\" is not a share; write one such as \"10%\"");
            assert_eq!(Share::parse(text).unwrap_err().to_string(), refusal);
        }
        for text in ["", "10", "10/", "/s", "10/day", "-1/s", "k/s", "1kk/s"] {
            let refusal = format!("\"{text}\" is not a rate; write one such as \"5/s\" or \"300k/min\"");
            assert_eq!(Rate::parse(text).unwrap_err().to_string(), refusal);
        }
        let bare = serde_json::from_value::<Share>(serde_json::json!(10)).unwrap_err().to_string();
        assert!(bare.contains("a share such as"), "{bare}");
    }
}
