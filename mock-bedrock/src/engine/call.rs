//! What goes into the engine and what comes out.

use super::{Garble, Page, Prefix, Wire};
use crate::{
    Nanos,
    exception::Exception,
    latency::{Pace, nanos},
    world::{RegionId, RouteId},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Converse,
    ConverseStream,
    InvokeModel,
    InvokeModelWithResponseStream,
}

impl Operation {
    pub const fn name(self) -> &'static str {
        match self {
            Operation::Converse => "Converse",
            Operation::ConverseStream => "ConverseStream",
            Operation::InvokeModel => "InvokeModel",
            Operation::InvokeModelWithResponseStream => "InvokeModelWithResponseStream",
        }
    }

    pub const fn streams(self) -> bool {
        matches!(self, Operation::ConverseStream | Operation::InvokeModelWithResponseStream)
    }
}

/// One attempt, as it reaches the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub route: RouteId,
    pub operation: Operation,
    /// Key of all draws, with `attempt`.
    pub request: u64,
    pub attempt: u32,
    pub input_tokens: u32,
    /// Known to be read from the prompt cache or written to it, on top of the input tokens.
    pub cache_read: u32,
    pub cache_write: u32,
    /// The part of the input tokens that the engine looks up in its own prompt caches.
    pub prefix: Option<Prefix>,
    pub max_tokens: Option<u32>,
    /// How many tokens the model would produce if nothing stopped it.
    pub output_tokens: u32,
    pub tenant: u16,
    /// How long the caller waits for a connection; one that takes longer is never used.
    pub connect_within: Option<Nanos>,
}

/// An admitted call that must be finished exactly once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    pub slot: u32,
    pub generation: u32,
}

/// What the service will do, with absolute times as the caller sees them.
#[derive(Debug, Clone, PartialEq)]
pub enum Served {
    /// The connection is refused.
    Refused {
        at: Nanos,
    },
    /// A connection that stood is reset; nothing was done.
    Reset {
        at: Nanos,
    },
    /// Nothing ever comes back.
    Silence,
    /// Something on the way answers in the service's stead.
    Page {
        at: Nanos,
        page: Page,
    },
    /// An error instead of an answer.
    Error {
        at: Nanos,
        exception: Exception,
    },
    Answer(Answer),
}

/// An admitted call's answer: its whole timing at once, so that no token needs an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub call: CallId,
    /// The route that it took: the one called, or that of the model which a prompt router picked.
    pub route: RouteId,
    /// Region that really served it.
    pub region: RegionId,
    pub head_at: Nanos,
    /// First content delta; for a unary call, when the body is there. Without any token: `last_at`.
    pub first_at: Nanos,
    /// Last byte, or the moment the body breaks. For a stall without end: `Nanos::MAX`.
    pub last_at: Nanos,
    /// Content tokens the caller gets by `last_at`.
    pub tokens: u32,
    /// Nanoseconds from one token to the next, but for a pause; zero where all come at once.
    pub gap: f64,
    /// Longest silence inside the body after the first token.
    pub silence_max: Nanos,
    /// When that silence begins.
    pub silence_from: Nanos,
    pub end: BodyEnd,
    /// Usage as the answer reports it (a fault may make it wrong). An answer that breaks reports none on the wire;
    /// here it has what was used up to then.
    pub usage: Reported,
    /// The prompt as it was worked on, whatever is reported: read anew, from the cache, or written to it.
    pub prompt: Reported,
    /// How its bytes go out, where that is not as usual.
    pub wire: Option<Box<Wire>>,
}

impl Answer {
    /// When the n-th token is with the caller, counted from 1. Tokens beyond `tokens` never come.
    #[inline]
    pub fn token_at(&self, n: u32) -> Nanos {
        let usual = Pace { first: self.first_at, gap: self.gap }.at(n);
        if usual <= self.silence_from {
            return usual;
        }
        usual.saturating_add(self.silence_max.saturating_sub(nanos(self.gap)))
    }
}

/// What becomes of an answer that its caller no longer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abandoned {
    /// When the service is done with it, and the shell must call `finish`; `None` if it is settled already.
    pub works_until: Option<Nanos>,
    /// Output tokens made for nobody, those still to come included.
    pub tokens: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyEnd {
    Complete {
        stop: Stop,
    },
    /// Clean end without the end mark.
    Eof,
    Reset,
    /// Reset before the head. There is no head then, and `head_at` is when it would have come.
    Lost,
    /// Nothing behind the head but the end, in order or by a reset.
    Bare {
        reset: bool,
    },
    /// Behind its last token comes what no client can read.
    Garbled(Garble),
    Exception(Exception),
    /// Open, and silent for ever after `silent_from`.
    Stalled {
        silent_from: Nanos,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    EndTurn,
    MaxTokens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reported {
    pub input: u32,
    pub output: u32,
    pub cache_read: u32,
    pub cache_write: u32,
}

impl Call {
    /// All input, cached or not.
    #[inline]
    pub fn prompt(&self) -> u64 {
        u64::from(self.input_tokens) + u64::from(self.cache_read) + u64::from(self.cache_write)
    }
}
