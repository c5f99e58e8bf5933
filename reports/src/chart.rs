//! The charts of a report, each described once as data. What draws them ([`crate::picture`]), tells them as tables or
//! gives them to a script knows nothing of runs; what describes them knows nothing of pixels.
//!
//! One chart, one file under `chart/`, and one line in the list `CHARTS`. A chart whose data the run file lacks is left out.

mod attempts;
mod cost;
mod failures;
mod first_token;
mod frame;
mod goodput;
mod observed;
mod percentiles;
mod quota;
mod reasons;
mod recovery;
mod served;
mod total;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    metric::Measured,
    quantity::{Unit, Value},
    tally::View,
};
use frame::Frame;

/// Strategies that a chart shows; more could not be told apart.
pub const STRATEGIES_MAX: usize = 12;

/// In the order of the report.
const CHARTS: [fn(&Frame<'_>) -> Option<Chart>; 13] = [
    goodput::chart,
    first_token::chart,
    total::chart,
    percentiles::chart,
    recovery::chart,
    served::chart,
    observed::served,
    observed::hops,
    attempts::chart,
    failures::chart,
    quota::chart,
    cost::chart,
    reasons::chart,
];

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Chart {
    /// Names its file and its place on the page.
    pub id: &'static str,
    pub title: String,
    /// What it shows, in words, for those who cannot see it.
    pub summary: String,
    /// How to read it, and what it leaves out.
    pub notes: Vec<String>,
    pub body: Body,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Body {
    Lines(Lines),
    Bars(Bars),
}

/// Lines over a shared horizontal axis.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Lines {
    pub x: XAxis,
    pub y: YAxis,
    pub panels: Vec<Panel>,
    pub shades: Vec<Shade>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct XAxis {
    pub scale: XScale,
    pub label: String,
    /// Ascending; lines have one point for each.
    pub values: Vec<f64>,
    pub to: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum XScale {
    /// Seconds since the start of the run.
    Time,
    /// 1 / (1 - p), logarithmic, labelled with p.
    OneIn,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct YAxis {
    pub label: String,
    pub unit: Unit,
    pub log: bool,
}

/// One field of a chart: all strategies together, or one of several side by side.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Panel {
    pub title: String,
    /// Index into the run's strategies, if it is about one.
    pub strategy: Option<usize>,
    pub lines: Vec<Line>,
    pub fill: Fill,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fill {
    None,
    /// Each line is the top of what it adds to those before it.
    Stacked,
    /// Where the first line lies below one of the others.
    Below,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Line {
    pub name: String,
    pub ink: Ink,
    pub points: Vec<Point>,
}

/// What a line or a bar stands for; back-ends choose colours, dashes and markers by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ink {
    /// A strategy, by its index in the run.
    Strategy(usize),
    /// One of several parts of a whole.
    Part(usize),
    /// What others are compared with.
    Reference,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Point {
    pub value: Value,
    /// Too few samples to rely on; drawn pale.
    pub thin: bool,
}

/// A stretch of time with a name.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Shade {
    pub name: String,
    pub from: f64,
    pub to: f64,
    pub kind: ShadeKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ShadeKind {
    Phase,
    /// A phase that is run and not judged.
    WarmUp,
    Fault,
}

/// Bars beside names, in groups.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Bars {
    pub groups: Vec<Group>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Group {
    pub title: String,
    pub unit: Unit,
    pub bars: Vec<Bar>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Bar {
    pub name: String,
    pub ink: Ink,
    pub value: Value,
}

impl From<&Measured> for Point {
    fn from(measured: &Measured) -> Point {
        Point { value: measured.value, thin: measured.is_thin() }
    }
}

/// Every chart that the run has data for.
pub fn charts(view: &View<'_>) -> Vec<Chart> {
    let Some(frame) = Frame::new(view) else { return Vec::new() };
    CHARTS.iter().filter_map(|chart| chart(&frame)).collect()
}

#[cfg(test)]
mod tests;
