//! A small server on this machine that answers as Bedrock does, and as it should not; and routers that call it.

use std::{
    collections::VecDeque,
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use richter_core::live::{Builder, Router};
use tokio::{net::TcpListener, task::JoinHandle};

/// What the server does with one request.
#[derive(Debug, Clone)]
pub enum Play {
    /// Status, error name, body.
    Reply(u16, Option<&'static str>, Bytes),
    /// Events, and then a clean end.
    Stream(Vec<Bytes>),
    /// Events, and then silence on an open connection.
    Silence(Vec<Bytes>),
}

/// A server for as long as the test lasts.
pub struct Server {
    pub endpoint: String,
    /// Path of each request, as sent.
    pub paths: Arc<Mutex<Vec<String>>>,
    pub task: JoinHandle<()>,
    /// Connections that were made to it.
    pub connections: Arc<AtomicUsize>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn serve(plays: impl IntoIterator<Item = Play>) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("it is bound"));
    let paths = Arc::new(Mutex::new(Vec::new()));
    let plays = Arc::new(Mutex::new(plays.into_iter().collect::<VecDeque<Play>>()));
    let seen = Arc::clone(&paths);
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    let task = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            let (plays, seen) = (Arc::clone(&plays), Arc::clone(&seen));
            let answer = service_fn(move |request: Request<Incoming>| {
                seen.lock().expect("no test panics here").push(request.uri().path().to_owned());
                let play = plays.lock().expect("no test panics here").pop_front();
                async move { Ok::<_, Infallible>(response(play.expect("a play for each request"))) }
            });
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(socket), answer));
        }
    });
    Server { endpoint, paths, task, connections }
}

type Body = BoxBody<Bytes, Infallible>;

fn response(play: Play) -> Response<Body> {
    let head = Response::builder();
    match play {
        Play::Reply(status, name, body) => {
            let head = match name {
                Some(name) => head.header("x-amzn-errortype", name),
                None => head,
            };
            head.status(status).body(Full::new(body).boxed()).expect("a sound head")
        }
        Play::Stream(events) => {
            let whole: Vec<u8> = events.concat();
            head.body(Full::new(whole.into()).boxed()).expect("a sound head")
        }
        Play::Silence(events) => head.body(Then(events.into()).boxed()).expect("a sound head"),
    }
}

/// Events one by one, and then nothing.
struct Then(VecDeque<Bytes>);

impl http_body::Body for Then {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        match self.0.pop_front() {
            Some(event) => Poll::Ready(Some(Ok(http_body::Frame::data(event)))),
            None => Poll::Pending,
        }
    }
}

pub fn credentials() -> SdkConfig {
    let credentials = Credentials::new("key", "secret", None, None, "test");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new())
        .build()
}

pub fn builder(server: &Server, strategy: serde_json::Value) -> Builder {
    Router::builder()
        .strategy(serde_json::from_value(strategy).expect("a strategy"))
        .sdk_config(credentials())
        .endpoint_url(&server.endpoint)
        .seed(1)
}

pub fn none() -> serde_json::Value {
    serde_json::json!({})
}

pub fn usage() -> richter_mock_bedrock::engine::Reported {
    richter_mock_bedrock::engine::Reported { input: 7, output: 2, ..Default::default() }
}
