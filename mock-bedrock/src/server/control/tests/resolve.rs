//! What model ids lead to.

use super::*;
use crate::world::{RouteId, RouteKind};

fn led(bench: &Bench, id: &str, unit: f64) -> Result<(RouteKind, String, Option<String>), String> {
    let caller = Caller::of(&Request::new(Bytes::new()), &bench.usual);
    let found = bench.control.resolve(&caller, id, bench.now, unit);
    found.map(|found| (found.kind, found.id, found.invoked)).map_err(|error| error.message.into_owned())
}

const INVALID: &str = "The provided model identifier is invalid.";

#[test]
fn ids_and_arns_lead_to_the_same_ways_in() {
    let bench = Bench::new();
    let furnished = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl";
    let profile = format!("us.{NEW}");
    let table = [
        (HAIKU.to_owned(), Ok((RouteKind::OnDemand, HAIKU.to_owned()))),
        (fm(HAIKU), Ok((RouteKind::OnDemand, HAIKU.to_owned()))),
        (profile.clone(), Ok((RouteKind::Profile, profile.clone()))),
        (us(NEW), Ok((RouteKind::Profile, profile))),
        (furnished.to_owned(), Ok((RouteKind::Provisioned, furnished.to_owned()))),
        (fm(HAIKU).replace("us-east-1", "us-west-2"), Err(INVALID.to_owned())),
        (format!("eu.{HAIKU}"), Err(INVALID.to_owned())),
        ("nobody.has-it".to_owned(), Err(INVALID.to_owned())),
        (String::new(), Err(INVALID.to_owned())),
        (
            us(HAIKU).replace("111122223333", "999999999999"),
            Err("You don't have access to the model with the specified model ID.".to_owned()),
        ),
        (furnished.replace("abcdef", "ghijkl"), Err(INVALID.to_owned())),
        ("arn:aws:bedrock:us-east-1:111122223333:guardrail/x".to_owned(), Err(INVALID.to_owned())),
    ];
    for (id, expected) in table {
        let expected = expected.map(|(kind, id)| (kind, id, None));
        assert_eq!(led(&bench, &id, 0.0), expected, "{id}");
    }
    assert!(led(&bench, NEW, 0.0).expect_err("profiles only").contains("isn\u{2019}t supported"));
}

#[test]
fn an_application_profile_leads_where_it_was_copied_from_and_only_by_its_arn() {
    let mut bench = Bench::new();
    let (of_model, of_profile) = (bench.application("a", &fm(HAIKU)), bench.application("b", &us(HAIKU)));
    assert_eq!(led(&bench, &of_model, 0.0), Ok((RouteKind::OnDemand, HAIKU.into(), None)));
    assert_eq!(led(&bench, &of_profile, 0.0), Ok((RouteKind::Profile, format!("us.{HAIKU}"), None)));
    let bare = of_model.rsplit('/').next().expect("an id");
    assert_eq!(led(&bench, bare, 0.0), Err(INVALID.into()), "a bare id is refused as Bedrock refuses it");
    bench.delete(&format!("/inference-profiles/{bare}"));
    assert_eq!(led(&bench, &of_model, 0.0), Err(INVALID.into()));
}

#[test]
fn bought_throughput_answers_once_it_is_in_service() {
    let mut bench = Bench::new();
    let body = json!({ "provisionedModelName": "p", "modelId": HAIKU, "modelUnits": 1 });
    let made = bench.post("/provisioned-model-throughput", body);
    let arn = made.body["provisionedModelArn"].as_str().expect("an ARN").to_owned();
    let early = led(&bench, &arn, 0.0).expect_err("not ready");
    assert!(early.contains("not ready to serve"), "{early}");
    bench.now = 60 * SECOND;
    let (kind, id, _) = led(&bench, &arn, 0.0).expect("in service");
    assert_eq!(kind, RouteKind::Provisioned);
    let world = world();
    let routes = (0..u16::try_from(world.routes()).expect("few")).map(RouteId);
    let standing: Vec<RouteId> = routes
        .filter(|route| {
            world.route_kind(*route) == kind && !world.route_id(*route).ends_with("/abcdefghijkl")
        })
        .collect();
    assert_eq!(standing.len(), 3 + 4 + 4, "every model that each Region serves");
    assert!(standing.iter().any(|route| world.route_id(*route) == id), "the engine has that way in");
    assert_eq!(led(&bench, &id, 0.0), Err(INVALID.into()), "which is not for sale as such");
}

#[test]
fn a_router_leads_to_one_of_its_two_models_by_chance() {
    let mut bench = Bench::new();
    let brought = "arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1";
    assert_eq!(led(&bench, brought, 0.49), Ok((RouteKind::OnDemand, HAIKU.into(), Some(fm(HAIKU)))));
    assert_eq!(led(&bench, brought, 0.5), Ok((RouteKind::OnDemand, SONNET.into(), Some(fm(SONNET)))));
    let made = bench.post(
        "/prompt-routers",
        json!({
            "promptRouterName": "mine",
            "models": [{ "modelArn": us(HAIKU) }, { "modelArn": fm(SONNET) }],
            "fallbackModel": { "modelArn": fm(SONNET) },
            "routingCriteria": { "responseQualityDifference": 0 },
        }),
    );
    let arn = made.body["promptRouterArn"].as_str().expect("an ARN").to_owned();
    assert_eq!(led(&bench, &arn, 0.0), Ok((RouteKind::Profile, format!("us.{HAIKU}"), Some(us(HAIKU)))));
    assert_eq!(led(&bench, &format!("{arn}x"), 0.0), Err(INVALID.into()));
}
