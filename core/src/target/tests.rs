use serde_json::{Value, json};

use super::*;

const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";
const SONNET: &str = "anthropic.claude-3-5-sonnet-20240620-v1:0";
const APPLICATION: &str = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6";
const ROUTER: &str = "arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1";
const BOUGHT: &str = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl";

fn target(written: Value) -> TargetSpec {
    serde_json::from_value(written).expect("a readable target")
}

fn on_demand(region: &str, account: Value) -> TargetSpec {
    target(json!({ "on_demand": { "region": region, "model": HAIKU, "account": account } }))
}

fn pool(written: Value) -> String {
    target(written).pool().into_owned()
}

#[test]
fn a_pool_is_account_region_model_and_kind_together() {
    let global = format!("global.{HAIKU}");
    let profile = format!("arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{HAIKU}");
    let table = [
        (
            json!({ "on_demand": { "region": "us-east-1", "model": HAIKU } }),
            format!("on_demand us-east-1 {HAIKU}"),
        ),
        (
            json!({ "profile": { "source": "us-east-1", "id": profile } }),
            format!("profile us-east-1 {HAIKU}"),
        ),
        (
            json!({ "profile": { "source": "us-east-1", "id": global } }),
            format!("global_profile us-east-1 {HAIKU}"),
        ),
        (
            json!({ "provisioned": { "region": "us-east-1", "arn": BOUGHT } }),
            format!("provisioned us-east-1 {BOUGHT}"),
        ),
        (
            json!({ "external": { "endpoint": "http://gate:4000", "region": "us-east-1", "model": "fast" } }),
            "external http://gate:4000 fast".to_owned(),
        ),
    ];
    for (written, name) in table {
        assert_eq!(pool(written), name);
    }
}

#[test]
fn roles_of_one_account_share_its_quotas_and_another_account_has_its_own() {
    let role = |name: &str| json!({ "role": format!("arn:aws:iam::222233334444:role/{name}") });
    let [own, one, other] =
        [Value::Null, role("reader"), role("path/writer")].map(|account| on_demand("us-east-1", account));
    assert_eq!(one.pool(), other.pool());
    assert_ne!(one.pool(), own.pool());
    assert_ne!(on_demand("us-east-1", json!({ "profile": "team-b" })).pool(), own.pool());
    assert_eq!(one.domain(), own.domain());
}

#[test]
fn an_application_profile_draws_on_what_it_copies() {
    let copy = |copies: &str| {
        pool(
            json!({ "application_profile": { "region": "us-east-1", "arn": APPLICATION, "copies": copies } }),
        )
    };
    assert_eq!(copy(HAIKU), on_demand("us-east-1", Value::Null).pool());
    let system = json!({ "profile": { "source": "us-east-1", "id": format!("us.{HAIKU}") } });
    assert_eq!(copy(&format!("us.{HAIKU}")), pool(system));
}

#[test]
fn two_routers_over_the_same_models_are_one_pool_in_whatever_order_they_are_named() {
    let router = |arn: &str, models: [&str; 2]| {
        pool(json!({ "prompt_router": { "region": "us-east-1", "arn": arn, "models": models } }))
    };
    let custom = "arn:aws:bedrock:us-east-1:111122223333:prompt-router/abc";
    assert_eq!(router(ROUTER, [HAIKU, SONNET]), router(custom, [SONNET, HAIKU]));
}

#[test]
fn a_file_may_overrule_pool_and_domain() {
    let written = target(json!({ "on_demand": {
        "region": "us-east-1", "model": HAIKU, "pool": "shared with batch", "domain": "one link",
    } }));
    assert_eq!((&*written.pool(), written.domain()), ("shared with batch", "one link"));
    assert_eq!(written.problems(), []);
}

#[test]
fn an_external_endpoint_is_a_failure_domain_of_its_own() {
    let gateway = target(
        json!({ "external": { "endpoint": "https://gate.example", "region": "us-east-1", "model": "m" } }),
    );
    assert_eq!((gateway.domain(), gateway.region()), ("https://gate.example", "us-east-1"));
    assert_eq!(gateway.problems(), []);
}

#[test]
fn the_models_behind_a_target_are_named_without_their_geography() {
    let written = target(json!({ "prompt_router": {
        "region": "us-east-1", "arn": ROUTER, "models": [format!("us.{HAIKU}"), SONNET],
    } }));
    assert_eq!(written.models().collect::<Vec<_>>(), [HAIKU, SONNET]);
    assert_eq!(written.problems(), []);
}

#[test]
fn every_kind_has_its_row_and_an_example_of_its_own() {
    for info in TARGETS {
        assert!(info.example.starts_with(&format!("{}: {{", info.name)), "{}", info.name);
    }
}

/// (target, path, what the message or the hint says)
#[test]
fn what_can_never_be_called_is_refused_with_what_to_write() {
    let application = |arn: &str, copies: &str| json!({ "application_profile": { "region": "us-east-1", "arn": arn, "copies": copies } });
    let bought = |arn: &str, region: &str, account: Value| json!({ "provisioned": { "region": region, "arn": arn, "account": account } });
    let router = |arn: &str, models: Value| json!({ "prompt_router": { "region": "us-east-1", "arn": arn, "models": models } });
    let external = |endpoint: &str, model: &str| json!({ "external": { "endpoint": endpoint, "region": "us-east-1", "model": model } });
    let role = |arn: &str| json!({ "on_demand": { "region": "us-east-1", "model": HAIKU, "account": { "role": arn } } });
    let none = Value::Null;
    let table = [
        (
            application("a1b2c3d4e5f6", HAIKU),
            "application_profile.arn",
            "is not the ARN of an application inference profile",
        ),
        (
            application(BOUGHT, HAIKU),
            "application_profile.arn",
            "is not the ARN of an application inference profile",
        ),
        (application(APPLICATION, APPLICATION), "application_profile.copies", "not made from another one"),
        (
            bought(&BOUGHT.replace(":bedrock:", ":iam:"), "us-east-1", none.clone()),
            "provisioned.arn",
            "is not the ARN of a provisioned model",
        ),
        (
            bought(&BOUGHT.replace("arn:aws", "arn:gcp"), "us-east-1", none.clone()),
            "provisioned.arn",
            "is not the ARN",
        ),
        (
            bought(&BOUGHT.replace("111122223333", "1111"), "us-east-1", none.clone()),
            "provisioned.arn",
            "twelve digits",
        ),
        (
            bought(&BOUGHT.replace("jkl", "JKL"), "us-east-1", none.clone()),
            "provisioned.arn",
            "\"abcdefghiJKL\" is not the id",
        ),
        (bought(BOUGHT, "us-west-2", none), "provisioned.arn", "call it in us-east-1"),
        (
            bought(BOUGHT, "us-east-1", json!({ "role": "arn:aws:iam::222233334444:role/r" })),
            "provisioned.account.role",
            "belongs to account 111122223333, and the role to 222233334444",
        ),
        (router(ROUTER, json!([HAIKU])), "prompt_router.models", "two models, not 1"),
        (router(ROUTER, json!([HAIKU, HAIKU])), "prompt_router.models", "the same"),
        (
            router(ROUTER, json!([HAIKU, "amazon.nova-lite-v1:0"])),
            "prompt_router.models",
            "not of one family",
        ),
        (
            router(APPLICATION, json!([HAIKU, SONNET])),
            "prompt_router.arn",
            "is not the ARN of a prompt router",
        ),
        (external("gateway.example", "m"), "external.endpoint", "is not an endpoint"),
        (external("ftp://gateway.example", "m"), "external.endpoint", "is not an endpoint"),
        (external("https://:80", "m"), "external.endpoint", "is not an endpoint"),
        (
            external("https://bedrock-runtime.us-east-1.amazonaws.com", "m"),
            "external.endpoint",
            "is AWS itself",
        ),
        (
            external("https://bedrock-mantle.us-east-1.api.aws:443/v1", "m"),
            "external.endpoint",
            "is AWS itself",
        ),
        (external("https://gateway.example", ""), "external.model", "there is no model"),
        (role("bedrock-caller"), "on_demand.account.role", "is not the ARN of a role"),
        (role("arn:aws:iam::222233334444:user/r"), "on_demand.account.role", "is not the ARN of a role"),
        (role("arn:aws:iam:::role/r"), "on_demand.account.role", "the role has no account"),
        (
            json!({ "on_demand": { "region": "us-east-1", "model": HAIKU, "account": { "profile": " " } } }),
            "on_demand.account.profile",
            "no name",
        ),
        (
            json!({ "on_demand": { "region": "us-east-1", "model": HAIKU, "pool": "" } }),
            "on_demand.pool",
            "the pool has no name",
        ),
    ];
    for (written, path, said) in table {
        let problems = target(written.clone()).problems();
        let [problem] = problems.as_slice() else { panic!("{written}: {problems:?}") };
        assert_eq!(problem.path.join("."), path, "{written}");
        let whole = format!("{}; {}", problem.message, problem.hint);
        assert!(whole.contains(said), "{written}: {whole}");
    }
}

#[test]
fn an_account_is_a_profile_or_a_role_and_nothing_else() {
    for account in [json!("team-b"), json!({ "user": "x" }), json!({ "profile": "a", "role": "b" })] {
        let written = json!({ "on_demand": { "region": "us-east-1", "model": HAIKU, "account": account } });
        assert!(serde_json::from_value::<TargetSpec>(written).is_err(), "{account}");
    }
}
