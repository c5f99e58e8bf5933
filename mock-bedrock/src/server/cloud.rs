//! CloudWatch Logs and CloudWatch on the wire, and the way of what calls leave behind into them.
//!
//! Logs speak AWS JSON 1.1; CloudWatch speaks AWS JSON 1.0 to boto3 and Smithy's CBOR to newer SDKs, with the old query
//! names of its errors in a header. Bodies may be compressed. What the requests mean is decided in `cloudwatch`; only
//! the form is made here.

mod cbor;

use std::{
    io::Read as _,
    sync::{MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use serde_json::{Map, Value, json};

use super::{
    Settings, Site,
    caller::Caller,
    control::{TARGET, When},
    reply::{self, WireError},
};
use crate::{
    cloudwatch::{Answer, Ask, CloudWatch, Ended, Millis, Refusal, Way},
    fault::Delivery,
};

const LOGS: &str = "Logs_20140328.";
const CLOUDWATCH: &str = "GraniteServiceVersion20100801.";
const CBOR_PATH: &str = "/service/GraniteServiceVersion20100801/operation/";

const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");
const SMITHY_PROTOCOL: HeaderName = HeaderName::from_static("smithy-protocol");

/// Most bytes of a body when it is no longer compressed.
const INFLATED_MAX: u64 = 8 << 20;
/// How often calls that have ended are passed on, when nobody asks.
const TOLD_EVERY: Duration = Duration::from_millis(50);

/// How a request is written, and its answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    LogsJson,
    Json,
    Cbor,
}

/// An operation of one of the two services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Errand<'a> {
    form: Form,
    operation: &'a str,
}

impl<'a> Errand<'a> {
    fn of(request: &'a Request<Bytes>) -> Option<Errand<'a>> {
        if let Some(operation) = request.uri().path().strip_prefix(CBOR_PATH) {
            return Some(Errand { form: Form::Cbor, operation });
        }
        let target = request.headers().get(TARGET)?.to_str().ok()?;
        if let Some(operation) = target.strip_prefix(LOGS) {
            return Some(Errand { form: Form::LogsJson, operation });
        }
        target.strip_prefix(CLOUDWATCH).map(|operation| Errand { form: Form::Json, operation })
    }
}

/// Answers an operation of CloudWatch Logs or CloudWatch; none where the request is for another service.
pub fn answer(site: &Site, caller: &Caller, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    let errand = Errand::of(request)?;
    let answer = inflate(request).and_then(|body| errand.form.read(&body)).and_then(|body| {
        site.tell_cloud();
        let now = site.when().unix_ms();
        let ask = Ask { now, account: &caller.account, region: &caller.region, body: &body };
        let mut cloud = site.cloud();
        match errand.form {
            Form::LogsJson => cloud.logs(&ask, errand.operation),
            Form::Json | Form::Cbor => cloud.metrics(&ask, errand.operation),
        }
    });
    Some(errand.form.write(answer, &site.request_id()))
}

/// A refusal of whoever stands before these services, in their form; none where the request is for another one.
pub fn refuse(request: &Request<Bytes>, error: &WireError, request_id: &str) -> Option<Response<Bytes>> {
    let errand = Errand::of(request)?;
    let body = json!({ "__type": error.name, "message": error.message });
    Some(errand.form.dress(error.status, &body, request_id))
}

fn inflate(request: &Request<Bytes>) -> Result<Bytes, Refusal> {
    let encoding = request.headers().get(header::CONTENT_ENCODING).and_then(|value| value.to_str().ok());
    match encoding {
        None | Some("identity") => Ok(request.body().clone()),
        Some("gzip") => {
            let mut body = Vec::new();
            let mut reader = MultiGzDecoder::new(&request.body()[..]).take(INFLATED_MAX + 1);
            let read = reader.read_to_end(&mut body);
            let fits = read.is_ok() && body.len() as u64 <= INFLATED_MAX;
            fits.then(|| body.into()).ok_or_else(|| unreadable("the body is no gzip, or too large"))
        }
        Some(other) => Err(unreadable(&format!("the content encoding {other} is not known"))),
    }
}

fn unreadable(why: &str) -> Refusal {
    Refusal::new("SerializationException", format!("The request could not be read: {why}"))
}

impl Form {
    fn read(self, body: &[u8]) -> Result<Map<String, Value>, Refusal> {
        let read = match self {
            _ if body.is_empty() => Ok(json!({})),
            Form::LogsJson | Form::Json => serde_json::from_slice(body).map_err(|error| error.to_string()),
            Form::Cbor => cbor::read(body),
        };
        match read {
            Ok(Value::Object(fields)) => Ok(fields),
            Ok(_) => Err(unreadable("the body is no structure")),
            Err(why) => Err(unreadable(&why)),
        }
    }

    fn write(self, answer: Answer, request_id: &str) -> Response<Bytes> {
        let refusal = match answer {
            Ok(body) => return self.dress(StatusCode::OK, &body, request_id),
            Err(refusal) => refusal,
        };
        let (status, code) = match self {
            Form::LogsJson => (StatusCode::BAD_REQUEST, None),
            Form::Json | Form::Cbor => query_names(refusal.name),
        };
        let mut body = refusal.more;
        body.insert("__type".to_owned(), refusal.name.into());
        body.insert("message".to_owned(), refusal.message.into());
        let body = Value::Object(body);
        let mut response = self.dress(status, &body, request_id);
        if let Some(code) = code.and_then(|code| HeaderValue::try_from(format!("{code};Sender")).ok()) {
            response.headers_mut().insert(QUERY_ERROR, code);
        }
        response
    }

    fn dress(self, status: StatusCode, body: &Value, request_id: &str) -> Response<Bytes> {
        let (kind, bytes) = match self {
            Form::LogsJson => ("application/x-amz-json-1.1", serde_json::to_vec(body).unwrap_or_default()),
            Form::Json => ("application/x-amz-json-1.0", serde_json::to_vec(body).unwrap_or_default()),
            Form::Cbor => ("application/cbor", cbor::write(body)),
        };
        let mut response = reply::whole(status, HeaderValue::from_static(kind), bytes.into(), request_id);
        if self == Form::Cbor {
            response.headers_mut().insert(SMITHY_PROTOCOL, HeaderValue::from_static("rpc-v2-cbor"));
        }
        response
    }
}

/// The status of an error of CloudWatch, and the name that it had in the query protocol, which clients still go by.
fn query_names(name: &'static str) -> (StatusCode, Option<&'static str>) {
    match name {
        "InvalidParameterValueException" => (StatusCode::BAD_REQUEST, Some("InvalidParameterValue")),
        "InvalidParameterCombinationException" => {
            (StatusCode::BAD_REQUEST, Some("InvalidParameterCombination"))
        }
        "MissingRequiredParameterException" => (StatusCode::BAD_REQUEST, Some("MissingParameter")),
        "DashboardInvalidInputError" => (StatusCode::BAD_REQUEST, Some("InvalidParameterInput")),
        "DashboardNotFoundError" => (StatusCode::NOT_FOUND, Some("ResourceNotFound")),
        "ResourceNotFound" => (StatusCode::NOT_FOUND, Some("ResourceNotFound")),
        "ResourceNotFoundException" => (StatusCode::NOT_FOUND, Some("ResourceNotFoundException")),
        "LimitExceededFault" => (StatusCode::BAD_REQUEST, Some("LimitExceeded")),
        "InvalidFormatFault" => (StatusCode::BAD_REQUEST, Some("InvalidFormat")),
        "InvalidNextToken" => (StatusCode::BAD_REQUEST, Some("InvalidNextToken")),
        _ => (StatusCode::BAD_REQUEST, None),
    }
}

/// How long things take, as the settings of a server say it.
pub fn settings(settings: &Settings) -> crate::cloudwatch::Settings {
    let ms = |span: Duration| Millis::try_from(span.as_millis()).unwrap_or(Millis::MAX / 4);
    crate::cloudwatch::Settings { log_delay: ms(settings.log_delay), metric_delay: ms(settings.metric_delay) }
}

impl Way {
    /// As faults want it.
    fn of(delivery: &Delivery) -> Way {
        let ms = |span: u64| Millis::try_from(span / 1_000_000).unwrap_or(Millis::MAX / 4);
        Way {
            lost: delivery.lost,
            later: ms(delivery.later),
            again: delivery.again.map(ms),
            regionless: delivery.regionless,
            metrics_later: ms(delivery.metrics_later),
        }
    }
}

impl Site {
    pub(super) fn cloud(&self) -> MutexGuard<'_, CloudWatch> {
        self.cloud.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn when(&self) -> When {
        When {
            now: self.clock.read().now,
            unix_ms_at_zero: self.clock.unix_ms_at_zero(),
            unix_s: self.clock.unix_s(),
        }
    }

    /// Passes on what has ended since the last time. Locks the control plane, then CloudWatch, then the engine, which is
    /// the order for all.
    pub(super) fn tell_cloud(&self) {
        let control = self.control();
        let mut cloud = self.cloud();
        let finished = self.live.look(&self.clock, |inside, _| std::mem::take(&mut inside.finished));
        let when = self.when();
        let unix_ms = |now| When { now, ..when }.unix_ms();
        for call in finished {
            let logging = control.records_go_to(&call.account, &call.region);
            let ended = Ended {
                account: call.account,
                region: call.region,
                model: call.model,
                began: unix_ms(call.began),
                at: unix_ms(call.at),
                outcome: call.outcome,
            };
            let entry = call.entry.filter(|_| logging.is_some());
            let record = entry.and_then(|entry| serde_json::to_value(entry.whole()).ok());
            let way = Way::of(&call.delivery);
            cloud.observe(ended, logging.as_ref().zip(record.as_ref()), way);
        }
        cloud.advance(self.when().unix_ms());
    }
}

/// Passes on what has ended, for as long as there is a server.
pub async fn keep_told(site: Weak<Site>) {
    let mut tick = tokio::time::interval(TOLD_EVERY);
    loop {
        tick.tick().await;
        let Some(site) = site.upgrade() else { return };
        site.tell_cloud();
    }
}

#[cfg(test)]
mod tests;
