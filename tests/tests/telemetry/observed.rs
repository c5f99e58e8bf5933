//! A spike through a cross-Region profile, watched as AWS's samples watch it: what the client saw, what the log holds and
//! what the metrics count is one story.

use aws_sdk_bedrock::types::{CloudWatchConfig, LoggingConfig};
use aws_sdk_bedrockruntime::types::{ContentBlock, ConversationRole, Message};
use aws_sdk_cloudwatch::{
    primitives::DateTime,
    types::{Dimension, Metric, MetricDataQuery, MetricStat},
};
use aws_sdk_cloudwatchlogs::types::MetricTransformation;
use richter_mock_bedrock::world::{RouteKind, WorldSpec};
use serde_json::{Value, json};

use super::*;

const GROUP: &str = "bedrock-model-invocation-logging";
const PROFILE: &str = "us.m";
const CALLS: u64 = 120;

/// A profile that spreads its calls over two Regions, and whose quota the spike exceeds.
fn settings() -> Settings {
    let world = json!({
        "regions": { REGION: {}, "us-west-2": {} },
        "models": { "m": { "first_token": "20ms", "per_token": "1ms", "max_output": 100 } },
        "profiles": { PROFILE: { "destinations": { REGION: [REGION, "us-west-2"] }, "choice": "spread" } },
        "quotas": { "profile": { REGION: { "requests": "80/min" } } },
    });
    let spec: WorldSpec = serde_json::from_value(world).expect("a world");
    let world = spec.resolve(&[(RouteKind::Profile, REGION, PROFILE)]).expect("a good world");
    Settings { world, ..Settings::default() }
}

/// A metric filter on the group.
async fn filter(stand: &Stand, name: &str, pattern: &str, by_region: bool) {
    let transformation =
        MetricTransformation::builder().metric_name(name).metric_namespace("Custom").metric_value("1");
    let transformation = if by_region {
        transformation.dimensions("Region", "$.inferenceRegion")
    } else {
        transformation.default_value(0.0)
    };
    let put = stand.logs.put_metric_filter().log_group_name(GROUP).filter_name(name).filter_pattern(pattern);
    put.metric_transformations(transformation.build().expect("a transformation"))
        .send()
        .await
        .expect("a filter");
}

/// Lets the log group be written to, and filters it as AWS's samples do, and by destination.
async fn watch(stand: &Stand) {
    stand.logs.create_log_group().log_group_name(GROUP).send().await.expect("a group");
    filter(stand, "rerouted", r#"{ $.inferenceRegion != "us-east-1" }"#, false).await;
    filter(stand, "throttled", r#"{ $.errorCode = "ThrottlingException" }"#, false).await;
    filter(stand, "served", "{ $.inferenceRegion = * }", true).await;
    let role = "arn:aws:iam::111122223333:role/delivery";
    let logs =
        CloudWatchConfig::builder().log_group_name(GROUP).role_arn(role).build().expect("a destination");
    let config = LoggingConfig::builder().cloud_watch_config(logs).text_data_delivery_enabled(false).build();
    stand
        .bedrock
        .put_model_invocation_logging_configuration()
        .logging_config(config)
        .send()
        .await
        .expect("logging");
}

/// How many calls were answered and how many throttled.
async fn spike(stand: &Stand) -> (u64, u64) {
    let message =
        Message::builder().role(ConversationRole::User).content(ContentBlock::Text("hello".to_owned()));
    let message = message.build().expect("a message");
    let calls = (0..CALLS).map(|_| {
        let call = stand.runtime.converse().model_id(PROFILE).messages(message.clone());
        tokio::spawn(call.send())
    });
    let mut seen = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        match call.await.expect("no panic") {
            Ok(_) => seen.0 += 1,
            Err(error) => {
                assert!(error.into_service_error().is_throttling_exception());
                seen.1 += 1;
            }
        }
    }
    seen
}

async fn records(stand: &Stand) -> Vec<Value> {
    let mut pages = stand.logs.filter_log_events().log_group_name(GROUP).into_paginator().send();
    let mut lines = Vec::new();
    while let Some(page) = pages.next().await {
        lines.extend(
            page.expect("a page").events().iter().filter_map(|event| event.message().map(str::to_owned)),
        );
    }
    assert_eq!(
        lines.iter().filter(|line| serde_json::from_str::<Value>(line).is_err()).count(),
        1,
        "the first line"
    );
    lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// The sum of a metric over the last hours.
async fn sum(stand: &Stand, namespace: &str, name: &str, dimension: Option<(&str, &str)>) -> u64 {
    let dimensions =
        dimension.map(|(name, value)| vec![Dimension::builder().name(name).value(value).build()]);
    let metric = Metric::builder().namespace(namespace).metric_name(name).set_dimensions(dimensions).build();
    let stat = MetricStat::builder().metric(metric).period(60).stat("Sum").build();
    let query = MetricDataQuery::builder().id("m").metric_stat(stat).build();
    let now = now_ms() / 1_000;
    let get = stand.metrics.get_metric_data().start_time(DateTime::from_secs(now - 3_600));
    let got =
        get.end_time(DateTime::from_secs(now + 3_600)).metric_data_queries(query).send().await.expect("data");
    got.metric_data_results()[0].values().iter().sum::<f64>() as u64
}

#[test]
fn the_client_the_log_and_the_metrics_count_the_same() {
    on(settings(), async |stand| {
        watch(stand).await;
        let (answered, throttled) = spike(stand).await;
        assert!(answered > 0 && throttled > 0, "the spike exceeds the quota: {answered} {throttled}");

        let records = records(stand).await;
        let rerouted =
            records.iter().filter(|record| record["inferenceRegion"] == "us-west-2").count() as u64;
        let refused =
            records.iter().filter(|record| record["errorCode"] == "ThrottlingException").count() as u64;
        assert_eq!((records.len() as u64, refused), (CALLS, throttled));
        assert!(rerouted > 0 && rerouted < answered, "{rerouted} of {answered} were rerouted");

        let model = Some(("ModelId", PROFILE));
        assert_eq!(sum(stand, "AWS/Bedrock", "Invocations", model).await, answered);
        assert_eq!(sum(stand, "AWS/Bedrock", "InvocationThrottles", model).await, throttled);
        assert_eq!(sum(stand, "AWS/Bedrock", "InvocationClientErrors", model).await, 0);
        assert_eq!(
            sum(stand, "Custom", "rerouted", None).await,
            rerouted,
            "the samples' pattern counts no throttles"
        );
        assert_eq!(sum(stand, "Custom", "throttled", None).await, throttled);
        assert_eq!(sum(stand, "Custom", "served", Some(("Region", "us-west-2"))).await, rerouted);
        assert_eq!(
            sum(stand, "Custom", "served", Some(("Region", REGION))).await,
            0,
            "unless a world says otherwise"
        );
    });
}
