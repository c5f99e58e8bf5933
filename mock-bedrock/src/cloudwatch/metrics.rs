//! CloudWatch's metrics of one account in one Region.
//!
//! A metric is a namespace, a name and its dimensions; it holds a bucket for each second or minute in which data came,
//! and a bucket holds what every statistic can be made of. Nothing here waits: when a datum may be seen is decided by
//! [`super::CloudWatch`].

mod bucket;
mod datum;
mod list;
mod math;
mod put;
mod query;
mod statistic;
mod statistics;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::{
    bucket::Bucket,
    datum::{Datum, Dimensions, Sample, UNITS},
    put::{read as read_data, unit as read_unit},
    query::{Asks, MetricStat, Query, Span, key as read_key, period as read_period, read as read_queries},
    statistic::Statistic,
};
use super::Millis;

/// Most metrics of an account in a Region.
const METRICS_MAX: usize = 100_000;
/// Most buckets kept of one metric; at one a minute these are the 15 days that the service keeps. The oldest go.
const BUCKETS_MAX: usize = 21_600;
/// The width of a bucket.
pub const MINUTE: Millis = 60_000;

/// What a metric is told apart by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub namespace: String,
    pub name: String,
    pub dimensions: Dimensions,
}

/// What a metric is told: a datum without its key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub unit: &'static str,
    pub at: Millis,
    pub resolution: Millis,
    pub sample: Sample,
}

#[derive(Debug, Default)]
pub struct Metrics {
    series: BTreeMap<Key, Series>,
    /// Data of metrics for which there was no room.
    refused: u64,
}

/// Buckets of one metric, apart for each unit, by the start of their second or minute.
#[derive(Debug, Default)]
pub struct Series {
    units: BTreeMap<&'static str, BTreeMap<Millis, Bucket>>,
    last: Millis,
}

impl Metrics {
    pub fn take(&mut self, datum: Datum) {
        let Datum { namespace, name, dimensions, unit, at, resolution, sample } = datum;
        self.add(&Key { namespace, name, dimensions }, Point { unit, at, resolution, sample });
    }

    /// The same for whoever has more to say of a key.
    pub fn add(&mut self, key: &Key, point: Point) {
        if let Some(series) = self.series.get_mut(key) {
            series.add(point);
        } else if self.series.len() < METRICS_MAX {
            self.series.entry(key.clone()).or_default().add(point);
        } else {
            self.refused += 1;
        }
    }

    /// Data of metrics for which there was no room.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Buckets of a metric, one for each period in which there was something. A time that begins inside a minute begins
    /// with that minute.
    fn periods(&self, key: &Key, period: Millis, span: Span, unit: Option<&str>) -> BTreeMap<Millis, Bucket> {
        let Some(series) = self.series.get(key) else { return BTreeMap::new() };
        series.periods(period, span, |own| unit.is_none_or(|unit| own == unit))
    }

    /// The same, apart for each unit.
    fn periods_by_unit(
        &self,
        key: &Key,
        period: Millis,
        span: Span,
        unit: Option<&str>,
    ) -> Vec<(Millis, Bucket, &'static str)> {
        let Some(series) = self.series.get(key) else { return Vec::new() };
        let units = series.units.keys().filter(|own| unit.is_none_or(|unit| **own == unit));
        let all = units.flat_map(|unit| {
            let periods = series.periods(period, span, move |own| own == *unit);
            periods.into_iter().map(move |(at, bucket)| (at, bucket, *unit))
        });
        all.collect()
    }
}

impl Series {
    fn add(&mut self, point: Point) {
        let Point { unit, at, resolution, sample } = point;
        self.last = self.last.max(at);
        let buckets = self.units.entry(unit).or_default();
        buckets.entry(at - at.rem_euclid(resolution.max(1))).or_default().add(sample);
        if buckets.len() > BUCKETS_MAX {
            buckets.pop_first();
        }
    }

    fn periods(&self, period: Millis, span: Span, unit: impl Fn(&str) -> bool) -> BTreeMap<Millis, Bucket> {
        let from = span.from - span.from.rem_euclid(MINUTE.min(period));
        let mut periods: BTreeMap<Millis, Bucket> = BTreeMap::new();
        for (_, buckets) in self.units.iter().filter(|(own, _)| unit(own)) {
            for (at, bucket) in buckets.range(from..span.to.max(from)) {
                periods.entry(at - at.rem_euclid(period)).or_default().merge(bucket);
            }
        }
        periods
    }
}
