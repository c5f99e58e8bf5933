//! Lengths of time.

use std::{fmt, str::FromStr};

use super::{Quantity, UnitError, number::number_and_unit};
use crate::Nanos;

/// A length of time, such as `250ms`, `1.5s`, `2m` or `1h 30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(pub Nanos);

const SPANS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

impl Quantity for Span {
    const WHAT: &'static str = "a length of time";
    const EXAMPLE: &'static str = "a number with its unit, such as \"250ms\", \"90s\", \"2m\" or \"1h 30m\"";
    const PATTERN: &'static str = r"^\s*([0-9][0-9_.]*\s*(ns|us|µs|ms|s|min|m|h|d)\s*)+$";
    fn base(self) -> f64 {
        self.0 as f64
    }
    fn from_base(base: f64) -> Self {
        Span(base.max(0.0) as u64)
    }
}

impl FromStr for Span {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let bad = || Self::error(text);
        let mut rest = text.trim();
        let mut nanos = 0.0;
        if rest.is_empty() {
            return Err(bad());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| c.is_ascii_alphabetic() || c == 'µ').ok_or_else(bad)?;
            let tail = &rest[digits..];
            let letters = tail.find(|c: char| !c.is_ascii_alphabetic() && c != 'µ').unwrap_or(tail.len());
            let (number, left) = number_and_unit(rest[..digits].trim()).ok_or_else(bad)?;
            let unit = SPANS.iter().find(|(name, _)| *name == &tail[..letters]).ok_or_else(bad)?;
            if !left.is_empty() {
                return Err(bad());
            }
            nanos += number * unit.1 as f64;
            rest = tail[letters..].trim_start();
        }
        // A century in nanoseconds still fits; past that the text is a mistake.
        if nanos > 3.2e18 { Err(bad()) } else { Ok(Span(nanos as u64)) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        let mut first = true;
        for (unit, size) in [("d", 86_400_000_000_000), ("h", 3_600_000_000_000), ("m", 60_000_000_000)] {
            if rest >= size {
                write!(f, "{}{}{unit}", if first { "" } else { " " }, rest / size)?;
                rest %= size;
                first = false;
            }
        }
        if rest > 0 {
            let gap = if first { "" } else { " " };
            let (unit, size) = match rest {
                1_000_000_000.. => ("s", 1e9),
                1_000_000.. => ("ms", 1e6),
                1_000.. => ("us", 1e3),
                _ => ("ns", 1.0),
            };
            write!(f, "{gap}{}{unit}", rest as f64 / size)?;
        }
        Ok(())
    }
}
