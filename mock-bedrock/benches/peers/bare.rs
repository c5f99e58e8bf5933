//! What hyper costs without a mock: a server that parses the request's JSON, looks at no more of it than one text, and
//! makes an answer of the same size; its streams are frames as chunks of their own.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{self, Header, Message};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Either, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Interval, interval},
};

use super::worlds::{Pace, TOKENS};

pub const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";
/// A token and the padding that is usual.
const WORD: &str = "word";
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEF";

pub async fn serve(listener: TcpListener, pace: &str) {
    let (gap_ms, tokens) = match pace {
        "steady" => (Pace::Steady.gap_ms(), TOKENS),
        "slow" => (Pace::Slow.gap_ms(), Pace::Slow.tokens()),
        _ => (0, TOKENS),
    };
    while let Ok((stream, _)) = listener.accept().await {
        // Without it the second piece waits for an acknowledgement of the first.
        let _ = stream.set_nodelay(true);
        let answer = service_fn(move |request| answer(request, gap_ms, tokens));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
    }
}

async fn answer(
    request: Request<Incoming>,
    gap_ms: u64,
    tokens: u32,
) -> Result<Response<Either<Full<Bytes>, Frames>>, hyper::Error> {
    let streams = request.uri().path().ends_with("-stream");
    let body = request.into_body().collect().await?.to_bytes();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let said = asked["messages"][0]["content"][0]["text"].as_str().unwrap_or_default();
    let (kind, body) = if streams {
        let pause = (gap_ms > 0).then(|| interval(Duration::from_millis(gap_ms)));
        (EVENT_STREAM, Either::Right(Frames { next: 0, tokens, pause }))
    } else {
        ("application/json", Either::Left(Full::new(whole(said).into())))
    };
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Ok(response)
}

/// A whole answer of `TOKENS` tokens.
pub fn whole(said: &str) -> Vec<u8> {
    let text = format!("{WORD} ").repeat(TOKENS as usize);
    let answer = json!({
        "metrics": { "latencyMs": 0 },
        "output": { "message": { "role": "assistant", "content": [{ "text": text }] } },
        "stopReason": "end_turn",
        "usage": { "inputTokens": said.len() / 4, "outputTokens": TOKENS, "totalTokens": TOKENS },
    });
    answer.to_string().into_bytes()
}

/// All frames of a stream.
pub fn events() -> Vec<Vec<u8>> {
    (0..TOKENS + 4).filter_map(|n| frame(n, TOKENS)).map(|frame| frame.to_vec()).collect()
}

/// The n-th frame: a start, a delta for each token, and three to end with.
fn frame(n: u32, tokens: u32) -> Option<Bytes> {
    let usage = json!({ "inputTokens": 1, "outputTokens": tokens, "totalTokens": tokens + 1 });
    let (name, payload) = match n.checked_sub(tokens + 1) {
        None if n == 0 => ("messageStart", json!({ "p": PADDING, "role": "assistant" })),
        None => {
            ("contentBlockDelta", json!({ "contentBlockIndex": 0, "delta": { "text": WORD }, "p": PADDING }))
        }
        Some(0) => ("contentBlockStop", json!({ "contentBlockIndex": 0, "p": PADDING })),
        Some(1) => ("messageStop", json!({ "p": PADDING, "stopReason": "end_turn" })),
        Some(2) => ("metadata", json!({ "metrics": { "latencyMs": 0 }, "p": PADDING, "usage": usage })),
        Some(_) => return None,
    };
    let text = |name: &'static str, value: &'static str| {
        Header::new(name, event_stream::HeaderValue::String(value.into()))
    };
    let headers = vec![
        text(":event-type", name),
        text(":content-type", "application/json"),
        text(":message-type", "event"),
    ];
    let mut out = BytesMut::new();
    write_message_to(&Message::new_from_parts(headers, payload.to_string().into_bytes()), &mut out).ok()?;
    Some(out.freeze())
}

/// A stream's body.
#[derive(Debug)]
struct Frames {
    next: u32,
    tokens: u32,
    pause: Option<Interval>,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let token = (1..=self.tokens).contains(&self.next);
        if let Some(pause) = self.pause.as_mut().filter(|_| token) {
            ready!(pause.poll_tick(cx));
        }
        let frame = frame(self.next, self.tokens);
        self.next += 1;
        Poll::Ready(frame.map(|frame| Ok(Frame::data(frame))))
    }
}
