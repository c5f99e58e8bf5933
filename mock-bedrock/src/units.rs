//! Quantities as people write them in a file: `250ms`, `40/s`, `300k/min`, `10%`. A bare number is refused where
//! two readers could take it for different units.

mod number;
mod rate;
mod share;
mod span;
mod tokens;

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

pub use self::{
    rate::{Per, Rate},
    share::Share,
    span::Span,
    tokens::Tokens,
};

/// What is wrong with a quantity, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not {what}; write {example}")]
pub struct UnitError {
    pub text: String,
    pub what: &'static str,
    pub example: &'static str,
}

/// A quantity that has one textual form.
pub trait Quantity: Sized + Copy + FromStr<Err = UnitError> + fmt::Display {
    const WHAT: &'static str;
    const EXAMPLE: &'static str;
    const PATTERN: &'static str;
    /// Whether a bare whole number in the file is unambiguous.
    const BARE: bool = false;

    fn from_bare(_: u64) -> Option<Self> {
        None
    }
    /// The value in its base unit: nanoseconds, tokens, per second, share of one.
    fn base(self) -> f64;
    fn from_base(base: f64) -> Self;
    fn error(text: &str) -> UnitError {
        UnitError { text: text.to_owned(), what: Self::WHAT, example: Self::EXAMPLE }
    }
}

/// Reads a quantity from text, or from a bare number where that is unambiguous.
fn read<'de, Q: Quantity, D: Deserializer<'de>>(deserializer: D) -> Result<Q, D::Error> {
    struct Visitor<Q>(std::marker::PhantomData<Q>);
    impl<Q: Quantity> Visitor<Q> {
        fn bare<E: de::Error>(text: &str) -> E {
            E::custom(format_args!("{text} has no unit; write {}", Q::EXAMPLE))
        }
    }
    impl<Q: Quantity> de::Visitor<'_> for Visitor<Q> {
        type Value = Q;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "{}: {}", Q::WHAT, Q::EXAMPLE)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Q, E> {
            text.parse().map_err(E::custom)
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Q, E> {
            Q::from_bare(number).ok_or_else(|| Self::bare(&number.to_string()))
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Q, E> {
            u64::try_from(number).ok().and_then(Q::from_bare).ok_or_else(|| Self::bare(&number.to_string()))
        }
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Q, E> {
            let text = number.to_string();
            Err(if Q::BARE { E::custom(Q::error(&text)) } else { Self::bare(&text) })
        }
    }
    deserializer.deserialize_any(Visitor(std::marker::PhantomData))
}

fn schema_of<Q: Quantity>() -> Schema {
    let text = json_schema!({ "type": "string", "pattern": Q::PATTERN });
    if Q::BARE {
        json_schema!({ "description": Q::EXAMPLE, "anyOf": [text, { "type": "integer", "minimum": 0 }] })
    } else {
        json_schema!({ "description": Q::EXAMPLE, "type": "string", "pattern": Q::PATTERN })
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                read(deserializer)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn inline_schema() -> bool {
                false
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                schema_of::<$name>()
            }
        }
    )*};
}
as_text!(Span, Tokens, Rate, Share);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_written_back() {
        for (text, nanos) in [
            ("250ms", 250_000_000),
            ("1.5s", 1_500_000_000),
            ("1h 30m", 5_400_000_000_000),
            ("2min", 120_000_000_000),
        ] {
            assert_eq!(text.parse::<Span>(), Ok(Span(nanos)), "{text}");
        }
        for text in ["250ms", "1.5s", "1h 30m", "0s", "2m 30s"] {
            assert_eq!(text.parse::<Span>().expect("valid").to_string(), text);
        }
        for text in ["40/s", "300k/min", "1.2M/day"] {
            assert_eq!(text.parse::<Rate>().expect("valid").to_string(), text);
        }
        assert_eq!("3000 rpm".parse::<Rate>().expect("valid").per_second(), 50.0);
        assert_eq!("30%".parse::<Share>(), Ok(Share(0.3)));
        assert_eq!("1.2M".parse::<Tokens>(), Ok(Tokens(1_200_000)));
    }

    #[test]
    fn nonsense_is_refused_with_an_example() {
        for text in ["", "ms", "5", "5 parsecs", "-1s", "1..2s", "99999999999999999999s", "1e9s"] {
            let error = text.parse::<Span>().expect_err(text);
            assert!(error.to_string().contains("250ms"), "{error}");
        }
        for text in ["", "40", "/s", "40/fortnight", "x/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
        for text in ["", "30", "130%", "%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
        for text in ["", "1.5", "k", "12 apples"] {
            assert!(text.parse::<Tokens>().is_err(), "{text}");
        }
    }
}
