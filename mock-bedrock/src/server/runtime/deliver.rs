//! An answer's way out: whole or as a stream, at its time, and as faults want its head, its bytes and its end.

use std::{borrow::Cow, io::Write as _, sync::Arc, time::Duration};

use flate2::{Compression, write::GzEncoder};
use http::{HeaderName, HeaderValue, Response, StatusCode, header};

use super::{families::Telling, frame::Frames, stream::StreamBody};
use crate::{
    engine::{Answer, BodyEnd, Garble, Operation, Quirk, Served},
    server::{
        Site,
        clock::Moment,
        line::Leaving,
        live::Admitted,
        reply::{self, Cut, Out},
    },
};

/// What becomes of a call that gets no answer of a model.
pub async fn turned(
    site: &Site,
    served: Served,
    moment: Moment,
    request_id: &str,
) -> Result<Response<Out>, Cut> {
    let at = match &served {
        Served::Refused { at }
        | Served::Reset { at }
        | Served::Error { at, .. }
        | Served::Page { at, .. } => Some(*at),
        Served::Silence | Served::Answer(_) => None,
    };
    site.pacer.until(at.and_then(|at| moment.instant_of(at))).await;
    match served {
        Served::Error { exception, .. } => Ok(reply::error(&exception, request_id).map(Out::whole)),
        Served::Page { page, .. } => Ok(reply::page(&page, request_id).map(Out::whole)),
        _ => Err(Cut::Reset),
    }
}

pub async fn answer(
    site: &Arc<Site>,
    operation: Operation,
    request_id: &str,
    admitted: Admitted,
    frames: Frames,
) -> Result<Response<Out>, Cut> {
    let (moment, wire) = (admitted.moment, admitted.answer.wire.clone());
    let slow_head = wire.as_ref().map_or(0, |wire| wire.slow_head);
    let quirk = wire.as_ref().and_then(|wire| wire.quirk.clone());
    if operation.streams() && admitted.answer.end != BodyEnd::Lost {
        let head_at = admitted.answer.head_at;
        let leaving = leaving(&admitted.answer, moment, head_at);
        // From here on the body answers for the call, also when nobody waits for its head any more.
        let body = StreamBody::new(site.clone(), admitted, frames);
        site.pacer.until(moment.instant_of(head_at.saturating_sub(slow_head))).await;
        let response = stream_head(operation, request_id, Out::stream(body));
        return Ok(quirked(response, quirk, leaving));
    }
    let last_at = admitted.answer.last_at;
    let leaving = leaving(&admitted.answer, moment, last_at);
    let takes =
        wire.map_or(Duration::ZERO, |wire| transfer(&admitted.telling, wire.bytes_per_s * moment.speed()));
    let begins = moment.instant_of(last_at.saturating_sub(slow_head));
    let begins = begins.map(|at| at.checked_sub(takes).unwrap_or(at));
    let waiting = Waiting { site, admitted, over: false };
    site.pacer.until(begins).await;
    waiting.end(operation, request_id).map(|response| quirked(response, quirk, leaving))
}

/// How an answer leaves whose head is whole at a time.
fn leaving(answer: &Answer, moment: Moment, whole_at: u64) -> Option<Leaving> {
    let wire = answer.wire.as_ref()?;
    let rest_at = (wire.slow_head > 0).then(|| moment.instant_of(whole_at)).flatten();
    let bytes_per_s = wire.bytes_per_s * moment.speed();
    (rest_at.is_some() || bytes_per_s.is_finite()).then_some(Leaving { rest_at, bytes_per_s })
}

/// How long a whole body takes at a rate.
fn transfer(telling: &Telling, bytes_per_s: f64) -> Duration {
    if bytes_per_s.is_infinite() {
        return Duration::ZERO;
    }
    Duration::try_from_secs_f64(telling.whole().len() as f64 / bytes_per_s).unwrap_or(Duration::ZERO)
}

/// A unary answer that is being made; its caller may leave.
struct Waiting<'a> {
    site: &'a Site,
    admitted: Admitted,
    over: bool,
}

impl Waiting<'_> {
    fn end(mut self, operation: Operation, request_id: &str) -> Result<Response<Out>, Cut> {
        self.over = true;
        let telling = &self.admitted.telling;
        let all = || Cow::Owned(telling.whole());
        match &self.admitted.answer.end {
            BodyEnd::Complete { .. } => Ok(whole(operation, telling, all(), request_id)),
            BodyEnd::Eof => {
                // Half of it, under a length that says that this is all.
                let mut body = telling.whole();
                body.truncate(body.len() / 2);
                Ok(whole(operation, telling, body.into(), request_id))
            }
            BodyEnd::Bare { reset } => {
                let cut = if *reset { Cut::Reset } else { Cut::Close };
                let announced = telling.whole().len();
                let head = whole(operation, telling, Cow::Borrowed(b""), request_id);
                Ok(head.map(|_| Out::never(announced, cut)))
            }
            BodyEnd::Garbled(Garble::Gzip) => {
                let mut response = whole(operation, telling, gzip(&telling.whole()).into(), request_id);
                let headers = response.headers_mut();
                headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                Ok(response)
            }
            BodyEnd::Exception(exception) => Ok(reply::error(exception, request_id).map(Out::whole)),
            BodyEnd::Reset | BodyEnd::Lost | BodyEnd::Garbled(_) | BodyEnd::Stalled { .. } => Err(Cut::Reset),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.site.live.leave(&self.site.clock, self.admitted.epoch, self.admitted.answer.call);
        }
    }
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    // Memory takes whatever is written to it.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

/// The head and the connection as a fault wants them.
fn quirked(mut response: Response<Out>, quirk: Option<Quirk>, leaving: Option<Leaving>) -> Response<Out> {
    if let Some(leaving) = leaving {
        response.extensions_mut().insert(leaving);
    }
    let headers = response.headers_mut();
    match quirk {
        Some(Quirk::NoRequestId) => {
            headers.remove(reply::REQUEST_ID);
        }
        Some(Quirk::Close) => {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Some(Quirk::ContentType(said)) => {
            if let Ok(said) = HeaderValue::from_str(&said) {
                headers.insert(header::CONTENT_TYPE, said);
            }
        }
        // The others are the stream's own.
        _ => {}
    }
    response
}

const LATENCY: HeaderName = HeaderName::from_static("x-amzn-bedrock-invocation-latency");
const INPUT_TOKENS: HeaderName = HeaderName::from_static("x-amzn-bedrock-input-token-count");
const OUTPUT_TOKENS: HeaderName = HeaderName::from_static("x-amzn-bedrock-output-token-count");
const PERFORMANCE: HeaderName = HeaderName::from_static("x-amzn-bedrock-performanceconfig-latency");
const TIER: HeaderName = HeaderName::from_static("x-amzn-bedrock-service-tier");
const CONTENT_TYPE: HeaderName = HeaderName::from_static("x-amzn-bedrock-content-type");

/// Only InvokeModel says counts and latency in headers.
fn whole(
    operation: Operation,
    telling: &Telling,
    body: Cow<'static, [u8]>,
    request_id: &str,
) -> Response<Out> {
    let json = HeaderValue::from_static("application/json");
    let mut response = reply::whole(StatusCode::OK, json, body.into_owned().into(), request_id);
    if operation == Operation::InvokeModel {
        let headers = response.headers_mut();
        headers.insert(LATENCY, telling.latency_ms.into());
        headers.insert(INPUT_TOKENS, telling.usage.input.into());
        headers.insert(OUTPUT_TOKENS, telling.usage.output.into());
        let optional = [(PERFORMANCE, telling.extras.latency), (TIER, telling.extras.tier)];
        for (name, value) in optional {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
    }
    response.map(Out::whole)
}

fn stream_head(operation: Operation, request_id: &str, body: Out) -> Response<Out> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/vnd.amazon.eventstream"));
    if operation == Operation::InvokeModelWithResponseStream {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(reply::REQUEST_ID, id);
    }
    response
}
