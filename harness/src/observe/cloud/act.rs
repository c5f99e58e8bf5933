//! Each call of a plan, in the SDK's words.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context as _, bail};
use aws_sdk_bedrock::{error::ProvideErrorMetadata as _, types as bedrock};
use aws_sdk_cloudwatch::types as cloudwatch;
use aws_sdk_cloudwatchlogs::types as logs;
use aws_sdk_iam::types as iam;
use serde_json::Value;

use super::{Cloud, explained};
use crate::observe::{
    alarm::{Alarm, MINUTES, Query, What},
    call::Call,
    filter::Filter,
    wanted::{Logging, ToBucket},
};

/// Longest pause between two tries of a role.
const PAUSE_MAX: Duration = Duration::from_secs(10);

impl Cloud {
    /// Makes one call. What is already gone counts as deleted.
    pub async fn act(&self, call: &Call) -> anyhow::Result<()> {
        match call {
            Call::CreateGroup { .. } | Call::PutRetention { .. } | Call::DeleteGroup { .. } => {
                self.group(call).await
            }
            Call::CreateRole { .. }
            | Call::PutRolePolicy { .. }
            | Call::DeleteRolePolicy { .. }
            | Call::DeleteRole { .. } => self.role(call).await,
            Call::PutLogging { config, fresh_role } => self.put_logging(config, *fresh_role).await,
            Call::DeleteLogging => {
                let deleted = self.bedrock.delete_model_invocation_logging_configuration().send().await;
                deleted.map(drop).map_err(explained)
            }
            Call::TestFilter { name, pattern, samples, expected } => {
                self.test_filter(name, pattern, samples, expected).await
            }
            Call::PutFilter { group, filter } => self.put_filter(group, filter).await,
            Call::DeleteFilter { group, name } => {
                let ask = self.logs.delete_metric_filter().log_group_name(group).filter_name(name);
                gone("ResourceNotFoundException", ask.send().await)
            }
            Call::PutDashboard { .. }
            | Call::DeleteDashboard { .. }
            | Call::PutAlarm { .. }
            | Call::DeleteAlarm { .. } => self.view(call).await,
        }
    }

    async fn group(&self, call: &Call) -> anyhow::Result<()> {
        match call {
            Call::CreateGroup { group, tags } => {
                let ask = self.logs.create_log_group().log_group_name(group);
                let ask = tags.iter().fold(ask, |ask, (key, value)| ask.tags(key, value));
                ask.send().await.map(drop).map_err(explained)
            }
            Call::PutRetention { group, days } => {
                let days = i32::try_from(*days).context("retention")?;
                let ask = self.logs.put_retention_policy().log_group_name(group).retention_in_days(days);
                ask.send().await.map(drop).map_err(explained)
            }
            Call::DeleteGroup { group } => {
                let ask = self.logs.delete_log_group().log_group_name(group);
                gone("ResourceNotFoundException", ask.send().await)
            }
            _ => Ok(()),
        }
    }

    async fn role(&self, call: &Call) -> anyhow::Result<()> {
        match call {
            Call::CreateRole { name, trust, tags } => {
                let mut ask =
                    self.iam.create_role().role_name(name).assume_role_policy_document(trust.to_string());
                for (key, value) in tags {
                    ask = ask.tags(iam::Tag::builder().key(key).value(value).build()?);
                }
                ask.send().await.map(drop).map_err(explained)
            }
            Call::PutRolePolicy { role, name, policy } => {
                let ask = self.iam.put_role_policy().role_name(role).policy_name(name);
                ask.policy_document(policy.to_string()).send().await.map(drop).map_err(explained)
            }
            Call::DeleteRolePolicy { role, name } => {
                let ask = self.iam.delete_role_policy().role_name(role).policy_name(name);
                gone("NoSuchEntity", ask.send().await)
            }
            Call::DeleteRole { name } => {
                gone("NoSuchEntity", self.iam.delete_role().role_name(name).send().await)
            }
            _ => Ok(()),
        }
    }

    /// A role that was made a moment ago is not known everywhere yet: the service then cannot validate it.
    async fn put_logging(&self, config: &Logging, fresh_role: bool) -> anyhow::Result<()> {
        let config = written(config)?;
        let (mut waited, mut pause) = (Duration::ZERO, self.patience.first);
        loop {
            let ask = self.bedrock.put_model_invocation_logging_configuration();
            let Err(error) = ask.logging_config(config.clone()).send().await else { return Ok(()) };
            let unready = fresh_role
                && error.code() == Some("ValidationException")
                && error
                    .message()
                    .is_some_and(|text| text.contains("validate permissions") || text.contains("role"));
            if !unready || waited >= self.patience.role {
                let waited = if unready {
                    format!(", also {} s after the role was made", waited.as_secs())
                } else {
                    String::new()
                };
                return Err(explained(error).context(format!("the configuration is not taken{waited}")));
            }
            tokio::time::sleep(pause).await;
            waited += pause;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn test_filter(
        &self,
        name: &str,
        pattern: &str,
        samples: &[String],
        expected: &[i64],
    ) -> anyhow::Result<()> {
        let ask = self.logs.test_metric_filter().filter_pattern(pattern);
        let ask = ask.set_log_event_messages(Some(samples.to_vec()));
        let tested = ask.send().await.map_err(explained)?;
        let mut matched: Vec<i64> = tested.matches().iter().map(|record| record.event_number()).collect();
        matched.sort_unstable();
        if matched != expected {
            bail!(
                "the pattern of {name}, {pattern}, matches samples {matched:?} here and should match {expected:?}; it would \
                 count something else and is not put"
            );
        }
        Ok(())
    }

    async fn put_filter(&self, group: &str, filter: &Filter) -> anyhow::Result<()> {
        let mut transformation = logs::MetricTransformation::builder()
            .metric_name(&filter.metric)
            .metric_namespace(&filter.namespace)
            .metric_value(&filter.value)
            .set_default_value(filter.default)
            .set_unit(filter.unit.as_deref().map(logs::StandardUnit::from));
        for (name, field) in &filter.dimensions {
            transformation = transformation.dimensions(name, field);
        }
        let ask = self.logs.put_metric_filter().log_group_name(group).filter_name(&filter.name);
        let ask = ask.filter_pattern(&filter.pattern).metric_transformations(transformation.build()?);
        ask.send().await.map(drop).map_err(explained)
    }

    async fn view(&self, call: &Call) -> anyhow::Result<()> {
        match call {
            Call::PutDashboard { name, body, tags } => self.put_dashboard(name, body, tags).await,
            Call::DeleteDashboard { name } => {
                gone("ResourceNotFound", self.metrics.delete_dashboards().dashboard_names(name).send().await)
            }
            Call::PutAlarm { alarm, tags } => self.put_alarm(alarm, tags).await,
            Call::DeleteAlarm { name } => {
                gone("ResourceNotFound", self.metrics.delete_alarms().alarm_names(name).send().await)
            }
            _ => Ok(()),
        }
    }

    async fn put_dashboard(
        &self,
        name: &str,
        body: &Value,
        tags: &BTreeMap<String, String>,
    ) -> anyhow::Result<()> {
        let ask = self.metrics.put_dashboard().dashboard_name(name).dashboard_body(body.to_string());
        let put = ask.set_tags(Some(tagged(tags))).send().await.map_err(explained)?;
        // A dashboard with warnings is stored, and shows less than it should.
        if let Some(warning) = put.dashboard_validation_messages().first() {
            bail!(
                "{}: {}",
                warning.data_path().unwrap_or(""),
                warning.message().unwrap_or("is not understood")
            );
        }
        Ok(())
    }

    async fn put_alarm(&self, alarm: &Alarm, tags: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let mut ask = self
            .metrics
            .put_metric_alarm()
            .alarm_name(&alarm.name)
            .alarm_description(&alarm.description)
            .actions_enabled(true)
            .set_alarm_actions(Some(alarm.actions.clone()))
            .comparison_operator(cloudwatch::ComparisonOperator::GreaterThanThreshold)
            .threshold(alarm.threshold)
            .evaluation_periods(MINUTES.0)
            .datapoints_to_alarm(MINUTES.1)
            .treat_missing_data("notBreaching")
            .set_tags(Some(tagged(tags)));
        for query in &alarm.queries {
            ask = ask.metrics(asked(query));
        }
        ask.send().await.map(drop).map_err(explained)
    }
}

/// Deleted, or not there to be deleted.
fn gone<T, E>(absent: &str, result: Result<T, E>) -> anyhow::Result<()>
where
    E: std::error::Error + aws_smithy_types::error::metadata::ProvideErrorMetadata,
{
    match result {
        Err(error) if error.code().is_some_and(|code| code.starts_with(absent)) => Ok(()),
        result => result.map(drop).map_err(explained),
    }
}

fn tagged(tags: &BTreeMap<String, String>) -> Vec<cloudwatch::Tag> {
    tags.iter().map(|(key, value)| cloudwatch::Tag::builder().key(key).value(value).build()).collect()
}

fn asked(query: &Query) -> cloudwatch::MetricDataQuery {
    let asked =
        cloudwatch::MetricDataQuery::builder().id(&query.id).label(&query.label).return_data(query.returns);
    match &query.what {
        What::Expression(expression) => asked.expression(expression).build(),
        What::Metric { namespace, name, model, stat } => {
            let mut metric = cloudwatch::Metric::builder().namespace(namespace).metric_name(name);
            if let Some(model) = model {
                metric =
                    metric.dimensions(cloudwatch::Dimension::builder().name("ModelId").value(model).build());
            }
            let stat = cloudwatch::MetricStat::builder().metric(metric.build()).period(60).stat(stat).build();
            asked.metric_stat(stat).build()
        }
    }
}

fn written(config: &Logging) -> anyhow::Result<bedrock::LoggingConfig> {
    let bucket = |bucket: &Option<ToBucket>| -> anyhow::Result<Option<bedrock::S3Config>> {
        let Some(bucket) = bucket else { return Ok(None) };
        let built = bedrock::S3Config::builder().bucket_name(&bucket.bucket_name);
        Ok(Some(built.set_key_prefix(bucket.key_prefix.clone()).build()?))
    };
    let logs = match &config.cloud_watch_config {
        None => None,
        Some(logs) => Some(
            bedrock::CloudWatchConfig::builder()
                .log_group_name(&logs.log_group_name)
                .role_arn(&logs.role_arn)
                .set_large_data_delivery_s3_config(bucket(&logs.large_data_delivery_s3_config)?)
                .build()?,
        ),
    };
    Ok(bedrock::LoggingConfig::builder()
        .set_cloud_watch_config(logs)
        .set_s3_config(bucket(&config.s3_config)?)
        .set_text_data_delivery_enabled(config.text_data_delivery_enabled)
        .set_image_data_delivery_enabled(config.image_data_delivery_enabled)
        .set_embedding_data_delivery_enabled(config.embedding_data_delivery_enabled)
        .set_video_data_delivery_enabled(config.video_data_delivery_enabled)
        .set_audio_data_delivery_enabled(config.audio_data_delivery_enabled)
        .build())
}
