//! What an error's text tells, by the phrases seen in real replies.
//!
//! A phrase is a run of words that no other message uses. Throttles are looked for first, so that a text about too
//! many tokens is never taken for an overlong prompt.

use super::ThrottleScope;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Theme {
    Throttle(ThrottleScope),
    Capacity,
    ServerFault,
    Credential,
    Access,
    ModelUnavailable,
    ContextWindow,
    Content,
    BadRequest,
}

const THROTTLES: &[(&str, ThrottleScope)] = &[
    ("too many tokens per day", ThrottleScope::TokensPerDay),
    ("too many tokens", ThrottleScope::Tokens),
    ("too many requests", ThrottleScope::Requests),
    ("request rate is too high", ThrottleScope::Requests),
];

const PHRASES: &[(&str, Theme)] = &[
    ("is currently overloaded", Theme::Capacity),
    ("too many connections", Theme::Capacity),
    ("unable to process your request", Theme::Capacity),
    ("unexpected error during processing", Theme::ServerFault),
    ("security token", Theme::Credential),
    ("request signature we calculated", Theme::Credential),
    ("authorization header requires", Theme::Credential),
    ("authentication failed", Theme::Credential),
    ("invalid api key", Theme::Credential),
    ("is not authorized to perform", Theme::Access),
    ("have access to the model", Theme::Access),
    ("model identifier is invalid", Theme::ModelUnavailable),
    ("with on-demand throughput isn", Theme::ModelUnavailable),
    ("reached the end of its life", Theme::ModelUnavailable),
    ("marked by provider as legacy", Theme::ModelUnavailable),
    ("input is too long", Theme::ContextWindow),
    ("prompt is too long", Theme::ContextWindow),
    ("too many input tokens", Theme::ContextWindow),
    ("exceed context limit", Theme::ContextWindow),
    ("maximum context length", Theme::ContextWindow),
    ("exceeds the context window", Theme::ContextWindow),
    ("content filter", Theme::Content),
    ("responsible ai policy", Theme::Content),
    ("malformed input request", Theme::BadRequest),
    ("exceed the model limit", Theme::BadRequest),
];

/// No real message comes near this; a longer one is read only so far.
const READ_BYTES_MAX: usize = 1024;

/// Whatever the case of its letters.
pub(super) fn theme(message: &str) -> Option<Theme> {
    throttle_scope(message).map(Theme::Throttle).or_else(|| first_found(PHRASES, message))
}

pub(super) fn throttle_scope(message: &str) -> Option<ThrottleScope> {
    first_found(THROTTLES, message)
}

fn first_found<T: Copy>(rows: &[(&str, T)], message: &str) -> Option<T> {
    let bytes = message.as_bytes();
    let text = &bytes[..bytes.len().min(READ_BYTES_MAX)];
    rows.iter().find(|(phrase, _)| contains(text, phrase.as_bytes())).map(|(_, meaning)| *meaning)
}

fn contains(text: &[u8], phrase: &[u8]) -> bool {
    text.windows(phrase.len()).any(|window| window.eq_ignore_ascii_case(phrase))
}
