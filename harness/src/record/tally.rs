//! Counters and histograms for the requests of one phase.

use hdrhistogram::Histogram;
use richter_core::{failure::FailureClass, strategy::Reason};
use richter_mock_bedrock::Nanos;

pub const CLASSES: usize = FailureClass::ALL.len();
pub const REASONS: usize = Reason::ALL.len();

/// Histograms hold microseconds from 1 µs to 1 h with 3 significant digits; longer values count as 1 h.
const LOWEST_US: u64 = 1;
const HIGHEST_US: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

/// A latency histogram of fixed size.
#[derive(Debug)]
pub struct Latency(Histogram<u64>);

impl Default for Latency {
    fn default() -> Self {
        Latency(
            Histogram::new_with_bounds(LOWEST_US, HIGHEST_US, DIGITS)
                .expect("the bounds are valid constants"),
        )
    }
}

impl Latency {
    #[inline]
    pub fn record(&mut self, nanos: Nanos) {
        self.0.saturating_record((nanos / 1_000).max(LOWEST_US));
    }

    pub fn histogram(&self) -> &Histogram<u64> {
        &self.0
    }
}

/// Everything counted for the requests whose intended arrival lies in one phase.
#[derive(Debug)]
pub struct Tally {
    pub offered: u64,
    pub answered: u64,
    pub good: u64,
    /// Answers that the strategy's own `max_tokens` cut off.
    pub cut_short: u64,
    pub failed: u64,
    pub broken: u64,
    pub abandoned: u64,
    pub shed: u64,
    pub failed_by_class: [u64; CLASSES],
    /// Requests that the strategy itself turned away.
    pub rejected_by_reason: [u64; REASONS],
    pub attempts: u64,
    pub attempts_failed_by_class: [u64; CLASSES],
    pub attempts_cancelled: u64,
    pub attempts_by_target: Vec<u64>,
    pub answered_by_target: Vec<u64>,
    /// By the model that made the answer.
    pub answered_by_model: Vec<u64>,
    pub served_by_region: Vec<u64>,
    /// Tokens by route, since prices differ by target, and behind a prompt router by model.
    /// Prompts' tokens that no cache had.
    pub input_by_route: Vec<u64>,
    pub cache_read_by_route: Vec<u64>,
    pub cache_write_by_route: Vec<u64>,
    pub output_by_route: Vec<u64>,
    pub wasted_tokens: u64,
    pub first_token: Latency,
    pub total: Latency,
    pub gap: Latency,
    pub attempt: Latency,
}

/// How many there are of what is counted one by one.
#[derive(Debug, Clone, Copy)]
pub struct Kinds {
    pub targets: usize,
    pub routes: usize,
    pub models: usize,
    pub regions: usize,
}

impl Tally {
    pub fn new(kinds: &Kinds) -> Tally {
        let &Kinds { targets, routes, models, regions } = kinds;
        Tally {
            offered: 0,
            answered: 0,
            good: 0,
            cut_short: 0,
            failed: 0,
            broken: 0,
            abandoned: 0,
            shed: 0,
            failed_by_class: [0; CLASSES],
            rejected_by_reason: [0; REASONS],
            attempts: 0,
            attempts_failed_by_class: [0; CLASSES],
            attempts_cancelled: 0,
            attempts_by_target: vec![0; targets],
            answered_by_target: vec![0; targets],
            answered_by_model: vec![0; models],
            served_by_region: vec![0; regions],
            input_by_route: vec![0; routes],
            cache_read_by_route: vec![0; routes],
            cache_write_by_route: vec![0; routes],
            output_by_route: vec![0; routes],
            wasted_tokens: 0,
            first_token: Latency::default(),
            total: Latency::default(),
            gap: Latency::default(),
            attempt: Latency::default(),
        }
    }
}
