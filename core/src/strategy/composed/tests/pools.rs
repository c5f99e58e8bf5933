//! A throttle cools a pool, a fault cools a target and is fled from its domain.

use serde_json::{Value, json};

use super::*;
use crate::flight::Router;
use crate::target::{Known, TargetSpec};

/// Two names of one quota, the same model in another account, and a gateway.
fn targets() -> Vec<(&'static str, TargetSpec)> {
    let written = [
        ("own", json!({ "on_demand": { "region": "r", "model": "m" } })),
        (
            "tagged",
            json!({ "application_profile": {
            "region": "r", "copies": "m",
            "arn": "arn:aws:bedrock:r:111122223333:application-inference-profile/abcdefghijkl",
        } }),
        ),
        ("other", json!({ "on_demand": { "region": "r", "model": "m", "account": { "profile": "b" } } })),
        ("gateway", json!({ "external": { "endpoint": "http://gate", "region": "r", "model": "m" } })),
    ];
    written.map(|(name, spec)| (name, serde_json::from_value(spec).unwrap())).to_vec()
}

/// Where the attempts of one request go if `ours` is what every target but the last says.
fn sent(tiers: Value, ours: Play) -> Vec<u16> {
    let spec: StrategySpec = serde_json::from_value(json!({ "composed": {
        "tiers": tiers,
        "cooldown": { "throttle": { "base": "1s", "cap": "30s" }, "fault": { "base": "5s", "cap": "60s" } },
        "retry": { "attempts_max": 2, "same_target": false },
    } }))
    .unwrap();
    assert_eq!(spec.problems(), []);
    let targets = targets();
    let find = |name: &str| {
        let at = targets.iter().position(|(known, _)| *known == name)?;
        Some(Known { id: TargetId(at as u16), spec: &targets[at].1 })
    };
    let router = Router::new(spec.build(&find).unwrap());
    let mut world = World::new(router, |attempt, _| if attempt == 0 { ours } else { rig::answers(100 * MS) });
    world.arrive(0, 0, Api::Converse);
    world.run().sent().iter().map(|(_, target)| *target).collect()
}

#[test]
fn a_throttle_rules_out_every_name_of_the_pool_and_no_other_account() {
    assert_eq!(sent(json!([["own", "tagged", "other"]]), THROTTLED), [0, 2]);
}

#[test]
fn a_fault_is_fled_from_the_whole_domain_accounts_and_all() {
    assert_eq!(sent(json!([["own", "tagged", "other", "gateway"]]), BROKEN), [0, 3]);
    // With nowhere else to go, the same Region once more.
    assert_eq!(sent(json!([["own", "tagged", "other"]]), BROKEN), [0, 1]);
}
