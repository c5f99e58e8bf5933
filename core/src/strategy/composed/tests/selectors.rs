//! Selectors that look ahead or remember, as a whole request meets them.

use super::*;
use crate::rig::Rolling;

/// Streams whose first token comes after so long.
fn stream(first: Nanos) -> Play {
    Play { opens: Some(first / 2), content: Some(first), ..rig::answers(first + 400 * MS) }
}

/// Of a hundred requests late in the run, how many went to each of two targets.
fn late_shares(settings: Value, script: impl FnMut(u64, TargetId) -> Play) -> [usize; 2] {
    let mut world = world(settings, script);
    world.rolling = Some(Rolling(3));
    (0..400).for_each(|n| world.arrive(n * 100 * MS, n, Api::ConverseStream));
    let sent = world.run().sent();
    [0, 1].map(|at| sent.iter().filter(|(when, target)| *target == at && *when >= 30 * SECOND).count())
}

#[test]
fn by_percentile_the_target_whose_slow_answers_are_quicker_gets_nearly_all() {
    let settings = json!({ "tiers": [["a", "b"]], "select": { "ttft_percentile": {} } });
    // a is quicker at the median, and one answer in five is slow.
    let script = |n: u64, target: TargetId| match target.0 {
        0 if n.is_multiple_of(5) => stream(3 * SECOND),
        0 => stream(300 * MS),
        _ => stream(600 * MS),
    };
    let [a, b] = late_shares(settings, script);
    assert!(b > 9 * a, "{a} and {b}");
}

#[test]
fn by_percentile_who_fails_fast_does_not_look_quick() {
    let settings = json!({ "tiers": [["a", "b"]], "select": { "ttft_percentile": {} } });
    let [a, b] = late_shares(settings, |_, target| if target.0 == 0 { BROKEN } else { stream(2 * SECOND) });
    assert!(b > 9 * a, "{a} and {b}");
}

#[test]
fn the_cheap_target_is_used_while_it_is_quick_enough() {
    let settings = || {
        json!({
            "tiers": [["a", "b"]], "select": { "cost_first": { "slo": "3s" } },
            "prices": { "a": { "input": 3.0, "output": 15.0 }, "b": { "input": 0.25, "output": 1.25 } },
        })
    };
    let both_quick = late_shares(settings(), |_, _| stream(500 * MS));
    assert!(both_quick[1] > 95, "{both_quick:?}: but for what is left to chance");
    let cheap_is_slow = |_, target: TargetId| stream(if target.0 == 1 { 8 * SECOND } else { 500 * MS });
    let [dear, cheap] = late_shares(settings(), cheap_is_slow);
    assert!(dear > 9 * cheap.max(1), "{dear} and {cheap}");
}

#[test]
fn requests_with_one_prefix_go_to_one_target() {
    let settings = json!({ "tiers": [["a", "b", "c"]], "select": { "cache_affinity": {} } });
    let mut world = world(settings, |_, _| answer());
    // Three prefixes in turn.
    (0..60u64).for_each(|n| world.arrive_with(n * SECOND, n, Some(n % 3)));
    let told: Vec<u16> = world.run().sent().into_iter().map(|(_, target)| target).collect();
    assert!((3..60).all(|n| told[n] == told[n - 3]), "{told:?}");
}
