//! From an attempt's ending to its failure: the exception's name decides first, its message second, the status last.
//!
//! The order matters. One status has several meanings (429 is both a throttle and a cold model), and messages
//! overlap: "too many tokens" is a throttle, and an overlong prompt is told in almost the same words.
//!
//! Sources: the API model of bedrock-runtime; AWS: Troubleshooting Amazon Bedrock API Error Codes.

use super::{
    AttemptEnd, ErrorReply, Failure, Phase, ThrottleScope, Timer,
    message::{self, Theme},
    name::{self, Name},
};
use crate::request::Usage;

/// What an attempt's ending means: the answer's usage, or the failure.
pub fn classify(end: &AttemptEnd<'_>) -> Result<Usage, Failure> {
    match end {
        AttemptEnd::Complete(usage) => Ok(*usage),
        AttemptEnd::Error(reply) => Err(of_reply(reply)),
        AttemptEnd::Truncated => Err(Failure::StreamBroken),
        AttemptEnd::Transport(phase) => Err(Failure::Transport(*phase)),
        AttemptEnd::TimedOut(timer) => Err(Failure::Timeout(*timer)),
    }
}

fn of_reply(reply: &ErrorReply<'_>) -> Failure {
    match reply.name.and_then(name::known) {
        Some(name) => by_name(name, reply),
        None => by_message(reply).unwrap_or_else(|| by_status(reply)),
    }
}

fn by_name(name: Name, reply: &ErrorReply<'_>) -> Failure {
    let retry_after_ms = reply.retry_after_ms;
    match name {
        Name::Throttling => throttle(reply),
        Name::ModelNotReady | Name::Capacity => Failure::Capacity { retry_after_ms },
        Name::ServerFault => Failure::ServerFault { retry_after_ms },
        Name::ModelTimeout => Failure::Timeout(Timer::Model),
        Name::RequestTimeout => Failure::Transport(Phase::Await),
        Name::ModelError => by_original_status(reply),
        Name::ModelStreamError => Failure::StreamBroken,
        Name::QuotaHard => Failure::QuotaHard,
        Name::AccessDenied => match message::theme(reply.message) {
            Some(Theme::Credential) => Failure::Credential,
            _ => Failure::Access,
        },
        Name::Credential => Failure::Credential,
        Name::ModelUnavailable => Failure::ModelUnavailable,
        Name::Validation => by_validation_text(reply.message),
        Name::BadRequest => Failure::BadRequest,
    }
}

/// A validation error covers everything from a typing mistake to a model that is not offered this way.
fn by_validation_text(text: &str) -> Failure {
    match message::theme(text) {
        Some(Theme::ContextWindow) => Failure::ContextWindow,
        Some(Theme::Content) => Failure::Content,
        Some(Theme::ModelUnavailable) => Failure::ModelUnavailable,
        _ => Failure::BadRequest,
    }
}

/// `None` if the text tells nothing.
fn by_message(reply: &ErrorReply<'_>) -> Option<Failure> {
    let retry_after_ms = reply.retry_after_ms;
    Some(match message::theme(reply.message)? {
        Theme::Throttle(scope) => Failure::Throttle { scope, retry_after_ms },
        Theme::Capacity => Failure::Capacity { retry_after_ms },
        Theme::ServerFault => Failure::ServerFault { retry_after_ms },
        Theme::Credential => Failure::Credential,
        Theme::Access => Failure::Access,
        Theme::ModelUnavailable => Failure::ModelUnavailable,
        Theme::ContextWindow => Failure::ContextWindow,
        Theme::Content => Failure::Content,
        Theme::BadRequest => Failure::BadRequest,
    })
}

fn by_status(reply: &ErrorReply<'_>) -> Failure {
    let retry_after_ms = reply.retry_after_ms;
    match reply.status {
        Some(401) => Failure::Credential,
        Some(403) => Failure::Access,
        Some(404) => Failure::ModelUnavailable,
        Some(408) => Failure::Timeout(Timer::Model),
        Some(424) => by_original_status(reply),
        Some(429) => throttle(reply),
        Some(503 | 529) => Failure::Capacity { retry_after_ms },
        Some(400..=499) => Failure::BadRequest,
        // An exception type that the client's model does not know arrives inside a stream without name and text.
        _ if reply.in_stream => Failure::StreamBroken,
        _ => Failure::ServerFault { retry_after_ms },
    }
}

/// The two model errors relay the status that the model's own server gave.
fn by_original_status(reply: &ErrorReply<'_>) -> Failure {
    let retry_after_ms = reply.retry_after_ms;
    match reply.original_status {
        // Two statuses of the 400s are not the caller's fault.
        Some(408) => Failure::Timeout(Timer::Model),
        Some(429) => Failure::Capacity { retry_after_ms },
        Some(400..=499) => Failure::BadRequest,
        _ => Failure::ServerFault { retry_after_ms },
    }
}

fn throttle(reply: &ErrorReply<'_>) -> Failure {
    let scope = message::throttle_scope(reply.message).unwrap_or(ThrottleScope::Unknown);
    Failure::Throttle { scope, retry_after_ms: reply.retry_after_ms }
}

#[cfg(test)]
mod tests;
