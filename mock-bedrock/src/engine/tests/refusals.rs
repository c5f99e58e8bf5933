//! Every way in which the service itself says no, with its status and text.

use super::*;

fn refused(world: Value, routes: &[(RouteKind, &str, &str)], call: Call) -> (u16, String) {
    let mut engine = engine(world, routes);
    let (at, exception) = error(engine.call(SECOND, &call));
    assert_eq!(at, SECOND + 20 * MS, "an error takes one round trip");
    assert_eq!(engine.open_calls(), 0, "and holds nothing");
    (exception.kind.status(), exception.message.into_owned())
}

#[test]
fn validation_says_what_is_wrong_with_a_request() {
    let table = [
        (
            Call { max_tokens: Some(1001), ..call(1) },
            "The maximum tokens you requested exceed the model limit of 1000. Try again with a maximum tokens value \
             lower than 1000.",
        ),
        (
            Call { max_tokens: Some(0), ..call(1) },
            "1 validation error detected: Value '0' at 'inferenceConfig.maxTokens' failed to satisfy constraint: \
             Member must have value greater than or equal to 1",
        ),
        (Call { input_tokens: 5001, ..call(1) }, "Input is too long for requested model."),
        (
            Call { input_tokens: 4000, cache_read: 1000, cache_write: 1, ..call(1) },
            "Input is too long for requested model.",
        ),
    ];
    for (call, text) in table {
        assert_eq!(refused(still(), &[EAST], call), (400, text.to_owned()));
    }
    let mut fits = engine(still(), &[EAST]);
    answer(fits.call(0, &Call { input_tokens: 5000, max_tokens: Some(1000), ..call(1) }));
}

#[test]
fn a_region_without_the_model_names_the_way_out_if_there_is_one() {
    let lacking = with(
        still(),
        "regions",
        json!({ "us-east-1": { "rtt": "20ms", "without": ["m"] }, "us-west-2": {} }),
    );
    let invalid = "The provided model identifier is invalid.";
    let profile = "Invocation of model ID m with on-demand throughput isn\u{2019}t supported. Retry your request \
                   with the ID or ARN of an inference profile that contains this model.";
    assert_eq!(refused(lacking.clone(), &[EAST], call(1)), (400, invalid.to_owned()));
    let both = [EAST, (RouteKind::Profile, "us-east-1", "us.m")];
    assert_eq!(refused(lacking, &both, call(1)), (400, profile.to_owned()));
}

#[test]
fn an_unknown_route_is_an_invalid_model_id_and_no_panic() {
    let mut engine = engine(still(), &[EAST]);
    let (_, exception) = error(engine.call(0, &Call { route: RouteId(9), ..call(1) }));
    assert_eq!(exception, Exception::invalid_model_id());
}

/// A first call is admitted, the second refused; how depends on which limit is tight.
fn second_refused(quotas: Value) -> (u16, String) {
    let mut engine = engine(with(still(), "quotas", quotas), &[EAST]);
    answer(engine.call(0, &call(1)));
    let (at, exception) = error(engine.call(0, &call(2)));
    assert_eq!(at, 20 * MS);
    (exception.kind.status(), exception.message.into_owned())
}

#[test]
fn each_quota_throttles_with_its_own_text() {
    let minute = |requests: &str, tokens: &str| json!({ "on_demand": { "us-east-1": { "requests": requests, "tokens": tokens } } });
    let requests = (429, "Too many requests, please wait before trying again.".to_owned());
    let tokens = (429, "Too many tokens, please wait before trying again.".to_owned());
    let day = (429, "Too many tokens per day, please wait before trying again.".to_owned());
    // Each call reserves 100 + 200 tokens.
    assert_eq!(second_refused(minute("1/min", "9000/min")), requests);
    assert_eq!(second_refused(minute("9/min", "599/min")), tokens);
    assert_eq!(second_refused(minute("1/min", "599/min")), requests, "requests are checked first");
    assert_eq!(second_refused(json!({ "tokens_per_day": { "us-east-1": 599 } })), day);
}

#[test]
fn a_daily_cap_of_zero_refuses_everything() {
    let world = with(still(), "quotas", json!({ "tokens_per_day": { "us-east-1": 0 } }));
    let text = "Too many tokens per day, please wait before trying again.";
    assert_eq!(refused(world, &[EAST], call(1)), (429, text.to_owned()));
}

#[test]
fn the_daily_cap_is_shared_by_all_models_and_pools_of_a_region() {
    let world = with(still(), "quotas", json!({ "tokens_per_day": { "us-east-1": 500 } }));
    let mut engine = engine(world, &[EAST, (RouteKind::Profile, "us-east-1", "us.m")]);
    answer(engine.call(0, &call(1)));
    let (_, exception) = error(engine.call(0, &Call { route: RouteId(1), ..call(2) }));
    assert_eq!(exception, Exception::too_many_tokens_per_day());
}

#[test]
fn a_refusal_costs_no_quota() {
    let quotas = json!({ "on_demand": { "us-east-1": { "requests": "60/min", "tokens": "300/min" } } });
    let mut engine = engine(with(still(), "quotas", quotas), &[EAST]);
    answer(engine.call(0, &call(1)));
    for request in 2..50 {
        error(engine.call(0, &call(request)));
    }
    let state = engine.pool_state(0, PoolId(0));
    assert_eq!((state.requests_left, state.tokens_left), (Some(59.0), Some(0.0)));
    assert_eq!((state.admitted, state.throttled), (1, 48));
}

#[test]
fn a_full_region_refuses_and_gives_the_whole_reservation_back() {
    let world = with(still(), "capacity", json!({ "us-east-1": { "concurrent": 2, "refuse_above": 1.0 } }));
    let quotas = json!({ "on_demand": { "us-east-1": { "requests": "60/min", "tokens": "6000/min" } } });
    let mut engine = engine(with(world, "quotas", quotas), &[EAST]);
    let first = answer(engine.call(0, &call(1)));
    answer(engine.call(0, &call(2)));
    let (at, exception) = error(engine.call(0, &call(3)));
    assert_eq!((at, exception), (20 * MS, Exception::no_capacity()));
    let state = engine.pool_state(0, PoolId(0));
    assert_eq!((state.requests_left, state.tokens_left), (Some(58.0), Some(5400.0)));
    engine.finish(0, first.call);
    answer(engine.call(0, &call(4)));
}

#[test]
fn provisioned_capacity_has_its_own_limits_and_shares_no_region() {
    const ARN: &str = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl";
    let world = with(still(), "provisioned", json!({ ARN: { "model": "m", "concurrent": 1 } }));
    let world = with(world, "capacity", json!({ "us-east-1": { "concurrent": 1, "refuse_above": 1.0 } }));
    let mut engine = engine(world, &[EAST, (RouteKind::Provisioned, "us-east-1", ARN)]);
    answer(engine.call(0, &call(1)));
    let bought = Call { route: RouteId(1), ..call(2) };
    let first = answer(engine.call(0, &bought));
    let (_, exception) = error(engine.call(0, &Call { request: 3, ..bought }));
    assert_eq!(exception, Exception::too_many_requests());
    engine.finish(first.last_at, first.call);
    answer(engine.call(first.last_at, &Call { request: 4, ..bought }));
}
