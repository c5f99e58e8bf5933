use serde_json::json;

use super::*;
use crate::{
    engine::{Engine, Served},
    luck::Luck,
    world::{RouteId, RouteKind, WorldSpec},
};

fn recorded(world: Value) -> Engine {
    let spec: WorldSpec = serde_json::from_value(world).expect("a readable world");
    let routes = [(RouteKind::OnDemand, "us-east-1", "m"), (RouteKind::Profile, "us-east-1", "us.m")];
    let mut engine = Engine::new(spec.resolve(&routes).expect("a good world"), Vec::new(), Luck::new(1, 0));
    engine.record(RecordSettings {
        account_id: "111122223333".to_owned(),
        caller_arn: "arn:aws:iam::111122223333:user/alice".to_owned(),
        // 2025-12-17T01:09:56Z
        starts_at_unix_ms: 1_765_933_796_000,
        keep_max: 3,
    });
    engine
}

fn world() -> Value {
    json!({
        "regions": { "us-east-1": { "rtt": "20ms" } },
        "models": { "m": { "first_token": "100ms", "per_token": "10ms", "max_output": 1000 } },
        "quotas": { "on_demand": { "us-east-1": { "requests": "1/min" } } },
        "hop": "30ms"
    })
}

fn call(route: u16, request: u64) -> Call {
    Call {
        route: RouteId(route),
        operation: Operation::ConverseStream,
        request,
        attempt: 0,
        input_tokens: 100,
        cache_read: 7,
        cache_write: 5,
        prefix: None,
        max_tokens: Some(20),
        output_tokens: 51,
        tenant: 0,
        connect_within: None,
    }
}

fn drained(engine: &mut Engine) -> Vec<String> {
    let log = engine.records().expect("a log is attached");
    let shape = |mut record: InvocationRecord| {
        assert_eq!(record.request_id.len(), 36);
        record.request_id = "ID".to_owned();
        serde_json::to_string(&record).expect("a record is plain data")
    };
    log.drain().map(shape).collect()
}

#[test]
fn a_success_and_a_throttle_have_the_shapes_that_the_service_writes() {
    let mut engine = recorded(world());
    let Served::Answer(answer) = engine.call(1_500_000_000, &call(0, 1)) else { panic!("admitted") };
    engine.call(2_000_000_000, &call(0, 2));
    engine.finish(answer.last_at, answer.call);
    let records = drained(&mut engine);
    assert_eq!(
        records[0],
        r#"{"timestamp":"2025-12-17T01:09:58Z","accountId":"111122223333","region":"us-east-1","requestId":"ID","operation":"ConverseStream","modelId":"m","identity":{"arn":"arn:aws:iam::111122223333:user/alice"},"errorCode":"ThrottlingException","schemaType":"ModelInvocationLog","schemaVersion":"1.0"}"#
    );
    assert_eq!(
        records[1],
        r#"{"timestamp":"2025-12-17T01:09:57Z","accountId":"111122223333","region":"us-east-1","requestId":"ID","operation":"ConverseStream","modelId":"m","identity":{"arn":"arn:aws:iam::111122223333:user/alice"},"input":{"inputContentType":"application/json","inputTokenCount":100,"cacheReadInputTokenCount":7,"cacheWriteInputTokenCount":5},"output":{"outputContentType":"application/json","outputBodyJson":{"metrics":{"latencyMs":310},"output":{"message":{"content":[],"role":"assistant"}},"stopReason":"max_tokens","usage":{"cacheReadInputTokens":7,"cacheWriteInputTokens":5,"inputTokens":100,"outputTokens":20,"totalTokens":120}},"outputTokenCount":20},"schemaType":"ModelInvocationLog","schemaVersion":"1.0"}"#
    );
}

#[test]
fn the_serving_region_is_named_only_for_profile_calls_that_went_elsewhere_unless_asked() {
    // (log_source_region, capacity at the source, the second call's inferenceRegion)
    let table = [
        (false, json!({}), None),
        (true, json!({}), Some("us-east-1")),
        (false, json!({ "us-east-1": { "concurrent": 1 } }), Some("us-east-2")),
    ];
    for (always, capacity, serving) in table {
        let mut world = world();
        world["log_source_region"] = json!(always);
        world["capacity"] = capacity;
        let mut engine = recorded(world);
        let mut ids = Vec::new();
        for (route, request) in [(0, 1), (1, 2)] {
            let Served::Answer(answer) = engine.call(0, &call(route, request)) else { panic!("admitted") };
            ids.push(answer);
        }
        for answer in &ids {
            engine.finish(answer.last_at, answer.call);
        }
        let records: Vec<InvocationRecord> = engine.records().expect("a log").drain().collect();
        assert_eq!(records[0].inference_region, None, "an on-demand call never has it");
        assert_eq!(records[1].inference_region.as_deref(), serving);
    }
}

#[test]
fn a_full_log_counts_what_it_drops() {
    let mut engine = recorded(world());
    for request in 0..6 {
        engine.call(0, &call(0, request));
    }
    let log = engine.records().expect("a log");
    assert_eq!((log.drain().count(), log.dropped()), (3, 2), "five throttles, room for three");
}

#[test]
fn every_attempt_has_an_id_of_its_own_and_a_seed_always_the_same() {
    let draws = Luck::new(1, 0).stream(crate::luck::Stream::Routing);
    let id = |request, attempt| request_id(draws, &Call { attempt, ..call(0, request) });
    assert_eq!(id(1, 0), id(1, 0));
    assert_ne!(id(1, 0), id(1, 1));
    assert_ne!(id(1, 0), id(2, 0));
    let parts: Vec<usize> = id(1, 0).split('-').map(str::len).collect();
    assert_eq!((parts, &id(1, 0)[14..15]), (vec![8, 4, 4, 4, 12], "4"));
}

#[test]
fn unix_seconds_become_civil_dates() {
    let table = [
        (0, "1970-01-01T00:00:00Z"),
        (951_782_400, "2000-02-29T00:00:00Z"),
        (1_765_933_796, "2025-12-17T01:09:56Z"),
        (4_102_444_799, "2099-12-31T23:59:59Z"),
    ];
    for (seconds, text) in table {
        assert_eq!(rfc3339(seconds), text);
    }
}
