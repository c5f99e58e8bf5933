//! How one strategy did over time: sums of all replications for each step of the run, and what is derived from them.
//!
//! A step is one window of the run file, so that times and counts share their axis; a file without windows gets steps
//! of the same length. Offered requests, good answers by arrival and times are counted where the request was due;
//! everything else where it happened.

use indexmap::IndexMap;

use super::{Clock, REQUESTS_MIN};
use crate::{
    metric::Measured,
    quantity::Value,
    run_file::{Cell, RunFile, Status, Windows},
    samples::{Percentile, Samples},
    tally::View,
};

/// Steps of a run whose file has no windows.
const STEPS_MAX: usize = 120;
/// Longest table of steps that a report shows; a file with more is read in longer steps.
const STEPS_LIMIT: usize = 600;

/// The axis that all strategies of a run share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    pub step_s: f64,
    pub steps: usize,
    bucket_s: f64,
    /// Buckets of the series in one step.
    per: usize,
    /// Steps per window of the file's; 0 if times are not in it.
    windows: usize,
}

/// What was counted in one step, all replications together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Sums {
    offered: u64,
    good_by_arrival: u64,
    good: u64,
    attempts: u64,
}

#[derive(Debug)]
pub struct OverTime<'a> {
    pub grid: Grid,
    cells: Vec<&'a Cell>,
    sums: Vec<Sums>,
    /// Time that was played of each step, all replications together.
    seconds: Vec<f64>,
}

impl Grid {
    /// `None` if the run has no series.
    pub fn of(run: &RunFile) -> Option<Grid> {
        let bucket_s = run.cells.first()?.series.bucket_s;
        let buckets = run.cells.iter().map(|cell| cell.series.offered.len()).max().filter(|n| *n > 0)?;
        let window = run
            .cells
            .iter()
            .map(|cell| cell.windows.as_ref().map(|w| w.window_s))
            .min_by(|a, b| a.unwrap_or(0.0).total_cmp(&b.unwrap_or(0.0)))?;
        let whole = |window_s: &f64| (window_s / bucket_s).fract().abs() < 1e-9 && *window_s >= bucket_s;
        let (base, windows) = match window.filter(whole) {
            Some(window_s) => ((window_s / bucket_s).round().min(buckets as f64) as usize, 1),
            None => (buckets.div_ceil(STEPS_MAX).max(5), 0),
        };
        let widen = buckets.div_ceil(base.max(1)).div_ceil(STEPS_LIMIT).max(1);
        let per = base.max(1) * widen;
        let steps = buckets.div_ceil(per);
        Some(Grid { step_s: per as f64 * bucket_s, steps, bucket_s, per, windows: windows * widen })
    }

    /// Starts of the steps.
    pub fn starts(&self) -> Vec<f64> {
        (0..self.steps).map(|step| step as f64 * self.step_s).collect()
    }

    /// Seconds of each step that the cells played together. A cell that was stopped, or is under way, did not come to all of them.
    fn played(&self, cells: &[&Cell], status: &Status) -> Vec<f64> {
        let of = |cell: &Cell, step: usize| match status {
            Status::Interrupted => {
                self.bucket_s * cell.series.offered.len().saturating_sub(step * self.per).min(self.per) as f64
            }
            Status::Complete | Status::Aborted { .. } => self.step_s,
        };
        (0..self.steps).map(|step| cells.iter().map(|cell| of(cell, step)).sum()).collect()
    }

    /// Sums of a series' buckets.
    fn add(&self, sums: &mut [u64], series: &[u32]) {
        for (sum, buckets) in sums.iter_mut().zip(series.chunks(self.per)) {
            *sum += buckets.iter().map(|count| u64::from(*count)).sum::<u64>();
        }
    }
}

impl<'a> OverTime<'a> {
    /// `None` if the run has no series.
    pub fn new(view: &View<'a>, strategy: usize) -> Option<OverTime<'a>> {
        let grid = Grid::of(view.run)?;
        // Buckets of another width would be added to the wrong times.
        let cells: Vec<&Cell> =
            view.cells(strategy).filter(|cell| cell.series.bucket_s == grid.bucket_s).collect();
        let column = |pick: fn(&Cell) -> &Vec<u32>| {
            let mut sums = vec![0; grid.steps];
            cells.iter().for_each(|cell| grid.add(&mut sums, pick(cell)));
            sums
        };
        let offered = column(|cell| &cell.series.offered);
        let by_arrival = column(|cell| &cell.series.good_by_arrival);
        let (good, attempts) = (column(|cell| &cell.series.good), column(|cell| &cell.series.attempts));
        let sums = (0..grid.steps).map(|step| Sums {
            offered: offered[step],
            good_by_arrival: by_arrival[step],
            good: good[step],
            attempts: attempts[step],
        });
        let (sums, seconds) = (sums.collect(), grid.played(&cells, &view.run.status));
        Some(OverTime { grid, sums, seconds, cells })
    }

    fn each(&self, one: impl Fn(&Sums) -> Measured) -> Vec<Measured> {
        self.sums.iter().map(one).collect()
    }

    /// Per second, of what was counted in each step.
    fn rate(&self, counts: impl Iterator<Item = u64>) -> Vec<Measured> {
        let steps = counts.zip(&self.seconds);
        steps.map(|(count, seconds)| plain(Value::ratio(count as f64, *seconds), count)).collect()
    }

    /// Offered requests per second.
    pub fn offered(&self) -> Vec<Measured> {
        self.rate(self.sums.iter().map(|sums| sums.offered))
    }

    /// Good answers per second, when they ended.
    pub fn goodput(&self) -> Vec<Measured> {
        self.rate(self.sums.iter().map(|sums| sums.good))
    }

    /// Good answers of the requests that arrived in a step, of all that did.
    pub fn good_share(&self) -> Vec<Measured> {
        self.each(|sums| Measured {
            value: Value::ratio(sums.good_by_arrival as f64, sums.offered as f64),
            n: sums.offered,
            n_needed: REQUESTS_MIN,
        })
    }

    /// Attempts sent in a step, for each request that arrived in it; no data where none arrived.
    pub fn amplification(&self) -> Vec<Measured> {
        self.each(|sums| Measured {
            value: Value::ratio(sums.attempts as f64, sums.offered as f64),
            n: sums.offered,
            n_needed: REQUESTS_MIN,
        })
    }

    /// Failed requests per second, by class; classes that never occurred are absent.
    pub fn failures(&self) -> IndexMap<String, Vec<Measured>> {
        self.rates(self.cells.iter().flat_map(|cell| &cell.series.failed_by_class))
    }

    /// Served attempts per second, by the Region that served them.
    pub fn served_by_region(&self) -> IndexMap<String, Vec<Measured>> {
        self.rates(self.cells.iter().flat_map(|cell| &cell.series.by_region))
    }

    /// Served attempts per second, by what `name` makes of the target that was called; empty if the file lacks them.
    pub fn served_by_target(&self, name: impl Fn(usize) -> String) -> IndexMap<String, Vec<Measured>> {
        let targets = self.cells.iter().filter_map(|cell| cell.series.by_target.as_ref());
        let named: Vec<(String, &Vec<u32>)> = targets
            .flat_map(|targets| targets.iter().enumerate())
            .filter(|(_, counts)| counts.iter().any(|count| *count > 0))
            .map(|(target, counts)| (name(target), counts))
            .collect();
        self.rates(named.iter().map(|(name, counts)| (name, *counts)))
    }

    fn rates<'s>(
        &self,
        series: impl Iterator<Item = (&'s String, &'s Vec<u32>)>,
    ) -> IndexMap<String, Vec<Measured>> {
        let mut sums: IndexMap<String, Vec<u64>> = IndexMap::new();
        for (name, counts) in series {
            let sum = sums.entry(name.clone()).or_insert_with(|| vec![0; self.grid.steps]);
            self.grid.add(sum, counts);
        }
        sums.into_iter().map(|(name, counts)| (name, self.rate(counts.into_iter()))).collect()
    }

    /// Percent of each pool's quota in use, averaged over the replications that have it; `None` for a pool without a
    /// quota and for files that lack it.
    pub fn quota_used(&self, pool: usize) -> Option<Vec<Measured>> {
        let with = self.cells.iter().filter_map(|cell| cell.windows.as_ref()?.quota_used.get(pool));
        let with: Vec<&Vec<u32>> = with.filter(|used| !used.is_empty()).collect();
        if with.is_empty() || self.grid.windows == 0 {
            return None;
        }
        let at = |step: usize| {
            let from = step * self.grid.windows;
            let seen: Vec<f64> = with
                .iter()
                .filter_map(|used| used.get(from..used.len().min(from + self.grid.windows)))
                .flatten()
                .map(|percent| f64::from(*percent) / 100.0)
                .collect();
            plain(Value::ratio(seen.iter().sum(), seen.len() as f64), seen.len() as u64)
        };
        Some((0..self.grid.steps).map(at).collect())
    }

    /// A percentile over the requests that arrived in each step; those without a whole answer rank as infinitely
    /// slow. `None` if the file lacks the times.
    pub fn latency(&self, clock: Clock, percentiles: &[Percentile]) -> Option<Vec<Vec<Measured>>> {
        let windows: Vec<&Windows> = self.cells.iter().filter_map(|cell| cell.windows.as_ref()).collect();
        if self.grid.windows == 0 || windows.len() < self.cells.len() || windows.is_empty() {
            return None;
        }
        let blobs = |windows: &'a Windows| match clock {
            Clock::FirstToken => &windows.first_token,
            _ => &windows.total,
        };
        let mut found = vec![Vec::with_capacity(self.grid.steps); percentiles.len()];
        for (step, sums) in self.sums.iter().enumerate() {
            let from = step * self.grid.windows;
            let mut samples = Samples::default();
            for windows in &windows {
                for blob in blobs(windows).iter().skip(from).take(self.grid.windows).filter(|b| !b.is_empty())
                {
                    samples.add(&Samples::decode(blob).ok()?);
                }
            }
            for (values, percentile) in found.iter_mut().zip(percentiles) {
                values.push(over_offered(&samples, sums.offered, *percentile));
            }
        }
        Some(found)
    }
}

fn over_offered(samples: &Samples, offered: u64, percentile: Percentile) -> Measured {
    let never = offered.saturating_sub(samples.len());
    let value = samples.percentile(percentile, never);
    Measured { value, n: samples.len() + never, n_needed: percentile.samples_needed() }
}

/// A number that needs no minimum of samples: a count, or an average of what was seen.
fn plain(value: Value, n: u64) -> Measured {
    Measured { value, n, n_needed: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{samples::P50, synthetic};

    fn number(measured: &Measured) -> f64 {
        measured.value.number().expect("a number")
    }

    #[test]
    fn steps_sum_all_replications_before_anything_is_divided() {
        let run = synthetic::usual();
        let view = View::new(&run);
        let over = OverTime::new(&view, 1).expect("a series");
        assert_eq!((over.grid.step_s, over.grid.steps), (5.0, 48));
        assert_eq!(number(&over.offered()[0]), 20.0);
        assert_eq!(number(&over.offered()[12]), 100.0);
        assert_eq!(number(&over.amplification()[12]), 3.0);
        // Half of the spike's requests, less at most four in each replication.
        let good = number(&over.goodput()[12]);
        assert!((good - 50.0).abs() < 0.2, "{good}");
        assert_eq!(over.failures().keys().collect::<Vec<_>>(), ["throttle"]);
    }

    #[test]
    fn times_over_time_rank_the_unanswered_last_and_say_how_many_they_are_of() {
        let run = synthetic::usual();
        let view = View::new(&run);
        let sdk = OverTime::new(&view, 1).expect("a series");
        let found = sdk.latency(Clock::FirstToken, &[P50]).expect("windows");
        assert_eq!(found[0][0].value, Value::Finite(1.789952), "0.9 s to 2.7 s, evenly spread");
        assert_eq!(found[0][12].n, 2_500);
        assert_eq!(found[0][30].value, Value::Infinite, "40 of 100 were answered");
    }

    #[test]
    fn what_an_old_file_lacks_is_no_series_at_all() {
        let mut run = synthetic::usual();
        for cell in &mut run.cells {
            cell.windows = None;
            cell.series.by_target = None;
        }
        let view = View::new(&run);
        let over = OverTime::new(&view, 0).expect("a series");
        assert_eq!(over.latency(Clock::Total, &[P50]), None);
        assert_eq!(over.quota_used(0), None);
        assert!(over.served_by_target(|_| "x".to_owned()).is_empty());
        assert_eq!(number(&over.offered()[0]), 20.0);
        run.cells.iter_mut().for_each(|cell| cell.series.offered.clear());
        assert_eq!(Grid::of(&run), None);
    }

    #[test]
    fn a_step_in_which_nobody_came_has_no_share_and_no_percentile() {
        let mut run = synthetic::usual();
        for cell in &mut run.cells {
            cell.series.offered[..5].fill(0);
            cell.series.good_by_arrival[..5].fill(0);
            cell.windows.as_mut().expect("windows").first_token[0].clear();
        }
        let view = View::new(&run);
        let over = OverTime::new(&view, 2).expect("a series");
        assert_eq!(over.good_share()[0].value, Value::NoData);
        assert_eq!(over.amplification()[0].value, Value::NoData);
        let found = over.latency(Clock::FirstToken, &[P50]).expect("windows");
        assert_eq!(found[0][0].value, Value::NoData);
    }

    #[test]
    fn a_replication_under_way_thins_no_rate_of_the_seconds_it_has_not_come_to() {
        let mut run = synthetic::run(&synthetic::sketches(), 2);
        run.status = Status::Interrupted;
        let whole = OverTime::new(&View::new(&run), 0).expect("a series").offered();
        for cell in run.cells.iter_mut().filter(|cell| cell.replication == 1) {
            let series = &mut cell.series;
            let half = series.offered.len() / 2;
            for counts in
                [&mut series.offered, &mut series.good, &mut series.good_by_arrival, &mut series.attempts]
            {
                counts.truncate(half);
            }
        }
        let halved = OverTime::new(&View::new(&run), 0).expect("a series").offered();
        let numbers =
            |all: &[Measured]| -> Vec<Option<f64>> { all.iter().map(|one| one.value.number()).collect() };
        assert_eq!(numbers(&halved), numbers(&whole));
        assert!(halved.last().expect("steps").n < whole.last().expect("steps").n);
    }
}
