use serde_json::{Value, json};

use super::*;
use crate::{
    event::Finished,
    failure::{AttemptEnd, Timer},
    flight::Outcome,
    request::Api,
    rig::{self, BROKEN, MS, Note, Notebook, Play, REFUSED, SECOND, THROTTLED, World},
    strategy::StrategySpec,
};

fn written(settings: Value) -> Value {
    let mut spec = json!({ "chain": { "cross_region": ["a"] } });
    spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    json!({ "manual_fallback": spec })
}

fn world<'s>(settings: Value, script: impl FnMut(u64, TargetId) -> Play + 's) -> World<'s> {
    World::of(written(settings), script)
}

/// One request whose attempts all end the same way: when they were sent, and how it finished.
fn one(settings: Value, play: Play) -> (Vec<(Nanos, u16)>, Finished) {
    let mut world = world(settings, |_, _| play);
    world.arrive(0, 0, Api::Converse);
    let notes = world.run();
    (notes.sent(), notes.finished()[0])
}

/// The sendings as they were decided.
fn sends(notes: &Notebook) -> Vec<Send> {
    let decided = notes.0.iter().filter_map(|(_, note)| match note {
        Note::Decided(Step::Send(send), _) => Some(*send),
        _ => None,
    });
    decided.collect()
}

const THREE: [&str; 3] = ["a", "b", "c"];

#[test]
fn f3_1_after_any_exception_there_are_four_tries_with_waits_of_1_2_and_4_s_also_for_a_400() {
    let gone = rig::ends(10 * MS, AttemptEnd::TimedOut(Timer::Total));
    for play in [REFUSED, THROTTLED, BROKEN, gone] {
        let (sent, finish) = one(json!({ "sdk_retries": false }), play);
        let waited: Vec<Nanos> = sent.windows(2).map(|pair| pair[1].0 - pair[0].0 - 10 * MS).collect();
        assert_eq!(waited, [SECOND, 2 * SECOND, 4 * SECOND], "{play:?}");
        assert_eq!((finish.attempts, finish.reason), (4, Reason::TargetsSpent));
    }
    // The SDK does not retry a 400, so its own five attempts change nothing here.
    assert_eq!(one(json!({}), REFUSED).1.attempts, 4);
}

#[test]
fn five_sdk_attempts_under_four_tries_make_one_request_twenty() {
    let (sent, finish) = one(json!({}), BROKEN);
    assert_eq!(finish.attempts, 20);
    // The dice halve the SDK's ceilings of 1, 2, 4 and 8 s; the helper's waits have no jitter.
    let waited: Vec<Nanos> = sent.windows(2).map(|pair| (pair[1].0 - pair[0].0 - 10 * MS) / MS).collect();
    assert_eq!(waited[..6], [500, 1_000, 2_000, 4_000, 1_000, 500]);
    assert_eq!((waited[9], waited[14]), (2_000, 4_000));
}

/// Requests one after another, far enough apart for each to be over: `true` is answered.
fn outcomes(settings: Value, fates: impl Iterator<Item = bool> + Clone) -> Vec<Finished> {
    let mut attempts = fates.clone().flat_map(|fine| vec![fine; if fine { 1 } else { 4 }]);
    let mut world = world(settings, |_, _| match attempts.next() {
        Some(false) => BROKEN,
        _ => rig::answers(10 * MS),
    });
    for (number, _) in fates.chain([true]).enumerate() {
        world.arrive(number as u64 * 10 * SECOND, number as u64, Api::Converse);
    }
    world.run().finished()
}

#[test]
fn f3_2_five_failed_requests_in_the_life_of_the_process_block_and_successes_between_them_do_not_matter() {
    let fates = [vec![false; 4], vec![true; 1_000], vec![false]].concat();
    let after = |counts: &str| {
        let settings = json!({ "sdk_retries": false, "breaker": { "counts": counts } });
        *outcomes(settings, fates.iter().copied()).last().unwrap()
    };
    let refused = after("lifetime");
    assert_eq!((refused.attempts, refused.reason), (0, Reason::BreakerBlocked));
    assert_eq!(refused.outcome, Outcome::Failed(crate::failure::Failure::LocalReject));
    assert_eq!(after("in_a_row").reason, Reason::Answered);
    assert_eq!(after("nothing").reason, Reason::Answered);
}

#[test]
fn f3_2_one_failure_of_the_breaker_is_a_request_with_four_failed_tries() {
    let refusals = |failed: usize| {
        let fates = std::iter::repeat_n(false, failed);
        let last = *outcomes(json!({ "sdk_retries": false }), fates).last().unwrap();
        last.reason == Reason::BreakerBlocked
    };
    assert_eq!([4, 5].map(refusals), [false, true]);
}

#[test]
fn f3_3_when_open_a_request_at_60_s_since_the_last_failure_is_refused_and_at_60_1_s_it_is_tried() {
    let settings = json!({ "retries": 0, "sdk_retries": false });
    let mut world = world(settings, |attempt, _| if attempt < 5 { BROKEN } else { rig::answers(MS) });
    (0..5).for_each(|number| world.arrive(number * SECOND, number, Api::Converse));
    let last_failure = 4 * SECOND + 10 * MS;
    world.arrive(last_failure + 60 * SECOND, 5, Api::Converse);
    world.arrive(last_failure + 60_100 * MS, 6, Api::Converse);
    let finished = world.run().finished();
    assert_eq!((finished[5].attempts, finished[5].reason), (0, Reason::BreakerBlocked));
    assert_eq!((finished[6].attempts, finished[6].reason), (1, Reason::Answered));
}

#[test]
fn f3_4_a_target_with_the_prefix_apac_is_refused_by_the_model_check() {
    let spec: StrategySpec = serde_json::from_value(written(json!({}))).unwrap();
    let refusal = spec.refuses_model("apac.amazon.nova-lite-v1:0").unwrap();
    assert!(refusal.contains("\"apac.amazon.nova-lite-v1:0\""), "{refusal}");
    assert_eq!(spec.refuses_model("us.amazon.nova-lite-v1:0"), None);
}

#[test]
fn f3_5_when_region_1_fails_for_any_reason_region_2_is_called_at_once() {
    for play in [REFUSED, THROTTLED, BROKEN, rig::ends(10 * MS, AttemptEnd::Truncated)] {
        for chain in ["cross_region", "multi_model", "multi_provider"] {
            let settings = json!({ "chain": { chain: THREE }, "sdk_retries": false });
            let mut world = world(settings, |_, target| if target.0 == 0 { play } else { rig::answers(MS) });
            (0..2).for_each(|number| world.arrive(number * SECOND, number, Api::Converse));
            // No memory: the second request begins at the top as well.
            let twice = [(0, 0), (10 * MS, 1), (SECOND, 0), (SECOND + 10 * MS, 1)];
            assert_eq!(world.run().sent(), twice, "{chain} {play:?}");
        }
    }
}

#[test]
fn f3_5_when_all_regions_fail_the_caller_learns_it_with_every_region_tried() {
    let settings = json!({ "chain": { "cross_region": THREE }, "sdk_retries": false, "retries": 0 });
    let (sent, finish) = one(settings, BROKEN);
    assert_eq!(sent, [(0, 0), (10 * MS, 1), (20 * MS, 2)]);
    assert_eq!((finish.attempts, finish.reason), (3, Reason::TargetsSpent));
    assert_eq!(
        finish.outcome,
        Outcome::Failed(crate::failure::Failure::ServerFault { retry_after_ms: None })
    );
}

#[test]
fn the_retry_helper_tries_a_whole_chain_again() {
    let settings = json!({ "chain": { "cross_region": ["a", "b"] }, "sdk_retries": false });
    let (sent, _) = one(settings, BROKEN);
    let again = |at: Nanos| [(at, 0), (at + 10 * MS, 1)];
    let tries = [0, 1_020 * MS, 3_040 * MS, 7_060 * MS].map(again);
    assert_eq!(sent, tries.concat());
}

#[test]
fn f3_10_settings_out_of_range_become_the_defaults_without_a_message() {
    let used = |settings: Value| {
        let mut world = world(settings, |_, _| rig::answers(MS));
        world.arrive(0, 0, Api::Converse);
        let send = sends(world.run())[0];
        (send.timeouts.total.unwrap().as_secs(), send.max_tokens.unwrap())
    };
    let default = (30, 1_000);
    assert_eq!(used(json!({})), default);
    assert_eq!(used(json!({ "timeout": "300s", "max_tokens": 4_000 })), (300, 4_000));
    assert_eq!(used(json!({ "timeout": "301s", "max_tokens": 4_001 })), default);
    assert_eq!(used(json!({ "timeout": "0s", "max_tokens": 0 })), default);
    assert_eq!(used(json!({ "max_tokens": -5 })), default);
}

#[test]
fn the_demonstrations_cut_answers_short() {
    let tokens = |chain: &str| {
        let settings = json!({ "chain": { chain: ["a"] }, "as_demo": true, "max_tokens": 4_000 });
        let mut world = world(settings, |_, _| rig::answers(MS));
        world.arrive(0, 0, Api::Converse);
        sends(world.run())[0].max_tokens
    };
    let chains = ["cross_region", "multi_model", "multi_provider"];
    assert_eq!(chains.map(tokens), [Some(100), Some(50), Some(50)]);
}

#[test]
fn the_alarm_leaves_each_sdk_attempt_what_the_ones_before_it_left() {
    let slow = rig::fails(8 * SECOND, rig::error("InternalServerException", 500));
    let cut = rig::ends(2_500 * MS, AttemptEnd::TimedOut(Timer::Total));
    let play = |attempt, _| match attempt {
        0..3 => slow,
        3 => cut,
        _ => rig::answers(MS),
    };
    let mut world = world(json!({}), play);
    world.arrive(0, 0, Api::Converse);
    let notes = world.run();
    let at = [0, 8_500 * MS, 17_500 * MS, 27_500 * MS, 31 * SECOND].map(|at| (at, 0));
    assert_eq!(notes.sent(), at);
    let left: Vec<u128> = sends(notes).iter().map(|send| send.timeouts.total.unwrap().as_millis()).collect();
    assert_eq!(left, [30_000, 21_500, 12_500, 2_500, 30_000]);
}

#[test]
fn the_alarm_also_cuts_the_back_off_of_the_sdk() {
    let slow = rig::fails(9 * SECOND, rig::error("InternalServerException", 500));
    let mut world = world(json!({}), |attempt, _| if attempt < 3 { slow } else { rig::answers(MS) });
    world.arrive(0, 0, Api::Converse);
    // Attempts end at 9, 18.5 and 28.5 s; the next would be due at 30.5 s.
    assert_eq!(world.run().sent().last(), Some(&(31 * SECOND, 0)));
}

#[test]
fn the_rate_limiter_keeps_requests_a_tenth_of_a_second_apart_in_their_order() {
    let mut world = world(json!({}), |_, _| rig::answers(SECOND));
    (0..5).for_each(|number| world.arrive(number * 10 * MS, number, Api::Converse));
    let notes = world.run();
    assert_eq!(notes.sent(), [0, 100, 200, 300, 400].map(|at| (at * MS, 0)));
    let finished = notes.0.iter().filter_map(|(at, note)| match note {
        Note::Finished(..) => Some(*at / MS),
        _ => None,
    });
    assert_eq!(finished.collect::<Vec<_>>(), [1_000, 1_100, 1_200, 1_300, 1_400]);
    assert!(notes.reasons().contains(&Reason::RateLimited));
}

#[test]
fn an_open_breaker_still_makes_requests_wait_for_their_turn() {
    let mut world = world(json!({ "retries": 0, "sdk_retries": false }), |_, _| BROKEN);
    (0..5).for_each(|number| world.arrive(number * SECOND, number, Api::Converse));
    (5..7).for_each(|number| world.arrive(10 * SECOND, number, Api::Converse));
    let notes = world.run();
    let refused = |(at, note): &(Nanos, Note)| {
        matches!(note, Note::Decided(Step::Stop, Reason::BreakerBlocked)).then_some(*at)
    };
    let at: Vec<Nanos> = notes.0.iter().filter_map(refused).collect();
    assert_eq!(at, [10 * SECOND, 10 * SECOND + 100 * MS]);
}

#[test]
fn a_stream_that_breaks_after_its_first_content_counts_for_the_breaker_and_is_not_retried() {
    let breaks = Play { content: Some(MS), ..rig::ends(10 * MS, AttemptEnd::Truncated) };
    let mut world = world(json!({}), |_, _| breaks);
    (0..6).for_each(|number| world.arrive(number * SECOND, number, Api::ConverseStream));
    let reasons: Vec<Reason> = world.run().finished().iter().map(|finish| finish.reason).collect();
    assert_eq!(reasons[..5], [Reason::BrokenAfterCommit; 5]);
    assert_eq!(reasons[5], Reason::BreakerBlocked);
}

#[test]
fn the_worst_case_is_twenty_attempts_and_about_two_minutes() {
    let worst = |settings| {
        let spec: StrategySpec = serde_json::from_value(written(settings)).unwrap();
        (spec.worst_case().attempts, spec.worst_case().wall)
    };
    assert_eq!(worst(json!({ "min_gap": "0s" })), (20, Some(Duration::from_secs(4 * 30 + 7))));
    assert_eq!(worst(json!({})), (20, None), "nothing bounds the queue before the limiter");
    let chain = json!({ "chain": { "multi_model": ["a", "b"] }, "sdk_retries": false, "min_gap": "0s" });
    assert_eq!(worst(chain), (8, Some(Duration::from_secs(8 * 30 + 7))));
}

#[test]
fn settings_that_cannot_work_are_named_by_their_keys() {
    let rows = [
        (json!({ "chain": { "cross_region": [] } }), "manual_fallback.chain.cross_region"),
        (json!({ "chain": { "multi_model": ["a", "b", "a"] } }), "manual_fallback.chain.multi_model.2"),
        (json!({ "chain": { "multi_provider": ["a", "b", "c", "d", "e", "f"] } }), "manual_fallback.retries"),
        (json!({ "breaker": { "failures": 0 } }), "manual_fallback.breaker.failures"),
        (json!({ "timeout": "1500ms" }), "manual_fallback.timeout"),
    ];
    for (settings, key) in rows {
        let spec: StrategySpec = serde_json::from_value(written(settings.clone())).unwrap();
        let keys: Vec<String> = spec.problems().iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(keys, [key], "{settings}");
    }
    let off = written(json!({ "breaker": { "counts": "nothing", "failures": 0 } }));
    assert_eq!(serde_json::from_value::<StrategySpec>(off).unwrap().problems(), []);
}
