//! When to stop a run early: spent too much, or failing for too long.

use std::{borrow::Cow, fmt, str::FromStr};

use richter_mock_bedrock::units::{Share, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AbortSpec {
    /// Most that one strategy may spend in one replication.
    pub spend: Option<Dollars>,
    /// Share of answered requests that must not be undercut for so long.
    pub success_below: Option<SuccessBelow>,
}

/// An amount of money, such as `5 USD`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Dollars(pub f64);

/// Such as `50% for 60s`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SuccessBelow {
    pub share: Share,
    pub length: Span,
}

/// What a text of this kind is called, looks like, and how it is written.
trait Worded: FromStr {
    const WHAT: &'static str;
    const EXAMPLE: &'static str;
    const PATTERN: &'static str;
}

impl Worded for Dollars {
    const WHAT: &'static str = "an amount of US dollars";
    const EXAMPLE: &'static str = "an amount such as \"5 USD\" or \"0.50 USD\"";
    const PATTERN: &'static str = r"^\s*[0-9]+(\.[0-9]+)?\s*USD\s*$";
}

impl FromStr for Dollars {
    type Err = ();
    fn from_str(text: &str) -> Result<Dollars, ()> {
        let number = text.trim().strip_suffix("USD").ok_or(())?.trim();
        let digits = number.bytes().all(|b| b.is_ascii_digit() || b == b'.') && number.len() <= 15;
        match number.parse() {
            Ok(amount) if digits && amount > 0.0 => Ok(Dollars(amount)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Dollars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} USD", self.0)
    }
}

impl Worded for SuccessBelow {
    const WHAT: &'static str = "a share and a length of time";
    const EXAMPLE: &'static str = "both, such as \"50% for 60s\"";
    const PATTERN: &'static str = r"^\s*[0-9][0-9_.]*\s*%\s+for\s+.+$";
}

impl FromStr for SuccessBelow {
    type Err = ();
    fn from_str(text: &str) -> Result<SuccessBelow, ()> {
        let (share, length) = text.split_once(" for ").ok_or(())?;
        let (share, length) = (share.parse().map_err(|_| ())?, length.parse().map_err(|_| ())?);
        if length == Span(0) { Err(()) } else { Ok(SuccessBelow { share, length }) }
    }
}

impl fmt::Display for SuccessBelow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {}", self.share, self.length)
    }
}

fn read<'de, T: Worded, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Visitor<T>(std::marker::PhantomData<T>);
    impl<T: Worded> de::Visitor<'_> for Visitor<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}; write {}", T::WHAT, T::EXAMPLE)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            let wrong = |_| E::custom(format_args!("\"{text}\" is not {}; write {}", T::WHAT, T::EXAMPLE));
            text.parse().map_err(|_| ()).map_err(wrong)
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
            self.visit_str(&number.to_string())
        }
    }
    deserializer.deserialize_any(Visitor(std::marker::PhantomData))
}

macro_rules! worded {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read(deserializer)
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "description": $name::EXAMPLE, "type": "string", "pattern": $name::PATTERN })
            }
        }
    )*};
}
worded!(Dollars, SuccessBelow);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_shares_are_read_and_written_back() {
        for text in ["5 USD", "0.5 USD"] {
            assert_eq!(text.parse::<Dollars>().expect("valid").to_string(), text);
        }
        for text in ["50% for 1m", "99.5% for 30s"] {
            assert_eq!(text.parse::<SuccessBelow>().expect("valid").to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "5", "USD", "-5 USD", "0 USD", "1e9 USD", "5 EUR", "1..5 USD"] {
            assert!(text.parse::<Dollars>().is_err(), "{text}");
        }
        for text in ["", "50%", "50% for", "50 for 60s", "for 60s", "50% for 0s"] {
            assert!(text.parse::<SuccessBelow>().is_err(), "{text}");
        }
    }
}
