//! The documented behaviour line by line: a test's number is the line's. `quirks` has what is beside the lines, `promises`
//! the other half.

use serde_json::{Value, json};

use super::*;
use crate::{
    failure::{AttemptEnd, ErrorReply, Failure, Phase},
    flight::{FlightId, FlightView, Outcome},
    request::{Api, Request},
    rig::{self, BROKEN, Loaded, MS, Play, REFUSED, SECOND, THROTTLED, World},
    strategy::{Reason, Step, StrategySpec},
    target::{Known, TargetId},
};

mod promises;
mod quirks;

const GOOD: Play = rig::answers(300 * MS);

/// Endpoints a, b, c and so on, all alike.
fn plain(names: &[&str], settings: Value) -> Value {
    listed(names.iter().map(|name| json!({ "target": name })).collect(), settings)
}

fn two_primaries(settings: Value) -> Value {
    listed(["a", "b"].map(|name| json!({ "target": name, "primary": true })).into(), settings)
}

fn listed(endpoints: Vec<Value>, settings: Value) -> Value {
    let mut spec = json!({ "endpoints": endpoints });
    spec.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    json!({ "connect_helper": spec })
}

fn targets(world: &mut World<'_>) -> Vec<u16> {
    world.run().sent().into_iter().map(|(_, target)| target).collect()
}

/// Where one request goes that ends like this wherever it goes, with these dice.
fn walk(spec: Value, play: Play, share: f64) -> Vec<u16> {
    let mut world = World::of(spec, |_, _| play);
    world.dice = Loaded(share);
    world.arrive(0, 0, Api::Converse);
    targets(&mut world)
}

/// Which of the endpoints a, b, c … are left out for an instance that is built after one request whose attempts
/// ended so.
fn banned(names: &[&str], settings: Value, plays: &[Play]) -> Vec<u16> {
    let mut settings = settings;
    settings["auto_update_config"] = json!(true);
    settings["lifetime"] = json!("10s");
    // The later request fails wherever it goes, which shows its whole list.
    let script = |attempt: u64, _| plays.get(attempt as usize).copied().unwrap_or(BROKEN);
    let mut world = World::of(plain(names, settings), script);
    world.arrive(0, 0, Api::Converse);
    world.arrive(20 * SECOND, 1, Api::Converse);
    let sent = world.run().sent();
    assert_eq!(sent.iter().filter(|(at, _)| *at < 20 * SECOND).count(), plays.len());
    let later = |place: &u16| sent.iter().any(|(at, target)| *at >= 20 * SECOND && target == place);
    (0..names.len() as u16).filter(|place| !later(place)).collect()
}

#[test]
fn f0_1_with_random_distribution_one_instance_begins_at_one_primary_and_many_split_evenly() {
    let firsts = |instances: u32, share: f64, requests: u64| {
        let mut world = World::of(two_primaries(json!({ "instances": instances })), |_, _| GOOD);
        world.dice = Loaded(share);
        (0..requests).for_each(|number| world.arrive(number * SECOND, number, Api::Converse));
        targets(&mut world)
    };
    assert_eq!(firsts(1, 0.2, 20), [0; 20]);
    assert_eq!(firsts(1, 0.7, 20), [1; 20]);
    // Each instance draws its own lot.
    let lots = (0..2_000).map(|lot| firsts(1, f64::from(lot) / 2_000.0, 1)[0]);
    assert_eq!(lots.filter(|first| *first == 1).count(), 1_000);
}

#[test]
fn f0_2_without_random_distribution_the_order_is_that_of_the_file_whatever_primary_says() {
    let spec = |distribute: bool| {
        let settings = json!({ "primary_region_random_distribution": distribute });
        let primary = |name: &str, primary: bool| json!({ "target": name, "primary": primary });
        let endpoints = [("a", false), ("b", true), ("c", false), ("d", true)];
        listed(endpoints.map(|(name, is)| primary(name, is)).into(), settings)
    };
    assert_eq!(walk(spec(false), BROKEN, 0.7), [0, 1, 2, 3]);
    // Primaries first, one by lot in front; the rest keeps its order.
    assert_eq!(walk(spec(true), BROKEN, 0.7), [3, 1, 0, 2]);
    assert_eq!(walk(spec(true), BROKEN, 0.2), [1, 3, 0, 2]);
}

#[test]
fn f0_3_a_record_is_eligible_in_the_construction_second_and_not_one_second_before_its_time() {
    let spec = |time: &str| listed(vec![json!({ "target": "a", "next_available_time": time })], json!({}));
    assert_eq!(walk(spec("0s"), GOOD, 0.5), [0]);
    assert_eq!(walk(spec("1s"), GOOD, 0.5), [0; 0]);
    // The next object is built at 60 s.
    let at_sixty = |time: &str| {
        let endpoint = json!({ "target": "a", "next_available_time": time });
        let mut world = World::of(listed(vec![endpoint], json!({ "lifetime": "60s" })), |_, _| GOOD);
        world.arrive(90 * SECOND, 0, Api::Converse);
        targets(&mut world)
    };
    assert_eq!(at_sixty("60s"), [0]);
    assert_eq!(at_sixty("61s"), [0; 0]);
}

#[test]
fn f0_4_with_all_records_cooling_down_a_request_fails_without_a_call() {
    let cooling = |name| json!({ "target": name, "next_available_time": "1h" });
    let mut world = World::of(listed(vec![cooling("a"), cooling("b")], json!({})), |_, _| GOOD);
    world.arrive(SECOND, 0, Api::Converse);
    let notes = world.run();
    let finish = notes.finished()[0];
    assert_eq!((finish.attempts, finish.reason), (0, Reason::NothingEligible));
    assert_eq!(finish.outcome, Outcome::Failed(Failure::LocalReject));
}

#[test]
fn f0_5_all_throttled_calls_are_one_for_each_region_up_to_the_cap() {
    let names = ["a", "b", "c", "d"];
    assert_eq!(walk(plain(&names, json!({ "max_retry_time": 5 })), THROTTLED, 0.5), [0, 1, 2, 3]);
    assert_eq!(walk(plain(&names, json!({ "max_retry_time": 2 })), THROTTLED, 0.5), [0, 1]);
}

#[test]
fn f0_6_two_attempts_for_each_region_and_a_cap_of_five_make_two_two_and_one() {
    let settings = json!({ "max_retry_times_for_each_region": 2, "max_retry_time": 5 });
    let mut world = World::of(plain(&["a", "b", "c", "d"], settings), |_, _| THROTTLED);
    world.arrive(0, 0, Api::Converse);
    let notes = world.run();
    // One right after the other, without a wait.
    let sent = [(0, 0), (10 * MS, 0), (20 * MS, 1), (30 * MS, 1), (40 * MS, 2)];
    assert_eq!(notes.sent(), sent);
    assert_eq!(notes.finished()[0].reason, Reason::AttemptsSpent);
}

#[test]
fn f0_7_a_throttle_first_and_success_second_still_mark_the_region() {
    let settings = json!({ "max_retry_times_for_each_region": 2 });
    assert_eq!(banned(&["a", "b"], settings, &[THROTTLED, GOOD]), [0]);
}

#[test]
fn f0_8_a_validation_error_first_and_a_throttle_second_do_not_mark_the_region() {
    let settings = json!({ "max_retry_times_for_each_region": 2 });
    assert_eq!(banned(&["a", "b"], settings.clone(), &[REFUSED, THROTTLED, GOOD]), [0; 0]);
    assert_eq!(banned(&["a", "b"], settings, &[THROTTLED, REFUSED, GOOD]), [0]);
}

#[test]
fn f0_9_a_deterministic_400_is_replayed_everywhere_and_marks_no_region() {
    assert_eq!(walk(plain(&["a", "b", "c"], json!({})), REFUSED, 0.5), [0, 1, 2]);
    let capped = json!({ "max_retry_times_for_each_region": 2, "max_retry_time": 3 });
    assert_eq!(walk(plain(&["a", "b", "c"], capped), REFUSED, 0.5), [0, 0, 1]);
    assert_eq!(banned(&["a", "b", "c"], json!({}), &[REFUSED; 3]), [0; 0]);
}

#[test]
fn f0_10_access_denied_marks_the_region_like_a_throttle() {
    let denied = rig::fails(10 * MS, rig::error("AccessDeniedException", 403));
    let unknown = rig::fails(10 * MS, rig::error("ResourceNotFoundException", 404));
    let silent = rig::ends(5 * SECOND, AttemptEnd::Transport(Phase::Await));
    for play in [THROTTLED, denied, unknown, silent] {
        assert_eq!(banned(&["a", "b"], json!({}), &[play, GOOD]), [0], "{play:?}");
    }
}

#[test]
fn f0_11_with_profiles_on_the_model_is_sent_under_the_regions_prefix() {
    let ids = ["anthropic.x", "us.anthropic.x"];
    let sent = |through_profiles: bool| {
        let endpoint = json!({
            "target": ids[0], "region_profile_prefix": "us", "profiles": { "us": ids[1] },
        });
        let spec = listed(vec![endpoint], json!({ "enable_cross_region_inference": through_profiles }));
        let spec: StrategySpec = serde_json::from_value(spec).unwrap();
        assert_eq!(spec.problems(), []);
        let spot = rig::target("here");
        let find = |name: &str| {
            let at = ids.iter().position(|id| *id == name)?;
            Some(Known { id: TargetId(at as u16), spec: &spot })
        };
        let router = crate::flight::Router::new(spec.build(&find).unwrap());
        let mut world = World::new(router, |_, _| GOOD);
        world.arrive(0, 0, Api::Converse);
        ids[usize::from(targets(&mut world)[0])]
    };
    assert_eq!(sent(false), "anthropic.x");
    assert_eq!(sent(true), "us.anthropic.x");
}

/// Where requests go, by second, when a is throttled in the very first attempt only.
fn after_a_throttle(settings: Value, seconds: &[u64]) -> Vec<u16> {
    let script = |attempt, _| if attempt == 0 { THROTTLED } else { GOOD };
    let mut world = World::of(plain(&["a", "b"], settings), script);
    world.arrive(0, 0, Api::Converse);
    for (number, second) in (1..).zip(seconds) {
        world.arrive(second * SECOND, number, Api::Converse);
    }
    let sent = targets(&mut world);
    assert_eq!(sent[..2], [0, 1]);
    sent[2..].to_vec()
}

#[test]
fn f0_12_failed_regions_are_written_when_the_object_is_destroyed_with_construction_time_plus_window() {
    // The objects are built at 0, 20, 40, 60 … s.
    let settings = |cooldown: &str, writes: bool| json!({ "auto_update_config": writes, "lifetime": "20s", "cooldown": cooldown });
    let seconds = [1, 19, 21, 39, 41, 59, 61];
    // Nothing changes before the end of the object that saw the throttle; 50 s after its construction is in the life of
    // the one built at 40, and it is the one built at 60 that sees it.
    assert_eq!(after_a_throttle(settings("50s", true), &seconds), [0, 0, 1, 1, 1, 1, 0]);
    // To the very second.
    assert_eq!(after_a_throttle(settings("40s", true), &seconds), [0, 0, 1, 1, 0, 0, 0]);
    // A ban that was over before it was written bans nothing.
    assert_eq!(after_a_throttle(settings("15s", true), &seconds), [0; 7]);
    // By default the file never changes.
    assert_eq!(after_a_throttle(settings("50s", false), &seconds), [0; 7]);
    let one_life = json!({ "auto_update_config": true });
    assert_eq!(after_a_throttle(one_life, &seconds), [0; 7]);
}

#[test]
fn f0_13_a_stream_that_breaks_mid_way_is_left_at_the_text_so_far() {
    let stream = |content| Play { opens: Some(MS), content, ..rig::ends(500 * MS, AttemptEnd::Truncated) };
    let throttled = ErrorReply { in_stream: true, status: None, ..rig::error("throttlingException", 0) };
    let thrown = Play { opens: Some(MS), ..rig::fails(10 * MS, throttled) };
    for play in [stream(Some(100 * MS)), stream(None), thrown] {
        let settings = json!({ "auto_update_config": true, "lifetime": "10s" });
        let mut world = World::of(plain(&["a", "b"], settings), |_, _| play);
        world.arrive(0, 0, Api::ConverseStream);
        world.arrive(20 * SECOND, 1, Api::ConverseStream);
        // No other region then, and no mark for later.
        assert_eq!(targets(&mut world), [0, 0], "{play:?}");
        let outcome = world.notes.finished()[0].outcome;
        assert_eq!(matches!(outcome, Outcome::Broken(_)), play.content.is_some(), "{outcome:?}");
    }
    let mut refused = World::of(plain(&["a", "b"], json!({})), |_, _| THROTTLED);
    refused.arrive(0, 0, Api::ConverseStream);
    assert_eq!(targets(&mut refused), [0, 1], "failover is for opening the stream");
}

#[test]
fn f0_14_an_answer_whose_first_block_is_no_text_fails_its_region_and_the_next_is_paid_too() {
    let paid = |settings: Value, api| {
        let mut world = World::of(plain(&["a", "b", "c"], settings), |_, _| GOOD);
        world.arrive(0, 0, api);
        (targets(&mut world), world.notes.finished()[0])
    };
    let (sent, finish) = paid(json!({ "not_text_first": 1.0 }), Api::Converse);
    assert_eq!(sent, [0, 1, 2]);
    assert_eq!(finish.outcome, Outcome::Failed(Failure::LocalReject));
    // The dice show one half.
    assert_eq!(paid(json!({ "not_text_first": 0.4 }), Api::Converse).0, [0]);
    assert_eq!(paid(json!({}), Api::Converse).0, [0]);
    assert_eq!(paid(json!({ "not_text_first": 1.0 }), Api::ConverseStream).0, [0]);
    let settings = json!({ "not_text_first": 1.0, "max_retry_time": 1 });
    assert_eq!(banned(&["a", "b"], settings, &[GOOD]), [0]);
}

#[test]
fn f0_15_inference_settings_once_given_stick_to_the_instance() {
    let spec: StrategySpec = serde_json::from_value(plain(&["a"], json!({ "instances": 2 }))).unwrap();
    let spot = rig::target("here");
    let mut helper = spec.build(&|_| Some(Known { id: TargetId(0), spec: &spot })).unwrap();
    let mut sent = |number: u64, max_tokens| {
        let request = Request { max_tokens, ..rig::request(number, Api::Converse, 0) };
        let id = FlightId { slot: 0, generation: number as u32 };
        let flight = FlightView { id, request: &request, attempts: &[], begun: 0, shown: 0, asked: None };
        match helper.step(&flight, 0, &mut Loaded(0.5)).step {
            Step::Send(send) => send.max_tokens.or(max_tokens),
            step => panic!("{step:?}"),
        }
    };
    assert_eq!(sent(0, None), None);
    assert_eq!(sent(2, Some(256)), Some(256));
    assert_eq!(sent(4, None), Some(256));
    assert_eq!(sent(6, Some(64)), Some(64));
    assert_eq!(sent(8, None), Some(64));
    // The other instance has its own.
    assert_eq!(sent(1, None), None);
}
