//! Concurrency, adaptive throttle, outliers, the ramp and the guard on throughput, as a whole request meets them.

use super::{laws::composed, *};
use crate::{
    failure::{AttemptEnd, Timer},
    flight::Command,
    rig::Note,
    strategy::PaceLimit,
};

const CAPACITY: Play = rig::fails(10 * MS, rig::error("ServiceUnavailableException", 503));

/// So many requests in one moment.
fn burst(world: &mut World<'_>, at: Nanos, numbers: std::ops::Range<u64>) {
    numbers.for_each(|n| world.arrive(at, n, Api::Converse));
}

/// Most attempts in the air at once.
fn most_in_air(world: &World<'_>) -> i32 {
    let (mut now, mut most) = (0, 0);
    for (_, note) in &world.notes.0 {
        match note {
            Note::Sent(..) => now += 1,
            Note::Ended(..) => now -= 1,
            _ => {}
        }
        most = most.max(now);
    }
    most
}

#[test]
fn no_more_are_in_the_air_than_the_limit_and_the_rest_is_told_why() {
    let settings = json!({ "tiers": [["a"]], "concurrency": { "initial": 5 } });
    let mut world = world(settings, |_, _| answer());
    burst(&mut world, 0, 0..8);
    let finished = world.run().finished();
    assert_eq!(most_in_air(&world), 5);
    let full = finished.iter().filter(|finish| finish.reason == Reason::ConcurrencyFull).count();
    assert_eq!(full, 3);
}

#[test]
fn beyond_its_limit_a_target_is_relieved_by_the_next() {
    let settings = json!({ "tiers": [["a", "b"], ["c"]], "concurrency": { "initial": 2 } });
    let mut world = world(settings, |_, _| answer());
    burst(&mut world, 0, 0..5);
    let told: Vec<u16> = world.run().sent().into_iter().map(|(_, target)| target).collect();
    assert_eq!(told, [0, 0, 1, 1, 2]);
}

#[test]
fn who_waits_for_room_is_called_as_attempts_land_and_looks_hardly_ever() {
    let settings = json!({
        "tiers": [["a"]], "concurrency": { "initial": 4, "max": 4 },
        "on_exhausted": [{ "wait_first": { "max": "20s" } }],
    });
    let mut world = world(settings, |_, _| answer());
    burst(&mut world, 0, 0..40);
    world.run();
    assert_eq!(most_in_air(&world), 4);
    // Ten rounds of four, each as soon as the one before has landed but for the nanosecond that a call takes.
    let sent = world.notes.sent();
    assert_eq!(sent.len(), 40);
    assert!(sent[39].0 < 9 * 300 * MS + 100, "{}", sent[39].0);
    let looked = world.notes.reasons().iter().filter(|reason| **reason == Reason::ConcurrencyFull).count();
    // Once when they came; the longest wait is 2.7 s, and who waits looks at most every half second.
    assert!((36..36 * 4).contains(&looked), "{looked}");
    // In the order in which they came.
    let begun: Vec<u32> = world
        .notes
        .0
        .iter()
        .filter_map(|(_, note)| match note {
            Note::Sent(attempt, _) => Some(attempt.flight.slot),
            _ => None,
        })
        .collect();
    assert!(begun[..8].is_sorted(), "{begun:?}");
}

#[test]
fn a_call_to_one_that_waits_after_a_failure_costs_it_no_second_back_off() {
    let settings = json!({
        "tiers": [["a"]], "concurrency": { "initial": 1, "max": 1 }, "retry": { "fault_base": "100ms" },
        "on_exhausted": [{ "wait_first": { "max": "20s" } }],
    });
    // The first one fails at 10 ms and backs off for 50 ms; meanwhile the second takes the only place until 310 ms.
    let mut world = world(settings, |n, _| if n == 0 { BROKEN } else { answer() });
    world.arrive(0, 0, Api::Converse);
    world.arrive(20 * MS, 1, Api::Converse);
    let sent: Vec<Nanos> = world.run().sent().into_iter().map(|(at, _)| at).collect();
    assert_eq!(sent.len(), 3);
    assert!((320 * MS..320 * MS + 10).contains(&sent[2]), "{sent:?}");
}

#[test]
fn push_back_shrinks_the_limit_and_a_fault_does_not() {
    let limit_after = |play: Play| {
        let mut world = world(json!({ "tiers": [["a"]], "concurrency": {} }), move |_, _| play);
        (0..5).for_each(|n| world.arrive(n * SECOND, n, Api::ConverseStream));
        burst(&mut world, 10 * SECOND, 5..30);
        world.run();
        most_in_air(&world)
    };
    assert_eq!(limit_after(THROTTLED), 11, "twenty, cut by a tenth five times");
    assert_eq!(limit_after(CAPACITY), 11);
    let silent = rig::ends(SECOND / 2, AttemptEnd::TimedOut(Timer::FirstToken));
    assert_eq!(limit_after(silent), 11);
    assert_eq!(limit_after(BROKEN), 20);
    assert_eq!(limit_after(REFUSED), 20);
}

#[test]
fn a_pool_that_refuses_everything_is_soon_asked_a_few_times_only() {
    let settings = json!({ "tiers": [["a"]], "adaptive_throttle": {} });
    let mut world = world(settings, |_, _| THROTTLED);
    (0..1_000).for_each(|n| world.arrive(n * 100 * MS, n, Api::Converse));
    let notes = world.run();
    // With dice at one half: until half of what was wanted had been turned away or refused.
    assert!(notes.sent().len() < 10, "{}", notes.sent().len());
    let turned_away = notes.finished().iter().filter(|end| end.reason == Reason::ThrottledLocally).count();
    assert_eq!(turned_away + notes.sent().len(), 1_000);
}

#[test]
fn who_is_turned_away_by_one_pool_goes_to_another() {
    let settings = json!({ "tiers": [["a", "b"]], "adaptive_throttle": {} });
    let told = trail(settings, 50, failing(0, THROTTLED));
    let (to_a, to_b) = (told.iter().filter(|t| **t == 0).count(), told.iter().filter(|t| **t == 1).count());
    assert!(to_a < 10, "{to_a}");
    assert_eq!(to_a + to_b, 50);
}

#[test]
fn faults_are_no_reason_to_turn_requests_away() {
    let settings = json!({ "tiers": [["a"]], "adaptive_throttle": {} });
    assert_eq!(trail(settings, 50, |_, _| BROKEN).len(), 50);
}

#[test]
fn the_worse_of_two_is_put_out_and_comes_back_by_itself() {
    let settings = json!({ "tiers": [["a", "b"]], "outlier": { "jitter": "0%" } });
    let told = trail(settings, 17, |n, target| if target.0 == 0 && n < 5 { BROKEN } else { answer() });
    // Five faults a second apart, then ten seconds elsewhere.
    let expected: Vec<u16> = [vec![0; 5], vec![1; 10], vec![0; 2]].concat();
    assert_eq!(told, expected);
}

#[test]
fn when_both_are_bad_one_stays_in_use() {
    let settings = json!({ "tiers": [["a", "b"]], "outlier": { "eject": "100s" } });
    let told = trail(settings, 40, |_, _| BROKEN);
    assert_eq!(told.len(), 40, "nobody was refused");
    assert_eq!(told.iter().filter(|target| **target == 0).count(), 5);
}

#[test]
fn when_too_few_are_well_an_ejected_target_is_used_again() {
    let settings = json!({
        "tiers": [["a", "b", "c"]], "outlier": { "eject": "100s", "jitter": "0%" },
        "cooldown": { "fault": { "base": "500s", "cap": "500s" } }, "retry": { "attempts_max": 2 },
    });
    // a is out; b fails once and is left alone for long, so only a third of the three is well.
    let mut composed = composed(settings);
    let outliers = composed.outliers.as_mut().unwrap();
    (0..5).for_each(|n| _ = outliers.failed(0, n, n, 0.0));
    let script = |_, target: TargetId| if target.0 == 0 { answer() } else { BROKEN };
    let mut world = World::new(crate::flight::Router::new(Box::new(composed)), script);
    (0..3).for_each(|n| world.arrive((n + 1) * SECOND, n, Api::Converse));
    let told: Vec<u16> = world.run().sent().into_iter().map(|(_, target)| target).collect();
    assert_eq!(told, [1, 0, 0, 0]);
}

/// Attempts at a target in ten seconds soon after it was blocked, and in ten seconds much later; 100 requests each.
fn shares_after_recovery(select: Value, ramp: Value) -> (usize, usize) {
    let settings = json!({
        "tiers": [["a", "b"]], "select": select, "breaker": { "consecutive": 1, "block": "1s" }, "retry": {},
        "quota": "off", "ramp": ramp,
    });
    let mut met = false;
    let script = |_, target: TargetId| {
        if target.0 == 0 && !std::mem::replace(&mut met, true) { BROKEN } else { answer() }
    };
    let mut world = world(settings, script);
    world.rolling = Some(rig::Rolling(7));
    (0..3_000).for_each(|n| world.arrive(n * 100 * MS, n, Api::Converse));
    let sent = world.run().sent();
    let count = |from: Nanos| {
        let window = from * SECOND..(from + 10) * SECOND;
        sent.iter().filter(|(at, target)| *target == 0 && window.contains(at)).count()
    };
    (count(2), count(200))
}

#[test]
fn after_recovery_a_target_gets_its_share_back_little_by_little_under_every_selector() {
    let selectors = [json!("first"), json!("weighted"), json!("smooth_weighted"), json!("least_in_flight")];
    for select in selectors.into_iter().chain([json!({ "p2c": { "explore": "50%" } })]) {
        let (soon, later) = shares_after_recovery(select.clone(), json!({}));
        let (at_once, _) = shares_after_recovery(select.clone(), json!("off"));
        assert!(later > 20, "{select}: {later} in the end");
        assert!(soon * 2 < later, "{select}: {soon} of 100 at first, {later} later");
        assert!(at_once > soon, "{select}: {at_once} without a ramp");
    }
}

/// A stream of 20 tokens, the last of which comes so long after the first.
fn streams_for(length: Nanos) -> Play {
    Play { opens: Some(10 * MS), content: Some(100 * MS), ..rig::answers(100 * MS + length) }
}

/// Where each of sixty streams went, a second apart, when a's trickle, and the router's commands.
fn guarded(guard: Value, length: Nanos) -> (Vec<u16>, Vec<Command>) {
    let settings = json!({ "tiers": [["a", "b"]], "throughput_guard": guard });
    let mut world =
        world(settings, move |_, target| streams_for(if target.0 == 0 { length } else { 200 * MS }));
    (0..60).for_each(|n| world.arrive(n * SECOND, n, Api::ConverseStream));
    let told = world.run().sent().into_iter().map(|(_, target)| target).collect();
    (told, world.commands)
}

#[test]
fn a_target_whose_streams_trickle_is_spared_for_a_while_once_that_is_known() {
    let at_a = |guard, length| {
        let (told, _) = guarded(guard, length);
        told.iter().enumerate().filter(|(_, target)| **target == 0).map(|(at, _)| at).collect::<Vec<_>>()
    };
    let all: Vec<usize> = (0..60).collect();
    assert_eq!(at_a(json!("off"), 11 * SECOND), all);
    assert_eq!(at_a(json!({}), 9 * SECOND), all, "too short to tell");
    assert_eq!(at_a(json!({ "floor": "1/s" }), 11 * SECOND), all, "19 tokens in 11 s are enough");
    // The first is whole at 11.1 s, those that were under way by then at 22.1 s; half a minute later a is tried again.
    let expected: Vec<usize> = (0..12).chain(53..60).collect();
    assert_eq!(at_a(json!({}), 11 * SECOND), expected);
}

#[test]
fn only_a_guard_that_ends_streams_limits_their_pace_and_such_an_end_is_visible() {
    let limits = |guard| -> Vec<Option<PaceLimit>> {
        let (_, commands) = guarded(guard, SECOND);
        commands
            .iter()
            .filter_map(|command| match command {
                Command::Attempt { timeouts, .. } => Some(timeouts.pace),
                _ => None,
            })
            .collect()
    };
    assert_eq!(limits(json!({})), vec![None; 60]);
    let limit = PaceLimit { tokens: 50, within: Duration::from_secs(10) };
    assert_eq!(limits(json!({ "abort": true })), vec![Some(limit); 60]);

    let settings = json!({ "tiers": [["a", "b"]], "retry": {}, "throughput_guard": { "abort": true } });
    let cut = Play { end: AttemptEnd::TimedOut(Timer::Pace), ..streams_for(10 * SECOND) };
    let mut world = world(settings, move |_, target| if target.0 == 0 { cut } else { streams_for(SECOND) });
    world.arrive(0, 0, Api::ConverseStream);
    world.arrive(20 * SECOND, 1, Api::ConverseStream);
    let notes = world.run();
    let told: Vec<u16> = notes.sent().into_iter().map(|(_, target)| target).collect();
    assert_eq!(told, [0, 1], "nothing is tried again, and the next request goes elsewhere");
    let ends: Vec<Outcome> = notes.finished().iter().map(|finish| finish.outcome).collect();
    assert!(
        matches!(ends[..], [Outcome::Broken(Failure::Timeout(Timer::Pace)), Outcome::Answered(_)]),
        "{ends:?}"
    );
}
