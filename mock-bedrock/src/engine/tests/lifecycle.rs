//! Admission, settlement, abandonment: everything is given back exactly once.

use proptest::prelude::*;

use super::*;

/// A clock minute: nothing is refilled while a test looks.
fn metered(abandoned: &str) -> Engine {
    let quotas = json!({ "on_demand": { "us-east-1": { "requests": "600/min", "tokens": "60k/min" } } });
    let world = with(with(still(), "quotas", quotas), "abandoned_work", json!(abandoned));
    let world = with(world, "limiter", json!("clock_minute"));
    engine(with(world, "capacity", json!({ "us-east-1": { "concurrent": 100 } })), &[EAST])
}

fn tokens_left(engine: &mut Engine, now: Nanos) -> f64 {
    engine.pool_state(now, PoolId(0)).tokens_left.expect("the pool has a token quota")
}

#[test]
fn a_call_reserves_input_and_max_tokens_and_settles_to_real_use_with_burndown() {
    let mut engine = metered("continues");
    let call = Call { cache_read: 1000, cache_write: 500, ..call(1) };
    let first = answer(engine.call(0, &call));
    assert_eq!(tokens_left(&mut engine, 0), 60_000.0 - (100.0 + 1000.0 + 500.0 + 200.0));
    engine.finish(0, first.call);
    assert_eq!(tokens_left(&mut engine, 0), 60_000.0 - (100.0 + 500.0 + 51.0 * 5.0));
}

#[test]
fn a_prefix_is_written_once_and_read_without_counting_where_it_was_written() {
    let mut engine = metered("continues");
    let prefix = Some(Prefix { key: 7, tokens: 1_500 });
    let call = |request| Call { input_tokens: 2_000, prefix, ..call(request) };
    let cached = |answer: &Answer| (answer.usage.input, answer.usage.cache_read, answer.usage.cache_write);
    let first = answer(engine.call(0, &call(1)));
    let at_once = answer(engine.call(1, &call(2)));
    assert_eq!((cached(&first), cached(&at_once)), ((500, 0, 1_500), (500, 0, 1_500)));
    let now = at_once.last_at;
    engine.finish(now, first.call);
    engine.finish(now, at_once.call);
    let before = tokens_left(&mut engine, now);
    let hit = answer(engine.call(now, &call(3)));
    assert_eq!(cached(&hit), (500, 1_500, 0));
    assert_eq!(tokens_left(&mut engine, now), before - (2_000.0 + 200.0), "it is reserved");
    engine.finish(now, hit.call);
    assert_eq!(tokens_left(&mut engine, now), before - (500.0 + 51.0 * 5.0), "and does not count in the end");
    let late = answer(engine.call(now + 301_000 * MS, &call(4)));
    assert_eq!(cached(&late), (500, 0, 1_500), "cold after five minutes");
    let short = Call { prefix: Some(Prefix { key: 9, tokens: 1_000 }), ..call(5) };
    assert_eq!(cached(&answer(engine.call(now, &short))), (2_000, 0, 0), "too short to be cached");
}

#[test]
fn unset_max_tokens_reserves_the_models_maximum() {
    let mut engine = metered("continues");
    answer(engine.call(0, &Call { max_tokens: None, ..call(1) }));
    assert_eq!(tokens_left(&mut engine, 0), 60_000.0 - 1_100.0);
}

#[test]
fn a_call_is_settled_once_however_often_it_is_finished_or_abandoned() {
    let mut engine = metered("stops");
    let first = answer(engine.call(0, &call(1)));
    engine.finish(0, first.call);
    let left = tokens_left(&mut engine, 0);
    let second = answer(engine.call(0, &call(2)));
    assert_eq!(second.call.slot, first.call.slot, "the slot is used again");
    engine.finish(0, first.call);
    assert_eq!(engine.abandon(0, first.call), None);
    assert_eq!(engine.open_calls(), 1, "a late word about the first call does not touch the second");
    engine.finish(0, second.call);
    assert_eq!(tokens_left(&mut engine, 0), left - 355.0);
    assert_eq!(engine.abandon(0, CallId { slot: 99, generation: 0 }), None);
}

#[test]
fn abandoned_work_goes_on_to_its_end_or_stops_as_the_world_says() {
    let mut engine = metered("continues");
    let first = answer(engine.call(0, &call(1)));
    let left = Abandoned { works_until: Some(first.last_at), tokens: 51 };
    assert_eq!(engine.abandon(50 * MS, first.call), Some(left));
    assert_eq!(engine.open_calls(), 1);
    assert_eq!(engine.finish(first.last_at, first.call), Some(51));
    assert_eq!(engine.open_calls(), 0);

    // (left at, tokens made by then): the first is made at 120 ms, the second at 130 ms.
    for (left_at, made) in [(50, 0), (119, 0), (120, 1), (131, 2), (9_000, 51)] {
        let mut engine = metered("stops");
        let first = answer(engine.call(0, &call(1)));
        let left = Abandoned { works_until: None, tokens: made };
        assert_eq!(engine.abandon(left_at * MS, first.call), Some(left));
        assert_eq!(engine.open_calls(), 0);
        assert_eq!(tokens_left(&mut engine, left_at * MS), 60_000.0 - 100.0 - 5.0 * f64::from(made));
    }
}

proptest! {
    #[test]
    fn when_all_calls_are_over_nothing_is_held(
        steps in proptest::collection::vec((0u64..50 * MS, 0u8..4, any::<prop::sample::Index>()), 1..300),
    ) {
        let mut engine = metered("continues");
        let mut open: Vec<Answer> = Vec::new();
        let (mut now, mut admitted, mut throttled) = (0, 0, 0);
        for (number, (pause, deed, which)) in steps.into_iter().enumerate() {
            now += pause;
            match (deed, open.is_empty()) {
                (0, false) => {
                    let place = which.index(open.len());
                    engine.finish(now, open.swap_remove(place).call);
                }
                (1, false) => {
                    let place = which.index(open.len());
                    prop_assert!(engine.abandon(now, open[place].call).is_some());
                }
                _ => match engine.call(now, &call(number as u64)) {
                    Served::Answer(answer) => {
                        prop_assert!(answer.first_at <= answer.last_at && answer.last_at > now);
                        admitted += 1;
                        open.push(answer);
                    }
                    _ => throttled += 1,
                },
            }
            prop_assert_eq!(engine.open_calls(), open.len());
            prop_assert_eq!(engine.load[0].running as usize, open.len());
        }
        for answer in &open {
            engine.finish(now, answer.call);
        }
        prop_assert_eq!(engine.open_calls(), 0);
        prop_assert_eq!(engine.load[0].running, 0);
        let state = engine.pool_state(now, PoolId(0));
        prop_assert_eq!((state.admitted, state.throttled), (admitted, throttled));
        // Two minutes refill anything.
        let later = engine.pool_state(now + 120 * SECOND, PoolId(0));
        prop_assert_eq!((later.requests_left, later.tokens_left), (Some(600.0), Some(60_000.0)));
    }

    #[test]
    fn no_call_and_no_number_makes_the_engine_panic(
        calls in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<[u32; 4]>(), any::<Option<u32>>()), 1..50),
        first in any::<u64>(),
        burndown in 1.0..1000.0f64,
    ) {
        let mut world = still();
        world["models"]["m"]["first_token"] = json!(format!("{}ns", first % 1_000_000_000_000_000_000));
        world["models"]["m"]["burndown"] = json!(burndown);
        world["models"]["m"]["max_output"] = json!(u32::MAX);
        world["models"]["m"]["context"] = json!(u32::MAX);
        world["quotas"] = json!({ "on_demand": { "us-east-1": { "tokens": "900B/min" } } });
        let mut engine = engine(world, &[EAST]);
        for (now, request, [input_tokens, cache_read, cache_write, output_tokens], max_tokens) in calls {
            let call = Call { request, input_tokens, cache_read, cache_write, output_tokens, max_tokens, ..call(0) };
            if let Served::Answer(answer) = engine.call(now, &call) {
                prop_assert!(answer.head_at <= answer.first_at && answer.first_at <= answer.last_at);
                engine.abandon(now, answer.call);
                engine.finish(answer.last_at, answer.call);
            }
        }
    }
}
