//! Values with their units: how derived numbers are held, read from an expectation, and shown to people.

use schemars::JsonSchema;
use serde::Serialize;

/// A derived number in its unit's base: a share of one, seconds, dollars, or a plain count.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Finite(f64),
    /// It never came: an answer, a recovery, a good answer to share the cost.
    Infinite,
    /// Nothing was recorded that could tell.
    NoData,
}

impl Value {
    pub fn ratio(part: f64, whole: f64) -> Value {
        if whole > 0.0 { Value::Finite(part / whole) } else { Value::NoData }
    }

    /// For arithmetic, with infinity as infinity; `None` without data.
    pub fn number(self) -> Option<f64> {
        match self {
            Value::Finite(number) => Some(number),
            Value::Infinite => Some(f64::INFINITY),
            Value::NoData => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Of one; written and shown as a percentage.
    Share,
    Seconds,
    PerSecond,
    Ratio,
    Count,
    Usd,
}

impl Unit {
    pub const fn name(self) -> &'static str {
        match self {
            Unit::Share => "%",
            Unit::Seconds => "time",
            Unit::PerSecond => "/s",
            Unit::Ratio => "ratio",
            Unit::Count => "count",
            Unit::Usd => "USD",
        }
    }

    /// What to write for a bound in this unit.
    pub const fn example(self) -> &'static str {
        match self {
            Unit::Share => "a percentage from 0% to 100%, such as 99.5%",
            Unit::Seconds => "a time such as 250ms, 30s or 2m",
            Unit::PerSecond => "a rate such as 40/s or 2400/min",
            Unit::Ratio => "a plain number such as 1.3",
            Unit::Count => "a whole number such as 100",
            Unit::Usd => "an amount such as 0.50 USD",
        }
    }

    /// Reads a bound; `None` if the text has another unit, none where one is needed, or is no number.
    pub fn read(self, text: &str) -> Option<f64> {
        let text = text.trim();
        match self {
            Unit::Share => percent(text).filter(|share| *share <= 1.0),
            Unit::Seconds => seconds(text),
            Unit::PerSecond => match text.split_once('/') {
                Some((count, "s")) => decimal(count),
                Some((count, "min")) => decimal(count).map(|count| count / 60.0),
                _ => None,
            },
            Unit::Ratio => decimal(text),
            Unit::Count => decimal(text).filter(|count| count.fract() == 0.0),
            Unit::Usd => decimal(text.strip_suffix("USD").or_else(|| text.strip_prefix('$'))?),
        }
    }

    pub fn show(self, value: Value) -> String {
        match value {
            Value::NoData => "-".to_owned(),
            Value::Infinite if self == Unit::Seconds => "never".to_owned(),
            Value::Infinite => "inf".to_owned(),
            Value::Finite(number) => self.show_finite(number),
        }
    }

    fn show_finite(self, number: f64) -> String {
        match self {
            Unit::Share => show_share(number),
            Unit::Seconds => show_seconds(number),
            Unit::PerSecond => format!("{number:.1}/s"),
            Unit::Ratio => format!("{number:.2}"),
            Unit::Count => thousands(number),
            Unit::Usd => show_usd(number),
        }
    }
}

/// An unsigned decimal number without exponent, infinity or NaN.
fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if plain && text.bytes().any(|b| b.is_ascii_digit()) && text.len() <= 18 {
        text.parse().ok()
    } else {
        None
    }
}

/// `20%` as 0.2; may exceed one.
pub fn percent(text: &str) -> Option<f64> {
    decimal(text.trim().strip_suffix('%')?).map(|percent| percent / 100.0)
}

/// `250ms`, `1.5s`, `2m`, `1m 30s`.
fn seconds(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut sum = None;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, tail) = rest.split_at(unit_at);
        let end = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let factor = match &tail[..end] {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3_600.0,
            _ => return None,
        };
        sum = Some(sum.unwrap_or(0.0) + decimal(number)? * factor);
        rest = tail[end..].trim_start();
    }
    sum
}

/// One decimal, and two near the ends, so that 99.96% is not shown as 100%.
fn show_share(share: f64) -> String {
    let percent = share * 100.0;
    if percent == 0.0 || percent == 100.0 {
        format!("{percent:.0}%")
    } else if percent > 0.0 && percent < 0.01 {
        "<0.01%".to_owned()
    } else if percent > 99.99 && percent < 100.0 {
        ">99.99%".to_owned()
    } else if percent < 0.1 || (percent > 99.9 && percent < 100.0) {
        format!("{percent:.2}%")
    } else {
        format!("{percent:.1}%")
    }
}

fn show_seconds(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".to_owned(),
        s if s < 0.00995 => format!("{:.2} ms", s * 1e3),
        s if s < 0.0995 => format!("{:.1} ms", s * 1e3),
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.995 => format!("{s:.2} s"),
        s if s < 99.95 => format!("{s:.1} s"),
        s if s < 3_599.5 => {
            let whole = s.round() as u64;
            format!("{}m {:02}s", whole / 60, whole % 60)
        }
        s => {
            let minutes = (s / 60.0).round() as u64;
            format!("{}h {:02}m", minutes / 60, minutes % 60)
        }
    }
}

fn show_usd(usd: f64) -> String {
    match usd {
        0.0 => "$0".to_owned(),
        u if u < 0.001 => "<$0.001".to_owned(),
        u if u < 0.9995 => format!("${u:.3}"),
        u if u < 99.995 => format!("${u:.2}"),
        u => format!("${}", thousands(u)),
    }
}

/// `12,345`, rounded to a whole number.
pub fn thousands(number: f64) -> String {
    let digits = format!("{:.0}", number.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number <= -0.5 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_in_their_unit() {
        for (unit, text, number) in [
            (Unit::Share, "99.5%", 0.995),
            (Unit::Share, "100 %", 1.0),
            (Unit::Seconds, "250ms", 0.25),
            (Unit::Seconds, "1m 30s", 90.0),
            (Unit::Seconds, "0s", 0.0),
            (Unit::PerSecond, "2400/min", 40.0),
            (Unit::Ratio, "1.3", 1.3),
            (Unit::Count, "100", 100.0),
            (Unit::Usd, "0.50 USD", 0.5),
            (Unit::Usd, "$2", 2.0),
        ] {
            let read = unit.read(text).expect(text);
            assert!((read - number).abs() < 1e-12, "{text}: {read}");
        }
    }

    #[test]
    fn a_bound_without_its_unit_is_refused() {
        for (unit, text) in [
            (Unit::Share, "99.5"),
            (Unit::Share, "101%"),
            (Unit::Share, "-1%"),
            (Unit::Seconds, "30"),
            (Unit::Seconds, ""),
            (Unit::Seconds, "30 parsecs"),
            (Unit::Seconds, "s"),
            (Unit::PerSecond, "40"),
            (Unit::Ratio, "1.3x"),
            (Unit::Ratio, "1e3"),
            (Unit::Ratio, "nan"),
            (Unit::Ratio, "1.2.3"),
            (Unit::Count, "1.5"),
            (Unit::Usd, "5"),
        ] {
            assert_eq!(unit.read(text), None, "{text:?} as {unit:?}");
        }
    }

    #[test]
    fn values_are_shown_with_as_many_digits_as_help() {
        for (unit, number, text) in [
            (Unit::Share, 0.0, "0%"),
            (Unit::Share, 1.0, "100%"),
            (Unit::Share, 0.9996, "99.96%"),
            (Unit::Share, 0.999_999, ">99.99%"),
            (Unit::Share, 0.9724, "97.2%"),
            (Unit::Share, 0.000_01, "<0.01%"),
            (Unit::Share, 0.0005, "0.05%"),
            (Unit::Seconds, 0.0, "0 s"),
            (Unit::Seconds, 0.0084, "8.40 ms"),
            (Unit::Seconds, 0.48, "480 ms"),
            (Unit::Seconds, 0.9996, "1.00 s"),
            (Unit::Seconds, 2.134, "2.13 s"),
            (Unit::Seconds, 34.12, "34.1 s"),
            (Unit::Seconds, 130.0, "2m 10s"),
            (Unit::Seconds, 3_599.6, "1h 00m"),
            (Unit::PerSecond, 3.24, "3.2/s"),
            (Unit::Ratio, 1.306, "1.31"),
            (Unit::Count, 1_234_567.0, "1,234,567"),
            (Unit::Usd, 0.4119, "$0.412"),
            (Unit::Usd, 3.4, "$3.40"),
            (Unit::Usd, 1234.0, "$1,234"),
        ] {
            assert_eq!(unit.show(Value::Finite(number)), text);
        }
        assert_eq!(Unit::Seconds.show(Value::Infinite), "never");
        assert_eq!(Unit::Usd.show(Value::Infinite), "inf");
        assert_eq!(Unit::Share.show(Value::NoData), "-");
    }
}
