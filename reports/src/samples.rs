//! Recorded times and their percentiles.
//!
//! A percentile here is always a value that occurred (nearest rank), never above the largest one, to the three
//! digits that the recorder keeps. A request that never got its answer ranks as infinitely slow: a strategy must
//! not look fast because it refuses its slow requests.

use std::{
    fmt,
    io::{self, Read as _},
    str::FromStr,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use hdrhistogram::{
    Counter, Histogram,
    serialization::{Deserializer, Serializer, V2DeflateSerializer},
};

use crate::quantity::Value;

/// More text than any histogram of three digits over a day of microseconds can need.
const BLOB_BYTES_MAX: usize = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("a histogram of {0} bytes is too large")]
    TooLarge(usize),
    #[error("not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("not a V2 HdrHistogram: {0}")]
    Histogram(#[from] hdrhistogram::serialization::DeserializeError),
    #[error("a histogram of {digits} digits up to {highest} is finer than the recorder's")]
    TooFine { digits: u32, highest: u64 },
    #[error("a histogram counts {0} values, more than a run can have")]
    TooMany(u128),
}

/// What the recorder uses at most. A few bytes could ask for a histogram of a hundred megabytes.
const DIGITS_MAX: u32 = 3;
const HIGHEST_MAX: u64 = 24 * 3_600_000_000;
const COUNT_MAX: u128 = 100_000_000_000_000;

/// Two cookies and lengths, then what the packed histogram begins with: cookie, length, offset, digits, lowest, highest.
const PACKED_FROM: usize = 8;
const HEAD_BYTES: usize = 32;

/// The digits and the highest value of a packed histogram, without unpacking it; `None` if it is none, which whoever unpacks
/// it will say better.
fn fineness(bytes: &[u8]) -> Option<(u32, u64)> {
    let mut head = [0; HEAD_BYTES];
    flate2::read::ZlibDecoder::new(bytes.get(PACKED_FROM..)?).read_exact(&mut head).ok()?;
    let digits = u32::from_be_bytes(head[12..16].try_into().ok()?);
    let highest = u64::from_be_bytes(head[24..32].try_into().ok()?);
    Some((digits, highest))
}

/// How often each value was recorded, in microseconds, ascending. A list and not a histogram, because few of a
/// histogram's buckets are ever used and lists of any two recorders add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Samples {
    counts: Vec<(u64, u64)>,
    total: u64,
}

fn recorded(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
    let lowest = |value| histogram.lowest_equivalent(value);
    histogram.iter_recorded().map(|step| (lowest(step.value_iterated_to()), step.count_at_value())).collect()
}

/// Writes a histogram the way the run file keeps it.
pub fn encode<C: Counter>(histogram: &Histogram<C>) -> io::Result<String> {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .map_err(|error| io::Error::other(error.to_string()))?;
    Ok(STANDARD.encode(bytes))
}

impl Samples {
    pub fn decode(blob: &str) -> Result<Samples, BlobError> {
        if blob.len() > BLOB_BYTES_MAX {
            return Err(BlobError::TooLarge(blob.len()));
        }
        let bytes = STANDARD.decode(blob)?;
        if let Some((digits, highest)) = fineness(&bytes)
            && (digits > DIGITS_MAX || highest > HIGHEST_MAX)
        {
            return Err(BlobError::TooFine { digits, highest });
        }
        let histogram: Histogram<u64> = Deserializer::new().deserialize(&mut bytes.as_slice())?;
        let counts = recorded(&histogram);
        let total: u128 = counts.iter().map(|(_, count)| u128::from(*count)).sum();
        match u64::try_from(total) {
            Ok(sum) if total <= COUNT_MAX => Ok(Samples { counts, total: sum }),
            _ => Err(BlobError::TooMany(total)),
        }
    }

    /// Takes the low end of each bucket: the true values lie at or above it, so no percentile exceeds the maximum.
    pub fn of(histogram: &Histogram<u64>) -> Samples {
        let counts = recorded(histogram);
        let total = counts.iter().map(|(_, count)| count).sum();
        Samples { counts, total }
    }

    pub fn len(&self) -> u64 {
        self.total
    }

    /// Each value in microseconds with how often it was recorded, ascending.
    pub fn counts(&self) -> &[(u64, u64)] {
        &self.counts
    }

    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// What recording both into one histogram would have given.
    pub fn add(&mut self, other: &Samples) {
        let mut merged = Vec::with_capacity(self.counts.len().max(other.counts.len()));
        let (mut ours, mut theirs) = (self.counts.iter().peekable(), other.counts.iter().peekable());
        while let Some((value, count)) = match (ours.peek(), theirs.peek()) {
            (Some((a, _)), Some((b, _))) if a > b => theirs.next(),
            (Some(_), _) => ours.next(),
            (None, _) => theirs.next(),
        } {
            match merged.last_mut() {
                Some((last, sum)) if last == value => *sum += count,
                _ => merged.push((*value, *count)),
            }
        }
        self.counts = merged;
        self.total += other.total;
    }

    /// The nearest-rank percentile in seconds, with `never` more requests ranked as infinitely slow.
    pub fn percentile(&self, percentile: Percentile, never: u64) -> Value {
        let n = self.total + never;
        if n == 0 {
            return Value::NoData;
        }
        let rank = percentile.rank(n);
        if rank > self.total {
            return Value::Infinite;
        }
        Value::Finite(self.at_rank(rank) as f64 / 1e6)
    }

    /// The nearest-rank value that one request in `one_in` lies beyond, with `never` more ranked as infinitely slow;
    /// `one_in` is 1 / (1 - p).
    pub fn beyond(&self, one_in: f64, never: u64) -> Value {
        let n = self.total + never;
        if n == 0 {
            return Value::NoData;
        }
        let beyond = (n as f64 / one_in.max(1.0)).floor() as u64;
        match n.saturating_sub(beyond).max(1) {
            rank if rank > self.total => Value::Infinite,
            rank => Value::Finite(self.at_rank(rank) as f64 / 1e6),
        }
    }

    /// The value at a rank in `1..=len`.
    fn at_rank(&self, rank: u64) -> u64 {
        let mut seen = 0;
        for (value, count) in &self.counts {
            seen += count;
            if seen >= rank {
                return *value;
            }
        }
        self.counts.last().map_or(0, |(value, _)| *value)
    }
}

/// Such as p99.9, kept in hundredths of a percent so that ranks are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentile(u32);

pub const P50: Percentile = Percentile(5_000);
pub const P95: Percentile = Percentile(9_500);
pub const P99: Percentile = Percentile(9_900);

impl Percentile {
    /// The rank of this percentile among `n` values, from 1.
    fn rank(self, n: u64) -> u64 {
        let rank = (u128::from(n) * u128::from(self.0)).div_ceil(10_000);
        u64::try_from(rank).unwrap_or(u64::MAX).max(1)
    }

    /// How many samples it takes to say something about this percentile: five beyond it, `5 / (1 - p)`.
    pub fn samples_needed(self) -> u64 {
        50_000_u64.div_ceil(u64::from(10_000 - self.0))
    }
}

impl FromStr for Percentile {
    type Err = ();

    /// Reads `p50` to `p99.99`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let digits = text.strip_prefix('p').ok_or(())?;
        let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(part) || whole.len() > 2 || part.len() > 2 {
            return Err(());
        }
        let number = |text: &str| text.parse::<u32>().map_err(|_| ());
        let hundredths = number(whole)? * 100 + number(&format!("{part:0<2}"))?;
        if hundredths == 0 { Err(()) } else { Ok(Percentile(hundredths)) }
    }
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "p{}", f64::from(self.0) / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recorded(values: &[u64]) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("valid bounds");
        for value in values {
            histogram.record(*value).expect("within bounds");
        }
        histogram
    }

    fn percentile(text: &str) -> Percentile {
        text.parse().expect("a percentile")
    }

    #[test]
    fn a_percentile_is_the_nearest_rank_and_never_interpolated() {
        let samples = Samples::of(&recorded(&[100, 100, 100, 100, 100, 100, 100, 100, 100, 200]));
        for (p, us) in [("p50", 100.0), ("p90", 100.0), ("p91", 200.0), ("p99", 200.0), ("p99.99", 200.0)] {
            assert_eq!(samples.percentile(percentile(p), 0), Value::Finite(us / 1e6), "{p}");
        }
    }

    #[test]
    fn requests_without_an_answer_rank_as_infinitely_slow() {
        let samples = Samples::of(&recorded(&[100; 98]));
        assert_eq!(samples.percentile(percentile("p98"), 2), Value::Finite(0.0001));
        assert_eq!(samples.percentile(percentile("p98.01"), 2), Value::Infinite);
        assert_eq!(samples.percentile(percentile("p99"), 2), Value::Infinite);
        assert_eq!(Samples::default().percentile(P50, 3), Value::Infinite);
        assert_eq!(Samples::default().percentile(P50, 0), Value::NoData);
    }

    #[test]
    fn percentiles_are_read_and_written_back_and_nonsense_is_refused() {
        for text in ["p50", "p99", "p99.9", "p99.99", "p5", "p0.1"] {
            assert_eq!(percentile(text).to_string(), text);
        }
        for text in ["", "p", "99", "p100", "p99.", "p.9", "p99.999", "p-1", "p+1", "p0", "pNN", "p٩"] {
            assert!(text.parse::<Percentile>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_rare_percentile_needs_more_samples() {
        for (p, n) in [("p50", 10), ("p95", 100), ("p99", 500), ("p99.9", 5_000), ("p99.99", 50_000)] {
            assert_eq!(percentile(p).samples_needed(), n, "{p}");
        }
    }

    #[test]
    fn a_percentile_by_what_lies_beyond_is_the_same_percentile() {
        let values: Vec<u64> = (1..=1_000).collect();
        let samples = Samples::of(&recorded(&values));
        for (one_in, p) in [(2.0, "p50"), (10.0, "p90"), (100.0, "p99"), (1_000.0, "p99.9")] {
            assert_eq!(samples.beyond(one_in, 0), samples.percentile(percentile(p), 0), "{p}");
        }
        assert_eq!(samples.beyond(1.0, 0), Value::Finite(1e-6));
        assert_eq!(samples.beyond(1e9, 0), Value::Finite(1e-3));
        assert_eq!(samples.beyond(100.0, 100), Value::Infinite);
        assert_eq!(Samples::default().beyond(2.0, 0), Value::NoData);
    }

    #[test]
    fn a_blob_that_is_no_histogram_is_refused_by_kind() {
        assert!(matches!(Samples::decode("***"), Err(BlobError::Base64(_))));
        assert!(matches!(Samples::decode("aGVsbG8gd29ybGQ="), Err(BlobError::Histogram(_))));
        assert!(matches!(Samples::decode(&"A".repeat(BLOB_BYTES_MAX + 1)), Err(BlobError::TooLarge(_))));
    }

    #[test]
    fn a_small_blob_that_asks_for_much_memory_is_refused_unpacked() {
        let told = |highest, digits, count| {
            let mut histogram = Histogram::<u64>::new_with_bounds(1, highest, digits).expect("valid bounds");
            histogram.record_n(7, count).expect("within bounds");
            Samples::decode(&encode(&histogram).expect("encodes"))
        };
        assert!(told(3_600_000_000, 3, 1).is_ok());
        assert!(matches!(told(1_000, 4, 1), Err(BlobError::TooFine { digits: 4, highest: 1_000 })));
        assert!(matches!(told(1 << 40, 2, 1), Err(BlobError::TooFine { digits: 2, .. })));
        assert!(matches!(told(1_000, 3, 1 << 60), Err(BlobError::TooMany(_))));
    }

    proptest! {
        #[test]
        fn a_percentile_is_the_value_at_its_rank_in_the_sorted_list(
            mut values in prop::collection::vec(1_u64..3_000_000_000, 1..200),
            hundredths in 1_u32..10_000,
        ) {
            let blob = encode(&recorded(&values)).expect("encodes");
            let samples = Samples::decode(&blob).expect("decodes");
            values.sort_unstable();
            let percentile = Percentile(hundredths);
            let exact = values[percentile.rank(values.len() as u64) as usize - 1] as f64 / 1e6;
            let Value::Finite(seconds) = samples.percentile(percentile, 0) else {
                return Err(TestCaseError::fail("no value"));
            };
            prop_assert!(seconds <= exact && seconds >= exact * 0.999, "{seconds} for {exact}");
        }

        #[test]
        fn adding_is_the_same_as_recording_both(
            one in prop::collection::vec(1_u64..3_000_000_000, 0..100),
            two in prop::collection::vec(1_u64..3_000_000_000, 0..100),
        ) {
            let mut sum = Samples::of(&recorded(&one));
            sum.add(&Samples::of(&recorded(&two)));
            prop_assert_eq!(sum, Samples::of(&recorded(&[one, two].concat())));
        }
    }
}
