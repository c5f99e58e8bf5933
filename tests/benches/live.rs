//! What the live router adds to a bare call of the SDK: both call the same echo on this machine, in turn, in one process.
//! Run with `cargo bench -p richter-tests --features aws --bench live`.
//!
//! The machine's noise meets both sides alike, so the differences of neighbouring calls count, and of several rounds
//! the spread is told.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::{convert::Infallible, time::Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_sdk_bedrockruntime::{
    Client,
    config::retry::RetryConfig,
    operation::converse::{ConverseInput, builders::ConverseInputBuilder},
    types::{ContentBlock, ConversationRole, Message},
};
use aws_smithy_http_client::Builder;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use richter_core::live::Router;
use tokio::net::TcpListener;

const ROUNDS: usize = 9;
const PAIRS: usize = 400;
const WARM_UP: usize = 100;
const ANSWER: &str = r#"{"metrics":{"latencyMs":7},"output":{"message":{"role":"assistant","content":[{"text":"hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":7,"outputTokens":2,"totalTokens":9}}"#;
/// One Region and no policy, and all the policies of our default.
const STRATEGIES: [(&str, &str); 2] = [
    ("direct", r#"{ "direct": { "target": "east" } }"#),
    ("balanced", r#"{ "composed": { "preset": "balanced", "tiers": [["east", "west"]] } }"#),
];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let endpoint = echo().await;
    // One HTTP client for both sides, without a proxy.
    let config = config(&endpoint);
    let bare = aws_sdk_bedrockruntime::config::Builder::from(&config).retry_config(RetryConfig::disabled());
    println!(
        "{:<10} {:>14} {:>14} {:>22}",
        "strategy", "bare p50 us", "router p50 us", "added p50 us (spread)"
    );
    for (name, strategy) in STRATEGIES {
        let router = Router::builder()
            .on_demand("east", "us-east-1", "m")
            .on_demand("west", "us-west-2", "m")
            .strategy(serde_json::from_str(strategy).expect("a strategy"))
            .sdk_config(config.clone())
            .build()
            .await
            .expect("a router");
        let client = Client::from_conf(bare.clone().build());
        report(name, &client, &router).await;
    }
}

async fn report(name: &str, client: &Client, router: &Router) {
    for _ in 0..WARM_UP {
        pair(client, router).await;
    }
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            pairs.push(pair(client, router).await);
        }
        let of = |pick: fn(&(f64, f64)) -> f64| median(pairs.iter().map(pick).collect());
        rounds.push((of(|pair| pair.0), of(|pair| pair.1), of(|pair| pair.1 - pair.0)));
    }
    let of = |pick: fn(&(f64, f64, f64)) -> f64| rounds.iter().map(pick).collect::<Vec<_>>();
    let added = of(|round| round.2);
    let least = added.iter().copied().fold(f64::INFINITY, f64::min);
    let most = added.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    println!(
        "{name:<10} {:>14.1} {:>14.1} {:>8.1} ({least:.1} to {most:.1})",
        median(of(|round| round.0)),
        median(of(|round| round.1)),
        median(added)
    );
}

/// Microseconds of a bare call and of one through the router, one right after the other.
async fn pair(client: &Client, router: &Router) -> (f64, f64) {
    let (bare, routed) = (input(), input());
    let start = Instant::now();
    bare.model_id("m").send_with(client).await.expect("an echo");
    let between = Instant::now();
    router.converse(routed).await.expect("an echo");
    let micros = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1e6;
    (micros(start, between), micros(between, Instant::now()))
}

fn input() -> ConverseInputBuilder {
    let text = "word ".repeat(100);
    let message = Message::builder().role(ConversationRole::User).content(ContentBlock::Text(text));
    ConverseInput::builder().messages(message.build().expect("role and content are set"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("key", "secret", None, None, "bench");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .http_client(Builder::new().build_http())
        .build()
}

/// A server on a thread of its own that answers everything alike; where it listens.
async fn echo() -> String {
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("it is bound");
            send.send(format!("http://{address}")).expect("somebody waits");
            while let Ok((socket, _)) = listener.accept().await {
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(socket), service_fn(answer)));
            }
        });
    });
    receive.await.expect("the server is up")
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    drop(request.into_body().collect().await);
    Ok(Response::new(Full::new(Bytes::from_static(ANSWER.as_bytes()))))
}
