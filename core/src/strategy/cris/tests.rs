//! The documented behaviour line by line: a test's number is the line's. The module's text says which lines are not
//! about routing.

use serde_json::{Value, json};

use super::*;
use crate::{
    event::AttemptResult,
    flight::Outcome,
    request::Api,
    rig::{self, BROKEN, MS, Note, Play, SECOND, THROTTLED, USAGE, World},
    strategy::{Reason, StrategySpec},
    target::TargetSpec,
};

const GOOD: Play = rig::answers(300 * MS);

/// The profile is a, the base model b.
fn cris<'s>(settings: Value, script: impl FnMut(u64, TargetId) -> Play + 's) -> World<'s> {
    let mut spec = json!({ "profile": "a" });
    spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    World::of(json!({ "cris": spec }), script)
}

fn targets(world: &mut World<'_>) -> Vec<u16> {
    world.run().sent().into_iter().map(|(_, target)| target).collect()
}

#[test]
fn f2_1_with_a_base_model_and_a_profile_both_are_called_and_each_duration_is_told() {
    let script = |_, target: TargetId| rig::answers(if target.0 == 0 { 400 * MS } else { 300 * MS });
    let mut world = cris(json!({ "base": "b" }), script);
    (0..2).for_each(|number| world.arrive(number * SECOND, number, Api::Converse));
    assert_eq!(targets(&mut world), [1, 0]);
    let ended = world.notes.0.iter().filter_map(|(at, note)| match note {
        Note::Ended(attempt, AttemptResult::Answered(USAGE)) => Some((attempt.number, at % SECOND)),
        _ => None,
    });
    assert_eq!(ended.collect::<Vec<_>>(), [(0, 300 * MS), (0, 400 * MS)]);
}

#[test]
fn f2_1_without_a_base_model_the_profile_alone_is_called() {
    let mut world = cris(json!({}), |_, _| GOOD);
    (0..3).for_each(|number| world.arrive(number * SECOND, number, Api::Converse));
    assert_eq!(targets(&mut world), [0; 3]);
}

#[test]
fn f2_2_a_profile_may_be_an_arn_or_an_id_and_geographic_or_global() {
    let model = "anthropic.claude-3-haiku-20240307-v1:0";
    let arn = format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{model}");
    for id in [arn, format!("us.{model}"), format!("global.{model}")] {
        let target = json!({ "profile": { "source": "us-east-1", "id": id } });
        let target: TargetSpec = serde_json::from_value(target).unwrap();
        for api in [Api::Converse, Api::InvokeModel] {
            let mut world = cris(json!({}), |_, _| GOOD);
            world.arrive(0, 0, api);
            assert_eq!(targets(&mut world), [0]);
            assert_eq!(world.notes.finished()[0].outcome, Outcome::Answered(USAGE));
        }
        // What goes into the request's modelId is the id as it is written.
        assert_eq!((target.model_id(), target.region()), (&*id, "us-east-1"));
    }
}

#[test]
fn f2_6_a_throttled_call_is_not_rerouted_by_the_client_only_retried_up_to_eleven_attempts() {
    for settings in [json!({}), json!({ "base": "b" })] {
        let mut world = cris(settings, |_, _| THROTTLED);
        world.arrive(0, 0, Api::Converse);
        world.arrive(3_600 * SECOND, 1, Api::Converse);
        let sent = targets(&mut world);
        assert!(sent[..11].iter().all(|target| *target == sent[0]), "{sent:?}");
        let finish = world.notes.finished()[0];
        assert_eq!((finish.attempts, finish.reason), (11, Reason::AttemptsSpent));
    }
    let attempts = |sdk: Value| {
        let mut world = cris(json!({ "sdk": sdk }), |_, _| THROTTLED);
        world.arrive(0, 0, Api::Converse);
        targets(&mut world).len()
    };
    assert_eq!(attempts(json!({ "mode": "legacy" })), 11);
    assert_eq!(attempts(json!({ "mode": "adaptive" })), 11);
    assert_eq!(attempts(json!({ "max_attempts": 3 })), 3);
}

#[test]
fn the_two_targets_share_one_clients_retry_quota() {
    let mut world = cris(json!({ "base": "b" }), |_, _| BROKEN);
    (0..4).for_each(|number| world.arrive(number * 3_600 * SECOND, number, Api::Converse));
    let attempts: Vec<u32> = world.run().finished().iter().map(|finish| finish.attempts).collect();
    // 500 of quota pay for 35 retries at 14 each.
    assert_eq!(attempts, [11, 11, 11, 6]);
}

#[test]
fn settings_that_cannot_work_are_named() {
    let problems = |settings: Value| {
        let mut spec = json!({ "profile": "a" });
        spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let spec: StrategySpec = serde_json::from_value(json!({ "cris": spec })).unwrap();
        spec.problems().iter().map(|problem| problem.path.join(".")).collect::<Vec<_>>()
    };
    assert_eq!(problems(json!({ "base": "b" })), [""; 0]);
    assert_eq!(problems(json!({ "base": "a" })), ["cris.base"]);
    assert_eq!(problems(json!({ "sdk": { "max_attempts": 0 } })), ["cris.sdk.max_attempts"]);
    let spec: StrategySpec =
        serde_json::from_value(json!({ "cris": { "profile": "a", "base": "b" } })).unwrap();
    let named: Vec<String> =
        spec.targets().iter().map(|(path, name)| format!("{}={name}", path.join("."))).collect();
    assert_eq!(named, ["cris.profile=a", "cris.base=b"]);
    assert_eq!(spec.worst_case().attempts, 11);
}
