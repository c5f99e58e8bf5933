//! Calls with other accounts, through prompt routers and to endpoints outside AWS.

use super::*;
use crate::world::RouteSpec;

const ROUTER: &str = "arn:aws:bedrock:us-east-1:111122223333:prompt-router/abc";

fn twin_models() -> Value {
    let mut world = still();
    world["models"]["n"] = json!({ "first_token": "300ms", "per_token": "10ms", "max_output": 1000 });
    world
}

fn faulty(world: Value, routes: &[RouteSpec<'_>], fault: Option<Value>) -> Engine {
    let spec: WorldSpec = serde_json::from_value(world).expect("a readable world");
    let world = spec.resolve(routes).expect("a world without problems");
    let rules = fault.map(|fault| {
        let spec: crate::fault::FaultSpec = serde_json::from_value(fault).expect("a readable fault");
        spec.resolve("fault", &world, &|_| None, 100 * SECOND).expect("a fault without problems")
    });
    Engine::new(world, rules.into_iter().collect(), Luck::new(7, 0))
}

fn routed(overhead: Value) -> (Engine, Vec<RouteId>) {
    let models = ["m".to_owned(), "n".to_owned()];
    let router = RouteSpec { leads_to: &models, ..(RouteKind::PromptRouter, "us-east-1", ROUTER).into() };
    let world = with(twin_models(), "prompt_routers", json!({ ROUTER: overhead }));
    let quota = json!({ "on_demand": { "us-east-1": { "models": { "m": { "requests": "1/min" } } } } });
    let engine = faulty(with(world, "quotas", quota), &[router, EAST.into()], None);
    let ways = engine.world().route_ways(RouteId(0));
    (engine, ways)
}

#[test]
fn f3_7_a_prompt_router_sends_a_prompt_the_same_way_each_time_and_says_which() {
    let (mut engine, ways) = routed(json!({ "first": "25%", "overhead": "50ms" }));
    let mut taken = [0; 2];
    for request in 0..400 {
        let pick = |engine: &mut Engine, attempt| match engine.call(0, &Call { attempt, ..call(request) }) {
            Served::Answer(answer) => usize::from(answer.route == ways[1]),
            // Its pool was empty after one call.
            Served::Error { .. } => 0,
            other => panic!("{other:?}"),
        };
        let first = pick(&mut engine, 0);
        assert_eq!(pick(&mut engine, 1), first, "request {request}");
        taken[first] += 1;
    }
    assert!((70..130).contains(&taken[0]), "{taken:?}");
}

#[test]
fn a_prompt_router_costs_its_overhead_and_the_quota_of_the_model_that_it_picks() {
    let (mut engine, ways) = routed(json!({ "first": "100%", "overhead": "50ms" }));
    let first = answer(engine.call(0, &call(1)));
    // Round trip, picking, first token, 50 gaps.
    assert_eq!((first.route, first.last_at), (ways[0], (20 + 50 + 100 + 500) * MS));
    let pool = engine.world().route_pool(RouteId(1));
    assert_eq!(engine.pool_state(0, pool).admitted, 1, "the pool that direct calls of the model draw on");
    let (at, exception) = error(engine.call(0, &Call { route: RouteId(1), ..call(2) }));
    assert_eq!((at, exception.kind.name()), (20 * MS, "ThrottlingException"));
    let (at, _) = error(engine.call(0, &call(3)));
    assert_eq!(at, 70 * MS, "a router picks before it is told that the model has no quota");
}

#[test]
fn the_record_names_the_router_and_the_account_as_the_caller_knows_them() {
    let (mut engine, _) = routed(json!({ "first": "0%" }));
    engine.record(RecordSettings {
        account_id: "111122223333".into(),
        caller_arn: "arn:aws:iam::111122223333:user/alice".into(),
        starts_at_unix_ms: 0,
        keep_max: 9,
    });
    let served = answer(engine.call(0, &call(1)));
    assert_eq!(
        served.last_at,
        (20 + 329 + 300 + 500) * MS,
        "what a public lab measured, unless the world says"
    );
    engine.finish(served.last_at, served.call);
    let records: Vec<_> = engine.records().expect("a log").drain().collect();
    assert_eq!((&*records[0].model_id, &*records[0].account_id), (ROUTER, "111122223333"));
}

fn two_accounts(fault: Option<Value>) -> Engine {
    let other = RouteSpec { account: Some("222233334444"), ..EAST.into() };
    let quota = json!({ "on_demand": { "us-east-1": { "requests": "1/min" } } });
    faulty(with(still(), "quotas", quota), &[EAST.into(), other], fault)
}

#[test]
fn another_account_has_quota_when_ours_is_spent_and_meets_the_same_regional_fault() {
    let other = |request| Call { route: RouteId(1), ..call(request) };
    let mut engine = two_accounts(None);
    answer(engine.call(0, &call(1)));
    assert_eq!(error(engine.call(0, &call(2))).1.kind.name(), "ThrottlingException");
    answer(engine.call(0, &other(3)));

    let outage = json!({ "outage": { "mode": "refuse" }, "on": { "region": "us-east-1" } });
    let mut engine = two_accounts(Some(outage));
    for call in [call(1), other(2)] {
        assert!(matches!(engine.call(SECOND, &call), Served::Refused { .. }));
    }
}

#[test]
fn a_fault_can_single_out_an_account() {
    let denied = |account: &str| json!({ "access_denied": {}, "on": { "account": account } });
    for (account, ours, theirs) in [("own", false, true), ("222233334444", true, false)] {
        let mut engine = two_accounts(Some(denied(account)));
        let served = |engine: &mut Engine, route| {
            matches!(engine.call(SECOND, &Call { route: RouteId(route), ..call(1) }), Served::Answer(_))
        };
        assert_eq!((served(&mut engine, 0), served(&mut engine, 1)), (ours, theirs), "{account}");
    }
}

#[test]
fn a_regional_fault_passes_an_endpoint_outside_aws_by_and_its_own_address_strikes_it() {
    let gateway = "http://gate:4000";
    let served = |struck: &str| {
        let fault = json!({ "error_burst": { "errors": { "InternalServerException": "100%" } }, "on": { "region": struck } });
        let mut engine =
            faulty(still(), &[EAST.into(), (RouteKind::External, gateway, "m").into()], Some(fault));
        matches!(engine.call(SECOND, &Call { route: RouteId(1), ..call(1) }), Served::Answer(_))
    };
    assert_eq!((served("us-east-1"), served(gateway)), (true, false));
}
