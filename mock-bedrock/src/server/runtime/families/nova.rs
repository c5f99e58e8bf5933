//! Amazon Nova's native bodies, schema `messages-v1`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Beat, METRICS, Telling,
    converse::{force, max_tokens, stop_reason, tool_input, tools},
};
use crate::{
    exception::Exception,
    server::runtime::{
        ask::{Ask, Force, check_conversation, malformed, parse},
        body::{Content, Message, ToolConfig},
        prompt::Prompt,
        script::{Block, Kind},
    },
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
    #[serde(borrow, default)]
    system: Content<'a>,
    #[serde(default)]
    inference_config: Config,
    #[serde(borrow, default)]
    tool_config: Option<ToolConfig<'a>>,
}

/// Both spellings of the limit are in use.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    #[serde(alias = "max_new_tokens")]
    max_tokens: Option<i64>,
    #[serde(alias = "stop_sequences")]
    stop_sequences: Vec<String>,
    reasoning_config: Option<Reasoning>,
}

#[derive(Debug, Deserialize)]
struct Reasoning {
    #[serde(rename = "type")]
    kind: String,
}

pub(super) fn read(body: &[u8]) -> Result<Ask, Exception> {
    let request: Request<'_> = parse(body)?;
    if request.messages.is_empty() {
        return Err(malformed("#: required key [messages] not found"));
    }
    check_conversation(&request.messages)?;
    let mut prompt = Prompt::default();
    request.tool_config.iter().for_each(|config| prompt.tools(config));
    prompt.content(&request.system);
    prompt.messages(&request.messages);
    let config = &request.inference_config;
    let ask = Ask {
        max_tokens: max_tokens(config.max_tokens, "inferenceConfig.maxTokens")?,
        stops: config.stop_sequences.clone(),
        tools: request.tool_config.iter().flat_map(tools).collect(),
        force: request.tool_config.as_ref().map_or(Force::Auto, |config| force(&config.tool_choice)),
        reasoning: config.reasoning_config.as_ref().is_some_and(|switch| switch.kind != "disabled"),
        ..Ask::default()
    };
    Ok(ask.with_prompt(&prompt)?.with_last(&request.messages))
}

pub(super) fn whole(telling: &Telling) -> Value {
    let content: Vec<Value> = telling.script.blocks.iter().map(|block| said(telling, block)).collect();
    json!({
        "output": { "message": { "content": content, "role": "assistant" } },
        "stopReason": stop_reason(&telling.script.stop),
        "usage": usage(telling),
    })
}

fn said(telling: &Telling, block: &Block) -> Value {
    match &block.kind {
        Kind::Text => json!({ "text": block.whole() }),
        Kind::Reasoning => {
            let text = json!({ "text": block.whole(), "signature": telling.signature() });
            json!({ "reasoningContent": { "reasoningText": text } })
        }
        Kind::Tool { id, name } => {
            json!({ "toolUse": { "toolUseId": id, "name": name, "input": tool_input(block) } })
        }
    }
}

fn usage(telling: &Telling) -> Value {
    let usage = &telling.usage;
    let mut body =
        json!({ "inputTokens": usage.input, "outputTokens": usage.output, "totalTokens": usage.total() });
    if usage.cached {
        body["cacheReadInputTokenCount"] = usage.read.into();
        body["cacheWriteInputTokenCount"] = usage.write.into();
    }
    body
}

/// Each delta of text is a block of its own in the numbering of the events.
pub(super) fn events(telling: &Telling, beat: &Beat<'_>, send: &mut dyn FnMut(Value)) {
    match beat {
        Beat::Start => send(json!({ "messageStart": { "role": "assistant" } })),
        Beat::Open { index, block } => {
            if let Kind::Tool { id, name } = &block.kind {
                let start = json!({ "toolUse": { "toolUseId": id, "name": name } });
                send(json!({ "contentBlockStart": { "start": start, "contentBlockIndex": index } }));
            }
        }
        Beat::Part { index, block, text, delta: nth, .. } => {
            let delta = match &block.kind {
                Kind::Text => json!({ "text": text }),
                Kind::Reasoning => json!({ "reasoningContent": { "text": text } }),
                Kind::Tool { .. } => json!({ "toolUse": { "input": text } }),
            };
            let numbered = block.kind == Kind::Text;
            let place = if numbered { *nth as usize } else { *index };
            send(json!({ "contentBlockDelta": { "delta": delta, "contentBlockIndex": place } }));
            if numbered {
                send(json!({ "contentBlockStop": { "contentBlockIndex": place } }));
            }
        }
        Beat::Close { index, block } => {
            if block.kind != Kind::Text {
                send(json!({ "contentBlockStop": { "contentBlockIndex": index } }));
            }
        }
        Beat::End => {
            send(json!({ "messageStop": { "stopReason": stop_reason(&telling.script.stop) } }));
            let metadata = json!({ "usage": usage(telling), "metrics": {}, "trace": {} });
            send(json!({ "metadata": metadata, METRICS: telling.metrics() }));
        }
    }
}
