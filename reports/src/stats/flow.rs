//! How good answers flow over time: what a trigger (a phase or a fault) did to callers, and whether it healed.
//!
//! Everything here counts requests by their intended arrival, in whole buckets, for one strategy in one replication.
//! The yardstick is the base: the good share just before the trigger. A share is held to be back at 95 % of it.

use crate::{
    quantity::Value,
    run_file::{Cell, RunFile},
    stats::REQUESTS_MIN,
};

/// Part of the base at which goodput counts as back.
const BACK: f64 = 0.95;
/// Below this a base is no health to come back to.
const HEALTHY: f64 = 0.5;
/// Smooths the noise of single buckets.
const SHORT_S: f64 = 5.0;
/// Quotas are per minute: over less, a freshly filled quota looks like a recovery.
const LONG_S: f64 = 60.0;

/// Something that disturbs the run for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    pub name: String,
    pub from_s: f64,
    pub to_s: f64,
}

/// Requests and good answers by arrival, summed up to each bucket so that any window costs two look-ups.
#[derive(Debug, Clone)]
pub struct Flow {
    bucket_s: f64,
    offered_before: Vec<u64>,
    good_before: Vec<u64>,
    /// Starts of phases, in buckets, and the end of the last.
    edges: Vec<usize>,
}

impl Trigger {
    /// The phase, or else the fault, of this name.
    pub fn find(run: &RunFile, name: &str) -> Option<Trigger> {
        let trigger = |from_s, to_s| Trigger { name: name.to_owned(), from_s, to_s };
        let phase =
            run.phases.iter().find(|phase| phase.name == name).map(|phase| trigger(phase.from_s, phase.to_s));
        phase.or_else(|| run.faults.iter().find(|f| f.name == name).map(|f| trigger(f.from_s, f.to_s)))
    }
}

impl Flow {
    pub fn new(run: &RunFile, cell: &Cell) -> Flow {
        let series = &cell.series;
        let bucket_s = if series.bucket_s > 0.0 { series.bucket_s } else { 1.0 };
        let bucket = |seconds: f64| first_bucket(seconds, bucket_s);
        let mut edges: Vec<usize> = run.phases.iter().map(|phase| bucket(phase.from_s)).collect();
        edges.extend(run.phases.last().map(|phase| bucket(phase.to_s)));
        let end = edges.last().copied().unwrap_or(0).min(series.offered.len());
        Flow {
            bucket_s,
            offered_before: running_sum(&series.offered, end),
            good_before: running_sum(&series.good_by_arrival, end),
            edges,
        }
    }

    /// Buckets in which requests arrived.
    fn end(&self) -> usize {
        self.offered_before.len() - 1
    }

    fn offered(&self, from: usize, to: usize) -> u64 {
        self.offered_before[to.min(self.end())].saturating_sub(self.offered_before[from.min(self.end())])
    }

    fn good(&self, from: usize, to: usize) -> u64 {
        self.good_before[to.min(self.end())].saturating_sub(self.good_before[from.min(self.end())])
    }

    /// Good share of the requests that arrived in a window; `None` if there were fewer than `least`.
    fn share(&self, from: usize, to: usize, least: u64) -> Option<f64> {
        let offered = self.offered(from, to);
        (offered >= least.max(1)).then(|| self.good(from, to) as f64 / offered as f64)
    }

    fn buckets(&self, seconds: f64) -> usize {
        first_bucket(seconds, self.bucket_s).max(1)
    }

    /// Good share of the requests that arrived in the stretch before the trigger: from the start of the phase that
    /// the trigger's start ends or interrupts. `None` below 20 requests, and where not even half were good.
    pub fn base(&self, trigger: &Trigger) -> Option<f64> {
        let to = last_bucket(trigger.from_s, self.bucket_s);
        let from = self.edges.iter().copied().rfind(|edge| *edge < to)?;
        self.share(from, to, REQUESTS_MIN).filter(|share| *share >= HEALTHY)
    }

    /// Seconds from the trigger's end until goodput is back: to the first bucket from which the good share is at
    /// least 95 % of the base both over the next 5 s and over the next minute (or what is left of the phase, if that
    /// holds 20 requests). 0 if it is back at once, infinite if it never is before the run's end.
    pub fn recovery(&self, trigger: &Trigger) -> Value {
        let Some(base) = self.base(trigger) else { return Value::NoData };
        let start = first_bucket(trigger.to_s, self.bucket_s);
        if self.offered(start, self.end()) < REQUESTS_MIN {
            return Value::NoData;
        }
        match (start..self.end()).find(|bucket| self.is_back(*bucket, BACK * base)) {
            Some(bucket) => Value::Finite((bucket as f64 * self.bucket_s - trigger.to_s).max(0.0)),
            None => Value::Infinite,
        }
    }

    fn is_back(&self, bucket: usize, least: f64) -> bool {
        let phase_end = self.edges.iter().copied().find(|edge| *edge > bucket).unwrap_or(self.end());
        let long_end = phase_end.min(bucket + self.buckets(LONG_S));
        let short_end = long_end.min(bucket + self.buckets(SHORT_S));
        let holds = |end, n| self.share(bucket, end, n).is_some_and(|share| share >= least);
        holds(short_end, 1) && holds(long_end, REQUESTS_MIN)
    }

    /// Seconds that callers suffered before the strategy had worked round the trigger while it lasted: from the first
    /// bucket inside it from which the good share is below 95 % of the base (the bucket itself and the next 5 s) to
    /// the first later one inside it from which the next 5 s are not. 0 if there was no such dip, infinite if it
    /// lasted until the trigger ended.
    pub fn detect(&self, trigger: &Trigger) -> Value {
        let Some(base) = self.base(trigger) else { return Value::NoData };
        let from = first_bucket(trigger.from_s, self.bucket_s);
        let to = last_bucket(trigger.to_s, self.bucket_s).min(self.end());
        if self.offered(from, to) < REQUESTS_MIN {
            return Value::NoData;
        }
        let short = self.buckets(SHORT_S);
        let over = |bucket: usize, len: usize| self.share(bucket, (bucket + len).min(to), 1);
        let is_low = |share: Option<f64>| share.is_some_and(|share| share < BACK * base);
        let Some(hurt) = (from..to).find(|b| is_low(over(*b, 1)) && is_low(over(*b, short))) else {
            return Value::Finite(0.0);
        };
        match (hurt + 1..to).find(|b| over(*b, short).is_some_and(|share| share >= BACK * base)) {
            Some(bucket) => Value::Finite((bucket - hurt) as f64 * self.bucket_s),
            None => Value::Infinite,
        }
    }

    /// Good answers that the trigger cost: what the base would have given, less what was good, over the requests
    /// that arrived from the trigger's start to the recovery (to the run's end without one). Never below 0.
    pub fn lost(&self, trigger: &Trigger) -> Value {
        let Some(base) = self.base(trigger) else { return Value::NoData };
        let from = first_bucket(trigger.from_s, self.bucket_s);
        let to = match self.recovery(trigger) {
            Value::Finite(seconds) => first_bucket(trigger.to_s + seconds, self.bucket_s),
            Value::Infinite | Value::NoData => self.end(),
        };
        let expected = base * self.offered(from, to) as f64;
        Value::Finite((expected - self.good(from, to) as f64).max(0.0))
    }

    /// When goodput is back after a trigger; the end of the arrivals if it never is, the trigger's own end if that
    /// cannot be told.
    pub fn back_at(&self, trigger: &Trigger) -> f64 {
        match self.recovery(trigger) {
            Value::Finite(seconds) => trigger.to_s + seconds,
            Value::Infinite => self.end() as f64 * self.bucket_s,
            Value::NoData => trigger.to_s,
        }
    }

    /// Good share of everything that arrived after the trigger.
    pub fn share_after(&self, trigger: &Trigger) -> Option<f64> {
        self.share(first_bucket(trigger.to_s, self.bucket_s), self.end(), 1)
    }
}

/// Highest attempts per offered request over any 10 s that lie in one of these phases and hold 20 requests.
pub fn amplification_peak(run: &RunFile, cell: &Cell, phases: &[usize]) -> Value {
    let series = &cell.series;
    let bucket_s = if series.bucket_s > 0.0 { series.bucket_s } else { 1.0 };
    let end = series.offered.len();
    let (offered, attempts) = (running_sum(&series.offered, end), running_sum(&series.attempts, end));
    let window = first_bucket(10.0, bucket_s).max(1);
    let phases = phases.iter().filter_map(|phase| run.phases.get(*phase));
    let starts = phases.flat_map(|phase| {
        let to = last_bucket(phase.to_s, bucket_s).min(end);
        first_bucket(phase.from_s, bucket_s)..(to + 1).saturating_sub(window)
    });
    starts
        .filter_map(|at| {
            let requests = offered[at + window] - offered[at];
            let sent = attempts[at + window] - attempts[at];
            (requests >= REQUESTS_MIN).then(|| sent as f64 / requests as f64)
        })
        .max_by(f64::total_cmp)
        .map_or(Value::NoData, Value::Finite)
}

/// The first bucket that starts at or after a time. The small step back forgives the rounding of a division.
fn first_bucket(seconds: f64, bucket_s: f64) -> usize {
    (seconds / bucket_s - 1e-6).ceil().max(0.0) as usize
}

/// How many buckets end at or before a time.
fn last_bucket(seconds: f64, bucket_s: f64) -> usize {
    (seconds / bucket_s + 1e-6).floor().max(0.0) as usize
}

/// Sums before each of the first `end` buckets, and after the last; missing buckets count 0.
fn running_sum(counts: &[u32], end: usize) -> Vec<u64> {
    let mut sums = Vec::with_capacity(end + 1);
    let mut sum = 0;
    sums.push(0);
    for index in 0..end {
        sum += u64::from(counts.get(index).copied().unwrap_or(0));
        sums.push(sum);
    }
    sums
}

#[cfg(test)]
mod tests;
