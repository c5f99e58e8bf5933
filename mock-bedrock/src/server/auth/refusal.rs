//! What is said to a caller who is not let in. Names and texts are those of public reports; where one has only been
//! seen at other services of AWS, that is said.

use http::StatusCode;

use super::signature::{base64_sha256, stamp};
use crate::server::reply::{Layer, WireError};

fn front(name: &'static str, message: impl Into<String>) -> WireError {
    WireError::new(Layer::Front, StatusCode::FORBIDDEN, name, message.into())
}

fn iam(message: &'static str) -> WireError {
    WireError::new(Layer::Iam, StatusCode::FORBIDDEN, "AccessDeniedException", message)
}

pub fn missing() -> WireError {
    iam("Authorization header is missing")
}

/// An API key that nobody has, that has expired, or that belongs to another Region.
pub fn bad_api_key() -> WireError {
    iam("Authentication failed: Please make sure your API Key is valid.")
}

pub fn undecodable_api_key() -> WireError {
    iam("Invalid API Key format: Base64 decoding failed")
}

/// An access key id that nobody has; also a session token that is not the key's.
pub fn unknown_key() -> WireError {
    front("UnrecognizedClientException", "The security token included in the request is invalid.")
}

pub fn expired_token() -> WireError {
    front("ExpiredTokenException", "The security token included in the request is expired")
}

pub fn wrong_signature() -> WireError {
    front(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details.",
    )
}

/// Five minutes are the usual tolerance of AWS services.
pub const TOLERANCE_S: u64 = 5 * 60;

pub fn expired_signature(signed: u64, until: u64, now: u64, span_s: u64) -> WireError {
    let (signed, bound, now) = (stamp(signed), stamp(until), stamp(now));
    let minutes = span_s / 60;
    let text = format!("Signature expired: {signed} is now earlier than {bound} ({now} - {minutes} min.)");
    front("InvalidSignatureException", text)
}

pub fn not_yet(signed: u64, from: u64, now: u64) -> WireError {
    let (signed, bound, now) = (stamp(signed), stamp(from), stamp(now));
    let minutes = TOLERANCE_S / 60;
    let text =
        format!("Signature not yet current: {signed} is still later than {bound} ({now} + {minutes} min.)");
    front("InvalidSignatureException", text)
}

/// What an `Authorization` header lacks, each lack as one sentence. The header itself is only shown hashed.
pub fn incomplete(lacks: &[String], header: &str) -> WireError {
    let hash = base64_sha256(header.as_bytes());
    let text =
        format!("{} (Hashed with SHA-256 and encoded with Base64) Authorization={hash}", lacks.join(" "));
    front("IncompleteSignatureException", text)
}

/// A scope that is not for this service, Region or day; the texts are those of SigV4 at large.
pub fn wrong_scope(text: String) -> WireError {
    front("InvalidSignatureException", text)
}
