//! A part of a composed strategy that may be switched off in a file, so that a preset's part can be left out.

use std::{borrow::Cow, fmt, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer},
};

/// Written as the word `off`, or as the part's settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Part<T> {
    Off,
    On(T),
}

impl<T> Part<T> {
    pub fn on(self) -> Option<T> {
        match self {
            Part::Off => None,
            Part::On(part) => Some(part),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Part<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

struct Reader<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Reader<T> {
    type Value = Part<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the part's settings, or the word \"off\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Part<T>, E> {
        if text == "off" {
            return Ok(Part::Off);
        }
        Err(E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Part<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Part::On)
    }
}

impl<T: JsonSchema> JsonSchema for Part<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}OrOff", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "off" }, generator.subschema_for::<T>()] })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sized {
        size: u32,
    }

    #[test]
    fn a_part_is_settings_or_the_word_off_and_nothing_else() {
        let read = |json| serde_json::from_value::<Part<Sized>>(json);
        assert_eq!(read(json!("off")).unwrap(), Part::Off);
        assert_eq!(read(json!({ "size": 3 })).unwrap(), Part::On(Sized { size: 3 }));
        assert!(read(json!("on")).unwrap_err().to_string().contains("or the word \"off\""));
        assert!(read(json!({ "sise": 3 })).unwrap_err().to_string().contains("unknown field `sise`"));
        assert_eq!((Part::On(3).on(), Part::<u8>::Off.on()), (Some(3), None));
    }
}
