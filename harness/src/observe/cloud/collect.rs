//! Reads records and metrics back. Delivery takes its time, so this asks again until everything is there that the client
//! knows of, or until the patience is over; somebody who watches is told.

use std::time::Duration;

use anyhow::Context as _;
use aws_sdk_cloudwatch::{primitives::DateTime, types as cloudwatch};
use richter_reports::run_file::MetricCount;

use super::{Cloud, explained};
use crate::{
    clock::Stopwatch,
    observe::{
        filter::{DESTINATION, metric},
        join::{Arrived, Join, Joined},
        record::Line,
        wanted::STREAM,
    },
};

/// Pages of one reading: at ten thousand records each, more than any run has.
const PAGES_MAX: usize = 10_000;
/// Metrics that one question may ask for.
const QUERIES_MAX: usize = 500;
/// Records of a call that is logged when it ends: how much later than the window one may be.
const AFTER_MS: i64 = 15 * 60_000;

/// From when to when, in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    pub from_ms: i64,
    pub to_ms: i64,
}

/// How long to wait, and how often to ask.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    pub most: Duration,
    pub pause: Duration,
}

/// One Region's log group and metrics.
#[derive(Debug, Clone)]
pub struct Place {
    pub cloud: Cloud,
    pub group: String,
    pub namespace: String,
}

/// What was read.
#[derive(Debug)]
pub struct Collected {
    pub joined: Joined,
    pub metrics: Vec<MetricCount>,
    pub waited: Duration,
}

/// Reads until every attempt has its record and every metric what the records make it. `fresh` makes an empty join;
/// `told` hears how far it is: records found, and wanted.
pub async fn collect(
    places: &[Place],
    window: Window,
    wait: Wait,
    fresh: impl Fn() -> Join,
    mut told: impl FnMut(u64, u64),
) -> anyhow::Result<Collected> {
    let watch = Stopwatch::start();
    let joined = loop {
        let mut join = fresh();
        for place in places {
            place.records(window, &mut |line, arrived, _| join.line(&line, arrived, 0)).await?;
        }
        let missing = join.missing();
        let joined = join.finish();
        told(joined.counts.matched, joined.counts.attempts);
        if missing == 0 || watch.elapsed() + wait.pause > wait.most {
            break joined;
        }
        tokio::time::sleep(wait.pause).await;
    };
    let metrics = loop {
        let metrics = counted(places, window, &joined).await?;
        let complete = metrics.iter().all(|metric| metric.counted >= metric.in_log as f64);
        if complete || watch.elapsed() + wait.pause > wait.most {
            break metrics;
        }
        tokio::time::sleep(wait.pause).await;
    };
    Ok(Collected { joined, metrics, waited: watch.elapsed() })
}

/// The sums of the filters' metrics over the window's whole minutes, all Regions together.
pub async fn counted(places: &[Place], window: Window, joined: &Joined) -> anyhow::Result<Vec<MetricCount>> {
    let mut wanted = joined.tally.clone();
    // What all others are held against comes first.
    wanted.sort_by_key(|(name, region, _)| (*name != metric::LOGGED, *name, region.clone()));
    let mut counts: Vec<MetricCount> = wanted
        .iter()
        .map(|(name, region, in_log)| {
            let of = region.as_ref().map_or(String::new(), |region| format!(" of {region}"));
            MetricCount { name: format!("{name}{of}"), counted: 0.0, in_log: *in_log }
        })
        .collect();
    for place in places {
        for (some, counts) in wanted.chunks(QUERIES_MAX).zip(counts.chunks_mut(QUERIES_MAX)) {
            let names: Vec<(&str, Option<&str>)> =
                some.iter().map(|(name, region, _)| (*name, region.as_deref())).collect();
            let sums = place.sums(window, &names).await?;
            counts.iter_mut().zip(sums).for_each(|(count, sum)| count.counted += sum);
        }
    }
    Ok(counts)
}

impl Place {
    /// Gives every event of the window to `each`, with its message as it stands.
    pub async fn records(
        &self,
        window: Window,
        each: &mut impl FnMut(Line, Arrived, &str),
    ) -> anyhow::Result<()> {
        let mut token = None;
        for _ in 0..PAGES_MAX {
            let ask =
                self.cloud.logs.filter_log_events().log_group_name(&self.group).log_stream_names(STREAM);
            let ask = ask.start_time(window.from_ms).end_time(window.to_ms + AFTER_MS).set_next_token(token);
            let page = match ask.send().await {
                Ok(page) => page,
                // The stream comes with the first record.
                Err(error) if is_absent(&error) => return Ok(()),
                Err(error) => return Err(explained(error).context(format!("cannot read {}", self.group))),
            };
            for event in page.events() {
                let arrived = Arrived { event_ms: event.timestamp(), ingested_ms: event.ingestion_time() };
                let message = event.message().unwrap_or_default();
                each(Line::of(message), arrived, message);
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn sums(&self, window: Window, names: &[(&str, Option<&str>)]) -> anyhow::Result<Vec<f64>> {
        let minute = |ms: i64| DateTime::from_millis(ms.div_euclid(60_000) * 60_000);
        let mut ask = self.cloud.metrics.get_metric_data();
        ask = ask.start_time(minute(window.from_ms)).end_time(minute(window.to_ms + AFTER_MS + 60_000));
        for (place, (name, region)) in names.iter().enumerate() {
            ask = ask.metric_data_queries(sum(place, &self.namespace, name, *region));
        }
        let mut sums = vec![0.0; names.len()];
        let mut pages = ask.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(explained).context("cannot read the metrics")?;
            for result in page.metric_data_results() {
                let place = result.id().and_then(|id| id.strip_prefix('m')?.parse::<usize>().ok());
                if let Some(total) = place.and_then(|place| sums.get_mut(place)) {
                    *total += result.values().iter().sum::<f64>();
                }
            }
        }
        Ok(sums)
    }
}

fn is_absent<E, R>(error: &aws_smithy_runtime_api::client::result::SdkError<E, R>) -> bool
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata,
{
    error.as_service_error().and_then(|error| error.code()) == Some("ResourceNotFoundException")
}

fn sum(place: usize, namespace: &str, name: &str, region: Option<&str>) -> cloudwatch::MetricDataQuery {
    let mut metric = cloudwatch::Metric::builder().namespace(namespace).metric_name(name);
    if let Some(region) = region {
        metric = metric.dimensions(cloudwatch::Dimension::builder().name(DESTINATION).value(region).build());
    }
    let stat = cloudwatch::MetricStat::builder().metric(metric.build()).period(60).stat("Sum").build();
    cloudwatch::MetricDataQuery::builder().id(format!("m{place}")).metric_stat(stat).return_data(true).build()
}
