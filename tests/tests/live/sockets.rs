//! The live router over real sockets, where a server answers as Bedrock does, and as it should not.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_sdk_bedrockruntime::{
    error::{ProvideErrorMetadata, SdkError},
    operation::{converse::ConverseInput, converse_stream::ConverseStreamInput},
    types::error::ConverseStreamOutputError,
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
};
use aws_smithy_types::{body::SdkBody, event_stream::RawMessage};
use richter_core::{
    failure::{Failure, Phase, Timer},
    live::{Builder, ConverseAnswer, RouteError, Router},
    target::{External, TargetSpec},
};
use richter_mock_bedrock::exception::{Exception, ExceptionKind};

use super::{
    server::{Play, Server, builder, credentials, none, serve, usage},
    wire,
};

async fn router(server: &Server, timeouts: serde_json::Value) -> Router {
    let strategy = serde_json::json!({ "direct": { "target": "east", "timeouts": timeouts } });
    let router = builder(server, strategy).on_demand("east", "us-east-1", "anthropic.m-v1:0");
    router.build().await.expect("a router")
}

async fn stream(plays: Vec<Play>, timeouts: serde_json::Value) -> Result<ConverseAnswer, RouteError> {
    let server = serve(plays).await;
    let answer = router(&server, timeouts).await.converse_stream(ConverseStreamInput::builder()).await;
    // The server goes on for as long as its connections do.
    std::mem::forget(server);
    answer
}

/// Reads to the end; how many events came, and how it ended.
async fn read(mut answer: ConverseAnswer) -> (usize, Result<(), RouteError>) {
    let mut events = 0;
    loop {
        match answer.recv().await {
            Ok(Some(_)) => events += 1,
            Ok(None) => return (events, Ok(())),
            Err(error) => return (events, Err(error)),
        }
    }
}

#[tokio::test]
async fn a_whole_stream_is_an_answer() {
    let events =
        vec![wire::start(), wire::content("a"), wire::content("b"), wire::stop(), wire::metadata(usage())];
    let answer = stream(vec![Play::Stream(events)], none()).await.expect("content came");
    let (events, ended) = read(answer).await;
    assert_eq!((events, ended.is_ok()), (5, true));
}

/// The service's own addresses, without a socket: what was asked of them.
#[derive(Debug, Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl HttpConnector for Asked {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let signed = if request.headers().get("authorization").is_some() { "signed" } else { "bare" };
        let asked = format!("{signed} {} {}", request.method(), request.uri());
        self.0.lock().expect("no test panics here").push(asked);
        let body = match request.method() {
            "POST" => SdkBody::from(wire::Language::Converse.answer(usage()).to_string()),
            _ => SdkBody::from("{}"),
        };
        let status: u16 = if request.method() == "POST" { 200 } else { 404 };
        let response = HttpResponse::new(status.try_into().expect("a status"), body);
        HttpConnectorFuture::ready(Ok(response))
    }
}

#[tokio::test]
async fn a_warm_router_has_knocked_at_each_region_before_the_first_request() {
    let asked = Asked::default();
    let connector = SharedHttpConnector::new(asked.clone());
    let config = credentials().into_builder();
    let config = config.http_client(http_client_fn(move |_, _| connector.clone())).build();
    let limits = serde_json::json!({ "connect": "2s" });
    let strategy =
        serde_json::json!({ "ordered": { "targets": ["east", "again", "west"], "timeouts": limits } });
    let builder = || {
        Router::builder()
            .strategy(serde_json::from_value(strategy.clone()).expect("a strategy"))
            .sdk_config(config.clone())
            .on_demand("east", "us-east-1", "anthropic.m-v1:0")
            .on_demand("again", "us-east-1", "anthropic.n-v1:0")
            .on_demand("west", "us-west-2", "anthropic.m-v1:0")
            .on_demand("unused", "eu-west-1", "anthropic.m-v1:0")
    };
    let taken = || std::mem::take(&mut *asked.0.lock().expect("no test panics here"));
    let router = builder().build().await.expect("a router");
    router.warm().await;
    let url = |region: &str| format!("https://bedrock-runtime.{region}.amazonaws.com/");
    let both = ["us-east-1", "us-west-2"].map(|region| format!("signed GET {}", url(region)));
    let sorted = |mut knocks: Vec<String>| {
        knocks.sort();
        knocks
    };
    assert_eq!(sorted(taken()), both);
    router.converse(ConverseInput::builder()).await.expect("an answer");
    assert_eq!(taken(), [format!("signed POST {}model/anthropic.m-v1%3A0/converse", url("us-east-1"))]);

    let lean = |builder: Builder| {
        let connector = SharedHttpConnector::new(asked.clone());
        builder.build_each_lean(vec![credentials()], move |_| connector.clone())
    };
    let router = lean(builder()).await.expect("a router").remove(0);
    router.warm().await;
    assert_eq!(sorted(taken()), both);

    let near = || builder().endpoint_url("http://127.0.0.1:9");
    near().build().await.expect("a router").warm().await;
    lean(near()).await.expect("a router").remove(0).warm().await;
    assert!(taken().is_empty(), "an address that was given by hand is left alone");
}

#[tokio::test]
async fn an_exception_inside_a_stream_has_no_code_and_is_known_by_its_type() {
    let throttle = Exception::too_many_requests();
    let events = vec![wire::start(), wire::content("a"), wire::exception(&throttle)];
    let answer = stream(vec![Play::Stream(events)], none()).await.expect("content came");
    let (events, ended) = read(answer).await;
    let error = ended.expect_err("the stream broke");
    assert_eq!(events, 2);
    assert!(error.is_broken() && matches!(error.failure(), Failure::Throttle { .. }), "{error}");
    let source = error.into_source().expect("the SDK's error");
    let sdk: &SdkError<ConverseStreamOutputError, RawMessage> = source.downcast_ref().expect("of a stream");
    let sdk = sdk.as_service_error().expect("an exception");
    assert_eq!(sdk.code(), None, "the SDK has learnt to keep the code: the classifier may use it");
    assert!(matches!(sdk, ConverseStreamOutputError::ThrottlingException(_)));
}

#[tokio::test]
async fn an_exception_before_any_content_may_be_tried_elsewhere() {
    let throttle = Exception::too_many_requests();
    let broken = Play::Stream(vec![wire::start(), wire::exception(&throttle)]);
    let whole = Play::Stream(vec![wire::start(), wire::content("a"), wire::stop()]);
    let server = serve([broken, whole]).await;
    let strategy = serde_json::json!({ "ordered": { "targets": ["east", "west"] } });
    let router = builder(&server, strategy).on_demand("east", "us-east-1", "anthropic.m-v1:0").on_demand(
        "west",
        "us-west-2",
        "anthropic.m-v1:0",
    );
    let router = router.build().await.expect("a router");
    let answer = router.converse_stream(ConverseStreamInput::builder()).await.expect("west answers");
    let tried: Vec<String> = answer.trail().attempts.iter().map(|tried| tried.target.to_string()).collect();
    assert_eq!(tried, ["east", "west"]);
    assert_eq!(read(answer).await.0, 3, "what east sent before it broke is not seen");
}

#[tokio::test]
async fn a_stream_that_ends_cleanly_before_its_end_mark_is_broken() {
    let cut = vec![wire::start(), wire::content("a")];
    let (events, ended) = read(stream(vec![Play::Stream(cut)], none()).await.expect("content came")).await;
    let error = ended.expect_err("no SDK says so, but it is");
    assert_eq!((events, error.failure()), (2, Failure::StreamBroken));
    assert!(error.into_source().is_none(), "the SDK saw nothing wrong");
    let empty = stream(vec![Play::Stream(vec![wire::start()])], none()).await;
    assert_eq!(empty.expect_err("nothing came").failure(), Failure::StreamBroken);
}

#[tokio::test]
async fn a_frame_that_is_cut_in_half_is_a_broken_stream() {
    let whole = wire::content("b");
    let cut = vec![wire::start(), wire::content("a"), whole.slice(..whole.len() / 2)];
    let answer = stream(vec![Play::Stream(cut)], none()).await.expect("content came");
    assert_eq!(read(answer).await.1.expect_err("half a frame").failure(), Failure::StreamBroken);
}

#[tokio::test]
async fn silence_inside_a_stream_is_noticed_although_the_sdk_does_not() {
    let limits = serde_json::json!({ "idle": "50ms" });
    let events = vec![wire::start(), wire::content("a")];
    let answer = stream(vec![Play::Silence(events)], limits).await.expect("content came");
    let error = read(answer).await.1.expect_err("silence");
    assert_eq!(error.failure(), Failure::Timeout(Timer::Idle));
    let first = serde_json::json!({ "first_token": "50ms" });
    let silent = stream(vec![Play::Silence(vec![wire::start()])], first).await;
    assert_eq!(silent.expect_err("no content").failure(), Failure::Timeout(Timer::FirstToken));
}

#[tokio::test]
async fn errors_keep_their_meaning_through_the_sdk() {
    let kinds = [
        ExceptionKind::ThrottlingException,
        ExceptionKind::ServiceUnavailableException,
        ExceptionKind::ModelNotReadyException,
        ExceptionKind::ModelTimeoutException,
        ExceptionKind::ModelErrorException,
        ExceptionKind::InternalServerException,
        ExceptionKind::AccessDeniedException,
        ExceptionKind::ValidationException,
        ExceptionKind::ResourceNotFoundException,
        // Not among the errors of Converse: to the SDK it is unhandled, with a code.
        ExceptionKind::ServiceQuotaExceededException,
    ];
    let classes = [
        "throttle",
        "capacity",
        "capacity",
        "timeout",
        "server_fault",
        "server_fault",
        "access",
        "bad_request",
        "model_unavailable",
        "quota_hard",
    ];
    let plays = kinds.map(|kind| {
        let exception = Exception::usual(kind);
        let body = wire::error_body(&exception).to_string();
        Play::Reply(kind.status(), Some(kind.name()), body.into())
    });
    let server = serve(plays).await;
    let router = router(&server, none()).await;
    for (kind, class) in kinds.into_iter().zip(classes) {
        let error = router.converse(ConverseInput::builder()).await.expect_err("a refusal");
        assert_eq!(error.failure().class().name(), class, "{kind:?}");
        assert_eq!(error.trail().attempts.len(), 1, "the SDK below must not retry");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_answer() {
    let whole = wire::answer(usage()).to_string();
    let server = serve([Play::Reply(200, None, whole[..whole.len() / 2].to_owned().into())]).await;
    let error = router(&server, none()).await.converse(ConverseInput::builder()).await;
    assert_eq!(error.expect_err("half an answer").failure(), Failure::StreamBroken);
}

#[tokio::test]
async fn a_refused_connection_never_stood() {
    let server = serve([]).await;
    let router = router(&server, none()).await;
    server.task.abort();
    // Until the listener is gone, a connection may still be accepted and then dropped.
    let mut failures = Vec::new();
    for _ in 0..20 {
        let error = router.converse(ConverseInput::builder()).await.expect_err("nobody listens");
        failures.push(error.failure());
        if failures.last() == Some(&Failure::Transport(Phase::Connect)) {
            return;
        }
    }
    panic!("{failures:?}");
}

#[tokio::test]
async fn model_ids_are_encoded_in_the_path() {
    let arn = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl";
    let answer = || Play::Reply(200, None, wire::answer(usage()).to_string().into());
    let server = serve([answer(), answer()]).await;
    for (model, path) in [
        ("us.anthropic.m-v1:0", "/model/us.anthropic.m-v1%3A0/converse"),
        (
            arn,
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A111122223333%3Aprovisioned-model%2Fabcdefghijkl/converse",
        ),
    ] {
        let strategy = serde_json::json!({ "direct": { "target": "east" } });
        let router = builder(&server, strategy).on_demand("east", "us-east-1", model).build().await;
        let router = router.expect("a router");
        let input = ConverseInput::builder().model_id("whatever the caller wrote");
        router.converse(input).await.expect("an answer");
        assert_eq!(server.paths.lock().expect("no test panics here").last().map(String::as_str), Some(path));
    }
}

#[tokio::test]
async fn an_external_target_is_called_at_its_own_endpoint() {
    let answer = Play::Reply(200, None, wire::answer(usage()).to_string().into());
    let (mine, gateway) = (serve([]).await, serve([answer]).await);
    let strategy = serde_json::json!({ "direct": { "target": "gateway" } });
    let target = TargetSpec::External(External {
        endpoint: gateway.endpoint.clone(),
        region: "us-east-1".into(),
        model: "fast".into(),
        ..External::default()
    });
    let router = builder(&mine, strategy).target("gateway", target).build().await.expect("a router");
    router.converse(ConverseInput::builder()).await.expect("an answer");
    assert_eq!(*gateway.paths.lock().expect("no test panics here"), ["/model/fast/converse"]);
}

#[tokio::test]
async fn a_caller_who_drops_a_stream_leaves_nothing_behind() {
    let server = serve([Play::Silence(vec![wire::start(), wire::content("a")])]).await;
    let router = router(&server, none()).await;
    let answer = router.converse_stream(ConverseStreamInput::builder()).await.expect("content came");
    assert_eq!(router.shell().flying(), 1);
    drop(answer);
    assert_eq!(router.shell().flying(), 0);
}

#[tokio::test]
async fn a_caller_who_gives_up_before_any_content_leaves_nothing_behind() {
    let server = serve([Play::Silence(vec![wire::start()])]).await;
    let router = router(&server, none()).await;
    let call = router.converse_stream(ConverseStreamInput::builder());
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    assert_eq!(router.shell().flying(), 0);
}

/// What the environment says of proxies must not divert calls for this machine. The environment of a process
/// cannot be changed safely, so the test runs itself again with a proxy that leads nowhere.
#[test]
fn a_proxy_from_the_environment_does_not_divert_calls_for_this_machine() {
    const INSIDE: &str = "RICHTER_TEST_INSIDE_A_PROXY";
    if std::env::var_os(INSIDE).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let answer = Play::Reply(200, None, wire::answer(usage()).to_string().into());
            let server = serve([answer]).await;
            let router = router(&server, none()).await;
            router.converse(ConverseInput::builder()).await.expect("an answer without the proxy");
        });
        return;
    }
    let nowhere = "http://127.0.0.1:9";
    let test = "live::sockets::a_proxy_from_the_environment_does_not_divert_calls_for_this_machine";
    let outcome = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args([test, "--exact"])
        .env(INSIDE, "1")
        .envs([("HTTP_PROXY", nowhere), ("http_proxy", nowhere), ("ALL_PROXY", nowhere)])
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .expect("it runs");
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
    let told = String::from_utf8_lossy(&outcome.stdout);
    assert!(told.contains("1 passed"), "the test inside did not run: {told}");
}
