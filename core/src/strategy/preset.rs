//! Ready-made settings of strategies: clients that are in use, under the names people know them by. A preset is text to
//! paste under a strategy's name; put your target in place of `east`.

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
];
