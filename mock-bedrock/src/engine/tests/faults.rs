//! What faults do to a call on its way, and what becomes of its quota.

use super::*;
use crate::fault::FaultSpec;

const US: (RouteKind, &str, &str) = (RouteKind::Profile, "us-east-1", "us.m");

fn faulty(world: Value, route: (RouteKind, &str, &str), faults: &[Value]) -> Engine {
    let world = resolved(world, &[route]);
    let rules = faults.iter().map(|fault| {
        let spec: FaultSpec = serde_json::from_value(fault.clone()).expect("a readable fault");
        spec.resolve("fault", &world, &|_| None, 3600 * SECOND).expect("a good fault")
    });
    let rules = rules.collect();
    Engine::new(world, rules, Luck::new(7, 0))
}

fn metered() -> Value {
    let quota = json!({ "us-east-1": { "requests": "60/min", "tokens": "6000/min" } });
    with(still(), "quotas", json!({ "on_demand": quota, "profile": quota }))
}

fn left(engine: &mut Engine) -> (Option<f64>, Option<f64>) {
    let state = engine.pool_state(0, PoolId(0));
    (state.requests_left, state.tokens_left)
}

#[test]
fn faults_before_the_quota_cost_nothing() {
    let fault = |served: Served| match served {
        Served::Refused { at } => format!("refused at {}", at / MS),
        Served::Reset { at } => format!("reset at {}", at / MS),
        Served::Page { at, page } => format!("page {} at {}", page.status, at / MS),
        Served::Silence => "silence".to_owned(),
        Served::Error { at, exception } => format!("{} at {}", exception.kind.name(), at / MS),
        Served::Answer(_) => "answer".to_owned(),
    };
    let table = [
        (json!({ "connect_refused": { "share": "100%" } }), "refused at 20"),
        (json!({ "outage": { "mode": "blackhole" } }), "silence"),
        (json!({ "connect_blackhole": {} }), "silence"),
        (json!({ "dns": { "mode": "nxdomain" } }), "refused at 20"),
        (json!({ "tls_bad_certificate": { "why": "expired" } }), "refused at 20"),
        (json!({ "body_html_proxy": {} }), "page 502 at 20"),
        (json!({ "status_200_error_body": {} }), "page 200 at 20"),
        (json!({ "outage": { "mode": "unavailable" } }), "ServiceUnavailableException at 20"),
        (json!({ "access_denied": {} }), "AccessDeniedException at 20"),
        (json!({ "model_not_ready": { "warm_up": "30s" } }), "ModelNotReadyException at 20"),
    ];
    for (rule, outcome) in table {
        let mut engine = faulty(metered(), EAST, std::slice::from_ref(&rule));
        assert_eq!(fault(engine.call(0, &call(1))), outcome, "{rule}");
        assert_eq!(left(&mut engine), (Some(60.0), Some(6000.0)), "{rule}");
        assert_eq!(engine.open_calls(), 0, "{rule}");
    }
}

#[test]
fn a_capacity_fault_gives_the_reservation_back() {
    let burst =
        json!({ "error_burst": { "errors": { "InternalServerException": "100%" }, "share": "100%" } });
    let mut engine = faulty(metered(), EAST, &[burst]);
    let (at, exception) = error(engine.call(0, &call(1)));
    assert_eq!((at, exception.kind.status()), (20 * MS, 500));
    assert_eq!(left(&mut engine), (Some(60.0), Some(6000.0)));
}

#[test]
fn a_profile_goes_round_a_region_without_capacity_and_a_direct_call_does_not() {
    let burst = json!({
        "error_burst": { "errors": { "ServiceUnavailableException": "100%" }, "share": "100%" },
        "on": { "region": "us-east-1" }
    });
    let mut direct = faulty(metered(), EAST, std::slice::from_ref(&burst));
    error(direct.call(0, &call(1)));
    // Called from us-west-1 and sent to us-east-1 first, because its own Region is drained.
    let mut world = metered();
    world["regions"]["us-west-1"] = json!({ "rtt": "20ms" });
    let drain = json!({ "reroute_drain": { "region": "us-west-1" } });
    let mut through = faulty(world, (RouteKind::Profile, "us-west-1", "us.m"), &[drain, burst]);
    let round = answer(through.call(0, &call(1)));
    assert_eq!(through.world().region_name(round.region), "us-east-2");
    assert_eq!(round.last_at, (20 + 2 * 30 + 100 + 50 * 10) * MS, "each Region it was sent to is a hop");
}

#[test]
fn drained_regions_serve_no_profile_and_when_all_are_drained_nothing_does() {
    let drain = |region: &str| json!({ "reroute_drain": { "region": region } });
    let mut one = faulty(metered(), US, &[drain("us-east-1")]);
    let away = answer(one.call(0, &call(1)));
    assert_eq!(one.world().region_name(away.region), "us-east-2");
    let all = ["us-east-1", "us-east-2", "us-west-2"].map(drain);
    let mut none = faulty(metered(), US, &all);
    assert_eq!(error(none.call(0, &call(1))).1, Exception::no_capacity());
    assert_eq!(left(&mut none), (Some(60.0), Some(6000.0)));
}

#[test]
fn a_cut_quota_and_a_greedy_neighbour_leave_less_of_the_pool() {
    let mut cut = faulty(metered(), EAST, &[json!({ "quota_step": { "factor": 0.5 } })]);
    answer(cut.call(0, &call(1)));
    assert_eq!(left(&mut cut), (Some(29.0), Some(2700.0)));

    let mut shared = faulty(metered(), EAST, &[json!({ "quota_shadow": { "requests": "120/min" } })]);
    // The pool gains one request a second and the others take two, so it loses one a second.
    for (second, left) in [(10, 50.0), (20, 39.0)] {
        answer(shared.call(second * SECOND, &call(second)));
        let now = shared.pool_state(second * SECOND, PoolId(0)).requests_left.expect("a quota");
        assert!((now - (left - 1.0)).abs() < 1.5, "{now} left at {second} s");
    }
}

#[test]
fn a_slow_connection_and_slow_tokens_stretch_their_own_parts() {
    let faults = [
        json!({ "connect_slow": { "delay": "500ms" } }),
        json!({ "latency_scale": { "prefill": 3, "decode": 2 } }),
    ];
    let mut engine = faulty(metered(), EAST, &faults);
    let slow = answer(engine.call(0, &Call { operation: Operation::ConverseStream, ..call(1) }));
    let times = [slow.head_at, slow.first_at, slow.last_at].map(|at| at / MS);
    assert_eq!(times, [520, 520 + 300, 520 + 300 + 50 * 20]);
}

#[test]
fn a_caller_who_gives_up_on_a_slow_connection_takes_no_quota() {
    let mut engine = faulty(metered(), EAST, &[json!({ "connect_slow": { "delay": "500ms" } })]);
    let within = |ms: u64| Call { connect_within: Some(ms * MS), ..call(1) };
    assert_eq!(engine.call(0, &within(499)), Served::Silence);
    assert_eq!(left(&mut engine), (Some(60.0), Some(6000.0)));
    answer(engine.call(0, &within(500)));
    assert_eq!(engine.open_calls(), 1);
}

#[test]
fn a_unary_answer_that_is_reset_was_made_and_is_charged() {
    let reset = json!({ "reset_mid_stream": { "after": 20, "share": "100%" } });
    let mut engine = faulty(metered(), EAST, std::slice::from_ref(&reset));
    let lost = answer(engine.call(0, &call(1)));
    assert_eq!((lost.tokens, lost.end.clone(), lost.last_at), (0, BodyEnd::Reset, 620 * MS));
    assert_eq!(engine.finish(0, lost.call), Some(51));
    assert_eq!(left(&mut engine).1, Some(6000.0 - 100.0 - 51.0 * 5.0));

    let mut engine = faulty(metered(), EAST, &[reset]);
    let cut = answer(engine.call(0, &Call { operation: Operation::ConverseStream, ..call(1) }));
    assert_eq!((cut.tokens, cut.end.clone(), cut.last_at), (20, BodyEnd::Reset, (20 + 100 + 20 * 10) * MS));
    assert_eq!(engine.finish(0, cut.call), Some(20));
    assert_eq!(left(&mut engine).1, Some(6000.0 - 100.0 - 20.0 * 5.0));
}

#[test]
fn a_stream_that_hangs_for_ever_is_settled_when_its_caller_leaves() {
    let stall = json!({ "stall_mid_stream": { "after": 20 } });
    let mut engine = faulty(metered(), EAST, &[stall]);
    let hung = answer(engine.call(0, &Call { operation: Operation::ConverseStream, ..call(1) }));
    assert_eq!((hung.last_at, hung.tokens), (Nanos::MAX, 20));
    let left = engine.abandon(5 * SECOND, hung.call);
    assert_eq!(left, Some(Abandoned { works_until: None, tokens: 20 }));
    assert_eq!(engine.open_calls(), 0);
}

#[test]
fn wrong_usage_is_reported_and_not_charged() {
    let mut engine = faulty(metered(), EAST, &[json!({ "usage_wrong": { "factor": 0.5 } })]);
    let first = answer(engine.call(0, &call(1)));
    assert_eq!((first.usage.input, first.usage.output), (50, 26));
    engine.finish(0, first.call);
    assert_eq!(left(&mut engine).1, Some(6000.0 - 100.0 - 51.0 * 5.0));
}
