//! What calls leave behind: records in the group, points in the metrics, each at its time.

use serde_json::{Value, json};

use super::*;

const NOW: Millis = 1_764_547_200_000;
const ACCOUNT: &str = "111122223333";

fn ask(cloud: &mut CloudWatch, now: Millis, operation: &str, body: Value) -> Value {
    let body = body.as_object().expect("an object");
    cloud.logs(&Ask { now, account: ACCOUNT, region: "us-east-1", body }, operation).expect(operation)
}

fn messages(cloud: &mut CloudWatch, now: Millis) -> Vec<String> {
    let found = ask(cloud, now, "FilterLogEvents", json!({ "logGroupName": "bedrock" }));
    let events = found["events"].as_array().expect("a list");
    events.iter().map(|event| event["message"].as_str().expect("text").to_owned()).collect()
}

fn logging(bodies: bool) -> Logging {
    Logging { group: "bedrock".into(), bodies }
}

fn ended(at: Millis, outcome: Outcome) -> Ended {
    let model = format!("arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.m");
    Ended { account: ACCOUNT.into(), region: "us-east-1".into(), model, began: at - 500, at, outcome }
}

fn success() -> Outcome {
    Outcome::Success(Measured {
        latency_ms: 500.0,
        first_token_ms: Some(100.0),
        input: 10.0,
        output: 20.0,
        quota: 110.0,
        ..Measured::default()
    })
}

/// Count and sum of a metric, as far as it can be seen.
fn metric(cloud: &mut CloudWatch, name: &str, dimensions: Dimensions) -> Option<(f64, f64)> {
    let pairs = dimensions.pairs().iter().map(|(name, value)| json!({ "Name": name, "Value": value }));
    let seconds = NOW / 1_000;
    let body = json!({
        "Namespace": "AWS/Bedrock", "MetricName": name, "Dimensions": pairs.collect::<Vec<_>>(),
        "Period": 3_600, "StartTime": seconds - 7_200, "EndTime": seconds + 7_200, "Statistics": ["SampleCount", "Sum"],
    });
    let body = body.as_object().expect("an object");
    let ask = Ask { now: cloud.now, account: ACCOUNT, region: "us-east-1", body };
    let answer = cloud.metrics(&ask, "GetMetricStatistics").expect("statistics");
    let point = answer["Datapoints"].get(0)?;
    Some((point["SampleCount"].as_f64()?, point["Sum"].as_f64()?))
}

fn of_model(cloud: &mut CloudWatch, name: &str) -> Option<(f64, f64)> {
    metric(cloud, name, Dimensions::one("ModelId", "us.m"))
}

#[test]
fn a_record_comes_after_its_delay_with_the_time_of_its_call() {
    let mut cloud = CloudWatch::new(Settings { log_delay: 5_000, metric_delay: 0 });
    ask(&mut cloud, NOW, "CreateLogGroup", json!({ "logGroupName": "bedrock" }));
    cloud.greet(NOW, ACCOUNT, "us-east-1", "bedrock");
    let record = json!({ "requestId": "1", "input": { "inputBodyJson": {}, "inputTokenCount": 10 } });
    cloud.observe(ended(NOW + 1_000, success()), Some((&logging(true), &record)), Way::default());
    let first = "Permissions are correctly set for Amazon Bedrock logs.";
    assert_eq!(messages(&mut cloud, NOW + 5_999), [first]);
    assert_eq!(messages(&mut cloud, NOW + 6_000), [first.to_owned(), record.to_string()]);
    let found = ask(&mut cloud, NOW + 7_000, "FilterLogEvents", json!({ "logGroupName": "bedrock" }));
    let event = &found["events"][1];
    assert_eq!((&event["timestamp"], &event["ingestionTime"]), (&json!(NOW + 500), &json!(NOW + 6_000)));
    assert_eq!(event["logStreamName"], "aws/bedrock/modelinvocations");
}

#[test]
fn bodies_stay_out_of_records_where_the_account_does_not_want_them() {
    let mut cloud = CloudWatch::new(Settings::default());
    ask(&mut cloud, NOW, "CreateLogGroup", json!({ "logGroupName": "bedrock" }));
    let record = json!({ "output": { "outputBodyJson": { "a": 1 }, "outputTokenCount": 20 } });
    cloud.observe(ended(NOW, success()), Some((&logging(false), &record)), Way::default());
    assert_eq!(messages(&mut cloud, NOW), [r#"{"output":{"outputTokenCount":20}}"#]);
}

#[test]
fn each_outcome_counts_in_its_own_metric_alone() {
    let mut cloud = CloudWatch::new(Settings::default());
    let outcomes =
        [success(), Outcome::Throttled, Outcome::Throttled, Outcome::ClientError, Outcome::ServerError];
    for outcome in outcomes {
        cloud.observe(ended(NOW, outcome), None, Way::default());
    }
    cloud.advance(NOW);
    let table = [
        ("Invocations", Some((1.0, 1.0))),
        ("InvocationThrottles", Some((2.0, 2.0))),
        ("InvocationClientErrors", Some((1.0, 1.0))),
        ("InvocationServerErrors", Some((1.0, 1.0))),
        ("InvocationLatency", Some((1.0, 500.0))),
        ("TimeToFirstToken", Some((1.0, 100.0))),
        ("InputTokenCount", Some((1.0, 10.0))),
        ("OutputTokenCount", Some((1.0, 20.0))),
        ("EstimatedTPMQuotaUsage", Some((1.0, 110.0))),
        ("CacheReadInputTokens", None),
    ];
    for (name, expected) in table {
        assert_eq!(of_model(&mut cloud, name), expected, "{name}");
        assert_eq!(metric(&mut cloud, name, Dimensions::default()), expected, "{name}, of all models");
    }
}

#[test]
fn a_record_without_a_group_is_lost_and_counted() {
    let mut cloud = CloudWatch::new(Settings::default());
    cloud.observe(ended(NOW, success()), Some((&logging(true), &json!({}))), Way::default());
    cloud.advance(NOW);
    let all = Dimensions::one("ModelId", "Across all model IDs");
    assert_eq!(
        metric(&mut cloud, "ModelInvocationLogsCloudWatchDeliveryFailure", all.clone()),
        Some((1.0, 1.0))
    );
    assert_eq!(metric(&mut cloud, "ModelInvocationLogsCloudWatchDeliverySuccess", all), None);
}

#[test]
fn points_are_seen_after_their_delay_whoever_looks_when() {
    let settings = Settings { log_delay: 1_000, metric_delay: 60_000 };
    let run = |looks: &[Millis]| {
        let mut cloud = CloudWatch::new(settings);
        ask(&mut cloud, NOW, "CreateLogGroup", json!({ "logGroupName": "bedrock" }));
        let filter = json!({
            "logGroupName": "bedrock", "filterName": "f", "filterPattern": "{ $.n = * }",
            "metricTransformations": [{ "metricName": "m", "metricNamespace": "AWS/Bedrock", "metricValue": "$.n" }],
        });
        ask(&mut cloud, NOW, "PutMetricFilter", filter);
        cloud.observe(ended(NOW, success()), Some((&logging(true), &json!({ "n": 7 }))), Way::default());
        looks.iter().for_each(|look| cloud.advance(NOW + look));
        (of_model(&mut cloud, "Invocations"), metric(&mut cloud, "m", Dimensions::default()))
    };
    assert_eq!(run(&[59_999]), (None, None));
    assert_eq!(run(&[60_000]), (Some((1.0, 1.0)), None));
    assert_eq!(run(&[61_000]), (Some((1.0, 1.0)), Some((1.0, 7.0))));
    assert_eq!(run(&[10, 500, 30_000, 61_000]), run(&[61_000]), "no answer depends on who looked before");
}
