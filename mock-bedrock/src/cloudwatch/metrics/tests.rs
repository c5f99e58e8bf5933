//! CloudWatch's metrics as their clients see them.

use serde_json::{Value, json};

use super::*;
use crate::cloudwatch::{Answer, Ask, CloudWatch, Settings};

const NOW: Millis = 1_764_547_200_000;
const SECOND: i64 = NOW / 1_000;

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

    fn ok(&mut self, operation: &str, body: Value) -> Value {
        self.call(operation, &body).unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    }

    fn refused(&mut self, operation: &str, body: Value) -> (&'static str, String) {
        let refusal = self.call(operation, &body).expect_err(operation);
        (refusal.name, refusal.message)
    }

    fn put(&mut self, name: &str, more: Value) -> Value {
        let mut datum = json!({ "MetricName": name });
        datum.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        self.ok("PutMetricData", json!({ "Namespace": "Test", "MetricData": [datum] }))
    }

    /// Values of one minute after another from now on.
    fn line(&mut self, name: &str, values: &[Option<f64>]) {
        for (minute, value) in (0..).zip(values) {
            if let Some(value) = value {
                self.put(name, json!({ "Value": value, "Timestamp": SECOND + minute * 60 }));
            }
        }
    }

    /// One expression over the sums of the named metrics, ascending, as text.
    fn math(&mut self, metrics: &[&str], expression: &str) -> Result<String, String> {
        let mut queries: Vec<Value> = metrics.iter().map(|name| stat(name, name, "Sum")).collect();
        queries.iter_mut().for_each(|query| query["ReturnData"] = false.into());
        queries.push(json!({ "Id": "e", "Expression": expression }));
        let answer = self.call("GetMetricData", &data(&queries)).map_err(|refusal| refusal.message)?;
        let lines = answer["MetricDataResults"].as_array().expect("a list").iter().map(points);
        Ok(lines.collect::<Vec<_>>().join(" | "))
    }
}

fn stat(id: &str, name: &str, stat: &str) -> Value {
    let metric = json!({ "Namespace": "Test", "MetricName": name });
    json!({ "Id": id, "MetricStat": { "Metric": metric, "Period": 60, "Stat": stat } })
}

fn data(queries: &[Value]) -> Value {
    json!({
        "MetricDataQueries": queries, "ScanBy": "TimestampAscending",
        "StartTime": SECOND, "EndTime": SECOND + 300,
    })
}

/// Minutes and values.
fn points(result: &Value) -> String {
    let list = |name: &str| result[name].as_array().cloned().unwrap_or_default();
    let pairs = list("Timestamps").into_iter().zip(list("Values"));
    let told = pairs.map(|(at, value)| {
        let minute = (at.as_f64().expect("a time") - SECOND as f64) / 60.0;
        format!("{minute}:{}", (value.as_f64().expect("a number") * 1e4).round() / 1e4)
    });
    told.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_put_in_any_of_three_ways_is_read_back_as_one() {
    let mut bench = Bench::new();
    bench.put("m", json!({ "Value": 10 }));
    bench.put("m", json!({ "Values": [20.0, 30.0], "Counts": [2.0, 1.0] }));
    let stats = |bench: &mut Bench| {
        let names = ["SampleCount", "Sum", "Minimum", "Maximum", "Average"];
        let queries: Vec<Value> = names.iter().map(|name| stat(&name.to_lowercase(), "m", name)).collect();
        let answer = bench.ok("GetMetricData", data(&queries));
        answer["MetricDataResults"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|one| one["Values"][0].as_f64())
            .collect::<Vec<_>>()
    };
    assert_eq!(stats(&mut bench), [4.0, 80.0, 10.0, 30.0, 20.0].map(Some));
    bench.put("m", json!({ "StatisticValues": { "SampleCount": 6, "Sum": 20, "Minimum": 1, "Maximum": 9 } }));
    assert_eq!(stats(&mut bench), [10.0, 100.0, 1.0, 30.0, 10.0].map(Some));
}

#[test]
fn statistics_come_by_period_and_unit_with_percentiles() {
    let mut bench = Bench::new();
    for value in 1..=100 {
        bench.put(
            "m",
            json!({ "Value": value, "Unit": "Milliseconds", "Timestamp": SECOND + value % 2 * 60 }),
        );
    }
    bench.put("m", json!({ "Value": 7, "Unit": "Count" }));
    let body = json!({
        "Namespace": "Test", "MetricName": "m", "StartTime": SECOND, "EndTime": SECOND + 600, "Period": 300,
        "Statistics": ["SampleCount", "Average"], "ExtendedStatistics": ["p90", "tm50"], "Unit": "Milliseconds",
    });
    let answer = bench.ok("GetMetricStatistics", body.clone());
    let expected = json!([{
        "Timestamp": SECOND as f64, "Unit": "Milliseconds", "SampleCount": 100.0, "Average": 50.5,
        "ExtendedStatistics": { "p90": 90.0, "tm50": 25.5 },
    }]);
    assert_eq!((&answer["Label"], &answer["Datapoints"]), (&json!("m"), &expected));
    let mut all = body;
    all["Unit"] = Value::Null;
    let units = bench.ok("GetMetricStatistics", all);
    let units = units["Datapoints"].as_array().expect("a list").iter().map(|point| point["Unit"].clone());
    assert_eq!(units.collect::<Vec<_>>(), ["Count", "Milliseconds"]);
}

#[test]
fn queries_are_answered_in_order_newest_first_unless_asked_otherwise() {
    let mut bench = Bench::new();
    bench.line("m", &[Some(1.0), None, Some(3.0)]);
    let mut body = data(&[stat("a", "m", "Sum"), stat("b", "nothing", "Sum")]);
    let answer = bench.ok("GetMetricData", body.clone());
    let results = answer["MetricDataResults"].as_array().expect("a list");
    assert_eq!(results.iter().map(points).collect::<Vec<_>>(), ["0:1 2:3", ""]);
    assert_eq!((&results[0]["Label"], &results[1]["StatusCode"]), (&json!("m"), &json!("Complete")));
    body["ScanBy"] = Value::Null;
    assert_eq!(points(&bench.ok("GetMetricData", body.clone())["MetricDataResults"][0]), "2:3 0:1");
    body["EndTime"] = (SECOND + 120).into();
    assert_eq!(
        points(&bench.ok("GetMetricData", body)["MetricDataResults"][0]),
        "0:1",
        "the end is not included"
    );
}

#[test]
fn a_long_answer_comes_in_pages_that_miss_nothing() {
    let mut bench = Bench::new();
    bench.line("a", &[Some(1.0), Some(2.0), Some(3.0)]);
    bench.line("b", &[Some(4.0), Some(5.0)]);
    let (mut all, mut token) = (Vec::new(), Value::Null);
    for _ in 0..5 {
        let mut body = data(&[stat("a", "a", "Sum"), stat("b", "b", "Sum")]);
        body["MaxDatapoints"] = 2.into();
        body["NextToken"] = token;
        let page = bench.ok("GetMetricData", body);
        let results = page["MetricDataResults"].as_array().expect("a list");
        all.extend(results.iter().filter(|one| !points(one).is_empty()).map(|one| {
            format!(
                "{} {} {}",
                one["Id"].as_str().expect("an id"),
                points(one),
                one["StatusCode"].as_str().expect("a status")
            )
        }));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(all, ["a 0:1 1:2 PartialData", "a 2:3 Complete", "b 0:4 PartialData", "b 1:5 Complete"]);
}

#[test]
fn expressions_calculate_with_lines() {
    let mut bench = Bench::new();
    bench.line("a", &[Some(10.0), Some(20.0), None, Some(40.0)]);
    bench.line("b", &[Some(2.0), Some(0.0), Some(3.0), Some(10.0)]);
    let table = [
        ("a / b", "0:5 3:4"),
        ("a + b", "0:12 1:20 3:50"),
        ("100 * b / (a + b)", "0:16.6667 1:0 3:20"),
        ("-a", "0:-10 1:-20 3:-40"),
        ("a - -1", "0:11 1:21 3:41"),
        ("2 ^ b", "0:4 1:1 2:8 3:1024"),
        ("a > 15", "0:0 1:1 3:1"),
        ("a > 15 && b > 0", "0:0 1:0 3:1"),
        ("a > 15 OR b == 2", "0:1 1:1 3:1"),
        ("SUM([a, b])", "0:12 1:20 2:3 3:50"),
        ("AVG([a, b])", "0:6 1:10 2:3 3:25"),
        ("SUM(METRICS())", "0:12 1:20 2:3 3:50"),
        ("MAX(METRICS(\"b\"))", "0:2 1:0 2:3 3:10"),
        ("a / SUM(a)", "0:0.1429 1:0.2857 3:0.5714"),
        ("a - AVG(a) + 0", "0:-13.3333 1:-3.3333 3:16.6667"),
        ("FILL(a, 0)", "0:10 1:20 2:0 3:40 4:0"),
        ("FILL(a, REPEAT)", "0:10 1:20 2:20 3:40 4:40"),
        ("FILL(a, LINEAR)", "0:10 1:20 2:30 3:40"),
        ("FILL(a, b)", "0:10 1:20 2:3 3:40"),
        ("RATE(b)", "1:-0.0333 2:0.05 3:0.1167"),
        ("DIFF(a)", "1:10 3:20"),
        ("RUNNING_SUM(b)", "0:2 1:2 2:5 3:15"),
        ("a / PERIOD(a)", "0:0.1667 1:0.3333 3:0.6667"),
        ("IF(b > 2, b)", "2:3 3:10"),
        ("IF(b > 2, b, 0)", "0:0 1:0 2:3 3:10"),
        ("ABS(a - 30)", "0:20 1:10 3:10"),
        ("CEIL(a / 3)", "0:4 1:7 3:14"),
        ("TIME_SERIES(5) * b", "0:10 1:0 2:15 3:50"),
        ("[a, b]", "0:10 1:20 3:40 | 0:2 1:0 2:3 3:10"),
        ("METRICS() * 2", "0:20 1:40 3:80 | 0:4 1:0 2:6 3:20"),
    ];
    for (expression, expected) in table {
        assert_eq!(bench.math(&["a", "b"], expression).as_deref(), Ok(expected), "{expression}");
    }
}

#[test]
fn expressions_name_one_another_in_any_order_and_not_in_a_circle() {
    let mut bench = Bench::new();
    bench.line("a", &[Some(3.0)]);
    let expression = |id: &str, text: &str| json!({ "Id": id, "Expression": text });
    let queries = [expression("twice", "once * 2"), expression("once", "a + 1"), stat("a", "a", "Sum")];
    let answer = bench.ok("GetMetricData", data(&queries));
    assert_eq!(points(&answer["MetricDataResults"][0]), "0:8");
    let circle = [expression("x", "y"), expression("y", "x")];
    assert!(bench.refused("GetMetricData", data(&circle)).1.contains("in a circle"));
}

#[test]
fn expressions_that_cannot_be_are_refused_with_their_reason() {
    let mut bench = Bench::new();
    bench.line("a", &[Some(1.0)]);
    let deep = format!("{}a{}", "(".repeat(40), ")".repeat(40));
    let table = [
        ("a +", "too early"),
        ("a b", "'b' is unexpected"),
        ("(a", "too early"),
        ("nothing + 1", "no query with the id nothing"),
        ("1 + 1", "must return a time series"),
        ("SUM(a)", "must return a time series"),
        ("DANCE(a)", "DANCE is not known"),
        ("FILL(a)", "FILL does not take these"),
        ("FILL(a, NEVER)", "REPEAT or LINEAR"),
        ("RATE(1)", "a time series is wanted"),
        ("[a, 1]", "time series only"),
        ("\"text\" + a", "cannot be calculated with"),
        ("METRICS(\"a", "a quote is not closed"),
        ("[a] + [a, a]", "different lengths"),
        (deep.as_str(), "nests more than 32"),
    ];
    for (expression, reason) in table {
        let text = bench.math(&["a"], expression).expect_err(expression);
        assert!(text.contains(reason), "{expression}: {text}");
    }
}

#[test]
fn requests_beyond_the_limits_are_refused_by_name() {
    let mut bench = Bench::new();
    let put = |data: Value| json!({ "Namespace": "Test", "MetricData": data });
    let datum = |more: Value| {
        let mut datum = json!({ "MetricName": "m" });
        datum.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        put(json!([datum]))
    };
    let many: Vec<Value> = (0..1_001).map(|_| json!({ "MetricName": "m", "Value": 1 })).collect();
    let wide: Vec<Value> = (0..31).map(|n| json!({ "Name": format!("d{n}"), "Value": "v" })).collect();
    let (value, missing, mixed) = (
        "InvalidParameterValueException",
        "MissingRequiredParameterException",
        "InvalidParameterCombinationException",
    );
    let table = [
        (json!({ "MetricData": [] }), missing),
        (put(json!([])), missing),
        (json!({ "Namespace": "AWS/Mine", "MetricData": [{ "MetricName": "m", "Value": 1 }] }), value),
        (put(many.into()), value),
        (datum(json!({})), missing),
        (datum(json!({ "Value": 1, "Values": [1] })), mixed),
        (datum(json!({ "Value": "NaN" })), value),
        (datum(json!({ "Value": "Infinity" })), value),
        (datum(json!({ "Value": 1e109 })), value),
        (datum(json!({ "Value": "x" })), "SerializationException"),
        (datum(json!({ "Values": [1, 2], "Counts": [1] })), value),
        (datum(json!({ "Values": vec![1; 151] })), value),
        (datum(json!({ "Values": [1], "Counts": [-1] })), value),
        (datum(json!({ "Value": 1, "Unit": "Pounds" })), value),
        (datum(json!({ "Value": 1, "StorageResolution": 30 })), value),
        (datum(json!({ "Value": 1, "Dimensions": wide })), value),
        (datum(json!({ "Value": 1, "Timestamp": SECOND - 15 * 86_400 })), value),
        (datum(json!({ "Value": 1, "Timestamp": SECOND + 7_201 })), value),
        (
            datum(json!({ "StatisticValues": { "SampleCount": 0, "Sum": 0, "Minimum": 0, "Maximum": 0 } })),
            value,
        ),
        (
            datum(json!({ "StatisticValues": { "SampleCount": 1, "Sum": 0, "Minimum": 2, "Maximum": 1 } })),
            value,
        ),
    ];
    for (body, name) in table {
        assert_eq!(bench.refused("PutMetricData", body.clone()).0, name, "{body}");
    }
    let mut one = stat("m", "m", "Sum");
    one["MetricStat"]["Period"] = 45.into();
    let twice = [stat("m", "m", "Sum"), stat("m", "m", "Sum")];
    for queries in
        [vec![], vec![stat("M", "m", "Sum")], vec![stat("m", "m", "sum")], vec![one], twice.to_vec()]
    {
        assert_eq!(bench.refused("GetMetricData", data(&queries)).0, value, "{queries:?}");
    }
    let mut backwards = data(&[stat("m", "m", "Sum")]);
    backwards["EndTime"] = SECOND.into();
    assert_eq!(bench.refused("GetMetricData", backwards).0, mixed);
    let long = json!({
        "Namespace": "Test", "MetricName": "m", "StartTime": SECOND - 1_441 * 60, "EndTime": SECOND, "Period": 60,
        "Statistics": ["Sum"],
    });
    let (name, text) = bench.refused("GetMetricStatistics", long);
    assert_eq!((name, text.contains("up to 1441 datapoints")), (mixed, true), "{text}");
    let mut endless = data(&[stat("m", "m", "Sum")]);
    (endless["StartTime"], endless["EndTime"]) = (0.into(), 1_000_000_000_000_i64.into());
    assert!(bench.refused("GetMetricData", endless).1.contains("too many points"));
}

#[test]
fn metrics_are_listed_by_what_they_are() {
    let mut bench = Bench::new();
    let of = |value: &str| json!({ "Value": 1, "Dimensions": [{ "Name": "Region", "Value": value }] });
    bench.put("m", of("us-east-1"));
    bench.put("m", of("us-west-2"));
    bench.put("n", json!({ "Value": 1 }));
    let count =
        |bench: &mut Bench, body: Value| bench.ok("ListMetrics", body)["Metrics"].as_array().map(Vec::len);
    assert_eq!(count(&mut bench, json!({})), Some(3));
    assert_eq!(count(&mut bench, json!({ "MetricName": "m" })), Some(2));
    assert_eq!(count(&mut bench, json!({ "Dimensions": [{ "Name": "Region" }] })), Some(2));
    assert_eq!(count(&mut bench, json!({ "Namespace": "Other" })), Some(0));
    let found =
        bench.ok("ListMetrics", json!({ "Dimensions": [{ "Name": "Region", "Value": "us-west-2" }] }));
    let expected = json!([{
        "Namespace": "Test", "MetricName": "m", "Dimensions": [{ "Name": "Region", "Value": "us-west-2" }],
    }]);
    assert_eq!(found["Metrics"], expected);
    bench.now += 15 * 86_400_000;
    assert_eq!(count(&mut bench, json!({})), Some(0), "what was told nothing for two weeks is not listed");
}

#[test]
fn a_list_longer_than_a_page_goes_on() {
    let mut bench = Bench::new();
    for number in 0..501 {
        bench.put(&format!("m{number}"), json!({ "Value": 1 }));
    }
    let first = bench.ok("ListMetrics", json!({}));
    let second = bench.ok("ListMetrics", json!({ "NextToken": first["NextToken"] }));
    let count = |page: &Value| page["Metrics"].as_array().map(Vec::len);
    assert_eq!((count(&first), count(&second), second.get("NextToken")), (Some(500), Some(1), None));
}

#[test]
fn points_of_one_second_can_be_read_by_the_second() {
    let mut bench = Bench::new();
    for second in [0, 1, 61] {
        bench.put("m", json!({ "Value": 1, "StorageResolution": 1, "Timestamp": SECOND + second }));
    }
    let mut query = stat("m", "m", "SampleCount");
    query["MetricStat"]["Period"] = 1.into();
    let fine = bench.ok("GetMetricData", data(&[query]));
    assert_eq!(fine["MetricDataResults"][0]["Values"], json!([1.0, 1.0, 1.0]));
    let coarse = bench.ok("GetMetricData", data(&[stat("m", "m", "SampleCount")]));
    assert_eq!(points(&coarse["MetricDataResults"][0]), "0:2 1:1");
}
