//! Statistics by their names: `Sum`, `p99.9`, `tm90`, `TM(10%:90%)`, `PR(0:100)`, `IQM`.

use super::Bucket;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    SampleCount,
    Average,
    Sum,
    Minimum,
    Maximum,
    /// The value below which this share lies.
    Percentile(f64),
    /// The mean of what lies between two shares.
    TrimmedMean(f64, f64),
    /// The share, in percent, of what lies between two values.
    Rank(f64, f64),
}

impl Statistic {
    pub fn parse(text: &str) -> Option<Statistic> {
        Some(match text {
            "SampleCount" => Statistic::SampleCount,
            "Average" => Statistic::Average,
            "Sum" => Statistic::Sum,
            "Minimum" => Statistic::Minimum,
            "Maximum" => Statistic::Maximum,
            "IQM" => Statistic::TrimmedMean(0.25, 0.75),
            text => return extended(text),
        })
    }

    /// Whether it needs the samples themselves.
    pub fn is_extended(self) -> bool {
        matches!(self, Statistic::Percentile(_) | Statistic::TrimmedMean(..) | Statistic::Rank(..))
    }

    pub fn of(self, bucket: &Bucket) -> Option<f64> {
        if bucket.is_empty() {
            return None;
        }
        match self {
            Statistic::SampleCount => Some(bucket.count),
            Statistic::Average => Some(bucket.sum / bucket.count),
            Statistic::Sum => Some(bucket.sum),
            Statistic::Minimum => Some(bucket.min),
            Statistic::Maximum => Some(bucket.max),
            Statistic::Percentile(share) => bucket.quantile(share),
            Statistic::TrimmedMean(from, to) => trimmed_mean(bucket, from, to),
            Statistic::Rank(from, to) => {
                let inside = bucket.samples()?.filter(|(value, _)| *value > from && *value <= to);
                Some(inside.map(|(_, count)| count).sum::<f64>() / bucket.count * 100.0)
            }
        }
    }
}

fn extended(text: &str) -> Option<Statistic> {
    if let Some(share) = text.strip_prefix('p') {
        return percent(share).map(Statistic::Percentile);
    }
    if let Some(share) = text.strip_prefix("tm") {
        return percent(share).map(|share| Statistic::TrimmedMean(0.0, share));
    }
    let range = |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')')?.split_once(':');
    if let Some((from, to)) = range("TM") {
        let end = |text: &str, open: f64| {
            if text.is_empty() { Some(open) } else { percent(text.strip_suffix('%')?) }
        };
        return Some(Statistic::TrimmedMean(end(from, 0.0)?, end(to, 1.0)?)).filter(|_| from != to);
    }
    let (from, to) = range("PR")?;
    let end = |text: &str, open: f64| if text.is_empty() { Some(open) } else { text.parse().ok() };
    Some(Statistic::Rank(end(from, f64::NEG_INFINITY)?, end(to, f64::INFINITY)?))
}

/// From `0` to `100`, with at most ten decimals.
fn percent(text: &str) -> Option<f64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !text.starts_with('.');
    let percent: f64 = text.parse().ok().filter(|_| digits && text.len() <= 14)?;
    (0.0..=100.0).contains(&percent).then_some(percent / 100.0)
}

/// Samples that lie across a border count with the part that is inside.
fn trimmed_mean(bucket: &Bucket, from: f64, to: f64) -> Option<f64> {
    let (low, high) = (from * bucket.count, to * bucket.count);
    let (mut passed, mut weight, mut sum) = (0.0, 0.0, 0.0);
    for (value, count) in bucket.samples()? {
        let inside = (high.min(passed + count) - low.max(passed)).max(0.0);
        passed += count;
        weight += inside;
        sum += value * inside;
    }
    (weight > 0.0).then(|| sum / weight)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudwatch::metrics::Sample;

    #[test]
    fn each_statistic_has_its_name_and_its_value() {
        let mut bucket = Bucket::default();
        (1..=100).for_each(|n| bucket.add(Sample::Value { value: f64::from(n), count: 1.0 }));
        let table = [
            ("SampleCount", 100.0),
            ("Average", 50.5),
            ("Sum", 5_050.0),
            ("Minimum", 1.0),
            ("Maximum", 100.0),
            ("p50", 50.0),
            ("p99.9", 100.0),
            ("p0", 1.0),
            ("p100", 100.0),
            ("tm50", 25.5),
            ("TM(50%:100%)", 75.5),
            ("TM(:50%)", 25.5),
            ("IQM", 50.5),
            ("PR(0:10)", 10.0),
            ("PR(90:)", 10.0),
        ];
        for (name, expected) in table {
            let statistic = Statistic::parse(name).expect(name);
            assert_eq!(statistic.of(&bucket), Some(expected), "{name}");
            assert_eq!(statistic.of(&Bucket::default()), None, "{name} of nothing");
        }
    }

    #[test]
    fn what_is_no_statistic_is_none() {
        for name in [
            "",
            "sum",
            "p",
            "p101",
            "p-1",
            "p1e1",
            "p.5",
            "px",
            "tm",
            "tm101",
            "TM(1:2)",
            "TM(a%:b%)",
            "PR(x:y)",
            "TM",
        ] {
            assert_eq!(Statistic::parse(name), None, "{name}");
        }
    }
}
