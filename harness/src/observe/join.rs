//! Joins what the client sent with what the service logged, by request id: who served each call, what a hop cost, and
//! which of both sides' calls the other does not know. Pure; records stream by and are not kept.
//!
//! Memory is that of the attempts whose records are looked for, [`Attempt`]'s size for each, and a histogram for each
//! strategy and Region. Where each cell has a service of its own, they are looked for cell by cell.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use indexmap::IndexMap;
use richter_reports::run_file::{Hop, LogCounts, ObservedCell, Spread};

use super::record::{Line, Record};

/// More attempts than this are not joined; the rest counts as unnamed.
pub const ATTEMPTS_MAX: usize = 10_000_000;
/// A record that takes longer to arrive is late: a minute is what dashboards count in.
const LATE_MS: i64 = 60_000;
/// Regions told apart; AWS has some forty.
const REGIONS_MAX: usize = 200;

/// One attempt of the client, by the id that came back with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    pub id: u128,
    /// Since the start of its cell.
    pub sent_ms: u32,
    /// To the first content and to the end, in hundredths of a millisecond; the largest number where there was none.
    pub first: u32,
    pub took: u32,
    pub cell: u16,
    pub answered: bool,
    pub retry: bool,
    /// Records found for it so far, up to two.
    found: u8,
}

/// No time was measured.
pub const NEVER: u32 = u32::MAX;

impl Attempt {
    pub fn new(id: u128, cell: u16, sent_ms: u32) -> Attempt {
        Attempt { id, sent_ms, first: NEVER, took: NEVER, cell, answered: false, retry: false, found: 0 }
    }
}

/// A request id as 128 bits: a UUID as it is, of any other text two hashes (FNV-1a).
pub fn folded(id: &str) -> u128 {
    let hex: String = id.chars().filter(|c| *c != '-').take(33).collect();
    if let (32, Ok(number)) = (hex.len(), u128::from_str_radix(&hex, 16)) {
        return number;
    }
    let hash = |start: u64| {
        id.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
    };
    u128::from(hash(0xcbf2_9ce4_8422_2325)) << 64 | u128::from(hash(0x6c62_272e_07bb_0142))
}

/// A cell's strategy and replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CellId {
    pub strategy: usize,
    pub replication: u32,
}

/// When a record arrived, where that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Arrived {
    /// Milliseconds since 1970: the event's own time, and that of its ingestion.
    pub event_ms: Option<i64>,
    pub ingested_ms: Option<i64>,
}

/// The client's side of some cells.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub cells: Vec<CellId>,
    /// Their [`Attempt::cell`] counts from the first of these cells.
    pub attempts: Vec<Attempt>,
    /// Attempts that no answer and so no id came back for.
    pub unnamed: u64,
}

impl Sent {
    /// Further cells behind these.
    pub fn and(&mut self, more: Sent) {
        let first = u16::try_from(self.cells.len()).unwrap_or(u16::MAX);
        let placed = |attempt: Attempt| Attempt { cell: attempt.cell.saturating_add(first), ..attempt };
        self.attempts.extend(more.attempts.into_iter().map(placed));
        self.cells.extend(more.cells);
        self.unnamed += more.unnamed;
    }
}

#[derive(Debug, Clone)]
pub struct Join {
    /// Those whose records are looked for now.
    attempts: Vec<Attempt>,
    /// How many of them have one.
    found: u64,
    cells: Vec<CellId>,
    bucket_ms: u32,
    counts: LogCounts,
    regions: Vec<String>,
    /// By cell and place of the Region.
    served: BTreeMap<(u16, u16), Vec<u32>>,
    /// By strategy and place of the Region, and whether it was the called one.
    hops: BTreeMap<(usize, u16), Times>,
    delivery: Histogram<u64>,
    latest_ingested_ms: i64,
    /// What the metrics should count, by name and, where they have one, Region.
    tally: BTreeMap<(&'static str, Option<u16>), u64>,
}

#[derive(Debug, Clone)]
struct Times {
    source: bool,
    answers: u64,
    first: Histogram<u64>,
    total: Histogram<u64>,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Joined {
    pub counts: LogCounts,
    pub cells: Vec<ObservedCell>,
    pub hops: Vec<Hop>,
    pub delivery: Option<Spread>,
}

/// A metric of a filter, with the Region of those that have one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Counted {
    pub name: &'static str,
    pub region: Option<String>,
}

impl Join {
    pub fn new(bucket_s: f64) -> Join {
        Join {
            attempts: Vec::new(),
            found: 0,
            cells: Vec::new(),
            bucket_ms: ((bucket_s * 1e3) as u32).max(1),
            counts: LogCounts::default(),
            regions: Vec::new(),
            served: BTreeMap::new(),
            hops: BTreeMap::new(),
            delivery: histogram(),
            latest_ingested_ms: i64::MIN,
            tally: BTreeMap::new(),
        }
    }

    /// The records that come next are of these attempts. Those from before whose record has not come are missing.
    pub fn expect(&mut self, sent: Sent) {
        let Sent { cells, mut attempts, unnamed } = sent;
        self.give_up();
        let beyond = attempts.len().saturating_sub(ATTEMPTS_MAX) as u64;
        attempts.truncate(ATTEMPTS_MAX);
        let first = u16::try_from(self.cells.len()).unwrap_or(u16::MAX);
        attempts.iter_mut().for_each(|attempt| attempt.cell = attempt.cell.saturating_add(first));
        attempts.sort_unstable_by_key(|attempt| attempt.id);
        self.counts.attempts += attempts.len() as u64;
        self.counts.retries += attempts.iter().filter(|attempt| attempt.retry).count() as u64;
        self.counts.unnamed += unnamed + beyond;
        self.latest_ingested_ms = i64::MIN;
        self.cells.extend(cells);
        self.attempts = attempts;
    }

    fn give_up(&mut self) {
        self.counts.missing += self.missing();
        (self.attempts, self.found) = (Vec::new(), 0);
    }

    /// One line of a log.
    pub fn line(&mut self, line: &Line, arrived: Arrived) {
        match line {
            Line::Record(record) => self.record(record, arrived),
            Line::Damaged(_) => self.counts.damaged += 1,
            Line::Notice | Line::Foreign => {}
        }
    }

    /// Attempts whose record has not come by yet.
    pub fn missing(&self) -> u64 {
        self.attempts.len() as u64 - self.found
    }

    /// What each metric should count of all records so far.
    pub fn tally(&self) -> BTreeMap<Counted, u64> {
        let named = |((name, region), count): (&(&'static str, Option<u16>), &u64)| {
            let region = region.map(|region| self.regions[usize::from(region)].clone());
            (Counted { name, region }, *count)
        };
        self.tally.iter().map(named).collect()
    }

    /// Records found and wanted, of all cells so far.
    pub fn progress(&self) -> (u64, u64) {
        (self.counts.matched, self.counts.attempts)
    }

    /// Bytes that grow with the run: what the attempts take.
    pub fn bytes(&self) -> usize {
        self.attempts.capacity() * size_of::<Attempt>()
    }

    pub fn record(&mut self, record: &Record, arrived: Arrived) {
        self.counts.records += 1;
        self.arrival(arrived);
        self.count_for_metrics(record);
        let id = folded(&record.request_id);
        let Ok(place) = self.attempts.binary_search_by_key(&id, |attempt| attempt.id) else {
            self.counts.foreign += 1;
            return;
        };
        let attempt = &mut self.attempts[place];
        attempt.found = attempt.found.saturating_add(1);
        if attempt.found > 1 {
            self.counts.duplicates += 1;
            return;
        }
        self.found += 1;
        self.counts.matched += 1;
        let attempt = *attempt;
        if record.error_code.is_none() {
            self.answered(attempt, record);
        }
    }

    fn arrival(&mut self, arrived: Arrived) {
        let Some(ingested) = arrived.ingested_ms else { return };
        self.counts.reordered += u64::from(ingested < self.latest_ingested_ms);
        self.latest_ingested_ms = self.latest_ingested_ms.max(ingested);
        if let Some(event) = arrived.event_ms {
            let delay = ingested.saturating_sub(event).max(0);
            self.counts.late += u64::from(delay > LATE_MS);
            // A histogram without upper bound takes every value.
            let _ = self.delivery.record(delay as u64);
        }
    }

    fn answered(&mut self, attempt: Attempt, record: &Record) {
        let profile = is_profile(&record.model_id);
        self.counts.region_unnamed += u64::from(profile && record.inference_region.is_none());
        let region = record.inference_region.as_deref().unwrap_or(&record.region);
        let Some(place) = self.region(region) else { return };
        let step = (attempt.sent_ms / self.bucket_ms) as usize;
        let series = self.served.entry((attempt.cell, place)).or_default();
        if step < SERIES_MAX {
            series.resize(series.len().max(step + 1), 0);
            series[step] += 1;
        }
        let Some(cell) = self.cells.get(usize::from(attempt.cell)) else { return };
        let times = self.hops.entry((cell.strategy, place)).or_insert_with(|| Times {
            source: region == record.region,
            answers: 0,
            first: histogram(),
            total: histogram(),
        });
        times.answers += 1;
        for (histogram, time) in [(&mut times.first, attempt.first), (&mut times.total, attempt.took)] {
            if attempt.answered && time != NEVER {
                let _ = histogram.record(u64::from(time));
            }
        }
    }

    fn count_for_metrics(&mut self, record: &Record) {
        use super::filter::metric;
        let mut count = |name, region, by: u64| *self.tally.entry((name, region)).or_default() += by;
        count(metric::LOGGED, None, 1);
        if record.is_throttled() {
            count(metric::THROTTLED, None, 1);
        }
        if is_profile(&record.model_id) && record.error_code.is_none() {
            count(metric::PROFILE, None, 1);
        }
        count(metric::INPUT, None, u64::from(record.input_tokens.unwrap_or(0)));
        count(metric::OUTPUT, None, u64::from(record.output_tokens.unwrap_or(0)));
        let Some(region) = &record.inference_region else { return };
        if *region != record.region {
            count(metric::REROUTED, None, 1);
        }
        let place = self.region(region);
        *self.tally.entry((metric::SERVED_BY, place)).or_default() += 1;
    }

    fn region(&mut self, name: &str) -> Option<u16> {
        let place = self.regions.iter().position(|known| known == name).or_else(|| {
            (self.regions.len() < REGIONS_MAX).then(|| {
                self.regions.push(name.to_owned());
                self.regions.len() - 1
            })
        });
        place.and_then(|place| u16::try_from(place).ok())
    }

    pub fn finish(mut self) -> Joined {
        self.give_up();
        let bucket_s = f64::from(self.bucket_ms) / 1e3;
        let cell = |(place, cell): (usize, &CellId)| {
            let of = self.served.iter().filter(|((of, _), _)| usize::from(*of) == place);
            let mut served: IndexMap<String, Vec<u32>> = of
                .map(|((_, region), series)| (self.regions[usize::from(*region)].clone(), series.clone()))
                .collect();
            served.sort_keys();
            let CellId { strategy, replication } = *cell;
            ObservedCell { strategy, replication, bucket_s, served_by_region: served }
        };
        let cells = self.cells.iter().enumerate().map(cell).collect();
        let hop = |((strategy, region), times): (&(usize, u16), &Times)| Hop {
            strategy: *strategy,
            region: self.regions[usize::from(*region)].clone(),
            source: times.source,
            answers: times.answers,
            first_token: spread(&times.first, 100.0),
            total: spread(&times.total, 100.0),
        };
        let mut hops: Vec<Hop> = self.hops.iter().map(hop).collect();
        hops.sort_by(|a, b| (a.strategy, !a.source, &a.region).cmp(&(b.strategy, !b.source, &b.region)));
        Joined { counts: self.counts, cells, hops, delivery: spread(&self.delivery, 1.0) }
    }
}

/// Buckets of a series; a run of a week in seconds has fewer.
const SERIES_MAX: usize = 1 << 20;

/// As the filters tell a profile.
fn is_profile(model: &str) -> bool {
    const PREFIXES: [&str; 8] = ["us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "global."];
    PREFIXES.iter().any(|prefix| model.starts_with(prefix)) || model.contains("inference-profile/")
}

/// Three digits, growing as needed.
fn histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new(3).expect("three digits are allowed");
    histogram.auto(true);
    histogram
}

fn spread(histogram: &Histogram<u64>, per_ms: f64) -> Option<Spread> {
    (!histogram.is_empty()).then(|| {
        let at = |share| histogram.value_at_quantile(share) as f64 / per_ms;
        Spread { p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), samples: histogram.len() }
    })
}

#[cfg(test)]
mod tests;
