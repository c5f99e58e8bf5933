//! Names of metrics, in one table with the two columns that core has for attributes: version 1.41 of OpenTelemetry's GenAI
//! conventions, and their newest state. Names with `richter.` are ours, since the conventions have none for what they say.

use opentelemetry::KeyValue;
use richter_core::{
    failure::{Failure, Phase, Timer},
    live::{Column, Names},
    request::Api,
};

/// The bounds that the conventions recommend, and two more: a chain of attempts with a long answer takes longer than 82
/// seconds.
pub const SECONDS: [f64; 16] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68];
/// The bounds that the conventions recommend for tokens: powers of four.
pub const TOKENS: [f64; 14] = [
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];

/// A metric as the README lists it.
#[derive(Debug, Clone, Copy)]
pub struct MetricName {
    pub v1_41: &'static str,
    pub latest: &'static str,
    pub unit: &'static str,
    pub meaning: &'static str,
}

macro_rules! table {
    ($($field:ident: $old:literal, $new:literal, $unit:literal, $meaning:literal;)+) => {
        /// One column's names.
        #[derive(Debug, Clone, Copy)]
        pub struct Metrics { $(pub $field: &'static str),+ }

        const V1_41: Metrics = Metrics { $($field: $old),+ };
        const LATEST: Metrics = Metrics { $($field: $new),+ };

        /// All of them. Empty is a name that its column does not have.
        pub const METRIC_NAMES: &[MetricName] =
            &[$(MetricName { v1_41: $old, latest: $new, unit: $unit, meaning: $meaning }),+];
    };
}

table! {
    duration: "gen_ai.client.operation.duration", "gen_ai.client.inference.duration", "s", "a request, from when it was due to its last word";
    first_chunk: "gen_ai.client.operation.time_to_first_chunk", "gen_ai.client.inference.time_to_first_chunk", "s", "a streamed request, from when it was due to its first content";
    per_chunk: "gen_ai.client.operation.time_per_output_chunk", "gen_ai.client.inference.time_per_output_chunk", "s", "between the tokens of a streamed answer, on average";
    tokens: "gen_ai.client.token.usage", "", "{token}", "tokens of an answered request, input and output apart";
    input_tokens: "", "gen_ai.client.inference.operation.input_tokens", "{token}", "input tokens of an answered request, cached ones included";
    output_tokens: "", "gen_ai.client.inference.operation.output_tokens", "{token}", "output tokens of an answered request";
    input_used: "", "gen_ai.client.inference.usage.input_tokens", "{token}", "input tokens so far, cached ones included";
    output_used: "", "gen_ai.client.inference.usage.output_tokens", "{token}", "output tokens so far";
    cache_read: "", "gen_ai.client.inference.usage.cache_read.input_tokens", "{token}", "input tokens so far that came from the prompt cache";
    cache_write: "", "gen_ai.client.inference.usage.cache_write.input_tokens", "{token}", "input tokens so far that went into the prompt cache";
    requests: "richter.requests", "richter.requests", "{request}", "requests that ended, by outcome and reason";
    in_flight: "richter.requests.in_flight", "richter.requests.in_flight", "{request}", "requests under way";
    lag: "richter.generator.lag", "richter.generator.lag", "s", "how late the generator began a request";
    attempts: "richter.attempts", "richter.attempts", "{attempt}", "attempts that ended, by target and result";
    attempt_duration: "richter.attempt.duration", "richter.attempt.duration", "s", "one attempt, from sending to its end";
    spend: "richter.spend", "richter.spend", "USD", "what answers cost so far, where their price is known";
}

/// The names of a column.
pub const fn of(names: Names) -> &'static Metrics {
    match names.column() {
        Column::V1_41 => &V1_41,
        Column::Latest => &LATEST,
    }
}

pub const STRATEGY: &str = "richter.strategy";
pub const CLASS: &str = "richter.class";
pub const OUTCOME: &str = "richter.outcome";
pub const TOKEN_TYPE: &str = "gen_ai.token.type";
pub const MODALITY: &str = "gen_ai.token.modality";
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
pub const PROVIDER: &str = "aws.bedrock";

/// What the conventions call the operation.
pub const fn operation(api: Api) -> &'static str {
    match api {
        Api::Converse | Api::ConverseStream => "chat",
        Api::InvokeModel | Api::InvokeModelWithResponseStream => "text_completion",
    }
}

/// A value of `error.type`, and when it is used: as the README lists it.
pub const ERROR_TYPES: &[(&str, &str)] = &[
    ("ThrottlingException", "a quota was used up"),
    ("ServiceUnavailableException", "the service was short of capacity"),
    ("InternalServerException", "the service failed"),
    ("ModelTimeoutException", "the model took too long"),
    ("ServiceQuotaExceededException", "a quota that does not refill by itself"),
    ("AccessDeniedException", "a permission is missing"),
    ("UnrecognizedClientException", "credentials are missing, wrong or out of date"),
    ("ResourceNotFoundException", "the model is not there"),
    ("ValidationException", "the request was wrong, or too long for the model"),
    ("ContentFiltered", "the content was refused"),
    ("timeout", "a limit of the strategy ran out"),
    ("connect", "no connection stood"),
    ("connection", "a connection broke"),
    ("truncated", "an answer ended before its end"),
    ("_OTHER", "the strategy gave up before it sent anything"),
];

/// The name of the service's error for what it means to routing, so that few values say everything.
pub const fn error_type(failure: Failure) -> &'static str {
    let place = match failure {
        Failure::Throttle { .. } => 0,
        Failure::Capacity { .. } => 1,
        Failure::ServerFault { .. } => 2,
        Failure::Timeout(Timer::Model) => 3,
        Failure::QuotaHard => 4,
        Failure::Access => 5,
        Failure::Credential => 6,
        Failure::ModelUnavailable => 7,
        Failure::BadRequest | Failure::ContextWindow => 8,
        Failure::Content => 9,
        Failure::Timeout(_) => 10,
        Failure::Transport(Phase::Connect) => 11,
        Failure::Transport(_) => 12,
        Failure::StreamBroken => 13,
        Failure::LocalReject => 14,
    };
    ERROR_TYPES[place].0
}

/// An attribute of ours or of the conventions.
pub fn is(key: &'static str, value: impl Into<opentelemetry::Value>) -> KeyValue {
    KeyValue::new(key, value.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_has_a_name_that_the_list_explains() {
        let table = [
            (
                Failure::Throttle {
                    scope: richter_core::failure::ThrottleScope::Tokens,
                    retry_after_ms: None,
                },
                "ThrottlingException",
            ),
            (Failure::Timeout(Timer::Model), "ModelTimeoutException"),
            (Failure::Timeout(Timer::FirstToken), "timeout"),
            (Failure::Transport(Phase::Connect), "connect"),
            (Failure::Transport(Phase::Body), "connection"),
            (Failure::StreamBroken, "truncated"),
            (Failure::LocalReject, "_OTHER"),
        ];
        for (failure, name) in table {
            assert_eq!(error_type(failure), name);
        }
    }

    #[test]
    fn no_name_stands_twice_in_a_column() {
        for column in [|name: &MetricName| name.v1_41, |name: &MetricName| name.latest] {
            let mut names: Vec<&str> =
                METRIC_NAMES.iter().map(column).filter(|name| !name.is_empty()).collect();
            let all = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all);
        }
    }
}
