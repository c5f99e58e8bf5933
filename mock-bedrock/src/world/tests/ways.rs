//! Accounts, and ways in that an ARN or an address names.

use super::*;

const SONNET: &str = "anthropic.claude-3-5-sonnet-20240620-v1:0";
const APPLICATION: &str = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6";
const ROUTER: &str = "arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1";
const GATEWAY: &str = "https://gateway.example";

fn two_models() -> Value {
    let mut world = furnished();
    world["models"][SONNET] = json!({ "first_token": "900ms", "per_token": "20ms", "max_output": 8192 });
    world
}

fn names(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn of_account<'a>(account: &'a str, region: &'a str) -> RouteSpec<'a> {
    RouteSpec { account: Some(account), ..(RouteKind::OnDemand, region, MODEL).into() }
}

#[test]
fn each_account_has_pools_and_a_daily_cap_of_its_own() {
    let mut world = furnished();
    world["accounts"] = json!({
        "small": { "quotas": { "on_demand": { "us-east-1": { "requests": "10/min" } } } }
    });
    let routes = [
        (RouteKind::OnDemand, "us-east-1", MODEL).into(),
        of_account("small", "us-east-1"),
        of_account("twin", "us-east-1"),
    ];
    let spec = spec(world);
    let world = spec.resolve(&routes).expect("a good world");
    let pools: Vec<PoolInfo> = (0..3).map(|route| world.pool(world.route_pool(RouteId(route)))).collect();
    assert_eq!(pools[1].name, format!("on_demand us-east-1 {MODEL} of small"));
    let limits = |pool: &PoolInfo| (pool.requests_per_minute, pool.tokens_per_day);
    // An account that nobody wrote of is as large as the first.
    assert_eq!(
        pools.iter().map(limits).collect::<Vec<_>>(),
        [(Some(400.0), Some(1e6)), (Some(10.0), None), (Some(400.0), Some(1e6)),]
    );
    assert_eq!(world.days.len(), 2, "a cap for each account that has one");
    let accounts: Vec<Option<&str>> = (0..3).map(|route| world.route_account(RouteId(route))).collect();
    assert_eq!(accounts, [None, Some("small"), Some("twin")]);
}

#[test]
fn an_application_profile_shares_model_pool_and_destinations_with_what_it_copies() {
    let profile = format!("us.{MODEL}");
    let copies = names(&[&profile]);
    let copy =
        RouteSpec { leads_to: &copies, ..(RouteKind::ApplicationProfile, "us-east-1", APPLICATION).into() };
    let spec = spec(furnished());
    let routes = [(RouteKind::Profile, "us-east-1", &*profile).into(), copy];
    let world = spec.resolve(&routes).expect("a good world");
    let [system, own] = [RouteId(0), RouteId(1)];
    assert_eq!(world.route_pool(own), world.route_pool(system));
    assert_eq!(world.route_destinations(own), world.route_destinations(system));
    assert_eq!(world.route_id(own), APPLICATION);
}

#[test]
fn a_prompt_router_leads_to_two_routes_that_draw_on_the_pools_of_its_models() {
    let models = names(&[MODEL, &format!("us.{SONNET}")]);
    let router = RouteSpec { leads_to: &models, ..(RouteKind::PromptRouter, "us-east-1", ROUTER).into() };
    let spec = spec(two_models());
    let routes = [router, (RouteKind::OnDemand, "us-east-1", MODEL).into()];
    let world = spec.resolve(&routes).expect("a good world");
    let ways = world.route_ways(RouteId(0));
    let told: Vec<(&str, String)> = ways
        .iter()
        .map(|way| (world.model_name(world.route_model(*way)), world.pool(world.route_pool(*way)).name))
        .collect();
    assert_eq!(
        told,
        [(MODEL, format!("on_demand us-east-1 {MODEL}")), (SONNET, format!("profile us-east-1 {SONNET}")),]
    );
    assert_eq!(world.route_pool(ways[0]), world.route_pool(RouteId(1)), "one pool, whoever calls");
    assert_eq!((world.routes(), world.route_ways(RouteId(1))), (4, vec![RouteId(1)]));
}

#[test]
fn an_endpoint_outside_aws_has_a_place_a_pool_and_names_of_its_own() {
    let mut world = furnished();
    world["external"] =
        json!({ GATEWAY: { "rtt": "3ms", "requests": "60/min", "models": { "fast": MODEL } } });
    let world = resolve(world, &[(RouteKind::External, GATEWAY, "fast")]).expect("a good world");
    let route = RouteId(0);
    assert_eq!(world.region_name(world.route_region(route)), GATEWAY);
    assert_eq!(world.model_name(world.route_model(route)), MODEL);
    let pool = world.pool(world.route_pool(route));
    assert_eq!(
        (&*pool.name, pool.requests_per_minute),
        ("external https://gateway.example fast", Some(60.0))
    );
}

#[test]
fn a_world_knows_every_way_in_and_finds_it_by_what_is_on_the_wire() {
    let mut world = two_models();
    world["application_profiles"] = json!({ APPLICATION: { "copies": MODEL } });
    world["prompt_routers"] = json!({ ROUTER: { "models": [MODEL, SONNET] } });
    world["external"] = json!({ GATEWAY: {} });
    world["accounts"] = json!({ "team-b": {} });
    let spec = spec(world);
    let routes = spec.every_route();
    let world = spec.resolve(&routes).expect("a good world");
    let found = |account, region, id: &str| {
        let route = world.find(account, region, id)?;
        let at = &routes[usize::from(route.0)];
        Some((at.kind, at.account, at.region, at.id.to_string()))
    };
    let system = format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{MODEL}");
    let model = format!("arn:aws:bedrock:us-west-2::foundation-model/{SONNET}");
    let table = [
        (None, "us-east-1", MODEL, RouteKind::OnDemand, MODEL),
        (Some("team-b"), "us-east-1", MODEL, RouteKind::OnDemand, MODEL),
        (None, "us-west-2", &*model, RouteKind::OnDemand, SONNET),
        (None, "us-east-1", &*system, RouteKind::Profile, &format!("us.{MODEL}")),
        (None, "us-east-1", APPLICATION, RouteKind::ApplicationProfile, APPLICATION),
        (None, "us-east-1", ROUTER, RouteKind::PromptRouter, ROUTER),
        (None, GATEWAY, SONNET, RouteKind::External, SONNET),
    ];
    for (account, region, id, kind, named) in table {
        assert_eq!(found(account, region, id), Some((kind, account, region, named.to_owned())), "{id}");
    }
    // A bare id of an application profile is refused by the service, too.
    for (region, id) in
        [("us-east-1", "a1b2c3d4e5f6"), ("eu-west-1", MODEL), ("us-east-1", &*format!("eu.{MODEL}"))]
    {
        assert_eq!(found(None, region, id), None, "{region} {id}");
    }
    assert_eq!(found(Some("nobody"), "us-east-1", MODEL), None);
}

#[test]
fn what_lies_behind_a_name_must_be_known_and_be_said_alike() {
    let told = |world: Value, route: RouteSpec<'_>| {
        let problems = spec(world).resolve(&[route]).expect_err("a bad world");
        problems.iter().map(|p| format!("{}: {}", p.path.join("."), p.message)).collect::<Vec<_>>().join("\n")
    };
    let written = |section: &str, value: Value| {
        let mut world = two_models();
        world[section] = value;
        world
    };
    let copies = names(&[SONNET]);
    let one = names(&[MODEL]);
    let profile = (RouteKind::ApplicationProfile, "us-east-1", APPLICATION);
    let router = (RouteKind::PromptRouter, "us-east-1", ROUTER);
    let found = [
        told(two_models(), profile.into()),
        told(
            written("application_profiles", json!({ APPLICATION: { "copies": MODEL } })),
            RouteSpec { leads_to: &copies, ..profile.into() },
        ),
        told(two_models(), RouteSpec { leads_to: &one, ..router.into() }),
        told(written("accounts", json!({ "own": {} })), (RouteKind::OnDemand, "us-east-1", MODEL).into()),
        told(
            written("external", json!({ "us-east-1": { "requests": "0/min" } })),
            (RouteKind::OnDemand, "us-east-1", MODEL).into(),
        ),
        told(written("external", json!({ GATEWAY: {} })), (RouteKind::External, GATEWAY, "fast").into()),
    ];
    assert_eq!(
        found,
        [
            format!("routes.0: \"{APPLICATION}\" is not in application_profiles"),
            format!("routes.0: the world says that it copies \"{MODEL}\", not \"{SONNET}\""),
            format!("routes.0: \"{ROUTER}\" picks from 1 models, not from two"),
            "accounts.own: \"own\" is the account that calls when nothing is said".to_owned(),
            "external.us-east-1: \"us-east-1\" is a Region\n\
         external.us-east-1.requests: a quota of 0/min requests lets nothing through"
                .to_owned(),
            "models.fast: model \"fast\" has no entry in models".to_owned(),
        ]
    );
}
