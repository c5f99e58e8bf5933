//! What the engine tells about a call when it asks, and what it gets back.

use crate::{
    Nanos,
    engine::{Garble, Line, Operation},
    exception::Exception,
    world::{AccountId, ModelId, RegionId},
};

/// Who calls what: all that a selector can look at and a draw is keyed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Region whose endpoint is called.
    pub region: RegionId,
    /// Region that would serve it; differs from `region` behind a profile.
    pub serving: RegionId,
    pub model: ModelId,
    pub operation: Operation,
    pub tenant: u16,
    pub account: AccountId,
    pub request: u64,
    pub attempt: u32,
    /// The connection that it came over, where there is one.
    pub line: Option<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFault {
    /// Refused at once.
    Refuse,
    /// No answer, ever.
    Blackhole,
    /// The connection takes this much longer.
    Slow(Nanos),
    /// A connection that stood is reset under the request, of which nothing was done.
    Reset,
}

/// How a TLS handshake goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeFault {
    /// Ended by an alert with this number.
    Alert(u8),
    /// The certificate has expired.
    Expired,
    /// The certificate is for another name.
    WrongName,
    /// The certificate's authority is one that nobody trusts.
    UnknownAuthority,
    /// It takes this much longer.
    Slow(Nanos),
}

/// Factors on the parts of latency, and what is added to the first token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LatencyChange {
    pub network: f64,
    pub prefill: f64,
    pub decode: f64,
    pub first_token_add: Nanos,
    /// Between the first byte of the head and the rest of it.
    pub head_add: Nanos,
    /// Most bytes per second of the answer.
    pub bytes_per_s: f64,
}

impl LatencyChange {
    pub const NONE: LatencyChange = LatencyChange {
        network: 1.0,
        prefill: 1.0,
        decode: 1.0,
        first_token_add: 0,
        head_add: 0,
        bytes_per_s: f64::INFINITY,
    };

    /// Factors multiply, delays add, and the narrowest limit counts; the engine applies the factors first.
    pub fn and(self, other: LatencyChange) -> LatencyChange {
        LatencyChange {
            network: self.network * other.network,
            prefill: self.prefill * other.prefill,
            decode: self.decode * other.decode,
            first_token_add: self.first_token_add.saturating_add(other.first_token_add),
            head_add: self.head_add.saturating_add(other.head_add),
            bytes_per_s: self.bytes_per_s.min(other.bytes_per_s),
        }
    }
}

/// What becomes of a call's record on its way into the log, and of its points on theirs into the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivery {
    /// It never comes.
    pub lost: bool,
    pub later: Nanos,
    /// It comes again after so long.
    pub again: Option<Nanos>,
    /// It does not say which Region served.
    pub regionless: bool,
    pub metrics_later: Nanos,
}

impl Delivery {
    pub fn and(self, other: Delivery) -> Delivery {
        Delivery {
            lost: self.lost || other.lost,
            later: self.later.saturating_add(other.later),
            again: self.again.or(other.again),
            regionless: self.regionless || other.regionless,
            metrics_later: self.metrics_later.saturating_add(other.metrics_later),
        }
    }
}

/// How a body breaks, after so many tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyFault {
    /// Silence after `after` tokens; `silence` is how long, `None` for ever.
    Stall {
        after: u32,
        silence: Option<Nanos>,
    },
    Reset {
        after: u32,
    },
    Eof {
        after: u32,
    },
    Exception {
        after: u32,
        exception: Exception,
    },
    /// A reset before the head: when that would have come, or after `wait` if that is earlier.
    Lost {
        wait: Option<Nanos>,
    },
    /// Nothing behind the head but the end, in order or by a reset.
    Bare {
        reset: bool,
    },
    /// After `after` tokens comes what no client can read.
    Garbled {
        after: u32,
        how: Garble,
    },
}
