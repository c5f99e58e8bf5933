//! Targets in order, from the top for every request.
//!
//! Idea. The loop that most sample code shows: try the list, take the first answer.
//! Chooses. The first target; after a failure the next one, at once. The same target again only after a back-off, if one
//! is set.
//! Learns from. Nothing: each request starts at the top, as if none had gone before.
//! Cold start. The same as later.
//! Throttling. The next target, without a pause; the throttled one is asked first again by the next request.
//! Bad at. A dead or throttled first target: every request pays for finding that out, and a list that fails as a whole
//! multiplies the load on all its targets.

use std::time::Duration;

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Contract, Decision, Find, Lesson, Reason, Send, SpecProblem, Step, Strategy, StrategyInfo, Timeouts,
    WorstCase, backoff,
};
use crate::{
    Nanos,
    failure::{Failure, FailureClass},
    flight::{ATTEMPTS_MAX, FlightView},
    span,
    target::TargetId,
};

pub const INFO: StrategyInfo = StrategyInfo {
    name: "ordered",
    summary: "targets in list order, from the top for every request, no memory",
};

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderedSpec {
    /// Names of the targets, first choice first.
    pub targets: Vec<String>,
    /// How often to go through the list.
    #[serde(default = "one")]
    pub rounds: u32,
    /// Attempts at a target before the next one.
    #[serde(default = "one")]
    pub attempts_each: u32,
    /// Wait before the same target is tried again; without it there is none.
    #[serde(default)]
    pub backoff: Option<BackoffSpec>,
    /// Failures after which to go on; by default all but those that are the caller's own fault.
    #[serde(default)]
    pub on: Option<Vec<FailureClass>>,
    /// No attempt is sent later than this after the request's arrival.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub deadline: Option<Duration>,
    /// Limits on each attempt; what is left out waits for ever.
    #[serde(default)]
    pub timeouts: Timeouts,
}

/// Exponential back-off with full jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BackoffSpec {
    /// Ceiling of the first wait; it doubles with each further one.
    #[serde(deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub base: Duration,
    /// The ceiling grows no further than this.
    #[serde(deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub cap: Duration,
}

fn one() -> u32 {
    1
}

impl OrderedSpec {
    pub(super) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        let places = self.targets.iter().enumerate();
        places.map(|(at, name)| (vec![INFO.name.into(), "targets".into(), at.to_string()], &**name)).collect()
    }

    pub(super) fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = self.target_problems();
        problems.extend(self.count_problems());
        problems.extend(self.wait_problems());
        problems.extend(self.timeouts.problems(INFO.name));
        problems
    }

    fn target_problems(&self) -> Vec<SpecProblem> {
        if self.targets.is_empty() {
            let hint = "name at least one target";
            return vec![SpecProblem::new(&[INFO.name, "targets"], "the list of targets is empty", hint)];
        }
        let twice = self.targets.iter().enumerate().filter(|(at, name)| self.targets[..*at].contains(name));
        twice
            .map(|(at, name)| {
                SpecProblem::new(
                    &[INFO.name, "targets", &at.to_string()],
                    format!("target \"{name}\" is listed twice"),
                    "list each target once; `rounds` and `attempts_each` repeat them",
                )
            })
            .collect()
    }

    fn count_problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        for (key, count) in [("rounds", self.rounds), ("attempts_each", self.attempts_each)] {
            if count == 0 {
                let message = format!("{key} is 0, so nothing is ever sent");
                problems.push(SpecProblem::new(&[INFO.name, key], message, "write 1 or more"));
            }
        }
        if self.attempts() > ATTEMPTS_MAX {
            let message = format!("a request could cost {} attempts", self.attempts());
            let hint = format!("keep targets × attempts_each × rounds at {ATTEMPTS_MAX} or less");
            problems.push(SpecProblem::new(&[INFO.name, "rounds"], message, hint));
        }
        problems
    }

    fn wait_problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if self.deadline.is_some_and(|deadline| deadline.is_zero()) {
            let hint = "write a length of time such as \"30s\", or leave it out";
            let message = "a deadline of zero lets nothing be sent";
            problems.push(SpecProblem::new(&[INFO.name, "deadline"], message, hint));
        }
        if self.backoff.is_some_and(|backoff| backoff.cap < backoff.base) {
            let hint = "write a cap of at least the base";
            problems.push(SpecProblem::new(
                &[INFO.name, "backoff", "cap"],
                "the cap is below the base",
                hint,
            ));
        }
        if self.on.as_ref().is_some_and(Vec::is_empty) {
            let message = "no failure moves on, so only the first target is ever tried";
            let hint = "name failure classes, or leave it out for all that are not the caller's fault";
            problems.push(SpecProblem::new(&[INFO.name, "on"], message, hint));
        }
        problems
    }

    fn attempts(&self) -> u32 {
        let targets = u32::try_from(self.targets.len()).unwrap_or(u32::MAX);
        targets.saturating_mul(self.attempts_each).saturating_mul(self.rounds)
    }

    pub(super) fn worst_case(&self) -> WorstCase {
        let attempts = self.attempts().min(ATTEMPTS_MAX);
        let plan = self.plan((0..self.targets.len() as u16).map(TargetId).collect());
        let waits = (1..attempts as usize).map(|sent| plan.wait_ceiling(sent));
        let waits = waits.fold(0, Nanos::saturating_add);
        let worst = WorstCase::of(attempts, &self.timeouts, Duration::from_nanos(waits));
        let Some((deadline, total)) = self.deadline.zip(self.timeouts.total) else {
            return worst;
        };
        // The last attempt may start just before the deadline.
        WorstCase { wall: worst.wall.map(|wall| wall.min(deadline.saturating_add(total))), ..worst }
    }

    pub(super) fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
        let targets = self.targets.iter().map(|name| Some(find(name)?.id)).collect::<Option<Vec<_>>>()?;
        if targets.is_empty() {
            return None;
        }
        Some(Box::new(self.plan(targets)))
    }

    fn plan(&self, targets: Vec<TargetId>) -> Ordered {
        Ordered {
            targets,
            attempts_max: self.attempts(),
            attempts_each: self.attempts_each.max(1) as usize,
            backoff: self.backoff.map(|b| (span::nanos(b.base), span::nanos(b.cap))),
            on: self.on.clone(),
            deadline: self.deadline,
            timeouts: self.timeouts,
        }
    }
}

#[derive(Debug)]
struct Ordered {
    targets: Vec<TargetId>,
    attempts_max: u32,
    attempts_each: usize,
    /// Base and cap.
    backoff: Option<(Nanos, Nanos)>,
    on: Option<Vec<FailureClass>>,
    deadline: Option<Duration>,
    timeouts: Timeouts,
}

impl Ordered {
    /// The target of the attempt after `sent` others.
    fn target(&self, sent: usize) -> TargetId {
        self.targets[sent / self.attempts_each % self.targets.len()]
    }

    /// The most to wait before the attempt after `sent` others: nothing before another target.
    fn wait_ceiling(&self, sent: usize) -> Nanos {
        let target = self.target(sent);
        let repeats = (0..sent).rev().take_while(|earlier| self.target(*earlier) == target).count();
        match self.backoff {
            Some((base, cap)) if repeats > 0 => backoff::ceiling(base, cap, repeats as u32),
            _ => 0,
        }
    }

    fn goes_on(&self, failure: Failure) -> bool {
        let class = failure.class();
        self.on.as_ref().map_or(!class.is_callers_fault(), |on| on.contains(&class))
    }
}

impl Strategy for Ordered {
    fn contract(&self) -> Contract {
        Contract { attempts_max: self.attempts_max, deadline: self.deadline }
    }

    fn connect_limit(&self) -> Option<Duration> {
        self.timeouts.connect
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        let stop = |reason| Decision { step: Step::Stop, reason };
        let sent = flight.attempts.len();
        let reason = match flight.attempts.last() {
            None => Reason::FirstChoice,
            Some(last) => match last.failure() {
                None => return stop(Reason::StillInAir),
                Some(failure) if !self.goes_on(failure) => return stop(Reason::NotRetryable),
                Some(_) if sent >= self.attempts_max as usize => return stop(Reason::TargetsSpent),
                Some(_) if last.target == self.target(sent) => Reason::RetrySame,
                Some(_) => Reason::NextTarget,
            },
        };
        let at = now.saturating_add(backoff::jittered(self.wait_ceiling(sent), dice));
        let send = Send::plain(self.target(sent), at, self.timeouts);
        Decision { step: Step::Send(send), reason }
    }

    fn learn(&mut self, _: &FlightView<'_>, _: &Lesson, _: Nanos) {}
}

#[cfg(test)]
mod tests;
