//! What the helper's keys promise: a lot for each request, bans that count from the failure and hold at once, a
//! switch that works, and no endpoint called with another's prefix.
//!
//! There is one memory for all, so instances, their lifetime and the file make no difference.

use rand_core::Rng;

use super::{Endpoint, Settings, order};
use crate::{
    Nanos,
    failure::Code,
    flight::FlightView,
    strategy::{Contract, Decision, Lesson, Reason, Send, Step, Strategy},
    target::TargetId,
};

#[derive(Debug)]
pub(super) struct Promised {
    settings: Settings,
    /// The target of each endpoint.
    targets: Vec<TargetId>,
    available: Vec<Nanos>,
}

impl Promised {
    pub(super) fn new(settings: Settings) -> Promised {
        let target = |endpoint: &Endpoint| {
            let own = endpoint.prefix.as_ref().filter(|_| settings.through_profiles);
            own.and_then(|prefix| endpoint.profiles.get(prefix)).copied().unwrap_or(endpoint.target)
        };
        Promised {
            targets: settings.endpoints.iter().map(target).collect(),
            available: settings.endpoints.iter().map(|endpoint| endpoint.next_available).collect(),
            settings,
        }
    }

    /// Where to go after a failure that may pass.
    fn next(&self, flight: &FlightView<'_>, last: TargetId, now: Nanos) -> Result<TargetId, Reason> {
        let attempts = flight.attempts;
        if attempts.len() >= self.settings.cap as usize {
            return Err(Reason::AttemptsSpent);
        }
        let here = attempts.iter().filter(|attempt| attempt.target == last).count();
        if here < self.settings.attempts_each as usize || !self.settings.multi_region {
            return Ok(last);
        }
        let untried = |place: &usize| attempts.iter().all(|attempt| attempt.target != self.targets[*place]);
        let eligible = |place: &usize| self.available[*place] <= now && untried(place);
        let later = |place: &usize| self.settings.distribute && !self.settings.endpoints[*place].primary;
        let places = (0..self.targets.len()).filter(eligible);
        places.min_by_key(|place| later(place)).map(|place| self.targets[place]).ok_or(Reason::TargetsSpent)
    }

    /// The next target, or why there is none.
    fn choose(&self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Result<TargetId, Reason> {
        let Some(last) = flight.attempts.last() else {
            let list = order::list(&self.settings, &self.available, now, dice);
            return list.first().map(|place| self.targets[*place]).ok_or(Reason::NothingEligible);
        };
        match last.failure() {
            None => Err(Reason::StillInAir),
            Some(failure) if failure.class().is_callers_fault() => Err(Reason::NotRetryable),
            Some(_) => self.next(flight, last.target, now),
        }
    }
}

impl Strategy for Promised {
    fn contract(&self) -> Contract {
        Contract { attempts_max: self.settings.attempts_max, deadline: None }
    }

    fn connect_limit(&self) -> Option<std::time::Duration> {
        self.settings.timeouts.connect
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        let target = match self.choose(flight, now, dice) {
            Ok(target) => target,
            Err(reason) => return Decision { step: Step::Stop, reason },
        };
        let reason = match flight.attempts.last() {
            None => Reason::FirstChoice,
            Some(last) if last.target == target => Reason::RetrySame,
            Some(_) => Reason::NextTarget,
        };
        let send = Send::plain(target, now, self.settings.timeouts);
        Decision { step: Step::Send(send), reason }
    }

    fn learn(&mut self, flight: &FlightView<'_>, lesson: &Lesson, now: Nanos) {
        let Lesson::Failed { target, attempt, failure, .. } = *lesson else {
            return;
        };
        let refused = flight.attempts[attempt as usize].signs.code == Code::Validation;
        if refused || failure.class().is_callers_fault() {
            return;
        }
        if let Some(place) = self.targets.iter().position(|own| *own == target) {
            self.available[place] = now.saturating_add(self.settings.cooldown);
        }
    }
}
