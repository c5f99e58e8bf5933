//! The AWS SDK for Rust, as its user has it, against the server on loopback. The sibling of `tests/conformance/`, where the
//! clients in other languages are.
//!
//! Each test speaks for rows of the table in `mock-bedrock/README.md`; `scripts/conformance` collects them.

mod failures;
mod operations;

use std::{fs::File, io::Write as _, time::Duration};

use aws_credential_types::Credentials;
use aws_sdk_bedrockruntime::{
    Client,
    config::{BehaviorVersion, Builder, Region, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
    primitives::Blob,
    types::{ContentBlock, ConversationRole, Message},
};
use aws_smithy_async::rt::sleep::{AsyncSleep, Sleep};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use richter_mock_bedrock::{
    dist::Sampler,
    server::{Running, Settings, start},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const MODEL: &str = "anthropic.claude-sonnet-4-6";
const PROFILE: &str = "us.anthropic.claude-sonnet-4-6";
const ON_DEMAND: &str = "anthropic.claude-3-haiku-20240307-v1:0";
/// Seconds of the engine in a real one, so that answers are given within the wink of an eye.
const SPEED: f64 = 20.0;

/// Runs a case against a server of its own, and notes that it holds for these rows.
#[track_caller]
fn case(rows: &[&str], test: impl AsyncFnOnce(&Mock)) {
    guarded(rows, Value::Null, test);
}

/// The same with a server that knows whom to let in.
fn guarded(rows: &[&str], credentials: Value, test: impl AsyncFnOnce(&Mock)) {
    let credentials = match credentials {
        Value::Null => Default::default(),
        known => serde_json::from_value(known).expect("credentials"),
    };
    let settings =
        Settings { speed: SPEED, output: Sampler::Constant(24.0), credentials, ..Settings::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mock = Mock(start(settings).await.expect("it starts"));
        test(&mock).await;
        mock.0.stop().await;
    });
    shown(rows);
}

/// A line for each row, where the environment says where to.
fn shown(rows: &[&str]) {
    let Some(path) = std::env::var_os("RICHTER_CONFORMANCE_SHOWN") else { return };
    let name = std::thread::current().name().unwrap_or_default().to_owned();
    let lines: String = rows.iter().map(|row| format!("{row}\t{name}\n")).collect();
    // One write, so that tests in other threads do not come between.
    let file = File::options().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(lines.as_bytes())).expect("the file can be written");
}

/// A server, and its own pages.
struct Mock(Running);

impl Mock {
    /// A client as its user makes it, but for one attempt.
    fn client(&self) -> Client {
        self.client_with(|config| config.retry_config(RetryConfig::disabled()))
    }

    fn client_with(&self, change: impl FnOnce(Builder) -> Builder) -> Client {
        let config = aws_sdk_bedrockruntime::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(self.0.base_url())
            .credentials_provider(Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .sleep_impl(aws_smithy_async::rt::sleep::TokioSleep::new());
        Client::from_conf(change(config).build())
    }

    /// One request without any SDK; the answer's body.
    async fn page(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(self.0.addr()).await.expect("it listens");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer in text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        assert!(head.starts_with("HTTP/1.1 20"), "{answer}");
        serde_json::from_str(body).expect("JSON")
    }

    /// Starts a fault of the scenario format, in place of the one before.
    async fn fault(&self, fault: Value) {
        self.page("POST", "/_richter/reset", Value::Null).await;
        self.page("POST", "/_richter/faults", json!({ "name": "case", "fault": fault })).await;
    }

    async fn failing(&self, kind: &str) {
        self.fault(json!({ "error_burst": { "errors": { kind: "100%" } } })).await;
    }

    /// How many requests of an operation have reached the server since the fault began.
    async fn requests(&self, operation: &str) -> u64 {
        let state = self.page("GET", "/_richter/state", Value::Null).await;
        let rows = state["counts"].as_array().expect("rows").iter();
        rows.filter(|row| row["operation"] == operation).filter_map(|row| row["count"].as_u64()).sum()
    }
}

/// Waits that take a part of their time, for retries whose waits are not what is tested.
#[derive(Debug)]
struct Hasty;

impl AsyncSleep for Hasty {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration / 50))
    }
}

fn hello() -> Message {
    let content = ContentBlock::Text("Say something.".into());
    Message::builder().role(ConversationRole::User).content(content).build().expect("a message")
}

fn blob(value: &Value) -> Blob {
    Blob::new(value.to_string())
}

fn claude() -> Value {
    json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 200,
        "messages": [{ "role": "user", "content": "Say something." }]
    })
}

/// What a client knows of a refusal.
#[derive(Debug, PartialEq)]
struct Refusal {
    code: String,
    status: u16,
    message: String,
}

fn refusal<E>(error: SdkError<E, HttpResponse>) -> Refusal
where
    E: ProvideErrorMetadata + RequestId + std::fmt::Debug,
{
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    let SdkError::ServiceError(service) = &error else { panic!("no refusal: {error:?}") };
    let meta = service.err().meta();
    assert!(service.err().request_id().is_some(), "a refusal has a request id: {meta:?}");
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    Refusal { code: text(meta.code()), status, message: text(meta.message()) }
}
