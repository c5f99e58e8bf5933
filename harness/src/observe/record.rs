//! One model invocation record, read with suspicion: whatever a log group or an export holds, a line is a record, the
//! service's own notice, something else, or damaged, and never an end of the reading.
//!
//! Facts that the service does not log stay absent: a refused call has neither tokens nor serving Region, and only the
//! two Converse operations log how long an answer took.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// What the service writes into a new stream before its first record.
const NOTICE: &str = "Permissions are correctly set for Amazon Bedrock logs.";
const SCHEMA: &str = "ModelInvocationLog";

/// What one line of a log is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Record(Box<Record>),
    /// The service's own test of its permissions, and empty lines.
    Notice,
    /// JSON of another kind.
    Foreign,
    /// A record that cannot be used, and why.
    Damaged(String),
}

/// One call as the service logged it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    /// Whole seconds since 1970: more the service does not write.
    pub unix_s: i64,
    pub request_id: String,
    pub account: String,
    /// Region that was called.
    pub region: String,
    pub operation: String,
    /// As the caller sent it: an id or an ARN.
    pub model_id: String,
    /// Region that served it, where the log names one.
    pub inference_region: Option<String>,
    /// Absent on success.
    pub error_code: Option<String>,
    /// The uncached part.
    pub input_tokens: Option<u32>,
    pub cache_read_tokens: u32,
    pub cache_write_tokens: u32,
    pub output_tokens: Option<u32>,
    /// From the request to the last token, measured by the service.
    pub latency_ms: Option<u32>,
    /// The caller's limit on the answer, where bodies are logged.
    pub max_tokens: Option<u32>,
}

impl Record {
    pub fn is_throttled(&self) -> bool {
        self.error_code.as_deref() == Some("ThrottlingException")
    }

    /// Uncached, read from and written to the cache together.
    pub fn prompt_tokens(&self) -> Option<u32> {
        let cached = self.cache_read_tokens.saturating_add(self.cache_write_tokens);
        self.input_tokens.map(|input| input.saturating_add(cached))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    schema_type: Option<String>,
    timestamp: Option<String>,
    #[serde(default)]
    account_id: Option<String>,
    region: Option<String>,
    request_id: Option<String>,
    operation: Option<String>,
    model_id: Option<String>,
    error_code: Option<String>,
    inference_region: Option<String>,
    #[serde(borrow)]
    input: Option<Input<'a>>,
    #[serde(borrow)]
    output: Option<Output<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    input_token_count: Option<u64>,
    cache_read_input_token_count: Option<u64>,
    cache_write_input_token_count: Option<u64>,
    #[serde(borrow)]
    input_body_json: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output<'a> {
    output_token_count: Option<u64>,
    #[serde(borrow)]
    output_body_json: Option<&'a RawValue>,
}

/// The little that is wanted of a Converse answer's body. Bodies of other operations look otherwise and have none of it.
#[derive(Deserialize, Default)]
struct Said {
    metrics: Option<Metrics>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    latency_ms: Option<f64>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Asked {
    inference_config: Option<Limits>,
    /// Of the native bodies, in their two spellings.
    max_tokens: Option<f64>,
    #[serde(rename = "max_tokens")]
    max_tokens_snake: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Limits {
    max_tokens: Option<f64>,
}

impl Line {
    /// Reads one line of a log, or one event's message.
    pub fn of(text: &str) -> Line {
        let text = text.trim();
        if text.is_empty() || text == NOTICE {
            return Line::Notice;
        }
        if !text.starts_with('{') {
            return Line::Foreign;
        }
        match serde_json::from_str::<Raw<'_>>(text) {
            Ok(raw) => raw.line(),
            Err(error) => Line::Damaged(format!("not an invocation record: {}", without_place(&error))),
        }
    }
}

/// The error's own position counts within the one line that it was given.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).to_owned()
}

impl Raw<'_> {
    fn line(self) -> Line {
        let is_record = self.schema_type.as_deref() == Some(SCHEMA)
            || self.request_id.is_some() && self.model_id.is_some();
        if !is_record {
            return Line::Foreign;
        }
        match self.record() {
            Ok(record) => Line::Record(Box::new(record)),
            Err(missing) => Line::Damaged(format!("the record has no usable {missing}")),
        }
    }

    fn record(self) -> Result<Record, &'static str> {
        let timestamp = self.timestamp.ok_or("timestamp")?;
        let stamp: Timestamp = timestamp.parse().map_err(|_| "timestamp")?;
        let (input, output) = (self.input.as_ref(), self.output.as_ref());
        let asked: Asked = input.and_then(|input| within(input.input_body_json)).unwrap_or_default();
        let said: Said = output.and_then(|output| within(output.output_body_json)).unwrap_or_default();
        let cached = |count: Option<u64>| tokens(count).unwrap_or(0);
        Ok(Record {
            unix_s: stamp.as_second(),
            request_id: self.request_id.filter(|id| !id.is_empty()).ok_or("requestId")?,
            account: self.account_id.unwrap_or_default(),
            region: self.region.filter(|region| !region.is_empty()).ok_or("region")?,
            operation: self.operation.ok_or("operation")?,
            model_id: self.model_id.filter(|id| !id.is_empty()).ok_or("modelId")?,
            inference_region: self.inference_region.filter(|region| !region.is_empty()),
            error_code: self.error_code.filter(|code| !code.is_empty()),
            input_tokens: input.and_then(|input| tokens(input.input_token_count)),
            cache_read_tokens: cached(input.and_then(|input| input.cache_read_input_token_count)),
            cache_write_tokens: cached(input.and_then(|input| input.cache_write_input_token_count)),
            output_tokens: output.and_then(|output| tokens(output.output_token_count)),
            latency_ms: said.metrics.and_then(|metrics| whole(metrics.latency_ms)),
            max_tokens: whole(asked.inference_config.and_then(|limits| limits.max_tokens))
                .or(whole(asked.max_tokens))
                .or(whole(asked.max_tokens_snake)),
        })
    }
}

/// A body of another shape holds nothing of what is wanted, and that is no damage.
fn within<'a, T: Deserialize<'a>>(body: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(body?.get()).ok()
}

fn tokens(count: Option<u64>) -> Option<u32> {
    count.map(|count| u32::try_from(count).unwrap_or(u32::MAX))
}

/// Above zero, and rounded.
fn whole(number: Option<f64>) -> Option<u32> {
    number.filter(|number| *number >= 0.5).map(|number| (number + 0.5) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERED: &str = r#"{"timestamp":"2025-12-17T01:09:56Z","accountId":"111122223333","region":"us-east-1",
        "requestId":"a-1","operation":"Converse","modelId":"global.anthropic.claude-sonnet-5","identity":{"arn":"arn:aws:iam::111122223333:user/x"},
        "input":{"inputContentType":"application/json","inputBodyJson":{"messages":[],"inferenceConfig":{"maxTokens":512}},
        "inputTokenCount":100,"cacheReadInputTokenCount":20,"cacheWriteInputTokenCount":3},
        "output":{"outputContentType":"application/json","outputBodyJson":{"output":{},"metrics":{"latencyMs":1840}},"outputTokenCount":77},
        "inferenceRegion":"eu-north-1","schemaType":"ModelInvocationLog","schemaVersion":"1.0"}"#;
    const THROTTLED: &str = r#"{"timestamp":"2025-12-17T01:09:57Z","accountId":"111122223333","region":"us-east-1","requestId":"a-2",
        "operation":"Converse","modelId":"m","identity":{"arn":"x"},"errorCode":"ThrottlingException","schemaType":"ModelInvocationLog","schemaVersion":"1.0"}"#;

    fn record(text: &str) -> Record {
        match Line::of(text) {
            Line::Record(record) => *record,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_answer_is_read_with_its_tokens_its_region_and_its_time() {
        let read = record(ANSWERED);
        assert_eq!(read.unix_s, 1_765_933_796);
        assert_eq!((read.prompt_tokens(), read.output_tokens), (Some(123), Some(77)));
        assert_eq!((read.latency_ms, read.max_tokens), (Some(1840), Some(512)));
        assert_eq!(read.inference_region.as_deref(), Some("eu-north-1"));
        assert!(!read.is_throttled());
    }

    #[test]
    fn a_throttled_call_has_no_tokens_and_no_serving_region() {
        let read = record(THROTTLED);
        assert!(read.is_throttled());
        assert_eq!((read.prompt_tokens(), read.output_tokens, read.latency_ms), (None, None, None));
        assert_eq!(read.inference_region, None);
    }

    #[test]
    fn every_line_is_something_and_none_ends_the_reading() {
        let no_region = THROTTLED.replace("\"region\":\"us-east-1\",", "");
        let null_code = ANSWERED.replace("\"schemaType\"", "\"errorCode\":null,\"schemaType\"");
        let native = ANSWERED.replace(r#"{"output":{},"metrics":{"latencyMs":1840}}"#, r#"["[DONE]"]"#);
        for (text, expected) in [
            ("Permissions are correctly set for Amazon Bedrock logs.", "notice"),
            ("", "notice"),
            ("START RequestId: 1", "foreign"),
            (r#"{"level":"info"}"#, "foreign"),
            (r#"{"timestamp": 12"#, "damaged"),
            (r#"{"timestamp": 12, "requestId": "a", "modelId": "m"}"#, "damaged"),
            (&*no_region, "damaged"),
            (&THROTTLED.replace("2025-12-17T", "yesterday "), "damaged"),
            (&*null_code, "record"),
            (&*native, "record"),
        ] {
            let is = match Line::of(text) {
                Line::Record(_) => "record",
                Line::Notice => "notice",
                Line::Foreign => "foreign",
                Line::Damaged(_) => "damaged",
            };
            assert_eq!(is, expected, "{text}");
        }
        assert_eq!(record(&native).latency_ms, None, "a native stream's list has no latency");
        assert_eq!(record(&null_code).error_code, None);
    }
}
