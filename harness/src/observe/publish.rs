//! richter's own results as CloudWatch metrics: what callers felt, beside what the service says of itself.
//!
//! Latencies go as values with counts, so that CloudWatch can tell any percentile of them; statistic sets could not.
//! Pure: a run file becomes data points within the service's limits, and the shell sends them.

use jiff::Timestamp;
use richter_reports::{
    run_file::{PhaseCell, RunFile},
    samples::Samples,
};

/// Namespace of what richter publishes of its runs.
pub const NAMESPACE: &str = "Richter/Run";
/// What tells its metrics apart.
pub const DIMENSIONS: [&str; 2] = ["Scenario", "Strategy"];
/// Time from intended arrival to last token, in milliseconds.
pub const TOTAL: &str = "Total";
/// Time from intended arrival to the first content, in milliseconds.
pub const FIRST_TOKEN: &str = "FirstToken";

/// Pairs of value and count that one point takes.
const PAIRS_MAX: usize = 150;
/// Points in one request. The service takes 1000, and a megabyte: this many full points stay below it.
pub const POINTS_MAX: usize = 200;
/// The service takes no older points.
const OLDEST_S: i64 = 14 * 24 * 3600;
/// Longest value of a dimension.
const DIMENSION_MAX: usize = 1024;

/// One data point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub name: &'static str,
    /// In the order of [`DIMENSIONS`].
    pub dimensions: [String; 2],
    pub unit: Unit,
    pub unix_s: i64,
    /// Value and count.
    pub values: Vec<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Count,
    Milliseconds,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unpublished {
    #[error("the run file says no time of day at which it began")]
    NoTime,
    #[error("the run began more than two weeks ago, and CloudWatch takes no points that old")]
    TooOld,
}

/// The points of a run: each strategy and phase, at the phase's end, all replications together.
pub fn points(run: &RunFile, now_s: i64) -> Result<Vec<Point>, Unpublished> {
    let began: Timestamp = run.when.started.parse().map_err(|_| Unpublished::NoTime)?;
    let began = began.as_second();
    if now_s - began > OLDEST_S {
        return Err(Unpublished::TooOld);
    }
    let mut points = Vec::new();
    for (strategy, facts) in run.strategies.iter().enumerate() {
        let dimensions = [dimension(&run.scenario.name), dimension(&facts.name)];
        for (place, phase) in run.phases.iter().enumerate() {
            let cells = run.cells.iter().filter(|cell| cell.strategy == strategy);
            let cells: Vec<&PhaseCell> = cells.filter_map(|cell| cell.phases.get(place)).collect();
            // Points of the future are refused; a simulated run's end lies there.
            let unix_s = (began + phase.to_s as i64).min(now_s);
            points.extend(of_phase(&cells, &dimensions, unix_s));
        }
    }
    Ok(points)
}

fn of_phase(cells: &[&PhaseCell], dimensions: &[String; 2], unix_s: i64) -> Vec<Point> {
    let point = |name, unit, values| Point { name, dimensions: dimensions.clone(), unit, unix_s, values };
    let sum = |of: fn(&PhaseCell) -> u64| cells.iter().map(|cell| of(cell)).sum::<u64>() as f64;
    let throttled = |cell: &PhaseCell| cell.attempts_failed_by_class.get("throttle").copied().unwrap_or(0);
    let counts = [
        ("Requests", sum(|cell| cell.offered)),
        ("Answered", sum(|cell| cell.answered)),
        ("Good", sum(|cell| cell.good)),
        ("Failed", sum(|cell| cell.failed + cell.broken)),
        ("Attempts", sum(|cell| cell.attempts)),
        ("Throttles", cells.iter().map(|cell| throttled(cell)).sum::<u64>() as f64),
    ];
    let mut points: Vec<Point> =
        counts.into_iter().map(|(name, count)| point(name, Unit::Count, vec![(count, 1.0)])).collect();
    type Times = (&'static str, fn(&PhaseCell) -> Option<&String>);
    let times: [Times; 2] = [
        (FIRST_TOKEN, |cell| cell.histograms.first_token.as_ref()),
        (TOTAL, |cell| cell.histograms.total.as_ref()),
    ];
    for (name, blob) in times {
        let pairs: Vec<(f64, f64)> = cells
            .iter()
            .filter_map(|cell| Samples::decode(blob(cell)?).ok())
            .flat_map(|samples| samples.counts().to_vec())
            .map(|(us, count)| (us as f64 / 1e3, count as f64))
            .collect();
        points.extend(pairs.chunks(PAIRS_MAX).map(|some| point(name, Unit::Milliseconds, some.to_vec())));
    }
    points
}

/// What fits a dimension: printable ASCII, and not too much of it.
fn dimension(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '_' };
    let text: String = text.chars().map(fit).take(DIMENSION_MAX).collect();
    if text.trim().is_empty() { "_".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::atomic::AtomicBool};

    use super::*;
    use crate::{
        run::{Options, progress::Progress, simulate},
        scenario,
    };

    fn run() -> RunFile {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/steady.yaml");
        let mut plan = scenario::load(&path).expect("a shipped scenario").plan;
        plan.replications = 2;
        let (stop, progress) = (AtomicBool::new(false), Progress::silent());
        let options =
            Options { jobs: 1, trace: None, file: "steady.yaml", interrupted: &stop, progress: &progress };
        simulate(&plan, &options).expect("played").run
    }

    #[test]
    fn every_sample_is_published_once_and_every_point_keeps_the_services_limits() {
        let mut run = run();
        run.when.started = "2026-11-27T10:00:00Z".to_owned();
        let now = 1_795_773_600 + 60;
        let points = points(&run, now).expect("recent");
        for strategy in &run.strategies {
            let of = |name| points.iter().filter(move |p| p.name == name && p.dimensions[1] == strategy.name);
            let index = run.strategies.iter().position(|one| one.name == strategy.name).expect("known");
            let cells = run.cells.iter().filter(|cell| cell.strategy == index).flat_map(|cell| &cell.phases);
            let answered: u64 = cells.map(|phase| phase.answered).sum();
            let published: f64 = of(TOTAL).flat_map(|point| &point.values).map(|(_, count)| count).sum();
            assert_eq!(published, answered as f64, "{}", strategy.name);
            let counted: f64 = of("Answered").map(|point| point.values[0].0).sum();
            assert_eq!(counted, answered as f64);
        }
        assert!(points.iter().any(|point| point.values.len() == PAIRS_MAX), "long histograms are cut up");
        for point in &points {
            assert!((1..=PAIRS_MAX).contains(&point.values.len()) && point.unix_s <= now);
            assert!(point.values.iter().all(|(value, count)| value.is_finite() && *count >= 0.0));
        }
    }

    #[test]
    fn a_run_of_long_ago_is_refused_and_odd_names_are_made_fit() {
        let mut run = run();
        run.when.started = "2026-11-01T10:00:00Z".to_owned();
        assert_eq!(points(&run, 1_795_773_600), Err(Unpublished::TooOld));
        run.when.started.clear();
        assert_eq!(points(&run, 1_795_773_600), Err(Unpublished::NoTime));
        assert_eq!((dimension("a\u{e9}b\n"), dimension(" ")), ("a_b_".to_owned(), "_".to_owned()));
    }
}
