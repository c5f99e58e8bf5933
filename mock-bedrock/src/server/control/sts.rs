//! STS, for the one question that every client asks: who am I.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use sha2::{Digest, Sha256};

use super::{
    Ask,
    form::{escape, xml, xml_error},
};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

pub fn answer(ask: &Ask<'_>, request_id: &str) -> Response<Bytes> {
    let action = parameter(ask.request, "Action").unwrap_or_default();
    let version = parameter(ask.request, "Version").unwrap_or_default();
    match action.as_str() {
        "GetCallerIdentity" => xml(StatusCode::OK, identity(ask, request_id), request_id),
        "" => xml_error(StatusCode::BAD_REQUEST, "MissingAction", "No Action was specified", request_id),
        action => {
            let text = format!("Could not find operation {action} for version {version}");
            xml_error(StatusCode::BAD_REQUEST, "InvalidAction", &text, request_id)
        }
    }
}

fn identity(ask: &Ask<'_>, request_id: &str) -> String {
    let (arn, account) = (escape(&ask.caller.arn()), escape(&ask.caller.account));
    format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\">\n  <GetCallerIdentityResult>\n    <Arn>{arn}</Arn>\n    \
         <UserId>{}</UserId>\n    <Account>{account}</Account>\n  </GetCallerIdentityResult>\n  <ResponseMetadata>\n    \
         <RequestId>{request_id}</RequestId>\n  </ResponseMetadata>\n</GetCallerIdentityResponse>\n",
        user_id(&ask.caller.arn())
    )
}

/// In the form of a user's unique id, always the same for one user.
fn user_id(arn: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let digest = Sha256::digest(arn.as_bytes());
    let letters = digest.iter().take(17).map(|byte| char::from(LETTERS[usize::from(byte % 32)]));
    "AIDA".chars().chain(letters).collect()
}

/// A parameter of the form in the body, or of the query.
fn parameter(request: &Request<Bytes>, name: &str) -> Option<String> {
    let body = std::str::from_utf8(request.body()).ok()?;
    let all = if body.is_empty() { request.uri().query().unwrap_or_default() } else { body };
    let (_, value) = all.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    Some(crate::server::path::decode(value).unwrap_or_else(|| value.to_owned()))
}
