//! Parts of a whole.

use std::{fmt, str::FromStr};

use super::{Quantity, UnitError, number::number_and_unit};

/// A part of a whole, such as `30%`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Share(pub f64);

impl Quantity for Share {
    const WHAT: &'static str = "a share";
    const EXAMPLE: &'static str = "a percentage such as \"30%\"";
    const PATTERN: &'static str = r"^\s*[0-9][0-9_.]*\s*%\s*$";
    fn base(self) -> f64 {
        self.0
    }
    fn from_base(base: f64) -> Self {
        Share(base)
    }
}

impl FromStr for Share {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        match number_and_unit(text.trim()) {
            Some((percent, "%")) if percent <= 100.0 => Ok(Share(percent / 100.0)),
            _ => Err(Self::error(text)),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", (self.0 * 1e9).round() / 1e7)
    }
}
