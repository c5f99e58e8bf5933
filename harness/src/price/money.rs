//! Amounts of money as people write them: `5 USD`, `0.25 USD/M` (a million tokens), `20 USD/h`.

use std::{borrow::Cow, fmt, str::FromStr};

use richter_mock_bedrock::units::UnitError;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

/// An amount, such as `5 USD`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Money {
    pub usd: f64,
}

/// A price of tokens, such as `0.25 USD/M`, or `0.00025 USD/k` as some lists write it.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct TokenPrice {
    pub usd_per_million: f64,
}

/// A price of capacity, such as `20 USD/h`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct HourlyPrice {
    pub usd_per_hour: f64,
}

/// Past this an amount is a mistake.
const MOST_USD: f64 = 1e9;

/// Reads `12.5 USD/unit` and gives the amount and the unit.
fn amount(text: &str) -> Option<(f64, &str)> {
    let (number, unit) = text.trim().split_once("USD")?;
    let number = number.trim();
    let plain = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let usd = number.parse::<f64>().ok().filter(|usd| plain && *usd <= MOST_USD)?;
    Some((usd, unit.trim().strip_prefix('/').map_or(unit.trim(), str::trim)))
}

macro_rules! money {
    ($name:ident, $what:literal, $example:literal, $pattern:literal, $read:expr, $write:expr) => {
        impl FromStr for $name {
            type Err = UnitError;
            fn from_str(text: &str) -> Result<Self, UnitError> {
                let read: fn(f64, &str) -> Option<Self> = $read;
                amount(text).and_then(|(usd, unit)| read(usd, unit)).ok_or_else(|| UnitError {
                    text: text.to_owned(),
                    what: $what,
                    example: $example,
                })
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let (usd, unit): (f64, &str) = $write(*self);
                write!(f, "{usd} USD{unit}")
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Visitor($what, $example)).and_then(|text| text.parse().map_err(de::Error::custom))
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": $example, "type": "string", "pattern": $pattern })
            }
        }
    };
}

money!(
    Money,
    "an amount of money",
    "an amount such as \"5 USD\"",
    r"^\s*[0-9]*\.?[0-9]+\s*USD\s*$",
    |usd, unit| unit.is_empty().then_some(Money { usd }),
    |money: Money| (money.usd, "")
);
money!(
    TokenPrice,
    "a price of tokens",
    "a price per million tokens such as \"0.25 USD/M\"",
    r"^\s*[0-9]*\.?[0-9]+\s*USD\s*/\s*[Mk]\s*$",
    |usd, unit| match unit {
        "M" => Some(TokenPrice { usd_per_million: usd }),
        "k" => Some(TokenPrice { usd_per_million: usd * 1e3 }),
        _ => None,
    },
    |price: TokenPrice| (price.usd_per_million, "/M")
);
money!(
    HourlyPrice,
    "a price of capacity",
    "a price per hour such as \"20 USD/h\"",
    r"^\s*[0-9]*\.?[0-9]+\s*USD\s*/\s*h\s*$",
    |usd, unit| (unit == "h").then_some(HourlyPrice { usd_per_hour: usd }),
    |price: HourlyPrice| (price.usd_per_hour, "/h")
);

/// Takes text, and says what to write when it gets a number.
struct Visitor(&'static str, &'static str);

impl Visitor {
    fn bare<E: de::Error>(&self, number: impl fmt::Display) -> E {
        E::custom(format_args!("{number} has no unit; write {}", self.1))
    }
}

impl de::Visitor<'_> for Visitor {
    type Value = String;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0, self.1)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<String, E> {
        Err(self.bare(number))
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<String, E> {
        Err(self.bare(number))
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<String, E> {
        Err(self.bare(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written_back() {
        assert_eq!("5 USD".parse(), Ok(Money { usd: 5.0 }));
        assert_eq!(" 0.5USD ".parse(), Ok(Money { usd: 0.5 }));
        assert_eq!("0.25 USD/M".parse(), Ok(TokenPrice { usd_per_million: 0.25 }));
        assert_eq!("0.5 USD / k".parse(), Ok(TokenPrice { usd_per_million: 500.0 }));
        assert_eq!("20 USD/h".parse(), Ok(HourlyPrice { usd_per_hour: 20.0 }));
        assert_eq!(TokenPrice { usd_per_million: 0.25 }.to_string(), "0.25 USD/M");
        assert_eq!(HourlyPrice { usd_per_hour: 20.0 }.to_string(), "20 USD/h");
        assert_eq!(Money { usd: 5.0 }.to_string(), "5 USD");
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in ["", "5", "USD", "5 EUR", "-5 USD", "5 USD/h", "inf USD", "1e9 USD", "99999999999 USD"] {
            let error = text.parse::<Money>().expect_err(text);
            assert!(error.to_string().contains("\"5 USD\""), "{error}");
        }
        for text in ["0.25 USD", "0.25 USD/h", "0.25 USD/MM"] {
            assert!(text.parse::<TokenPrice>().is_err(), "{text}");
        }
        let number = serde_json::from_str::<TokenPrice>("0.25").expect_err("no unit");
        assert!(number.to_string().contains("0.25 has no unit"), "{number}");
        assert_eq!(serde_json::from_str::<Money>("\"5 USD\"").expect("an amount"), Money { usd: 5.0 });
    }
}
