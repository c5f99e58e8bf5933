use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::{
    failure::Failure,
    flight::{Outcome, Router},
    request::{Api, Request},
    rig::{self, BROKEN, MS, Play, REFUSED, SECOND, THROTTLED, World},
    strategy::StrategySpec,
    target::Known,
};

const MINUTE: Nanos = 60 * SECOND;

/// A balancer whose table can still be read after its run.
#[derive(Debug, Clone)]
struct Open(Arc<Mutex<SmartBalancer>>);

impl Strategy for Open {
    fn contract(&self) -> Contract {
        self.0.lock().unwrap().contract()
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        self.0.lock().unwrap().step(flight, now, dice)
    }

    fn learn(&mut self, flight: &FlightView<'_>, lesson: &Lesson, now: Nanos) {
        self.0.lock().unwrap().learn(flight, lesson, now);
    }
}

impl Open {
    /// Used requests and lifetime count of each row once every write stands.
    fn counts(&self) -> Vec<(i64, u64)> {
        let mut balancer = self.0.lock().unwrap();
        balancer.table.read_as_of(Nanos::MAX).iter().map(|row| (row.used, row.lifetime)).collect()
    }
}

fn written(settings: Value) -> Value {
    let mut spec = json!({
        "table": [{ "target": "a" }, { "target": "b" }],
        "read": "0s", "write": "0s", "sdk_retries": false,
    });
    spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    spec
}

fn world<'s>(settings: Value, script: impl FnMut(u64, TargetId) -> Play + 's) -> (World<'s>, Open) {
    let spec: SmartBalancerSpec = serde_json::from_value(written(settings)).unwrap();
    assert_eq!(spec.problems(), []);
    let spot = rig::target("here");
    let place = |name: &str| {
        let id = TargetId(u16::from(name.bytes().next()? - b'a'));
        Some(Known { id, spec: &spot })
    };
    let open = Open(Arc::new(Mutex::new(spec.balancer(&place).unwrap())));
    (World::new(Router::new(Box::new(open.clone())), script), open)
}

/// Requests at these times, and the targets that they went to.
fn targets(settings: Value, at: impl Iterator<Item = Nanos>, play: Play) -> Vec<u16> {
    let (mut world, _) = world(settings, |_, _| play);
    at.enumerate().for_each(|(number, at)| world.arrive(at, number as u64, Api::InvokeModel));
    world.run().sent().iter().map(|(_, target)| *target).collect()
}

const QUICK: Play = rig::answers(10 * MS);

fn every(gap: Nanos, times: u64) -> impl Iterator<Item = Nanos> {
    (0..times).map(move |n| n * gap)
}

#[test]
fn f4_1_the_target_with_more_headroom_is_chosen() {
    let quotas = json!({ "table": [{ "target": "a", "quota": 10 }, { "target": "b", "quota": 12 }] });
    assert_eq!(targets(quotas, every(SECOND, 5), QUICK), [1, 1, 0, 1, 0]);
}

#[test]
fn f4_2_given_equal_remainders_the_first_in_the_table_is_chosen() {
    assert_eq!(targets(json!({}), every(SECOND, 4), QUICK), [0, 1, 0, 1]);
    let turned = json!({ "table": [{ "target": "b" }, { "target": "a" }] });
    assert_eq!(targets(turned, every(SECOND, 4), QUICK), [1, 0, 1, 0]);
}

#[test]
fn f4_3_given_nothing_left_anywhere_the_request_is_still_sent_to_the_least_negative() {
    let quotas = json!({ "table": [{ "target": "a", "quota": 1 }, { "target": "b", "quota": 2 }] });
    // The last three are sent with 0 and 0, -1 and 0, -1 and -1 left.
    assert_eq!(targets(quotas, every(SECOND, 6), QUICK), [1, 0, 1, 0, 1, 0]);
}

#[test]
fn f4_4_the_first_request_of_a_new_clock_minute_finds_all_older_rows_empty() {
    let (mut world, open) = world(json!({}), |_, _| QUICK);
    (0..9).for_each(|number| world.arrive(number * SECOND, number, Api::InvokeModel));
    world.arrive(MINUTE - MS, 9, Api::InvokeModel);
    world.arrive(MINUTE, 10, Api::InvokeModel);
    let notes = world.run();
    let last: Vec<u16> = notes.sent()[8..].iter().map(|(_, target)| *target).collect();
    assert_eq!(last, [0, 1, 0]);
    // The tenth was sent in the old minute and is counted in the new one.
    assert_eq!(open.counts(), [(1, 6), (1, 5)]);
}

#[test]
fn f4_5_given_a_model_error_the_caller_gets_it_no_counter_moves_and_no_second_region_is_tried() {
    for play in [BROKEN, THROTTLED, REFUSED] {
        let (mut world, open) = world(json!({}), |_, _| play);
        world.arrive(0, 0, Api::InvokeModel);
        let notes = world.run();
        assert_eq!(notes.sent(), [(0, 0)]);
        assert!(matches!(notes.finished()[0].outcome, Outcome::Failed(_)));
        assert_eq!(open.counts(), [(0, 0), (0, 0)]);
    }
}

#[test]
fn the_sdk_under_it_retries_at_the_same_target_and_nobody_counts_it() {
    let (mut world, open) =
        world(json!({ "sdk_retries": true }), |attempt, _| if attempt < 4 { THROTTLED } else { QUICK });
    world.arrive(0, 0, Api::InvokeModel);
    let notes = world.run();
    assert_eq!(notes.sent().iter().map(|(_, target)| *target).collect::<Vec<_>>(), [0; 5]);
    assert_eq!(notes.finished()[0].reason, Reason::Answered);
    assert_eq!(open.counts(), [(1, 1), (0, 0)]);
}

#[test]
fn f4_6_given_n_requests_before_the_first_answer_all_n_go_to_the_same_region() {
    let slow = rig::answers(5 * SECOND);
    assert_eq!(targets(json!({}), every(10 * MS, 400), slow), [0; 400]);
    let counted_first = targets(json!({ "count": "at_selection" }), every(10 * MS, 400), slow);
    assert_eq!(counted_first.iter().filter(|target| **target == 0).count(), 200);
}

#[test]
fn counting_at_selection_still_herds_for_as_long_as_the_table_takes() {
    let settings = json!({ "count": "at_selection", "read": "40ms", "write": "60ms" });
    // Ten requests begin before the first count stands.
    let sent = targets(settings, every(10 * MS, 20), QUICK);
    assert_eq!(sent[..10], [0; 10]);
    assert!(sent[10..].contains(&1), "{sent:?}");
}

#[test]
fn f4_7_given_success_used_and_lifetime_count_rise_by_one_whatever_the_tokens() {
    for tokens in [1, 4_000] {
        let usage = crate::request::Usage { input: tokens, output: tokens, ..rig::USAGE };
        let play = rig::ends(MS, crate::failure::AttemptEnd::Complete(usage));
        let (mut world, open) = world(json!({}), |_, _| play);
        world.arrive(0, 0, Api::InvokeModel);
        world.run();
        assert_eq!(open.counts(), [(1, 1), (0, 0)], "{tokens} tokens");
    }
}

#[test]
fn f4_8_given_a_throttle_the_target_stays_the_favourite() {
    let (mut world, _) = world(json!({}), |_, target| if target.0 == 0 { THROTTLED } else { QUICK });
    (0..30).for_each(|number| world.arrive(number * SECOND, number, Api::InvokeModel));
    assert_eq!(world.run().sent(), (0..30).map(|n| (n * SECOND, 0)).collect::<Vec<_>>());
}

/// The share of requests that a dead target takes with it, by its place in the table and the way of counting.
fn lost_to_a_dead_target(dead: u16, count: &str) -> f64 {
    let play = |_, target: TargetId| if target.0 == dead { BROKEN } else { rig::answers(5 * SECOND) };
    let (mut world, _) = world(json!({ "count": count, "read": "5ms", "write": "5ms" }), play);
    // Eight requests a second for ten minutes.
    every(125 * MS, 4_800)
        .enumerate()
        .for_each(|(number, at)| world.arrive(at, number as u64, Api::InvokeModel));
    let finished = world.run().finished();
    finished.iter().filter(|finish| finish.reason != Reason::Answered).count() as f64 / 4_800.0
}

#[test]
fn f4_8_a_dead_target_becomes_a_black_hole_unless_requests_count_when_they_are_sent() {
    assert_eq!(lost_to_a_dead_target(0, "at_completion"), 1.0);
    let second = lost_to_a_dead_target(1, "at_completion");
    assert!((0.9..0.97).contains(&second), "{second}");
    for dead in [0, 1] {
        let halved = lost_to_a_dead_target(dead, "at_selection");
        assert!((halved - 0.5).abs() < 0.02, "{halved}");
    }
}

#[test]
fn f4_9_given_a_missing_prompt_the_request_ends_without_a_call_and_without_a_look_at_the_table() {
    let (mut world, open) = world(json!({ "read": "10ms" }), |_, _| QUICK);
    world.arrive_as(Request { input_tokens: 0, ..rig::request(0, Api::InvokeModel, 0) });
    world.arrive(0, 1, Api::InvokeModel);
    let notes = world.run();
    assert_eq!(notes.sent().len(), 1);
    let ends: Vec<_> = notes.finished().iter().map(|finish| (finish.reason, finish.outcome)).collect();
    assert_eq!(ends[0], (Reason::NotRetryable, Outcome::Failed(Failure::LocalReject)));
    assert_eq!(open.counts(), [(1, 1), (0, 0)]);
}

#[test]
fn f4_9_an_empty_table_is_refused_when_the_file_is_read() {
    let spec: StrategySpec = serde_json::from_value(json!({ "smart_balancer": { "table": [] } })).unwrap();
    assert_eq!(spec.problems().len(), 1);
    let spot = rig::target("here");
    assert!(spec.build(&|_| Some(Known { id: TargetId(0), spec: &spot })).is_none());
}

/// Requests counted after the minute's first reset stood, and wiped by a later one.
fn lost_updates(routers: u32) -> i64 {
    let settings = json!({
        "table": [{ "target": "a" }], "routers": routers, "read": "10ms", "write": "10ms",
    });
    // Half a millisecond keeps counts and resets from landing at the same moment.
    let (mut world, open) = world(settings, |_, _| rig::answers(SECOND + MS / 2));
    // Answers to the first hundred come while the second hundred read the table.
    for number in 0..100 {
        world.arrive(MINUTE - SECOND + number * MS, number, Api::InvokeModel);
        world.arrive(MINUTE + number * MS, 100 + number, Api::InvokeModel);
    }
    let notes = &world.run().0;
    // A write takes as long for the reset as for a count, so that what is decided first stands first.
    let reset =
        notes.iter().find(|(at, note)| *at >= MINUTE && matches!(note, rig::Note::Decided(Step::Send(_), _)));
    let (reset, _) = *reset.unwrap();
    let answered = notes.iter().filter(|(at, note)| *at > reset && matches!(note, rig::Note::Finished(..)));
    answered.count() as i64 - open.counts()[0].0
}

#[test]
fn the_more_routers_cross_the_minute_together_the_more_updates_are_lost() {
    let lost = [1, 2, 10, 50].map(lost_updates);
    assert_eq!(lost[0], 0);
    assert!(lost.is_sorted() && lost[1] > 0 && lost[3] > lost[1], "{lost:?}");
}

#[test]
fn reading_and_writing_take_their_time_before_the_call() {
    let settings = json!({ "read": "8ms", "write": "5ms" });
    let (mut world, _) = world(settings, |_, _| QUICK);
    world.arrive(0, 0, Api::InvokeModel);
    // Two rows are set back before the first call of a minute.
    world.arrive(MINUTE, 1, Api::InvokeModel);
    world.arrive(MINUTE + SECOND, 2, Api::InvokeModel);
    let notes = world.run();
    let at: Vec<Nanos> = notes.sent().iter().map(|(at, _)| *at).collect();
    assert_eq!(at, [8 * MS, MINUTE + 18 * MS, MINUTE + SECOND + 8 * MS]);
    assert!(notes.reasons().contains(&Reason::ReadingState));
}

#[test]
fn few_routers_make_requests_wait_and_lose_none() {
    let (mut world, open) = world(json!({ "routers": 1, "read": "10ms" }), |_, _| QUICK);
    (0..50).for_each(|number| world.arrive(0, number, Api::InvokeModel));
    let notes = world.run();
    let at: Vec<Nanos> = notes.sent().iter().map(|(at, _)| *at).collect();
    assert_eq!(at, (1..=50).map(|n| n * 10 * MS).collect::<Vec<_>>());
    assert_eq!(open.counts().iter().map(|(used, _)| used).sum::<i64>(), 50);
}

#[test]
fn settings_that_cannot_work_are_named_by_their_keys() {
    let rows = [
        (json!({ "table": [] }), "smart_balancer.table"),
        (json!({ "table": [{ "target": "a" }, { "target": "a" }] }), "smart_balancer.table.1.target"),
        (json!({ "routers": 0 }), "smart_balancer.routers"),
        (json!({ "routers": 1_001 }), "smart_balancer.routers"),
        (json!({ "timeouts": { "total": "0s" } }), "smart_balancer.timeouts.total"),
    ];
    for (settings, key) in rows {
        let spec: SmartBalancerSpec = serde_json::from_value(written(settings.clone())).unwrap();
        let keys: Vec<String> = spec.problems().iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(keys, [key], "{settings}");
    }
}

#[test]
fn the_worst_case_counts_the_retries_of_the_sdk_and_the_times_of_the_table() {
    let worst = |settings| {
        let spec: SmartBalancerSpec = serde_json::from_value(written(settings)).unwrap();
        let worst = spec.worst_case();
        (worst.attempts, worst.wall.map(|wall| wall.as_millis()))
    };
    let timed = json!({ "total": "10s" });
    assert_eq!(worst(json!({ "timeouts": timed })), (1, Some(10_000)));
    let all = json!({ "timeouts": timed, "sdk_retries": true, "read": "8ms", "write": "5ms" });
    assert_eq!(worst(all), (5, Some(50_000 + 15_000 + 8 + 15)));
    assert_eq!(worst(json!({ "timeouts": timed, "routers": 2 })), (1, None));
}
