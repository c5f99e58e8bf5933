use serde_json::json;

use super::*;
use crate::{
    failure::AttemptEnd,
    flight::Outcome,
    request::Api,
    rig::{self, BROKEN, MS, REFUSED, SECOND, THROTTLED, World},
};

#[test]
fn each_request_starts_at_the_top_and_moves_on_at_once() {
    let spec = json!({ "ordered": { "targets": ["a", "b", "c"] } });
    let mut world = World::of(spec, |_, target| match target.0 {
        0 => THROTTLED,
        1 => BROKEN,
        _ => rig::answers(300 * MS),
    });
    world.arrive(0, 0, Api::Converse);
    world.arrive(SECOND, 1, Api::Converse);
    let notes = world.run();
    let once = |from| [(from, 0), (from + 10 * MS, 1), (from + 20 * MS, 2)];
    assert_eq!(notes.sent(), [once(0), once(SECOND)].concat());
    assert_eq!(notes.reasons()[..3], [Reason::FirstChoice, Reason::NextTarget, Reason::NextTarget]);
    assert!(notes.finished().iter().all(|f| f.target == Some(TargetId(2)) && f.attempts == 3));
}

#[test]
fn the_same_target_again_waits_and_another_does_not() {
    let spec = json!({ "ordered": {
        "targets": ["a", "b"], "attempts_each": 3, "backoff": { "base": "1s", "cap": "1500ms" },
    } });
    let mut world = World::of(spec, |_, _| BROKEN);
    world.arrive(0, 0, Api::Converse);
    let notes = world.run();
    // The dice halve each ceiling of 1 s and 1.5 s; each attempt takes 10 ms.
    let at_a = [(0, 0), (510 * MS, 0), (1_270 * MS, 0)];
    let at_b = [(1_280 * MS, 1), (1_790 * MS, 1), (2_550 * MS, 1)];
    assert_eq!(notes.sent(), [at_a, at_b].concat());
    let finish = notes.finished()[0];
    assert_eq!((finish.attempts, finish.reason), (6, Reason::TargetsSpent));
    assert_eq!(finish.outcome, Outcome::Failed(Failure::ServerFault { retry_after_ms: None }));
}

#[test]
fn rounds_go_through_the_list_again() {
    let spec = json!({ "ordered": { "targets": ["a", "b"], "rounds": 2 } });
    let mut world = World::of(spec, |_, _| BROKEN);
    world.arrive(0, 0, Api::Converse);
    let targets: Vec<u16> = world.run().sent().iter().map(|(_, target)| *target).collect();
    assert_eq!(targets, [0, 1, 0, 1]);
}

#[test]
fn the_callers_own_fault_ends_it_unless_the_list_says_otherwise() {
    let attempts = |on: serde_json::Value, play: rig::Play| {
        let spec = json!({ "ordered": { "targets": ["a", "b"], "on": on } });
        let mut world = World::of(spec, |_, _| play);
        world.arrive(0, 0, Api::Converse);
        let finish = world.run().finished()[0];
        (finish.attempts, finish.reason)
    };
    assert_eq!(attempts(json!(null), REFUSED), (1, Reason::NotRetryable));
    assert_eq!(attempts(json!(["bad_request"]), REFUSED), (2, Reason::TargetsSpent));
    assert_eq!(attempts(json!(["throttle"]), THROTTLED), (2, Reason::TargetsSpent));
    assert_eq!(attempts(json!(["throttle"]), BROKEN), (1, Reason::NotRetryable));
}

#[test]
fn a_stream_that_breaks_before_its_content_moves_on_and_one_that_breaks_after_it_does_not() {
    let finish = |content| {
        let spec = json!({ "ordered": { "targets": ["a", "b"] } });
        let mut world = World::of(spec, |_, _| rig::Play {
            opens: Some(10 * MS),
            content,
            ..rig::ends(500 * MS, AttemptEnd::Truncated)
        });
        world.arrive(0, 0, Api::ConverseStream);
        world.run().finished()[0]
    };
    let before = finish(None);
    assert_eq!((before.attempts, before.outcome), (2, Outcome::Failed(Failure::StreamBroken)));
    let after = finish(Some(200 * MS));
    assert_eq!((after.attempts, after.outcome), (1, Outcome::Broken(Failure::StreamBroken)));
    assert_eq!((after.first, after.reason), (Some(200 * MS), Reason::BrokenAfterCommit));
}

#[test]
fn no_attempt_is_sent_after_the_deadline() {
    let spec = json!({ "ordered": { "targets": ["a", "b", "c"], "deadline": "2s" } });
    let slow = rig::fails(1_500 * MS, rig::error("InternalServerException", 500));
    let mut world = World::of(spec, |_, _| slow);
    world.arrive(0, 0, Api::Converse);
    let notes = world.run();
    assert_eq!(notes.sent(), [(0, 0), (1_500 * MS, 1)]);
    assert_eq!(notes.finished()[0].reason, Reason::DeadlineNear);
}
