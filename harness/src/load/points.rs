//! Points scattered along a curve: a process of one arrival per unit is drawn, and the curve turns its units into
//! seconds. Whatever the shape, the process keeps its character and the mean stays exact.
//!
//! The state is a few numbers, however long the schedule.

use std::sync::Arc;

use richter_mock_bedrock::luck::Draws;

use super::{
    curve::{Cursor, Curve},
    gamma::{Gaps, Rolls},
};

/// How points of mean one per unit scatter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Process {
    Constant,
    Poisson,
    Gamma(Gaps),
    Switching(Switching),
}

/// Two states of exponentially distributed length, each with its own multiple of the rate; Poisson within a state.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Switching {
    /// Multiples of the rate, scaled so that their mean over time is 1.
    times: [f64; 2],
    /// Mean lengths in seconds.
    dwell: [f64; 2],
}

impl Switching {
    pub fn new(weights: [f64; 2], dwell: [f64; 2]) -> Switching {
        let mean = (weights[0] * dwell[0] + weights[1] * dwell[1]) / (dwell[0] + dwell[1]);
        Switching { times: weights.map(|weight| weight / mean), dwell }
    }

    /// The state that the process is in at an arbitrary moment, for a uniform draw.
    fn start(&self, unit: f64) -> usize {
        usize::from(unit * (self.dwell[0] + self.dwell[1]) >= self.dwell[0])
    }
}

// Purposes of the draws of one phase. Part of the recorded world: append, never reorder.
const GAP: u32 = 0;
const DWELL: u32 = 1;
const START: u32 = 2;

/// The arrivals of one phase, in seconds from its start, never falling.
#[derive(Debug, Clone)]
pub struct Points {
    curve: Arc<Curve>,
    cursor: Cursor,
    process: Process,
    stay: Stay,
    draws: Draws,
    phase: u32,
    place: u64,
    units: f64,
}

impl Points {
    pub fn new(curve: Arc<Curve>, process: Process, draws: Draws, phase: u16) -> Points {
        let phase = u32::from(phase);
        let stay = match &process {
            Process::Switching(switching) => Stay::first(switching, &curve, draws, phase),
            _ => Stay::default(),
        };
        Points { curve, cursor: Cursor::default(), process, stay, draws, phase, place: 0, units: 0.0 }
    }
}

impl Iterator for Points {
    /// Place in the phase and time.
    type Item = (u64, f64);

    #[inline]
    fn next(&mut self) -> Option<(u64, f64)> {
        let place = self.place;
        self.place += 1;
        self.units = match self.process {
            // Half a gap from both ends, so that the count is the rounded mean.
            Process::Constant => place as f64 + 0.5,
            Process::Poisson | Process::Switching(_) => {
                self.units - libm::log(self.draws.draw(place, self.phase, GAP).unit())
            }
            Process::Gamma(gaps) if place == 0 => gaps.first(Rolls::new(self.draws, place, self.phase)),
            Process::Gamma(gaps) => self.units + gaps.gap(Rolls::new(self.draws, place, self.phase)),
        };
        let area = match &self.process {
            Process::Switching(switching) => {
                self.stay.area(self.units, switching, &self.curve, (self.draws, self.phase))?
            }
            _ => self.units,
        };
        self.cursor.time(&self.curve, area).map(|time| (place, time))
    }
}

/// One stay in a state: where it begins, counted in the curve's area and in the switched process's units.
#[derive(Debug, Clone, Copy, Default)]
struct Stay {
    state: usize,
    number: u64,
    ends: f64,
    from_area: f64,
    to_area: f64,
    from_units: f64,
}

impl Stay {
    fn first(switching: &Switching, curve: &Curve, draws: Draws, phase: u32) -> Stay {
        let state = switching.start(draws.draw(0, phase, START).unit());
        let mut stay = Stay { state, ..Stay::default() };
        stay.lengthen(switching, curve, (draws, phase));
        stay
    }

    fn lengthen(&mut self, switching: &Switching, curve: &Curve, (draws, phase): (Draws, u32)) {
        self.ends -= switching.dwell[self.state] * libm::log(draws.draw(self.number, phase, DWELL).unit());
        self.to_area = curve.area(self.ends);
    }

    /// The curve's area at which the switched process has seen `units`; none past the curve's end.
    fn area(&mut self, units: f64, switching: &Switching, curve: &Curve, key: (Draws, u32)) -> Option<f64> {
        loop {
            let times = switching.times[self.state];
            let held = times * (self.to_area - self.from_area);
            if units < self.from_units + held {
                return Some(self.from_area + (units - self.from_units) / times);
            }
            if self.ends >= curve.length() {
                return None;
            }
            self.from_units += held;
            self.from_area = self.to_area;
            self.state = 1 - self.state;
            self.number += 1;
            self.lengthen(switching, curve, key);
        }
    }
}
