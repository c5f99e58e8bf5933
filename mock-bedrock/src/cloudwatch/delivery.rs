//! What a call to a model leaves behind: its record in the log group that the account's logging names, and the points
//! of its metrics in `AWS/Bedrock`, all in the Region that was called.
//!
//! Throttled calls count as InvocationThrottles and as nothing else; other refusals as client or server errors;
//! Invocations are those that succeeded. Each datum is there twice, under the model's id and without dimensions.

use serde_json::Value;

use super::{
    CloudWatch, Datum, Dimensions, Millis, Sample, What,
    metrics::{Key, MINUTE, Point},
};

/// The stream that Bedrock writes to.
pub const STREAM: &str = "aws/bedrock/modelinvocations";
/// The first line that it writes, which is no JSON.
const FIRST_LINE: &str = "Permissions are correctly set for Amazon Bedrock logs.";
const NAMESPACE: &str = "AWS/Bedrock";
/// What delivery's own metrics have in place of a model's id.
const ALL_MODELS: &str = "Across all model IDs";

/// Where an account wants its records of a Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logging {
    pub group: String,
    /// Whether bodies are in the records.
    pub bodies: bool,
}

/// A call that is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    pub account: String,
    pub region: String,
    /// As the caller named it.
    pub model: String,
    pub began: Millis,
    pub at: Millis,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Success(Measured),
    Throttled,
    ClientError,
    ServerError,
}

/// What is measured of a call that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Measured {
    pub latency_ms: f64,
    /// Of streams only.
    pub first_token_ms: Option<f64>,
    pub input: f64,
    pub output: f64,
    pub cache_read: f64,
    pub cache_write: f64,
    /// Tokens as the quota settles them, the reservation aside.
    pub quota: f64,
}

/// What befalls a record and points of metrics on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Way {
    pub lost: bool,
    pub later: Millis,
    /// It comes again, so long after the first time.
    pub again: Option<Millis>,
    /// It loses the Region that served.
    pub regionless: bool,
    pub metrics_later: Millis,
}

/// A record on its way.
#[derive(Debug, Clone)]
pub struct Parcel {
    group: String,
    timestamp: Millis,
    text: String,
}

impl CloudWatch {
    /// Logging was switched on: its first line is written at once.
    pub fn greet(&mut self, now: Millis, account: &str, region: &str, group: &str) {
        let owner = (account.to_owned(), region.to_owned());
        let parcel = Parcel { group: group.to_owned(), timestamp: now, text: FIRST_LINE.to_owned() };
        self.hand_over(now, owner, parcel);
    }

    /// A call has ended. Its metrics are on their way, and so is its record, where the account wants records.
    pub fn observe(&mut self, call: Ended, record: Option<(&Logging, &Value)>, way: Way) {
        let owner = (call.account.clone(), call.region.clone());
        let (began, at) = (call.began, call.at);
        let parcel = record.filter(|_| !way.lost).map(|(logging, record)| {
            let mut record = record.clone();
            if !logging.bodies {
                strip(&mut record);
            }
            if let Some(fields) = record.as_object_mut().filter(|_| way.regionless) {
                fields.remove("inferenceRegion");
            }
            Parcel { group: logging.group.clone(), timestamp: began, text: record.to_string() }
        });
        let counted = at.saturating_add(self.settings.metric_delay).saturating_add(way.metrics_later);
        self.queue(counted, &owner, What::Call(Box::new(call)));
        if let Some(parcel) = parcel {
            let first = at.saturating_add(self.settings.log_delay).saturating_add(way.later);
            if let Some(again) = way.again {
                self.queue(first.saturating_add(again), &owner, What::Record(parcel.clone()));
            }
            self.queue(first, &owner, What::Record(parcel));
        }
    }

    /// The points of a call's metrics.
    pub(super) fn count(&mut self, owner: &(String, String), call: &Ended) {
        let metrics = &mut self.corner(owner).metrics;
        let measures = measures(&call.outcome);
        for dimensions in [Dimensions::one("ModelId", model_id(&call.model)), Dimensions::default()] {
            // One key for all of them: there are ten and more for each call.
            let mut key = Key { namespace: NAMESPACE.to_owned(), name: String::new(), dimensions };
            for (name, unit, value) in &measures {
                key.name.clear();
                key.name.push_str(name);
                metrics.add(&key, Point { unit, at: call.at, resolution: MINUTE, sample: sample(*value) });
            }
        }
    }

    pub(super) fn hand_over(&mut self, now: Millis, owner: (String, String), parcel: Parcel) {
        let event = (parcel.timestamp, parcel.text.as_str());
        let delivered = self.corner(&owner).logs.deliver(now, &parcel.group, STREAM, event);
        let name = match delivered {
            Ok(()) => "ModelInvocationLogsCloudWatchDeliverySuccess",
            Err(super::logs::Lost) => "ModelInvocationLogsCloudWatchDeliveryFailure",
        };
        let told = datum(now, Dimensions::one("ModelId", ALL_MODELS), (name, "Count", 1.0));
        self.queue(now + self.settings.metric_delay, &owner, What::Datum(told));
        self.pass_on(now, &owner);
    }
}

fn datum(at: Millis, dimensions: Dimensions, (name, unit, value): Measure) -> Datum {
    Datum {
        namespace: NAMESPACE.to_owned(),
        name: name.to_owned(),
        dimensions,
        unit,
        at,
        resolution: MINUTE,
        sample: sample(value),
    }
}

fn sample(value: f64) -> Sample {
    Sample::Value { value, count: 1.0 }
}

/// Metrics name models and profiles by their ids, also where the caller gave an ARN.
fn model_id(model: &str) -> &str {
    if model.starts_with("arn:") { model.rsplit('/').next().unwrap_or(model) } else { model }
}

/// Name, unit and value.
type Measure = (&'static str, &'static str, f64);

fn measures(outcome: &Outcome) -> Vec<Measure> {
    let measured = match outcome {
        Outcome::Throttled => return vec![("InvocationThrottles", "Count", 1.0)],
        Outcome::ClientError => return vec![("InvocationClientErrors", "Count", 1.0)],
        Outcome::ServerError => return vec![("InvocationServerErrors", "Count", 1.0)],
        Outcome::Success(measured) => measured,
    };
    let mut all = vec![
        ("Invocations", "Count", 1.0),
        ("InvocationLatency", "Milliseconds", measured.latency_ms),
        ("InputTokenCount", "Count", measured.input),
        ("OutputTokenCount", "Count", measured.output),
        ("EstimatedTPMQuotaUsage", "Count", measured.quota),
    ];
    if let Some(first) = measured.first_token_ms {
        all.push(("TimeToFirstToken", "Milliseconds", first));
    }
    // The guide has given both names to each of these within a year.
    if measured.cache_read > 0.0 {
        all.push(("CacheReadInputTokens", "Count", measured.cache_read));
        all.push(("CacheReadInputTokenCount", "Count", measured.cache_read));
    }
    if measured.cache_write > 0.0 {
        all.push(("CacheWriteInputTokens", "Count", measured.cache_write));
        all.push(("CacheWriteInputTokenCount", "Count", measured.cache_write));
    }
    all
}

/// Takes the bodies out of a record; counts stay.
fn strip(record: &mut Value) {
    for (part, body) in [("input", "inputBodyJson"), ("output", "outputBodyJson")] {
        if let Some(part) = record.get_mut(part).and_then(Value::as_object_mut) {
            part.remove(body);
        }
    }
}
