//! First-token and total times over time: a small histogram for each stretch of the run, by intended arrival, so that
//! what callers felt stands beside what they sent.

use hdrhistogram::Histogram;
use richter_mock_bedrock::Nanos;

/// Windows kept; a longer run gets longer ones. At five seconds that is ten minutes.
const WINDOWS_MAX: u64 = 120;
/// A p95 takes a hundred samples; a shorter window seldom has them.
const BUCKETS_MIN: u64 = 5;
/// Two digits from 1 ms to 1 h: 9 kB for each window in which something was answered, and an error below 1 %.
const LOWEST_US: u64 = 1_000;
const HIGHEST_US: u64 = 3_600_000_000;
const DIGITS: u8 = 2;

/// How long windows are in a run of this length whose series has buckets this wide.
pub fn width(length: Nanos, bucket: Nanos) -> Nanos {
    length.div_ceil(bucket).div_ceil(WINDOWS_MAX).max(BUCKETS_MIN) * bucket
}

/// The times of one window; absent until the first is recorded.
pub type Window = Option<Box<Histogram<u32>>>;

#[derive(Debug)]
pub struct TimesOverTime {
    width: Nanos,
    pub first_token: Vec<Window>,
    pub total: Vec<Window>,
}

impl TimesOverTime {
    /// For arrivals up to `length`.
    pub fn new(length: Nanos, bucket: Nanos) -> TimesOverTime {
        TimesOverTime { width: width(length, bucket), first_token: Vec::new(), total: Vec::new() }
    }

    pub fn width(&self) -> Nanos {
        self.width
    }

    #[inline]
    pub fn record(&mut self, intended: Nanos, first: Nanos, total: Nanos) {
        let window = (intended / self.width) as usize;
        if window >= self.total.len() {
            self.first_token.resize(window + 1, None);
            self.total.resize(window + 1, None);
        }
        add(&mut self.first_token[window], first);
        add(&mut self.total[window], total);
    }
}

#[inline]
fn add(window: &mut Window, nanos: Nanos) {
    window.get_or_insert_with(empty).saturating_record((nanos / 1_000).max(LOWEST_US));
}

#[cold]
fn empty() -> Box<Histogram<u32>> {
    let histogram = Histogram::new_with_bounds(LOWEST_US, HIGHEST_US, DIGITS);
    Box::new(histogram.expect("the bounds are valid constants"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn times_lie_in_the_window_of_their_intended_arrival() {
        let mut times = TimesOverTime::new(600 * SECOND, SECOND);
        assert_eq!(times.width(), 5 * SECOND);
        times.record(11 * SECOND, SECOND / 2, 7 * SECOND);
        times.record(14 * SECOND, SECOND / 2, 2 * SECOND);
        let counts: Vec<u64> = times.total.iter().map(|w| w.as_ref().map_or(0, |w| w.len())).collect();
        assert_eq!(counts, [0, 0, 2]);
        assert_eq!(times.first_token.len(), 3);
    }

    #[test]
    fn a_long_run_has_few_windows_of_whole_buckets() {
        assert_eq!(width(3_600 * SECOND, SECOND), 30 * SECOND);
        assert_eq!(width(86_400 * SECOND, 12 * SECOND), 720 * SECOND);
        assert_eq!(width(0, SECOND), 5 * SECOND);
    }
}
