//! The documented behaviour line by line: a test's number is the line's.

use serde_json::{Value, json};

use super::*;
use crate::{
    failure::{AttemptEnd, ErrorReply, Phase, Timer},
    flight::Outcome,
    request::Api,
    rig::{self, BROKEN, MS, Play, REFUSED, SECOND, THROTTLED, USAGE, World},
    strategy::StrategySpec,
    target::TargetId,
    target::TargetSpec,
};

const GOOD: Play = rig::answers(300 * MS);

/// The primary is a, the secondary b.
fn spill<'s>(settings: Value, script: impl FnMut(u64, TargetId) -> Play + 's) -> World<'s> {
    let mut spec = json!({ "primary": "a", "secondary": "b" });
    spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    World::of(json!({ "provisioned_spill": spec }), script)
}

fn without_retries() -> Value {
    json!({ "sdk": { "max_attempts": 1 } })
}

/// Where one request goes.
fn sent(settings: Value, api: Api, script: impl FnMut(u64, TargetId) -> Play) -> Vec<u16> {
    let mut world = spill(settings, script);
    world.arrive(0, 0, api);
    world.run().sent().into_iter().map(|(_, target)| target).collect()
}

fn primary(play: Play) -> impl Fn(u64, TargetId) -> Play {
    move |_, target| if target.0 == 0 { play } else { GOOD }
}

#[test]
fn f1_1_a_throttle_sends_the_same_request_once_to_the_on_demand_model() {
    for api in [Api::InvokeModel, Api::ConverseStream] {
        assert_eq!(sent(without_retries(), api, primary(THROTTLED)), [0, 1]);
    }
    // With the SDK's retries underneath it hears of the throttle after five attempts.
    let mut world = spill(json!({}), primary(THROTTLED));
    world.arrive(0, 0, Api::InvokeModel);
    let notes = world.run();
    let targets: Vec<u16> = notes.sent().iter().map(|(_, target)| *target).collect();
    assert_eq!(targets, [0, 0, 0, 0, 0, 1]);
    // Half of 1, 2, 4 and 8 s, and 10 ms for each attempt; then no wait.
    assert_eq!(notes.sent()[5].0, 7_500 * MS + 50 * MS);
    assert_eq!(*notes.reasons().last().unwrap(), Reason::NextTarget);
    let finish = notes.finished()[0];
    assert_eq!((finish.outcome, finish.target), (Outcome::Answered(USAGE), Some(TargetId(1))));
}

#[test]
fn f1_2_any_other_error_of_the_primary_has_no_fallback() {
    let fails = |name, status| rig::fails(10 * MS, rig::error(name, status));
    let blank = ErrorReply { name: None, ..rig::error("", 429) };
    let others = [
        fails("ServiceUnavailableException", 503),
        fails("ModelNotReadyException", 429),
        fails("ModelTimeoutException", 408),
        fails("AccessDeniedException", 403),
        rig::fails(10 * MS, blank),
        rig::ends(10 * MS, AttemptEnd::TimedOut(Timer::Idle)),
        rig::ends(10 * MS, AttemptEnd::Transport(Phase::Connect)),
        BROKEN,
        REFUSED,
    ];
    for play in others {
        assert_eq!(sent(without_retries(), Api::InvokeModel, primary(play)), [0], "{play:?}");
        let with_retries = sent(json!({}), Api::InvokeModel, primary(play));
        assert!(with_retries.iter().all(|target| *target == 0), "{play:?}");
    }
    // Inside a stream that opened it is not an error of the call.
    let throttled = ErrorReply { in_stream: true, status: None, ..rig::error("throttlingException", 0) };
    let in_stream = Play { opens: Some(MS), ..rig::fails(10 * MS, throttled) };
    assert_eq!(sent(without_retries(), Api::ConverseStream, primary(in_stream)), [0]);
}

#[test]
fn f1_2_the_last_error_decides_after_retries() {
    let script = |last: Play| {
        move |attempt, _| {
            if attempt < 4 {
                BROKEN
            } else if attempt == 4 {
                last
            } else {
                GOOD
            }
        }
    };
    assert_eq!(sent(json!({}), Api::InvokeModel, script(THROTTLED)), [0, 0, 0, 0, 0, 1]);
    let script = |attempt, _| if attempt < 4 { THROTTLED } else { BROKEN };
    assert_eq!(sent(json!({}), Api::InvokeModel, script), [0; 5]);
}

#[test]
fn f1_3_after_a_throttle_the_next_request_still_goes_to_the_primary_first() {
    let mut world = spill(without_retries(), primary(THROTTLED));
    (0..3).for_each(|number| world.arrive(number * SECOND, number, Api::InvokeModel));
    let targets: Vec<u16> = world.run().sent().iter().map(|(_, target)| *target).collect();
    assert_eq!(targets, [0, 1, 0, 1, 0, 1]);
}

#[test]
fn f1_4_with_both_sides_throttled_the_secondarys_error_reaches_the_caller() {
    let second = ErrorReply { retry_after_ms: Some(7), ..rig::error("ThrottlingException", 429) };
    let script = |_, target: TargetId| if target.0 == 0 { THROTTLED } else { rig::fails(10 * MS, second) };
    let mut world = spill(without_retries(), script);
    world.arrive(0, 0, Api::InvokeModel);
    let finish = world.run().finished()[0];
    let theirs = Failure::Throttle { scope: ThrottleScope::Unknown, retry_after_ms: Some(7) };
    assert_eq!((finish.outcome, finish.attempts), (Outcome::Failed(theirs), 2));
    // With retries each side has its five.
    assert_eq!(sent(json!({}), Api::InvokeModel, |_, _| THROTTLED), [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]);
}

#[test]
fn f1_5_the_built_in_fault_has_exactly_the_fourth_of_five_answered_by_the_other_region() {
    let mut world = spill(json!({ "demo_fault": 4 }), |_, _| GOOD);
    (0..5).for_each(|number| world.arrive(number * SECOND, number, Api::InvokeModel));
    let notes = world.run();
    let answered: Vec<u16> = notes.finished().iter().map(|finish| finish.target.unwrap().0).collect();
    assert_eq!(answered, [0, 0, 0, 1, 0]);
    // After a call of the primary that was good, and is paid.
    assert_eq!(notes.sent()[3..5], [(3 * SECOND, 0), (3 * SECOND + 300 * MS, 1)]);
    assert!(notes.finished().iter().all(|finish| matches!(finish.outcome, Outcome::Answered(_))));
}

#[test]
fn f1_6_nothing_checks_that_the_fallback_is_the_same_model() {
    let targets: [TargetSpec; 2] = [
        json!({ "provisioned": {
            "region": "us-east-1",
            "arn": "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl",
        } }),
        json!({ "on_demand": { "region": "us-west-2", "model": "anthropic.claude-instant-v1" } }),
    ]
    .map(|target| serde_json::from_value(target).unwrap());
    let mut world = spill(without_retries(), primary(THROTTLED));
    (0..2).for_each(|number| world.arrive(number * SECOND, number, Api::InvokeModel));
    let called = |(_, target): &(Nanos, u16)| targets[usize::from(*target)].model_id();
    let models: Vec<&str> = world.run().sent().iter().map(called).collect();
    // One fixed id on either side, whatever the other is.
    let (bought, on_demand) = (targets[0].model_id(), "anthropic.claude-instant-v1");
    assert_eq!(models, [bought, on_demand, bought, on_demand]);
}

#[test]
fn an_empty_retry_quota_ends_the_sdks_retries_and_spills_at_once() {
    let settings = json!({ "sdk": { "mode": "standard" } });
    let mut world = spill(settings, primary(THROTTLED));
    (0..60).for_each(|number| world.arrive(number * 60 * SECOND, number, Api::InvokeModel));
    let notes = world.run();
    // 500 of quota pay for 100 retries at 5 each, two of a request.
    let attempts: Vec<u32> = notes.finished().iter().map(|finish| finish.attempts).collect();
    assert_eq!(attempts[..50], [4; 50]);
    assert_eq!(attempts[50..], [2; 10]);
    assert!(notes.finished().iter().all(|finish| matches!(finish.outcome, Outcome::Answered(_))));
}

#[test]
fn each_side_pays_for_its_own_retries() {
    // Every request is throttled at the primary, and once at the secondary.
    let mut at_secondary = 0;
    let script = move |_, target: TargetId| {
        at_secondary += u32::from(target.0 == 1);
        if target.0 == 1 && at_secondary % 2 == 0 { GOOD } else { THROTTLED }
    };
    let mut world = spill(json!({ "sdk": { "mode": "standard", "max_attempts": 2 } }), script);
    (0..120).for_each(|number| world.arrive(number * 60 * SECOND, number, Api::InvokeModel));
    let attempts: Vec<u32> = world.run().finished().iter().map(|finish| finish.attempts).collect();
    // The primary's quota of 500 is gone after 100 retries; the secondary's successes give back what theirs cost.
    assert_eq!(attempts[..100], [4; 100]);
    assert_eq!(attempts[100..], [3; 20]);
}

#[test]
fn adaptive_clients_hold_back_on_their_own_side() {
    let script = |attempt, target: TargetId| if target.0 == 0 && attempt < 40 { THROTTLED } else { GOOD };
    let settings = json!({ "sdk": { "mode": "adaptive", "max_attempts": 1 } });
    let mut world = spill(settings, script);
    (0..20).for_each(|number| world.arrive(number * 100 * MS, number, Api::InvokeModel));
    (20..40).for_each(|number| world.arrive(3 * SECOND, number, Api::InvokeModel));
    let notes = world.run();
    assert!(notes.reasons().contains(&Reason::RateLimited));
    assert_eq!(notes.finished().len(), 40);
    let waited =
        |place: u16| notes.sent().iter().filter(|(at, target)| *at > 4 * SECOND && *target == place).count();
    assert!(waited(0) > 0, "the primary's limiter holds requests back");
}

#[test]
fn settings_that_cannot_work_are_named() {
    let problems = |settings: Value| {
        let mut spec = json!({ "primary": "a", "secondary": "b" });
        spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        let spec: StrategySpec = serde_json::from_value(json!({ "provisioned_spill": spec })).unwrap();
        spec.problems().iter().map(|problem| problem.path.join(".")).collect::<Vec<_>>()
    };
    assert_eq!(problems(json!({})), [""; 0]);
    assert_eq!(problems(json!({ "secondary": "a" })), ["provisioned_spill.secondary"]);
    assert_eq!(problems(json!({ "demo_fault": 0 })), ["provisioned_spill.demo_fault"]);
    for (attempts, keys) in [(0, 1), (50, 0), (51, 1), (101, 1)] {
        let found = problems(json!({ "sdk": { "max_attempts": attempts } }));
        assert_eq!(found, vec!["provisioned_spill.sdk.max_attempts"; keys], "{attempts}");
    }
    assert_eq!(problems(json!({ "sdk": { "client": "rust" } })), ["provisioned_spill.sdk.mode"]);
    let timeouts = json!({ "sdk": { "timeouts": { "idle": "0s" } } });
    assert_eq!(problems(timeouts), ["provisioned_spill.sdk.timeouts.idle"]);
}

#[test]
fn the_worst_case_is_that_of_both_calls() {
    let spec = json!({ "provisioned_spill": {
        "primary": "a", "secondary": "b", "sdk": { "timeouts": { "total": "10s" } },
    } });
    let worst = serde_json::from_value::<StrategySpec>(spec).unwrap().worst_case();
    // Five attempts and waits of 1, 2, 4 and 8 s, twice.
    assert_eq!(worst, WorstCase { attempts: 10, wall: Some(Duration::from_secs(130)) });
}
