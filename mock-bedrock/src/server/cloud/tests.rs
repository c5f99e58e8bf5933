//! The forms of the two services, and what calls to models leave behind, over a real socket.

use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::*;
use crate::server::{Running, start};

fn on_runtime(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test);
}

async fn send(server: &Running, request: Request<Bytes>) -> Response<Bytes> {
    let stream = TcpStream::connect(server.addr()).await.expect("the server listens");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
    tokio::spawn(connection);
    let response = sender.send_request(request.map(Full::new)).await.expect("an answer");
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.expect("a whole body").to_bytes())
}

fn request(path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Bytes> {
    let mut request = Request::post(path).header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body.into()).expect("a request")
}

async fn logs(server: &Running, operation: &str, body: Value) -> (u16, Value) {
    let target = format!("Logs_20140328.{operation}");
    let kind = ("content-type", "application/x-amz-json-1.1");
    let response = send(server, request("/", &[("x-amz-target", &target), kind], body.to_string())).await;
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.1");
    (response.status().as_u16(), serde_json::from_slice(response.body()).expect("JSON"))
}

async fn put(server: &Running, path: &str, body: Value) -> u16 {
    let mut request = request(path, &[], body.to_string());
    *request.method_mut() = http::Method::PUT;
    send(server, request).await.status().as_u16()
}

fn config(group: &str) -> Value {
    let role = "arn:aws:iam::111122223333:role/logs";
    json!({ "loggingConfig": { "cloudWatchConfig": { "logGroupName": group, "roleArn": role }, "textDataDeliveryEnabled": false } })
}

async fn events(server: &Running, pattern: &str) -> Vec<Value> {
    let (_, found) =
        logs(server, "FilterLogEvents", json!({ "logGroupName": "bedrock", "filterPattern": pattern })).await;
    found["events"].as_array().expect("a list").clone()
}

async fn converse(server: &Running, model: &str) -> u16 {
    let body = json!({ "messages": [{ "role": "user", "content": [{ "text": "hello" }] }], "inferenceConfig": { "maxTokens": 10 } });
    send(server, request(&format!("/model/{model}/converse"), &[], body.to_string())).await.status().as_u16()
}

#[test]
fn records_reach_the_group_that_the_logging_names_and_only_while_it_does() {
    on_runtime(async {
        let settings = Settings { speed: 1_000.0, ..Settings::default() };
        let server = start(settings).await.expect("it starts");
        let target = "/logging/modelinvocations";
        assert_eq!(put(&server, target, config("bedrock")).await, 400, "there is no such group");
        assert_eq!(logs(&server, "CreateLogGroup", json!({ "logGroupName": "bedrock" })).await.0, 200);
        let model = "us.anthropic.claude-3-haiku-20240307-v1:0";
        assert_eq!(converse(&server, model).await, 200, "not yet logged");
        assert_eq!(put(&server, target, config("bedrock")).await, 200);
        assert_eq!(converse(&server, model).await, 200);
        let all = events(&server, "").await;
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!(all[0]["message"], "Permissions are correctly set for Amazon Bedrock logs.");
        assert_eq!(all[1]["logStreamName"], "aws/bedrock/modelinvocations");
        let record: Value = serde_json::from_str(all[1]["message"].as_str().expect("text")).expect("JSON");
        assert_eq!((&record["modelId"], &record["operation"]), (&json!(model), &json!("Converse")));
        assert_eq!(record["output"].get("outputBodyJson"), None, "bodies are off");
        assert_eq!(events(&server, r#"{ $.operation = "Converse" }"#).await.len(), 1);
        let mut off = request(target, &[], "");
        *off.method_mut() = http::Method::DELETE;
        assert_eq!(send(&server, off).await.status(), 200);
        assert_eq!(converse(&server, model).await, 200);
        assert_eq!(events(&server, "").await.len(), 2);
        server.stop().await;
    });
}

#[test]
fn times_in_logs_run_as_fast_as_the_engine_does() {
    on_runtime(async {
        let server = start(Settings { speed: 10_000.0, ..Settings::default() }).await.expect("it starts");
        logs(&server, "CreateLogGroup", json!({ "logGroupName": "one" })).await;
        // Each exchange takes some of the wall's time, and ten thousand times as much of the engine's.
        logs(&server, "CreateLogGroup", json!({ "logGroupName": "two" })).await;
        let (_, groups) = logs(&server, "DescribeLogGroups", json!({})).await;
        let made = |place: usize| groups["logGroups"][place]["creationTime"].as_i64().expect("a time");
        let now = server.site.when().unix_ms();
        assert!(made(0) < made(1) && made(1) < now, "{groups}");
        let wall = i64::try_from(server.site.clock.unix_s()).expect("a time") * 1_000;
        assert!(made(1) - wall < 24 * 3_600_000, "it began with the wall's time");
        server.stop().await;
    });
}

#[test]
fn refusals_have_the_form_of_their_protocol() {
    on_runtime(async {
        let server = start(Settings::default()).await.expect("it starts");
        let (status, body) = logs(&server, "DeleteLogGroup", json!({ "logGroupName": "x" })).await;
        let text = "The specified log group does not exist.";
        assert_eq!((status, body), (400, json!({ "__type": "ResourceNotFoundException", "message": text })));

        let target = ("x-amz-target", "GraniteServiceVersion20100801.Dance");
        let response = send(&server, request("/", &[target], "{}")).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (400, &"application/x-amz-json-1.0".parse().expect("text"))
        );

        let response =
            send(&server, request(&format!("{CBOR_PATH}Dance"), &[], cbor::write(&json!({})))).await;
        assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
        assert_eq!(cbor::read(response.body()).expect("CBOR")["__type"], "UnknownOperationException");

        for (encoding, body) in [("gzip", "no gzip"), ("br", "{}")] {
            let target = ("x-amz-target", "Logs_20140328.CreateLogGroup");
            let response = send(&server, request("/", &[target, ("content-encoding", encoding)], body)).await;
            let body: Value = serde_json::from_slice(response.body()).expect("JSON");
            assert_eq!(body["__type"], "SerializationException", "{encoding}");
        }
        server.stop().await;
    });
}
