//! What Bedrock sends, as bytes: JSON bodies and event-stream frames, written here and not with the mock's own code,
//! so that a mistake of one is not hidden by the other.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::{
    base64,
    event_stream::{Header, HeaderValue, Message},
};
use bytes::Bytes;
use richter_mock_bedrock::{
    engine::{Operation, Reported},
    exception::Exception,
};
use serde_json::{Value, json};

use super::{direct::WORD, service::BodyPart};

/// One frame. `kind` is `event` or `exception`.
pub fn frame(kind: &'static str, name: &str, payload: &Value) -> Bytes {
    let text = |name: &'static str, value: String| Header::new(name, HeaderValue::String(value.into()));
    let named = if kind == "event" { ":event-type" } else { ":exception-type" };
    let message = Message::new(payload.to_string())
        .add_header(text(named, name.to_owned()))
        .add_header(text(":content-type", "application/json".to_owned()))
        .add_header(text(":message-type", kind.to_owned()));
    let mut bytes = Vec::new();
    write_message_to(&message, &mut bytes).expect("a small message fits into a frame");
    bytes.into()
}

pub fn start() -> Bytes {
    frame("event", "messageStart", &json!({ "role": "assistant", "p": "abcd" }))
}

pub fn content(text: &str) -> Bytes {
    let payload = json!({ "contentBlockIndex": 0, "delta": { "text": text }, "p": "abc" });
    frame("event", "contentBlockDelta", &payload)
}

pub fn stop() -> Bytes {
    frame("event", "messageStop", &json!({ "stopReason": "end_turn", "p": "ab" }))
}

pub fn metadata(usage: Reported) -> Bytes {
    frame("event", "metadata", &json!({ "metrics": { "latencyMs": 7 }, "usage": tokens(usage) }))
}

/// An exception inside a stream: its name in lower camel case, and no code.
pub fn exception(exception: &Exception) -> Bytes {
    let mut name = exception.kind.name().to_owned();
    name[..1].make_ascii_lowercase();
    frame("exception", &name, &error_body(exception))
}

pub fn error_body(exception: &Exception) -> Value {
    let mut body = json!({ "message": exception.message });
    if let Some(status) = exception.original_status {
        body["originalStatusCode"] = status.into();
    }
    body
}

/// A whole answer to Converse.
pub fn answer(usage: Reported) -> Value {
    json!({
        "metrics": { "latencyMs": 7 },
        "output": { "message": { "role": "assistant", "content": [{ "text": "hello" }] } },
        "stopReason": "end_turn",
        "usage": tokens(usage),
    })
}

fn tokens(usage: Reported) -> Value {
    json!({
        "inputTokens": usage.input,
        "outputTokens": usage.output,
        "totalTokens": usage.input + usage.output,
        "cacheReadInputTokens": usage.cache_read,
        "cacheWriteInputTokens": usage.cache_write,
    })
}

/// In whose language a call's bodies are: Converse's own, or that of a model behind InvokeModel, here Anthropic's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Converse,
    Anthropic,
}

/// What a request says.
#[derive(Debug)]
pub struct Said {
    /// The request's number, which is its text.
    pub number: u64,
    pub max_tokens: Option<u32>,
    /// What the model is to go on from.
    pub prefill: Option<String>,
}

impl Language {
    pub const fn of(operation: Operation) -> Language {
        match operation {
            Operation::Converse | Operation::ConverseStream => Language::Converse,
            Operation::InvokeModel | Operation::InvokeModelWithResponseStream => Language::Anthropic,
        }
    }

    pub fn read(self, body: &Value) -> Said {
        let (max_tokens, text) = match self {
            Language::Converse => ("/inferenceConfig/maxTokens", "/content/0/text"),
            Language::Anthropic => ("/max_tokens", "/content"),
        };
        let texts: Vec<&str> = body["messages"]
            .as_array()
            .expect("messages")
            .iter()
            .map(|message| message.pointer(text).and_then(Value::as_str).expect("a text"))
            .collect();
        Said {
            number: texts[0].parse().expect("the text is the request's number"),
            max_tokens: body.pointer(max_tokens).and_then(Value::as_u64).map(|most| most as u32),
            prefill: texts.get(1).map(|text| (*text).to_owned()),
        }
    }

    /// A whole answer.
    pub fn answer(self, usage: Reported) -> Value {
        match self {
            Language::Converse => answer(usage),
            Language::Anthropic => json!({
                "role": "assistant",
                "content": [{ "type": "text", "text": "hello" }],
                "stop_reason": "end_turn",
                "usage": {
                    "input_tokens": usage.input,
                    "output_tokens": usage.output,
                    "cache_read_input_tokens": usage.cache_read,
                    "cache_creation_input_tokens": usage.cache_write,
                },
            }),
        }
    }

    /// One event of a stream that goes well.
    pub fn event(self, part: &BodyPart) -> Bytes {
        match (self, part) {
            (Language::Converse, BodyPart::Start) => start(),
            (Language::Converse, BodyPart::Content(tokens)) => content(&WORD.repeat(*tokens as usize)),
            (Language::Converse, BodyPart::Stop) => stop(),
            (Language::Converse, BodyPart::Usage(usage)) => metadata(*usage),
            (Language::Anthropic, BodyPart::Start) => chunk(&json!({ "type": "message_start" })),
            (Language::Anthropic, BodyPart::Content(tokens)) => {
                let delta = json!({ "type": "text_delta", "text": WORD.repeat(*tokens as usize) });
                chunk(&json!({ "type": "content_block_delta", "index": 0, "delta": delta }))
            }
            (Language::Anthropic, BodyPart::Stop) => {
                chunk(&json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" } }))
            }
            (Language::Anthropic, BodyPart::Usage(usage)) => chunk(&json!({
                "type": "message_stop",
                "amazon-bedrock-invocationMetrics": {
                    "inputTokenCount": usage.input,
                    "outputTokenCount": usage.output,
                    "cacheReadInputTokenCount": usage.cache_read,
                    "cacheWriteInputTokenCount": usage.cache_write,
                },
            })),
            (_, other) => panic!("{other:?} is no event of an answer that goes well"),
        }
    }
}

fn chunk(event: &Value) -> Bytes {
    frame("event", "chunk", &json!({ "bytes": base64::encode(event.to_string()), "p": "abc" }))
}
