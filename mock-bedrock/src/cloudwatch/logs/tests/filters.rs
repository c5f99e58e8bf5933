//! Metric filters: what they see, what they make of it, and which are refused.

use super::*;
use crate::cloudwatch::Sample;

fn filter(pattern: &str, transformation: Value) -> Value {
    json!({
        "logGroupName": "g", "filterName": "f", "filterPattern": pattern, "metricTransformations": [transformation],
    })
}

fn counting(more: Value) -> Value {
    let mut transformation = json!({ "metricName": "m", "metricNamespace": "Custom", "metricValue": "1" });
    transformation.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
    transformation
}

/// What the filters made of events, as value or default, with dimensions.
fn made(bench: &mut Bench) -> Vec<String> {
    let tell = |datum: Datum| match datum.sample {
        Sample::Value { value, count } => format!("{value}x{count} {:?}", datum.dimensions.pairs()),
        Sample::Default(value) => format!("default {value}"),
        other => format!("{other:?}"),
    };
    bench.logs.take_data().into_iter().map(tell).collect()
}

#[test]
fn a_filter_sees_what_comes_after_it_and_nothing_before() {
    let mut bench = Bench::new();
    bench.put(&[(NOW, "ERROR before")]);
    bench.ok("PutMetricFilter", filter("ERROR", counting(json!({ "defaultValue": 0 }))));
    assert!(made(&mut bench).is_empty(), "not retroactive");
    bench.put(&[(NOW, "ERROR after"), (NOW, "fine")]);
    assert_eq!(made(&mut bench), ["1x1 []", "default 0"]);
    let described = bench.ok("DescribeMetricFilters", json!({ "logGroupName": "g" }));
    let expected = json!([{
        "filterName": "f", "filterPattern": "ERROR", "creationTime": NOW, "logGroupName": "g",
        "applyOnTransformedLogs": false,
        "metricTransformations": [{ "metricName": "m", "metricNamespace": "Custom", "metricValue": "1", "defaultValue": 0.0 }],
    }]);
    assert_eq!(described["metricFilters"], expected);
    bench.ok("DeleteMetricFilter", json!({ "logGroupName": "g", "filterName": "f" }));
    bench.put(&[(NOW, "ERROR later")]);
    assert!(made(&mut bench).is_empty());
    let gone = bench.refused("DeleteMetricFilter", json!({ "logGroupName": "g", "filterName": "f" }));
    assert_eq!(gone.0, "ResourceNotFoundException");
}

#[test]
fn values_and_dimensions_come_out_of_fields_and_a_missing_one_makes_no_datum() {
    let mut bench = Bench::new();
    let transformation =
        counting(json!({ "metricValue": "$.ms", "dimensions": { "Region": "$.inferenceRegion" } }));
    bench.ok("PutMetricFilter", filter("{ $.ms = * }", transformation));
    bench.put(&[
        (NOW, r#"{"ms":250,"inferenceRegion":"us-west-2"}"#),
        (NOW, r#"{"ms":250}"#),
        (NOW, r#"{"ms":"250","inferenceRegion":"us-west-2"}"#),
        (NOW, r#"{"inferenceRegion":"us-west-2"}"#),
    ]);
    assert_eq!(made(&mut bench), [r#"250x1 [("Region", "us-west-2")]"#]);
}

#[test]
fn the_pattern_of_the_aws_samples_counts_reroutes_and_not_throttles() {
    let mut bench = Bench::new();
    let transformation = counting(json!({ "defaultValue": 0, "unit": "Count" }));
    bench.ok("PutMetricFilter", filter(r#"{ $.inferenceRegion != "us-east-1" }"#, transformation));
    bench.put(&[
        (NOW, "Permissions are correctly set for Amazon Bedrock logs."),
        (NOW, r#"{"modelId":"us.m","inferenceRegion":"us-west-2"}"#),
        (NOW, r#"{"modelId":"us.m"}"#),
        (NOW, r#"{"modelId":"us.m","errorCode":"ThrottlingException"}"#),
        (NOW, r#"{"modelId":"us.m","inferenceRegion":"us-east-1"}"#),
    ]);
    assert_eq!(made(&mut bench), ["default 0", "1x1 []", "default 0", "default 0", "default 0"]);
}

#[test]
fn a_filter_that_cannot_work_is_refused() {
    let mut bench = Bench::new();
    let two = json!({
        "logGroupName": "g", "filterName": "f", "filterPattern": "",
        "metricTransformations": [counting(json!({})), counting(json!({}))],
    });
    let table = [
        (two, "less than or equal to 1"),
        (filter("{ a", counting(json!({}))), "must end with '}'"),
        (filter("", counting(json!({ "metricValue": "" }))), "greater than or equal to 1"),
        (filter("", counting(json!({ "metricValue": "many" }))), "neither a number nor a field"),
        (filter("ERROR", counting(json!({ "metricValue": "$.ms" }))), "no fields"),
        (filter("ERROR", counting(json!({ "dimensions": { "a": "$.a" } }))), "does not support dimensions"),
        (
            filter("{ $.a = * }", counting(json!({ "dimensions": { "a": "$.a" }, "defaultValue": 0 }))),
            "mutually exclusive",
        ),
        (
            filter(
                "{ $.a = * }",
                counting(json!({ "dimensions": { "a": "$.a", "b": "$.b", "c": "$.c", "d": "$.d" } })),
            ),
            "at most 3 dimensions",
        ),
        (filter("{ $.a = * }", counting(json!({ "dimensions": { "a": "a" } }))), "invalid dimension"),
        (filter("", counting(json!({ "unit": "Pounds" }))), "enum value set"),
        (filter("", counting(json!({ "metricName": "a:b" }))), "[^:*$]*"),
        (filter("", json!({ "metricNamespace": "n", "metricValue": "1" })), "metricName"),
    ];
    for (body, reason) in table {
        let (name, text) = bench.refused("PutMetricFilter", body);
        assert_eq!((name, text.contains(reason)), ("InvalidParameterException", true), "{reason}: {text}");
    }
    let mut named = filter("", counting(json!({})));
    named["filterName"] = "a:b".into();
    assert!(bench.refused("PutMetricFilter", named.clone()).1.contains("[^:*]*"));
    named["filterName"] = "f".into();
    named["logGroupName"] = "nowhere".into();
    assert_eq!(bench.refused("PutMetricFilter", named).0, "ResourceNotFoundException");
}

#[test]
fn a_group_has_a_hundred_filters_five_of_them_with_regular_expressions() {
    let mut bench = Bench::new();
    let put = |bench: &mut Bench, name: String, pattern: &str| {
        let mut body = filter(pattern, counting(json!({})));
        body["filterName"] = name.into();
        bench.call("PutMetricFilter", body).map(|_| ())
    };
    for number in 0..5 {
        put(&mut bench, format!("r{number}"), "%x%").expect("room");
    }
    assert_eq!(put(&mut bench, "r5".into(), "%x%").expect_err("no room").name, "LimitExceededException");
    for number in 0..95 {
        put(&mut bench, format!("f{number}"), "x").expect("room");
    }
    assert_eq!(put(&mut bench, "f95".into(), "x").expect_err("no room").name, "LimitExceededException");
    put(&mut bench, "r4".into(), "%y%").expect("one that is there may change");
    let page = bench.ok("DescribeMetricFilters", json!({ "logGroupName": "g", "filterNamePrefix": "f" }));
    assert_eq!(
        (names(&page, "metricFilters", "filterName").len(), page["nextToken"].is_string()),
        (50, true)
    );
}

#[test]
fn a_pattern_is_tested_on_messages_without_a_group() {
    let mut bench = Bench::new();
    let body = json!({ "filterPattern": "[..., size]", "logEventMessages": ["no", "a b 1534", ""] });
    let expected = json!({ "matches": [
        { "eventNumber": 1, "eventMessage": "no", "extractedValues": { "$size": "no" } },
        { "eventNumber": 2, "eventMessage": "a b 1534", "extractedValues": { "$1": "a", "$2": "b", "$size": "1534" } },
    ] });
    assert_eq!(bench.ok("TestMetricFilter", body), expected);
    let many = vec!["x"; 51];
    let refused =
        bench.refused("TestMetricFilter", json!({ "filterPattern": "x", "logEventMessages": many }));
    assert!(refused.1.contains("between 1 and 50"), "{}", refused.1);
}
