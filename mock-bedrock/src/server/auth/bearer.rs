//! Bedrock's API keys. A long-term one is looked up; a short-term one is a presigned request in disguise, and is checked
//! as the signature that it is.

use base64::Engine;
use bytes::Bytes;
use http::{Method, Request};

use super::{
    Holder,
    authorization::{Claim, Skew},
    canonical, check_token,
    credentials::CredentialsSpec,
    refusal, signature,
};
use crate::server::reply::WireError;

/// How a long-term key begins.
const LONG_TERM: &str = "ABSK";
/// How a short-term key begins.
const SHORT_TERM: &str = "bedrock-api-key-";

/// The token of a bearer header; its scheme may be written in any case.
pub fn token(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

pub fn check<'a>(
    known: &'a CredentialsSpec,
    token: &str,
    region: &str,
    unix_s: u64,
) -> Result<Holder<'a>, WireError> {
    if let Some(key) = known.api_keys.iter().find(|known| known.key.is(token)) {
        let elsewhere = key.region.as_deref().is_some_and(|own| own != region);
        let expired = key.expires_unix_s.is_some_and(|at| at <= unix_s);
        return if elsewhere || expired {
            Err(refusal::bad_api_key())
        } else {
            Ok(Holder::of_account(key.account.as_deref()))
        };
    }
    match token.strip_prefix(SHORT_TERM) {
        Some(encoded) => short_term(known, encoded, region, unix_s),
        None if token.strip_prefix(LONG_TERM).is_some_and(|rest| decode(rest).is_none()) => {
            Err(refusal::undecodable_api_key())
        }
        None => Err(refusal::bad_api_key()),
    }
}

fn decode(text: &str) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(text).ok()?;
    String::from_utf8(bytes).ok()
}

/// The key is the presigned URL of `POST https://bedrock.amazonaws.com/?Action=CallWithBearerToken`, less its scheme and
/// with a version behind it, in Base64.
fn short_term<'a>(
    known: &'a CredentialsSpec,
    encoded: &str,
    region: &str,
    unix_s: u64,
) -> Result<Holder<'a>, WireError> {
    let url = decode(encoded).ok_or_else(refusal::undecodable_api_key)?;
    let request = presigned(&url).ok_or_else(refusal::bad_api_key)?;
    let claim = Claim::read(&request).map_err(|_| refusal::bad_api_key())?;
    let key = known.access_key(claim.scope.access_key).ok_or_else(refusal::bad_api_key)?;
    let here = claim.scope.region == region && claim.scope.service == "bedrock";
    if !here || claim.skew(unix_s) != Skew::Near {
        return Err(refusal::bad_api_key());
    }
    check_token(key, claim.token.as_deref(), unix_s).map_err(|_| refusal::bad_api_key())?;
    let canonical = canonical::request(&request, &claim).ok_or_else(refusal::bad_api_key)?;
    let expected = signature::of(&key.secret, &claim.scope, claim.stamp, &canonical);
    if signature::same(&expected, &claim.signature) {
        Ok(Holder::of_account(key.account.as_deref()))
    } else {
        Err(refusal::bad_api_key())
    }
}

fn presigned(url: &str) -> Option<Request<Bytes>> {
    let url = url.strip_suffix("&Version=1").unwrap_or(url);
    let host = url.split(['/', '?']).next()?;
    if !url.contains("Action=CallWithBearerToken") {
        return None;
    }
    let uri = format!("https://{url}");
    Request::builder().method(Method::POST).uri(uri).header("host", host).body(Bytes::new()).ok()
}
