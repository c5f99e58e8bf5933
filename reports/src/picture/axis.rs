//! Scales and their ticks.

use crate::{
    chart::{Fill, Panel, XAxis, XScale, YAxis},
    quantity::{Unit, Value},
};

/// From numbers to pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    from: f64,
    to: f64,
    log: bool,
    /// Where `from` and `to` lie.
    pixels: (f64, f64),
}

impl Scale {
    pub fn place(&self, number: f64) -> f64 {
        let part = match self.log {
            true => (number.max(self.from) / self.from).ln() / (self.to / self.from).ln(),
            false => (number - self.from) / (self.to - self.from),
        };
        let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
        self.pixels.0 + part * (self.pixels.1 - self.pixels.0)
    }
}

/// A number on an axis, and what stands beside it.
pub type Tick = (f64, String);

pub fn horizontal(axis: &XAxis, pixels: (f64, f64)) -> (Scale, Vec<Tick>) {
    let wide = pixels.1 - pixels.0;
    match axis.scale {
        XScale::Time => {
            let to = if axis.to.is_finite() && axis.to > 0.0 { axis.to } else { 1.0 };
            let scale = Scale { from: 0.0, to, log: false, pixels };
            (scale, time_ticks(to, (wide / 70.0).max(2.0)))
        }
        XScale::OneIn => {
            let to = axis.to.clamp(10.0, 1e12);
            (Scale { from: 1.0, to, log: true, pixels }, percentile_ticks(to))
        }
    }
}

/// Steps that clocks and people use, in seconds.
const STEPS: [f64; 17] = [
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0,
    43_200.0, 86_400.0,
];

fn time_ticks(to: f64, most: f64) -> Vec<Tick> {
    let days = (to / 86_400.0 / most).ceil().max(1.0) * 86_400.0;
    let step = STEPS.into_iter().find(|step| to / step <= most).unwrap_or(days);
    let count = (to / step + 1e-9).floor().min(100.0) as usize;
    (0..=count).map(|tick| tick as f64 * step).map(|at| (at, clock(at, step))).collect()
}

/// `0:30` below an hour, `1:05 h` above.
fn clock(at: f64, step: f64) -> String {
    let seconds = at.round() as u64;
    match step {
        step if step >= 3_600.0 => format!("{} h", seconds / 3_600),
        _ if seconds >= 3_600 => format!("{}:{:02} h", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{}:{:02}", seconds / 60, seconds % 60),
    }
}

fn percentile_ticks(to: f64) -> Vec<Tick> {
    let decades = (to.log10() + 1e-9).floor() as usize;
    let label = |decade: usize| match decade {
        0 => "0%".to_owned(),
        1 => "90%".to_owned(),
        2 => "99%".to_owned(),
        more => format!("99.{}%", "9".repeat(more - 2)),
    };
    let mut ticks = vec![(1.0, label(0)), (2.0, "50%".to_owned())];
    ticks.extend((1..=decades).map(|decade| (10_f64.powi(decade as i32), label(decade))));
    ticks
}

/// The vertical axis of one panel.
#[derive(Debug, Clone, PartialEq)]
pub struct Vertical {
    pub scale: Scale,
    pub ticks: Vec<Tick>,
    /// Where what never came is drawn; `None` if nothing of the kind occurred.
    pub never: Option<f64>,
}

/// Height of the lane for what never came.
const LANE: f64 = 18.0;

impl Vertical {
    /// `pixels` are the bottom and the top. All panels of a chart share one scale, so that they can be compared.
    pub fn of(axis: &YAxis, panels: &[Panel], (bottom, top): (f64, f64)) -> Vertical {
        let points = || panels.iter().flat_map(|panel| &panel.lines).flat_map(|line| &line.points);
        let never = points().any(|point| point.value == Value::Infinite);
        let high =
            panels.iter().filter_map(highest).max_by(f64::total_cmp).filter(|n| n.is_finite() && *n > 0.0);
        let high = high.unwrap_or(1.0);
        let top = if never { top + LANE } else { top };
        let lowest =
            points().filter_map(|point| point.value.number()).filter(|n| *n > 0.0).min_by(f64::total_cmp);
        let (from, to, ticks) = match (axis.log, lowest) {
            (true, Some(low)) if low < high => log_ticks(low, high),
            _ => linear_ticks(high),
        };
        let scale = Scale { from, to, log: axis.log && from > 0.0, pixels: (bottom, top) };
        let ticks = ticks.into_iter().map(|at| (at, show(axis.unit, at))).collect();
        Vertical { scale, ticks, never: never.then_some(top - LANE * 0.6) }
    }

    pub fn place(&self, value: Value) -> Option<f64> {
        match value {
            Value::Finite(number) => Some(self.scale.place(number)),
            Value::Infinite => self.never,
            Value::NoData => None,
        }
    }
}

fn highest(panel: &Panel) -> Option<f64> {
    let finite = |value: Value| if let Value::Finite(number) = value { Some(number) } else { None };
    let steps = panel.lines.iter().map(|line| line.points.len()).max()?;
    let at = |step: usize| {
        let numbers = panel.lines.iter().filter_map(move |line| finite(line.points.get(step)?.value));
        match panel.fill {
            Fill::Stacked => Some(numbers.sum()),
            Fill::None | Fill::Below => numbers.max_by(f64::total_cmp),
        }
    };
    (0..steps).filter_map(at).max_by(f64::total_cmp)
}

/// Three to six round numbers from 0 that reach over the highest.
fn linear_ticks(high: f64) -> (f64, f64, Vec<f64>) {
    let rough = high / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|part| part * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    let count = (high / step - 1e-9).ceil().clamp(1.0, 12.0) as usize;
    (0.0, count as f64 * step, (0..=count).map(|tick| tick as f64 * step).collect())
}

/// Powers of ten; with 2 and 5 between them where there are few.
fn log_ticks(low: f64, high: f64) -> (f64, f64, Vec<f64>) {
    let (first, last) = (low.log10().floor().max(-9.0) as i32, high.log10().ceil().min(12.0) as i32);
    let parts: &[f64] = if last - first <= 3 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let all = (first..=last).flat_map(|power| parts.iter().map(move |part| part * 10_f64.powi(power)));
    let all: Vec<f64> = all.collect();
    let from = all.iter().copied().rfind(|tick| *tick <= low * 1.000_001).unwrap_or(low);
    let to = all.iter().copied().find(|tick| *tick >= high * 0.999_999).unwrap_or(high);
    let ticks = all.into_iter().filter(|tick| *tick >= from * 0.999 && *tick <= to * 1.001).collect();
    (from, to.max(from * 1.01), ticks)
}

/// Short: the axis says what it is of.
pub fn show(unit: Unit, number: f64) -> String {
    match unit {
        Unit::Share => format!("{}%", trimmed(number * 100.0)),
        Unit::Usd => format!("${}", trimmed(number)),
        Unit::Seconds if number == 0.0 => "0".to_owned(),
        Unit::Seconds if number < 0.9995 => format!("{} ms", trimmed(number * 1e3)),
        Unit::Seconds => format!("{} s", trimmed(number)),
        Unit::PerSecond | Unit::Ratio | Unit::Count => trimmed(number),
    }
}

fn trimmed(number: f64) -> String {
    match number {
        n if n.abs() >= 1e6 => {
            format!("{:.4}", n / 1e6).trim_end_matches('0').trim_end_matches('.').to_owned() + "M"
        }
        n if n.abs() >= 1e4 => {
            format!("{:.2}", n / 1e3).trim_end_matches('0').trim_end_matches('.').to_owned() + "k"
        }
        n if n.fract() == 0.0 => format!("{n:.0}"),
        n => format!("{n:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_that_cover_the_data() {
        for (high, to, count) in
            [(1.0, 1.0, 5), (37.0, 40.0, 5), (0.93, 1.0, 5), (1_234.0, 1_500.0, 4), (7.1, 8.0, 5)]
        {
            let (from, top, ticks) = linear_ticks(high);
            assert_eq!((from, ticks.len()), (0.0, count), "{high}: {ticks:?}");
            assert!((top - to).abs() < 1e-9 * to, "{high}: {top}");
        }
    }

    #[test]
    fn a_logarithmic_axis_has_few_ticks_whatever_it_spans() {
        assert_eq!(
            log_ticks(0.3, 70.0),
            (0.2, 100.0, vec![0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0])
        );
        assert_eq!(log_ticks(0.001, 900.0).2.len(), 7);
        assert!(log_ticks(f64::MIN_POSITIVE, f64::MAX).2.len() < 30);
    }

    #[test]
    fn time_is_told_as_clocks_tell_it() {
        let labels = |to| time_ticks(to, 8.0).into_iter().map(|(_, label)| label).collect::<Vec<_>>();
        assert_eq!(labels(240.0), ["0:00", "0:30", "1:00", "1:30", "2:00", "2:30", "3:00", "3:30", "4:00"]);
        assert_eq!(labels(7_000.0), ["0:00", "20:00", "40:00", "1:00 h", "1:20 h", "1:40 h"]);
        assert_eq!(labels(86_400.0), ["0 h", "6 h", "12 h", "18 h", "24 h"]);
        assert!(time_ticks(f64::MAX, 8.0).len() <= 101);
    }

    #[test]
    fn percentiles_stand_at_their_distance_from_one() {
        let ticks = percentile_ticks(30_000.0);
        let labels: Vec<&str> = ticks.iter().map(|(_, label)| label.as_str()).collect();
        assert_eq!(labels, ["0%", "50%", "90%", "99%", "99.9%", "99.99%"]);
    }
}
