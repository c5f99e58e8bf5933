//! CloudWatch through aws-sdk-cloudwatch, which speaks CBOR.

use aws_sdk_cloudwatch::{
    error::ProvideErrorMetadata as _,
    primitives::DateTime,
    types::{
        ComparisonOperator, Dimension, Metric, MetricDataQuery, MetricDatum, MetricStat, StandardUnit,
        Statistic, Tag,
    },
};

use super::*;

fn dimension() -> Dimension {
    Dimension::builder().name("Region").value("us-west-2").build()
}

fn stat(id: &str, stat: &str) -> MetricDataQuery {
    let metric = Metric::builder().namespace("Test").metric_name("m").dimensions(dimension()).build();
    let stat = MetricStat::builder().metric(metric).period(60).stat(stat).build();
    MetricDataQuery::builder().id(id).metric_stat(stat).build()
}

async fn put(stand: &Stand, at: DateTime) {
    let datum = MetricDatum::builder()
        .metric_name("m")
        .dimensions(dimension())
        .timestamp(at)
        .unit(StandardUnit::Count);
    let datum = datum.set_values(Some((1..=100).map(f64::from).collect())).build();
    stand.metrics.put_metric_data().namespace("Test").metric_data(datum).send().await.expect("taken");
}

#[test]
fn what_is_put_is_read_back_with_statistics_and_math() {
    on(Settings::default(), async |stand| {
        let minute = now_ms() / 60_000 * 60;
        put(stand, DateTime::from_secs(minute)).await;
        let math = MetricDataQuery::builder().id("e").expression("sum / count").label("mean").build();
        let get = stand.metrics.get_metric_data().start_time(DateTime::from_secs(minute - 600));
        let get = get.end_time(DateTime::from_secs(minute + 600)).metric_data_queries(stat("sum", "Sum"));
        let get =
            get.metric_data_queries(stat("count", "SampleCount")).metric_data_queries(stat("p90", "p90"));
        let got = get.metric_data_queries(math).send().await.expect("data");
        let told: Vec<_> = got.metric_data_results().iter().map(|one| (one.label(), one.values())).collect();
        let expected: [(Option<&str>, &[f64]); 4] =
            [(Some("m"), &[5_050.0]), (Some("m"), &[100.0]), (Some("m"), &[90.0]), (Some("mean"), &[50.5])];
        assert_eq!(told, expected);
        assert_eq!(got.metric_data_results()[0].timestamps(), [DateTime::from_secs(minute)]);

        let statistics =
            stand.metrics.get_metric_statistics().namespace("Test").metric_name("m").dimensions(dimension());
        let statistics = statistics
            .start_time(DateTime::from_secs(minute - 60))
            .end_time(DateTime::from_secs(minute + 60));
        let statistics = statistics.period(60).statistics(Statistic::Maximum).extended_statistics("p50");
        let point = statistics.send().await.expect("statistics").datapoints()[0].clone();
        assert_eq!((point.maximum(), point.timestamp()), (Some(100.0), Some(&DateTime::from_secs(minute))));
        assert_eq!(point.extended_statistics().and_then(|all| all.get("p50")), Some(&50.0));

        let listed = stand.metrics.list_metrics().namespace("Test").send().await.expect("a list");
        assert_eq!(listed.metrics()[0].dimensions(), [dimension()]);
    });
}

#[test]
fn a_large_request_comes_compressed_and_is_read() {
    on(Settings::default(), async |stand| {
        let data: Vec<MetricDatum> = (0..500)
            .map(|n| MetricDatum::builder().metric_name(format!("metric-{n}")).value(f64::from(n)).build())
            .collect();
        let put = stand.metrics.put_metric_data().namespace("Test").set_metric_data(Some(data));
        put.send().await.expect("taken");
        let listed = stand.metrics.list_metrics().namespace("Test").send().await.expect("a list");
        assert_eq!(listed.metrics().len(), 500);
    });
}

#[test]
fn refusals_are_told_by_their_names() {
    on(Settings::default(), async |stand| {
        let datum = MetricDatum::builder().metric_name("m").value(1.0).build();
        let put = stand.metrics.put_metric_data().namespace("AWS/Mine").metric_data(datum).send().await;
        let refused = put.expect_err("a namespace of AWS's own").into_service_error();
        assert_eq!(refused.code(), Some("InvalidParameterValue"), "{refused:?}");
        let get = stand.metrics.get_dashboard().dashboard_name("nobody").send().await;
        let refused = get.expect_err("there is none").into_service_error();
        assert_eq!(refused.code(), Some("ResourceNotFound"), "{refused:?}");
    });
}

#[test]
fn dashboards_and_alarms_are_kept_tagged_and_deleted() {
    on(Settings::default(), async |stand| {
        let body = r#"{"widgets":[{"type":"text","width":6,"height":3,"properties":{"markdown":"hello"}}]}"#;
        let put = stand
            .metrics
            .put_dashboard()
            .dashboard_name("d")
            .dashboard_body(body)
            .send()
            .await
            .expect("kept");
        assert!(put.dashboard_validation_messages().is_empty());
        let got = stand.metrics.get_dashboard().dashboard_name("d").send().await.expect("there");
        assert_eq!(got.dashboard_body(), Some(body));
        let broken = stand.metrics.put_dashboard().dashboard_name("d").dashboard_body("no").send().await;
        let refused = broken.expect_err("no JSON").into_service_error();
        assert_eq!(refused.code(), Some("InvalidParameterInput"), "{refused:?}");
        stand.metrics.delete_dashboards().dashboard_names("d").send().await.expect("gone");
        assert!(stand.metrics.list_dashboards().send().await.expect("a list").dashboard_entries().is_empty());

        let tag = Tag::builder().key("made-by").value("t").build();
        let alarm =
            stand.metrics.put_metric_alarm().alarm_name("a").namespace("Test").metric_name("m").period(60);
        let alarm = alarm.statistic(Statistic::Sum).evaluation_periods(1).threshold(1.0).tags(tag.clone());
        alarm.comparison_operator(ComparisonOperator::GreaterThanThreshold).send().await.expect("kept");
        let told = stand.metrics.describe_alarms().alarm_names("a").send().await.expect("told");
        let alarm = &told.metric_alarms()[0];
        assert_eq!(alarm.state_value().map(|state| state.as_str()), Some("INSUFFICIENT_DATA"));
        assert!(alarm.state_updated_timestamp().is_some());
        let tags = stand.metrics.list_tags_for_resource().resource_arn(alarm.alarm_arn().expect("an ARN"));
        assert_eq!(tags.send().await.expect("tags").tags(), [tag]);
        stand.metrics.delete_alarms().alarm_names("a").send().await.expect("gone");
        assert!(stand.metrics.describe_alarms().send().await.expect("a list").metric_alarms().is_empty());
    });
}
