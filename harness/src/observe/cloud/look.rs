//! What one Region of the account holds, as far as a plan asks. Changes nothing.

use std::collections::BTreeMap;

use aws_sdk_bedrock::types as bedrock;
use aws_sdk_cloudwatch::types as cloudwatch;
use aws_sdk_cloudwatchlogs::types as logs;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{Cloud, explained};
use crate::observe::{
    alarm::{Alarm, Query, What},
    filter::Filter,
    plan::{Found, FoundGroup, POLICY, group_of},
    wanted::{Logging, Role, STREAM, ToBucket, ToLogs, Wanted},
};

/// Pages of any list; what lies beyond is not looked at, and no account has as much under one prefix.
const PAGES_MAX: usize = 100;

impl Cloud {
    /// `at` is the group that the state file names, where there is one: setup found it, whatever was configured since.
    pub async fn look(&self, wanted: &Wanted, at: Option<&str>) -> anyhow::Result<Found> {
        let logging = self.logging().await?;
        let group = at.map_or_else(|| group_of(wanted, logging.as_ref()), str::to_owned);
        let found = self.group_there(&group).await?;
        let filters = if found.is_some() { self.filters_of(&group).await? } else { BTreeMap::new() };
        let (role, role_policy) = self.role_there(wanted).await?;
        Ok(Found {
            logging,
            group: found,
            filters,
            role,
            role_policy,
            dashboard: self.dashboard_there(&wanted.dashboard.name).await?,
            alarms: self.alarms_there(wanted).await?,
        })
    }

    pub async fn logging(&self) -> anyhow::Result<Option<Logging>> {
        let got =
            self.bedrock.get_model_invocation_logging_configuration().send().await.map_err(explained)?;
        // Off is told as nothing, or as a configuration of nothing.
        Ok(got.logging_config().map(read_logging).filter(|config| *config != Logging::default()))
    }

    async fn group_there(&self, name: &str) -> anyhow::Result<Option<FoundGroup>> {
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let ask = self.logs.describe_log_groups().log_group_name_prefix(name);
            let page = ask.set_next_token(token).send().await.map_err(explained)?;
            if let Some(group) = page.log_groups().iter().find(|group| group.log_group_name() == Some(name)) {
                let retention_days = group.retention_in_days().and_then(|days| u32::try_from(days).ok());
                return Ok(Some(FoundGroup { retention_days, foreign_streams: self.streams(name).await? }));
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Streams that others than Bedrock write; a page of them is enough to know.
    async fn streams(&self, group: &str) -> anyhow::Result<Vec<String>> {
        let page = self.logs.describe_log_streams().log_group_name(group).send().await.map_err(explained)?;
        let names = page.log_streams().iter().filter_map(|stream| stream.log_stream_name());
        Ok(names.filter(|name| *name != STREAM).take(5).map(str::to_owned).collect())
    }

    async fn filters_of(&self, group: &str) -> anyhow::Result<BTreeMap<String, Filter>> {
        let (mut filters, mut token) = (BTreeMap::new(), None);
        for _ in 0..PAGES_MAX {
            let ask = self.logs.describe_metric_filters().log_group_name(group).set_next_token(token);
            let page = ask.send().await.map_err(explained)?;
            let read = page.metric_filters().iter().filter_map(read_filter);
            filters.extend(read.map(|filter| (filter.name.clone(), filter)));
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                break;
            }
        }
        Ok(filters)
    }

    /// IAM is asked only about a role that may be made.
    async fn role_there(&self, wanted: &Wanted) -> anyhow::Result<(bool, bool)> {
        let Role::Create(name) = &wanted.role else { return Ok((false, false)) };
        if !there("NoSuchEntity", self.iam.get_role().role_name(name).send().await)? {
            return Ok((false, false));
        }
        let policy = self.iam.get_role_policy().role_name(name).policy_name(POLICY).send().await;
        Ok((true, there("NoSuchEntity", policy)?))
    }

    async fn dashboard_there(&self, name: &str) -> anyhow::Result<Option<serde_json::Value>> {
        match self.metrics.get_dashboard().dashboard_name(name).send().await {
            Err(error) if is(&error, "ResourceNotFound") => Ok(None),
            Err(error) => Err(explained(error)),
            // A body that is no JSON is somebody's, and differs from ours.
            Ok(got) => Ok(Some(
                got.dashboard_body().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default(),
            )),
        }
    }

    async fn alarms_there(&self, wanted: &Wanted) -> anyhow::Result<BTreeMap<String, Alarm>> {
        let names = wanted.alarms.iter().map(|alarm| alarm.name.clone()).collect();
        let got = self.metrics.describe_alarms().set_alarm_names(Some(names)).send().await;
        let got = got.map_err(explained)?;
        let read = got.metric_alarms().iter().filter_map(read_alarm);
        Ok(read.map(|alarm| (alarm.name.clone(), alarm)).collect())
    }
}

fn is(error: &impl ProvideErrorMetadata, absent: &str) -> bool {
    error.code().is_some_and(|code| code.starts_with(absent))
}

fn there<T, E>(absent: &str, result: Result<T, E>) -> anyhow::Result<bool>
where
    E: std::error::Error + ProvideErrorMetadata,
{
    match result {
        Ok(_) => Ok(true),
        Err(error) if is(&error, absent) => Ok(false),
        Err(error) => Err(explained(error)),
    }
}

fn read_logging(config: &bedrock::LoggingConfig) -> Logging {
    let bucket = |bucket: &bedrock::S3Config| ToBucket {
        bucket_name: bucket.bucket_name().to_owned(),
        key_prefix: bucket.key_prefix().map(str::to_owned),
    };
    Logging {
        cloud_watch_config: config.cloud_watch_config().map(|logs| ToLogs {
            log_group_name: logs.log_group_name().to_owned(),
            role_arn: logs.role_arn().to_owned(),
            large_data_delivery_s3_config: logs.large_data_delivery_s3_config().map(bucket),
        }),
        s3_config: config.s3_config().map(bucket),
        text_data_delivery_enabled: config.text_data_delivery_enabled(),
        image_data_delivery_enabled: config.image_data_delivery_enabled(),
        embedding_data_delivery_enabled: config.embedding_data_delivery_enabled(),
        video_data_delivery_enabled: config.video_data_delivery_enabled(),
        audio_data_delivery_enabled: config.audio_data_delivery_enabled(),
    }
}

fn read_filter(filter: &logs::MetricFilter) -> Option<Filter> {
    let transformation = filter.metric_transformations().first()?;
    let dimensions = transformation.dimensions().into_iter().flatten();
    Some(Filter {
        name: filter.filter_name()?.to_owned(),
        pattern: filter.filter_pattern().unwrap_or_default().to_owned(),
        metric: transformation.metric_name().to_owned(),
        namespace: transformation.metric_namespace().to_owned(),
        value: transformation.metric_value().to_owned(),
        default: transformation.default_value(),
        dimensions: dimensions.map(|(name, field)| (name.clone(), field.clone())).collect(),
        unit: transformation.unit().map(|unit| unit.as_str().to_owned()),
    })
}

fn read_alarm(alarm: &cloudwatch::MetricAlarm) -> Option<Alarm> {
    Some(Alarm {
        name: alarm.alarm_name()?.to_owned(),
        description: alarm.alarm_description().unwrap_or_default().to_owned(),
        queries: alarm.metrics().iter().filter_map(read_query).collect(),
        threshold: alarm.threshold().unwrap_or_default(),
        actions: alarm.alarm_actions().to_vec(),
    })
}

fn read_query(query: &cloudwatch::MetricDataQuery) -> Option<Query> {
    let what = match (query.expression(), query.metric_stat()) {
        (Some(expression), _) => What::Expression(expression.to_owned()),
        (None, Some(stat)) => {
            let metric = stat.metric()?;
            let model = metric.dimensions().iter().find(|dimension| dimension.name() == Some("ModelId"));
            What::Metric {
                namespace: metric.namespace()?.to_owned(),
                name: metric.metric_name()?.to_owned(),
                model: model.and_then(|dimension| dimension.value()).map(str::to_owned),
                stat: stat.stat()?.to_owned(),
            }
        }
        (None, None) => return None,
    };
    Some(Query {
        id: query.id()?.to_owned(),
        label: query.label().unwrap_or_default().to_owned(),
        what,
        returns: query.return_data().unwrap_or(true),
    })
}
