//! What the helper's code does: instances that make their list once, and a file that outlives them.

use rand_core::Rng;

use super::{
    Settings,
    order::{self, Try},
};
use crate::{
    Nanos,
    failure::{Code, Failure},
    flight::{Attempt, FlightView},
    request::Request,
    strategy::{Contract, Decision, Lesson, Reason, Send, Step, Strategy, backoff},
};

const SECOND: Nanos = 1_000_000_000;

#[derive(Debug)]
pub(super) struct Faithful {
    settings: Settings,
    /// `next_available_time` of each record.
    file: Vec<Nanos>,
    lifetime: Option<Nanos>,
    count: u32,
    /// None before the first request: the lots that they draw are its dice.
    instances: Vec<Instance>,
    /// When the next of them is destroyed.
    next_end: Nanos,
}

/// A place that one object after the other takes.
#[derive(Debug)]
struct Instance {
    object: Object,
    /// Finishes the requests that it began.
    former: Option<Object>,
    ends: Nanos,
}

#[derive(Debug)]
struct Object {
    built: Nanos,
    /// The records as they were read when it was built.
    records: Vec<Nanos>,
    tries: Vec<Try>,
    failed: Vec<bool>,
    /// What a request once set, for all later ones that set nothing.
    max_tokens: Option<u32>,
}

impl Object {
    fn new(settings: &Settings, file: &[Nanos], built: Nanos, dice: &mut dyn Rng) -> Object {
        let list = order::list(settings, file, whole_seconds(built), dice);
        Object {
            built,
            records: file.to_vec(),
            tries: order::tries(settings, &list),
            failed: vec![false; settings.endpoints.len()],
            max_tokens: None,
        }
    }

    /// The file as it leaves it: all records as they were when it was built, and its own bans.
    fn destroy(&self, settings: &Settings, file: &mut Vec<Nanos>) {
        if !settings.writes || !self.failed.contains(&true) {
            return;
        }
        file.clone_from(&self.records);
        let until = whole_seconds(self.built).saturating_add(settings.cooldown);
        for (record, _) in file.iter_mut().zip(&self.failed).filter(|(_, failed)| **failed) {
            *record = until;
        }
    }
}

/// The helper reads the clock once, rounded.
fn whole_seconds(at: Nanos) -> Nanos {
    at.saturating_add(SECOND / 2) / SECOND * SECOND
}

impl Faithful {
    pub(super) fn new(settings: Settings, count: u32, lifetime: Option<Nanos>) -> Faithful {
        Faithful {
            file: settings.endpoints.iter().map(|endpoint| endpoint.next_available).collect(),
            settings,
            lifetime,
            count,
            instances: Vec::new(),
            next_end: 0,
        }
    }

    /// Builds and destroys all that was due by now, in its order, since what one writes the next one reads.
    fn renew(&mut self, now: Nanos, dice: &mut dyn Rng) {
        if self.instances.is_empty() {
            let ends = |place| first_end(self.lifetime, place, self.count);
            self.instances = (0..self.count)
                .map(|place| Instance {
                    object: Object::new(&self.settings, &self.file, 0, dice),
                    former: None,
                    ends: ends(place),
                })
                .collect();
            self.next_end = ends(0);
        }
        while let Some(lifetime) = self.lifetime.filter(|_| self.next_end <= now) {
            for instance in self.instances.iter_mut().filter(|instance| instance.ends == self.next_end) {
                instance.object.destroy(&self.settings, &mut self.file);
                let next = Object::new(&self.settings, &self.file, instance.ends, dice);
                instance.former = Some(std::mem::replace(&mut instance.object, next));
                instance.ends = instance.ends.saturating_add(lifetime);
            }
            let ends = self.instances.iter().map(|instance| instance.ends);
            self.next_end = ends.min().unwrap_or(Nanos::MAX);
        }
    }

    fn object(&mut self, flight: &FlightView<'_>) -> &mut Object {
        let place = flight.request.number % u64::from(self.count);
        let instance = &mut self.instances[place as usize];
        match &mut instance.former {
            Some(former) if flight.begun < instance.object.built => former,
            _ => &mut instance.object,
        }
    }

    /// Failover is for calls that fail; who reads a stream is not asked again.
    fn next(&mut self, flight: &FlightView<'_>) -> Result<(Try, Option<u32>), Reason> {
        let sent = flight.attempts.len();
        let cap = self.settings.cap as usize;
        match flight.attempts.last() {
            Some(last) if last.failure().is_none() => return Err(Reason::StillInAir),
            Some(last) if in_stream(last, flight.request) => return Err(Reason::NotRetryable),
            _ => {}
        }
        let object = self.object(flight);
        match object.tries.get(sent) {
            Some(next) => Ok((*next, object.max_tokens.filter(|_| flight.request.max_tokens.is_none()))),
            None if sent == 0 => Err(Reason::NothingEligible),
            None if sent >= cap => Err(Reason::AttemptsSpent),
            None => Err(Reason::TargetsSpent),
        }
    }
}

fn in_stream(attempt: &Attempt, request: &Request) -> bool {
    request.api.streams() && attempt.opened.is_some()
}

/// Spread over the first lifetime.
fn first_end(lifetime: Option<Nanos>, place: u32, count: u32) -> Nanos {
    lifetime.map_or(Nanos::MAX, |lifetime| {
        let share = f64::from(place + 1) / f64::from(count);
        (lifetime as f64 * share) as Nanos
    })
}

impl Strategy for Faithful {
    fn contract(&self) -> Contract {
        Contract { attempts_max: self.settings.attempts_max, deadline: None }
    }

    fn connect_limit(&self) -> Option<std::time::Duration> {
        self.settings.timeouts.connect
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        if flight.attempts.is_empty() {
            self.renew(now, dice);
            let object = self.object(flight);
            object.max_tokens = flight.request.max_tokens.or(object.max_tokens);
        }
        let (next, max_tokens) = match self.next(flight) {
            Ok(next) => next,
            Err(reason) => return Decision { step: Step::Stop, reason },
        };
        let reason = match (flight.attempts.len(), next.first) {
            (0, _) => Reason::FirstChoice,
            (_, true) => Reason::NextTarget,
            (_, false) => Reason::RetrySame,
        };
        let send = Send { max_tokens, ..Send::plain(next.target, now, self.settings.timeouts) };
        Decision { step: Step::Send(send), reason }
    }

    /// The text is looked for inside the protected block, so an answer without any fails the endpoint.
    fn discard(&mut self, flight: &FlightView<'_>, _: u32, dice: &mut dyn Rng) -> Option<Failure> {
        let share = self.settings.not_text_first.filter(|_| !flight.request.api.streams())?;
        (backoff::share(dice) < share).then_some(Failure::LocalReject)
    }

    fn learn(&mut self, flight: &FlightView<'_>, lesson: &Lesson, _: Nanos) {
        let Lesson::Failed { attempt, .. } = *lesson else {
            return;
        };
        let shown = &flight.attempts[attempt as usize];
        if in_stream(shown, flight.request) || shown.signs.code == Code::Validation {
            return;
        }
        let object = self.object(flight);
        if let Some(failed) = object.tries.get(attempt as usize).filter(|failed| failed.first) {
            object.failed[failed.endpoint] = true;
        }
    }
}
