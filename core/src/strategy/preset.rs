//! Ready-made settings of strategies: clients that are in use, under the names people know them by, and composed
//! strategies. A preset is text to paste under a strategy's name; put your targets in place of `east`, `west` and `us`.
//!
//! Names that end in `-like` imitate a policy as its maker describes it; they measure nobody's product.

/// A row of `richter list presets`.
#[derive(Debug, Clone, Copy)]
pub struct PresetInfo {
    pub name: &'static str,
    pub summary: &'static str,
    /// The strategy as written in a scenario.
    pub settings: &'static str,
}

pub const PRESETS: &[PresetInfo] = &[
    PresetInfo {
        name: "boto3",
        summary: "boto3 1.44 and later as it comes: standard mode, retry behaviour 2.1",
        settings: "{ sdk: { target: east, client: boto3, mode: standard, behaviour: since_2026 } }",
    },
    PresetInfo {
        name: "boto3-legacy",
        summary: "boto3 up to 1.43 as it came: five attempts, no retry quota",
        settings: "{ sdk: { target: east, client: boto3, mode: legacy } }",
    },
    PresetInfo {
        name: "rust-sdk",
        summary: "the AWS SDK for Rust as it comes: retry behaviour 2.0, connect limit of 3.1 s, no read limit",
        settings: "{ sdk: { target: east, client: rust, mode: standard, behaviour: before_2026 } }",
    },
    PresetInfo {
        name: "rust-sdk-2026",
        summary: "the AWS SDK for Rust with AWS_NEW_RETRIES_2026=true",
        settings: "{ sdk: { target: east, client: rust, mode: standard, behaviour: since_2026 } }",
    },
    PresetInfo {
        name: "client-per-request",
        summary: "a new client for every request, as in many functions: the retry quota never empties",
        settings: "{ sdk: { target: east, client: boto3, retry_quota: per_request } }",
    },
    PresetInfo {
        name: "balanced",
        summary: "our default: spread by speed, cool pools, block sick targets, few further attempts",
        settings: "{ composed: { preset: balanced, tiers: [[east, west], [us]] } }",
    },
    PresetInfo {
        name: "litellm-like",
        summary: "imitates LiteLLM's router policy: weighted random, 5 s cool-down without a probe, two retries",
        settings: "{ composed: { preset: litellm-like, tiers: [[east, west], [us]] } }",
    },
    PresetInfo {
        name: "bifrost-like",
        summary: "imitates Bifrost's open policy: a list in order, retries with back-off, no memory",
        settings: "{ composed: { preset: bifrost-like, tiers: [[east, west], [us]] } }",
    },
    PresetInfo {
        name: "tensorzero-like",
        summary: "imitates TensorZero's policy: a list in order from the top, no memory, no wait",
        settings: "{ composed: { preset: tensorzero-like, tiers: [[east, west], [us]] } }",
    },
    PresetInfo {
        name: "envoy-like",
        summary: "imitates Envoy's defaults: least requests, ejection after 5 faults, 20% budget, panic",
        settings: "{ composed: { preset: envoy-like, tiers: [[east, west], [us]] } }",
    },
    PresetInfo {
        name: "linkerd-like",
        summary: "imitates Linkerd's policy: p2c by latency, unified breaker with one probe, 20% budget",
        settings: "{ composed: { preset: linkerd-like, tiers: [[east, west], [us]] } }",
    },
];
