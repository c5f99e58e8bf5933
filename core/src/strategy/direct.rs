//! One target, one attempt.
//!
//! Idea. What a program does that calls Bedrock and hands every error to its user: the base line of every comparison.
//! Chooses. The one target, once.
//! Learns from. Nothing.
//! Cold start. The same as later.
//! Throttling. The caller gets it.
//! Bad at. Everything but adding no load: a single refusal is a failed request.

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Contract, Decision, Find, Lesson, Reason, Send, SpecProblem, Step, Strategy, StrategyInfo, Timeouts,
    WorstCase,
};
use crate::{Nanos, flight::FlightView, target::TargetId};

pub const INFO: StrategyInfo = StrategyInfo { name: "direct", summary: "one target, one attempt, no retry" };

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectSpec {
    /// Name of the target.
    pub target: String,
    /// Limits on the attempt; what is left out waits for ever.
    #[serde(default)]
    pub timeouts: Timeouts,
}

impl DirectSpec {
    pub(super) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        vec![(vec![INFO.name.into(), "target".into()], &self.target)]
    }

    pub(super) fn problems(&self) -> Vec<SpecProblem> {
        self.timeouts.problems(INFO.name)
    }

    pub(super) fn worst_case(&self) -> WorstCase {
        WorstCase::of(1, &self.timeouts, std::time::Duration::ZERO)
    }

    pub(super) fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
        Some(Box::new(Direct { target: find(&self.target)?.id, timeouts: self.timeouts }))
    }
}

#[derive(Debug)]
struct Direct {
    target: TargetId,
    timeouts: Timeouts,
}

impl Strategy for Direct {
    fn contract(&self) -> Contract {
        Contract { attempts_max: 1, deadline: None }
    }

    fn connect_limit(&self) -> Option<std::time::Duration> {
        self.timeouts.connect
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, _: &mut dyn Rng) -> Decision {
        if !flight.attempts.is_empty() {
            return Decision { step: Step::Stop, reason: Reason::AttemptsSpent };
        }
        let send = Send::plain(self.target, now, self.timeouts);
        Decision { step: Step::Send(send), reason: Reason::FirstChoice }
    }

    fn learn(&mut self, _: &FlightView<'_>, _: &Lesson, _: Nanos) {}
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        event::Finished,
        failure::Failure,
        flight::Outcome,
        request::Api,
        rig::{self, BROKEN, MS, USAGE, World},
    };

    fn world<'s>(script: impl FnMut(u64, TargetId) -> rig::Play + 's) -> World<'s> {
        World::of(json!({ "direct": { "target": "a" } }), script)
    }

    #[test]
    fn an_answer_is_handed_on_and_a_failure_too() {
        let mut world = world(|attempt, _| if attempt == 0 { rig::answers(300 * MS) } else { BROKEN });
        world.arrive(0, 0, Api::Converse);
        world.arrive(1_000 * MS, 1, Api::Converse);
        let notes = world.run();
        assert_eq!(notes.sent(), [(0, 0), (1_000 * MS, 0)]);
        let answered = Finished {
            outcome: Outcome::Answered(USAGE),
            reason: Reason::Answered,
            attempts: 1,
            first: Some(300 * MS),
            target: Some(TargetId(0)),
        };
        let failed = Finished {
            outcome: Outcome::Failed(Failure::ServerFault { retry_after_ms: None }),
            reason: Reason::AttemptsSpent,
            attempts: 1,
            first: None,
            target: None,
        };
        assert_eq!(notes.finished(), [answered, failed]);
    }
}
