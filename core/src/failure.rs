//! What an attempt's ending means for routing, in the one vocabulary that every strategy shares.
//!
//! [`classify`] is the only place that reads exception names and messages; nothing else may look at the text of an
//! error. Start there; the words themselves are in [`Failure`].

mod classify;
mod message;
mod name;
mod signs;

pub use classify::classify;
pub use signs::{Code, Signs};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::request::Usage;

/// What kind of quota a throttle ran into, as far as its text tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleScope {
    Requests,
    Tokens,
    TokensPerDay,
    Unknown,
}

/// When a connection broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before a connection stood: nothing was sent.
    Connect,
    /// After the request went out and before an answer began: the work may have been done and billed.
    Await,
    /// While the answer was coming.
    Body,
}

/// Which of our own timers ran out, or the model's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timer {
    Connect,
    FirstToken,
    Idle,
    /// Content came, but too slowly.
    Pace,
    Total,
    Model,
}

/// What went wrong, in routing's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    Throttle {
        scope: ThrottleScope,
        retry_after_ms: Option<u64>,
    },
    /// The service is short of capacity; not a matter of the caller's quota.
    Capacity {
        retry_after_ms: Option<u64>,
    },
    ServerFault {
        retry_after_ms: Option<u64>,
    },
    Transport(Phase),
    Timeout(Timer),
    QuotaHard,
    Access,
    Credential,
    ModelUnavailable,
    ContextWindow,
    Content,
    BadRequest,
    /// An answer that ended without its end mark, or that the model itself broke off.
    StreamBroken,
    /// The strategy itself refused: the request, of which nothing was sent, or a whole answer that it could not use.
    LocalReject,
}

impl Failure {
    pub const fn class(self) -> FailureClass {
        match self {
            Failure::Throttle { .. } => FailureClass::Throttle,
            Failure::Capacity { .. } => FailureClass::Capacity,
            Failure::ServerFault { .. } => FailureClass::ServerFault,
            Failure::Transport(_) => FailureClass::Transport,
            Failure::Timeout(_) => FailureClass::Timeout,
            Failure::QuotaHard => FailureClass::QuotaHard,
            Failure::Access => FailureClass::Access,
            Failure::Credential => FailureClass::Credential,
            Failure::ModelUnavailable => FailureClass::ModelUnavailable,
            Failure::ContextWindow => FailureClass::ContextWindow,
            Failure::Content => FailureClass::Content,
            Failure::BadRequest => FailureClass::BadRequest,
            Failure::StreamBroken => FailureClass::StreamBroken,
            Failure::LocalReject => FailureClass::LocalReject,
        }
    }

    /// How long the service asked to be left alone.
    pub const fn retry_after_ms(self) -> Option<u64> {
        match self {
            Failure::Throttle { retry_after_ms, .. }
            | Failure::Capacity { retry_after_ms }
            | Failure::ServerFault { retry_after_ms } => retry_after_ms,
            _ => None,
        }
    }
}

/// The failure without its details: what reports count by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum FailureClass {
    Throttle,
    Capacity,
    ServerFault,
    Transport,
    Timeout,
    QuotaHard,
    Access,
    Credential,
    ModelUnavailable,
    ContextWindow,
    Content,
    BadRequest,
    StreamBroken,
    LocalReject,
}

impl FailureClass {
    pub const ALL: [FailureClass; 14] = [
        FailureClass::Throttle,
        FailureClass::Capacity,
        FailureClass::ServerFault,
        FailureClass::Transport,
        FailureClass::Timeout,
        FailureClass::QuotaHard,
        FailureClass::Access,
        FailureClass::Credential,
        FailureClass::ModelUnavailable,
        FailureClass::ContextWindow,
        FailureClass::Content,
        FailureClass::BadRequest,
        FailureClass::StreamBroken,
        FailureClass::LocalReject,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            FailureClass::Throttle => "throttle",
            FailureClass::Capacity => "capacity",
            FailureClass::ServerFault => "server_fault",
            FailureClass::Transport => "transport",
            FailureClass::Timeout => "timeout",
            FailureClass::QuotaHard => "quota_hard",
            FailureClass::Access => "access",
            FailureClass::Credential => "credential",
            FailureClass::ModelUnavailable => "model_unavailable",
            FailureClass::ContextWindow => "context_window",
            FailureClass::Content => "content",
            FailureClass::BadRequest => "bad_request",
            FailureClass::StreamBroken => "stream_broken",
            FailureClass::LocalReject => "local_reject",
        }
    }

    /// Whether the request itself is at fault, so that it says nothing about the target's health.
    pub const fn is_callers_fault(self) -> bool {
        matches!(self, FailureClass::ContextWindow | FailureClass::Content | FailureClass::BadRequest)
    }
}

/// An error as the service sent it, in the response head or as an exception inside a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorReply<'a> {
    /// Exception name in either case form (`ThrottlingException`, `throttlingException`), if one was sent.
    pub name: Option<&'a str>,
    pub message: &'a str,
    pub status: Option<u16>,
    /// `x-amz-retry-after`, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// `originalStatusCode` of ModelErrorException and ModelStreamErrorException.
    pub original_status: Option<u16>,
    /// Whether it arrived inside the stream, after HTTP 200.
    pub in_stream: bool,
}

/// How an attempt ended, as the shell saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptEnd<'a> {
    /// The whole answer came, end mark included.
    Complete(Usage),
    /// The service answered with an error.
    Error(ErrorReply<'a>),
    /// The body ended cleanly without its end mark. SDKs take this for success; it is not.
    Truncated,
    Transport(Phase),
    TimedOut(Timer),
}

impl AttemptEnd<'_> {
    /// Whether this can only come after the head of an answer.
    pub const fn follows_head(&self) -> bool {
        match self {
            AttemptEnd::Complete(_) | AttemptEnd::Truncated | AttemptEnd::Transport(Phase::Body) => true,
            AttemptEnd::Error(reply) => reply.in_stream,
            AttemptEnd::Transport(_) | AttemptEnd::TimedOut(_) => false,
        }
    }
}
