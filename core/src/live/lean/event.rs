//! What the events of a stream mean, read from their frames.

use std::borrow::Cow;

use aws_smithy_eventstream::{
    error::Error as FrameError,
    frame::{UnmarshallMessage, UnmarshalledMessage},
    smithy::parse_response_headers,
};
use aws_smithy_types::{base64, event_stream::Message};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::answer::{self, TokenUsage};
use crate::{
    live::{
        bedrock::{body, converse::tokens_in},
        transport::{Meaning, Refusal},
    },
    request::Api,
};

/// One event of a stream.
#[derive(Debug, Clone)]
pub struct LeanPart {
    name: String,
    payload: Bytes,
    pub(super) meaning: Meaning,
    text: Option<String>,
}

impl LeanPart {
    /// The event's type, such as `contentBlockDelta`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The event as it came.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The text that it carries, if it carries nothing else. Of an answer that another attempt goes on with, a part of it may be
    /// missing here that the payload has.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    pub(super) fn without(mut self, bytes: usize) -> LeanPart {
        if let Some(text) = &mut self.text {
            text.drain(..bytes.min(text.len()));
        }
        self
    }
}

/// An error in the middle of a stream.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.name.as_deref().unwrap_or("an error without a name"), .0.message)]
pub struct Exception(Refusal);

impl Exception {
    pub(super) fn refusal(&self) -> Refusal {
        self.0.clone()
    }
}

/// Reads frames of an operation's streams.
#[derive(Debug)]
pub(super) struct Reader(pub(super) Api);

impl UnmarshallMessage for Reader {
    type Output = LeanPart;
    type Error = Exception;

    fn unmarshall(&self, message: &Message) -> Result<UnmarshalledMessage<LeanPart, Exception>, FrameError> {
        let headers = parse_response_headers(message)?;
        let (name, payload) = (headers.smithy_type.as_str(), message.payload());
        if headers.message_type.as_str() == "exception" {
            return Ok(UnmarshalledMessage::Error(Exception(exception(self.0, name, payload))));
        }
        let read = match self.0 {
            Api::InvokeModelWithResponseStream => invoked(name, payload),
            _ => conversed(name, payload),
        };
        let (meaning, text) = read.map_err(|error| FrameError::unmarshalling(format!("{name}: {error}")))?;
        let part = LeanPart { name: name.to_owned(), payload: payload.clone(), meaning, text };
        Ok(UnmarshalledMessage::Event(part))
    }
}

/// The exceptions that streams are declared to break with, by the names that frames and classifier have for them. One that is not
/// declared goes by what its payload calls it, if anything.
const DECLARED: [(&str, &str); 6] = [
    ("internalServerException", "InternalServerException"),
    ("modelStreamErrorException", "ModelStreamErrorException"),
    ("validationException", "ValidationException"),
    ("throttlingException", "ThrottlingException"),
    ("serviceUnavailableException", "ServiceUnavailableException"),
    ("modelTimeoutException", MODEL_TIMEOUT),
];
/// Not declared by ConverseStream.
const MODEL_TIMEOUT: &str = "ModelTimeoutException";

fn exception(api: Api, name: &str, payload: &[u8]) -> Refusal {
    let declared = DECLARED.iter().find(|(framed, _)| *framed == name).map(|(_, name)| *name);
    let declared =
        declared.filter(|name| *name != MODEL_TIMEOUT || api == Api::InvokeModelWithResponseStream);
    answer::said(declared, payload)
}

/// Of ConverseStream.
#[derive(Debug, Deserialize)]
struct DeltaEvent<'a> {
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tool_use: Option<ToolUse<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Reasoning<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ToolUse<'a> {
    #[serde(borrow)]
    input: Option<Cow<'a, str>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reasoning<'a> {
    #[serde(borrow)]
    text: Option<Cow<'a, str>>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    usage: Option<TokenUsage>,
}

type Read = Result<(Meaning, Option<String>), String>;

fn conversed(name: &str, payload: &[u8]) -> Read {
    let payload = answer::or_empty(payload);
    let wrong = |error: serde_json::Error| error.to_string();
    let any = || serde_json::from_slice::<Map<String, Value>>(payload).map_err(wrong);
    Ok(match name {
        "contentBlockDelta" => {
            let event: DeltaEvent<'_> = serde_json::from_slice(payload).map_err(wrong)?;
            let delta = event.delta.unwrap_or_default();
            let others = [
                delta.tool_use.as_ref().and_then(|tool| tool.input.as_ref()),
                delta.reasoning_content.as_ref().and_then(|reasoning| reasoning.text.as_ref()),
            ];
            let bytes = delta.text.iter().chain(others.into_iter().flatten()).map(|text| text.len()).sum();
            let meaning = Meaning { content: true, tokens: tokens_in(bytes), ..Meaning::default() };
            (meaning, delta.text.map(Cow::into_owned))
        }
        "messageStart" | "contentBlockStart" => {
            any()?;
            (Meaning { opening: true, ..Meaning::default() }, None)
        }
        "messageStop" => {
            any()?;
            (Meaning { end_mark: true, ..Meaning::default() }, None)
        }
        "contentBlockStop" => {
            any()?;
            (Meaning::default(), None)
        }
        "metadata" => {
            let event: Metadata = serde_json::from_slice(payload).map_err(wrong)?;
            (Meaning { usage: event.usage.map(Into::into), ..Meaning::default() }, None)
        }
        _ => (Meaning::default(), None),
    })
}

/// Of InvokeModelWithResponseStream: the model's own event inside of ours.
#[derive(Debug, Deserialize)]
struct Chunk<'a> {
    #[serde(borrow)]
    bytes: Option<Cow<'a, str>>,
}

fn invoked(name: &str, payload: &[u8]) -> Read {
    if name != "chunk" {
        return Ok((Meaning::default(), None));
    }
    let chunk: Chunk<'_> =
        serde_json::from_slice(answer::or_empty(payload)).map_err(|error| error.to_string())?;
    let bytes = chunk.bytes.unwrap_or_default();
    let event = base64::decode(&*bytes).map_err(|error| error.to_string())?;
    Ok((body::meaning(&event), None))
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::event_stream::{Header, HeaderValue};
    use serde_json::json;

    use super::*;
    use crate::request::Usage;

    fn message(kind: &str, typed: &str, name: &str, payload: &str) -> Message {
        let header =
            |name: &'static str, value: &str| Header::new(name, HeaderValue::String(value.to_owned().into()));
        let typed = if typed == ":event-type" { ":event-type" } else { ":exception-type" };
        Message::new(payload.to_owned())
            .add_header(header(":message-type", kind))
            .add_header(header(typed, name))
    }

    fn event(api: Api, name: &str, payload: &Value) -> LeanPart {
        let message = message("event", ":event-type", name, &payload.to_string());
        match Reader(api).unmarshall(&message).unwrap() {
            UnmarshalledMessage::Event(part) => part,
            UnmarshalledMessage::Error(error) => panic!("{error}"),
        }
    }

    #[test]
    fn deltas_are_content_and_count_by_their_bytes() {
        let delta =
            |delta: Value| event(Api::ConverseStream, "contentBlockDelta", &json!({ "delta": delta }));
        let table = [
            (json!({ "text": "twelve bytes" }), 3, Some("twelve bytes")),
            (json!({ "text": "a \"quoted\" one" }), 4, Some("a \"quoted\" one")),
            (json!({ "text": "" }), 1, Some("")),
            (json!({ "toolUse": { "input": "{\"a\":" } }), 2, None),
            (json!({ "reasoningContent": { "text": "hmm" } }), 1, None),
            (json!({ "reasoningContent": { "signature": "abc" } }), 1, None),
            (json!({ "somethingNew": {} }), 1, None),
        ];
        for (body, tokens, text) in table {
            let part = delta(body.clone());
            assert_eq!((part.meaning.content, part.meaning.tokens), (true, tokens), "{body}");
            assert_eq!(part.text(), text, "{body}");
        }
        assert_eq!(delta(json!({ "text": "Because it" })).without(8).text(), Some("it"));
    }

    #[test]
    fn what_surrounds_content_opens_ends_or_counts() {
        let part = |name: &str, payload: Value| event(Api::ConverseStream, name, &payload).meaning;
        assert!(part("messageStart", json!({ "role": "assistant" })).opening);
        assert!(part("messageStop", json!({ "stopReason": "end_turn" })).end_mark);
        let used =
            part("metadata", json!({ "usage": { "inputTokens": 7, "outputTokens": 9, "totalTokens": 16 } }));
        assert_eq!(used.usage, Some(Usage { input: 7, output: 9, ..Usage::default() }));
        assert_eq!(part("metadata", json!({})), Meaning::default());
        assert_eq!(part("somethingNew", json!({})), Meaning::default());
    }

    #[test]
    fn an_exception_is_known_by_its_frame_and_else_by_its_payload() {
        let told = |api, name: &str, payload: &str| {
            let message = message("exception", ":exception-type", name, payload);
            match Reader(api).unmarshall(&message).unwrap() {
                UnmarshalledMessage::Error(exception) => exception.refusal(),
                UnmarshalledMessage::Event(part) => panic!("{part:?}"),
            }
        };
        let throttled = told(Api::ConverseStream, "throttlingException", r#"{"message":"slow down"}"#);
        assert_eq!(
            (throttled.name.as_deref(), &*throttled.message),
            (Some("ThrottlingException"), "slow down")
        );
        let model = told(
            Api::ConverseStream,
            "modelStreamErrorException",
            r#"{"message":"x","originalStatusCode":503}"#,
        );
        assert_eq!(model.original_status, Some(503));
        assert_eq!(told(Api::ConverseStream, "modelTimeoutException", "{}").name, None);
        let named = told(Api::InvokeModelWithResponseStream, "modelTimeoutException", "{}").name;
        assert_eq!(named.as_deref(), Some("ModelTimeoutException"));
    }

    #[test]
    fn a_frame_that_is_neither_or_holds_no_json_is_refused() {
        let odd = message("error", ":event-type", "x", "{}");
        assert!(Reader(Api::ConverseStream).unmarshall(&odd).is_err());
        let cut = message("event", ":event-type", "contentBlockDelta", r#"{"delta":{"te"#);
        assert!(Reader(Api::ConverseStream).unmarshall(&cut).is_err());
        let cut = message("event", ":event-type", "chunk", r#"{"bytes":"?"}"#);
        assert!(Reader(Api::InvokeModelWithResponseStream).unmarshall(&cut).is_err());
    }
}
