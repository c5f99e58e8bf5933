//! Meta Llama's native bodies: a prompt in, a generation out, no blocks.

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
struct Request {
    #[serde(default)]
    prompt: Option<String>,
    #[serde(default)]
    max_gen_len: Option<i64>,
}

/// What the model makes when nobody says (AWS: "Meta Llama models").
const MAX_GEN_LEN: i64 = 512;

pub(super) fn read(body: &[u8]) -> Result<Ask, Exception> {
    let request: Request = parse(body)?;
    let text = request.prompt.ok_or_else(|| malformed("#: required key [prompt] not found"))?;
    let mut prompt = Prompt::default();
    prompt.text(&text);
    let max_tokens = max_tokens(request.max_gen_len.or(Some(MAX_GEN_LEN)), "max_gen_len")?;
    let ask = Ask { max_tokens, ..Ask::default() }.with_prompt(&prompt)?;
    Ok(Ask { said: text, ..ask })
}

fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::MaxTokens => "length",
        _ => "stop",
    }
}

pub(super) fn whole(telling: &Telling) -> Value {
    json!({
        "generation": telling.text(),
        "prompt_token_count": telling.usage.input,
        "generation_token_count": telling.usage.output,
        "stop_reason": stop_reason(&telling.script.stop),
    })
}

/// The first event counts the prompt.
pub(super) fn events(telling: &Telling, beat: &Beat<'_>, send: &mut dyn FnMut(Value)) {
    match beat {
        Beat::Part { text, delta, tokens, .. } => send(json!({
            "generation": text,
            "prompt_token_count": (*delta == 0).then_some(telling.usage.input),
            "generation_token_count": tokens,
            "stop_reason": null,
        })),
        Beat::End => send(json!({
            "generation": "",
            "prompt_token_count": null,
            "generation_token_count": telling.usage.output,
            "stop_reason": stop_reason(&telling.script.stop),
            METRICS: telling.metrics(),
        })),
        Beat::Start | Beat::Open { .. } | Beat::Close { .. } => {}
    }
}
