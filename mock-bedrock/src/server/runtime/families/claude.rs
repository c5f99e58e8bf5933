//! Anthropic Claude's Messages, as InvokeModel takes them.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use super::{
    Beat, METRICS, Telling,
    converse::{max_tokens, stop_reason, tool_input},
};
use crate::{
    exception::Exception,
    server::runtime::{
        ask::{Ask, Force, Tool, malformed, parse},
        body::{CachePoint, Content, Message, Text},
        prompt::Prompt,
        script::{Block, Kind, Stop},
    },
};

#[derive(Debug, Deserialize)]
struct Request<'a> {
    #[serde(borrow, default)]
    anthropic_version: Option<Text<'a>>,
    #[serde(default)]
    max_tokens: Option<i64>,
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    system: Content<'a>,
    #[serde(default)]
    stop_sequences: Vec<String>,
    #[serde(borrow, default)]
    tools: Vec<OfferedTool<'a>>,
    #[serde(default)]
    tool_choice: Option<Choice>,
    #[serde(default)]
    thinking: Option<Switch>,
}

#[derive(Debug, Deserialize)]
struct OfferedTool<'a> {
    name: String,
    #[serde(borrow, default)]
    description: Option<Text<'a>>,
    #[serde(borrow, default)]
    input_schema: Option<&'a RawValue>,
    #[serde(default)]
    cache_control: Option<CachePoint>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Switch {
    #[serde(rename = "type")]
    kind: String,
}

pub(super) fn read(body: &[u8]) -> Result<Ask, Exception> {
    let request: Request<'_> = parse(body)?;
    request.check()?;
    let mut prompt = Prompt::default();
    for tool in &request.tools {
        prompt.text(&tool.name);
        tool.description.iter().for_each(|text| prompt.text(&text.0));
        tool.input_schema.iter().for_each(|json| prompt.text(json.get()));
        prompt.point(tool.cache_control);
    }
    prompt.content(&request.system);
    prompt.messages(&request.messages);
    let tool = |tool: &OfferedTool<'_>| Tool {
        name: tool.name.clone(),
        schema: tool.input_schema.map(|json| json.get().to_owned()),
    };
    let ask = Ask {
        max_tokens: max_tokens(request.max_tokens, "max_tokens")?,
        stops: request.stop_sequences.clone(),
        tools: request.tools.iter().map(tool).collect(),
        force: request.tool_choice.as_ref().map_or(Force::Auto, force),
        reasoning: request.thinking.as_ref().is_some_and(|switch| switch.kind != "disabled"),
        ..Ask::default()
    };
    Ok(ask.with_prompt(&prompt)?.with_last(&request.messages))
}

impl Request<'_> {
    fn check(&self) -> Result<(), Exception> {
        match &self.anthropic_version {
            None => return Err(malformed("#: required key [anthropic_version] not found")),
            Some(version) if version.0 != "bedrock-2023-05-31" => {
                return Err(malformed(&format!(
                    "#/anthropic_version: {} is not a valid enum value",
                    version.0
                )));
            }
            _ => {}
        }
        if self.max_tokens.is_none() {
            return Err(malformed("#: required key [max_tokens] not found"));
        }
        if self.messages.is_empty() {
            return Err(malformed("#: required key [messages] not found"));
        }
        if self.messages[0].role.0 != "user" {
            return Err(malformed("messages: first message must use the \"user\" role"));
        }
        Ok(())
    }
}

fn force(choice: &Choice) -> Force {
    match (&*choice.kind, &choice.name) {
        ("any", _) => Force::Any,
        ("tool", Some(name)) => Force::Tool(name.clone()),
        ("none", _) => Force::Never,
        _ => Force::Auto,
    }
}

pub(super) fn whole(telling: &Telling) -> Value {
    let content: Vec<Value> = telling.script.blocks.iter().map(|block| said(telling, block)).collect();
    let mut usage = usage(telling);
    usage["output_tokens"] = telling.usage.output.into();
    json!({
        "model": short_name(&telling.model),
        "id": id(telling),
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": stop_reason(&telling.script.stop),
        "stop_sequence": sequence(&telling.script.stop),
        "usage": usage,
    })
}

fn said(telling: &Telling, block: &Block) -> Value {
    match &block.kind {
        Kind::Text => json!({ "type": "text", "text": block.whole() }),
        Kind::Reasoning => {
            json!({ "type": "thinking", "thinking": block.whole(), "signature": telling.signature() })
        }
        Kind::Tool { id, name } => {
            json!({ "type": "tool_use", "id": native_id(id), "name": name, "input": tool_input(block) })
        }
    }
}

/// The ids of Converse begin otherwise.
fn native_id(id: &str) -> String {
    id.replacen("tooluse_", "toolu_bdrk_", 1)
}

/// Without the count of output tokens, which differs from event to event.
fn usage(telling: &Telling) -> Value {
    let usage = &telling.usage;
    let mut body = json!({ "input_tokens": usage.input });
    if usage.cached {
        body["cache_creation_input_tokens"] = usage.write.into();
        body["cache_read_input_tokens"] = usage.read.into();
        body["cache_creation"] = json!({
            "ephemeral_5m_input_tokens": usage.write.saturating_sub(usage.write_1h),
            "ephemeral_1h_input_tokens": usage.write_1h,
        });
    }
    body
}

fn id(telling: &Telling) -> String {
    telling.id("msg_bdrk_", 24)
}

/// `anthropic.claude-3-haiku-20240307-v1:0` calls itself `claude-3-haiku-20240307`.
fn short_name(model: &str) -> Cow<'_, str> {
    let name = model.rsplit_once("anthropic.").map_or(model, |(_, name)| name);
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    let version =
        name.rsplit_once("-v").filter(|(_, version)| version.bytes().all(|byte| byte.is_ascii_digit()));
    Cow::Borrowed(version.map_or(name, |(name, _)| name))
}

fn sequence(stop: &Stop) -> Value {
    match stop {
        Stop::Sequence(sequence) => sequence.clone().into(),
        _ => Value::Null,
    }
}

pub(super) fn events(telling: &Telling, beat: &Beat<'_>, send: &mut dyn FnMut(Value)) {
    match beat {
        Beat::Start => {
            let mut usage = usage(telling);
            usage["output_tokens"] = 1.into();
            let message = json!({
                "model": short_name(&telling.model), "id": id(telling), "type": "message", "role": "assistant",
                "content": [], "stop_reason": null, "stop_sequence": null, "usage": usage,
            });
            send(json!({ "type": "message_start", "message": message }));
        }
        Beat::Open { index, block } => {
            let start = match &block.kind {
                Kind::Text => json!({ "type": "text", "text": "" }),
                Kind::Reasoning => json!({ "type": "thinking", "thinking": "", "signature": "" }),
                Kind::Tool { id, name } => {
                    json!({ "type": "tool_use", "id": native_id(id), "name": name, "input": {} })
                }
            };
            send(json!({ "type": "content_block_start", "index": index, "content_block": start }));
        }
        Beat::Part { index, block, text, .. } => {
            let delta = match &block.kind {
                Kind::Text => json!({ "type": "text_delta", "text": text }),
                Kind::Reasoning => json!({ "type": "thinking_delta", "thinking": text }),
                Kind::Tool { .. } => json!({ "type": "input_json_delta", "partial_json": text }),
            };
            send(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        }
        Beat::Close { index, block } => {
            if block.kind == Kind::Reasoning {
                let delta = json!({ "type": "signature_delta", "signature": telling.signature() });
                send(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
            }
            send(json!({ "type": "content_block_stop", "index": index }));
        }
        Beat::End => {
            let stop = &telling.script.stop;
            send(json!({
                "type": "message_delta",
                "delta": { "stop_reason": stop_reason(stop), "stop_sequence": sequence(stop) },
                "usage": { "output_tokens": telling.usage.output },
            }));
            send(json!({ "type": "message_stop", METRICS: telling.metrics() }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_calls_itself_by_its_short_name() {
        let table = [
            ("anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku-20240307"),
            ("anthropic.claude-opus-4-7", "claude-opus-4-7"),
            ("us.anthropic.claude-v2:1", "claude"),
            ("m", "m"),
        ];
        for (model, name) in table {
            assert_eq!(short_name(model), name);
        }
    }
}
