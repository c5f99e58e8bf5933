//! One target, with the AWS SDK's own retries: what a team has without any router.
//!
//! Idea. The retry modes of boto3 and of the AWS SDK for Rust, with the parameters before and after their change in 2026,
//! so that a comparison meets the client that is really in use.
//! Chooses. The one target, again after a jittered back-off, while the retry quota of the client lasts. In adaptive mode
//! each sending also waits for a token of the client's rate limiter, first come, first served.
//! Learns from. Throttles and faults drain the quota, successes fill it; the limiter measures the rate of replies and
//! cuts its own at each throttle. A stream counts as a success once its head is there: what breaks inside it is never
//! retried.
//! Cold start. A full quota, a limiter that is off until the first throttle.
//! Throttling. Waits longer than after a fault, and pays less quota for it (behaviour since 2026).
//! Bad at. A target that stays throttled: three attempts for each request multiply the load until the quota is empty. One
//! limiter for several throttle scopes starves them all.
//!
//! Sources: AWS SDKs and Tools Reference Guide, "Retry behavior"; the SDKs' own published retry code. Parameters are in
//! `engine`, the quota in `quota`, the rate limiter in `limiter`, who waits for it in `line`.

pub(super) mod engine;
mod limiter;
mod line;
mod quota;
mod under;

pub use under::ClientSpec;

use std::time::Duration;

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use self::{engine::Engine, limiter::Limiter, quota::Quota};
use super::{
    Contract, Decision, Find, Lesson, Reason, Send, SpecProblem, Step, Strategy, StrategyInfo, Timeouts,
    WorstCase,
};
use crate::{
    Nanos,
    flight::{ATTEMPTS_MAX, FlightId, FlightView},
    target::TargetId,
};

pub const INFO: StrategyInfo = StrategyInfo {
    name: "sdk",
    summary: "one target, the AWS SDK's own retry modes, old and new parameters",
};

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SdkSpec {
    /// Name of the target.
    pub target: String,
    #[serde(default)]
    pub mode: Mode,
    #[serde(default)]
    pub client: Client,
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Attempts in total, the first included; by default 3, in legacy mode 5.
    #[serde(default)]
    pub max_attempts: Option<u32>,
    /// Where the retry quota is kept; by default shared. Legacy mode has none.
    #[serde(default)]
    pub retry_quota: Option<RetryQuota>,
    /// Limits on each attempt; what is left out is as the client has it by default.
    #[serde(default)]
    pub timeouts: Timeouts,
}

/// The retry mode set in the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Standard,
    /// Standard, with a rate limiter in the client.
    Adaptive,
    /// The default of boto3 up to 1.43: five attempts, no retry quota.
    Legacy,
}

/// Which SDK; they differ in what they retry and in their timeouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Client {
    #[default]
    Boto3,
    Rust,
}

/// The parameters of the standard and adaptive modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
pub enum Behaviour {
    /// Retry behaviour 2.0: back-off from 1 s, a retry costs 5 of the quota, 10 after a timeout.
    #[serde(rename = "before_2026")]
    Before2026,
    /// Retry behaviour 2.1: back-off from 50 ms, from 1 s after a throttle; a retry costs 14, 5 after a throttle.
    #[default]
    #[serde(rename = "since_2026")]
    Since2026,
}

/// Where the client's quota of retries is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryQuota {
    /// One client for all requests, as it should be.
    Shared,
    /// A new client for each request: its quota is always full.
    PerRequest,
    Off,
}

impl SdkSpec {
    pub(super) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        vec![(vec![INFO.name.into(), "target".into()], &self.target)]
    }

    pub(super) fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = self.timeouts.problems(INFO.name);
        let mut add = |key, message: &str, hint: &str| {
            problems.push(SpecProblem::new(&[INFO.name, key], message, hint));
        };
        if self.max_attempts.is_some_and(|max| !(1..=ATTEMPTS_MAX).contains(&max)) {
            let hint = format!("write a number from 1 to {ATTEMPTS_MAX}, the first attempt included");
            add("max_attempts", "the number of attempts is out of range", &hint);
        }
        if self.mode == Mode::Legacy && self.client == Client::Rust {
            add("mode", "the Rust SDK has no legacy mode", "write `client: boto3`, or another mode");
        }
        if self.mode == Mode::Legacy && self.retry_quota.is_some() {
            add("retry_quota", "legacy mode has no retry quota", "leave retry_quota out");
        }
        if self.mode == Mode::Adaptive && self.retry_quota == Some(RetryQuota::PerRequest) {
            let message = "a client that is new for each request never learns a rate";
            add("retry_quota", message, "write `mode: standard` with `retry_quota: per_request`");
        }
        problems
    }

    pub(super) fn worst_case(&self) -> WorstCase {
        let engine = self.engine();
        let waits = (1..engine.attempts_max).map(|retry| engine.wait_max(retry));
        let waits = Duration::from_nanos(waits.fold(0, Nanos::saturating_add));
        let worst = WorstCase::of(engine.attempts_max, &self.timeouts, waits);
        match self.mode {
            // Nothing bounds the line before the limiter.
            Mode::Adaptive => WorstCase { wall: None, ..worst },
            Mode::Standard | Mode::Legacy => worst,
        }
    }

    pub(super) fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.client_of(find(&self.target)?.id)))
    }

    pub(super) fn client_of(&self, target: TargetId) -> Sdk {
        let kept = self.retry_quota.unwrap_or(RetryQuota::Shared);
        Sdk {
            target,
            engine: self.engine(),
            quota: Quota::new(if self.mode == Mode::Legacy { RetryQuota::Off } else { kept }, self.client),
            limiter: (self.mode == Mode::Adaptive).then(Limiter::default),
            timeouts: self.timeouts.or(engine::default_timeouts(self.client)),
        }
    }

    fn engine(&self) -> Engine {
        let default = if self.mode == Mode::Legacy { 5 } else { 3 };
        Engine {
            client: self.client,
            mode: self.mode,
            behaviour: self.behaviour,
            attempts_max: self.max_attempts.unwrap_or(default),
        }
    }
}

/// One client with its retries; other strategies call through it as well.
#[derive(Debug)]
pub(super) struct Sdk {
    target: TargetId,
    engine: Engine,
    quota: Quota,
    limiter: Option<Limiter>,
    timeouts: Timeouts,
}

impl Sdk {
    /// Calls this target from now on.
    pub(super) fn aim(&mut self, target: TargetId) {
        self.target = target;
    }

    fn send(&self, at: Nanos, reason: Reason) -> Decision {
        let send = Send::plain(self.target, at, self.timeouts);
        Decision { step: Step::Send(send), reason }
    }

    /// The SDK has what it takes for a success: the head of a stream, or the whole of a unary answer.
    fn succeeded(&mut self, flight: &FlightView<'_>, attempt: u32, now: Nanos) {
        self.quota.refund(attempt.checked_sub(1).and_then(|before| self.engine.cost(flight, before)));
        if let Some(limiter) = &mut self.limiter {
            limiter.reply(now, false);
        }
    }
}

impl Strategy for Sdk {
    fn contract(&self) -> Contract {
        Contract { attempts_max: self.engine.attempts_max, deadline: None }
    }

    fn connect_limit(&self) -> Option<Duration> {
        self.timeouts.connect
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        let stop = |reason| Decision { step: Step::Stop, reason };
        let Some(last) = flight.attempts.last() else {
            return self.send(now, Reason::FirstChoice);
        };
        let Some(failure) = last.failure() else {
            return stop(Reason::StillInAir);
        };
        let retry = flight.attempts.len() as u32;
        match self.engine.retries(last, flight.request.api) {
            None => stop(Reason::NotRetryable),
            Some(_) if retry >= self.engine.attempts_max => stop(Reason::AttemptsSpent),
            Some(kind) => {
                let charged = self.engine.charges(kind).zip(self.limiter.as_mut());
                let limited = charged.and_then(|(tokens, limiter)| limiter.charge(tokens, now));
                let wait = match limited {
                    Some(wait) => wait.min(engine::WAIT_CAP),
                    None => self.engine.wait(kind, retry, failure.retry_after_ms(), dice),
                };
                self.send(now.saturating_add(wait), Reason::RetrySame)
            }
        }
    }

    fn withdraw(&mut self, flight: &FlightView<'_>, _: TargetId) -> bool {
        let engine = self.engine;
        let costs = (0..flight.attempts.len() as u32).filter_map(|attempt| engine.cost(flight, attempt));
        self.quota.withdraw(costs)
    }

    fn hold(&mut self, flight: &FlightView<'_>, now: Nanos) -> Option<Nanos> {
        // A retry that paid when it was decided on pays nothing more.
        if !flight.attempts.is_empty() && self.engine.charges_retries() {
            return None;
        }
        self.limiter.as_mut()?.hold(flight.id, now)
    }

    fn left(&mut self, flight: &FlightView<'_>) {
        if let Some(limiter) = &mut self.limiter {
            limiter.leave(flight.id);
        }
    }

    fn call(&mut self, now: Nanos) -> Option<(FlightId, Nanos)> {
        self.limiter.as_mut()?.call(now)
    }

    fn learn(&mut self, flight: &FlightView<'_>, lesson: &Lesson, now: Nanos) {
        let api = flight.request.api;
        match *lesson {
            Lesson::Opened { attempt, .. } if api.streams() => self.succeeded(flight, attempt, now),
            Lesson::Answered { attempt, .. } if !api.streams() => self.succeeded(flight, attempt, now),
            Lesson::Failed { attempt, .. } => {
                let attempt = &flight.attempts[attempt as usize];
                if let Some(limiter) = self.limiter.as_mut().filter(|_| !engine::in_stream(attempt, api)) {
                    limiter.reply(now, self.engine.retries(attempt, api) == Some(engine::Kind::Throttle));
                }
            }
            Lesson::Sent { .. }
            | Lesson::Opened { .. }
            | Lesson::Answered { .. }
            | Lesson::Cancelled { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
