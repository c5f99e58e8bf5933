//! What the service answered, in place of a stream: a whole answer, or an error. Read as the SDK reads it, so that the router
//! hears the same.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use serde_json::Value;

use super::LeanAnswer;
use crate::{
    live::{
        bedrock::{body, refusal},
        transport::{BoxError, Break, How, Opening, Refusal},
    },
    request::{Api, Usage},
};

/// Whole answers and errors are read up to this; more is no answer.
const BYTES_MAX: usize = 64 << 20;

/// What of an answer to Converse the router must know.
#[derive(Debug, Default, Deserialize)]
struct Converse {
    usage: Option<TokenUsage>,
}

/// As the service writes it, in whole answers and in streams.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct TokenUsage {
    input_tokens: Option<i32>,
    output_tokens: Option<i32>,
    cache_read_input_tokens: Option<i32>,
    cache_write_input_tokens: Option<i32>,
}

/// What went wrong, in the service's words.
#[derive(Debug, thiserror::Error)]
#[error("{}: {}", .0.name.as_deref().unwrap_or("an error without a name"), .0.message)]
struct Said(Refusal);

impl From<TokenUsage> for Usage {
    fn from(usage: TokenUsage) -> Usage {
        let count = |tokens: Option<i32>| tokens.and_then(|tokens| u32::try_from(tokens).ok()).unwrap_or(0);
        Usage {
            input: count(usage.input_tokens),
            output: count(usage.output_tokens),
            cache_read: count(usage.cache_read_input_tokens),
            cache_write: count(usage.cache_write_input_tokens),
        }
    }
}

/// The whole answer to a call that succeeded.
pub(super) async fn whole<S>(api: Api, response: HttpResponse) -> Result<Opening<LeanAnswer, S>, Break> {
    let kind = response.headers().get("content-type").map(str::to_owned);
    let body = read(response.into_body()).await.map_err(cut_off)?;
    let usage = match api {
        Api::Converse => {
            let answer: Result<Converse, _> = serde_json::from_slice(or_empty(&body));
            let answer = answer.map_err(|error| cut_off(error.into()))?;
            answer.usage.map(Usage::from).unwrap_or_default()
        }
        // Nothing else tells that a part of it is missing: the body is any bytes.
        _ => match body::usage(&body) {
            Some(usage) => usage,
            None if kind.is_some_and(|kind| kind.starts_with("application/json")) => {
                return Err(Break { how: How::Truncated, source: None });
            }
            None => Usage::default(),
        },
    };
    Ok(Opening::Whole { answer: LeanAnswer { body }, usage })
}

/// Nothing at all is read as an empty object.
pub(super) fn or_empty(body: &[u8]) -> &[u8] {
    if body.is_empty() { b"{}" } else { body }
}

/// The error in place of an answer.
pub(super) async fn refused(response: HttpResponse) -> Break {
    let status = response.status().as_u16();
    let headers = response.headers();
    let named = headers.get("x-amzn-errortype").map(str::to_owned);
    let retry_after_ms = headers.get(refusal::RETRY_AFTER).and_then(|ms| ms.trim().parse().ok());
    match read(response.into_body()).await {
        Err(error) => cut_off(error),
        Ok(body) => {
            // To the SDK an error without a name has no message either.
            let said = Some(said(named.as_deref(), &body)).filter(|said| said.name.is_some());
            let said = said.unwrap_or_default();
            broken(Refusal { status: Some(status), retry_after_ms, ..said })
        }
    }
}

/// What an error's name and body say. A body that is no JSON takes the name with it, as in the SDK.
pub(super) fn said(named: Option<&str>, body: &[u8]) -> Refusal {
    let body = match serde_json::from_slice::<Value>(body) {
        Ok(body) => body,
        Err(_) if body.is_empty() => Value::Null,
        Err(_) => return Refusal::default(),
    };
    let text = |keys: &[&str]| keys.iter().find_map(|key| body[*key].as_str());
    let name = named.or_else(|| text(&["code", "__type"])).map(bare);
    let tells_original = matches!(name, Some("ModelErrorException" | "ModelStreamErrorException"));
    let original = body["originalStatusCode"].as_u64().filter(|_| tells_original);
    Refusal {
        name: name.map(str::to_owned),
        message: text(&["message", "Message", "errorMessage"]).unwrap_or_default().to_owned(),
        original_status: original.and_then(|status| u16::try_from(status).ok()),
        ..Refusal::default()
    }
}

/// Without the address behind it and the namespace before it.
fn bare(name: &str) -> &str {
    let name = name.split(':').next().unwrap_or(name);
    name.split_once('#').map_or(name, |(_, name)| name)
}

pub(super) fn broken(refusal: Refusal) -> Break {
    Break { how: How::Refused(refusal.clone()), source: Some(Box::new(Said(refusal))) }
}

fn cut_off(error: BoxError) -> Break {
    Break { how: How::Truncated, source: Some(error) }
}

async fn read(body: SdkBody) -> Result<Bytes, BoxError> {
    Ok(Limited::new(body, BYTES_MAX).collect().await?.to_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_named_by_its_header_or_its_body() {
        let body = br#"{"message":"Too many requests"}"#;
        let said = |named, body: &[u8]| {
            let Refusal { name, message, .. } = said(named, body);
            (name.unwrap_or_default(), message)
        };
        let throttled = ("ThrottlingException".to_owned(), "Too many requests".to_owned());
        assert_eq!(said(Some("ThrottlingException"), body), throttled);
        assert_eq!(said(Some("ThrottlingException:http://internal.amazon.com/"), body), throttled);
        let typed = br#"{"__type":"com.amazon#ThrottlingException","Message":"Too many requests"}"#;
        assert_eq!(said(None, typed), throttled);
        assert_eq!(said(Some("ThrottlingException"), b"").0, "ThrottlingException");
        assert_eq!(said(Some("ThrottlingException"), b"<html>"), <(String, String)>::default());
    }

    #[test]
    fn only_errors_of_the_model_s_own_server_have_a_status_of_it() {
        let body = br#"{"message":"x","originalStatusCode":503}"#;
        assert_eq!(said(Some("ModelErrorException"), body).original_status, Some(503));
        assert_eq!(said(Some("ThrottlingException"), body).original_status, None);
    }
}
