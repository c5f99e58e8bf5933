//! Mistral's native bodies: a prompt in, a list of outputs out.

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
    max_tokens: Option<i64>,
    #[serde(default)]
    stop: Vec<String>,
}

pub(super) fn read(body: &[u8]) -> Result<Ask, Exception> {
    let request: Request = parse(body)?;
    let text = request.prompt.ok_or_else(|| malformed("#: required key [prompt] not found"))?;
    let mut prompt = Prompt::default();
    prompt.text(&text);
    let ask = Ask {
        max_tokens: max_tokens(request.max_tokens, "max_tokens")?,
        stops: request.stop,
        ..Ask::default()
    };
    Ok(Ask { said: text.clone(), ..ask.with_prompt(&prompt)? })
}

fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::MaxTokens => "length",
        _ => "stop",
    }
}

fn outputs(text: &str, stop: Option<&Stop>) -> Value {
    json!({ "outputs": [{ "text": text, "stop_reason": stop.map(stop_reason) }] })
}

pub(super) fn whole(telling: &Telling) -> Value {
    outputs(&telling.text(), Some(&telling.script.stop))
}

pub(super) fn events(telling: &Telling, beat: &Beat<'_>, send: &mut dyn FnMut(Value)) {
    match beat {
        Beat::Part { text, .. } => send(outputs(text, None)),
        Beat::End => {
            let mut last = outputs("", Some(&telling.script.stop));
            last[METRICS] = telling.metrics();
            send(last);
        }
        Beat::Start | Beat::Open { .. } | Beat::Close { .. } => {}
    }
}
