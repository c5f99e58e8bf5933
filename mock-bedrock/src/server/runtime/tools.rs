//! Tool calls: whether the model makes one, and an input that fits the tool's schema.

use serde_json::{Map, Value};

use super::{
    ask::{Ask, Force, Tool},
    script::Words,
};

/// Whether a model that may call a tool does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ToolUse {
    /// It calls one, unless the last message is the result of a call.
    #[default]
    WhenOffered,
    /// Only when the caller forces it.
    WhenForced,
}

/// How deep a made-up input may nest; deeper objects stay empty.
const DEPTH_MAX: u32 = 8;
/// Members of one made-up object, at most.
const MEMBERS_MAX: usize = 64;

/// The tool that will be called, if any.
pub fn chosen(ask: &Ask, setting: ToolUse) -> Option<&Tool> {
    match &ask.force {
        Force::Never => None,
        Force::Any => ask.tools.first(),
        Force::Tool(name) => ask.tools.iter().find(|tool| tool.name == *name),
        Force::Auto if ask.after_tool || setting == ToolUse::WhenForced => None,
        Force::Auto => ask.tools.first(),
    }
}

/// An input that fits the schema, as compact JSON.
pub fn input(tool: &Tool, words: Words) -> String {
    let schema = tool.schema.as_deref().and_then(|schema| serde_json::from_str(schema).ok());
    let mut maker = Maker { words, made: 0 };
    match schema {
        Some(Value::Object(schema)) => maker.make(&schema, DEPTH_MAX).to_string(),
        _ => "{}".to_owned(),
    }
}

struct Maker {
    words: Words,
    made: u32,
}

impl Maker {
    fn make(&mut self, schema: &Map<String, Value>, depth: u32) -> Value {
        self.made = self.made.wrapping_add(1);
        if let Some(fixed) = schema.get("const").or_else(|| schema.get("default")) {
            return fixed.clone();
        }
        if let Some(choices) =
            schema.get("enum").and_then(Value::as_array).filter(|choices| !choices.is_empty())
        {
            return choices[self.below(choices.len() as u64) as usize].clone();
        }
        let kind = match schema.get("type") {
            Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
            kind => kind.and_then(Value::as_str),
        };
        match kind {
            Some("string") => Value::String(self.words.at(self.made).to_owned()),
            Some("integer") => Value::from(self.number(schema) as i64),
            Some("number") => Value::from(self.number(schema)),
            Some("boolean") => Value::Bool(self.below(2) == 1),
            Some("array") => self.array(schema, depth),
            Some("null") => Value::Null,
            _ => self.object(schema, depth),
        }
    }

    fn below(&self, n: u64) -> u64 {
        self.words.draw(self.made).below(n)
    }

    fn number(&self, schema: &Map<String, Value>) -> f64 {
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        let least = bound("minimum").unwrap_or(1.0);
        (least + self.below(100) as f64).min(bound("maximum").unwrap_or(f64::MAX))
    }

    fn array(&mut self, schema: &Map<String, Value>, depth: u32) -> Value {
        match schema.get("items").and_then(Value::as_object) {
            Some(items) if depth > 0 => Value::Array(vec![self.make(items, depth - 1)]),
            _ => Value::Array(Vec::new()),
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: u32) -> Value {
        let Some(members) = schema.get("properties").and_then(Value::as_object).filter(|_| depth > 0) else {
            return Value::Object(Map::new());
        };
        let members = members.iter().take(MEMBERS_MAX);
        let made = members
            .filter_map(|(name, schema)| Some((name.clone(), self.make(schema.as_object()?, depth - 1))));
        Value::Object(made.collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::luck::{Luck, Stream};

    fn words() -> Words {
        Words { draws: Luck::new(1, 0).stream(Stream::Words), request: 5, block: 1 }
    }

    fn made(schema: Value) -> Value {
        let tool = Tool { name: "t".into(), schema: Some(schema.to_string()) };
        serde_json::from_str(&input(&tool, words())).expect("valid JSON")
    }

    #[test]
    fn an_input_fits_its_schema() {
        let input = made(json!({
            "type": "object",
            "properties": {
                "city": { "type": "string" },
                "unit": { "enum": ["c", "f"] },
                "days": { "type": "integer", "minimum": 3, "maximum": 3 },
                "deep": { "type": ["object", "null"], "properties": { "list": { "type": "array", "items": { "type": "boolean" } } } }
            },
            "required": ["city"]
        }));
        assert!(input["city"].as_str().is_some_and(|city| !city.is_empty()), "{input}");
        assert!(["c", "f"].contains(&input["unit"].as_str().expect("one of the choices")));
        assert_eq!(input["days"], 3);
        assert!(input["deep"]["list"][0].is_boolean(), "{input}");
    }

    #[test]
    fn a_schema_that_says_nothing_or_never_ends_gives_an_object() {
        assert_eq!(made(json!({})), json!({}));
        assert_eq!(input(&Tool { name: "t".into(), schema: Some("][".into()) }, words()), "{}");
        let deep = (0..60).fold(
            json!({ "type": "string" }),
            |inner, _| json!({ "type": "object", "properties": { "a": inner } }),
        );
        assert!(made(deep).to_string().len() < 100);
    }

    #[test]
    fn a_tool_is_called_when_offered_and_not_again_after_its_result() {
        let tool = |name: &str| Tool { name: name.into(), schema: None };
        let ask = |force: Force, after_tool| Ask {
            tools: vec![tool("a"), tool("b")],
            force,
            after_tool,
            ..Ask::default()
        };
        let named = || Force::Tool("b".into());
        use ToolUse::{WhenForced, WhenOffered};
        let table = [
            (ask(Force::Auto, false), WhenOffered, Some("a")),
            (ask(Force::Auto, true), WhenOffered, None),
            (ask(Force::Auto, false), WhenForced, None),
            (ask(Force::Any, true), WhenForced, Some("a")),
            (ask(named(), false), WhenForced, Some("b")),
            (ask(Force::Never, false), WhenOffered, None),
            (Ask::default(), WhenOffered, None),
        ];
        for (ask, setting, name) in table {
            assert_eq!(chosen(&ask, setting).map(|tool| &*tool.name), name, "{:?}", ask.force);
        }
    }
}
