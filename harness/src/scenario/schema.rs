//! The JSON Schema of a scenario file, made from the same types that read it, for editors and for other programs.

use schemars::{
    Schema,
    transform::{RecursiveTransform, Transform},
};
use serde_json::Value;

use super::file::Scenario;

/// How to make the committed file anew.
pub const RENEW: &str = "cargo run -- schema > scenarios/schema.json";

pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Scenario);
    schema.insert("title".to_owned(), "A richter scenario".into());
    RecursiveTransform(unwrap_lines).transform(&mut schema);
    schema.to_value()
}

/// Joins the lines of descriptions: where a comment in the code breaks is nobody's business. Paragraphs stay.
fn unwrap_lines(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let paragraphs: Vec<String> =
            text.split("\n\n").map(|paragraph| paragraph.replace('\n', " ")).collect();
        *text = paragraphs.join("\n\n");
    }
}

/// As it is committed in `scenarios/schema.json`.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf};

    use serde::Deserialize as _;

    use super::*;
    use crate::scenario::{read::Reader, tests::SOUND, tree::parse::parse};

    fn scenarios() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../scenarios")
    }

    fn json(yaml: &str) -> Value {
        Value::deserialize(Reader::new(&parse(yaml).expect("YAML").tree)).expect("a value")
    }

    #[test]
    fn the_committed_schema_is_fresh() {
        let committed = fs::read_to_string(scenarios().join("schema.json")).unwrap_or_default();
        assert!(committed == schema_text(), "scenarios/schema.json is stale; renew it: {RENEW}");
    }

    #[test]
    fn the_sections_a_scenario_needs_are_required() {
        let schema = schema();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        assert_eq!(required, ["version", "name", "question", "traffic", "strategies"]);
    }

    #[test]
    fn every_shipped_scenario_is_valid_by_the_schema() {
        let validator = jsonschema::validator_for(&schema()).expect("a schema");
        let mut texts = vec![("starter".to_owned(), crate::scenario::init::starter().to_owned())];
        for entry in fs::read_dir(scenarios()).expect("scenarios") {
            let path = entry.expect("a file").path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                texts.push((path.display().to_string(), fs::read_to_string(&path).expect("text")));
            }
        }
        for (name, text) in texts {
            let errors: Vec<String> =
                validator.iter_errors(&json(&text)).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}");
        }
    }

    #[test]
    fn the_schema_refuses_what_the_reader_refuses() {
        let validator = jsonschema::validator_for(&schema()).expect("a schema");
        assert!(validator.is_valid(&json(SOUND)));
        for (sound, broken) in [
            ("seed: 7", "sead: 7"),
            ("seed: 7", "seed: seven"),
            ("version: 1", "version: 2"),
            ("replications: 3", "replications: 0"),
            ("rate: 4/s, arrivals", "rate: 40, arrivals"),
            ("for: 2m", "for: 120"),
            ("share: 80%", "share: 0.8"),
            ("question: Which way keeps answers coming?\n", ""),
            ("one-region: { direct:", "one-region: { directly:"),
            ("spend: 5 USD", "spend: 5"),
            ("  - slow-start:\n      first", "  - also: {}\n    slow-start:\n      first"),
        ] {
            assert!(SOUND.contains(sound), "{sound}");
            assert!(!validator.is_valid(&json(&SOUND.replacen(sound, broken, 1))), "{broken}");
        }
    }
}
