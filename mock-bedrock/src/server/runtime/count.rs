//! CountTokens: the same count that inference would bill, free of quota.

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::{
    ask::{invalid, malformed, parse},
    families::{Dialect, converse},
};
use crate::{
    exception::Exception,
    server::{Site, caller::Caller, reply},
};

#[derive(Debug, Deserialize)]
struct Counted<'a> {
    #[serde(borrow)]
    input: Input<'a>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    #[serde(borrow, default)]
    converse: Option<converse::Request<'a>>,
    #[serde(default)]
    invoke_model: Option<Invoked>,
}

#[derive(Debug, Deserialize)]
struct Invoked {
    body: String,
}

pub(super) fn serve(site: &Site, model: &str, caller: &Caller, request: &Request<Bytes>) -> Response<Bytes> {
    let id = site.request_id();
    match count(site, model, caller, request.body()) {
        Ok(tokens) => reply::json(StatusCode::OK, &json!({ "inputTokens": tokens }), &id),
        Err(exception) => reply::error(&exception, &id),
    }
}

fn count(site: &Site, model: &str, caller: &Caller, body: &[u8]) -> Result<u32, Exception> {
    let (route, _) = site.lead(caller, model)?;
    let base = site.world.model_name(site.world.route_model(route));
    if Dialect::of_model(base) != Dialect::Claude {
        return Err(invalid("The provided model doesn't support counting tokens."));
    }
    let ask = match parse::<Counted<'_>>(body)?.input {
        Input { converse: Some(request), .. } => {
            if request.messages.iter().any(|message| message.role.0 == "user" && message.content.0.is_empty())
            {
                return Err(invalid("user messages must have non-empty content"));
            }
            request.ask()?
        }
        Input { invoke_model: Some(Invoked { body }), .. } => {
            let decoded = base64::prelude::BASE64_STANDARD.decode(body);
            Dialect::Claude.read(&decoded.map_err(|_| malformed("input.invokeModel.body is not base64"))?)?
        }
        _ => return Err(malformed("#/input: one of converse and invokeModel is required")),
    };
    Ok(ask.tokens)
}
