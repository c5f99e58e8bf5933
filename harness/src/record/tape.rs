//! Events of a live run on their way from the traffic to the recorder. The traffic pushes onto a list under a short
//! lock and never waits; the recorder takes the whole list a hundred times a second. The list is bounded: what finds no
//! room is counted, and such a run is invalid.

use std::sync::{Arc, Mutex, PoisonError};

use richter_core::{
    event::{Ended, Event, Finished, Observer},
    flight::{AttemptId, FlightId},
    request::{Request, Usage},
    strategy::{Reason, Step},
    target::TargetId,
};
use richter_mock_bedrock::Nanos;
use serde::{Deserialize, Serialize};

/// Told and not yet taken, at most: two seconds of recording that stands still, at ten thousand requests a second.
pub const TOLD_MAX: usize = 1 << 17;

/// A router's event that needs nobody else's memory. What was decided is cut down to what recorders use.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Begun { flight: FlightId, request: Request },
    Decided { flight: FlightId, reason: Reason, max_tokens: Option<u32> },
    Sent { attempt: AttemptId, target: TargetId },
    Opened { attempt: AttemptId },
    Committed { attempt: AttemptId, target: TargetId },
    AttemptEnded { attempt: AttemptId, end: Ended },
    Finished { flight: FlightId, finish: Finished },
}

/// What the service did for one attempt, as the service itself knows it. Only a mock in this process tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    pub request: u64,
    pub attempt: u32,
    /// Places in the plan's world; no Region if the plan does not know it.
    pub route: u16,
    pub region: Option<u16>,
    pub input: Usage,
    pub output_tokens: u32,
    pub stops_early: bool,
}

/// One thing that a recorder hears.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    Event {
        at: Nanos,
        what: What,
    },
    /// An arrival that was never begun, because a limit of the generator was reached.
    Shed {
        at: Nanos,
        due: Nanos,
    },
    /// Tokens of an answer that had come when it broke, or when its caller left; the service reports none then.
    Heard {
        at: Nanos,
        request: u64,
        tokens: u32,
    },
    Made {
        at: Nanos,
        made: Made,
    },
    /// The service gave an attempt's call a name: its request id, folded to two halves.
    Named {
        request: u64,
        attempt: u32,
        id: [u64; 2],
    },
}

/// The list between them.
#[derive(Debug, Default)]
pub struct Tape(Mutex<Inside>);

#[derive(Debug, Default)]
struct Inside {
    told: Vec<Told>,
    dropped: u64,
    closed: bool,
}

impl Tape {
    #[inline]
    pub fn tell(&self, told: Told) {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if inside.closed {
            return;
        }
        if inside.told.len() < TOLD_MAX {
            inside.told.push(told);
        } else {
            inside.dropped += 1;
        }
    }

    /// Takes all that was told, into an empty list whose memory is used again. Gives how many were dropped so far.
    pub fn take(&self, into: &mut Vec<Told>) -> u64 {
        let mut inside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut inside.told, into);
        inside.dropped
    }

    /// From now on nothing is heard: what is open stays open, however its end comes about.
    pub fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
    }
}

/// A router's observer that tells the tape.
#[derive(Debug)]
pub struct Teller(pub Arc<Tape>);

impl Observer for Teller {
    #[inline]
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        self.0.tell(Told::Event { at: now, what: What::of(event) });
    }
}

impl What {
    fn of(event: &Event<'_>) -> What {
        match *event {
            Event::Begun { flight, request } => What::Begun { flight, request: *request },
            Event::Decided { flight, step, reason, .. } => {
                let max_tokens = match step {
                    Step::Send(send) => send.max_tokens,
                    Step::AskAgain { .. } | Step::Stop => None,
                };
                What::Decided { flight, reason, max_tokens }
            }
            Event::Sent { attempt, target, .. } => What::Sent { attempt, target },
            Event::Opened { attempt, .. } => What::Opened { attempt },
            Event::Committed { attempt, target, .. } => What::Committed { attempt, target },
            Event::AttemptEnded { attempt, end, .. } => What::AttemptEnded { attempt, end },
            Event::Finished { flight, finish, .. } => What::Finished { flight, finish },
        }
    }

    pub const fn flight(&self) -> FlightId {
        match self {
            What::Begun { flight, .. } | What::Decided { flight, .. } | What::Finished { flight, .. } => {
                *flight
            }
            What::Sent { attempt, .. }
            | What::Opened { attempt }
            | What::Committed { attempt, .. }
            | What::AttemptEnded { attempt, .. } => attempt.flight,
        }
    }

    /// The event again, for the request that it belongs to. The step of a decision is not kept.
    pub const fn event<'a>(&self, request: &'a Request) -> Event<'a> {
        match *self {
            What::Begun { flight, .. } => Event::Begun { flight, request },
            What::Decided { flight, reason, .. } => {
                Event::Decided { flight, request, step: Step::Stop, reason }
            }
            What::Sent { attempt, target } => Event::Sent { attempt, request, target },
            What::Opened { attempt } => Event::Opened { attempt, request },
            What::Committed { attempt, target } => Event::Committed { attempt, request, target },
            What::AttemptEnded { attempt, end } => Event::AttemptEnded { attempt, request, end },
            What::Finished { flight, finish } => Event::Finished { flight, request, finish },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_and_what_comes_late_is_not_heard() {
        let tape = Tape::default();
        for due in 0..TOLD_MAX as u64 + 3 {
            tape.tell(Told::Shed { at: due, due });
        }
        let mut taken = Vec::new();
        assert_eq!(tape.take(&mut taken), 3);
        assert_eq!(taken.len(), TOLD_MAX);
        taken.clear();
        tape.close();
        tape.tell(Told::Shed { at: 0, due: 0 });
        assert_eq!((tape.take(&mut taken), taken.len()), (3, 0));
    }
}
