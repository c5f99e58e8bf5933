//! An entry of `faults`: one name, one fault.

use std::{borrow::Cow, fmt};

use richter_mock_bedrock::fault::FaultSpec;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess},
};

/// A list of these and not a map, because faults act in the order in which they are written.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedFault {
    pub name: String,
    pub spec: FaultSpec,
}

impl<'de> Deserialize<'de> for NamedFault {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = NamedFault;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one fault under its name")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<NamedFault, A::Error> {
        let Some((name, spec)) = map.next_entry::<String, Option<FaultSpec>>()? else {
            return Err(de::Error::custom("this fault has no name; write `- name: { .. }`"));
        };
        let Some(spec) = spec else {
            return Err(de::Error::custom(format_args!(
                "\"{name}\" has no settings; indent them below the name"
            )));
        };
        if let Some(second) = map.next_key::<String>()? {
            return Err(de::Error::custom(format_args!(
                "\"{second}\" stands beside the fault's name; indent it below the name, or begin its own entry with `-`"
            )));
        }
        Ok(NamedFault { name, spec })
    }
}

impl JsonSchema for NamedFault {
    fn schema_name() -> Cow<'static, str> {
        "NamedFault".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let fault = generator.subschema_for::<FaultSpec>();
        json_schema!({
            "description": "One fault under its name.",
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": fault,
        })
    }
}
