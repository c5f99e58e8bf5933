//! CloudWatch Logs through aws-sdk-cloudwatchlogs.

use aws_sdk_cloudwatchlogs::{
    error::ProvideErrorMetadata as _,
    types::{InputLogEvent, MetricTransformation, QueryStatus},
};

use super::*;

fn event(at: i64, message: &str) -> InputLogEvent {
    InputLogEvent::builder().timestamp(at).message(message).build().expect("an event")
}

#[test]
fn events_are_put_filtered_in_pages_and_read() {
    on(Settings::default(), async |stand| {
        stand.group("g").await;
        let now = now_ms();
        let events: Vec<InputLogEvent> =
            (0..250).map(|n| event(now + n, &format!(r#"{{"n":{n}}}"#))).collect();
        let put =
            stand.logs.put_log_events().log_group_name("g").log_stream_name("s").set_log_events(Some(events));
        assert!(put.send().await.expect("taken").rejected_log_events_info().is_none());
        let filtered =
            stand.logs.filter_log_events().log_group_name("g").filter_pattern("{ $.n >= 100 }").limit(100);
        let mut pages = filtered.into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(
                page.expect("a page").events().iter().map(|event| event.timestamp().expect("a time") - now),
            );
        }
        assert_eq!(found, (100..250).collect::<Vec<_>>());
        let read = stand.logs.get_log_events().log_group_name("g").log_stream_name("s").limit(2);
        let read = read.send().await.expect("read");
        assert_eq!(
            read.events().iter().filter_map(|event| event.message()).collect::<Vec<_>>(),
            [r#"{"n":248}"#, r#"{"n":249}"#]
        );
    });
}

#[test]
fn patterns_are_tested_and_filters_are_kept() {
    on(Settings::default(), async |stand| {
        stand.group("g").await;
        let line = r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
        let test = stand.logs.test_metric_filter().filter_pattern("[..., request=*.html*, status_code=4*,]");
        let tested = test.log_event_messages("no").log_event_messages(line).send().await.expect("tested");
        let [only] = tested.matches() else { panic!("{tested:?}") };
        assert_eq!(
            (only.event_number(), only.extracted_values().and_then(|all| all.get("$status_code"))),
            (2, Some(&"404".to_owned()))
        );

        let transformation =
            MetricTransformation::builder().metric_name("m").metric_namespace("Custom").metric_value("1");
        let put = stand.logs.put_metric_filter().log_group_name("g").filter_name("f").filter_pattern("ERROR");
        let put =
            put.metric_transformations(transformation.default_value(0.0).build().expect("a transformation"));
        put.send().await.expect("kept");
        let kept = stand.logs.describe_metric_filters().log_group_name("g").send().await.expect("told");
        assert_eq!(kept.metric_filters()[0].metric_transformations()[0].default_value(), Some(0.0));
        let broken =
            stand.logs.put_metric_filter().log_group_name("g").filter_name("f").filter_pattern("{ broken");
        let transformation =
            MetricTransformation::builder().metric_name("m").metric_namespace("C").metric_value("1");
        let broken = broken.metric_transformations(transformation.build().expect("a transformation"));
        let refused = broken.send().await.expect_err("no pattern").into_service_error();
        assert!(refused.is_invalid_parameter_exception(), "{refused:?}");
    });
}

#[test]
fn a_query_is_started_and_its_results_are_read() {
    on(Settings::default(), async |stand| {
        stand.group("g").await;
        let now = now_ms();
        let events = (0..6).map(|n| event(now + n, &format!(r#"{{"served":"r{}"}}"#, n % 2))).collect();
        let put =
            stand.logs.put_log_events().log_group_name("g").log_stream_name("s").set_log_events(Some(events));
        put.send().await.expect("taken");
        let query = stand
            .logs
            .start_query()
            .log_group_name("g")
            .start_time(now / 1_000 - 60)
            .end_time(now / 1_000 + 60);
        let id = query.query_string("stats count(*) as n by served").send().await.expect("started");
        let results = stand.logs.get_query_results().query_id(id.query_id().expect("an id"));
        let results = results.send().await.expect("results");
        assert_eq!((results.status(), results.results().len()), (Some(&QueryStatus::Complete), 2));
        let row: Vec<_> = results.results()[0].iter().map(|field| (field.field(), field.value())).collect();
        assert_eq!(row, [(Some("served"), Some("r0")), (Some("n"), Some("3"))]);
        let broken =
            stand.logs.start_query().log_group_name("g").start_time(0).end_time(1).query_string("dance");
        let refused = broken.send().await.expect_err("no query").into_service_error();
        assert_eq!(refused.code(), Some("MalformedQueryException"));
    });
}
