//! Numbers of tokens.

use std::{fmt, str::FromStr};

use super::{
    Quantity, UnitError,
    number::{plain, scaled},
};

/// A number of tokens, such as `300k`, `1.2M` or `4096`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tokens(pub u64);

impl Quantity for Tokens {
    const WHAT: &'static str = "a number of tokens";
    const EXAMPLE: &'static str = "a count such as 4096, \"300k\" or \"1.2M\"";
    const PATTERN: &'static str = r"^\s*[0-9][0-9_.]*\s*[kKmMGB]?\s*$";
    const BARE: bool = true;
    fn from_bare(n: u64) -> Option<Self> {
        Some(Tokens(n))
    }
    fn base(self) -> f64 {
        self.0 as f64
    }
    fn from_base(base: f64) -> Self {
        Tokens(base.max(0.0) as u64)
    }
}

impl FromStr for Tokens {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        match scaled(text.trim()) {
            Some(count) if count <= 1e15 && count.fract() == 0.0 => Ok(Tokens(count as u64)),
            _ => Err(Self::error(text)),
        }
    }
}

impl fmt::Display for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&plain(self.0 as f64))
    }
}
