//! What Bedrock sends, as bytes: JSON bodies and event-stream frames, written here and not with the mock's own code,
//! so that a mistake of one is not hidden by the other.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use richter_mock_bedrock::{engine::Reported, exception::Exception};
use serde_json::{Value, json};

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
