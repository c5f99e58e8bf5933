//! What one metric was told in one minute: every statistic is made of this, and buckets of longer periods of several.
//!
//! Values are kept with their counts, so percentiles are exact. A bucket with very many different values rounds further
//! ones to three digits; the service's own percentiles are no finer. Summaries have no percentiles, unless all their
//! values are one.

use std::collections::BTreeMap;

use super::Sample;

/// Most different values kept as they are.
const VALUES_MAX: usize = 4_096;

#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    pub count: f64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    /// Counts by value, in the order of values.
    values: BTreeMap<Order, f64>,
    /// Whether some values are not known one by one.
    blurred: bool,
    /// What holds if nothing was counted.
    default: Option<f64>,
}

impl Default for Bucket {
    fn default() -> Bucket {
        Bucket {
            count: 0.0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            values: BTreeMap::new(),
            blurred: false,
            default: None,
        }
    }
}

/// A number in total order.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Order(f64);
impl Eq for Order {}
impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Order) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Order {
    fn cmp(&self, other: &Order) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Bucket {
    pub fn add(&mut self, sample: Sample) {
        match sample {
            Sample::Default(value) => self.default = Some(value),
            Sample::Value { value, count } => {
                self.summarise(count, value * count, (value, value));
                self.note(value, count);
            }
            Sample::Summary { count, sum, min, max } => {
                self.summarise(count, sum, (min, max));
                if min == max {
                    self.note(min, count);
                } else {
                    self.blurred = true;
                }
            }
        }
    }

    fn summarise(&mut self, count: f64, sum: f64, (min, max): (f64, f64)) {
        self.count += count;
        self.sum += sum;
        self.min = self.min.min(min);
        self.max = self.max.max(max);
    }

    fn note(&mut self, value: f64, count: f64) {
        let full = self.values.len() >= VALUES_MAX && !self.values.contains_key(&Order(value));
        let kept = if full { three_digits(value) } else { value };
        // Zero has one face, whatever its sign.
        *self.values.entry(Order(kept + 0.0)).or_default() += count;
    }

    /// Of several buckets, one. A default counts only in a bucket of its own.
    pub fn merge(&mut self, other: &Bucket) {
        let other = other.settled();
        self.summarise(other.count, other.sum, (other.min, other.max));
        self.blurred |= other.blurred;
        for (value, count) in &other.values {
            self.note(value.0, *count);
        }
    }

    /// The bucket with its default in place of nothing.
    fn settled(&self) -> std::borrow::Cow<'_, Bucket> {
        match self.default {
            Some(value) if self.count == 0.0 => {
                let mut settled = Bucket::default();
                settled.add(Sample::Value { value, count: 1.0 });
                std::borrow::Cow::Owned(settled)
            }
            _ => std::borrow::Cow::Borrowed(self),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0.0
    }

    /// The value below which this share of the samples lies, or none where the samples are not known.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        if self.blurred || self.is_empty() {
            return None;
        }
        let wanted = share * self.count;
        let mut passed = 0.0;
        for (value, count) in &self.values {
            passed += count;
            if passed >= wanted {
                return Some(value.0);
            }
        }
        Some(self.max)
    }

    /// Samples with their counts, where they are known.
    pub fn samples(&self) -> Option<impl Iterator<Item = (f64, f64)>> {
        (!self.blurred).then(|| self.values.iter().map(|(value, count)| (value.0, *count)))
    }
}

fn three_digits(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let scale = libm::pow(10.0, 2.0 - libm::floor(libm::log10(value.abs())));
    let rounded = libm::round(value * scale) / scale;
    if rounded.is_finite() { rounded } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(samples: &[(f64, f64)]) -> Bucket {
        let mut bucket = Bucket::default();
        samples.iter().for_each(|(value, count)| bucket.add(Sample::Value { value: *value, count: *count }));
        bucket
    }

    #[test]
    fn statistics_are_those_of_the_samples() {
        let bucket = bucket(&[(10.0, 2.0), (20.0, 1.0), (30.0, 1.0)]);
        assert_eq!((bucket.count, bucket.sum, bucket.min, bucket.max), (4.0, 70.0, 10.0, 30.0));
        assert_eq!(
            (bucket.quantile(0.5), bucket.quantile(0.75), bucket.quantile(0.99)),
            (Some(10.0), Some(20.0), Some(30.0))
        );
    }

    #[test]
    fn a_default_holds_only_where_nothing_else_came() {
        let mut quiet = Bucket::default();
        quiet.add(Sample::Default(0.0));
        let mut whole = Bucket::default();
        whole.merge(&quiet);
        assert_eq!((whole.count, whole.sum), (1.0, 0.0));
        quiet.add(Sample::Value { value: 5.0, count: 1.0 });
        let mut whole = Bucket::default();
        whole.merge(&quiet);
        assert_eq!((whole.count, whole.sum, whole.min), (1.0, 5.0, 5.0));
    }

    #[test]
    fn a_summary_has_percentiles_only_if_its_values_are_one() {
        let mut flat = Bucket::default();
        flat.add(Sample::Summary { count: 3.0, sum: 21.0, min: 7.0, max: 7.0 });
        assert_eq!(flat.quantile(0.9), Some(7.0));
        flat.add(Sample::Summary { count: 2.0, sum: 3.0, min: 1.0, max: 2.0 });
        assert_eq!((flat.quantile(0.9), flat.count, flat.sum), (None, 5.0, 24.0));
    }

    #[test]
    fn very_many_values_are_rounded_and_never_lost() {
        let many: Vec<(f64, f64)> = (0..20_000).map(|n| (f64::from(n) + 0.5, 1.0)).collect();
        let bucket = bucket(&many);
        assert_eq!(bucket.count, 20_000.0);
        assert!(bucket.values.len() < VALUES_MAX + 3_000);
        let p90 = bucket.quantile(0.9).expect("samples are known");
        assert!((p90 / 18_000.0 - 1.0).abs() < 0.01, "{p90}");
    }
}
