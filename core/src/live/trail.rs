//! What was tried for one request, and why: kept while it is in the air, and handed to its caller with the answer or
//! the error.

use std::{collections::BTreeMap, fmt, sync::Arc};

use crate::{
    Nanos,
    event::{AttemptResult, Event, Observer},
    failure::Failure,
    flight::{AttemptId, FlightId, Outcome},
    request::Usage,
    strategy::{Reason, Step},
};

/// Decisions kept of one request; a strategy that waits in small steps may make thousands.
const DECISIONS_KEPT: usize = 256;

/// Everything that was tried for one request. Times are nanoseconds since the router's start.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Trail {
    /// The request's number, as observers see it.
    pub number: u64,
    /// When the router took it.
    pub begun: Nanos,
    /// Its attempts, in the order of their sending.
    pub attempts: Vec<Tried>,
    /// What the strategy decided, in order, and why.
    pub decisions: Vec<Decided>,
    /// Decisions that were made but are not in the list, because it is full.
    pub decisions_dropped: u32,
    /// How it ended; `None` while its answer is still coming.
    pub end: Option<TrailEnd>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// The target's name.
    pub target: Arc<str>,
    /// When it was sent.
    pub sent: Nanos,
    /// When its first content came.
    pub first: Option<Nanos>,
    /// When and how it ended; `None` while its answer is still coming.
    pub ended: Option<(Nanos, AttemptResult)>,
}

/// One decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// When.
    pub at: Nanos,
    /// What.
    pub step: Step,
    /// Why.
    pub reason: Reason,
}

/// A request's end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TrailEnd {
    /// When.
    pub at: Nanos,
    /// How it ended for the caller.
    pub outcome: Outcome,
    /// Why nothing more was tried.
    pub reason: Reason,
}

impl Trail {
    /// What the answer used, if it is whole.
    pub fn usage(&self) -> Option<Usage> {
        match self.end?.outcome {
            Outcome::Answered(usage) => Some(usage),
            _ => None,
        }
    }

    /// How the last attempt failed, if the request did.
    pub fn failure(&self) -> Option<Failure> {
        match self.end?.outcome {
            Outcome::Failed(failure) | Outcome::Broken(failure) => Some(failure),
            _ => None,
        }
    }
}

/// One line for each attempt.
impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, tried) in self.attempts.iter().enumerate() {
            let sent = tried.sent.saturating_sub(self.begun) as f64 / 1e9;
            write!(f, "attempt {number} to {} at {sent:.3} s: ", tried.target)?;
            match &tried.ended {
                None => writeln!(f, "still coming")?,
                Some((at, result)) => {
                    let took = at.saturating_sub(tried.sent) as f64 / 1e9;
                    writeln!(f, "{} after {took:.3} s", word(result))?;
                }
            }
        }
        match &self.end {
            Some(end) => write!(f, "{}", end.reason.meaning()),
            None => f.write_str("the answer is still coming"),
        }
    }
}

fn word(result: &AttemptResult) -> &'static str {
    match result {
        AttemptResult::Answered(_) => "answered",
        AttemptResult::Failed(failure) => failure.class().name(),
        AttemptResult::Cancelled => "cancelled",
    }
}

/// Sees all events: keeps the trails, and hands everything on to the embedder's own observer.
pub(super) struct Watch {
    names: Arc<[Arc<str>]>,
    trails: BTreeMap<FlightId, Trail>,
    observer: Box<dyn Observer + Send>,
}

impl Watch {
    pub(super) fn new(names: Arc<[Arc<str>]>, observer: Box<dyn Observer + Send>) -> Watch {
        Watch { names, trails: BTreeMap::new(), observer }
    }

    pub(super) fn trail(&self, flight: FlightId) -> Option<&Trail> {
        self.trails.get(&flight)
    }

    /// Forgets the flight.
    pub(super) fn take(&mut self, flight: FlightId) -> Trail {
        self.trails.remove(&flight).unwrap_or_default()
    }

    fn tried(&mut self, attempt: AttemptId) -> Option<&mut Tried> {
        self.trails.get_mut(&attempt.flight)?.attempts.get_mut(attempt.number as usize)
    }

    fn note(&mut self, now: Nanos, event: &Event<'_>) {
        match *event {
            Event::Begun { flight, request } => {
                let trail = Trail { number: request.number, begun: now, ..Trail::default() };
                self.trails.insert(flight, trail);
            }
            Event::Decided { flight, step, reason, .. } => {
                if let Some(trail) = self.trails.get_mut(&flight) {
                    trail.decided(Decided { at: now, step, reason });
                }
            }
            Event::Sent { attempt, target, .. } => {
                let target = self.names.get(usize::from(target.0)).cloned().unwrap_or_default();
                if let Some(trail) = self.trails.get_mut(&attempt.flight) {
                    trail.attempts.push(Tried { target, sent: now, first: None, ended: None });
                }
            }
            Event::Opened { .. } => {}
            Event::Committed { attempt, .. } => {
                if let Some(tried) = self.tried(attempt) {
                    tried.first = Some(now);
                }
            }
            Event::AttemptEnded { attempt, end, .. } => {
                if let Some(tried) = self.tried(attempt) {
                    tried.ended = Some((now, end.result));
                }
            }
            Event::Finished { flight, finish, .. } => {
                if let Some(trail) = self.trails.get_mut(&flight) {
                    trail.end = Some(TrailEnd { at: now, outcome: finish.outcome, reason: finish.reason });
                }
            }
        }
    }
}

impl Trail {
    fn decided(&mut self, decided: Decided) {
        if self.decisions.len() < DECISIONS_KEPT {
            self.decisions.push(decided);
        } else {
            self.decisions_dropped = self.decisions_dropped.saturating_add(1);
        }
    }
}

impl Observer for Watch {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        self.note(now, event);
        self.observer.on(now, event);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("trails", &self.trails.len()).finish_non_exhaustive()
    }
}
