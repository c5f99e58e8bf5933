//! Reads records and metrics back. Delivery takes its time, so this asks again until everything is there that the client
//! knows of, or until the patience is over; somebody who watches is told.

use std::{collections::BTreeMap, fmt, path::PathBuf, time::Duration};

use anyhow::Context as _;
use aws_sdk_cloudwatch::{primitives::DateTime, types as cloudwatch};
use richter_reports::run_file::{MetricCount, Observed};

use super::{Cloud, explained};
use crate::{
    clock::Stopwatch,
    observe::{
        explain,
        filter::{DESTINATION, metric},
        join::{Arrived, Counted, Join, Sent},
        record::Line,
        records::{self, ReadError},
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

/// A client's clock and the service's may differ by so much.
const CLOCKS_APART_MS: i64 = 60_000;

impl Window {
    /// From the first call to the last answer by the client's clock.
    pub const fn around(from_ms: i64, to_ms: i64) -> Window {
        Window {
            from_ms: from_ms.saturating_sub(CLOCKS_APART_MS),
            to_ms: to_ms.saturating_add(CLOCKS_APART_MS),
        }
    }
}

/// How long to wait, and how often to ask.
#[derive(Debug, Clone, Copy)]
pub struct Wait {
    pub most: Duration,
    pub pause: Duration,
}

/// Where to look, and for how long.
pub struct Search<'a> {
    pub places: &'a [Place],
    pub window: Window,
    pub wait: Wait,
    /// Whether anything may still come.
    pub pending: &'a dyn Fn() -> bool,
}

impl fmt::Debug for Search<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Search { places, window, wait, .. } = self;
        f.debug_struct("Search").field("places", places).field("window", window).field("wait", wait).finish()
    }
}

/// One Region's log group and metrics.
#[derive(Debug, Clone)]
pub struct Place {
    pub cloud: Cloud,
    pub region: String,
    pub group: String,
    pub namespace: String,
}

/// Reads back what was logged and counted, service after service, and puts it beside what the client saw.
#[derive(Debug)]
pub struct Collector {
    join: Join,
    counted: BTreeMap<Counted, f64>,
    sources: Vec<String>,
    waited: Duration,
}

impl Collector {
    /// `bucket_s` is the width of the series over time.
    pub fn new(bucket_s: f64) -> Collector {
        Collector {
            join: Join::new(bucket_s),
            counted: BTreeMap::new(),
            sources: Vec::new(),
            waited: Duration::ZERO,
        }
    }

    /// Reads until every attempt of these cells has its record and every metric what the records make it, or until the
    /// patience is over, or nothing is pending any more. `told` hears how far it is: records found, and wanted, of all
    /// cells so far.
    pub async fn collect(
        &mut self,
        sent: Sent,
        search: Search<'_>,
        mut told: impl FnMut(u64, u64),
    ) -> anyhow::Result<()> {
        let Search { places, window, wait, pending } = search;
        let watch = Stopwatch::start();
        // Asked before the reading: what arrives during it is not missed.
        let waits = || pending() && watch.elapsed() + wait.pause <= wait.most;
        let before = self.join.tally();
        self.join.expect(sent);
        let read = loop {
            let more = waits();
            let mut read = self.join.clone();
            for place in places {
                place.records(window, &mut |line, arrived, _| read.line(&line, arrived)).await?;
            }
            let (found, wanted) = read.progress();
            told(found, wanted);
            if read.missing() == 0 || !more {
                break read;
            }
            tokio::time::sleep(wait.pause).await;
        };
        let since = |(counted, now): (Counted, u64)| {
            let was = before.get(&counted).copied().unwrap_or(0);
            (counted, now.saturating_sub(was))
        };
        let logged: Vec<(Counted, u64)> = read.tally().into_iter().map(since).collect();
        let sums = loop {
            let more = waits();
            let sums = sums(places, window, &logged).await?;
            let complete = sums.iter().zip(&logged).all(|(sum, (_, logged))| *sum >= *logged as f64);
            if complete || !more {
                break sums;
            }
            tokio::time::sleep(wait.pause).await;
        };
        for ((counted, _), sum) in logged.into_iter().zip(sums) {
            *self.counted.entry(counted).or_default() += sum;
        }
        self.join = read;
        for place in places {
            self.source(format!("log group {} in {}", place.group, place.region));
        }
        self.waited += watch.elapsed();
        Ok(())
    }

    /// Takes records out of files, for which there is nothing to wait.
    pub fn import(&mut self, sent: Sent, files: &[PathBuf]) -> Result<(), ReadError> {
        self.join.expect(sent);
        records::read_all(files, |line, arrived| self.join.line(&line, arrived))?;
        files.iter().for_each(|file| self.source(file.display().to_string()));
        Ok(())
    }

    fn source(&mut self, source: String) {
        if !self.sources.contains(&source) {
            self.sources.push(source);
        }
    }

    pub fn finish(self) -> Observed {
        let tally = self.join.tally();
        let mut metrics: Vec<(&Counted, MetricCount)> = self
            .counted
            .iter()
            .map(|(counted, sum)| {
                let of = counted.region.as_ref().map_or(String::new(), |region| format!(" of {region}"));
                let name = format!("{}{of}", counted.name);
                let in_log = tally.get(counted).copied().unwrap_or(0);
                (counted, MetricCount { name, counted: *sum, in_log })
            })
            .collect();
        // What all others are held against comes first.
        metrics.sort_by_key(|(counted, _)| (counted.name != metric::LOGGED, (*counted).clone()));
        let metrics: Vec<MetricCount> = metrics.into_iter().map(|(_, metric)| metric).collect();
        let joined = self.join.finish();
        let waited = (!self.counted.is_empty()).then_some(self.waited.as_secs());
        let differences = explain::differences(&joined.counts, &metrics, waited);
        Observed {
            sources: self.sources,
            counts: joined.counts,
            cells: joined.cells,
            hops: joined.hops,
            metrics,
            delivery: joined.delivery,
            differences,
        }
    }
}

/// The sums of the filters' metrics over the window's whole minutes, all Regions together.
async fn sums(places: &[Place], window: Window, logged: &[(Counted, u64)]) -> anyhow::Result<Vec<f64>> {
    let mut sums = vec![0.0; logged.len()];
    for place in places {
        for (some, sums) in logged.chunks(QUERIES_MAX).zip(sums.chunks_mut(QUERIES_MAX)) {
            let names: Vec<&Counted> = some.iter().map(|(counted, _)| counted).collect();
            let here = place.sums(window, &names).await?;
            sums.iter_mut().zip(here).for_each(|(sum, here)| *sum += here);
        }
    }
    Ok(sums)
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

    async fn sums(&self, window: Window, names: &[&Counted]) -> anyhow::Result<Vec<f64>> {
        let minute = |ms: i64| DateTime::from_millis(ms.div_euclid(60_000) * 60_000);
        let mut ask = self.cloud.metrics.get_metric_data();
        ask = ask.start_time(minute(window.from_ms)).end_time(minute(window.to_ms + AFTER_MS + 60_000));
        for (place, counted) in names.iter().enumerate() {
            ask =
                ask.metric_data_queries(sum(place, &self.namespace, counted.name, counted.region.as_deref()));
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
