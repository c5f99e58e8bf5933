//! The lean client beside the SDK over real sockets: whatever a server does, the router must hear the same from both, since all
//! that it decides and records comes of that.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::atomic::Ordering,
    time::Duration,
};

use aws_sdk_bedrockruntime::{
    operation::{
        converse::ConverseInput, converse_stream::ConverseStreamInput, invoke_model::InvokeModelInput,
        invoke_model_with_response_stream::InvokeModelWithResponseStreamInput,
    },
    primitives::Blob,
};
use bytes::Bytes;
use richter_core::{
    event::AttemptResult,
    failure::{Failure, Phase, Timer},
    flight::Outcome,
    live::{AnswerStream, Carried, Hints, LeanCall, LeanRouter, Trail, Transport, Trust, lean_connector},
    request::{Api, Needs},
};
use richter_mock_bedrock::exception::{Exception, ExceptionKind};
use serde_json::{Value, json};

use super::{
    server::{Play, Server, builder, credentials, none, serve, usage},
    wire,
};

/// What became of one request, as the router heard it.
#[derive(Debug, PartialEq)]
struct Heard {
    parts: usize,
    attempts: Vec<Option<AttemptResult>>,
    outcome: Option<Outcome>,
}

impl Heard {
    fn of(parts: usize, trail: &Trail) -> Heard {
        let attempts = trail.attempts.iter().map(|tried| tried.ended.map(|(_, result)| result)).collect();
        Heard { parts, attempts, outcome: trail.end.map(|end| end.outcome) }
    }

    fn failure(&self) -> Option<Failure> {
        match self.attempts.last()? {
            Some(AttemptResult::Failed(failure)) => Some(*failure),
            _ => None,
        }
    }
}

fn strategy(timeouts: &Value) -> Value {
    json!({ "direct": { "target": "east", "timeouts": timeouts } })
}

async fn lean(server: &Server, timeouts: &Value) -> LeanRouter {
    let builder = builder(server, strategy(timeouts)).on_demand("east", "us-east-1", "anthropic.m-v1:0");
    let connector = |connect| lean_connector(&Trust::System, connect);
    let routers = builder.build_each_lean(vec![credentials()], connector).await;
    routers.expect("a router").remove(0)
}

fn call(api: Api) -> LeanCall {
    LeanCall { api, body: Bytes::from_static(b"{}"), max_tokens: None, needs: Needs::NONE }
}

async fn by_lean(router: &LeanRouter, api: Api) -> Heard {
    match router.send(call(api), &Hints::default()).await {
        Ok(Carried::Whole(answered)) => Heard::of(0, &answered.trail),
        Ok(Carried::Stream(stream)) => read(stream).await,
        Err(error) => Heard::of(0, error.trail()),
    }
}

async fn by_sdk(server: &Server, api: Api, timeouts: &Value) -> Heard {
    let router = builder(server, strategy(timeouts)).on_demand("east", "us-east-1", "anthropic.m-v1:0");
    let router = router.build().await.expect("a router");
    let body = Blob::new("{}");
    match api {
        Api::Converse => match router.converse(ConverseInput::builder()).await {
            Ok(answered) => Heard::of(0, &answered.trail),
            Err(error) => Heard::of(0, error.trail()),
        },
        Api::InvokeModel => match router.invoke_model(InvokeModelInput::builder().body(body)).await {
            Ok(answered) => Heard::of(0, &answered.trail),
            Err(error) => Heard::of(0, error.trail()),
        },
        Api::ConverseStream => match router.converse_stream(ConverseStreamInput::builder()).await {
            Ok(stream) => read(stream).await,
            Err(error) => Heard::of(0, error.trail()),
        },
        Api::InvokeModelWithResponseStream => {
            let input = InvokeModelWithResponseStreamInput::builder().body(body);
            match router.invoke_model_with_response_stream(input).await {
                Ok(stream) => read(stream).await,
                Err(error) => Heard::of(0, error.trail()),
            }
        }
    }
}

async fn read<T: Transport>(mut stream: AnswerStream<T>) -> Heard {
    let mut parts = 0;
    loop {
        match stream.recv().await {
            Ok(Some(_)) => parts += 1,
            Ok(None) => return Heard::of(parts, &stream.trail()),
            Err(error) => return Heard::of(parts, error.trail()),
        }
    }
}

/// What both heard; it must be one.
async fn both(api: Api, play: Play, timeouts: Value) -> Heard {
    let server = serve([play.clone(), play.clone()]).await;
    let sdk = by_sdk(&server, api, &timeouts).await;
    let lean = by_lean(&lean(&server, &timeouts).await, api).await;
    assert_eq!(lean, sdk, "lean and SDK differ: {api:?} {play:?}");
    let paths = server.paths.lock().expect("no test panics here");
    assert_eq!(paths[0], paths[1], "the same is called");
    lean
}

const APIS: [Api; 4] =
    [Api::Converse, Api::ConverseStream, Api::InvokeModel, Api::InvokeModelWithResponseStream];

const KINDS: [ExceptionKind; 12] = [
    ExceptionKind::AccessDeniedException,
    ExceptionKind::ConflictException,
    ExceptionKind::InternalServerException,
    ExceptionKind::ModelErrorException,
    ExceptionKind::ModelNotReadyException,
    ExceptionKind::ModelStreamErrorException,
    ExceptionKind::ModelTimeoutException,
    ExceptionKind::ResourceNotFoundException,
    ExceptionKind::ServiceQuotaExceededException,
    ExceptionKind::ServiceUnavailableException,
    ExceptionKind::ThrottlingException,
    ExceptionKind::ValidationException,
];

fn chunk(event: Value) -> Bytes {
    let bytes = aws_smithy_types::base64::encode(event.to_string());
    wire::frame("event", "chunk", &json!({ "bytes": bytes }))
}

#[tokio::test]
async fn whole_answers_are_the_same_to_the_router() {
    let answer = |body: Value| Play::Reply(200, None, body.to_string().into());
    let heard = both(Api::Converse, answer(wire::answer(usage())), none()).await;
    assert!(matches!(heard.outcome, Some(Outcome::Answered(used)) if used.input == 7 && used.output == 2));
    both(Api::Converse, answer(json!({})), none()).await;
    both(Api::Converse, Play::Reply(200, None, Bytes::new()), none()).await;
    both(Api::InvokeModel, Play::Reply(200, None, Bytes::new()), none()).await;
    both(Api::Converse, answer(json!({ "usage": { "inputTokens": null, "outputTokens": 3 } })), none()).await;
    both(Api::Converse, answer(json!({ "usage": null })), none()).await;
    both(Api::Converse, answer(json!({ "usage": { "inputTokens": 1 }, "stopReason": "new" })), none()).await;
    let cached = json!({ "usage": { "inputTokens": 1, "outputTokens": 2, "cacheReadInputTokens": 3, "cacheWriteInputTokens": 4 } });
    both(Api::Converse, answer(cached), none()).await;
    let claude = json!({ "usage": { "input_tokens": 7, "output_tokens": 9 } });
    both(Api::InvokeModel, answer(claude), none()).await;
    both(Api::InvokeModel, Play::Reply(200, None, "no JSON".into()), none()).await;
}

#[tokio::test]
async fn streams_are_the_same_to_the_router() {
    let delta = |delta: Value| {
        wire::frame("event", "contentBlockDelta", &json!({ "contentBlockIndex": 0, "delta": delta }))
    };
    let metrics = json!({ "inputTokenCount": 7, "outputTokenCount": 9 });
    let converse = vec![
        wire::start(),
        wire::content("a"),
        delta(json!({ "toolUse": { "input": "{}" } })),
        delta(json!({ "toolUse": {} })),
        delta(json!({ "reasoningContent": { "text": "hm" } })),
        wire::frame("event", "contentBlockStop", &json!({ "contentBlockIndex": 0 })),
        wire::frame("event", "somethingNew", &json!({})),
        wire::stop(),
        wire::metadata(usage()),
    ];
    let heard = both(Api::ConverseStream, Play::Stream(converse), none()).await;
    assert!(heard.parts == 9 && matches!(heard.outcome, Some(Outcome::Answered(_))), "{heard:?}");
    let invoke = vec![
        chunk(json!({ "type": "message_start" })),
        chunk(json!({ "type": "content_block_delta", "delta": { "text": "a" } })),
        chunk(json!({ "type": "message_stop", "amazon-bedrock-invocationMetrics": metrics })),
    ];
    let heard = both(Api::InvokeModelWithResponseStream, Play::Stream(invoke), none()).await;
    assert!(heard.parts == 3 && matches!(heard.outcome, Some(Outcome::Answered(_))), "{heard:?}");
}

#[tokio::test]
async fn errors_are_the_same_to_the_router() {
    for api in APIS {
        for kind in &KINDS {
            let exception = Exception::usual(*kind);
            let body = wire::error_body(&exception).to_string();
            let play = Play::Reply(kind.status(), Some(kind.name()), body.into());
            let heard = both(api, play, none()).await;
            assert!(heard.failure().is_some(), "{api:?} {kind:?}");
        }
    }
    let odd: [(u16, Option<&str>, &str); 9] = [
        (429, None, r#"{"message":"Too many tokens, please wait before trying again."}"#),
        (429, None, r#"{"__type":"com.amazon#ThrottlingException","Message":"slow"}"#),
        (429, Some("ThrottlingException:http://internal/"), "{}"),
        (503, Some("ServiceUnavailableException"), ""),
        (503, None, "<html>bad gateway</html>"),
        (500, Some("ThrottlingException"), "<html>"),
        (424, Some("ModelErrorException"), r#"{"message":"x","originalStatusCode":429}"#),
        (404, None, "[]"),
        (302, None, ""),
    ];
    for (status, name, body) in odd {
        both(Api::Converse, Play::Reply(status, name, body.into()), none()).await;
    }
}

#[tokio::test]
async fn streams_that_break_are_the_same_to_the_router() {
    let exceptions = KINDS.iter().map(|kind| wire::exception(&Exception::usual(*kind)));
    let named = ["throttlingException", "modelTimeoutException", "somethingNew"]
        .map(|name| wire::frame("exception", name, &json!({ "message": "x", "originalStatusCode": 503 })));
    let whole = wire::content("b");
    let mut damaged = whole.to_vec();
    damaged[20] ^= 1;
    let broken = [
        whole.slice(..whole.len() / 2),
        whole.slice(..7),
        damaged.into(),
        wire::frame("error", "x", &json!({})),
        wire::frame("event", "contentBlockDelta", &json!("no object")),
        wire::frame("event", "messageStart", &json!("no object")),
        wire::frame("event", "messageStop", &json!(null)),
        Bytes::new(),
    ];
    for breaks in exceptions.chain(named).chain(broken) {
        let seen = vec![wire::start(), wire::content("a"), breaks.clone()];
        let heard = both(Api::ConverseStream, Play::Stream(seen), none()).await;
        assert!(heard.failure().is_some(), "{breaks:?}");
        both(Api::ConverseStream, Play::Stream(vec![wire::start(), breaks.clone()]), none()).await;
        let first = chunk(json!({ "type": "content_block_delta", "delta": { "text": "a" } }));
        both(Api::InvokeModelWithResponseStream, Play::Stream(vec![first, breaks]), none()).await;
    }
}

#[tokio::test]
async fn what_is_cut_off_or_never_comes_is_the_same_to_the_router() {
    let whole = wire::answer(usage()).to_string();
    let half: Bytes = whole[..whole.len() / 2].to_owned().into();
    let heard = both(Api::Converse, Play::Reply(200, None, half), none()).await;
    assert_eq!(heard.failure(), Some(Failure::StreamBroken));
    let silence = || Play::Silence(vec![wire::start(), wire::content("a")]);
    let heard = both(Api::ConverseStream, silence(), json!({ "idle": "50ms" })).await;
    assert_eq!(heard.failure(), Some(Failure::Timeout(Timer::Idle)));
    // A reserved address where nobody answers, or this network says at once that it leads nowhere.
    let server = serve([]).await;
    server.task.abort();
    let limits = json!({ "connect": "50ms" });
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let router = lean(&server, &limits).await;
    // Until the listener is gone, a connection may still be accepted and then dropped.
    for _ in 0..20 {
        ours.push(by_lean(&router, Api::Converse).await.failure());
        theirs.push(by_sdk(&server, Api::Converse, &limits).await.failure());
    }
    assert_eq!(ours.last(), Some(&Some(Failure::Transport(Phase::Connect))), "{ours:?}");
    assert_eq!(ours.last(), theirs.last());
}

/// Answers each connection once, each time with these bytes, and closes it without a word.
fn abrupt(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    std::thread::spawn(move || {
        // As many as the test makes, and no more.
        for socket in listener.incoming().take(8) {
            let Ok(mut socket) = socket else { return };
            let _ = socket.read(&mut [0; 65_536]);
            let _ = socket.write_all(answer.as_bytes());
        }
    });
    url
}

#[tokio::test]
async fn connections_that_break_are_the_same_to_the_router() {
    let table = [
        // Closed in place of an answer.
        ("", Failure::Transport(Phase::Await)),
        // In the middle of its head, of a whole answer, of a stream.
        ("HTTP/1.1 200 OK\r\ncontent-", Failure::Transport(Phase::Await)),
        ("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"usage\":", Failure::StreamBroken),
    ];
    for (answer, failure) in table {
        let mut server = serve([]).await;
        server.endpoint = abrupt(answer);
        let sdk = by_sdk(&server, Api::Converse, &none()).await;
        let lean = by_lean(&lean(&server, &none()).await, Api::Converse).await;
        assert_eq!((lean.failure(), &lean), (Some(failure), &sdk), "{answer}");
    }
    let mut server = serve([]).await;
    server.endpoint = abrupt("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc");
    let sdk = by_sdk(&server, Api::ConverseStream, &none()).await;
    let lean = by_lean(&lean(&server, &none()).await, Api::ConverseStream).await;
    assert!(lean.failure().is_some());
    assert_eq!(lean, sdk);
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other_and_one_that_was_closed_costs_nothing() {
    let answer = || Play::Reply(200, None, wire::answer(usage()).to_string().into());
    let server = serve([answer(), answer(), answer()]).await;
    let router = lean(&server, &none()).await;
    for _ in 0..3 {
        assert_eq!(by_lean(&router, Api::Converse).await.failure(), None);
    }
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
    // This server closes each connection behind its answer, and says nothing of it.
    let mut server = serve([]).await;
    server.endpoint =
        abrupt("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    let router = lean(&server, &none()).await;
    for _ in 0..4 {
        assert_eq!(by_lean(&router, Api::Converse).await.failure(), None);
        // So that the end of the connection has come, or not: either way the next request must be answered.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_stream_that_its_caller_drops_closes_its_connection() {
    let open = || Play::Silence(vec![wire::start(), wire::content("a")]);
    let server = serve([open(), open()]).await;
    let router = lean(&server, &none()).await;
    for connections in 1..=2 {
        let began = router.send(call(Api::ConverseStream), &Hints::default()).await;
        assert!(matches!(began, Ok(Carried::Stream(_))));
        assert_eq!(router.shell().flying(), 1);
        drop(began);
        assert_eq!(router.shell().flying(), 0);
        assert_eq!(server.connections.load(Ordering::Relaxed), connections, "none is used again half-read");
    }
}
