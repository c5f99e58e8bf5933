//! Bodies of InvokeModel in the languages of the models.
//!
//! Source: Amazon Bedrock user guide, "Inference request parameters and response fields for foundation models".

use serde_json::{Value, json};

use super::prompts::Said;

/// What a caller sends who sets no limit where the model insists on one.
const MAX_TOKENS: u32 = 4_096;

/// How a family of models wants to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Anthropic,
    Nova,
    Llama,
    Titan,
}

/// Targets that cannot be asked with one and the same body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "InvokeModel sends one body to all targets of a strategy, but {first} and {other} want different ones; use \
     api: converse, which is the same for all models"
)]
pub struct NoLanguage {
    pub first: String,
    pub other: String,
}

impl Language {
    /// Of a model by its id, ARN or profile; that of most callers where the id does not tell.
    pub fn of(model: &str) -> Language {
        let has = |name: &str| model.contains(name);
        match () {
            () if has("amazon.nova") => Language::Nova,
            () if has("amazon.titan") => Language::Titan,
            () if has("meta.llama") => Language::Llama,
            () => Language::Anthropic,
        }
    }

    /// The one that all of these speak.
    pub fn common<'a>(models: impl IntoIterator<Item = &'a str>) -> Result<Language, NoLanguage> {
        let mut models = models.into_iter();
        let Some(first) = models.next() else { return Ok(Language::Anthropic) };
        let language = Language::of(first);
        match models.find(|model| Language::of(model) != language) {
            Some(other) => Err(NoLanguage { first: first.to_owned(), other: other.to_owned() }),
            None => Ok(language),
        }
    }

    /// The limit that a body has where a caller sets this one.
    pub fn limit(self, max_tokens: Option<u32>) -> Option<u32> {
        max_tokens.or((self == Language::Anthropic).then_some(MAX_TOKENS))
    }

    pub fn body(self, shared: Option<&str>, own: &str, max_tokens: Option<u32>) -> Vec<u8> {
        let text = || shared.map_or_else(|| own.to_owned(), |shared| format!("{shared}\n{own}"));
        let body = match self {
            Language::Anthropic => {
                let mut content = Vec::new();
                if let Some(shared) = shared {
                    let kept = json!({ "type": "ephemeral" });
                    content.push(json!({ "type": "text", "text": shared, "cache_control": kept }));
                }
                content.push(json!({ "type": "text", "text": own }));
                json!({
                    "anthropic_version": "bedrock-2023-05-31",
                    "max_tokens": self.limit(max_tokens),
                    "messages": [{ "role": "user", "content": content }],
                })
            }
            Language::Nova => {
                let mut body = json!({ "messages": [{ "role": "user", "content": [{ "text": text() }] }] });
                limit(&mut body, "inferenceConfig", "max_new_tokens", max_tokens);
                body
            }
            Language::Llama => {
                let mut body = json!({ "prompt": text() });
                if let Some(most) = max_tokens {
                    body["max_gen_len"] = most.into();
                }
                body
            }
            Language::Titan => {
                let mut body = json!({ "inputText": text() });
                limit(&mut body, "textGenerationConfig", "maxTokenCount", max_tokens);
                body
            }
        };
        body.to_string().into_bytes()
    }
}

/// The body of Converse, as the SDK writes it.
pub fn converse(said: &Said, max_tokens: Option<u32>) -> Vec<u8> {
    let text = |text: &str| Value::from(text).to_string();
    let mut body = String::with_capacity(said.own.len() + said.shared.as_ref().map_or(0, String::len) + 128);
    body.push('{');
    if let Some(most) = max_tokens {
        body.extend(["\"inferenceConfig\":{\"maxTokens\":", &most.to_string(), "},"]);
    }
    body.push_str("\"messages\":[{\"role\":\"user\",\"content\":[");
    if let Some(shared) = &said.shared {
        body.extend(["{\"text\":", &text(shared), "},{\"cachePoint\":{\"type\":\"default\"}},"]);
    }
    body.extend(["{\"text\":", &text(&said.own), "}]}]}"]);
    body.into_bytes()
}

fn limit(body: &mut Value, section: &str, name: &str, max_tokens: Option<u32>) {
    if let Some(most) = max_tokens {
        body[section] = json!({ name: most });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_asked_in_its_own_language_and_a_strategy_in_one() {
        let claude = "us.anthropic.claude-3-haiku-20240307-v1:0";
        assert_eq!(Language::of(claude), Language::Anthropic);
        assert_eq!(Language::of("eu.amazon.nova-lite-v1:0"), Language::Nova);
        assert_eq!(
            Language::of("arn:aws:bedrock:us-east-1::foundation-model/meta.llama3-v1:0"),
            Language::Llama
        );
        assert_eq!(Language::common([claude, "anthropic.m"]), Ok(Language::Anthropic));
        let error = Language::common([claude, "amazon.nova-lite-v1:0"]).expect_err("they differ");
        assert!(error.to_string().contains("use api: converse"), "{error}");
    }

    #[test]
    fn each_body_holds_the_text_and_the_limit_where_its_model_looks_for_them() {
        let places = [
            (Language::Anthropic, "/messages/0/content/1/text", "/max_tokens"),
            (Language::Nova, "/messages/0/content/0/text", "/inferenceConfig/max_new_tokens"),
            (Language::Llama, "/prompt", "/max_gen_len"),
            (Language::Titan, "/inputText", "/textGenerationConfig/maxTokenCount"),
        ];
        for (language, text, limit) in places {
            let body: Value =
                serde_json::from_slice(&language.body(Some("same"), "own", Some(77))).expect("JSON");
            assert!(
                body.pointer(text).and_then(Value::as_str).is_some_and(|text| text.ends_with("own")),
                "{body}"
            );
            assert_eq!(body.pointer(limit), Some(&77.into()), "{body}");
        }
    }
}
