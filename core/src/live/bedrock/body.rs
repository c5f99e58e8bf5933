//! What bodies of InvokeModel say, in the languages of the models: Anthropic's messages, Amazon Nova and Titan, Meta
//! Llama. A body in none of them is passed on as it is, and nothing is known of it.
//!
//! The end of every stream carries Bedrock's own `amazon-bedrock-invocationMetrics`, whatever the model.
//!
//! Source: Amazon Bedrock user guide, "Inference request parameters and response fields for foundation models".

use serde_json::Value;

use super::converse::BYTES_PER_TOKEN;
use crate::{live::transport::Meaning, request::Usage};

const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// Where models have their limit on the answer's length.
const LIMITS: [&str; 5] = [
    "/max_tokens",
    "/inferenceConfig/maxTokens",
    "/inferenceConfig/max_new_tokens",
    "/max_gen_len",
    "/textGenerationConfig/maxTokenCount",
];

/// Where they count input, output, and tokens read from and written to the cache.
const COUNTS: [[&str; 4]; 4] = [
    [
        "/usage/input_tokens",
        "/usage/output_tokens",
        "/usage/cache_read_input_tokens",
        "/usage/cache_creation_input_tokens",
    ],
    [
        "/usage/inputTokens",
        "/usage/outputTokens",
        "/usage/cacheReadInputTokenCount",
        "/usage/cacheWriteInputTokenCount",
    ],
    ["/prompt_token_count", "/generation_token_count", "", ""],
    ["/inputTextTokenCount", "/results/0/tokenCount", "", ""],
];
const METRIC_COUNTS: [&str; 4] = [
    "/amazon-bedrock-invocationMetrics/inputTokenCount",
    "/amazon-bedrock-invocationMetrics/outputTokenCount",
    "/amazon-bedrock-invocationMetrics/cacheReadInputTokenCount",
    "/amazon-bedrock-invocationMetrics/cacheWriteInputTokenCount",
];

/// Where the events of a stream have their text: what is said, thought, or written for a tool.
const TEXTS: [&str; 8] = [
    "/delta/text",
    "/delta/thinking",
    "/delta/partial_json",
    "/contentBlockDelta/delta/text",
    "/contentBlockDelta/delta/toolUse/input",
    "/generation",
    "/outputText",
    "/completion",
];

/// Events of a stream that carry no content. Any other does: content that is taken for something else would be held
/// back until the end.
const WITHOUT_CONTENT: [&str; 6] =
    ["message_start", "content_block_start", "content_block_stop", "message_delta", "message_stop", "ping"];
const WITHOUT_CONTENT_KEYS: [&str; 5] =
    ["messageStart", "contentBlockStart", "contentBlockStop", "messageStop", "metadata"];

/// The limit on the answer's length that a request's body sets.
pub(super) fn max_tokens(body: &[u8]) -> Option<u32> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let limit = LIMITS.iter().find_map(|place| body.pointer(place)?.as_u64())?;
    u32::try_from(limit).ok()
}

/// The same body with another limit, if it has one.
pub(in crate::live) fn limited(body: &[u8], most: u32) -> Option<Vec<u8>> {
    let mut body: Value = serde_json::from_slice(body).ok()?;
    let place = LIMITS.iter().find(|place| body.pointer(place).is_some())?;
    *body.pointer_mut(place)? = most.into();
    serde_json::to_vec(&body).ok()
}

/// What an answer's body says it used, nothing if it does not say; `None` for what is no JSON, or not all of it.
pub(in crate::live) fn usage(body: &[u8]) -> Option<Usage> {
    let body: Value = serde_json::from_slice(body).ok()?;
    Some(COUNTS.iter().find_map(|places| counts(&body, places)).unwrap_or_default())
}

/// What one event of a stream means.
pub(in crate::live) fn meaning(event: &[u8]) -> Meaning {
    let Ok(event) = serde_json::from_slice::<Value>(event) else {
        return Meaning { content: true, tokens: 1, ..Meaning::default() };
    };
    let ends =
        event.get(METRICS).is_some() || event["type"] == "message_stop" || event.get("messageStop").is_some();
    let content = has_content(&event);
    let tokens = if content { tokens(&event) } else { 0 };
    Meaning { content, tokens, end_mark: ends, usage: counts(&event, &METRIC_COUNTS), ..Meaning::default() }
}

fn has_content(event: &Value) -> bool {
    let text = ["generation", "outputText", "completion"].iter().find_map(|key| event[key].as_str());
    if let Some(text) = text {
        return !text.is_empty();
    }
    let by_type = event["type"].as_str().is_some_and(|kind| WITHOUT_CONTENT.contains(&kind));
    let by_key = WITHOUT_CONTENT_KEYS.iter().any(|key| event.get(key).is_some());
    !by_type && !by_key
}

/// As many as the bytes of its texts make, and at least one: content whose language is not known counts for one.
fn tokens(event: &Value) -> u32 {
    let bytes = TEXTS.iter().filter_map(|place| event.pointer(place)?.as_str()).map(str::len).sum::<usize>();
    u32::try_from(bytes.div_ceil(BYTES_PER_TOKEN)).unwrap_or(u32::MAX).max(1)
}

fn counts(body: &Value, [input, output, cache_read, cache_write]: &[&str; 4]) -> Option<Usage> {
    let count = |place: &str| {
        let count = body.pointer(place).filter(|_| !place.is_empty())?.as_u64()?;
        u32::try_from(count).ok()
    };
    Some(Usage {
        input: count(input)?,
        output: count(output)?,
        cache_read: count(cache_read).unwrap_or(0),
        cache_write: count(cache_write).unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_limit_on_the_answer_is_read_and_replaced_in_every_language() {
        let bodies = [
            json!({ "max_tokens": 512, "messages": [] }),
            json!({ "inferenceConfig": { "maxTokens": 512 } }),
            json!({ "inferenceConfig": { "max_new_tokens": 512 } }),
            json!({ "prompt": "", "max_gen_len": 512 }),
            json!({ "textGenerationConfig": { "maxTokenCount": 512 } }),
        ];
        for body in bodies {
            let bytes = body.to_string().into_bytes();
            assert_eq!(max_tokens(&bytes), Some(512), "{body}");
            let smaller = limited(&bytes, 64).unwrap();
            assert_eq!(max_tokens(&smaller), Some(64), "{body}");
        }
        assert_eq!(limited(b"{\"prompt\":\"x\"}", 64), None);
        assert_eq!((max_tokens(b"not json"), max_tokens(b"")), (None, None));
    }

    #[test]
    fn usage_is_read_in_every_language() {
        let cached = Usage { input: 7, output: 9, cache_read: 3, cache_write: 1 };
        let plain = Usage { cache_read: 0, cache_write: 0, ..cached };
        let claude = json!({ "usage": {
            "input_tokens": 7, "output_tokens": 9, "cache_read_input_tokens": 3,
            "cache_creation_input_tokens": 1,
        }});
        let nova = json!({ "usage": { "inputTokens": 7, "outputTokens": 9, "totalTokens": 16 } });
        let llama = json!({ "prompt_token_count": 7, "generation_token_count": 9, "generation": "x" });
        let titan = json!({ "inputTextTokenCount": 7, "results": [{ "tokenCount": 9 }] });
        for (body, expected) in [(claude, cached), (nova, plain), (llama, plain), (titan, plain)] {
            assert_eq!(usage(body.to_string().as_bytes()), Some(expected), "{body}");
        }
        assert_eq!(usage(b"???"), None);
        assert_eq!(usage(b"{}"), Some(Usage::default()));
    }

    #[test]
    fn content_is_told_from_what_surrounds_it_and_the_end_from_both() {
        let metrics = json!({ "inputTokenCount": 7, "outputTokenCount": 9 });
        let (content, end) = (true, true);
        let table = [
            (json!({ "type": "message_start", "message": {} }), !content, !end),
            (json!({ "type": "content_block_start" }), !content, !end),
            (json!({ "type": "content_block_delta", "delta": { "text": "a" } }), content, !end),
            (json!({ "type": "message_delta" }), !content, !end),
            (json!({ "type": "message_stop", METRICS: metrics }), !content, end),
            (json!({ "messageStart": { "role": "assistant" } }), !content, !end),
            (json!({ "contentBlockDelta": { "delta": { "text": "a" } } }), content, !end),
            (json!({ "messageStop": { "stopReason": "end_turn" } }), !content, end),
            (json!({ "metadata": {}, METRICS: metrics }), !content, end),
            (json!({ "generation": "" }), !content, !end),
            (json!({ "generation": "a" }), content, !end),
            (json!({ "outputText": "all of it", METRICS: metrics }), content, end),
            (json!({ "anything": "else" }), content, !end),
        ];
        for (event, content, end_mark) in table {
            let read = meaning(event.to_string().as_bytes());
            assert_eq!((read.content, read.end_mark), (content, end_mark), "{event}");
            assert_eq!(read.usage.is_some(), event.get(METRICS).is_some(), "{event}");
        }
        assert!(meaning(b"\xff").content);
    }
}
