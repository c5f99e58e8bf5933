//! A sample's shared helper around a fixed chain of targets: rate limiter, breaker, retry loop, alarm, SDK call.
//!
//! Idea. AWS's reliability patterns as a team would paste them into a service: the helper module of all its scripts,
//! and the script that falls back by hand.
//! Chooses. The first target of the chain; after a failure of any kind the next one, at once. A chain that failed as
//! a whole is tried again from its top after 1, 2 and 4 s. Under each call are the SDK's own five attempts.
//! Learns from. Failed requests: after five in the life of the process its breaker refuses all, until more than 60 s
//! have gone by without one. It does not learn which target failed, nor why: a validation error is retried, waited for
//! and counted like an outage.
//! Cold start. The same as later, but for the count.
//! Throttling. Like any failure: up to 20 attempts at each target for one request, at the very moment when capacity
//! is short, in waits that all callers share.
//! Bad at. Light noise, which its breaker takes for an outage sooner or later; a dead first target, which every request
//! finds out anew; more than ten requests a second, since its rate limiter keeps 0.1 s between them.
//!
//! What is like the original and may surprise. The limiter keeps requests apart, not attempts, and a caller that leaves
//! while it waits keeps its turn. The breaker wraps the retry loop and is one for all targets. The alarm cuts a call with
//! all its SDK attempts and back-offs, and not the work that the service does for it. Timeouts and token limits that are
//! out of range become the default without a word.
//!
//! What is unlike it. The fallback script calls a chain once, without the helper; for that write
//! `retries: 0, breaker: { counts: nothing }, min_gap: 0s`. It probes each Region before the real call; here no probe
//! is sent, because an attempt's answer is the caller's answer. The prompt's limit of 10,000 characters is left out:
//! requests have no text here.
//!
//! The sample's other scripts are no ways of routing. A prompt router is a target, shown in the mock (F3.7). Prompt
//! caching (F3.6), batch jobs (F3.8) and the check of a machine before the start (F3.9) have no tests here.
//!
//! Source: aws-samples/sample-amazon-bedrock-reliability-patterns. Start reading at `step`; where a request stands is
//! in `course`.

mod allow_list;
mod breaker;
mod course;
mod settings;

use std::time::Duration;

use rand_core::Rng;

use self::{
    breaker::Breaker,
    course::{Call, Course},
};
pub use self::{
    breaker::{BreakerSpec, Counts},
    settings::{Chain, ManualFallbackSpec},
};
use super::{
    Contract, Decision, Lesson, Reason, Send, Step, Strategy, StrategyInfo, Timeouts,
    sdk::{Client, engine},
};
use crate::{Nanos, flight::FlightView, target::TargetId};

pub const INFO: StrategyInfo = StrategyInfo {
    name: "manual_fallback",
    summary: "the reliability patterns sample: fixed chain, 1-2-4 s retries, lifetime breaker, rate limiter",
};

const SECOND: Nanos = 1_000_000_000;
#[derive(Debug)]
struct ManualFallback {
    course: Course,
    attempts_max: u32,
    max_tokens: u32,
    breaker: Breaker,
    min_gap: Nanos,
    /// When the rate limiter lets the next request that arrives begin.
    next_turn: Nanos,
}

impl ManualFallback {
    fn first(&mut self, flight: &FlightView<'_>, now: Nanos) -> Decision {
        // The first asking is at the arrival; any other is at the time that the limiter named then. A caller that left
        // in between keeps its turn, like a thread that sleeps for it.
        if now == flight.begun {
            let turn = now.max(self.next_turn);
            self.next_turn = turn.saturating_add(self.min_gap);
            if turn > now {
                return ask_again(turn, Reason::RateLimited);
            }
        }
        if !self.breaker.admits(now) {
            return stop(Reason::BreakerBlocked);
        }
        let call = Call { number: 0, began: now, attempts: 0 };
        self.send(self.course.targets[0], now, &call, Reason::FirstChoice)
    }

    /// The call failed for good.
    fn next_call(&mut self, call: &Call, last: TargetId, now: Nanos) -> Decision {
        let Some((target, wait)) = self.course.next(call) else {
            self.breaker.failed(now);
            return stop(Reason::TargetsSpent);
        };
        let reason = if target == last { Reason::RetrySame } else { Reason::NextTarget };
        let at = now.saturating_add(wait);
        let call = Call { number: call.number + 1, began: at, attempts: 0 };
        self.send(target, at, &call, reason)
    }

    fn send(&self, target: TargetId, at: Nanos, call: &Call, reason: Reason) -> Decision {
        let left = Duration::from_nanos(self.course.alarm(call).saturating_sub(at));
        let timeouts = Timeouts { total: Some(left), ..engine::default_timeouts(Client::Boto3) };
        let send = Send { max_tokens: Some(self.max_tokens), ..Send::plain(target, at, timeouts) };
        Decision { step: Step::Send(send), reason }
    }
}

const fn stop(reason: Reason) -> Decision {
    Decision { step: Step::Stop, reason }
}

const fn ask_again(at: Nanos, reason: Reason) -> Decision {
    Decision { step: Step::AskAgain { at }, reason }
}

impl Strategy for ManualFallback {
    fn contract(&self) -> Contract {
        Contract { attempts_max: self.attempts_max, deadline: None }
    }

    fn connect_limit(&self) -> Option<Duration> {
        engine::default_timeouts(Client::Boto3).connect
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        let Some((call, last)) = self.course.call(flight) else {
            return self.first(flight, now);
        };
        let Some(failure) = last.failure() else {
            return stop(Reason::StillInAir);
        };
        let Some(kind) = self.course.sdk_retries(&call, last, flight.request.api) else {
            return self.next_call(&call, last.target, now);
        };
        let wait = self.course.sdk.wait(kind, call.attempts, failure.retry_after_ms(), dice);
        let (at, alarm) = (now.saturating_add(wait), self.course.alarm(&call));
        if at < alarm {
            return self.send(last.target, at, &call, Reason::RetrySame);
        }
        // The alarm rings while the SDK waits.
        if now < alarm {
            return ask_again(alarm, Reason::RetrySame);
        }
        self.next_call(&call, last.target, now)
    }

    fn learn(&mut self, _: &FlightView<'_>, lesson: &Lesson, now: Nanos) {
        match lesson {
            Lesson::Answered { .. } => self.breaker.succeeded(),
            // The flight ends here without another step; a failure before the first content is counted when the
            // last try is spent.
            Lesson::Failed { committed: true, .. } => self.breaker.failed(now),
            Lesson::Sent { .. }
            | Lesson::Opened { .. }
            | Lesson::Failed { .. }
            | Lesson::Cancelled { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
