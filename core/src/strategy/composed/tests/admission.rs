//! Who is let in, who waits, and with how much output: stories in virtual time.

use super::*;
use crate::{
    flight::Command,
    policy::queue::QueueSpec,
    request::{Priority, Request, Usage},
    rig::{Note, USAGE},
};

/// When each request was first sent, by its number.
fn first_sendings(world: &mut World<'_>) -> BTreeMap<u64, Nanos> {
    let notes = world.run();
    let mut numbers = BTreeMap::new();
    let mut sent = BTreeMap::new();
    let mut begun = 0;
    for (at, note) in &notes.0 {
        match note {
            Note::Begun(flight) => {
                numbers.insert(*flight, begun);
                begun += 1;
            }
            Note::Sent(attempt, _) => _ = sent.entry(numbers[&attempt.flight]).or_insert(*at),
            _ => {}
        }
    }
    sent
}

fn ends(world: &mut World<'_>, reason: Reason) -> usize {
    world.run().finished().iter().filter(|finish| finish.reason == reason).count()
}

fn request(number: u64, at: Nanos, change: impl FnOnce(&mut Request)) -> Request {
    let mut request = rig::request(number, Api::Converse, at);
    change(&mut request);
    request
}

/// A pool that one request a second refills; each takes one. The bucket's minute is used up at the start.
fn one_a_second(more: Value) -> Value {
    let mut settings = json!({
        "tiers": [["a"]], "quota": { "safety": "100%" }, "limits": { "a": { "requests": "1/s" } },
    });
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
}

#[test]
fn who_finds_no_quota_waits_in_line_and_is_served_in_order() {
    let settings = one_a_second(json!({ "queue": { "length": 20, "wait": "30s" } }));
    let mut world = world(settings, |_, _| answer());
    (0..70).for_each(|n| world.arrive(n * MS, n, Api::Converse));
    let sent = first_sendings(&mut world);
    assert_eq!(sent.len(), 70);
    assert!(sent.values().is_sorted(), "out of turn: {sent:?}");
    // Sixty at once, then one for each second's refill.
    for (n, at) in sent.iter().skip(60) {
        let due = (n - 59) * SECOND;
        assert!(at.abs_diff(due) < 20 * MS, "request {n} at {at}");
    }
    // The one that has the turn looks when an answer comes, which may make room; the others sleep.
    assert!(world.wakes < 60 + 3 * 10, "{} wake-ups", world.wakes);
}

#[test]
fn a_full_queue_refuses_at_once_and_a_long_wait_ends() {
    let settings = one_a_second(json!({ "queue": { "length": 5, "wait": "2s" } }));
    let mut world = world(settings, |_, _| answer());
    (0..70).for_each(|n| world.arrive(n * MS, n, Api::Converse));
    let finished = world.run().finished();
    let count = |reason| finished.iter().filter(|finish| finish.reason == reason).count();
    assert_eq!((count(Reason::QueueFull), count(Reason::QueueTimeout)), (5, 3));
    assert!(finished.iter().all(|finish| {
        matches!(finish.outcome, Outcome::Answered(_) | Outcome::Failed(Failure::LocalReject))
    }));
}

#[test]
fn callers_who_leave_give_their_places_up_and_nobody_is_lost() {
    let settings =
        one_a_second(json!({ "queue": { "length": 100, "wait": "60s", "newest_first_after": "100%" } }));
    let mut world = world(settings, |_, _| answer());
    world.patience = 3_500 * MS;
    (0..80).for_each(|n| world.arrive(n * MS, n, Api::Converse));
    assert_eq!(ends(&mut world, Reason::CallerGone), 17);
    assert_eq!(ends(&mut world, Reason::Answered), 63);
}

#[test]
fn those_who_matter_most_go_first_and_the_newest_when_the_oldest_is_late() {
    let settings = one_a_second(json!({ "queue": { "length": 100, "wait": "10s" } }));
    let mut world = world(settings, |_, _| answer());
    (0..60).for_each(|n| world.arrive(0, n, Api::Converse));
    // Six of default priority, one a little later that is critical.
    (60..66).for_each(|n| world.arrive(MS * (n - 59), n, Api::Converse));
    world.begin(100 * MS, request(66, 100 * MS, |one| one.priority = Priority::Critical));
    let sent = first_sendings(&mut world);
    let mut order: Vec<u64> = (60..67).collect();
    order.sort_by_key(|n| sent[n]);
    // Until the oldest has waited five seconds, the order of coming; then from the end.
    assert_eq!(order, [66, 60, 61, 62, 63, 65, 64]);
}

#[test]
fn a_wait_lets_newcomers_overtake_and_wakes_everybody_and_a_queue_does_neither() {
    let waiting = |more| {
        let mut world = world(one_a_second(more), |_, _| answer());
        (0..75).for_each(|n| world.arrive(n * MS, n, Api::Converse));
        // More come, each just after a refill.
        (75..85).for_each(|n| world.arrive((n - 74) * SECOND + 5 * MS, n, Api::Converse));
        let sent = first_sendings(&mut world);
        assert_eq!(sent.len(), 85);
        (sent.values().is_sorted(), world.wakes)
    };
    let (sorted, many) = waiting(json!({ "on_exhausted": [{ "wait_first": { "max": "60s" } }] }));
    assert!(!sorted, "newcomers overtook nobody");
    let (sorted, few) = waiting(json!({ "queue": { "wait": "60s" } }));
    assert!(sorted && few * 3 < many * 2, "{few} and {many} wake-ups");
}

#[test]
fn rules_that_can_act_at_once_go_before_the_queue() {
    let settings = json!({
        "tiers": [["a"]], "breaker": { "consecutive": 1, "block": "60s" }, "queue": {}, "on_exhausted":
        [{ "last_resort": { "target": "z" } }, "fail_fast"],
    });
    let mut world = world(settings, failing(0, BROKEN));
    (0..3).for_each(|n| world.arrive(n * SECOND, n, Api::Converse));
    assert_eq!(world.run().sent(), [(0, 0), (SECOND, 25), (2 * SECOND, 25)]);
}

#[test]
fn rules_after_a_wait_come_when_the_wait_in_the_queue_was_in_vain() {
    let settings = json!({
        "tiers": [["a"]], "breaker": { "consecutive": 1, "block": "60s" }, "queue": { "length": 1 }, "on_exhausted":
        [{ "wait_first": { "max": "30s" } }, { "last_resort": { "target": "z" } }],
    });
    let mut world = world(settings, failing(0, BROKEN));
    world.arrive(0, 0, Api::Converse);
    (1..3).for_each(|n| world.arrive(SECOND, n, Api::Converse));
    assert_eq!(world.run().sent(), [(0, 0), (3 * SECOND, 25)]);
    assert_eq!(world.notes.by_request()[2].reason, Reason::QueueFull, "nobody waits beside the queue");
}

#[test]
fn pacing_makes_a_burst_even() {
    let spike = |more: Value| {
        let mut settings = json!({
            "tiers": [["a"]], "limits": { "a": { "requests": "600/min" } }, "quota": {},
            "queue": { "length": 200, "wait": "60s" },
        });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut world = world(settings, |_, _| answer());
        (0..150).for_each(|n| world.arrive(n * MS, n, Api::Converse));
        let sent = first_sendings(&mut world);
        [1, 5, 10].map(|second| sent.values().filter(|at| **at < second * SECOND).count())
    };
    assert_eq!(spike(json!({})), [150, 150, 150], "the bucket of a minute lets all of them go at once");
    // A burst of one second's 9.5, then 9.5 a second.
    assert_eq!(spike(json!({ "pacing": { "burst": "1s" } })), [18, 56, 104]);
}

#[test]
fn when_quota_runs_short_the_rest_is_kept_for_those_who_matter() {
    let settings = json!({
        "tiers": [["a"]], "limits": { "a": { "requests": "100/min" } }, "quota": { "safety": "100%" }, "shed": {},
    });
    let mut world = world(settings, |_, _| answer());
    for n in 0..300 {
        let priority = Priority::ALL[n as usize % 3];
        world.begin(n * MS, request(n, n * MS, |one| one.priority = priority));
    }
    world.run();
    let mut let_in = [0; 3];
    let mut dropped = 0;
    for (n, finish) in world.notes.by_request().into_iter().enumerate() {
        match finish.reason {
            Reason::ShedByPriority => dropped += 1,
            Reason::Answered => let_in[n % 3] += 1,
            other => assert_eq!(other, Reason::QuotaShort),
        }
    }
    // The bucket holds 100: all three kinds go until 85 are spent, then two until 95, then one until there is nothing.
    assert_eq!((let_in, dropped), ([38, 34, 28], 138));
}

#[test]
fn a_tenant_s_flood_is_turned_away_and_the_others_notice_nothing() {
    let settings = json!({ "tiers": [["a"]], "tenants": { "requests": "60/min", "burst": "5s" } });
    let mut world = world(settings, |_, _| answer());
    for n in 0..600 {
        // Tenant 0 comes nine times in ten, ten times a second.
        let tenant = if n % 10 == 0 { 1 } else { 0 };
        world.begin(n * 100 * MS, request(n, n * 100 * MS, |one| one.tenant = tenant));
    }
    world.run();
    let finished = world.notes.by_request();
    let refused = |tenant_1: bool| {
        let of = finished.iter().enumerate().filter(|(n, _)| n.is_multiple_of(10) == tenant_1);
        of.filter(|(_, finish)| finish.reason == Reason::TenantOverRate).count()
    };
    assert_eq!((refused(true), refused(false)), (0, 476));
}

/// Answers of 100 tokens of what is asked for; gives what each attempt asked for and each outcome's reason.
fn asked(settings: Value, requests: u64, max_tokens: Option<u32>) -> (Vec<Option<u32>>, Vec<Reason>) {
    let mut world = world(settings, |_, _| {
        rig::ends(300 * MS, crate::failure::AttemptEnd::Complete(Usage { output: 100, ..USAGE }))
    });
    for n in 0..requests {
        world.begin(n * 400 * MS, request(n, n * 400 * MS, |one| one.max_tokens = max_tokens));
    }
    world.run();
    let asked = world.commands.iter().filter_map(|command| match command {
        Command::Attempt { max_tokens, .. } => Some(*max_tokens),
        _ => None,
    });
    (asked.collect(), world.notes.finished().iter().map(|finish| finish.reason).collect())
}

#[test]
fn a_clamp_makes_room_for_more_requests_in_the_same_quota() {
    // Five requests a second of 200 tokens each, in a quota for six; unset, each reserves 4,196 until it ends.
    let settings = |more: Value| {
        let mut settings = json!({
            "tiers": [["a"]], "quota": {}, "limits": { "a": { "tokens": "8k/min" } },
        });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        settings
    };
    let short = |(_, reasons): (Vec<_>, Vec<Reason>)| {
        reasons.into_iter().filter(|reason| *reason == Reason::QuotaShort).count()
    };
    let clamp = json!({ "clamp_output": { "samples_min": 10 } });
    let (unclamped, clamped) = (asked(settings(json!({})), 60, None), asked(settings(clamp), 60, None));
    assert!(unclamped.0.iter().all(Option::is_none));
    assert!(clamped.0[..10].iter().all(Option::is_none), "ten answers come first");
    assert!(clamped.0[12..].iter().all(|asked| *asked == Some(256)), "{:?}", clamped.0);
    let (before, after) = (short(unclamped), short(clamped));
    assert!(before > 20 && after < before / 3, "{before} refused for want of quota, {after} with the clamp");
}

#[test]
fn the_books_hold_what_was_asked_for_and_not_what_the_caller_would() {
    let spec: ComposedSpec = serde_json::from_value(json!({ "tiers": [["a"]], "quota": {} })).unwrap();
    let target = rig::target("east");
    let find = |_: &str| Some(crate::target::Known { id: TargetId(0), spec: &target });
    let composed = Composed::new(&spec, Settings::of(&spec).unwrap(), &find).unwrap();
    let one = request(0, 0, |one| one.max_tokens = Some(1_000));
    let unset = request(0, 0, |_| {});
    assert_eq!([composed.reservation(&one, None), composed.reservation(&one, Some(300))], [1_100.0, 400.0]);
    assert_eq!(
        [composed.reservation(&unset, None), composed.reservation(&unset, Some(300))],
        [4_196.0, 400.0]
    );
}

#[test]
fn degrading_sends_with_what_is_left_and_not_below_its_floor() {
    let settings = json!({
        "tiers": [["a"]], "quota": { "safety": "100%" }, "limits": { "a": { "tokens": "9k/min" } },
        "on_exhausted": [{ "degrade": { "floor": 300 } }],
    });
    // A bucket of 9,000. Each reserves 4,196 and uses 200: what is in the air makes it short.
    let mut world = world(settings, |_, _| answer());
    (0..4).for_each(|n| world.arrive(0, n, Api::Converse));
    world.run();
    let asked: Vec<Option<u32>> = world
        .commands
        .iter()
        .filter_map(|command| match command {
            Command::Attempt { max_tokens, .. } => Some(*max_tokens),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [None, None, Some(508)], "608 were left, 100 of them for the input");
    assert_eq!(world.notes.reasons().iter().filter(|reason| **reason == Reason::Degraded).count(), 1);
    assert_eq!(world.notes.by_request()[3].reason, Reason::QuotaShort);
}

#[test]
fn a_late_failure_surfaces_and_an_early_one_fails_over() {
    let settings = json!({ "tiers": [["a", "b"]], "retry": {}, "fast_fail_only": {} });
    for (after, reason, sent) in [(2_900, Reason::Answered, 2), (3_100, Reason::FailedLate, 1)] {
        let late = rig::fails(after * MS, rig::error("InternalServerException", 500));
        let mut world = world(settings.clone(), failing(0, late));
        world.arrive(0, 0, Api::Converse);
        let notes = world.run();
        assert_eq!((notes.finished()[0].reason, notes.sent().len()), (reason, sent));
    }
}

#[test]
fn the_worst_case_counts_the_wait_in_the_queue() {
    let worst = |more: Value| {
        let mut settings = json!({ "tiers": [["a"]], "timeouts": { "total": "10s" } });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let spec: ComposedSpec = serde_json::from_value(settings).unwrap();
        let worst = spec.worst_case();
        (worst.attempts, worst.wall.unwrap().as_millis())
    };
    assert_eq!(worst(json!({})), (1, 10_000));
    assert_eq!(worst(json!({ "queue": {} })), (1, 12_000));
    let wait = json!([{ "wait_first": { "max": "1s" } }]);
    assert_eq!(worst(json!({ "on_exhausted": wait })), (1, 11_000));
    // The first attempt waits in the queue, the second for a target and through its back-off.
    let both = json!({ "queue": { "wait": "3s" }, "on_exhausted": wait, "retry": { "attempts_max": 2, "cap": "4s" } });
    assert_eq!(worst(both), (2, 28_000));
}

#[test]
fn admission_that_cannot_work_is_named_by_its_keys() {
    let rows = [
        (json!({ "queue": { "length": 0 } }), &["queue.length"][..]),
        (json!({ "queue": { "length": 10_001 } }), &["queue.length"]),
        (json!({ "queue": { "wait": "0s" } }), &["queue.wait"]),
        (json!({ "queue": { "wait": "9s" }, "deadline": "8s" }), &["queue.wait"]),
        (json!({ "queue": {}, "pacing": {} }), &["pacing"]),
        (json!({ "queue": {}, "pacing": { "share": "0%" }, "quota": {} }), &["pacing.share"]),
        (json!({ "queue": {}, "pacing": { "share": "101%" }, "quota": {} }), &["pacing.share"]),
        (json!({ "pacing": {}, "quota": {} }), &["pacing"]),
        (json!({ "pacing": {}, "queue": {}, "limits": { "a": { "requests": "1/s" } } }), &[]),
        (json!({ "shed": {} }), &["shed"]),
        (json!({ "quota": {}, "shed": { "default_above": "80%" } }), &["shed"]),
        (json!({ "tenants": {} }), &["tenants"]),
        (json!({ "tenants": { "requests": "0/s" } }), &["tenants"]),
        (json!({ "clamp_output": { "times": 0.5 } }), &["clamp_output"]),
        (json!({ "clamp_output": { "min": 4_096 } }), &["clamp_output.min"]),
        (json!({ "clamp_output": {}, "quota": { "max_output": 200 } }), &["clamp_output.min"]),
        (json!({ "fast_fail_only": {} }), &["fast_fail_only"]),
        (json!({ "retry": {}, "fast_fail_only": { "within": "0s" } }), &["fast_fail_only.within"]),
        (json!({ "on_exhausted": [{ "degrade": {} }] }), &["on_exhausted.0"]),
        (
            json!({ "quota": {}, "on_exhausted": ["least_bad", { "degrade": { "floor": 4_096 } }] }),
            &["on_exhausted.1.degrade.floor"],
        ),
        (
            json!({ "quota": {}, "on_exhausted": [{ "degrade": { "floor": 0 } }] }),
            &["on_exhausted.0.degrade.floor"],
        ),
    ];
    for (more, expected) in rows {
        let mut settings = json!({ "tiers": [["a"]] });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(keys(settings), expected, "{more}");
    }
}

#[test]
fn a_queue_as_written_in_the_catalogue_is_the_default() {
    let spec: QueueSpec = serde_json::from_str("{}").unwrap();
    assert_eq!((spec.length, spec.wait.as_secs(), spec.newest_first_after.0), (100, 2, 0.5));
}
