//! When the parts of an answer come.

use super::*;

#[test]
fn a_unary_answer_comes_in_one_piece_when_the_last_token_is_made() {
    let answer = answer(engine(still(), &[EAST]).call(SECOND, &call(1)));
    let there = SECOND + (20 + 100 + 50 * 10) * MS;
    assert_eq!((answer.head_at, answer.first_at, answer.last_at), (there, there, there));
    assert_eq!((answer.tokens, answer.end), (51, BodyEnd::Complete { stop: Stop::EndTurn }));
}

#[test]
fn a_stream_opens_at_once_and_then_flows_evenly() {
    let streamed = Call { operation: Operation::ConverseStream, ..call(1) };
    let answer = answer(engine(still(), &[EAST]).call(0, &streamed));
    assert_eq!((answer.head_at, answer.first_at, answer.last_at), (20 * MS, 120 * MS, 620 * MS));
    assert_eq!((answer.silence_from, answer.silence_max), (120 * MS, 10 * MS));
}

#[test]
fn an_answer_is_cut_at_max_tokens_or_at_the_models_maximum() {
    // (max_tokens, the model would write, tokens, stop)
    let table = [
        (Some(200), 200, 200, Stop::EndTurn),
        (Some(200), 201, 200, Stop::MaxTokens),
        (None, 5000, 1000, Stop::MaxTokens),
        (None, 0, 0, Stop::EndTurn),
    ];
    for (max_tokens, output_tokens, tokens, stop) in table {
        let answer = answer(engine(still(), &[EAST]).call(0, &Call { max_tokens, output_tokens, ..call(1) }));
        assert_eq!((answer.tokens, answer.end), (tokens, BodyEnd::Complete { stop }));
        assert_eq!(answer.usage.output, tokens);
    }
}

#[test]
fn a_profile_call_served_elsewhere_takes_a_hop_longer() {
    let world = with(still(), "capacity", json!({ "us-east-1": { "concurrent": 1 } }));
    let mut engine = engine(world, &[(RouteKind::Profile, "us-east-1", "us.m")]);
    let home = answer(engine.call(0, &call(1)));
    let away = answer(engine.call(0, &call(2)));
    assert_eq!(engine.world().region_name(home.region), "us-east-1");
    assert_eq!(engine.world().region_name(away.region), "us-east-2");
    assert_eq!(away.last_at - home.last_at, 30 * MS);
}

#[test]
fn prompts_and_load_slow_the_model_but_not_the_network() {
    let mut world = with(
        still(),
        "capacity",
        json!({ "us-east-1": { "concurrent": 4, "knee": "50%", "slowdown": 3.0 } }),
    );
    world["models"]["m"]["per_1k_input"] = json!("50ms");
    let mut engine = engine(world, &[EAST]);
    let stream =
        Call { operation: Operation::ConverseStream, input_tokens: 1000, output_tokens: 11, ..call(1) };
    // (first, last) after the head, by answers already in production: 0, 1, 2 are up to the knee.
    for (first, last) in [(150, 250), (150, 250), (150, 250), (300, 500), (450, 750), (600, 1000)] {
        let answer = answer(engine.call(0, &stream));
        assert_eq!(answer.head_at, 20 * MS);
        assert_eq!(
            (answer.first_at - answer.head_at, answer.last_at - answer.head_at),
            (first * MS, last * MS)
        );
    }
}

#[test]
fn quantiles_of_the_first_token_hit_the_p50_and_p99_that_were_written() {
    let mut world = still();
    world["models"]["m"]["first_token"] = json!({ "log_normal": { "p50": "450ms", "p99": "2s" } });
    let mut engine = engine(world, &[EAST]);
    let mut first: Vec<Nanos> = (0..40_000)
        .map(|request| {
            let stream = Call { operation: Operation::ConverseStream, ..call(request) };
            let answer = answer(engine.call(0, &stream));
            answer.first_at - answer.head_at
        })
        .collect();
    first.sort_unstable();
    for (quantile, ms) in [(0.5, 450.0), (0.99, 2000.0)] {
        let found = first[(quantile * first.len() as f64) as usize] as f64 / 1e6;
        assert!((found / ms - 1.0).abs() < 0.04, "p{quantile} is {found} ms, not {ms}");
    }
}

#[test]
fn outliers_come_as_often_as_written_and_change_nobody_elses_luck() {
    let mut world = still();
    world["models"]["m"]["first_token"] = json!({ "log_normal": { "p50": "450ms", "p99": "2s" } });
    let mut plain = engine(world.clone(), &[EAST]);
    world["models"]["m"]["outliers"] = json!({ "share": "2%", "first_token": "60s" });
    let mut mixed = engine(world, &[EAST]);
    let mut slow = 0;
    for request in 0..20_000 {
        let (plain, mixed) =
            (answer(plain.call(0, &call(request))).last_at, answer(mixed.call(0, &call(request))).last_at);
        if mixed > 60 * SECOND {
            slow += 1;
        } else {
            assert_eq!(plain, mixed);
        }
    }
    assert!((340..460).contains(&slow), "{slow} of 20000");
}

#[test]
fn two_regions_have_different_luck_and_adding_one_changes_nothing() {
    let mut world = still();
    world["models"]["m"]["first_token"] = json!({ "log_normal": { "p50": "450ms", "p99": "2s" } });
    world["regions"]["us-west-2"]["rtt"] = json!("20ms");
    let routes = [EAST, (RouteKind::OnDemand, "us-west-2", "m")];
    let mut both = engine(world.clone(), &routes);
    let west = Call { route: RouteId(1), ..call(1) };
    assert_ne!(answer(both.call(0, &call(1))).last_at, answer(both.call(0, &west)).last_at);
    world["regions"] = json!({ "eu-west-1": {}, "us-west-2": { "rtt": "20ms" } });
    let mut alone = engine(world, &[routes[1]]);
    assert_eq!(
        answer(both.call(0, &west)).last_at,
        answer(alone.call(0, &Call { route: RouteId(0), ..west })).last_at
    );
}
