//! Things per time.

use std::{fmt, str::FromStr};

use super::{
    Quantity, UnitError,
    number::{plain, scaled},
};

/// Things per time, such as `40/s`, `3000/min` or `300k/min`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate {
    pub count: f64,
    pub per: Per,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Per {
    Second,
    Minute,
    Hour,
    Day,
}

impl Rate {
    pub fn per_second(self) -> f64 {
        self.count / self.per.seconds()
    }

    pub fn per_minute(self) -> f64 {
        self.per_second() * 60.0
    }
}

impl Per {
    pub fn seconds(self) -> f64 {
        match self {
            Per::Second => 1.0,
            Per::Minute => 60.0,
            Per::Hour => 3_600.0,
            Per::Day => 86_400.0,
        }
    }
}

impl Quantity for Rate {
    const WHAT: &'static str = "a rate with a unit of time";
    const EXAMPLE: &'static str = "a rate such as \"40/s\", \"2400/min\" or \"300k/min\"";
    const PATTERN: &'static str =
        r"^\s*[0-9][0-9_.]*\s*[kKmMGB]?\s*(/\s*(s|sec|min|m|h|d|day)|rps|rpm|tpm|tpd)\s*$";
    fn base(self) -> f64 {
        self.per_second()
    }
    fn from_base(base: f64) -> Self {
        Rate { count: base, per: Per::Second }
    }
}

impl FromStr for Rate {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let bad = || Self::error(text);
        let trimmed = text.trim();
        let named = [("rps", Per::Second), ("rpm", Per::Minute), ("tpm", Per::Minute), ("tpd", Per::Day)];
        let (number, per) = match trimmed.split_once('/') {
            Some((number, unit)) => {
                let per = match unit.trim() {
                    "s" | "sec" => Per::Second,
                    "min" | "m" => Per::Minute,
                    "h" => Per::Hour,
                    "d" | "day" => Per::Day,
                    _ => return Err(bad()),
                };
                (number, per)
            }
            None => named
                .into_iter()
                .find_map(|(name, per)| trimmed.strip_suffix(name).map(|number| (number, per)))
                .ok_or_else(bad)?,
        };
        match scaled(number.trim()) {
            Some(count) if count <= 1e15 => Ok(Rate { count, per }),
            _ => Err(bad()),
        }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per {
            Per::Second => "s",
            Per::Minute => "min",
            Per::Hour => "h",
            Per::Day => "day",
        };
        write!(f, "{}/{unit}", plain(self.count))
    }
}
