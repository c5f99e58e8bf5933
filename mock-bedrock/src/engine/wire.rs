//! What of an answer only its bytes show, and what else may come in its place. The simulation knows the outcomes of
//! these; the server does them.

use std::borrow::Cow;

use crate::{Nanos, exception::Exception};

/// The connection that a call came over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Since it was accepted.
    pub age: Nanos,
    /// Since its last answer; none for the first request that it carries.
    pub idle: Option<Nanos>,
}

/// What something between client and service answers in the service's stead. Nothing is done, no quota is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub status: u16,
    pub kind: PageKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PageKind {
    /// A proxy's page for people.
    Html,
    /// Plain words under the content type of JSON.
    Words,
    /// An exception's body under a status that says that all is well.
    Error(Exception),
}

/// Bytes that no client can read as an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Garble {
    /// A frame ends in its middle, and the body with it.
    CutFrame,
    /// The checksum over a frame's first bytes is wrong.
    PreludeChecksum,
    /// The checksum over a whole frame is wrong.
    MessageChecksum,
    /// A frame announces fewer bytes than a frame has.
    TooShort,
    /// A frame announces more bytes than will ever come: it swallows the rest of the answer.
    TooLong,
    /// All events but the one that ends the message.
    NoStop,
    /// A whole body, compressed though nobody asked for it.
    Gzip,
}

/// What changes an answer's bytes, and neither its outcome nor its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quirk {
    /// The head has no request id.
    NoRequestId,
    /// The head names another content type.
    ContentType(Cow<'static, str>),
    /// The connection is closed in order behind the answer.
    Close,
    /// An event of a type that nobody knows comes after so many tokens.
    UnknownEvent { after: u32 },
    /// The event after so many tokens has a header that nobody knows.
    UnknownHeader { after: u32 },
    /// An event without payload comes after so many tokens.
    EmptyEvent { after: u32 },
    /// The event that begins the message is missing.
    NoStart,
    /// The event after so many tokens comes twice.
    Twice { after: u32 },
    /// The two events after so many tokens come in the wrong order.
    Swapped { after: u32 },
}

/// How an answer's bytes go out.
#[derive(Debug, Clone, PartialEq)]
pub struct Wire {
    /// How long the rest of the head waits after its first bytes. `head_at` is the rest's time.
    pub slow_head: Nanos,
    /// Most bytes per second.
    pub bytes_per_s: f64,
    pub quirk: Option<Quirk>,
}

impl Wire {
    const USUAL: Wire = Wire { slow_head: 0, bytes_per_s: f64::INFINITY, quirk: None };

    /// Boxed, because nearly all answers go out as usual.
    pub(super) fn unusual(self) -> Option<Box<Wire>> {
        (self != Wire::USUAL).then(|| Box::new(self))
    }
}
