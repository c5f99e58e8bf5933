//! A spike, told second by second.

use super::*;

/// Sends `per_second` calls in the given second, spread evenly, and finishes each at once; how many were admitted.
fn second(engine: &mut Engine, second: u64, per_second: u64) -> u64 {
    let mut admitted = 0;
    for n in 0..per_second {
        let now = second * SECOND + n * SECOND / per_second;
        if let Served::Answer(answer) = engine.call(now, &call(second * 1_000 + n)) {
            engine.finish(now, answer.call);
            admitted += 1;
        }
    }
    admitted
}

#[test]
fn a_spike_drains_the_pool_and_what_is_lost_comes_back_only_gradually() {
    let quotas = json!({ "on_demand": { "us-east-1": { "requests": "120/min" } } });
    let mut engine = engine(with(still(), "quotas", quotas), &[EAST]);

    // One call a second is half the quota: the bucket stays full.
    let calm: u64 = (0..60).map(|s| second(&mut engine, s, 1)).sum();
    assert_eq!(calm, 60);

    // Forty a second: the saved-up 120 carry three seconds, then only the refill of two a second passes.
    let spike: Vec<u64> = (60..70).map(|s| second(&mut engine, s, 40)).collect();
    assert_eq!(spike, [40, 40, 40, 7, 2, 2, 2, 2, 2, 2]);

    // The spike is over. Nobody waits for a full minute: each second brings two requests back.
    let left = |engine: &mut Engine, s: u64| engine.pool_state(s * SECOND, PoolId(0)).requests_left;
    assert!(left(&mut engine, 70).is_some_and(|left| left < 3.0));
    let at_80 = left(&mut engine, 80).expect("a quota");
    assert!((20.0..23.0).contains(&at_80), "{at_80}");
    let after: u64 = (80..140).map(|s| second(&mut engine, s, 1)).sum();
    assert_eq!(after, 60, "calm traffic passes again at once");
    assert!(left(&mut engine, 140).is_some_and(|left| left > 70.0), "while the bucket still fills");

    // An idle minute later it is full, and not more than full.
    assert_eq!(left(&mut engine, 240), Some(120.0));
    let state = engine.pool_state(240 * SECOND, PoolId(0));
    assert_eq!((state.admitted, state.throttled), (60 + 139 + 60, 400 - 139));
}
