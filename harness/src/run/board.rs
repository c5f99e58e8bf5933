//! The state of a live run a few times a second, for whoever shows it: the view on a terminal, the web page, plain lines.
//! Only the recorder publishes; whoever looks gets a copy and cannot hold it up. The way back is one wish: to stop.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use serde::Serialize;

/// A live run at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Snapshot {
    pub scenario: String,
    pub question: String,
    /// `mock` or `bedrock`.
    pub ground: String,
    /// Who answers: an address, or the real service.
    pub service: String,
    pub state: State,
    /// What is being waited for, or why it stopped; empty while nothing is to be said.
    pub note: String,
    /// The cell that runs: place in `strategies`, and replication.
    pub strategy: usize,
    pub replication: u32,
    pub replications: u32,
    /// Seconds of the cell's schedule played, and its length.
    pub now_s: f64,
    pub end_s: f64,
    /// The phase that runs.
    pub phase: String,
    /// Of the whole run, waits included.
    pub left_s: f64,
    /// One for each strategy, in the order of the scenario.
    pub strategies: Vec<StrategyNow>,
    /// What the answers of the whole run cost so far; absent when a price is not known.
    pub spent_usd: Option<f64>,
    pub spend_max_usd: Option<f64>,
    /// What makes the run invalid if it stays so.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is sent yet, or quotas refill between two strategies.
    #[default]
    Waiting,
    Running,
    /// No new arrivals; open requests may end.
    Draining,
    Done,
}

/// One strategy's numbers: of the last seconds where they are rates, of all its replications up to now otherwise.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct StrategyNow {
    pub name: String,
    /// Whether its cell is the one that runs.
    pub running: bool,
    /// Requests per second over the last [`RATES_OVER_S`].
    pub offered_per_s: f64,
    pub good_per_s: f64,
    pub throttles_per_s: f64,
    pub first_token_ms_p50: Option<f64>,
    pub first_token_ms_p99: Option<f64>,
    pub in_flight: u64,
    pub offered: u64,
    pub answered: u64,
    pub good: u64,
    pub failed: u64,
    pub shed: u64,
    pub attempts: u64,
    pub throttles: u64,
    /// Served attempts by Region, as far as it is known which.
    pub regions: Vec<(String, u64)>,
    /// Answers by target.
    pub targets: Vec<(String, u64)>,
    pub spent_usd: Option<f64>,
    /// How late the generator was, p99.
    pub lag_ms_p99: Option<f64>,
    /// Good answers per second, bucket by bucket of its present replication, the newest last.
    pub good_over_time: Vec<u32>,
    pub offered_over_time: Vec<u32>,
}

/// Rates are means over this many seconds.
pub const RATES_OVER_S: usize = 5;
/// Buckets of the series in a snapshot, at most.
pub const SERIES_MAX: usize = 120;

/// Where the newest snapshot hangs.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Inside>);

#[derive(Debug, Default)]
struct Inside {
    newest: Mutex<Arc<Snapshot>>,
    version: AtomicU64,
    stop: AtomicBool,
}

/// What whoever looks may wish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Give open requests up, and report what there is.
    Stop,
}

impl Board {
    pub fn publish(&self, snapshot: Snapshot) {
        *self.0.newest.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        self.0.version.fetch_add(1, Ordering::Release);
    }

    pub fn newest(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.newest.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn ask(&self, Ask::Stop: Ask) {
        self.0.stop.store(true, Ordering::Release);
    }

    /// Whether somebody wants the run to end without waiting for open requests.
    pub fn stop_asked(&self) -> bool {
        self.0.stop.load(Ordering::Acquire)
    }

    /// Grows with each snapshot: whoever has seen this one has nothing new to show.
    pub fn version(&self) -> u64 {
        self.0.version.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_looks_gets_the_newest_and_sees_that_it_is_new() {
        let board = Board::default();
        let seen = board.version();
        board.publish(Snapshot { now_s: 1.0, ..Snapshot::default() });
        board.publish(Snapshot { now_s: 2.0, ..Snapshot::default() });
        assert_eq!((board.newest().now_s, board.version()), (2.0, seen + 2));
        let json = serde_json::to_value(&*board.newest()).expect("it can be sent");
        assert_eq!(json["state"], "waiting");
        assert!(!board.stop_asked());
        board.clone().ask(Ask::Stop);
        assert!(board.stop_asked(), "every handle sees the wish");
    }
}
