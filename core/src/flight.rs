//! A flight is one caller's request from arrival to answer. Here is the contract that every strategy shares, enforced
//! once, whatever a strategy decides:
//!
//! 1. The first content of an attempt commits the flight to it: the other attempts are cancelled, and from then on
//!    the answer can only finish or break visibly. A response head commits nothing, and nor does content that is kept
//!    back. An answer that breaks may be gone on with by another attempt, from where it broke off; nothing is begun anew.
//! 2. One loop does retries, failovers and hedges; whoever sends an attempt sends it once.
//! 3. Each attempt after the first must pass, in this order: attempts left, budget, deadline. Then, at the
//!    moment of its sending, the strategy may hold it back.
//! 4. A strategy hears of each attempt's sending once and of its end once. Late, repeated and unknown events do nothing.
//! 5. The caller's own faults are classified as such, so that no strategy takes them for a sick target.
//! 6. Every decision carries its reason to the observer.
//!
//! Start reading at [`Router`]: its methods are the events that a shell reports, and the [`Command`]s it pushes are
//! what the shell must do; `leg` has the rules. Nothing here reads a clock, draws its own chance or looks at an
//! error's text.

mod leg;
mod router;
mod slots;

pub use router::Router;

use rand_core::Rng;

use crate::{
    Nanos,
    event::{AttemptResult, Observer},
    failure::{Failure, Signs},
    request::{Request, Usage},
    strategy::{StreamRules, Timeouts},
    target::TargetId,
};

/// No strategy gets more attempts for one request than this, whatever its contract says.
pub const ATTEMPTS_MAX: u32 = 100;

/// How often a strategy may put off its decision about one request, or a sending, before the flight takes it for a loop.
pub const WAITS_MAX: u32 = 10_000;

/// A flight's slot and the generation of the slot, so that a late event never reaches a newer flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct FlightId {
    pub slot: u32,
    pub generation: u32,
}

/// The n-th attempt of a flight, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct AttemptId {
    pub flight: FlightId,
    pub number: u32,
}

/// How the caller's request ended.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Answered(Usage),
    /// No content reached the caller.
    Failed(Failure),
    /// Some content reached the caller, then the answer broke visibly.
    Broken(Failure),
    /// The caller left first.
    Gone,
}

/// What the shell must do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Attempt {
        attempt: AttemptId,
        target: TargetId,
        timeouts: Timeouts,
        max_tokens: Option<u32>,
        rules: StreamRules,
        /// Goes on with what the caller has seen: so many tokens, as far as the shell has told.
        prefill: Option<u32>,
    },
    Cancel {
        attempt: AttemptId,
    },
    /// Wake this flight at that time; it may be another than the one that the input was for.
    WakeAt {
        flight: FlightId,
        at: Nanos,
    },
    /// Hand this attempt's content to the caller from now on.
    Commit {
        attempt: AttemptId,
    },
    Finish {
        flight: FlightId,
        /// Whether the caller has the whole answer.
        answered: bool,
    },
}

/// One attempt as a strategy sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Attempt {
    pub target: TargetId,
    /// What it was sent with in place of the caller's `max_tokens`.
    pub max_tokens: Option<u32>,
    pub sent: Nanos,
    /// Whether its content is kept back at first.
    pub held_back: bool,
    /// Of an attempt that goes on with what the caller has seen: tokens of that.
    pub prefill: Option<u32>,
    /// When the head of an answer came: after it, what goes wrong goes wrong inside the stream.
    pub opened: Option<Nanos>,
    /// When its content began to come.
    pub first: Option<Nanos>,
    /// What the shell told of its content.
    pub content: Content,
    pub ended: Option<(Nanos, AttemptResult)>,
    /// Status and code of the error that ended it.
    pub signs: Signs,
}

/// What came of an answer that is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Content {
    pub tokens: u32,
    /// Whether all of it is text, and the shell has kept it.
    pub is_text: bool,
}

impl Attempt {
    /// Just sent.
    pub fn new(target: TargetId, sent: Nanos) -> Attempt {
        Attempt {
            target,
            max_tokens: None,
            sent,
            held_back: false,
            prefill: None,
            opened: None,
            first: None,
            content: Content::default(),
            ended: None,
            signs: Signs::default(),
        }
    }

    pub const fn in_air(&self) -> bool {
        self.ended.is_none()
    }

    pub const fn failure(&self) -> Option<Failure> {
        match self.ended {
            Some((_, AttemptResult::Failed(failure))) => Some(failure),
            _ => None,
        }
    }
}

/// One request's state as a strategy sees it.
#[derive(Debug, Clone, Copy)]
pub struct FlightView<'a> {
    pub id: FlightId,
    pub request: &'a Request,
    pub attempts: &'a [Attempt],
    pub begun: Nanos,
    /// Tokens that the caller has seen of attempts that broke.
    pub shown: u32,
    /// The time at which the strategy last wanted to be asked again, since the latest sending.
    pub asked: Option<Nanos>,
}

impl<'a> FlightView<'a> {
    /// The same flight, as if its attempts had begun with this one.
    pub(crate) fn since(&self, first: u32) -> FlightView<'a> {
        FlightView { attempts: self.attempts.get(first as usize..).unwrap_or_default(), ..*self }
    }

    /// How the latest attempt failed, if it did.
    pub fn last_failure(&self) -> Option<Failure> {
        self.attempts.last().and_then(Attempt::failure)
    }
}

/// Everything a router borrows for one input: the time, the dice for this request, the observer, and where
/// commands go.
pub struct Turn<'a, O: Observer> {
    pub now: Nanos,
    pub dice: &'a mut dyn Rng,
    pub observer: &'a mut O,
    pub commands: &'a mut Vec<Command>,
}

impl<O: Observer> std::fmt::Debug for Turn<'_, O> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn")
            .field("now", &self.now)
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
