//! Adaptive mode as its callers feel it; the arithmetic of the limiter has its own tests.

use super::*;

#[test]
fn adaptive_mode_spreads_out_what_standard_mode_sends_at_once() {
    let burst = |mode: &str| {
        let play = |attempt, _| if attempt < 20 { THROTTLED } else { rig::answers(10 * MS) };
        let mut world = world(json!({ "mode": mode, "max_attempts": 1 }), play);
        (0..20).for_each(|number| world.arrive(number * 100 * MS, number, Api::Converse));
        (20..60).for_each(|number| world.arrive(3 * SECOND, number, Api::Converse));
        let notes = world.run();
        let late = notes.sent().iter().filter(|(at, _)| *at > 3 * SECOND).count();
        (late, notes.reasons().contains(&Reason::RateLimited))
    };
    assert_eq!(burst("standard"), (0, false));
    let (late, limited) = burst("adaptive");
    assert!(late >= 30 && limited, "{late} of 40 held back");
}

#[test]
fn once_the_callers_of_a_spike_have_left_adaptive_mode_is_back_to_normal_within_seconds() {
    // A few throttles at the start of the spike cut the rate to its floor.
    let play = |attempt, _| if (40..50).contains(&attempt) { THROTTLED } else { rig::answers(MS) };
    let mut world = world(json!({ "mode": "adaptive" }), play);
    world.patience = 5 * SECOND;
    let calm = |second: u64| (0..4).map(move |n| second * SECOND + n * 250 * MS);
    let crowd = (0..2_000).map(|n| 10 * SECOND + n * 5 * MS);
    for (at, number) in (0..10).flat_map(calm).chain(crowd).chain((20..60).flat_map(calm)).zip(0..) {
        world.arrive(at, number, Api::Converse);
    }
    let notes = world.run();
    let gone = notes.finished().iter().filter(|finish| finish.outcome == Outcome::Gone).count();
    assert!((1_800..2_000).contains(&gone), "{gone} callers left");
    // From ten seconds after the spike nobody waits.
    let late: Vec<Nanos> = notes.sent().iter().map(|(at, _)| *at).filter(|at| *at >= 30 * SECOND).collect();
    assert_eq!(late, (30..60).flat_map(calm).collect::<Vec<_>>());
}

#[test]
fn a_retry_stands_in_line_only_after_its_back_off() {
    // The throttle turns the limiter on; the retry backs off for half a second, in which another request comes.
    let play = |attempt, _| if attempt == 0 { THROTTLED } else { rig::answers(MS) };
    let mut world = world(json!({ "mode": "adaptive" }), play);
    world.arrive(SECOND, 0, Api::Converse);
    world.arrive(1_200 * MS, 1, Api::Converse);
    let notes = world.run();
    let sent = notes.0.iter().filter_map(|(_, note)| match note {
        rig::Note::Sent(attempt, _) => Some((attempt.flight.slot, attempt.number)),
        _ => None,
    });
    assert_eq!(sent.collect::<Vec<_>>(), [(0, 0), (1, 0), (0, 1)]);
    let first = [Reason::FirstChoice, Reason::RetrySame, Reason::FirstChoice, Reason::RateLimited];
    assert_eq!(notes.reasons()[..4], first);
}

#[test]
fn before_2026_a_retry_of_the_rust_sdk_waits_for_ten_tokens_or_pays_them_and_backs_off() {
    let play = |attempt, _| if attempt == 0 { THROTTLED } else { rig::answers(MS) };
    let sent = |behaviour: &str, client: &str| {
        let settings = json!({ "mode": "adaptive", "behaviour": behaviour, "client": client });
        let mut world = world(settings, play);
        world.arrive(SECOND, 0, Api::Converse);
        world.run().sent()[1].0
    };
    // The throttle at 1.01 s makes a rate of 0.56 a second, and none are saved: ten tokens are almost eighteen seconds away.
    let at = sent("before_2026", "rust");
    assert!((18_860 * MS..18_870 * MS).contains(&at), "{at}");
    // All others back off, for half a second with these dice, and then take one token.
    for (behaviour, client) in [("before_2026", "boto3"), ("since_2026", "rust"), ("since_2026", "boto3")] {
        let at = sent(behaviour, client);
        assert!((1_510 * MS..4 * SECOND).contains(&at), "{behaviour}, {client}: {at}");
    }
}
