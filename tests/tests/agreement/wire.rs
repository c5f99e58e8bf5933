//! The same attempt as a request over a socket, by no SDK, and what its answer says.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, client::conn::http1::SendRequest};
use hyper_util::rt::TokioIo;
use richter::scenario::plan::Plan;
use richter_core::{
    failure::{AttemptEnd, ErrorReply, Failure, Phase, classify},
    request::Api,
    target::TargetSpec,
};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use super::simulated::{Sent, Told};

/// A connection that is made anew when it breaks.
#[derive(Debug)]
pub struct Wire {
    addr: SocketAddr,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Wire {
    pub fn to(addr: SocketAddr) -> Wire {
        Wire { addr, sender: None }
    }

    pub async fn send(&mut self, plan: &Plan, sent: &Sent) -> Told {
        let mut sender = match self.sender.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => connect(self.addr).await,
        };
        if sender.ready().await.is_err() {
            sender = connect(self.addr).await;
        }
        let Ok(response) = sender.send_request(request(plan, sent)).await else {
            // Whoever is refused has no connection; the server can only take away one that it accepted.
            let outage = matches!(sent.told.result, Err(Failure::Transport(Phase::Connect)));
            let phase = if outage { Phase::Connect } else { Phase::Await };
            return Told::failed(Failure::Transport(phase));
        };
        let (head, body) = response.into_parts();
        let mut read = Vec::new();
        let whole = collect(body, &mut read).await;
        self.sender = whole.then_some(sender);
        told(sent.api, &Response::from_parts(head, read), whole)
    }
}

async fn connect(addr: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(addr).await.expect("it listens");
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.expect("a handshake");
    tokio::spawn(connection);
    sender
}

/// Reads to the end; false where it broke before.
async fn collect(mut body: hyper::body::Incoming, into: &mut Vec<u8>) -> bool {
    while let Some(frame) = body.frame().await {
        match frame.map(|frame| frame.into_data()) {
            Ok(Ok(data)) => into.extend_from_slice(&data),
            Ok(Err(_)) => {}
            Err(_) => return false,
        }
    }
    true
}

fn request(plan: &Plan, sent: &Sent) -> Request<Full<Bytes>> {
    let (region, model) = match &plan.targets[usize::from(sent.target.0)].spec {
        TargetSpec::OnDemand(way) => (&way.region, &way.model),
        TargetSpec::Profile(way) => (&way.source, &way.id),
        other => panic!("the scenario has no {other:?}"),
    };
    let verb = match sent.api {
        Api::Converse => "converse",
        Api::ConverseStream => "converse-stream",
        Api::InvokeModel => "invoke",
        Api::InvokeModelWithResponseStream => "invoke-with-response-stream",
    };
    let arrival = &sent.arrival;
    let class = &plan.traffic.classes[usize::from(arrival.class)].name;
    let scope = format!("AKIDEXAMPLE/20261127/{region}/bedrock/aws4_request");
    Request::post(format!("/model/{}/{verb}", model.replace(':', "%3A")))
        .header("host", "localhost")
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .header("x-richter-request", arrival.number)
        .header("x-richter-attempt", sent.attempt)
        .header("x-richter-at-ns", sent.at)
        .header("x-richter-input-tokens", arrival.input_tokens)
        .header("x-richter-output-tokens", arrival.output_tokens)
        .header("x-richter-tenant", &plan.traffic.tenants[usize::from(arrival.tenant)])
        .header("x-richter-class", class)
        .body(Full::new(body(sent.api, arrival.max_tokens).to_string().into()))
        .expect("a request")
}

fn body(api: Api, max_tokens: Option<u32>) -> Value {
    match (api, max_tokens) {
        (Api::Converse | Api::ConverseStream, max_tokens) => {
            let messages = json!([{ "role": "user", "content": [{ "text": "hello" }] }]);
            let config = max_tokens.map_or(json!({}), |most| json!({ "maxTokens": most }));
            json!({ "messages": messages, "inferenceConfig": config })
        }
        (_, max_tokens) => json!({
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": max_tokens,
            "messages": [{ "role": "user", "content": "hello" }]
        }),
    }
}

fn told(api: Api, response: &Response<Vec<u8>>, whole: bool) -> Told {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    if response.status() != 200 {
        let said: Value = serde_json::from_slice(response.body()).expect("an error is JSON");
        let reply = ErrorReply {
            name: header("x-amzn-errortype").and_then(|kind| kind.split(':').next()),
            message: said["message"].as_str().expect("an error has a message"),
            status: Some(response.status().as_u16()),
            retry_after_ms: header("x-amz-retry-after").and_then(|ms| ms.parse().ok()),
            original_status: said["originalStatusCode"].as_u64().map(|status| status as u16),
            in_stream: false,
        };
        return failed(&AttemptEnd::Error(reply));
    }
    if api.streams() {
        return streamed(response.body(), whole);
    }
    let Ok(said) = serde_json::from_slice::<Value>(response.body()) else {
        return failed(&AttemptEnd::Truncated);
    };
    match api {
        Api::Converse => answered(
            &said["usage"],
            ["inputTokens", "outputTokens"],
            said["metrics"]["latencyMs"].as_u64(),
            None,
        ),
        _ => {
            let latency = header("x-amzn-bedrock-invocation-latency").and_then(|ms| ms.parse().ok());
            answered(&said["usage"], ["input_tokens", "output_tokens"], latency, None)
        }
    }
}

fn answered(usage: &Value, names: [&str; 2], total_ms: Option<u64>, first_ms: Option<u64>) -> Told {
    let [input, output] = names.map(|name| usage[name].as_u64().expect("a count") as u32);
    Told { result: Ok((input, output)), total_ms, first_ms }
}

fn failed(end: &AttemptEnd<'_>) -> Told {
    Told::failed(classify(end).expect_err("it failed"))
}

/// A stream by its last word.
fn streamed(bytes: &[u8], whole: bool) -> Told {
    let mut rest = bytes;
    let mut last = None;
    while let Ok(message) = aws_smithy_eventstream::frame::read_message_from(&mut rest) {
        last = Some(message);
    }
    if !whole {
        return failed(&AttemptEnd::Transport(Phase::Body));
    }
    let Some(last) = last else { return failed(&AttemptEnd::Truncated) };
    let headers: Vec<_> = last.headers().iter().collect();
    let text = |header: &aws_smithy_types::event_stream::Header| {
        header.value().as_string().expect("text").as_str().to_owned()
    };
    let payload: Value = serde_json::from_slice(last.payload()).expect("JSON");
    match (headers[0].name().as_str(), &*text(headers[0])) {
        (":exception-type", name) => failed(&AttemptEnd::Error(ErrorReply {
            name: Some(name),
            message: payload["message"].as_str().expect("a message"),
            status: None,
            retry_after_ms: None,
            original_status: payload["originalStatusCode"].as_u64().map(|status| status as u16),
            in_stream: true,
        })),
        (_, "metadata") => answered(
            &payload["usage"],
            ["inputTokens", "outputTokens"],
            payload["metrics"]["latencyMs"].as_u64(),
            None,
        ),
        (_, "chunk") => {
            let chunk = payload["bytes"].as_str().expect("a chunk has bytes");
            let chunk: Value =
                serde_json::from_slice(&aws_smithy_types::base64::decode(chunk).expect("base64"))
                    .expect("JSON");
            let metrics = &chunk["amazon-bedrock-invocationMetrics"];
            if metrics.is_null() {
                return failed(&AttemptEnd::Truncated);
            }
            let [total, first] = ["invocationLatency", "firstByteLatency"].map(|name| metrics[name].as_u64());
            answered(metrics, ["inputTokenCount", "outputTokenCount"], total, first)
        }
        _ => failed(&AttemptEnd::Truncated),
    }
}
