//! What a mock of Bedrock most easily gets wrong, each point as a whole request over loopback.

use serde_json::{Value, json};

use super::*;
use crate::world::WorldSpec;

const CLAUDE: &str = "us.anthropic.claude-sonnet-4-6";

/// A model without chance and nearly without time, under every dialect's name.
fn quick(extra: Value) -> Settings {
    let model = json!({ "first_token": "1ms", "per_token": "0ms", "max_output": 100, "context": 1000, "burndown": 5 });
    let mut world = json!({
        "regions": { "us-east-1": { "rtt": "0ms" }, "us-west-2": { "rtt": "0ms" } },
        "models": {
            "anthropic.claude-sonnet-4-6": model,
            "amazon.nova-lite-v1:0": model,
            "meta.llama3-3-70b-instruct-v1:0": model
        }
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        world[key] = value.clone();
    }
    let spec: WorldSpec = serde_json::from_value(world).expect("a world");
    let world = spec.resolve(&ways::all(&spec, Vec::new())).expect("no problems");
    Settings { world, output: Sampler::Constant(6.0), ..Settings::default() }
}

fn said(text: &str) -> Value {
    json!([{ "role": "user", "content": [{ "text": text }] }])
}

fn to(model: &str, verb: &str) -> String {
    format!("/model/{}/{verb}", model.replace(':', "%3A").replace('/', "%2F"))
}

async fn converse(server: &Running, body: Value) -> Response<Bytes> {
    ask(server.addr(), post(&to(CLAUDE, "converse"), body.to_string())).await
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).expect("JSON")
}

/// Frames of a stream: the event's or exception's name and its payload.
fn frames(response: &Response<Bytes>) -> Vec<(String, Value)> {
    let mut rest = response.body().clone();
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let message = aws_smithy_eventstream::frame::read_message_from(&mut rest).expect("a whole frame");
        let name = message.headers()[0].value().as_string().expect("text").as_str().to_owned();
        frames.push((name, serde_json::from_slice(message.payload()).expect("JSON")));
    }
    frames
}

fn names(frames: &[(String, Value)]) -> Vec<&str> {
    frames.iter().map(|(name, _)| name.as_str()).collect()
}

/// The model's own events in a native stream.
fn chunks(frames: &[(String, Value)]) -> Vec<Value> {
    use base64::Engine as _;
    let decode = |payload: &Value| {
        let bytes = payload["bytes"].as_str().expect("a chunk has bytes");
        let bytes = base64::prelude::BASE64_STANDARD.decode(bytes).expect("base64");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    frames.iter().map(|(_, payload)| decode(payload)).collect()
}

/// Runs a test against a server.
fn with(settings: Settings, test: impl AsyncFnOnce(&Running)) {
    on_runtime(async {
        let server = start(settings).await.expect("it starts");
        test(&server).await;
        server.stop().await;
    });
}

fn claude(extra: Value) -> String {
    let mut body = json!({
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 50,
        "messages": [{ "role": "user", "content": "hello" }]
    });
    for (key, value) in extra.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body.to_string()
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

#[test]
fn point_02_converse_has_no_bedrock_headers_and_invoke_model_has() {
    with(quick(json!({})), async |server| {
        let whole = converse(server, json!({ "messages": said("hello") })).await;
        assert_eq!(whole.status(), 200);
        let bedrock = |name: &&str| name.starts_with("x-amzn-bedrock");
        assert_eq!(whole.headers().keys().map(http::HeaderName::as_str).find(bedrock), None);
        assert_eq!(header(&whole, "connection"), Some("keep-alive"));
        let native = ask(server.addr(), post(&to(CLAUDE, "invoke"), claude(json!({})))).await;
        assert_eq!(header(&native, "x-amzn-bedrock-input-token-count"), Some("2"));
        assert_eq!(header(&native, "x-amzn-bedrock-output-token-count"), Some("6"));
        assert!(header(&native, "x-amzn-bedrock-invocation-latency").is_some());
    });
}

#[test]
fn point_03_a_native_stream_counts_in_its_last_chunk_and_not_in_headers() {
    with(quick(json!({})), async |server| {
        let path = to(CLAUDE, "invoke-with-response-stream");
        let stream = ask(server.addr(), post(&path, claude(json!({})))).await;
        assert_eq!(header(&stream, "x-amzn-bedrock-content-type"), Some("application/json"));
        assert_eq!(header(&stream, "x-amzn-bedrock-output-token-count"), None);
        let frames = frames(&stream);
        assert!(names(&frames).iter().all(|name| *name == "chunk"), "{frames:?}");
        let last = chunks(&frames).pop().expect("chunks");
        assert_eq!(last["type"], "message_stop");
        assert_eq!(last["amazon-bedrock-invocationMetrics"]["outputTokenCount"], 6);
    });
}

#[test]
fn point_04_every_event_is_padded() {
    with(quick(json!({})), async |server| {
        for (verb, body) in [
            ("converse-stream", json!({ "messages": said("hello") }).to_string()),
            ("invoke-with-response-stream", claude(json!({}))),
        ] {
            let stream = ask(server.addr(), post(&to(CLAUDE, verb), body)).await;
            for (name, payload) in frames(&stream) {
                assert!(
                    payload["p"].as_str().is_some_and(|p| p.starts_with("ab")),
                    "{verb} {name}: {payload}"
                );
            }
        }
    });
}

#[test]
fn point_05_converse_stream_opens_no_block_for_text_and_one_for_a_tool() {
    with(quick(json!({})), async |server| {
        let path = to(CLAUDE, "converse-stream");
        let text = ask(server.addr(), post(&path, json!({ "messages": said("hello") }).to_string())).await;
        assert!(!names(&frames(&text)).contains(&"contentBlockStart"));
        let tools = json!({ "tools": [{ "toolSpec": { "name": "look", "inputSchema": { "json": { "type": "object" } } } }] });
        let tool = json!({ "messages": said("hello"), "toolConfig": tools }).to_string();
        let tool = frames(&ask(server.addr(), post(&path, tool)).await);
        let start = tool.iter().find(|(name, _)| name == "contentBlockStart").expect("a start");
        assert_eq!(start.1["start"]["toolUse"]["type"], "tool_use");
        assert_eq!(start.1["contentBlockIndex"], 1, "the text before it is block 0");
    });
}

#[test]
fn point_06_and_07_metadata_is_last_and_nothing_comes_before_message_start() {
    with(quick(json!({})), async |server| {
        let path = to(CLAUDE, "converse-stream");
        let stream = ask(server.addr(), post(&path, json!({ "messages": said("hello") }).to_string())).await;
        assert_eq!(header(&stream, "content-type"), Some("application/vnd.amazon.eventstream"));
        let frames = frames(&stream);
        let names = names(&frames);
        assert_eq!(names[0], "messageStart");
        assert_eq!(names[names.len() - 3..], ["contentBlockStop", "messageStop", "metadata"]);
        assert_eq!(frames[frames.len() - 1].1["usage"]["outputTokens"], 6);
    });
}

#[test]
fn point_12_invoke_model_needs_neither_content_type_nor_accept() {
    with(quick(json!({})), async |server| {
        let request = post(&to(CLAUDE, "invoke"), claude(json!({})));
        assert!(!request.headers().contains_key("content-type") && !request.headers().contains_key("accept"));
        assert_eq!(ask(server.addr(), request).await.status(), 200);
    });
}

#[test]
fn point_17_and_18_each_throttled_attempt_is_logged_without_input_output_or_serving_region() {
    let quotas = json!({ "quotas": { "profile": { "us-east-1": { "requests": "1/min" } } } });
    with(quick(quotas), async |server| {
        let message = json!({ "messages": said("hello") });
        assert_eq!(converse(server, message.clone()).await.status(), 200);
        for _ in 0..2 {
            let refused = converse(server, message.clone()).await;
            assert_eq!(refused.status(), 429);
            assert_eq!(body(&refused)["message"], "Too many requests, please wait before trying again.");
        }
        let records = server.records_since(0).records;
        let lines: Vec<Value> =
            records.iter().map(|record| serde_json::to_value(record).expect("JSON")).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        for line in lines.iter().filter(|line| line["errorCode"] == "ThrottlingException") {
            let absent = ["input", "output", "inferenceRegion"].map(|key| line.get(key).is_none());
            assert_eq!(absent, [true; 3], "{line}");
        }
        let ids: std::collections::BTreeSet<_> =
            lines.iter().map(|line| line["requestId"].to_string()).collect();
        assert_eq!(ids.len(), 3, "each attempt has its own id");
    });
}

#[test]
fn point_19_a_converse_stream_is_logged_merged_and_a_native_one_as_a_list() {
    with(quick(json!({})), async |server| {
        ask(
            server.addr(),
            post(&to(CLAUDE, "converse-stream"), json!({ "messages": said("hello") }).to_string()),
        )
        .await;
        ask(server.addr(), post(&to(CLAUDE, "invoke-with-response-stream"), claude(json!({})))).await;
        let records = server.records_since(0).records;
        let outputs: Vec<&Value> =
            records.iter().filter_map(|record| record.output.as_ref()?.output_body_json.as_ref()).collect();
        assert!(outputs[0]["output"]["message"]["content"][0]["text"].is_string(), "{}", outputs[0]);
        assert!(outputs[1].as_array().is_some_and(|events| events.len() > 4), "{}", outputs[1]);
        assert_eq!(
            records[0].input.as_ref().expect("input").input_body_json.as_ref().expect("body")["messages"],
            said("hello")
        );
    });
}

#[test]
fn point_20_input_tokens_are_the_uncached_part() {
    with(
        quick(json!({ "models": { "anthropic.claude-sonnet-4-6": {
        "first_token": "1ms", "per_token": "0ms", "max_output": 100
    } } })),
        async |server| {
            let content = json!([
                { "text": "x".repeat(8_000) }, { "cachePoint": { "type": "default" } }, { "text": "abcdefgh" }
            ]);
            let message = json!({ "messages": [{ "role": "user", "content": content }] });
            let usage = |response: &Response<Bytes>| body(response)["usage"].clone();
            let first = usage(&converse(server, message.clone()).await);
            assert_eq!(
                (&first["inputTokens"], &first["cacheWriteInputTokens"]),
                (&json!(2), &json!(2_000)),
                "{first}"
            );
            let second = usage(&converse(server, message).await);
            assert_eq!(
                (&second["inputTokens"], &second["cacheReadInputTokens"]),
                (&json!(2), &json!(2_000)),
                "{second}"
            );
        },
    );
}

#[test]
fn point_21_and_22_max_tokens_or_the_models_maximum_is_reserved_without_burndown() {
    // A prompt of 2 tokens: with 98 asked exactly the quota is reserved; unset, the model's 100 are.
    let quotas = json!({ "quotas": { "profile": { "us-east-1": { "tokens": "100/min" } } } });
    with(quick(quotas.clone()), async |server| {
        let asked = json!({ "messages": said("hello"), "inferenceConfig": { "maxTokens": 98 } });
        assert_eq!(converse(server, asked).await.status(), 200);
    });
    with(quick(quotas), async |server| {
        let refused = converse(server, json!({ "messages": said("hello") })).await;
        assert_eq!(body(&refused)["message"], "Too many tokens, please wait before trying again.");
    });
}

#[test]
fn point_23_requests_come_from_a_bucket_that_refills_continuously() {
    // 6 a minute at ten times the speed: one more each second.
    let quotas = json!({ "quotas": { "profile": { "us-east-1": { "requests": "6/min" } } } });
    with(Settings { speed: 1_000.0, ..quick(quotas) }, async |server| {
        let message = json!({ "messages": said("hello") });
        let mut admitted = 0;
        for _ in 0..200 {
            admitted += u32::from(converse(server, message.clone()).await.status() == 200);
        }
        assert!(admitted > 6, "{admitted}: no minute had to pass for the seventh");
    });
}

#[test]
fn point_24_and_25_what_a_profile_leads_to_depends_on_where_it_is_called() {
    let mut settings = quick(json!({}));
    settings.region = "us-west-2".to_owned();
    with(settings, async |server| {
        let here = ask(
            server.addr(),
            post(&to(CLAUDE, "converse"), json!({ "messages": said("hello") }).to_string()),
        )
        .await;
        assert_eq!(here.status(), 200);
        let europe = to("eu.anthropic.claude-sonnet-4-6", "converse");
        let refused =
            ask(server.addr(), post(&europe, json!({ "messages": said("hello") }).to_string())).await;
        assert_eq!(body(&refused)["message"], "The provided model identifier is invalid.");
    });
}

#[test]
fn point_26_an_answer_never_tells_which_region_served_it_and_the_record_does() {
    let capacity = json!({ "capacity": { "us-east-1": { "concurrent": 1, "refuse_above": 1.0 } }, "abandoned_work": "stops" });
    let mut settings = quick(capacity);
    settings.output = Sampler::Constant(6.0);
    with(settings, async |server| {
        let slow = json!({ "messages": said("hello") });
        let responses = tokio::join!(
            converse(server, slow.clone()),
            converse(server, slow.clone()),
            converse(server, slow)
        );
        for response in [&responses.0, &responses.1, &responses.2] {
            assert_eq!(response.status(), 200);
            let text = format!("{:?}{:?}", response.headers(), response.body());
            assert!(!text.contains("us-west-2") && !text.contains("us-east"), "{text}");
        }
        let elsewhere =
            server.records_since(0).records.iter().filter(|record| record.inference_region.is_some()).count();
        assert!(elsewhere >= 1, "one Region holds one answer");
    });
}

#[test]
fn point_29_one_port_serves_runtime_and_control_plane() {
    with(quick(json!({})), async |server| {
        assert_eq!(converse(server, json!({ "messages": said("hello") })).await.status(), 200);
        let get = Request::get("/inference-profiles").header("host", "x").body(Full::new(Bytes::new()));
        let profiles = ask(server.addr(), get.expect("a request")).await;
        assert_eq!(profiles.status(), 200);
        assert!(body(&profiles)["inferenceProfileSummaries"].as_array().is_some_and(|all| !all.is_empty()));
    });
}

#[test]
fn point_30_a_server_that_speaks_tls_says_so_in_its_url() {
    on_runtime(async {
        let server = start(Settings { tls: true, ..quick(json!({})) }).await.expect("it starts");
        assert!(server.base_url().starts_with("https://"));
        assert!(server.tls().is_some_and(|tls| tls.authority_pem().contains("BEGIN CERTIFICATE")));
        server.stop().await;
    });
}

#[test]
fn what_cannot_be_done_is_refused_in_bedrocks_words() {
    with(quick(json!({})), async |server| {
        let hello = || said("hello");
        let long = said(&"x".repeat(5_000));
        let image = json!([{ "role": "user", "content": [{ "image": { "format": "png", "source": { "bytes": "AA==" } } }] }]);
        let table = [
            (
                CLAUDE,
                json!({ "messages": hello(), "inferenceConfig": { "maxTokens": 101 } }),
                "exceed the model limit of 100",
            ),
            (
                CLAUDE,
                json!({ "messages": hello(), "inferenceConfig": { "maxTokens": 0 } }),
                "Value '0' at 'inferenceConfig.maxTokens'",
            ),
            (CLAUDE, json!({ "messages": long }), "Input is too long for requested model."),
            (CLAUDE, json!({ "messages": 5 }), "Malformed input request"),
            (
                CLAUDE,
                json!({ "messages": hello(), "performanceConfig": { "latency": "quick" } }),
                "[optimized, standard]",
            ),
            (
                CLAUDE,
                json!({ "messages": hello(), "performanceConfig": { "latency": "optimized" } }),
                "not supported for anthropic",
            ),
            (
                "us.meta.llama3-3-70b-instruct-v1:0",
                json!({ "messages": image }),
                "doesn't support the image field",
            ),
            ("no.such-model", json!({ "messages": hello() }), "The provided model identifier is invalid."),
        ];
        for (model, request, part) in table {
            let response = ask(server.addr(), post(&to(model, "converse"), request.to_string())).await;
            let text = body(&response)["message"].as_str().unwrap_or_default().to_owned();
            assert!(response.status() == 400 && text.contains(part), "{part}: {} {text}", response.status());
            assert!(
                header(&response, "x-amzn-errortype")
                    .is_some_and(|kind| kind.starts_with("ValidationException:"))
            );
        }
    });
}

#[test]
fn the_same_key_gets_the_same_answer_and_the_length_that_it_asks_for() {
    with(quick(json!({})), async |server| {
        let keyed = |request: &str, tokens: &str| {
            let metadata = json!({ "x-richter-request": request, "x-richter-output-tokens": tokens });
            json!({ "messages": said("hello"), "requestMetadata": metadata })
        };
        let text = async |request, tokens| {
            let answer = body(&converse(server, keyed(request, tokens)).await);
            assert_eq!(answer["usage"]["outputTokens"].to_string(), tokens);
            answer["output"]["message"]["content"][0]["text"].clone()
        };
        assert_eq!(text("7", "20").await, text("7", "20").await);
        assert_ne!(text("7", "20").await, text("8", "20").await);
    });
}
