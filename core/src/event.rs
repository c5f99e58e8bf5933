//! What happened, as it happens: metrics, spans, live view and run file are all made from these.

use crate::{
    Nanos,
    failure::Failure,
    flight::{AttemptId, FlightId, Outcome},
    request::{Request, Usage},
    strategy::{Reason, Step},
    target::TargetId,
};

/// Sees every event, in order, synchronously. It must be quick: it runs on the path of the traffic.
pub trait Observer {
    fn on(&mut self, now: Nanos, event: &Event<'_>);
}

/// Sees nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Blind;

impl Observer for Blind {
    fn on(&mut self, _: Nanos, _: &Event<'_>) {}
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    Begun {
        flight: FlightId,
        request: &'a Request,
    },
    Decided {
        flight: FlightId,
        request: &'a Request,
        step: Step,
        reason: Reason,
    },
    Sent {
        attempt: AttemptId,
        request: &'a Request,
        target: TargetId,
    },
    Opened {
        attempt: AttemptId,
        request: &'a Request,
    },
    /// The first content delta; the attempt's answer is now the caller's answer.
    Committed {
        attempt: AttemptId,
        request: &'a Request,
        target: TargetId,
    },
    AttemptEnded {
        attempt: AttemptId,
        request: &'a Request,
        end: Ended,
    },
    /// The caller has its final word.
    Finished {
        flight: FlightId,
        request: &'a Request,
        finish: Finished,
    },
}

/// One attempt's ending, with what a record of it needs.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Ended {
    pub target: TargetId,
    pub sent: Nanos,
    pub first: Option<Nanos>,
    pub result: AttemptResult,
}

#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptResult {
    Answered(Usage),
    Failed(Failure),
    /// We gave it up: another attempt won, or the caller left.
    Cancelled,
}

/// A flight's ending.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Finished {
    pub outcome: Outcome,
    pub reason: Reason,
    pub attempts: u32,
    /// When the first content reached the caller.
    pub first: Option<Nanos>,
    /// The target whose answer the caller got, whole or broken.
    pub target: Option<TargetId>,
}
