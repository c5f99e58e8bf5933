//! From events to requests and attempts that ended. Whoever measures, draws spans or writes lines is told of these.

use std::collections::BTreeMap;

use richter_core::{
    event::{AttemptResult, Ended, Event, Finished},
    flight::{AttemptId, FlightId},
    request::Request,
    target::TargetId,
};
use richter_mock_bedrock::Nanos;

/// An attempt that ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttemptDone {
    pub number: u32,
    pub target: TargetId,
    pub sent: Nanos,
    /// When its first content came.
    pub first: Option<Nanos>,
    pub ended: Nanos,
    pub result: AttemptResult,
}

/// A request that ended, with what was tried for it.
#[derive(Debug, Clone, PartialEq)]
pub struct RequestDone {
    pub request: Request,
    pub begun: Nanos,
    pub ended: Nanos,
    pub finish: Finished,
    /// In the order in which they ended.
    pub attempts: Vec<AttemptDone>,
}

/// What an event brought to an end.
#[derive(Debug, Clone, PartialEq)]
pub enum Done {
    Begun { late: Nanos },
    Attempt(AttemptDone, Request),
    Request(RequestDone),
}

/// Requests under way.
#[derive(Debug, Default)]
pub struct Follower {
    flights: BTreeMap<FlightId, Flight>,
}

#[derive(Debug)]
struct Flight {
    begun: Nanos,
    attempts: Vec<AttemptDone>,
}

impl Follower {
    pub fn on(&mut self, now: Nanos, event: &Event<'_>) -> Option<Done> {
        match *event {
            Event::Begun { flight, request } => {
                self.flights.insert(flight, Flight { begun: now, attempts: Vec::new() });
                Some(Done::Begun { late: now.saturating_sub(request.intended) })
            }
            Event::AttemptEnded { attempt, request, end } => {
                let done = attempt_done(now, attempt, end);
                if let Some(flight) = self.flights.get_mut(&attempt.flight) {
                    flight.attempts.push(done);
                }
                Some(Done::Attempt(done, *request))
            }
            Event::Finished { flight, request, finish } => {
                let Flight { begun, attempts } = self.flights.remove(&flight)?;
                Some(Done::Request(RequestDone { request: *request, begun, ended: now, finish, attempts }))
            }
            Event::Decided { .. } | Event::Sent { .. } | Event::Opened { .. } | Event::Committed { .. } => {
                None
            }
        }
    }

    pub fn under_way(&self) -> usize {
        self.flights.len()
    }
}

fn attempt_done(now: Nanos, attempt: AttemptId, end: Ended) -> AttemptDone {
    let Ended { target, sent, first, result } = end;
    AttemptDone { number: attempt.number, target, sent, first, ended: now, result }
}
