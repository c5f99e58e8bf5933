use serde_json::{Value, json};

pub(in crate::strategy) mod any;
mod laws;

use super::*;
use crate::failure::FailureClass;

fn spec(written: Value) -> StrategySpec {
    serde_json::from_value(written).unwrap()
}

/// The keys that have a problem.
fn problems(written: Value) -> Vec<String> {
    spec(written).problems().iter().map(|problem| problem.path.join(".")).collect()
}

#[test]
fn the_shortest_spelling_of_each_strategy_has_no_problem() {
    for written in [
        json!({ "direct": { "target": "a" } }),
        json!({ "sdk": { "target": "a" } }),
        json!({ "ordered": { "targets": ["a", "b"] } }),
        json!({ "connect_helper": { "endpoints": [{ "target": "a" }] } }),
        json!({ "provisioned_spill": { "primary": "a", "secondary": "b" } }),
        json!({ "cris": { "profile": "a" } }),
        json!({ "manual_fallback": { "chain": { "cross_region": ["a", "b"] } } }),
        json!({ "smart_balancer": { "table": [{ "target": "a" }, { "target": "b" }] } }),
        json!({ "composed": { "tiers": [["a"]] } }),
    ] {
        assert_eq!(problems(written.clone()), [""; 0], "{written}");
    }
}

#[test]
fn settings_that_cannot_work_are_named_by_their_keys() {
    let rows = [
        (json!({ "direct": { "target": "a", "timeouts": { "idle": "0s" } } }), &["direct.timeouts.idle"][..]),
        (json!({ "sdk": { "target": "a", "max_attempts": 0 } }), &["sdk.max_attempts"]),
        (json!({ "sdk": { "target": "a", "max_attempts": 101 } }), &["sdk.max_attempts"]),
        (json!({ "sdk": { "target": "a", "mode": "legacy", "client": "rust" } }), &["sdk.mode"]),
        (
            json!({ "sdk": { "target": "a", "mode": "legacy", "retry_quota": "shared" } }),
            &["sdk.retry_quota"],
        ),
        (
            json!({ "sdk": { "target": "a", "mode": "adaptive", "retry_quota": "per_request" } }),
            &["sdk.retry_quota"],
        ),
        (json!({ "ordered": { "targets": [] } }), &["ordered.targets"]),
        (json!({ "ordered": { "targets": ["a", "b", "a"] } }), &["ordered.targets.2"]),
        (json!({ "ordered": { "targets": ["a"], "rounds": 0 } }), &["ordered.rounds"]),
        (json!({ "ordered": { "targets": ["a"], "attempts_each": 0 } }), &["ordered.attempts_each"]),
        (json!({ "ordered": { "targets": ["a", "b"], "rounds": 51 } }), &["ordered.rounds"]),
        (
            json!({ "ordered": { "targets": ["a"], "deadline": "0s", "on": [] } }),
            &["ordered.deadline", "ordered.on"],
        ),
        (
            json!({ "ordered": { "targets": ["a"], "backoff": { "base": "2s", "cap": "1s" } } }),
            &["ordered.backoff.cap"],
        ),
        (
            json!({ "ordered": { "targets": ["a"], "timeouts": { "connect": "0s", "total": "0ms" } } }),
            &["ordered.timeouts.connect", "ordered.timeouts.total"],
        ),
    ];
    for (written, keys) in rows {
        assert_eq!(problems(written.clone()), keys, "{written}");
    }
}

#[test]
fn unknown_keys_and_lengths_without_a_unit_are_refused() {
    let refusal = |written: Value| serde_json::from_value::<StrategySpec>(written).unwrap_err().to_string();
    assert!(
        refusal(json!({ "direct": { "target": "a", "retries": 2 } })).contains("unknown field `retries`")
    );
    let bare = refusal(json!({ "direct": { "target": "a", "timeouts": { "total": 40 } } }));
    assert!(bare.starts_with("\"40\" has no unit"), "{bare}");
    assert!(refusal(json!({ "directly": { "target": "a" } })).contains("unknown variant"));
}

#[test]
fn targets_are_named_with_the_place_where_they_are_written() {
    let ordered = spec(json!({ "ordered": { "targets": ["east", "west"] } }));
    let named: Vec<(String, &str)> =
        ordered.targets().into_iter().map(|(path, name)| (path.join("."), name)).collect();
    assert_eq!(named, [("ordered.targets.0".into(), "east"), ("ordered.targets.1".into(), "west")]);
    let east = crate::rig::target("us-east-1");
    let known = Known { id: TargetId(0), spec: &east };
    assert!(ordered.build(&|name| (name == "east").then_some(known)).is_none());
    assert!(spec(json!({ "ordered": { "targets": [] } })).build(&|_| None).is_none());
}

#[test]
fn the_worst_case_counts_every_attempt_and_every_wait() {
    let worst = |written| {
        let worst = spec(written).worst_case();
        (worst.attempts, worst.wall.map(|wall| wall.as_millis()))
    };
    assert_eq!(worst(json!({ "direct": { "target": "a" } })), (1, None));
    assert_eq!(
        worst(json!({ "direct": { "target": "a", "timeouts": { "total": "30s" } } })),
        (1, Some(30_000))
    );
    let total = json!({ "total": "10s" });
    // Two waits of at most 1 s and 2 s; the service may ask for 5 s more each time.
    assert_eq!(worst(json!({ "sdk": { "target": "a", "timeouts": total } })), (3, Some(43_000)));
    let old = json!({ "sdk": { "target": "a", "behaviour": "before_2026", "timeouts": total } });
    assert_eq!(worst(old), (3, Some(33_000)));
    let legacy = json!({ "sdk": { "target": "a", "mode": "legacy", "timeouts": total } });
    assert_eq!(worst(legacy), (5, Some(65_000)));
    let adaptive = json!({ "sdk": { "target": "a", "mode": "adaptive", "timeouts": total } });
    assert_eq!(worst(adaptive), (3, None));
    let ordered = json!({ "ordered": {
        "targets": ["a", "b"], "attempts_each": 2, "backoff": { "base": "1s", "cap": "8s" }, "timeouts": total,
    } });
    assert_eq!(worst(ordered), (4, Some(42_000)));
    let bounded = json!({ "ordered": { "targets": ["a", "b"], "deadline": "5s", "timeouts": total } });
    assert_eq!(worst(bounded), (2, Some(15_000)));
}

/// The names in files are the names that reports and lists use.
#[test]
fn names_in_files_and_in_lists_are_the_same() {
    let written = [
        "direct",
        "sdk",
        "ordered",
        "connect_helper",
        "provisioned_spill",
        "cris",
        "manual_fallback",
        "smart_balancer",
        "composed",
    ];
    assert_eq!(STRATEGIES.iter().map(|info| info.name).collect::<Vec<_>>(), written);
    for class in FailureClass::ALL {
        assert_eq!(serde_json::from_value::<FailureClass>(json!(class.name())).unwrap(), class);
    }
}
