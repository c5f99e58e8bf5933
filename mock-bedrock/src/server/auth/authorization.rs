//! What a request says of its signature, in its `Authorization` header or, presigned, in its query.

use bytes::Bytes;
use http::{HeaderMap, Request, header};

use super::{
    canonical::{query_pairs, query_value},
    refusal::{self, TOLERANCE_S},
    signature::{ALGORITHM, parse_stamp, stamp},
};
use crate::server::{
    caller::{Caller, Scope},
    reply::WireError,
};

/// A claim to be checked.
#[derive(Debug)]
pub struct Claim<'a> {
    pub scope: Scope<'a>,
    /// Names in lowercase, in the order in which they were signed.
    pub signed_headers: Vec<&'a str>,
    pub signature: String,
    /// When it was signed; seconds since 1970.
    pub stamp: u64,
    pub token: Option<String>,
    /// How long a presigned request counts.
    pub expires_s: Option<u64>,
}

/// How the moment of signing lies to the server's.
#[derive(Debug, PartialEq, Eq)]
pub enum Skew {
    Near,
    Early { from: u64 },
    Late { until: u64, span: u64 },
}

pub fn is_presigned<B>(request: &Request<B>) -> bool {
    request.uri().query().is_some_and(|query| query.contains("X-Amz-Signature="))
}

impl<'a> Claim<'a> {
    pub fn read(request: &'a Request<Bytes>) -> Result<Claim<'a>, WireError> {
        match request.headers().get(header::AUTHORIZATION) {
            // What is no text can only lack everything.
            Some(value) => Claim::of_header(value.to_str().unwrap_or_default(), request.headers()),
            None => Claim::of_query(request.uri().query().unwrap_or_default()),
        }
    }

    fn of_header(value: &'a str, headers: &'a HeaderMap) -> Result<Claim<'a>, WireError> {
        let parameters = value.strip_prefix(ALGORITHM).unwrap_or_default();
        let parameter = |name: &str| {
            let found = parameters
                .split(',')
                .map(str::trim)
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            found.filter(|text| !text.is_empty())
        };
        let (credential, signed) = (parameter("Credential"), parameter("SignedHeaders"));
        let signature = parameter("Signature");
        let date = text(headers, "x-amz-date").or_else(|| text(headers, "date"));
        let required = |name: &str| format!("Authorization header requires '{name}' parameter.");
        let (Some(credential), Some(signature), Some(signed), Some(date)) =
            (credential, signature, signed, date)
        else {
            let lacks = [
                credential.is_none().then(|| required("Credential")),
                signature.is_none().then(|| required("Signature")),
                signed.is_none().then(|| required("SignedHeaders")),
                date.is_none().then(|| {
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                        .to_owned()
                }),
            ];
            return Err(refusal::incomplete(&lacks.into_iter().flatten().collect::<Vec<_>>(), value));
        };
        Ok(Claim {
            scope: scope(credential, value)?,
            signed_headers: signed.split(';').collect(),
            signature: signature.to_owned(),
            stamp: moment(date, value)?,
            token: text(headers, "x-amz-security-token").map(str::to_owned),
            expires_s: None,
        })
    }

    /// The credential and the names of headers need no decoding beyond `%2F` and `%3B`, but they are borrowed; so a
    /// presigned request must be written plainly there, or as the SDKs write it.
    fn of_query(query: &'a str) -> Result<Claim<'a>, WireError> {
        let raw = |name: &str| query_pairs(query).find(|(key, _)| *key == name).map(|(_, value)| value);
        let decoded = |name: &str| query_value(query, name);
        let lacking = || {
            refusal::incomplete(
                &["AWS query-string parameters must include 'X-Amz-Algorithm', \
             'X-Amz-Credential', 'X-Amz-Signature', 'X-Amz-SignedHeaders' and 'X-Amz-Date'."
                    .to_owned()],
                query,
            )
        };
        let credential = raw("X-Amz-Credential").ok_or_else(lacking)?;
        let signed = raw("X-Amz-SignedHeaders").ok_or_else(lacking)?;
        let date = decoded("X-Amz-Date").ok_or_else(lacking)?;
        let expires = decoded("X-Amz-Expires").and_then(|text| text.parse().ok()).unwrap_or(TOLERANCE_S);
        Ok(Claim {
            scope: presigned_scope(credential).ok_or_else(lacking)?,
            signed_headers: signed.split("%3B").flat_map(|part| part.split(';')).collect(),
            signature: decoded("X-Amz-Signature").ok_or_else(lacking)?,
            stamp: moment(&date, query)?,
            token: decoded("X-Amz-Security-Token"),
            expires_s: Some(expires.min(PRESIGNED_MAX_S)),
        })
    }

    pub fn presigned(&self) -> bool {
        self.expires_s.is_some()
    }

    /// Whether the scope is for this day, Region and service, and the host is signed.
    pub fn check_scope(&self, request: &Request<Bytes>, caller: &Caller) -> Result<(), WireError> {
        let Scope { date, region, service, .. } = self.scope;
        let (iso, expected) = (stamp(self.stamp), service_of(request));
        if !iso.starts_with(date) || date.len() != 8 {
            let day = &iso[..8];
            return Err(refusal::wrong_scope(format!(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '{date}' \
                 != '{day}', from '{iso}'."
            )));
        }
        if region != caller.region {
            let text = format!("Credential should be scoped to a valid region, not '{region}'. ");
            return Err(refusal::wrong_scope(text));
        }
        if expected.is_some_and(|expected| expected != service) {
            let expected = expected.unwrap_or_default();
            let text = format!("Credential should be scoped to correct service: '{expected}'. ");
            return Err(refusal::wrong_scope(text));
        }
        if !["host", ":authority"].iter().any(|name| self.signed_headers.contains(name)) {
            let text = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.";
            return Err(refusal::wrong_scope(text.to_owned()));
        }
        Ok(())
    }

    pub fn skew(&self, now: u64) -> Skew {
        let span = self.expires_s.unwrap_or(TOLERANCE_S);
        if self.stamp > now + TOLERANCE_S {
            Skew::Early { from: now + TOLERANCE_S }
        } else if self.stamp.saturating_add(span) < now {
            Skew::Late { until: now - span, span }
        } else {
            Skew::Near
        }
    }
}

/// Seven days, the longest that AWS allows.
const PRESIGNED_MAX_S: u64 = 7 * 86_400;

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn scope<'a>(credential: &'a str, header: &str) -> Result<Scope<'a>, WireError> {
    Scope::parse(credential).ok_or_else(|| {
        let lack = "Credential must have exactly 5 slash-delimited elements, e.g. \
                    keyid/date/region/service/aws4_request.";
        refusal::incomplete(&[lack.to_owned()], header)
    })
}

/// The same, with the slashes encoded as query strings have them.
fn presigned_scope(credential: &str) -> Option<Scope<'_>> {
    let parts: Vec<&str> = credential.split("%2F").flat_map(|part| part.split('/')).collect();
    match parts[..] {
        [access_key, date, region, service, "aws4_request"] => {
            Some(Scope { access_key, date, region, service })
        }
        _ => None,
    }
}

fn moment(date: &str, header: &str) -> Result<u64, WireError> {
    parse_stamp(date).ok_or_else(|| {
        let lack = format!("Date must be in ISO-8601 'basic format'. Got '{date}'.");
        refusal::incomplete(&[lack], header)
    })
}

/// The service that a path belongs to; the others share `POST /` and are told apart by the scope itself.
fn service_of<B>(request: &Request<B>) -> Option<&'static str> {
    (request.uri().path() != "/").then_some("bedrock")
}
