//! Alarms in the course of time.

use serde_json::{Value, json};

use super::*;
use crate::cloudwatch::{Ask, CloudWatch, Settings};

const NOW: Millis = 1_764_547_200_000;
const MINUTE: Millis = 60_000;

/// The service, and the time that it is told.
struct Bench {
    cloud: CloudWatch,
    now: Millis,
}

impl Bench {
    fn new() -> Bench {
        Bench { cloud: CloudWatch::new(Settings::default()), now: NOW }
    }

    fn call(&mut self, operation: &str, body: &Value) -> Answer {
        let body = body.as_object().expect("an object");
        let ask = Ask { now: self.now, account: "111122223333", region: "us-east-1", body };
        self.cloud.metrics(&ask, operation)
    }

    fn ok(&mut self, operation: &str, body: &Value) -> Value {
        self.call(operation, body).unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    }

    /// An alarm when the sum of a minute is above 10.
    fn alarm(&mut self, more: Value) {
        let mut body = json!({
            "AlarmName": "a", "Namespace": "Test", "MetricName": "m", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 10, "ComparisonOperator": "GreaterThanThreshold",
        });
        body.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        self.ok("PutMetricAlarm", &body);
    }

    fn put(&mut self, metric: &str, value: f64) {
        let data = json!([{ "MetricName": metric, "Value": value, "Timestamp": self.now / 1_000 }]);
        self.ok("PutMetricData", &json!({ "Namespace": "Test", "MetricData": data }));
    }

    fn told(&mut self) -> Value {
        self.ok("DescribeAlarms", &json!({ "AlarmNames": ["a"] }))["MetricAlarms"][0].clone()
    }

    fn state(&mut self) -> String {
        self.told()["StateValue"].as_str().expect("a state").to_owned()
    }

    /// What the alarm says after each of these minutes, in each of which a value came or none.
    fn after(&mut self, minutes: &[Option<f64>]) -> Vec<String> {
        let minute = |value: &Option<f64>| {
            if let Some(value) = value {
                self.put("m", *value);
            }
            self.now += MINUTE;
            self.state()
        };
        minutes.iter().map(minute).collect()
    }
}

#[test]
fn an_alarm_changes_its_state_as_its_metric_does() {
    let mut bench = Bench::new();
    bench.alarm(json!({}));
    let told = bench.told();
    assert_eq!(
        (&told["StateValue"], &told["StateReason"]),
        (&json!("INSUFFICIENT_DATA"), &json!("Unchecked: Initial alarm creation"))
    );
    assert_eq!(bench.after(&[Some(5.0), Some(11.0), Some(12.0), Some(3.0)]), ["OK", "ALARM", "ALARM", "OK"]);
    let told = bench.told();
    let reason = "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (2025-12-01T00:03:00Z)] was not greater than the threshold (10.0).";
    assert_eq!(told["StateReason"], reason);
    assert_eq!(told["StateUpdatedTimestamp"], (NOW + 4 * MINUTE) as f64 / 1_000.0);
    assert_eq!(told["AlarmArn"], "arn:aws:cloudwatch:us-east-1:111122223333:alarm:a");
    let evidence: Value =
        serde_json::from_str(told["StateReasonData"].as_str().expect("text")).expect("JSON");
    assert_eq!((&evidence["threshold"], &evidence["recentDatapoints"]), (&json!(10.0), &json!([3.0])));
}

#[test]
fn nobody_has_to_look_for_an_alarm_to_change() {
    let mut bench = Bench::new();
    bench.alarm(json!({}));
    bench.put("m", 20.0);
    bench.now += 3 * MINUTE;
    bench.put("m", 1.0);
    bench.now += 10 * MINUTE;
    let told = bench.told();
    assert_eq!(told["StateValue"], "INSUFFICIENT_DATA");
    assert_eq!(told["StateTransitionedTimestamp"], (NOW + 6 * MINUTE + MINUTE) as f64 / 1_000.0);
}

/// A cross is a value that breaches, a zero one that does not, a dash none at all; newest last.
fn five(text: &str) -> Vec<Option<f64>> {
    let value = |c: char| match c {
        'X' => Some(99.0),
        '0' => Some(0.0),
        _ => None,
    };
    text.chars().map(value).collect()
}

#[test]
fn missing_data_is_treated_as_the_documentations_tables_say() {
    // Points, datapoints to alarm of three, and the state with data treated as missing, ignored, breaching, not breaching.
    // RETAIN is what was before.
    let table = [
        ("0-X-X", 3, ["OK", "OK", "OK", "OK"]),
        ("0----", 3, ["OK", "OK", "OK", "OK"]),
        ("-----", 3, ["INSUFFICIENT_DATA", "RETAIN", "ALARM", "OK"]),
        ("0XX-X", 3, ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("--X--", 3, ["ALARM", "RETAIN", "ALARM", "OK"]),
        ("0-X-X", 2, ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("00X0X", 2, ["ALARM", "ALARM", "ALARM", "ALARM"]),
        ("0-X--", 2, ["OK", "OK", "ALARM", "OK"]),
        ("----0", 2, ["OK", "OK", "ALARM", "OK"]),
        ("----X", 2, ["ALARM", "RETAIN", "ALARM", "OK"]),
    ];
    for (points, to_alarm, expected) in table {
        for (treatment, expected) in ["missing", "ignore", "breaching", "notBreaching"].iter().zip(expected) {
            let mut bench = Bench::new();
            for value in five(points) {
                if let Some(value) = value {
                    bench.put("m", value);
                }
                bench.now += MINUTE;
            }
            bench.now -= 1;
            bench.alarm(json!({ "EvaluationPeriods": 3, "DatapointsToAlarm": to_alarm, "TreatMissingData": treatment }));
            bench.now += 1;
            let retained = if expected == "RETAIN" { "INSUFFICIENT_DATA" } else { expected };
            assert_eq!(bench.state(), retained, "{points}, {to_alarm} of 3, {treatment}");
        }
    }
}

#[test]
fn an_alarm_on_metric_math_judges_the_line_that_returns_data() {
    let mut bench = Bench::new();
    let metric = |id: &str| {
        json!({ "Id": id, "ReturnData": false, "MetricStat": {
            "Metric": { "Namespace": "Test", "MetricName": id }, "Period": 60, "Stat": "Sum",
        } })
    };
    let share = json!({ "Id": "share", "Expression": "FILL(throttles, 0) / (calls + FILL(throttles, 0))", "ReturnData": true });
    let body = json!({
        "AlarmName": "a", "Metrics": [metric("calls"), metric("throttles"), share], "EvaluationPeriods": 1,
        "Threshold": 0.1, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    });
    bench.ok("PutMetricAlarm", &body);
    bench.put("calls", 90.0);
    bench.now += MINUTE;
    assert_eq!(bench.state(), "OK");
    bench.put("calls", 90.0);
    bench.put("throttles", 10.0);
    bench.now += MINUTE;
    assert_eq!(bench.state(), "ALARM");
    assert_eq!(bench.told()["Metrics"], body["Metrics"], "they come back as they were put");
}

#[test]
fn an_alarm_with_short_periods_judges_every_ten_seconds() {
    let mut bench = Bench::new();
    bench.alarm(json!({ "Period": 10 }));
    let data = json!([{ "MetricName": "m", "Value": 11, "StorageResolution": 1, "Timestamp": NOW / 1_000 }]);
    bench.ok("PutMetricData", &json!({ "Namespace": "Test", "MetricData": data }));
    bench.now += 10_000;
    assert_eq!(bench.state(), "ALARM");
}

#[test]
fn a_state_can_be_set_until_the_next_look() {
    let mut bench = Bench::new();
    bench.alarm(json!({}));
    bench.ok("SetAlarmState", &json!({ "AlarmName": "a", "StateValue": "ALARM", "StateReason": "a test" }));
    assert_eq!((bench.state(), bench.told()["StateReason"].clone()), ("ALARM".into(), json!("a test")));
    assert_eq!(bench.after(&[Some(1.0)]), ["OK"]);
}

#[test]
fn alarms_are_described_tagged_and_deleted_by_name() {
    let mut bench = Bench::new();
    for name in ["x-1", "x-2", "y"] {
        bench.alarm(json!({ "AlarmName": name, "Tags": [{ "Key": "made-by", "Value": "t" }] }));
    }
    let names = |answer: Value| -> Vec<String> {
        let all = answer["MetricAlarms"].as_array().expect("a list").clone();
        all.iter().map(|one| one["AlarmName"].as_str().expect("a name").to_owned()).collect()
    };
    let described = bench.ok("DescribeAlarms", &json!({ "AlarmNamePrefix": "x" }));
    assert_eq!(names(described), ["x-1", "x-2"]);
    let page = bench.ok("DescribeAlarms", &json!({ "MaxRecords": 2 }));
    let rest = bench.ok("DescribeAlarms", &json!({ "NextToken": page["NextToken"] }));
    assert_eq!((names(page).len(), names(rest)), (2, vec!["y".to_owned()]));
    assert!(names(bench.ok("DescribeAlarms", &json!({ "StateValue": "OK" }))).is_empty());
    let arn = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:y";
    let tags = bench.ok("ListTagsForResource", &json!({ "ResourceARN": arn }));
    assert_eq!(tags["Tags"], json!([{ "Key": "made-by", "Value": "t" }]));
    bench.ok("UntagResource", &json!({ "ResourceARN": arn, "TagKeys": ["made-by"] }));
    bench.ok("TagResource", &json!({ "ResourceARN": arn, "Tags": [{ "Key": "k", "Value": "v" }] }));
    let tags = bench.ok("ListTagsForResource", &json!({ "ResourceARN": arn }));
    assert_eq!(tags["Tags"], json!([{ "Key": "k", "Value": "v" }]));
    let unknown =
        bench.call("DeleteAlarms", &json!({ "AlarmNames": ["y", "nobody"] })).expect_err("one is unknown");
    assert_eq!(unknown.name, "ResourceNotFound");
    bench.ok("DeleteAlarms", &json!({ "AlarmNames": ["y"] }));
    let gone = bench.call("ListTagsForResource", &json!({ "ResourceARN": arn })).expect_err("it is gone");
    assert_eq!(gone.name, "ResourceNotFoundException");
}

#[test]
fn an_alarm_that_cannot_be_is_refused() {
    let metrics = |returned: bool| {
        json!([{ "Id": "m", "ReturnData": returned, "MetricStat": {
            "Metric": { "Namespace": "Test", "MetricName": "m" }, "Period": 60, "Stat": "Sum",
        } }])
    };
    let (value, missing, mixed) = (
        "InvalidParameterValueException",
        "MissingRequiredParameterException",
        "InvalidParameterCombinationException",
    );
    let table = [
        (json!({ "AlarmName": null }), missing),
        (json!({ "Threshold": null }), missing),
        (json!({ "Threshold": "NaN" }), value),
        (json!({ "ComparisonOperator": "Above" }), value),
        (json!({ "ComparisonOperator": null }), missing),
        (json!({ "EvaluationPeriods": 0 }), value),
        (json!({ "EvaluationPeriods": null }), missing),
        (json!({ "DatapointsToAlarm": 2 }), value),
        (json!({ "Period": 45 }), value),
        (json!({ "Period": 5 }), value),
        (json!({ "Period": 3_540, "EvaluationPeriods": 25 }), value),
        (json!({ "Statistic": null }), mixed),
        (json!({ "ExtendedStatistic": "p99" }), mixed),
        (json!({ "Statistic": "sum" }), value),
        (json!({ "TreatMissingData": "never" }), value),
        (json!({ "Metrics": metrics(false), "Statistic": null }), value),
        (json!({ "AlarmActions": ["a", "b", "c", "d", "e", "f"] }), value),
    ];
    for (change, name) in table {
        let mut bench = Bench::new();
        let mut body = json!({
            "AlarmName": "a", "Namespace": "Test", "MetricName": "m", "Statistic": "Sum", "Period": 60,
            "EvaluationPeriods": 1, "Threshold": 10, "ComparisonOperator": "GreaterThanThreshold",
        });
        body.as_object_mut().expect("an object").extend(change.as_object().cloned().unwrap_or_default());
        assert_eq!(bench.call("PutMetricAlarm", &body).expect_err("refused").name, name, "{change}");
    }
}
