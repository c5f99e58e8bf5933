//! Any strategy, as it could be written: every kind, every preset, and composed ones with parts switched on at random.
//!
//! Targets are a, b and c. A new part of `composed` needs its row in [`PARTS`].

use proptest::{collection::vec, prelude::any, prop_oneof, sample::select, strategy::Strategy as Random};
use serde_json::{Value, json};

use crate::{
    Nanos,
    request::{Api, Need, Priority, Request},
    rig,
    strategy::{StrategySpec, composed},
};

/// Keys of a composed strategy, each with a setting that makes it work hard in a few seconds.
const PARTS: &[(&str, &str)] = &[
    ("select", r#""weighted""#),
    ("select", r#""smooth_weighted""#),
    ("select", r#""least_in_flight""#),
    ("select", r#"{ "p2c": { "explore": "20%" } }"#),
    ("select", r#"{ "headroom": {} }"#),
    ("select", r#"{ "ttft_percentile": {} }"#),
    ("select", r#"{ "cache_affinity": {} }"#),
    ("shed", "{}"),
    ("tenants", r#"{ "requests": "2/s", "burst": "2s" }"#),
    ("queue", r#"{ "length": 3, "wait": "1s" }"#),
    ("pacing", r#"{ "burst": "1s" }"#),
    ("clamp_output", r#"{ "samples_min": 1, "min": 1, "over": 1.0 }"#),
    ("fast_fail_only", r#"{ "within": "1s" }"#),
    ("cooldown", r#"{ "throttle": { "base": "1s", "cap": "4s" }, "fault": { "base": "1s", "cap": "4s" } }"#),
    ("cooldown", r#"{ "throttle": { "after": 2, "base": "2s", "cap": "2s", "then": "readmit" } }"#),
    ("breaker", r#"{ "consecutive": 2, "calls_min": 4, "block": "1s", "block_cap": "8s" }"#),
    ("outlier", r#"{ "consecutive": 2, "calls_min": 4, "eject": "2s" }"#),
    ("concurrency", r#"{ "initial": 2, "max": 4 }"#),
    ("concurrency", r#"{ "initial": 3, "by": { "gradient2": {} } }"#),
    ("adaptive_throttle", "{}"),
    ("ramp", "{}"),
    ("throughput_guard", r#"{ "floor": "900/s", "within": "50ms", "abort": true }"#),
    ("quota", "{}"),
    ("limits", r#"{ "a": { "requests": "1/s", "tokens": "300/s" }, "b": { "tokens": "100/s" } }"#),
    ("hold_back", r#"{ "tokens": 9, "for": "1s" }"#),
    ("continue_prefill", r#"{ "max": 2 }"#),
    ("lacks", r#"{ "a": ["tools"], "b": ["images", "prefill"] }"#),
    ("hedge", r#"{ "samples_min": 1, "share": "100%", "throttles_max": "100%" }"#),
    ("retry", r#"{ "attempts_max": 4, "throttle_base": "200ms" }"#),
    ("retry", r#"{ "attempts_max": 3, "same_target": false }"#),
    ("budgets", r#"{ "same": { "share": "20%", "floor": "0.2/s" }, "failover": { "share": "30%" } }"#),
    ("budgets", r#"{ "same": { "share": "5%" } }"#),
    ("timeouts", r#"{ "connect": "1s", "first_token": "4s", "idle": "5s" }"#),
    ("first_token", r#"{ "min": "1s", "max": "6s", "samples_min": 1 }"#),
    ("deadline", r#""3s""#),
    ("on_exhausted", r#"["panic_all", { "wait_first": { "max": "1s" } }, "ask_anyway"]"#),
    ("on_exhausted", r#"[{ "wait_first": { "max": "3s" } }, "least_bad"]"#),
    ("on_exhausted", r#"[{ "degrade": { "floor": 1 } }, { "wait_first": { "max": "1s" } }]"#),
    ("on_exhausted", r#"["ask_anyway", { "last_resort": { "target": "d" } }]"#),
];

/// Strategies that imitate a known system.
const SYSTEMS: &[&str] = &[
    r#"{ "direct": { "target": "a" } }"#,
    r#"{ "sdk": { "target": "a" } }"#,
    r#"{ "sdk": { "target": "a", "mode": "adaptive", "max_attempts": 5 } }"#,
    r#"{ "sdk": { "target": "a", "mode": "legacy" } }"#,
    r#"{ "ordered": { "targets": ["a", "b", "c"], "attempts_each": 2, "deadline": "5s" } }"#,
    r#"{ "connect_helper": { "instances": 3, "endpoints": [{ "target": "a", "primary": true }, { "target": "b" }] } }"#,
    r#"{ "connect_helper": { "lifetime": "20s", "auto_update_config": true, "cooldown": "9s",
        "endpoints": [{ "target": "a" }, { "target": "b" }, { "target": "c" }] } }"#,
    r#"{ "connect_helper": { "faithful": false, "cooldown": "5s", "endpoints": [{ "target": "a" }, { "target": "b" }] } }"#,
    r#"{ "provisioned_spill": { "primary": "a", "secondary": "b" } }"#,
    r#"{ "cris": { "profile": "a", "base": "b" } }"#,
    r#"{ "manual_fallback": { "chain": { "cross_region": ["a", "b", "c"] } } }"#,
    r#"{ "smart_balancer": { "table": [{ "target": "a", "quota": 20 }, { "target": "b", "quota": 9 }], "routers": 2 } }"#,
    r#"{ "smart_balancer": { "table": [{ "target": "a" }, { "target": "b" }], "count": "at_selection" } }"#,
];

/// The n-th request, unlike its neighbours in all that a strategy may look at.
pub(in crate::strategy) fn request(number: u64, api: Api, now: Nanos) -> Request {
    Request {
        tenant: (number % 3) as u16,
        priority: Priority::ALL[number as usize % Priority::ALL.len()],
        prefix: (!number.is_multiple_of(4)).then_some(number % 4),
        needs: [Need::Tools, Need::Images].into_iter().filter(|need| number % 7 == *need as u64).collect(),
        max_tokens: (!number.is_multiple_of(5)).then_some(50 * (number % 5) as u32),
        ..rig::request(number, api, now)
    }
}

/// A system, a preset or random parts.
pub(in crate::strategy) fn strategy() -> impl Random<Value = Value> {
    prop_oneof![
        select(SYSTEMS).prop_map(|text| serde_json::from_str(text).unwrap()),
        composed().prop_map(|settings| json!({ "composed": settings })),
        composed().prop_map(|settings| json!({ "composed": settings })),
    ]
}

/// Settings of a composed strategy: parts at random, perhaps over a preset.
pub(in crate::strategy) fn composed() -> impl Random<Value = Value> {
    let preset = (any::<bool>(), select(composed::PRESETS));
    let tiers = select(&[r#"[["a", "b", "c"]]"#, r#"[["a", "b"], ["c"]]"#, r#"[["a"], ["b"], ["c"]]"#]);
    (preset, tiers, vec(any::<bool>(), PARTS.len()), 0..PARTS.len()).prop_map(
        |((over, preset), tiers, on, from)| {
            let mut settings = json!({ "tiers": serde_json::from_str::<Value>(tiers).unwrap() });
            if over {
                settings["preset"] = preset.into();
            }
            // From a place of its own, so that of two rows with one key either may win.
            for at in (0..PARTS.len()).map(|step| (from + step) % PARTS.len()).filter(|at| on[*at]) {
                settings[PARTS[at].0] = serde_json::from_str(PARTS[at].1).unwrap();
            }
            without_misfits(settings)
        },
    )
}

/// Drops what does not go with the rest.
fn without_misfits(mut settings: Value) -> Value {
    loop {
        let spec: StrategySpec = serde_json::from_value(json!({ "composed": settings })).unwrap();
        let Some(problem) = spec.problems().into_iter().next() else { return settings };
        let key = &problem.path[1];
        if key == "tiers" {
            // One tier can be reached whatever the rest is.
            settings["tiers"] = json!([["a", "b", "c"]]);
            continue;
        }
        let dropped = settings.as_object_mut().unwrap().remove(key);
        assert!(dropped.is_some(), "{problem:?} of {settings}");
    }
}

mod checks {
    use super::*;

    #[test]
    fn every_part_and_every_system_can_be_had() {
        for (key, text) in PARTS {
            let mut settings = json!({ "preset": "balanced", "tiers": [["a", "b"], ["c"]] });
            settings[*key] = serde_json::from_str(text).unwrap();
            assert_eq!(without_misfits(settings.clone()), settings, "{key}");
        }
        for text in SYSTEMS {
            let spec: StrategySpec = serde_json::from_str(text).unwrap();
            assert_eq!(spec.problems(), [], "{text}");
        }
    }
}
