//! What a live router needs of whatever carries its attempts: open one, and give the parts of its answer.
//!
//! A transport decides nothing. It holds no timer but the one for connecting, which only it can see, and it says how an
//! attempt broke in the words of [`Break`]; what that means is for the classifier.

use std::{error::Error, sync::Arc, time::Duration};

use crate::{
    failure::{AttemptEnd, ErrorReply, Phase, Timer},
    flight::AttemptId,
    request::{Request, Usage},
    target::TargetId,
};

/// An error of any kind, as the layers below give it.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// Carries attempts of one kind of call to their targets.
pub trait Transport: Send + Sync + 'static {
    /// What a caller hands in. It may be sent several times, to several targets.
    type Call: Send + Sync + 'static;
    /// A whole answer.
    type Answer: Send + 'static;
    /// An answer that is still coming.
    type Stream: Send + 'static;
    /// One event of such an answer.
    type Part: Send + 'static;

    /// Sends one attempt, and waits for the whole answer or for the head of a stream. Whoever drops the future
    /// gives the attempt up.
    fn open(
        &self,
        sending: Sending,
        call: &Self::Call,
    ) -> impl Future<Output = Result<Opening<Self::Answer, Self::Stream>, Break>> + Send;

    /// The next part of an answer, or `None` at the end of its body. It must be safe to drop the future before it
    /// is done.
    fn next(
        &self,
        stream: &mut Self::Stream,
    ) -> impl Future<Output = Result<Option<Self::Part>, Break>> + Send;

    /// What a part means to the router.
    fn meaning(&self, part: &Self::Part) -> Meaning;

    /// Whether an answer to such a call can be gone on with by another attempt, which is then given its text as
    /// [`Sending::prefill`]. By default none can.
    fn goes_on(&self, _call: &Self::Call) -> bool {
        false
    }

    /// The text of a part whose content is nothing but text.
    fn text<'p>(&self, _part: &'p Self::Part) -> Option<&'p str> {
        None
    }

    /// The same part without so many bytes at the beginning of its text.
    fn without(&self, part: Self::Part, _bytes: usize) -> Self::Part {
        part
    }
}

/// One attempt, as it leaves.
#[derive(Debug, Clone)]
pub struct Sending {
    /// Which attempt it is.
    pub attempt: AttemptId,
    /// The request that it is made for.
    pub request: Request,
    /// Where it goes.
    pub target: TargetId,
    /// How long to wait for a connection.
    pub connect: Option<Duration>,
    /// Replaces the caller's limit on the answer's length.
    pub max_tokens: Option<u32>,
    /// What the caller has of the answer already: the model is to go on from there.
    pub prefill: Option<Arc<str>>,
}

/// How an attempt begins to be answered.
#[derive(Debug)]
pub enum Opening<A, S> {
    /// The whole answer came at once.
    Whole {
        /// What the caller gets.
        answer: A,
        /// What it used.
        usage: Usage,
    },
    /// The head of a stream came; its parts follow.
    Stream(S),
}

/// What one part of a stream means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Meaning {
    /// It carries content: text, a tool's input, reasoning. The first such part commits the request to its attempt.
    pub content: bool,
    /// Tokens of its content, as well as can be told.
    pub tokens: u32,
    /// It opens an answer. An answer that goes on with another has no need of it.
    pub opening: bool,
    /// It marks the end of the answer. A body that ends without such a part is broken, however cleanly it ends.
    pub end_mark: bool,
    /// It says what the answer used.
    pub usage: Option<Usage>,
}

/// An attempt that got no answer, or not all of it.
#[derive(Debug)]
pub struct Break {
    /// How it broke.
    pub how: How,
    /// The error of the layer below, for the caller.
    pub source: Option<BoxError>,
}

/// How an attempt broke, as far as a transport can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// The service answered with an error.
    Refused(Refusal),
    /// The body ended too early, or is not what it should be.
    Truncated,
    /// The connection broke.
    Transport(Phase),
    /// No connection within the limit.
    NotConnected,
}

/// An error as the service sent it; [`ErrorReply`] with words of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refusal {
    /// The exception's name, such as `ThrottlingException`.
    pub name: Option<String>,
    /// Its text.
    pub message: String,
    /// The HTTP status, if it came in place of an answer.
    pub status: Option<u16>,
    /// How long the service asks to be left alone, in milliseconds.
    pub retry_after_ms: Option<u64>,
    /// The status that the model's own server gave.
    pub original_status: Option<u16>,
}

impl Break {
    pub(super) fn as_end(&self, in_stream: bool) -> AttemptEnd<'_> {
        match &self.how {
            How::Refused(refusal) => AttemptEnd::Error(ErrorReply {
                name: refusal.name.as_deref(),
                message: &refusal.message,
                status: refusal.status,
                retry_after_ms: refusal.retry_after_ms,
                original_status: refusal.original_status,
                in_stream,
            }),
            How::Truncated => AttemptEnd::Truncated,
            How::Transport(phase) => AttemptEnd::Transport(*phase),
            How::NotConnected => AttemptEnd::TimedOut(Timer::Connect),
        }
    }
}
