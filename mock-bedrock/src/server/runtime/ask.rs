//! What a request asks, whatever the dialect of its body.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use serde::Deserialize;

use super::{
    body::{Content, Message},
    cache::Point,
    prompt::Prompt,
};
use crate::exception::{Exception, ExceptionKind};

/// A request to a model, validated as far as its body alone allows.
#[derive(Debug, Default)]
pub struct Ask {
    /// Tokens of the whole prompt.
    pub tokens: u32,
    pub points: Vec<Point>,
    pub images: bool,
    pub max_tokens: Option<u32>,
    pub stops: Vec<String>,
    pub tools: Vec<Tool>,
    pub force: Force,
    /// The last message answers a tool call.
    pub after_tool: bool,
    pub reasoning: bool,
    /// Text of the last message, for the modes that answer by it.
    pub said: String,
    pub extras: Extras,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tool {
    pub name: String,
    /// JSON Schema of its input, as sent.
    pub schema: Option<String>,
}

/// Whether a tool must be called.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Force {
    #[default]
    Auto,
    Never,
    Any,
    Tool(String),
}

/// What a request carries besides its prompt, and what the answer gives back of it.
#[derive(Debug, Default)]
pub struct Extras {
    pub metadata: BTreeMap<String, String>,
    pub latency: Option<&'static str>,
    pub tier: Option<&'static str>,
    /// A guardrail is configured and its trace is wanted.
    pub guardrail_trace: bool,
    /// `/stop_sequence` is among the response fields asked for.
    pub wants_stop_sequence: bool,
}

/// Keys of the draws and sizes, for tests that must meet the same luck on another ground.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    pub request: Option<u64>,
    pub attempt: Option<u32>,
    /// When it comes, in nanoseconds since the start, for a server whose time is told.
    pub at_ns: Option<u64>,
    pub input_tokens: Option<u32>,
    pub output_tokens: Option<u32>,
    /// Who asks, by name.
    pub tenant: Option<String>,
    /// The class of traffic, by name.
    pub class: Option<String>,
}

impl Overrides {
    /// From headers `x-richter-…`, or from request metadata of the same names.
    pub fn read(headers: &HeaderMap, metadata: &BTreeMap<String, String>) -> Overrides {
        let text = |name: &'static str| {
            let header = headers.get(HeaderName::from_static(name)).and_then(|value| value.to_str().ok());
            header.or_else(|| metadata.get(name).map(String::as_str))
        };
        let long = |name| text(name).and_then(|text| text.trim().parse().ok());
        let number = |name| text(name).and_then(|text| text.trim().parse().ok());
        Overrides {
            request: long("x-richter-request"),
            attempt: number("x-richter-attempt"),
            at_ns: long("x-richter-at-ns"),
            input_tokens: number("x-richter-input-tokens"),
            output_tokens: number("x-richter-output-tokens"),
            tenant: text("x-richter-tenant").map(str::to_owned),
            class: text("x-richter-class").map(str::to_owned),
        }
    }
}

impl Ask {
    /// Takes over what was counted of a prompt.
    pub fn with_prompt(mut self, prompt: &Prompt<'_>) -> Result<Ask, Exception> {
        (self.tokens, self.points) = prompt.measure()?;
        self.images = prompt.images;
        Ok(self)
    }

    /// Takes over what the last message says.
    pub fn with_last(mut self, messages: &[Message<'_>]) -> Ask {
        let last = messages.last().map(|message| &message.content);
        self.after_tool =
            last.is_some_and(|content| content.0.iter().any(super::body::Block::is_tool_result));
        self.said = last.map(said).unwrap_or_default();
        self
    }
}

fn said(content: &Content<'_>) -> String {
    content.texts().collect::<Vec<_>>().join("\n")
}

/// Reads a body, or says that it is malformed as Bedrock does.
pub fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Exception> {
    serde_json::from_slice(body).map_err(|error| malformed(&error.to_string()))
}

pub fn malformed(what: &str) -> Exception {
    invalid(format!("Malformed input request: {what}, please reformat your input and try again."))
}

pub fn invalid(text: impl Into<std::borrow::Cow<'static, str>>) -> Exception {
    Exception::new(ExceptionKind::ValidationException, text)
}

/// The checks that every conversation passes.
pub fn check_conversation(messages: &[Message<'_>]) -> Result<(), Exception> {
    let starts = messages.iter().find(|message| message.role.0 != "system");
    if starts.is_none_or(|first| first.role.0 != "user") {
        return Err(invalid(
            "A conversation must start with a user message. Try again with a conversation that starts with a user \
             message.",
        ));
    }
    for (at, message) in messages.iter().enumerate() {
        if !["user", "assistant", "system"].contains(&&*message.role.0) {
            return Err(invalid(format!(
                "1 validation error detected: Value '{}' at 'messages.{}.member.role' failed to satisfy constraint: \
                 Member must satisfy enum value set: [user, assistant]",
                message.role.0,
                at + 1
            )));
        }
        let blank =
            |block: &super::body::Block<'_>| block.text.as_ref().is_some_and(|text| text.0.trim().is_empty());
        if let Some(block) = message.content.0.iter().position(blank) {
            return Err(invalid(format!(
                "The text field in the ContentBlock object at messages.{at}.content.{block} is blank. Add text to the \
                 text field, and try again."
            )));
        }
    }
    Ok(())
}

/// A share-like number that must lie within 0 and 1.
pub fn check_unit(value: Option<f64>, path: &str) -> Result<(), Exception> {
    match value {
        Some(value) if value > 1.0 => Err(invalid(format!(
            "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: Member must have \
             value less than or equal to 1"
        ))),
        Some(value) if value < 0.0 => Err(invalid(format!(
            "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: Member must have \
             value greater than or equal to 0"
        ))),
        _ => Ok(()),
    }
}

/// One of a closed set, as Bedrock complains about it.
pub fn one_of(value: &str, path: &str, known: &[&'static str]) -> Result<&'static str, Exception> {
    known.iter().copied().find(|name| *name == value).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value '{value}' at '{path}' failed to satisfy constraint: Member must satisfy \
             enum value set: [{}]",
            known.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(messages: &str) -> Result<(), String> {
        let messages: Vec<Message<'_>> = serde_json::from_str(messages).expect("messages");
        check_conversation(&messages).map_err(|exception| exception.message.into_owned())
    }

    #[test]
    fn a_conversation_starts_with_its_user_and_holds_no_blank_text() {
        assert_eq!(checked(r#"[{"role":"user","content":"hi"}]"#), Ok(()));
        assert_eq!(checked(r#"[{"role":"system","content":"x"},{"role":"user","content":"hi"}]"#), Ok(()));
        let table = [
            ("[]", "must start with a user message"),
            (r#"[{"role":"assistant","content":"hi"}]"#, "must start with a user message"),
            (
                r#"[{"role":"user","content":"hi"},{"role":"bot","content":"x"}]"#,
                "Value 'bot' at 'messages.2.member.role'",
            ),
            (r#"[{"role":"user","content":[{"text":"a"},{"text":" "}]}]"#, "messages.0.content.1 is blank"),
        ];
        for (messages, part) in table {
            let error = checked(messages).expect_err(messages);
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn keys_come_from_headers_first_and_from_metadata_else() {
        let mut headers = HeaderMap::new();
        headers.insert("x-richter-request", "12".parse().expect("a value"));
        headers.insert("x-richter-attempt", "two".parse().expect("a value"));
        let metadata =
            [("x-richter-request", "99"), ("x-richter-output-tokens", "7"), ("x-richter-tenant", "chat")];
        let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let found = Overrides::read(&headers, &metadata);
        let expected = Overrides {
            request: Some(12),
            output_tokens: Some(7),
            tenant: Some("chat".into()),
            ..Overrides::default()
        };
        assert_eq!(found, expected, "what is no number is ignored");
    }
}
