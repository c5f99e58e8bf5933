//! What the charts of one run share: the strategies over time, the axis, the shaded stretches.

use super::{Fill, Ink, Line, Lines, Panel, Point, STRATEGIES_MAX, Shade, ShadeKind, XAxis, XScale, YAxis};
use crate::{
    metric::Measured,
    quantity::{Unit, Value},
    stats::over_time::{Grid, OverTime},
    tally::{Tally, View},
};

/// Shaded stretches of one chart; a scenario with more of them would hide its lines.
const SHADES_MAX: usize = 24;

pub(super) struct Frame<'a> {
    pub view: &'a View<'a>,
    pub grid: Grid,
    /// By strategy, those that are shown.
    pub over: Vec<OverTime<'a>>,
    /// Over the measured phases, as `over`.
    pub tallies: Vec<Tally>,
}

impl<'a> Frame<'a> {
    /// `None` if the run has no series.
    pub(super) fn new(view: &'a View<'a>) -> Option<Frame<'a>> {
        let grid = Grid::of(view.run)?;
        let shown = view.run.strategies.len().min(STRATEGIES_MAX);
        let over = (0..shown).filter_map(|strategy| OverTime::new(view, strategy)).collect();
        let measured = view.measured_phases();
        let tallies = (0..shown).map(|strategy| Tally::clone(&view.tally(strategy, &measured))).collect();
        Some(Frame { view, grid, over, tallies })
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.view.run.strategies.iter().take(STRATEGIES_MAX).map(|strategy| strategy.name.as_str())
    }

    /// Lines over time.
    pub(super) fn over_time(&self, y: YAxis, panels: Vec<Panel>) -> Lines {
        let x = XAxis {
            scale: XScale::Time,
            label: "time since the start of the run".to_owned(),
            values: self.grid.starts(),
            to: self.grid.step_s * self.grid.steps as f64,
        };
        Lines { shades: self.shades(x.to), x, y, panels }
    }

    /// One panel with a line for each strategy.
    pub(super) fn together(&self, title: &str, each: impl Fn(&OverTime<'a>) -> Vec<Measured>) -> Panel {
        let lines = self.names().zip(&self.over).enumerate();
        let line = |(index, (name, over)): (usize, (&str, &OverTime<'a>))| {
            line(name, Ink::Strategy(index), &each(over))
        };
        Panel { title: title.to_owned(), strategy: None, lines: lines.map(line).collect(), fill: Fill::None }
    }

    /// A panel for each strategy, with the lines that are found for it; `None` if there are none at all.
    pub(super) fn apart(
        &self,
        fill: Fill,
        each: impl Fn(usize, &OverTime<'a>) -> Vec<Line>,
    ) -> Option<Vec<Panel>> {
        let panels: Vec<Panel> = self
            .names()
            .zip(&self.over)
            .enumerate()
            .map(|(index, (name, over))| Panel {
                title: name.to_owned(),
                strategy: Some(index),
                lines: each(index, over),
                fill,
            })
            .collect();
        panels.iter().any(|panel| !panel.lines.is_empty()).then_some(panels)
    }

    pub(super) fn shades(&self, end: f64) -> Vec<Shade> {
        let run = self.view.run;
        let phases = run.phases.iter().map(|phase| Shade {
            name: phase.name.clone(),
            from: phase.from_s,
            to: phase.to_s,
            kind: if phase.measured { ShadeKind::Phase } else { ShadeKind::WarmUp },
        });
        let faults = run.faults.iter().map(|fault| Shade {
            name: fault.name.clone(),
            from: fault.from_s,
            to: fault.to_s,
            kind: ShadeKind::Fault,
        });
        let cut =
            |shade: Shade| Shade { from: shade.from.clamp(0.0, end), to: shade.to.clamp(0.0, end), ..shade };
        phases.chain(faults).map(cut).filter(|shade| shade.from < shade.to).take(SHADES_MAX).collect()
    }

    /// What is said below every chart over strategies.
    pub(super) fn notes(&self) -> Vec<String> {
        let all = self.view.run.strategies.len();
        match all > STRATEGIES_MAX {
            true => vec![format!("shows the first {STRATEGIES_MAX} of {all} strategies")],
            false => Vec::new(),
        }
    }

    /// `5 s`, as used in sentences about steps.
    pub(super) fn step(&self) -> String {
        Unit::Seconds.show(Value::Finite(self.grid.step_s))
    }
}

pub(super) fn line(name: &str, ink: Ink, measured: &[Measured]) -> Line {
    Line { name: name.to_owned(), ink, points: measured.iter().map(Point::from).collect() }
}

/// The largest finite number of some lines.
pub(super) fn highest<'l>(lines: impl IntoIterator<Item = &'l Line>) -> Option<f64> {
    finite(lines).max_by(f64::total_cmp)
}

/// Whether numbers differ so much that a linear axis would press the small ones flat.
pub(super) fn wants_log(panels: &[Panel]) -> bool {
    let lines = || panels.iter().flat_map(|panel| &panel.lines);
    let lowest = finite(lines()).filter(|number| *number > 0.0).min_by(f64::total_cmp);
    highest(lines()).zip(lowest).is_some_and(|(high, low)| high > LOG_FROM * low)
}

/// Lines that differ by this factor are drawn on a logarithmic axis.
const LOG_FROM: f64 = 30.0;

fn finite<'l>(lines: impl IntoIterator<Item = &'l Line>) -> impl Iterator<Item = f64> {
    let values = lines.into_iter().flat_map(|line| &line.points).map(|point| point.value);
    values.filter_map(|value| match value {
        Value::Finite(number) => Some(number),
        Value::Infinite | Value::NoData => None,
    })
}
