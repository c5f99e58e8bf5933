use std::{future::Future, net::SocketAddr};

use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::*;

mod counted;
mod h2;
mod hostile;
mod live;
mod points;
mod wire;

/// Runs a test on a runtime of its own.
fn on_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

/// One request over a connection of its own.
async fn ask(addr: SocketAddr, request: Request<Full<Bytes>>) -> Response<Bytes> {
    let stream = TcpStream::connect(addr).await.expect("the server listens");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    let response = sender.send_request(request).await.expect("an answer");
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.expect("a whole body").to_bytes())
}

fn post(path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post(path).header("host", "localhost").body(Full::new(body.into())).expect("a request")
}

#[test]
fn an_unknown_operation_is_refused_with_its_name_and_a_request_id() {
    on_runtime(async {
        let server = start(Settings::default()).await.expect("it starts");
        let response = ask(server.addr(), post("/model/m/dance", "{}")).await;
        assert_eq!(response.status(), 404);
        let kind = response.headers()[reply::ERROR_TYPE].to_str().expect("text");
        assert!(kind.starts_with("UnknownOperationException:"), "{kind}");
        assert_eq!(response.headers()[reply::REQUEST_ID].len(), 36);
        server.stop().await;
    });
}

#[test]
fn a_body_above_the_limit_is_refused_with_the_limit_in_the_text() {
    on_runtime(async {
        let server = start(Settings::default()).await.expect("it starts");
        let response = ask(server.addr(), post("/model/m/invoke", vec![b' '; BODY_BYTES_MAX + 1])).await;
        assert_eq!(response.status(), 400);
        let text = std::str::from_utf8(response.body()).expect("text");
        assert!(text.contains("less than or equal to 25000000"), "{text}");
        server.stop().await;
    });
}

#[test]
fn a_connection_above_the_limit_is_told_so() {
    on_runtime(async {
        let limits = Limits { connections: 1, ..Limits::default() };
        let server = start(Settings { limits, ..Settings::default() }).await.expect("it starts");
        let first = TcpStream::connect(server.addr()).await.expect("the first is taken");
        // A whole exchange, so that the first connection is surely counted.
        let mut first = first;
        first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let mut buffer = [0; 16];
        first.read_exact(&mut buffer).await.expect("an answer");
        let mut second = TcpStream::connect(server.addr()).await.expect("the system accepts it");
        let mut told = String::new();
        second.read_to_string(&mut told).await.expect("text until the end");
        let (head, body) = told.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.contains("503") && head.contains(&format!("content-length: {}", body.len())), "{told}");
        server.stop().await;
    });
}

#[test]
fn stopping_closes_idle_connections_and_frees_the_port() {
    on_runtime(async {
        let server = start(Settings::default()).await.expect("it starts");
        let addr = server.addr();
        let mut idle = TcpStream::connect(addr).await.expect("it listens");
        idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let mut one = [0; 1];
        idle.read_exact(&mut one).await.expect("an answer");
        server.stop().await;
        let mut rest = Vec::new();
        idle.read_to_end(&mut rest).await.expect("a clean end");
        assert!(TcpStream::connect(addr).await.is_err(), "nobody listens any more");
    });
}

#[test]
fn each_region_can_have_a_port_of_its_own() {
    on_runtime(async {
        let region_ports = vec!["us-west-2".to_owned(), "eu-west-1".to_owned()];
        let server = start(Settings { region_ports, ..Settings::default() }).await.expect("it starts");
        let urls: Vec<(&str, String)> = server.region_urls().collect();
        assert_eq!(urls.iter().map(|(region, _)| *region).collect::<Vec<_>>(), ["us-west-2", "eu-west-1"]);
        assert!(urls.iter().all(|(_, url)| *url != server.base_url()));
        server.stop().await;
    });
}

/// What a control plane's POST answered, as JSON.
async fn make(addr: SocketAddr, path: &str, body: serde_json::Value) -> serde_json::Value {
    let response = ask(addr, post(path, body.to_string())).await;
    assert!(response.status().is_success(), "{path}: {:?}", response.body());
    serde_json::from_slice(response.body()).expect("JSON")
}

#[test]
fn what_callers_make_can_be_called_by_its_arn() {
    on_runtime(async {
        let settings = Settings { provision_within: Duration::ZERO, speed: 1_000.0, ..Settings::default() };
        let server = start(settings).await.expect("it starts");
        let haiku = "anthropic.claude-3-haiku-20240307-v1:0";
        let arn = |model: &str| format!("arn:aws:bedrock:us-east-1::foundation-model/{model}");
        let profile = json!({ "inferenceProfileName": "mine", "modelSource": { "copyFrom": arn(haiku) } });
        let profile = make(server.addr(), "/inference-profiles", profile).await;
        let bought = json!({ "provisionedModelName": "mine", "modelId": haiku, "modelUnits": 1 });
        let bought = make(server.addr(), "/provisioned-model-throughput", bought).await;
        let pair = json!([
            { "modelArn": arn("amazon.nova-lite-v1:0") },
            { "modelArn": arn("amazon.nova-micro-v1:0") },
        ]);
        let router = json!({
            "promptRouterName": "mine", "models": pair, "fallbackModel": pair[0],
            "routingCriteria": { "responseQualityDifference": 0 },
        });
        let router = make(server.addr(), "/prompt-routers", router).await;
        let converse = json!({ "messages": [{ "role": "user", "content": [{ "text": "Hello" }] }] });
        for (made, routed) in [
            (&profile["inferenceProfileArn"], false),
            (&bought["provisionedModelArn"], false),
            (&router["promptRouterArn"], true),
        ] {
            let segment = made.as_str().expect("an ARN").replace(':', "%3A").replace('/', "%2F");
            let answer = make(server.addr(), &format!("/model/{segment}/converse"), converse.clone()).await;
            assert_eq!(answer["output"]["message"]["role"], "assistant", "{answer}");
            let invoked = answer["trace"]["promptRouter"]["invokedModelId"].as_str();
            assert_eq!(invoked.is_some_and(|model| model.contains("amazon.nova-")), routed, "{answer}");
        }
        server.stop().await;
    });
}

#[test]
fn with_credentials_known_nobody_is_let_in_without_any() {
    on_runtime(async {
        let known = json!({ "api_keys": [{ "key": "ABSKZ29vZA==" }] });
        let credentials = serde_json::from_value(known).expect("credentials");
        let server = start(Settings { credentials, ..Settings::default() }).await.expect("it starts");
        for path in ["/model/us.amazon.nova-lite-v1%3A0/converse", "/prompt-routers", "/nothing"] {
            let response = ask(server.addr(), post(path, "{}")).await;
            assert_eq!(response.status(), 403, "{path}");
            assert_eq!(response.body(), r#"{"Message":"Authorization header is missing"}"#);
        }
        let mut known = post("/nothing", "{}");
        known.headers_mut().insert("authorization", "Bearer ABSKZ29vZA==".parse().expect("text"));
        assert_eq!(ask(server.addr(), known).await.status(), 404, "let in, and told that there is nothing");
        server.stop().await;
    });
}
