//! Amazon Titan Text's native bodies.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Beat, METRICS, Telling, converse::max_tokens};
use crate::{
    exception::Exception,
    server::runtime::{
        ask::{Ask, malformed, parse},
        prompt::Prompt,
        script::Stop,
    },
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(default)]
    input_text: Option<String>,
    #[serde(default)]
    text_generation_config: Config,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    max_token_count: Option<i64>,
    stop_sequences: Vec<String>,
}

pub(super) fn read(body: &[u8]) -> Result<Ask, Exception> {
    let request: Request = parse(body)?;
    let text = request.input_text.ok_or_else(|| malformed("#: required key [inputText] not found"))?;
    let mut prompt = Prompt::default();
    prompt.text(&text);
    let config = request.text_generation_config;
    let ask = Ask {
        max_tokens: max_tokens(config.max_token_count, "textGenerationConfig.maxTokenCount")?,
        stops: config.stop_sequences,
        ..Ask::default()
    };
    Ok(Ask { said: text.clone(), ..ask.with_prompt(&prompt)? })
}

fn reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::MaxTokens => "LENGTH",
        Stop::Sequence(_) => "STOP_CRITERIA_MET",
        Stop::EndTurn | Stop::ToolUse => "FINISH",
    }
}

pub(super) fn whole(telling: &Telling) -> Value {
    let result = json!({
        "tokenCount": telling.usage.output,
        "outputText": telling.text(),
        "completionReason": reason(&telling.script.stop),
    });
    json!({ "inputTextTokenCount": telling.usage.input, "results": [result] })
}

/// The last piece of text is the last event: nothing follows it.
pub(super) fn events(telling: &Telling, beat: &Beat<'_>, send: &mut dyn FnMut(Value)) {
    match beat {
        Beat::Part { text, tokens, last, .. } => send(event(telling, text, last.then_some(*tokens))),
        Beat::End if telling.script.tokens() == 0 => send(event(telling, "", Some(0))),
        Beat::Start | Beat::Open { .. } | Beat::Close { .. } | Beat::End => {}
    }
}

/// `total` is there on the last event alone.
fn event(telling: &Telling, text: &str, total: Option<u32>) -> Value {
    let mut event = json!({
        "outputText": text,
        "index": 0,
        "totalOutputTextTokenCount": total,
        "completionReason": total.map(|_| reason(&telling.script.stop)),
        "inputTextTokenCount": total.map(|_| telling.usage.input),
    });
    if total.is_some() {
        event[METRICS] = telling.metrics();
    }
    event
}
