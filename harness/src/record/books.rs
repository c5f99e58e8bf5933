//! All that is written down of one strategy in one replication of a live run, from what the tape brings: the same
//! recorder that the simulation has, how late the generator was, and where each request's time went. A run that is
//! recovered from its journal goes through here a second time and gives the same numbers.

use std::{collections::BTreeMap, fmt, io::Write};

use richter_core::{
    event::{AttemptResult, Ended, Observer},
    failure::FailureClass,
    flight::{AttemptId, FlightId},
    request::{Request, Usage},
    target::{TargetId, TargetSpec},
};
use richter_mock_bedrock::{
    Nanos,
    world::{RegionId, RouteId},
};

use super::{
    cell::Recorder,
    names::Names,
    punctual::Punctual,
    tape::{Made, Told, What},
    trace::AttemptLog,
};
use crate::{
    ground::{Witness, Work},
    load::Arrival,
    scenario::plan::Plan,
};

/// Which attempt of which request.
pub type Key = (u64, u32);

#[derive(Debug)]
pub struct Books<'p, W: Write> {
    plan: &'p Plan,
    pub recorder: Recorder,
    pub punctual: Punctual,
    pub log: Option<AttemptLog<'p, W>>,
    pub outside: Outside,
    /// The attempts by their request ids, where somebody wants them.
    pub names: Option<Names>,
    /// Whether the service itself tells what it made.
    told_by_service: bool,
    /// By flight slot.
    seats: Vec<Option<Seat>>,
    /// What the service made for attempts whose end is not known yet.
    made: BTreeMap<Key, Made>,
    /// Attempts that are over for us, and it is not known yet what the service did for them.
    awaited: BTreeMap<Key, Awaited>,
}

/// Whoever else is told what is written down.
pub struct Outside(pub Option<Box<dyn Witness>>);

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Outside").field(&self.0.is_some()).finish()
    }
}

#[derive(Debug)]
struct Seat {
    flight: FlightId,
    request: Request,
    phase: u16,
    /// The limit on the answer's length that was decided on last.
    max_tokens: Option<u32>,
    attempts: Vec<Aloft>,
}

/// An attempt under way.
#[derive(Debug, Clone, Copy)]
struct Aloft {
    number: u32,
    opened: bool,
    /// A limit on the answer's length below the caller's.
    lowered: Option<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Awaited {
    attempt: AttemptId,
    target: TargetId,
    phase: u16,
    input_tokens: u32,
}

impl<'p, W: Write> Books<'p, W> {
    pub fn new(plan: &'p Plan, told_by_service: bool) -> Self {
        Books {
            plan,
            recorder: Recorder::new(plan),
            punctual: Punctual::new(plan.traffic.phases.len()),
            log: None,
            outside: Outside(None),
            names: None,
            told_by_service,
            seats: Vec::new(),
            made: BTreeMap::new(),
            awaited: BTreeMap::new(),
        }
    }

    /// Writes down one thing.
    pub fn write(&mut self, told: &Told) {
        match *told {
            Told::Event { at, what } => self.event(at, &what),
            Told::Shed { due, .. } => self.recorder.shed(self.plan.traffic.phase_at(due), due),
            Told::Heard { at, request, tokens } => self.heard(at, request, tokens),
            Told::Made { at, made } => self.service_made(at, made),
            Told::Named { request, attempt, id } => {
                if let Some(names) = &mut self.names {
                    names.named((request, attempt), id);
                }
            }
        }
    }

    fn event(&mut self, at: Nanos, what: &What) {
        let slot = what.flight().slot as usize;
        if let What::Begun { flight, request } = *what {
            self.seat(slot, flight, request);
        }
        // A journal may begin or end anywhere; what belongs to nobody is left out.
        let Some(seat) = self.seats.get_mut(slot).and_then(Option::as_mut) else { return };
        if seat.flight != what.flight() {
            return;
        }
        seat.note(what);
        let (request, phase) = (seat.request, seat.phase);
        if let What::Begun { .. } = what {
            self.recorder.arrived(&arrival(&request, phase));
        }
        if let What::AttemptEnded { attempt, end } = *what {
            if let Some(names) = &mut self.names {
                names.ended((request.number, attempt.number), at, &end);
            }
            self.attempt_ended(at, attempt, &end);
        }
        let event = what.event(&request);
        self.recorder.on(at, &event);
        self.punctual.on(at, phase, &event);
        if let Some(log) = &mut self.log {
            log.on(at, &event);
        }
        if let Outside(Some(outside)) = &mut self.outside {
            outside.on(at, &event);
        }
        if let What::Finished { .. } = what {
            self.seats[slot] = None;
        }
    }

    fn seat(&mut self, slot: usize, flight: FlightId, request: Request) {
        if slot >= self.seats.len() {
            self.seats.resize_with(slot + 1, || None);
        }
        let phase = self.plan.traffic.phase_at(request.intended);
        self.seats[slot] = Some(Seat { flight, request, phase, max_tokens: None, attempts: Vec::new() });
    }

    /// Tells what work the service did for an attempt that is over, as far as anybody knows.
    fn attempt_ended(&mut self, at: Nanos, attempt: AttemptId, end: &Ended) {
        let Some(seat) = self.seats.get_mut(attempt.flight.slot as usize).and_then(Option::as_mut) else {
            return;
        };
        let (request, phase) = (seat.request, seat.phase);
        let aloft = seat.land(attempt.number);
        let key = (request.number, attempt.number);
        let made = self.made.remove(&key);
        let ended = Over { at, attempt, end, request: &request, aloft };
        let awaited = Awaited { attempt, target: end.target, phase, input_tokens: request.input_tokens };
        let work = match (&end.result, made) {
            (AttemptResult::Answered(usage), made) => self.delivered(&ended, *usage, made),
            (_, Some(made)) => undelivered(attempt, end.target, &made),
            (result, None) if self.told_by_service => {
                if may_have_worked(result) {
                    self.awaited.insert(key, awaited);
                }
                return;
            }
            (_, None) if end.first.is_some() => {
                self.awaited.insert(key, awaited);
                return;
            }
            (_, None) if aloft.opened => self.surmised(&awaited, 0),
            (_, None) => return,
        };
        self.worked(phase, at, &work);
    }

    fn worked(&mut self, phase: u16, at: Nanos, work: &Work) {
        self.recorder.worked_in(phase, at, work);
        if let Some(log) = &mut self.log {
            log.worked(at, work);
        }
        if let Outside(Some(outside)) = &mut self.outside {
            outside.worked(at, work);
        }
    }

    fn delivered(&self, over: &Over<'_>, usage: Usage, made: Option<Made>) -> Work {
        let Over { at, attempt, end, request, aloft } = *over;
        let lowered = aloft.lowered.is_some_and(|most| usage.output >= most);
        let first = end.first.filter(|_| request.api.streams() && usage.output > 1);
        let (route, region) = match made {
            Some(made) => (RouteId(made.route), made.region.map(RegionId)),
            None => (RouteId(end.target.0), self.region_of(end.target)),
        };
        Work {
            attempt,
            target: end.target,
            route,
            region,
            input: made.map_or(Usage { output: 0, ..usage }, |made| made.input),
            output_tokens: made.map_or(usage.output, |made| made.output_tokens),
            cut_short: lowered && made.is_none_or(|made| made.stops_early),
            delivered: true,
            built_on: 0,
            streamed_for: first.map(|first| at.saturating_sub(first)),
        }
    }

    /// The service does not say what an answer cost that did not come to its end. Its head came, so the prompt was
    /// read; and at least what we have heard was made.
    fn surmised(&self, awaited: &Awaited, heard: u32) -> Work {
        let Awaited { attempt, target, input_tokens, .. } = *awaited;
        Work {
            attempt,
            target,
            route: RouteId(target.0),
            region: self.region_of(target),
            input: Usage { input: input_tokens, ..Usage::default() },
            output_tokens: heard,
            cut_short: false,
            delivered: false,
            built_on: 0,
            streamed_for: None,
        }
    }

    /// The caller of an answer that broke, or that was given up, says how much of it had come.
    fn heard(&mut self, at: Nanos, request: u64, tokens: u32) {
        if self.told_by_service {
            return;
        }
        let keys: Vec<Key> =
            self.awaited.range((request, 0)..=(request, u32::MAX)).map(|(key, _)| *key).collect();
        for key in keys {
            if let Some(awaited) = self.awaited.remove(&key) {
                let work = self.surmised(&awaited, tokens);
                self.recorder.worked_in(awaited.phase, at, &work);
            }
        }
    }

    /// Nothing more will be told: what is still not known is written down as far as it is.
    pub fn close(&mut self, at: Nanos) {
        for awaited in std::mem::take(&mut self.awaited).into_values() {
            if !self.told_by_service {
                let work = self.surmised(&awaited, 0);
                self.recorder.worked_in(awaited.phase, at, &work);
            }
        }
    }

    /// Known without being told only where nobody else may serve.
    fn region_of(&self, target: TargetId) -> Option<RegionId> {
        let target_at = self.plan.targets.get(usize::from(target.0))?;
        let stays = matches!(target_at.spec, TargetSpec::OnDemand(_) | TargetSpec::Provisioned(_));
        stays.then(|| self.plan.world.route_region(RouteId(target.0)))
    }

    fn service_made(&mut self, at: Nanos, made: Made) {
        let key = (made.request, made.attempt);
        match self.awaited.remove(&key) {
            Some(Awaited { attempt, target, phase, .. }) => {
                let work = undelivered(attempt, target, &made);
                self.recorder.worked_in(phase, at, &work);
            }
            None => {
                self.made.insert(key, made);
            }
        }
    }
}

/// An attempt that is over.
#[derive(Clone, Copy)]
struct Over<'a> {
    at: Nanos,
    attempt: AttemptId,
    end: &'a Ended,
    request: &'a Request,
    aloft: Aloft,
}

impl Seat {
    fn note(&mut self, what: &What) {
        match *what {
            What::Decided { max_tokens, .. } => self.max_tokens = max_tokens,
            What::Sent { attempt, .. } => {
                let own = self.request.max_tokens;
                let lowered = self.max_tokens.filter(|set| own.is_none_or(|own| *set < own));
                self.attempts.push(Aloft { number: attempt.number, opened: false, lowered });
            }
            What::Opened { attempt } | What::Committed { attempt, .. } => {
                let aloft = self.attempts.iter_mut().find(|aloft| aloft.number == attempt.number);
                if let Some(aloft) = aloft {
                    aloft.opened = true;
                }
            }
            What::Begun { .. } | What::AttemptEnded { .. } | What::Finished { .. } => {}
        }
    }

    fn land(&mut self, number: u32) -> Aloft {
        let place = self.attempts.iter().position(|aloft| aloft.number == number);
        let unknown = Aloft { number, opened: false, lowered: None };
        place.map_or(unknown, |place| self.attempts.swap_remove(place))
    }
}

fn undelivered(attempt: AttemptId, target: TargetId, made: &Made) -> Work {
    Work {
        attempt,
        target,
        route: RouteId(made.route),
        region: made.region.map(RegionId),
        input: made.input,
        output_tokens: made.output_tokens,
        cut_short: false,
        delivered: false,
        built_on: 0,
        streamed_for: None,
    }
}

/// An attempt that was refused was never worked on.
fn may_have_worked(result: &AttemptResult) -> bool {
    match result {
        AttemptResult::Answered(_) | AttemptResult::Cancelled => true,
        AttemptResult::Failed(failure) => matches!(
            failure.class(),
            FailureClass::Timeout
                | FailureClass::Transport
                | FailureClass::StreamBroken
                | FailureClass::LocalReject
                | FailureClass::ServerFault
        ),
    }
}

/// As much of an arrival as a recorder looks at.
fn arrival(request: &Request, phase: u16) -> Arrival {
    Arrival {
        at: request.intended,
        number: request.number,
        phase,
        class: request.class,
        tenant: request.tenant,
        input_tokens: request.input_tokens,
        output_tokens: 0,
        max_tokens: request.max_tokens,
        prefix: None,
        patience: None,
    }
}
