//! What the retry rules of the AWS SDKs go by, where they see less, or other things, than the classifier.

use super::{
    AttemptEnd,
    name::{self, Name},
};

/// The error code as the SDKs, and the programs around them, group it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Code {
    /// No reply, or one without a code.
    #[default]
    Absent,
    Throttling,
    /// Modelled as retryable, though its status is that of a throttle.
    ModelNotReady,
    /// `RequestTimeout` and its like.
    Transient,
    /// The request itself was refused.
    Validation,
    Other,
}

/// Status and code of an error reply; nothing for an attempt that got no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Signs {
    pub status: Option<u16>,
    pub code: Code,
}

impl Signs {
    pub fn of(end: &AttemptEnd<'_>) -> Signs {
        let AttemptEnd::Error(reply) = end else {
            return Signs::default();
        };
        let code = match reply.name {
            None => Code::Absent,
            Some(name) => match name::known(name) {
                Some(Name::Throttling) => Code::Throttling,
                Some(Name::ModelNotReady) => Code::ModelNotReady,
                Some(Name::RequestTimeout) => Code::Transient,
                Some(Name::Validation) => Code::Validation,
                _ => Code::Other,
            },
        };
        Signs { status: reply.status, code }
    }
}
