use serde_json::{Value, json};

use super::{quota::FULL, *};
use crate::{
    event::AttemptResult,
    failure::{AttemptEnd, ErrorReply, Failure, Phase, Signs, Timer, classify},
    flight::{Attempt, Outcome},
    request::Api,
    rig::{self, BROKEN, Loaded, MS, Play, REFUSED, SECOND, THROTTLED, World},
};

mod adaptive;

fn world<'s>(settings: Value, script: impl FnMut(u64, TargetId) -> Play + 's) -> World<'s> {
    let mut spec = json!({ "target": "a" });
    spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    World::of(json!({ "sdk": spec }), script)
}

/// Attempts for each of many requests, far enough apart not to overlap, that all end the same way.
fn attempts(settings: Value, requests: u64, play: Play) -> Vec<u32> {
    let mut world = world(settings, |_, _| play);
    (0..requests).for_each(|number| world.arrive(number * 3_600 * SECOND, number, Api::Converse));
    world.run().finished().iter().map(|finish| finish.attempts).collect()
}

fn retries(settings: Value, play: Play) -> u32 {
    attempts(settings, 300, play).iter().map(|attempts| attempts - 1).sum()
}

/// Waits before the retries of one request that never succeeds.
fn waits(settings: Value, share: f64, play: Play) -> Vec<Nanos> {
    let mut world = world(settings, |_, _| play);
    world.dice = Loaded(share);
    world.arrive(0, 0, Api::Converse);
    let sent = world.run().sent();
    sent.windows(2).map(|pair| pair[1].0 - pair[0].0 - play.ends).collect()
}

const NOT_READY: Play = rig::fails(10 * MS, rig::error("ModelNotReadyException", 429));
const TIMED_OUT: Play = rig::ends(10 * MS, AttemptEnd::TimedOut(Timer::Idle));

#[test]
fn three_attempts_and_five_in_legacy_mode() {
    assert_eq!(attempts(json!({}), 1, BROKEN), [3]);
    assert_eq!(attempts(json!({ "client": "rust" }), 1, BROKEN), [3]);
    assert_eq!(attempts(json!({ "mode": "adaptive" }), 1, BROKEN), [3]);
    assert_eq!(attempts(json!({ "mode": "legacy" }), 1, BROKEN), [5]);
    assert_eq!(attempts(json!({ "max_attempts": 1 }), 1, BROKEN), [1]);
    assert_eq!(attempts(json!({ "max_attempts": 7 }), 1, BROKEN), [7]);
}

/// What is retried, by boto3 and by Rust; measured with both SDKs against a local server.
#[test]
fn each_client_retries_what_its_sdk_retries() {
    let blank = |status| ErrorReply { name: None, ..rig::error("", status) };
    let rows = [
        (rig::error("ThrottlingException", 429), true, true),
        (rig::error("ThrottlingException", 400), true, true),
        (rig::error("ModelNotReadyException", 429), true, true),
        (rig::error("InternalServerException", 500), true, true),
        (rig::error("ServiceUnavailableException", 503), true, true),
        (rig::error("BrandNewException", 429), true, false),
        (blank(429), true, false),
        (blank(500), true, true),
        (blank(502), true, true),
        (blank(503), true, true),
        (blank(504), true, true),
        (rig::error("overloaded_error", 529), false, false),
        (rig::error("ModelTimeoutException", 408), false, false),
        (rig::error("ModelErrorException", 424), false, false),
        (rig::error("ModelStreamErrorException", 424), false, false),
        (rig::error("AccessDeniedException", 403), false, false),
        (rig::error("ConflictException", 400), false, false),
        (rig::error("ResourceNotFoundException", 404), false, false),
        (rig::error("ServiceQuotaExceededException", 400), false, false),
        (rig::error("ValidationException", 400), false, false),
        (rig::error("ExpiredTokenException", 403), false, false),
    ];
    for (reply, boto3, rust) in rows {
        for (client, retried) in [("boto3", boto3), ("rust", rust)] {
            let made = attempts(json!({ "client": client }), 1, rig::fails(MS, reply));
            assert_eq!(made, [if retried { 3 } else { 1 }], "{client} {reply:?}");
        }
    }
    for phase in [Phase::Connect, Phase::Await, Phase::Body] {
        let made = attempts(json!({}), 1, rig::ends(MS, AttemptEnd::Transport(phase)));
        assert_eq!(made, [3], "{phase:?}");
    }
    assert_eq!(attempts(json!({}), 1, TIMED_OUT), [3]);
    // Bandwidth Limit Exceeded is on the legacy list only.
    assert_eq!(attempts(json!({}), 1, rig::fails(MS, blank(509))), [1]);
    assert_eq!(attempts(json!({ "mode": "legacy" }), 1, rig::fails(MS, blank(509))), [5]);
}

#[test]
fn nothing_is_retried_once_the_head_of_a_stream_came() {
    let in_stream = ErrorReply { in_stream: true, status: None, ..rig::error("throttlingException", 0) };
    let ends = [
        AttemptEnd::Error(in_stream),
        AttemptEnd::Truncated,
        AttemptEnd::Transport(Phase::Body),
        AttemptEnd::TimedOut(Timer::Idle),
    ];
    for end in ends {
        let mut world = world(json!({}), |_, _| Play { opens: Some(MS), ..rig::ends(10 * MS, end) });
        world.arrive(0, 0, Api::ConverseStream);
        let finish = world.run().finished()[0];
        assert_eq!((finish.attempts, finish.reason), (1, Reason::NotRetryable), "{end:?}");
    }
    let mut before = world(json!({}), |_, _| THROTTLED);
    before.arrive(0, 0, Api::ConverseStream);
    assert_eq!(before.run().finished()[0].attempts, 3);
}

#[test]
fn a_truncated_stream_is_not_passed_off_as_a_success() {
    let mut world =
        world(json!({}), |_, _| Play { content: Some(MS), ..rig::ends(10 * MS, AttemptEnd::Truncated) });
    world.arrive(0, 0, Api::ConverseStream);
    assert_eq!(world.run().finished()[0].outcome, Outcome::Broken(Failure::StreamBroken));
}

#[test]
fn the_shared_quota_pays_for_a_fixed_number_of_retries_and_then_for_none() {
    let new = json!({});
    assert_eq!(retries(new.clone(), BROKEN), 500 / 14);
    assert_eq!(retries(new.clone(), TIMED_OUT), 500 / 14);
    assert_eq!(retries(new, THROTTLED), 500 / 5);
    for (client, fault) in [("boto3", 5), ("rust", 10)] {
        let old = json!({ "behaviour": "before_2026", "client": client });
        assert_eq!(retries(old.clone(), BROKEN), 500 / fault);
        assert_eq!(retries(old.clone(), NOT_READY), 500 / 5);
        assert_eq!(retries(old.clone(), THROTTLED), 500 / 5);
        assert_eq!(retries(old, TIMED_OUT), 500 / 10);
    }
    assert_eq!(retries(json!({ "mode": "legacy" }), BROKEN), 300 * 4);
    assert_eq!(retries(json!({ "retry_quota": "off" }), BROKEN), 300 * 2);
    assert_eq!(retries(json!({ "retry_quota": "per_request" }), BROKEN), 300 * 2);
}

#[test]
fn a_quota_of_its_own_still_bounds_one_request() {
    let settings = json!({ "retry_quota": "per_request", "max_attempts": 100 });
    assert_eq!(attempts(settings, 2, BROKEN), [36, 36]);
}

#[test]
fn an_empty_quota_is_given_as_the_reason() {
    let mut world = world(json!({}), |_, _| BROKEN);
    (0..20).for_each(|number| world.arrive(number * 60 * SECOND, number, Api::Converse));
    let last = *world.run().finished().last().unwrap();
    assert_eq!((last.attempts, last.reason), (1, Reason::BudgetEmpty));
}

#[test]
fn the_rust_sdk_gives_back_the_last_retry_of_the_client_and_boto3_that_of_the_request() {
    // One request fails after two retries; the next one is answered at once.
    let left = |client: &str| {
        let spec = json!({ "target": "a", "client": client });
        let mut quota = serde_json::from_value::<SdkSpec>(spec).unwrap().client_of(TargetId(0)).quota;
        assert!(quota.withdraw([14].into_iter()) && quota.withdraw([14, 14].into_iter()));
        quota.refund(None);
        quota.refund(None);
        quota.left()
    };
    assert_eq!(left("boto3"), FULL - 28 + 2);
    assert_eq!(left("rust"), FULL - 14 + 1);
}

const FLIGHT: FlightId = FlightId { slot: 0, generation: 0 };

/// How much of the quota is left after some requests, each told by its attempts.
fn quota_after(settings: Value, api: Api, plays: &[Play]) -> u32 {
    let mut spec = json!({ "target": "a" });
    spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    let spec: SdkSpec = serde_json::from_value(spec).unwrap();
    let mut client = spec.client_of(TargetId(0));
    let mut dice = Loaded(0.5);
    let mut attempts = Vec::new();
    let request = rig::request(0, api, 0);
    for play in plays {
        let view = FlightView {
            id: FLIGHT,
            request: &request,
            attempts: &attempts,
            begun: 0,
            shown: 0,
            asked: None,
        };
        if !attempts.is_empty() && !client.withdraw(&view, TargetId(0)) {
            break;
        }
        client.step(&view, 0, &mut dice);
        let (lesson, attempt) = heard(attempts.len() as u32, play);
        attempts.push(attempt);
        client.learn(
            &FlightView {
                id: FLIGHT,
                request: &request,
                attempts: &attempts,
                begun: 0,
                shown: 0,
                asked: None,
            },
            &lesson,
            0,
        );
    }
    client.quota.left()
}

/// What a strategy hears at the end of a unary attempt, or at the head of a stream that opens.
fn heard(attempt: u32, play: &Play) -> (Lesson, Attempt) {
    let target = TargetId(0);
    let signs = Signs::of(&play.end);
    let base = Attempt { opened: play.opens, signs, ..Attempt::new(target, 0) };
    match classify(&play.end) {
        _ if play.opens.is_some() => (Lesson::Opened { target, attempt }, base),
        Ok(usage) => (Lesson::Answered { target, attempt, usage }, base),
        Err(failure) => {
            let ended = Some((0, AttemptResult::Failed(failure)));
            let lesson = Lesson::Failed { target, attempt, committed: false, failure };
            (lesson, Attempt { ended, ..base })
        }
    }
}

#[test]
fn a_success_gives_back_what_its_last_retry_cost() {
    let good = rig::answers(MS);
    let left = |plays: &[Play]| quota_after(json!({}), Api::Converse, plays);
    assert_eq!(left(&[good]), FULL);
    assert_eq!(left(&[BROKEN, BROKEN, BROKEN]), FULL - 28);
    assert_eq!(left(&[BROKEN, good]), FULL);
    assert_eq!(left(&[BROKEN, THROTTLED, good]), FULL - 14);
    assert_eq!(left(&[THROTTLED, BROKEN, good]), FULL - 5);
    // A stream is a success at its head.
    let opens = Play { opens: Some(MS), ..rig::ends(9 * MS, AttemptEnd::Truncated) };
    assert_eq!(quota_after(json!({}), Api::ConverseStream, &[BROKEN, opens]), FULL);
    // A unary call is not, whatever the shell says about its head.
    assert_eq!(quota_after(json!({}), Api::Converse, &[BROKEN, opens]), FULL - 14);
}

#[test]
fn the_callers_own_fault_leaves_the_quota_alone() {
    assert_eq!(quota_after(json!({}), Api::Converse, &[BROKEN, REFUSED]), FULL - 14);
    assert_eq!(quota_after(json!({}), Api::Converse, &[REFUSED]), FULL);
}

#[test]
fn waits_double_from_a_base_that_depends_on_the_failure() {
    let almost_one = 1.0 - f64::EPSILON;
    let below = |waits: Vec<Nanos>, ceilings: &[Nanos]| {
        assert_eq!(waits.len(), ceilings.len());
        for (wait, ceiling) in waits.into_iter().zip(ceilings) {
            assert!(wait < *ceiling && wait + 10 >= *ceiling, "wait {wait}, ceiling {ceiling}");
        }
    };
    let many = |settings: Value| {
        let mut settings = settings;
        settings["max_attempts"] = json!(10);
        settings
    };
    let tenths = |base: Nanos| -> Vec<Nanos> { (0..9).map(|n| (base << n).min(20 * SECOND)).collect() };
    let old = json!({ "behaviour": "before_2026" });
    below(waits(many(json!({})), almost_one, BROKEN), &tenths(50 * MS));
    below(waits(many(json!({})), almost_one, TIMED_OUT), &tenths(50 * MS));
    below(waits(many(json!({})), almost_one, THROTTLED), &tenths(SECOND));
    below(waits(many(old.clone()), almost_one, BROKEN), &tenths(SECOND));
    below(waits(many(old), almost_one, THROTTLED), &tenths(SECOND));
    // Legacy mode has no cap.
    let legacy: Vec<Nanos> = (0..5).map(|n| SECOND << n).collect();
    below(waits(json!({ "mode": "legacy", "max_attempts": 6 }), almost_one, BROKEN), &legacy);
    assert_eq!(waits(json!({}), 0.0, THROTTLED), [0, 0]);
    assert_eq!(waits(json!({}), 0.5, THROTTLED), [500 * MS, SECOND]);
}

#[test]
fn the_services_wish_counts_as_far_as_each_client_follows_it() {
    let asking = |ms| {
        let reply = ErrorReply { retry_after_ms: Some(ms), ..rig::error("ThrottlingException", 429) };
        rig::fails(10 * MS, reply)
    };
    let first = |settings: Value, ms| waits(settings, 0.5, asking(ms))[0];
    // The client's own wait is 500 ms.
    for client in ["boto3", "rust"] {
        let new = json!({ "client": client });
        assert_eq!(first(new.clone(), 100), 500 * MS);
        assert_eq!(first(new.clone(), 3_000), 3 * SECOND);
        assert_eq!(first(new, 60_000), 5_500 * MS);
    }
    let rust = json!({ "client": "rust", "behaviour": "before_2026" });
    assert_eq!(first(rust.clone(), 100), 100 * MS);
    assert_eq!(first(rust, 60_000), 20 * SECOND);
    // Rust looks for no wish beside ModelNotReady; the client's own wait is 25 ms.
    let reply = ErrorReply { retry_after_ms: Some(3_000), ..rig::error("ModelNotReadyException", 429) };
    let not_ready = |client: &str| waits(json!({ "client": client }), 0.5, rig::fails(10 * MS, reply))[0];
    assert_eq!((not_ready("boto3"), not_ready("rust")), (3 * SECOND, 25 * MS));
    assert_eq!(first(json!({ "behaviour": "before_2026" }), 3_000), 500 * MS);
    assert_eq!(first(json!({ "mode": "legacy" }), 3_000), 500 * MS);
}

#[test]
fn timeouts_are_those_of_the_client_unless_set() {
    let of = |settings: Value| {
        let spec: SdkSpec = serde_json::from_value(settings).unwrap();
        spec.client_of(TargetId(0)).timeouts
    };
    let boto3 = of(json!({ "target": "a" }));
    assert_eq!((boto3.connect, boto3.idle), (Some(Duration::from_secs(60)), Some(Duration::from_secs(60))));
    let rust = of(json!({ "target": "a", "client": "rust", "timeouts": { "total": "90s" } }));
    assert_eq!((rust.connect, rust.idle), (Some(Duration::from_millis(3_100)), None));
    assert_eq!(rust.total, Some(Duration::from_secs(90)));
}
