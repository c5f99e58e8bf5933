//! Answers that break, callers that leave, and what can be changed while the server runs.

use serde_json::{Value, json};

use super::*;
use crate::world::WorldSpec;

pub(super) fn settings(extra: Value, per_token: &str) -> Settings {
    let mut world = json!({
        "regions": { "us-east-1": { "rtt": "0ms" } },
        "models": { "m": { "first_token": "1ms", "per_token": per_token, "max_output": 1000 } }
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        world[key] = value.clone();
    }
    let spec: WorldSpec = serde_json::from_value(world).expect("a world");
    let world = spec.resolve(&ways::all(&spec, Vec::new())).expect("no problems");
    Settings { world, output: Sampler::Constant(10.0), ..Settings::default() }
}

pub(super) const MESSAGE: &str = r#"{"messages":[{"role":"user","content":[{"text":"hello"}]}]}"#;

pub(super) async fn admin(server: &Running, method: &str, path: &str, body: Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder().method(method).uri(format!("/_richter/{path}")).header("host", "x");
    let response = ask(server.addr(), request.body(Full::new(body.into())).expect("a request")).await;
    (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or_default())
}

pub(super) async fn state(server: &Running) -> Value {
    admin(server, "GET", "state", Value::Null).await.1
}

/// Sends one request on a connection of its own and reads until the end, or to the error.
async fn raw(server: &Running, verb: &str) -> (Vec<u8>, bool) {
    let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
    let head =
        format!("POST /model/m/{verb} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", MESSAGE.len());
    stream.write_all((head + MESSAGE).as_bytes()).await.expect("sent");
    let mut read = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => return (read, false),
            Ok(count) => read.extend_from_slice(&buffer[..count]),
            Err(_) => return (read, true),
        }
        if read.ends_with(b"\r\n0\r\n\r\n") {
            return (read, false);
        }
    }
}

pub(super) fn contains(bytes: &[u8], text: &str) -> bool {
    text.is_empty() || bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_stream_breaks_the_way_its_fault_says() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        // (fault, whether the connection is reset, what is there, what is not)
        let table = [
            (json!({ "eof_mid_stream": { "after": 3 } }), false, "contentBlockDelta", "messageStop"),
            (json!({ "reset_mid_stream": { "after": 3 } }), true, "contentBlockDelta", "messageStop"),
            (
                json!({ "exception_mid_stream": { "error": "ThrottlingException", "after": 3 } }),
                false,
                "throttlingException",
                "messageStop",
            ),
        ];
        for (fault, reset, there, missing) in table {
            let (status, said) =
                admin(&server, "POST", "faults", json!({ "name": "f", "fault": fault })).await;
            assert_eq!(status, 200, "{said}");
            let (bytes, was_reset) = raw(&server, "converse-stream").await;
            assert_eq!(was_reset, reset, "{fault}");
            assert!(
                contains(&bytes, there) && !contains(&bytes, missing),
                "{fault}: {}",
                String::from_utf8_lossy(&bytes)
            );
        }
        assert_eq!(admin(&server, "DELETE", "faults/f", Value::Null).await.0, 200);
        assert_eq!(admin(&server, "DELETE", "faults/f", Value::Null).await.0, 404);
        let (bytes, _) = raw(&server, "converse-stream").await;
        assert!(contains(&bytes, "messageStop"), "the fault is gone");
        server.stop().await;
    });
}

#[test]
fn a_refused_connection_is_reset_before_any_answer() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        let fault = json!({ "name": "f", "fault": { "connect_refused": {} } });
        assert_eq!(admin(&server, "POST", "faults", fault).await.0, 200);
        assert_eq!(raw(&server, "converse").await, (Vec::new(), true));
        server.stop().await;
    });
}

#[test]
fn a_caller_who_leaves_gives_back_what_the_world_says() {
    on_runtime(async {
        let quotas = json!({ "quotas": { "on_demand": { "us-east-1": { "tokens": "5000/min" } } }, "abandoned_work": "stops" });
        let server = start(settings(quotas, "10s")).await.expect("it starts");
        let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
        let head = format!(
            "POST /model/m/converse-stream HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
            MESSAGE.len()
        );
        stream.write_all((head + MESSAGE).as_bytes()).await.expect("sent");
        let mut one = [0; 1];
        stream.read_exact(&mut one).await.expect("the head");
        assert_eq!(state(&server).await["open_answers"], 1);
        drop(stream);
        let mut left = state(&server).await;
        for _ in 0..1000 {
            if left["open_answers"] == 0 {
                break;
            }
            tokio::task::yield_now().await;
            left = state(&server).await;
        }
        assert_eq!(left["open_answers"], 0);
        let tokens = left["pools"][0]["tokens_left"].as_f64().expect("a token quota");
        assert!(tokens > 4_990.0, "{left}");
        server.stop().await;
    });
}

#[test]
fn quotas_change_and_everything_is_reset_while_it_runs() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        let message = || post("/model/m/converse", MESSAGE);
        let quota = json!({ "pool": "on_demand us-east-1 m", "requests": 1 });
        let (status, said) = admin(&server, "POST", "quota", quota).await;
        assert_eq!(status, 200, "{said}");
        assert_eq!(ask(server.addr(), message()).await.status(), 200);
        assert_eq!(ask(server.addr(), message()).await.status(), 429);
        let counts = state(&server).await["counts"].clone();
        assert_eq!(counts.as_array().map(Vec::len), Some(2), "{counts}");
        let (status, said) = admin(&server, "POST", "quota", json!({ "pool": "nobody's" })).await;
        assert!(
            status == 404
                && said["error"].as_str().is_some_and(|text| text.contains("on_demand us-east-1 m"))
        );
        let (_, said) = admin(&server, "POST", "reset", Value::Null).await;
        assert_eq!((&said["counts"], &said["records"]["written"]), (&json!([]), &json!(0)));
        for _ in 0..3 {
            assert_eq!(ask(server.addr(), message()).await.status(), 200, "the quota is as written again");
        }
        server.stop().await;
    });
}

#[test]
fn time_that_waits_for_a_signal_begins_with_it() {
    on_runtime(async {
        let start_by = StartBy::Signal;
        let server =
            start(Settings { start: start_by, ..settings(json!({}), "0ms") }).await.expect("it starts");
        assert_eq!(ask(server.addr(), post("/model/m/converse", MESSAGE)).await.status(), 200);
        assert_eq!(state(&server).await["clock"]["runs"], false);
        let (_, said) = admin(&server, "POST", "begin", Value::Null).await;
        assert_eq!(said["clock"]["runs"], true);
        server.stop().await;
    });
}

#[test]
fn whoever_proves_nothing_is_turned_away_where_callers_are_known() {
    on_runtime(async {
        let credentials = json!({ "api_keys": [{ "key": "ABSKkey" }] });
        let credentials = serde_json::from_value(credentials).expect("credentials");
        let server = start(Settings { credentials, ..settings(json!({}), "0ms") }).await.expect("it starts");
        let refused = ask(server.addr(), post("/model/m/converse", MESSAGE)).await;
        assert_eq!(refused.status(), 403);
        let mut keyed = post("/model/m/converse", MESSAGE);
        keyed.headers_mut().insert("authorization", "Bearer ABSKkey".parse().expect("a value"));
        assert_eq!(ask(server.addr(), keyed).await.status(), 200);
        server.stop().await;
    });
}

#[test]
fn garbage_is_answered_or_closed_and_the_server_goes_on() {
    on_runtime(async {
        let server = start(settings(json!({}), "0ms")).await.expect("it starts");
        let bodies =
            ["", "{", "null", "[]", "\"x\"", "{\"messages\":null}", "\u{0}", "{\"messages\":[{\"role\":1}]}"];
        let verbs = ["converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens"];
        for verb in verbs {
            for body in bodies {
                let response = ask(server.addr(), post(&format!("/model/m/{verb}"), body)).await;
                assert_eq!(response.status(), 400, "{verb} {body:?}");
            }
        }
        for bytes in [
            &b"\x00\x01\x02\r\n\r\n"[..],
            b"GET\r\n\r\n",
            b"POST /model/%/converse HTTP/1.1\r\nhost: x\r\n\r\n",
        ] {
            let mut stream = TcpStream::connect(server.addr()).await.expect("it listens");
            stream.write_all(bytes).await.expect("sent");
            let mut answer = [0; 12];
            assert!(stream.read(&mut answer).await.is_ok());
        }
        assert_eq!(ask(server.addr(), post("/model/m/converse", MESSAGE)).await.status(), 200);
        server.stop().await;
    });
}
