use serde_json::{Value, json};

use super::*;
use crate::{
    Nanos,
    event::Finished,
    failure::{ErrorReply, Failure},
    flight::Outcome,
    request::Api,
    rig::{self, BROKEN, MS, Play, REFUSED, SECOND, THROTTLED, World},
    strategy::{Reason, StrategySpec},
    target::TargetId,
};

mod admission;
mod gates;
mod laws;
mod models;
mod pools;
mod selectors;
mod streams;

fn world<'s>(settings: Value, script: impl FnMut(u64, TargetId) -> Play + 's) -> World<'s> {
    World::of(json!({ "composed": settings }), script)
}

/// One request after the other, each a second after the one before, and where their attempts went.
fn trail(settings: Value, requests: u64, script: impl FnMut(u64, TargetId) -> Play) -> Vec<u16> {
    let mut world = world(settings, script);
    (0..requests).for_each(|n| world.arrive(n * SECOND, n, Api::Converse));
    world.run().sent().into_iter().map(|(_, target)| target).collect()
}

fn answer() -> Play {
    rig::answers(300 * MS)
}

fn failing(target: u16, play: Play) -> impl FnMut(u64, TargetId) -> Play {
    move |_, at| if at.0 == target { play } else { answer() }
}

fn keys(settings: Value) -> Vec<String> {
    let spec: StrategySpec = serde_json::from_value(json!({ "composed": settings })).unwrap();
    spec.problems().iter().map(|problem| problem.path.join(".").replacen("composed.", "", 1)).collect()
}

#[test]
fn with_every_part_off_it_is_one_attempt_at_the_first_target() {
    let composed = trail(json!({ "tiers": [["a", "b"]] }), 3, failing(0, BROKEN));
    assert_eq!(composed, [0, 0, 0]);
}

#[test]
fn a_failure_moves_on_at_once_and_a_lower_tier_is_the_last_choice() {
    let mut world = world(json!({ "tiers": [["a", "b"], ["c"]], "retry": {} }), |_, target| {
        if target.0 == 2 { answer() } else { THROTTLED }
    });
    world.arrive(0, 0, Api::Converse);
    let notes = world.run();
    assert_eq!(notes.sent(), [(0, 0), (10 * MS, 1), (20 * MS, 2)]);
    assert!(matches!(notes.finished()[0], Finished { outcome: Outcome::Answered(_), attempts: 3, .. }));
    let reasons = [Reason::FirstChoice, Reason::StillInAir, Reason::NextTarget, Reason::NextTarget];
    let told: Vec<Reason> = notes.reasons().into_iter().filter(|reason| reasons.contains(reason)).collect();
    assert_eq!(told, [Reason::FirstChoice, Reason::NextTarget, Reason::NextTarget]);
}

#[test]
fn the_callers_own_fault_is_handed_on_and_teaches_nothing() {
    let settings = json!({
        "tiers": [["a", "b"]], "retry": {}, "breaker": { "consecutive": 1 },
        "cooldown": { "fault": { "base": "9s", "cap": "9s" } },
    });
    assert_eq!(trail(settings, 3, failing(0, REFUSED)), [0, 0, 0]);
}

#[test]
fn a_single_target_is_tried_again_after_a_wait() {
    let mut world =
        world(json!({ "tiers": [["a"]], "retry": {} }), |n, _| if n == 0 { BROKEN } else { answer() });
    world.arrive(0, 0, Api::Converse);
    // A fault waits half of 50 ms with these dice, from its end on.
    assert_eq!(world.run().sent(), [(0, 0), (35 * MS, 0)]);
}

#[test]
fn the_wait_that_the_service_names_is_kept() {
    let reply = ErrorReply { retry_after_ms: Some(4_000), ..rig::error("ThrottlingException", 429) };
    let told = rig::fails(10 * MS, reply);
    let mut world =
        world(json!({ "tiers": [["a"]], "retry": {} }), move |n, _| if n == 0 { told } else { answer() });
    world.arrive(0, 0, Api::Converse);
    assert_eq!(world.run().sent(), [(0, 0), (4_010 * MS, 0)]);
}

#[test]
fn a_throttled_pool_is_left_alone_and_then_probed_once() {
    let settings = json!({
        "tiers": [["a", "b"]], "retry": {},
        "cooldown": { "throttle": { "base": "5s", "cap": "60s" } },
    });
    // The first throttle closes pool a for 5 s; the sixth request probes it, and is throttled again: 10 s.
    let told = trail(settings, 20, failing(0, THROTTLED));
    let (to_a, to_b) = (told.iter().filter(|t| **t == 0).count(), told.iter().filter(|t| **t == 1).count());
    assert_eq!((to_a, to_b), (3, 20));
}

#[test]
fn a_target_that_fails_again_and_again_is_blocked_until_a_probe_succeeds() {
    let settings = json!({ "tiers": [["a", "b"]], "retry": {}, "breaker": { "consecutive": 3 } });
    let told = trail(settings, 12, |n, target| match target.0 {
        0 if n < 6 => BROKEN,
        _ => answer(),
    });
    // Three requests meet the fault and move on, five go elsewhere, the probe is answered, then all is as before.
    assert_eq!(told, [0, 1, 0, 1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]);
}

#[test]
fn what_we_may_not_use_is_barred_even_in_a_panic() {
    let denied = rig::fails(10 * MS, rig::error("AccessDeniedException", 403));
    let settings = json!({
        "tiers": [["a", "b"]], "retry": {}, "on_exhausted": ["panic_all"],
        "cooldown": { "fault": { "base": "1s", "cap": "1s" } },
    });
    let told = trail(settings, 4, move |_, target| if target.0 == 0 { denied } else { THROTTLED });
    assert_eq!(told.iter().filter(|target| **target == 0).count(), 1);
}

#[test]
fn an_empty_budget_ends_the_request_with_its_reason() {
    let settings = json!({
        "tiers": [["a", "b"]], "retry": {}, "budgets": { "failover": { "share": "25%" } },
    });
    let mut world = world(settings, failing(0, BROKEN));
    (0..20).for_each(|n| world.arrive(n * 100 * MS, n, Api::Converse));
    let finished: Vec<Reason> = world.run().finished().iter().map(|finish| finish.reason).collect();
    assert_eq!(finished.iter().filter(|reason| **reason == Reason::Answered).count(), 5);
    assert_eq!(finished.iter().filter(|reason| **reason == Reason::BudgetEmpty).count(), 15);
}

/// One throttle closes the only pool for about 4 s; then comes a second request.
fn second_request(on_exhausted: Value) -> (Vec<(Nanos, u16)>, Reason) {
    let settings = json!({
        "tiers": [["a"]], "cooldown": { "throttle": { "base": "4s", "cap": "4s" } },
        "breaker": { "consecutive": 1 }, "on_exhausted": on_exhausted,
    });
    let mut world = world(settings, |n, _| if n == 0 { THROTTLED } else { answer() });
    world.arrive(0, 0, Api::Converse);
    world.arrive(SECOND, 1, Api::Converse);
    let notes = world.run();
    (notes.sent(), notes.finished()[1].reason)
}

#[test]
fn when_nothing_is_eligible_the_rules_decide_in_order() {
    let (sent, reason) = second_request(json!(["fail_fast"]));
    assert_eq!((sent.len(), reason), (1, Reason::CoolingDown));
    let (sent, reason) = second_request(json!([{ "wait_first": { "max": "2s" } }]));
    assert_eq!((sent.len(), reason), (1, Reason::CoolingDown), "the wait would be too long");
    let (sent, reason) = second_request(json!([{ "wait_first": { "max": "5s" } }]));
    assert_eq!(reason, Reason::Answered);
    assert!((4 * SECOND..4_200 * MS).contains(&sent[1].0), "{sent:?}");
    let (sent, reason) = second_request(json!(["least_bad"]));
    assert_eq!((sent[1], reason), ((SECOND, 0), Reason::Answered));
    let (sent, reason) = second_request(json!(["panic_all"]));
    assert_eq!((sent.len(), reason), (1, Reason::CoolingDown), "quota still counts in a panic");
    let (sent, reason) = second_request(json!([{ "last_resort": { "target": "z" } }]));
    assert_eq!((sent[1], reason), ((SECOND, 25), Reason::Answered));
}

#[test]
fn a_request_that_nobody_was_asked_about_is_asked_anyway_once() {
    let (sent, reason) = second_request(json!(["ask_anyway"]));
    assert_eq!((sent[1], reason), ((SECOND, 0), Reason::Answered), "the cool-down was wrong");
    let settings = json!({
        "tiers": [["a"]], "retry": {}, "cooldown": { "throttle": { "base": "4s", "cap": "4s" } },
        "on_exhausted": ["ask_anyway"],
    });
    let mut world = world(settings, |_, _| THROTTLED);
    (0..3).for_each(|n| world.arrive(n * SECOND, n, Api::Converse));
    let notes = world.run();
    assert_eq!(notes.sent().len(), 3, "one attempt each, and no second one while the pool is closed");
    assert_eq!(notes.reasons().iter().filter(|reason| **reason == Reason::AskedAnyway).count(), 2);
}

#[test]
fn a_target_that_is_blocked_after_faults_is_not_asked_anyway() {
    let settings = json!({
        "tiers": [["a"]], "breaker": { "consecutive": 1, "block": "60s" }, "on_exhausted": ["ask_anyway"],
    });
    let told = trail(settings, 3, |_, _| BROKEN);
    assert_eq!(told, [0]);
}

#[test]
fn in_a_panic_blocked_targets_are_used_again() {
    let settings = json!({
        "tiers": [["a"]], "breaker": { "consecutive": 1, "block": "60s" }, "on_exhausted": ["panic_all"],
    });
    let mut world = world(settings, |n, _| if n == 2 { BROKEN } else { answer() });
    world.dice.0 = 0.3;
    (0..6).for_each(|n| world.arrive(n * SECOND, n, Api::Converse));
    let notes = world.run();
    assert_eq!(notes.sent().len(), 6);
    assert_eq!(notes.reasons().iter().filter(|reason| **reason == Reason::Panicked).count(), 3);
}

#[test]
fn after_a_fault_another_region_comes_first() {
    let targets = [rig::target("east"), rig::target("east"), rig::target("west")];
    let find = |name: &str| {
        let at = name.parse::<usize>().ok()?;
        Some(crate::target::Known { id: TargetId(at as u16), spec: targets.get(at)? })
    };
    let spec: StrategySpec =
        serde_json::from_value(json!({ "composed": { "tiers": [["0", "1"], ["2"]], "retry": {} } })).unwrap();
    let script = |_, target: TargetId| if target.0 == 2 { answer() } else { BROKEN };
    let mut world = World::new(crate::flight::Router::new(spec.build(&find).unwrap()), script);
    world.arrive(0, 0, Api::Converse);
    assert_eq!(world.run().sent(), [(0, 0), (10 * MS, 2)]);
}

#[test]
fn the_first_token_limit_is_for_streams_and_follows_what_is_usual() {
    let spec: ComposedSpec = serde_json::from_value(json!({
        "tiers": [["a"]], "timeouts": { "first_token": "9s", "idle": "7s" },
        "first_token": { "min": "1s", "max": "20s" },
    }))
    .unwrap();
    let target = rig::target("east");
    let find = |_: &str| Some(crate::target::Known { id: TargetId(0), spec: &target });
    let mut composed = Composed::new(&spec, Settings::of(&spec).unwrap(), &find).unwrap();
    let limit = |composed: &mut Composed, streams| {
        composed.timeouts(0, streams, 0).first_token.map(|limit| limit.as_millis())
    };
    assert_eq!(limit(&mut composed, true), Some(9_000));
    assert_eq!(limit(&mut composed, false), None);
    (0..100).for_each(|_| composed.places[0].first_token.add(1_000 * MS, 0));
    let learnt = limit(&mut composed, true).unwrap();
    assert!((2_000..2_300).contains(&learnt), "{learnt}");
}

#[test]
fn settings_that_cannot_work_are_named_by_their_keys() {
    let rows = [
        (json!({}), &["tiers"][..]),
        (json!({ "tiers": [["a"], []], "retry": {} }), &["tiers.1"]),
        (json!({ "tiers": [["a"], ["b", "a"]], "retry": {} }), &["tiers.1.1"]),
        (json!({ "tiers": [["a"]], "preset": "balance" }), &["preset"]),
        (json!({ "tiers": [["a"]], "weights": { "b": 1.0 } }), &["weights.b"]),
        (json!({ "tiers": [["a"]], "weights": { "a": 0.0 } }), &["weights.a"]),
        (json!({ "tiers": [["a"]], "deadline": "0s" }), &["deadline"]),
        (json!({ "tiers": [["a"]], "timeouts": { "idle": "0s" } }), &["timeouts.idle"]),
        (json!({ "tiers": [["a"]], "retry": { "attempts_max": 0 } }), &["retry.attempts_max"]),
        (
            json!({ "tiers": [["a"]], "retry": {}, "budgets": { "same": { "share": "0%" } } }),
            &["budgets.same"],
        ),
        (json!({ "tiers": [["a"]], "budgets": { "same": { "share": "10%" } } }), &["budgets"]),
        (json!({ "tiers": [["a"]], "breaker": { "consecutive": 0, "calls_min": 0 } }), &["breaker"]),
        (json!({ "tiers": [["a"]], "cooldown": {} }), &["cooldown"]),
        (json!({ "tiers": [["a"]], "concurrency": { "min": 0 } }), &["concurrency"]),
        (json!({ "tiers": [["a"]], "adaptive_throttle": { "k": 0.9 } }), &["adaptive_throttle.k"]),
        (json!({ "tiers": [["a", "b"]], "outlier": { "eject": "0s" } }), &["outlier"]),
        (json!({ "tiers": [["a"]], "outlier": {} }), &["outlier"]),
        (json!({ "tiers": [["a", "b"]], "ramp": {} }), &["ramp"]),
        (json!({ "tiers": [["a", "b"]], "breaker": {}, "ramp": { "over": "0s" } }), &["ramp"]),
        (json!({ "tiers": [["a"], ["b"]], "breaker": {}, "ramp": {} }), &["ramp"]),
        (json!({ "tiers": [["a", "b"]], "throughput_guard": { "floor": "0/s" } }), &["throughput_guard"]),
        (json!({ "tiers": [["a"], ["b"]], "retry": {}, "throughput_guard": {} }), &["throughput_guard"]),
        (
            json!({ "tiers": [["a"]], "cooldown": { "fault": { "base": "2s", "cap": "1s" } } }),
            &["cooldown.fault"],
        ),
        (json!({ "tiers": [["a"]], "quota": {}, "limits": { "b": {} } }), &["limits.b"]),
        (json!({ "tiers": [["a"]], "limits": { "a": { "tokens": "300k/min" } } }), &["limits.a"]),
        (json!({ "tiers": [["a"]], "quota": {}, "limits": { "a": { "tokens": "0/s" } } }), &["limits.a"]),
        (json!({ "tiers": [["a"]], "select": { "headroom": {} } }), &["select"]),
        (
            json!({ "tiers": [["a"]], "select": { "ttft_percentile": { "quantile": "0%" } } }),
            &["select.ttft_percentile"],
        ),
        (
            json!({ "tiers": [["a"]], "select": { "cache_affinity": { "load": 0.9 } } }),
            &["select.cache_affinity"],
        ),
        (json!({ "tiers": [["a"]], "select": { "cost_first": { "slo": "4s" } } }), &["select"]),
        (
            json!({
                "tiers": [["a"]], "select": { "cost_first": { "slo": "0s" } },
                "prices": { "a": { "input": 1.0, "output": -1.0 } },
            }),
            &["select.cost_first.slo", "prices.a"],
        ),
        (json!({ "tiers": [["a"]], "prices": { "a": { "input": 1.0, "output": 1.0 } } }), &["prices.a"]),
        (json!({ "tiers": [["a"]], "prices": { "b": { "input": 1.0, "output": 1.0 } } }), &["prices.b"]),
        (json!({ "tiers": [["a"]], "hedge": {} }), &["hedge"]),
        (json!({ "tiers": [["a"]], "retry": {}, "hedge": { "share": "0%" } }), &["hedge.share"]),
        (json!({ "tiers": [["a"]], "first_token": { "min": "2s", "max": "1s" } }), &["first_token"]),
        (
            json!({ "tiers": [["a"]], "on_exhausted": ["fail_fast", { "wait_first": { "max": "0s" } }] }),
            &["on_exhausted.1", "on_exhausted.1"],
        ),
        (
            json!({ "tiers": [["a"]], "on_exhausted": [{ "last_resort": { "target": "a" } }] }),
            &["on_exhausted.0"],
        ),
    ];
    for (written, expected) in rows {
        assert_eq!(keys(written.clone()), expected, "{written}");
    }
}

#[test]
fn a_hedge_that_is_asked_for_needs_a_second_region() {
    let (east, west) = (rig::target("east"), rig::target("west"));
    let find = |name: &str| {
        let spec = if name == "c" { &west } else { &east };
        Some(crate::target::Known { id: TargetId(0), spec })
    };
    let misfits = |settings| {
        let spec: ComposedSpec = serde_json::from_value(settings).unwrap();
        spec.misfits(&find).len()
    };
    assert_eq!(misfits(json!({ "tiers": [["a", "b"]], "retry": {}, "hedge": {} })), 1);
    assert_eq!(misfits(json!({ "tiers": [["a"], ["c"]], "retry": {}, "hedge": {} })), 0);
    assert_eq!(
        misfits(json!({ "preset": "balanced", "tiers": [["a", "b"]] })),
        0,
        "the preset's hedge rests"
    );
}

#[test]
fn a_silent_stream_is_hedged_in_another_region_and_the_quicker_one_wins() {
    let quick = Play { opens: Some(90 * MS), content: Some(100 * MS), ..answer() };
    let settings = json!({ "tiers": [["a", "b"]], "retry": {}, "hedge": { "samples_min": 20 } });
    let mut world = world(settings, move |n, target| match (n, target.0) {
        (40, 0) => Play { content: Some(9 * SECOND), ..rig::answers(10 * SECOND) },
        _ => quick,
    });
    (0..41).for_each(|n| world.arrive(n * SECOND, n, Api::ConverseStream));
    let notes = world.run();
    let sent = notes.sent();
    assert_eq!(sent.len(), 42, "one hedge");
    let after = sent[41].0 - 40 * SECOND;
    assert!(sent[41].1 == 1 && (100 * MS..120 * MS).contains(&after), "{sent:?}");
    assert!(notes.reasons().contains(&Reason::Hedged));
    assert_eq!(notes.finished()[40].target, Some(TargetId(1)));
}

#[test]
fn after_a_throttle_the_books_hold_back_what_would_be_throttled_again() {
    let settings = json!({ "tiers": [["a"]], "quota": {} });
    let mut world = world(settings, |n, _| if n == 9 { THROTTLED } else { answer() });
    (0..20).for_each(|n| world.arrive(n * 10 * MS, n, Api::Converse));
    let short = world.run().finished().iter().filter(|finish| finish.reason == Reason::QuotaShort).count();
    assert!(short > 5, "{short}");
}

#[test]
fn an_unknown_preset_is_told_the_known_ones_and_an_unknown_key_is_refused() {
    let spec: ComposedSpec =
        serde_json::from_value(json!({ "tiers": [["a"]], "preset": "balance" })).unwrap();
    assert!(spec.problems()[0].hint.contains("balanced, litellm-like"), "{}", spec.problems()[0].hint);
    let refusal =
        serde_json::from_value::<ComposedSpec>(json!({ "tiers": [["a"]], "hegde": {} })).unwrap_err();
    assert!(refusal.to_string().contains("unknown field `hegde`"));
}

#[test]
fn every_preset_works_as_it_stands_and_a_given_key_replaces_its_own() {
    for name in PRESETS {
        assert_eq!(keys(json!({ "preset": name, "tiers": [["a", "b"], ["c"]] })), [""; 0], "{name}");
        let told = trail(json!({ "preset": name, "tiers": [["a", "b"], ["c"]] }), 3, |_, _| answer());
        assert_eq!(told.len(), 3, "{name}");
    }
    let spec: ComposedSpec = serde_json::from_value(json!({
        "preset": "balanced", "tiers": [["a"]], "breaker": "off", "retry": { "attempts_max": 7 },
    }))
    .unwrap();
    let settings = Settings::of(&spec).unwrap();
    assert!(settings.breaker.is_none() && settings.cooldown.is_some());
    assert_eq!(settings.retry.attempts_max, 7);
}

#[test]
fn the_worst_case_counts_attempts_waits_and_back_offs() {
    let worst = |settings| {
        let spec: ComposedSpec = serde_json::from_value(settings).unwrap();
        let worst = spec.worst_case();
        (worst.attempts, worst.wall.map(|wall| wall.as_secs()))
    };
    assert_eq!(worst(json!({ "tiers": [["a"]] })), (1, None));
    let total = json!({ "total": "10s" });
    assert_eq!(worst(json!({ "tiers": [["a"]], "timeouts": total })), (1, Some(10)));
    let patient = json!({
        "tiers": [["a"]], "timeouts": total, "retry": { "cap": "5s" },
        "on_exhausted": [{ "wait_first": { "max": "2s" } }],
    });
    assert_eq!(worst(patient), (3, Some(3 * 10 + 3 * 2 + 2 * 5)));
    let bounded = json!({ "tiers": [["a"]], "timeouts": total, "retry": {}, "deadline": "12s" });
    assert_eq!(worst(bounded), (3, Some(22)));
}

#[test]
fn a_failed_request_says_why_nothing_took_it() {
    let settings = json!({ "tiers": [["a"]], "cooldown": { "throttle": { "base": "9s", "cap": "9s" } } });
    let mut world = world(settings, |_, _| THROTTLED);
    world.arrive(0, 0, Api::Converse);
    world.arrive(SECOND, 1, Api::Converse);
    let finished = world.run().finished();
    assert_eq!(finished[1].outcome, Outcome::Failed(Failure::LocalReject));
    assert_eq!((finished[0].reason, finished[1].reason), (Reason::AttemptsSpent, Reason::CoolingDown));
}
