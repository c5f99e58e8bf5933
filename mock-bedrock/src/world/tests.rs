use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::SpecProblem;

mod ways;

const MODEL: &str = "anthropic.claude-3-haiku-20240307-v1:0";

fn furnished() -> Value {
    json!({
        "regions": { "us-east-1": {}, "us-west-2": { "rtt": "62ms" } },
        "models": { MODEL: { "first_token": "450ms", "per_token": "9ms", "max_output": 4096, "burndown": 5.0 } },
        "quotas": {
            "on_demand": { "us-east-1": { "requests": "400/min", "tokens": "300k/min" } },
            "profile": { "us-east-1": { "requests": "800/min", "tokens": "600k/min",
                                         "models": { MODEL: { "tokens": "900k/min" } } } },
            "tokens_per_day": { "us-east-1": "1M" }
        }
    })
}

fn spec(world: Value) -> WorldSpec {
    serde_json::from_value(world).expect("a readable world")
}

fn resolve(world: Value, routes: &[(RouteKind, &str, &str)]) -> Result<World, Vec<SpecProblem>> {
    spec(world).resolve(routes)
}

#[test]
fn pools_are_per_kind_region_and_model_and_shared_by_equal_routes() {
    let profile = format!("us.{MODEL}");
    let global = format!("global.{MODEL}");
    let routes = [
        (RouteKind::OnDemand, "us-east-1", MODEL),
        (RouteKind::OnDemand, "us-east-1", MODEL),
        (RouteKind::OnDemand, "us-west-2", MODEL),
        (RouteKind::Profile, "us-east-1", &*profile),
        (RouteKind::Profile, "us-east-1", &*global),
    ];
    let world = resolve(furnished(), &routes).expect("a good world");
    let pools: Vec<u16> = (0..5).map(|route| world.route_pool(RouteId(route)).0).collect();
    assert_eq!(pools, [0, 0, 1, 2, 3]);
    let east = world.pool(PoolId(0));
    assert_eq!(east.name, format!("on_demand us-east-1 {MODEL}"));
    assert_eq!(
        (east.requests_per_minute, east.tokens_per_minute, east.tokens_per_day),
        (Some(400.0), Some(300_000.0), Some(1e6))
    );
    let west = world.pool(PoolId(1));
    assert_eq!((west.requests_per_minute, west.tokens_per_minute, west.tokens_per_day), (None, None, None));
    let profile = world.pool(PoolId(2));
    assert_eq!((profile.requests_per_minute, profile.tokens_per_minute), (Some(800.0), Some(900_000.0)));
    assert_eq!(world.pool(PoolId(3)).name, format!("global_profile us-east-1 {MODEL}"));
    assert_eq!(world.model_name(world.pool_model(PoolId(3))), MODEL);
    assert_eq!(world.region_name(world.pool_region(PoolId(1))), "us-west-2");
}

#[test]
fn reservation_and_settlement_follow_the_published_rule() {
    let world = resolve(furnished(), &[(RouteKind::OnDemand, "us-east-1", MODEL)]).expect("a good world");
    let route = RouteId(0);
    assert_eq!(world.reserves(route, 100, Some(50)), 150);
    assert_eq!(world.reserves(route, 100, None), 4196);
    // Published measurement at 5x: 26 in and 1,203 out cost 6,041.
    assert_eq!(world.settles(route, 26, 0, 1203), 6041);
    assert_eq!(world.settles(route, 26, 10, 0), 36);
}

#[test]
fn destinations_depend_on_the_source_region() {
    let table = [
        ("us", "us-east-1", "us-east-1 us-east-2 us-west-2"),
        ("us", "us-west-2", "us-west-2 us-east-1 us-east-2"),
        ("us", "us-west-1", "us-west-1 us-east-1 us-east-2 us-west-2"),
        ("us", "ca-central-1", "ca-central-1 us-east-1 us-east-2 us-west-2"),
        ("us", "us-gov-east-1", "us-gov-east-1 us-gov-west-1"),
        ("eu", "eu-west-2", "eu-west-2 eu-central-1 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-3"),
        ("eu", "eu-west-1", "eu-west-1 eu-central-1 eu-north-1 eu-south-1 eu-south-2 eu-west-3"),
        ("jp", "ap-northeast-3", "ap-northeast-3 ap-northeast-1"),
        ("au", "ap-southeast-6", "ap-southeast-6 ap-southeast-2 ap-southeast-4"),
    ];
    for (geography, source, destinations) in table {
        let mut world = furnished();
        world["regions"] = json!({ source: {} });
        let id = format!("{geography}.{MODEL}");
        let world = resolve(world, &[(RouteKind::Profile, source, &id)]).expect("a good world");
        let found: Vec<&str> =
            world.route_destinations(RouteId(0)).iter().map(|region| world.region_name(*region)).collect();
        assert_eq!(found.join(" "), destinations, "{geography} from {source}");
    }
}

#[test]
fn a_global_profile_leads_to_every_commercial_region_source_first() {
    let id = format!("global.{MODEL}");
    let mut world = furnished();
    world["regions"] = json!({ "eu-west-1": {} });
    let world = resolve(world, &[(RouteKind::Profile, "eu-west-1", &id)]).expect("a good world");
    let destinations = world.route_destinations(RouteId(0));
    assert_eq!((destinations.len(), world.region_name(destinations[0])), (33, "eu-west-1"));
}

#[test]
fn a_written_profile_overrides_its_geography_and_regions_without_the_model_drop_out() {
    let id = format!("us.{MODEL}");
    let mut world = furnished();
    world["regions"] = json!({ "us-east-1": {}, "us-west-2": { "without": [MODEL] }, "mars": {} });
    world["profiles"] =
        json!({ &id: { "destinations": { "us-east-1": ["us-west-2", "mars", "us-east-1", "mars"] } } });
    let world = resolve(world, &[(RouteKind::Profile, "us-east-1", &id)]).expect("a good world");
    let found: Vec<&str> =
        world.route_destinations(RouteId(0)).iter().map(|region| world.region_name(*region)).collect();
    assert_eq!(found, ["us-east-1", "mars"]);
}

#[test]
fn without_regions_those_that_routes_name_exist() {
    let mut world = furnished();
    world["regions"] = Value::Null;
    let world = resolve(world, &[(RouteKind::OnDemand, "us-west-2", MODEL)]).expect("a good world");
    assert_eq!((world.regions(), world.region("us-west-2")), (1, Some(RegionId(0))));
}

#[test]
fn a_section_that_a_scenario_lacks_comes_from_the_shared_world() {
    let base = spec(furnished());
    let mut own = json!({ "regions": { "eu-west-1": {} } });
    own["limiter"] = json!("clock_minute");
    let both = spec(own).over(base.clone());
    assert_eq!(both.models, base.models);
    assert_eq!(both.limiter, Some(LimiterKind::ClockMinute));
    assert!(both.regions.is_some_and(|regions| regions.keys().eq(["eu-west-1"])));
}

/// What is wrong with the furnished world after a change, for a call in us-east-1: `path: message; hint`.
fn complaints(change: impl FnOnce(&mut Value), route: (RouteKind, &str, &str)) -> Vec<String> {
    let mut world = furnished();
    change(&mut world);
    match resolve(world, &[route]) {
        Ok(_) => Vec::new(),
        Err(problems) => {
            problems.iter().map(|p| format!("{}: {}; {}", p.path.join("."), p.message, p.hint)).collect()
        }
    }
}

fn complaint(change: impl FnOnce(&mut Value)) -> String {
    complaints(change, (RouteKind::OnDemand, "us-east-1", MODEL)).join("\n")
}

#[test]
fn numbers_out_of_range_are_named_with_what_to_write() {
    let model =
        |key: &'static str, value: Value| move |world: &mut Value| world["models"][MODEL][key] = value;
    let capacity = |value: Value| move |world: &mut Value| world["capacity"] = json!({ "us-east-1": value });
    let found = [
        complaint(model("burndown", json!(0.5))),
        complaint(model("max_output", json!(0))),
        complaint(model("context", json!("9999B"))),
        complaint(capacity(json!({ "concurrent": 0 }))),
        complaint(capacity(json!({ "concurrent": 9, "knee": "100%" }))),
        complaint(capacity(json!({ "concurrent": 9, "slowdown": 0.2 }))),
        complaint(capacity(json!({ "concurrent": 9, "refuse_above": 0.0 }))),
        complaint(|world| world["quotas"]["on_demand"]["us-east-1"]["requests"] = json!("0/min")),
        complaint(|world| {
            world["quotas"]["profile"]["us-east-1"]["models"][MODEL]["tokens"] = json!("900000B/s")
        }),
    ];
    let expected = [
        "models.anthropic.claude-3-haiku-20240307-v1:0.burndown: burndown is 0.5, but an output token costs 1 quota \
         token or more; write a number from 1 to 1000, such as 5",
        "models.anthropic.claude-3-haiku-20240307-v1:0.max_output: 0 tokens are not a possible limit; write a count \
         from 1 to 4294967295, such as 4096",
        "models.anthropic.claude-3-haiku-20240307-v1:0.context: 9999B tokens are not a possible limit; write a count \
         from 1 to 4294967295, such as 4096",
        "capacity.us-east-1.concurrent: concurrent is 0, so the Region could serve nothing; write 1 or more",
        "capacity.us-east-1.knee: knee is 100%, but answers must slow down before the Region is full; write a share \
         below 100%, such as \"80%\"",
        "capacity.us-east-1.slowdown: slowdown is 0.2, but a full Region is not faster than an idle one; write how \
         many times slower, from 1 to 1000",
        "capacity.us-east-1.refuse_above: refuse_above is 0, so every call would be refused; write the share in use \
         above which calls are refused, such as 1.2",
        "quotas.on_demand.us-east-1.requests: a quota of 0/min requests lets nothing through; write a rate above \
         zero, such as \"400/min\", or leave it out for no limit",
        "quotas.profile.us-east-1.models.anthropic.claude-3-haiku-20240307-v1:0.tokens: a quota of 900000B/s tokens \
         is beyond what can be counted; write at most 1000000000000/min, or leave it out for no limit",
    ];
    assert_eq!(found, expected);
}

#[test]
fn names_that_nothing_has_are_answered_with_the_nearest() {
    let found = [
        complaint(|world| world["quotas"]["on_demand"] = json!({ "us-eas-1": {} })),
        complaint(|world| world["capacity"] = json!({ "us-esat-1": { "concurrent": 5 } })),
        complaint(|world| world["regions"]["us-east-1"]["without"] = json!(["anthropic.claude-3-haiku"])),
        complaint(|world| world["profiles"] = json!({ "us.x": { "destinations": { "us-east-1": [] } } })),
        complaint(|world| world["models"] = json!({})),
    ];
    let expected = [
        "quotas.on_demand.us-eas-1: unknown Region \"us-eas-1\"; did you mean \"us-east-1\"?",
        "capacity.us-esat-1: unknown Region \"us-esat-1\"; did you mean \"us-east-1\"?",
        "regions.us-east-1.without.0: model \"anthropic.claude-3-haiku\" has no entry in models; did you mean \
         \"anthropic.claude-3-haiku-20240307-v1:0\"?",
        "profiles.us.x.destinations.us-east-1: source us-east-1 has no destinations; write the Regions that may serve \
         it, such as [us-east-1, us-west-2], or remove the source",
    ];
    assert_eq!(found[..4], expected);
    assert!(found[4].contains("has no entry in models; none is known"), "{}", found[4]);
}

#[test]
fn a_route_that_leads_nowhere_is_named_by_its_index() {
    let of = |kind, region, id: &str| complaints(|_| {}, (kind, region, id)).join("\n");
    let arn = "arn:aws:bedrock:us-west-2:111122223333:provisioned-model/abcdefghijkl";
    let bought = |world: &mut Value| world["provisioned"] = json!({ arn: { "model": MODEL } });
    let found = [
        of(RouteKind::OnDemand, "us-wset-2", MODEL),
        of(RouteKind::OnDemand, "us-east-1", &format!("us.{MODEL}")),
        of(RouteKind::OnDemand, "us-east-1", "anthropic.claude-3-haiku-20240307-v1"),
        of(RouteKind::Profile, "us-east-1", &format!("eu.{MODEL}")),
        of(RouteKind::Profile, "us-east-1", "mine"),
        complaints(|world| world["provisioned"] = json!({}), (RouteKind::Provisioned, "us-east-1", arn))
            .join("\n"),
        complaints(bought, (RouteKind::Provisioned, "us-east-1", arn)).join("\n"),
    ];
    let expected = [
        "routes.0: Region \"us-wset-2\" is not in regions; did you mean \"us-west-2\"?".to_owned(),
        format!(
            "routes.0: \"us.{MODEL}\" is a profile of the geography us, not a base model; call it as a profile with \
             this source, or call \"{MODEL}\""
        ),
        format!(
            "models.anthropic.claude-3-haiku-20240307-v1: model \"anthropic.claude-3-haiku-20240307-v1\" has no entry \
             in models; write its latency there; did you mean \"{MODEL}\"?"
        ),
        format!(
            "routes.0: profile \"eu.{MODEL}\" has no destinations for calls from us-east-1; call it from one of its \
             sources: eu-central-1, eu-north-1, eu-south-1, eu-south-2, eu-west-1, eu-west-3, eu-central-2, eu-west-2"
        ),
        "routes.0: \"mine\" is neither a known geography's profile nor in profiles; write an entry in profiles with \
         its model and destinations, or an id such as us.<model>"
            .to_owned(),
        format!(
            "routes.0: \"{arn}\" is not in provisioned; write an entry there under this ARN, such as {{ model: .., \
             tokens: 200k/min }}"
        ),
        format!("routes.0: \"{arn}\" lies in us-west-2, not in us-east-1; call it in us-west-2"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn all_problems_are_reported_at_once_and_each_once() {
    let mut world = furnished();
    world["models"][MODEL]["burndown"] = json!(0.0);
    world["quotas"]["tokens_per_day"] = json!({ "nowhere": 1 });
    let missing = (RouteKind::OnDemand, "us-east-1", "other");
    let problems =
        resolve(world, &[missing, missing, (RouteKind::OnDemand, "venus", MODEL)]).expect_err("wrong");
    let paths: Vec<String> = problems.iter().map(|problem| problem.path.join(".")).collect();
    let burndown = format!("models.{MODEL}.burndown");
    assert_eq!(paths, [&*burndown, "quotas.tokens_per_day.nowhere", "models.other", "routes.2"]);
}

#[test]
fn too_many_routes_are_a_problem_and_no_overflow() {
    let routes = vec![(RouteKind::OnDemand, "us-east-1", MODEL); 65_536];
    let problems = resolve(furnished(), &routes).expect_err("too many");
    assert_eq!(problems[0].path, ["routes"]);
    assert!(resolve(furnished(), &routes[..65_535]).is_ok());
}

proptest! {
    #[test]
    fn no_numbers_make_resolving_panic(numbers in any::<[f64; 6]>(), counts in any::<[u64; 3]>()) {
        let mut spec = spec(furnished());
        let model = &mut spec.models.as_mut().expect("models")[MODEL];
        model.burndown = Some(numbers[0]);
        model.max_output.0 = counts[0];
        model.first_token = crate::dist::Dist::LogNormal {
            p50: crate::units::Span(counts[1]), p99: crate::units::Span(counts[2]),
        };
        let quota = &mut spec.quotas.as_mut().expect("quotas").on_demand["us-east-1"];
        quota.requests = Some(crate::units::Rate { count: numbers[1], per: crate::units::Per::Day });
        let capacity = CapacitySpec {
            concurrent: counts[1] as u32,
            knee: Some(crate::units::Share(numbers[2])),
            slowdown: Some(numbers[3]),
            refuse_above: Some(numbers[4]),
        };
        spec.capacity = Some([("us-east-1".to_owned(), capacity)].into_iter().collect());
        let _ = spec.resolve(&[(RouteKind::OnDemand, "us-east-1", MODEL)]);
    }
}
