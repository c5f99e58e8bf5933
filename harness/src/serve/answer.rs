//! The forms of answers.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    Response, StatusCode,
    body::Frame,
    header::{self, HeaderValue},
};
use tokio::sync::{mpsc, watch};

use super::live::News;

/// A body that is there, or one that comes in pieces.
#[derive(Debug)]
pub enum Body {
    Whole(Option<Bytes>),
    Coming(mpsc::Receiver<Bytes>),
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut *self {
            Body::Whole(bytes) => Poll::Ready(bytes.take()),
            Body::Coming(pieces) => pieces.poll_recv(context),
        };
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Body::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Body::Whole(bytes) => {
                hyper::body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Body::Coming(_) => hyper::body::SizeHint::default(),
        }
    }
}

fn made(status: StatusCode, kind: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let body = Body::Whole(Some(Bytes::from(format!("{text}\n"))));
    made(status, "text/plain; charset=utf-8", body)
}

pub fn page(html: String) -> Response<Body> {
    made(StatusCode::OK, "text/html; charset=utf-8", Body::Whole(Some(Bytes::from(html))))
}

pub fn json(bytes: Vec<u8>) -> Response<Body> {
    made(StatusCode::OK, "application/json", Body::Whole(Some(Bytes::from(bytes))))
}

pub fn nothing() -> Response<Body> {
    made(StatusCode::NO_CONTENT, "text/plain; charset=utf-8", Body::Whole(None))
}

pub fn moved(to: &str) -> Response<Body> {
    let mut response = text(StatusCode::PERMANENT_REDIRECT, to);
    match HeaderValue::from_str(to) {
        Ok(to) => drop(response.headers_mut().insert(header::LOCATION, to)),
        Err(_) => return not_found("no such page"),
    }
    response
}

pub fn not_found(why: &str) -> Response<Body> {
    text(StatusCode::NOT_FOUND, why)
}

pub fn refused(why: &str) -> Response<Body> {
    text(StatusCode::FORBIDDEN, why)
}

pub fn broken(why: &str) -> Response<Body> {
    text(StatusCode::INTERNAL_SERVER_ERROR, why)
}

pub fn not_allowed() -> Response<Body> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

const EVENTS: &str = "text/event-stream";
const OVER: &str = "event: over\ndata: -\n\n";
/// So that nobody on the way takes a quiet stream for a dead one, and a reader who left is noticed.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);

pub fn over() -> Response<Body> {
    made(StatusCode::OK, EVENTS, Body::Whole(Some(Bytes::from_static(OVER.as_bytes()))))
}

/// Says whenever there is more to see, and when the run is over.
pub fn events(mut news: watch::Receiver<News>) -> Response<Body> {
    let (pieces, body) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let newest = *news.borrow_and_update();
            let piece = if newest.over { OVER.to_owned() } else { renewed(newest) };
            if pieces.send(Bytes::from(piece)).await.is_err() || newest.over {
                return;
            }
            while !matches!(tokio::time::timeout(SIGN_OF_LIFE, news.changed()).await, Ok(Ok(()))) {
                // An end without a last word is one, too.
                let sign = if news.has_changed().is_err() { OVER } else { ":\n\n" };
                if pieces.send(Bytes::from_static(sign.as_bytes())).await.is_err() || sign == OVER {
                    return;
                }
            }
        }
    });
    made(StatusCode::OK, EVENTS, Body::Coming(body))
}

fn renewed(news: News) -> String {
    format!("event: renewed\ndata: {}\n\n", news.version)
}
