//! One thing that a metric is told.

use crate::cloudwatch::Millis;

/// The units that there are.
pub const UNITS: &[&str] = &[
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

#[derive(Debug, Clone, PartialEq)]
pub struct Datum {
    pub namespace: String,
    pub name: String,
    pub dimensions: Dimensions,
    pub unit: &'static str,
    pub at: Millis,
    /// How long one bucket is: a minute, or a second.
    pub resolution: Millis,
    pub sample: Sample,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample {
    /// A value that was seen so often.
    Value { value: f64, count: f64 },
    /// A summary of values that are not known one by one.
    Summary { count: f64, sum: f64, min: f64, max: f64 },
    /// What holds for a minute in which nothing else came.
    Default(f64),
}

/// Names and values, in the order of names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Dimensions(Vec<(String, String)>);

impl Dimensions {
    pub fn new(mut pairs: Vec<(String, String)>) -> Dimensions {
        pairs.sort();
        Dimensions(pairs)
    }

    pub fn one(name: &str, value: &str) -> Dimensions {
        Dimensions(vec![(name.to_owned(), value.to_owned())])
    }

    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}
