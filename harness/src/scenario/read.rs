//! From a tree to the types of a scenario: a serde deserializer whose errors say where they happened.
//!
//! Strict on purpose. Text that looks like a number is not text, `yes` is not true, and nothing but `null` or an empty
//! value is "not given": what the file means must not depend on who reads it.

mod access;
pub mod error;

use serde::de::{self, Deserializer, Visitor};

use self::{
    access::{Entries, Items, Variant},
    error::{ReadError, found},
};
use super::{
    tree::{Kind, Node},
    words,
};

/// Reads one node.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'t> {
    node: &'t Node,
}

impl<'t> Reader<'t> {
    pub fn new(node: &'t Node) -> Reader<'t> {
        Reader { node }
    }

    fn wrong<T>(self, expected: &str) -> Result<T, ReadError> {
        if self.node.is_null() {
            let hint = format!("write {expected}, after the colon or indented below it");
            return Err(ReadError::wrong("the value is missing", hint));
        }
        Err(ReadError::wrong(
            format!("expected {expected}, found {}", found(self.node)),
            hint(self.node, expected),
        ))
    }

    fn items<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::List(items) => visitor.visit_seq(Items::new(items)),
            _ => self.wrong("a list"),
        }
    }

    fn entries<'de, V: Visitor<'de>>(self, visitor: V, expected: &str) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::Map(entries) => visitor.visit_map(Entries::new(entries)),
            _ => self.wrong(expected),
        }
    }

    fn whole<T: TryFrom<i128>>(self, from: i128, to: i128) -> Result<T, ReadError> {
        let expected = if from == 0 { "a whole number, 0 or more" } else { "a whole number" };
        match plain_number(self.node) {
            Some(Number::Whole(n)) if n > to => self.wrong(&format!("a whole number up to {to}")),
            Some(Number::Whole(n)) => T::try_from(n).or_else(|_| self.wrong(expected)),
            _ => self.wrong(expected),
        }
    }
}

/// What a map of names is called.
const NAMED: &str = "names with their settings";

/// What to do about a scalar of the wrong kind, where the remedy is the same everywhere.
fn hint(node: &Node, expected: &str) -> String {
    match &node.kind {
        Kind::Scalar { text, plain: true } if expected == "text" => {
            format!("put it in quotes: \"{text}\"")
        }
        Kind::Scalar { .. } if expected == "true or false" => "write true or false, without quotes".into(),
        Kind::Scalar { plain: false, .. } if expected.contains("number") => "write it without quotes".into(),
        Kind::Map(entries) if expected.starts_with("one of") && entries.len() > 1 => {
            "keep one of them".into()
        }
        _ if expected == "a list" => "write a list: `[a, b]`, or one line `- a` for each".into(),
        _ if expected == NAMED => "write a name, a colon and the settings, such as `name: { .. }`".into(),
        _ => String::new(),
    }
}

/// What a plain scalar stands for when it is no text.
enum Number {
    Whole(i128),
    Float(f64),
}

/// Decimal numbers only; `0x10`, `1e999` and `.inf` stay text and are then refused where a number is needed.
fn plain_number(node: &Node) -> Option<Number> {
    let Kind::Scalar { text, plain: true } = &node.kind else { return None };
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.len() > 30 {
        return None;
    }
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok().map(Number::Whole);
    }
    text.parse().ok().filter(|f: &f64| f.is_finite()).map(Number::Float)
}

fn boolean(node: &Node) -> Option<bool> {
    match &node.kind {
        Kind::Scalar { text, plain: true } if text == "true" => Some(true),
        Kind::Scalar { text, plain: true } if text == "false" => Some(false),
        _ => None,
    }
}

/// The text of a node that is text and nothing else.
fn only_text(node: &Node) -> Option<&str> {
    let other = node.is_null() || boolean(node).is_some() || plain_number(node).is_some();
    node.text().filter(|_| !other)
}

macro_rules! whole {
    ($($method:ident $visit:ident $type:ty),*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
            visitor.$visit(self.whole(<$type>::MIN.into(), <$type>::MAX.into())?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.node.kind {
            Kind::List(_) => self.items(visitor),
            Kind::Map(entries) => visitor.visit_map(Entries::new(entries)),
            Kind::Scalar { text, .. } => match (boolean(self.node), plain_number(self.node)) {
                _ if self.node.is_null() => visitor.visit_unit(),
                (Some(truth), _) => visitor.visit_bool(truth),
                (_, Some(Number::Float(number))) => visitor.visit_f64(number),
                (_, Some(Number::Whole(number))) => match (u64::try_from(number), i64::try_from(number)) {
                    (Ok(number), _) => visitor.visit_u64(number),
                    (_, Ok(number)) => visitor.visit_i64(number),
                    _ => visitor.visit_f64(number as f64),
                },
                _ => visitor.visit_str(text),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match boolean(self.node) {
            Some(truth) => visitor.visit_bool(truth),
            None => self.wrong("true or false"),
        }
    }

    whole!(
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32, deserialize_u64 visit_u64 u64
    );

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match plain_number(self.node) {
            Some(Number::Float(number)) => visitor.visit_f64(number),
            Some(Number::Whole(number)) => visitor.visit_f64(number as f64),
            None => self.wrong("a number"),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match only_text(self.node) {
            Some(text) => visitor.visit_str(text),
            None => self.wrong("text"),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.node.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        if self.node.is_null() { visitor.visit_unit() } else { self.wrong("nothing") }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.items(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, ReadError> {
        self.items(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.items(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.entries(visitor, NAMED)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.entries(visitor, &format!("a map with keys of {}", words::list(fields)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match Variant::of(self.node) {
            Some(variant) => visitor.visit_enum(variant),
            None => self.wrong(&format!("one of {}", words::list(variants))),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }
}

impl de::IntoDeserializer<'_, ReadError> for Reader<'_> {
    type Deserializer = Self;
    fn into_deserializer(self) -> Self {
        self
    }
}
