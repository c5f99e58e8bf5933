//! A rate over time in pieces, its integral, and the inverse of that integral.
//!
//! The integral says how many arrivals are expected up to a time; its inverse turns the n-th expected arrival into a
//! time. All of it is exact but the inverses of `Logistic` and `Sine`, which are found to a nanosecond.
//! Times are seconds from the start of the phase, rates are per second.

use std::f64::consts::PI;

/// How the rate runs over one piece.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Piece {
    Straight {
        from: f64,
        to: f64,
    },
    /// Grows or shrinks by the same factor in equal times; both ends above zero.
    Exponential {
        from: f64,
        to: f64,
    },
    /// An S: slow, fast, slow.
    Logistic {
        from: f64,
        to: f64,
    },
    Sine {
        mean: f64,
        amplitude: f64,
        period: f64,
    },
}

/// Half the width of the part of the logistic function that is used; its ends are then stretched to meet `from` and
/// `to` exactly.
const STEEP: f64 = 6.0;
/// The logistic function, and the integral of it, at `-STEEP`; written out because every arrival on an edge needs them.
const LOW: f64 = 0.002_472_623_156_634_774_4;
const LOW_AREA: f64 = 0.002_475_685_137_730_449_5;
const RISE: f64 = 1.0 - 2.0 * LOW;

impl Piece {
    fn rate(self, x: f64, length: f64) -> f64 {
        match self {
            Piece::Straight { from, to } => from + (to - from) * x / length,
            Piece::Exponential { from, to } => from * libm::exp(libm::log(to / from) * x / length),
            Piece::Logistic { from, to } => {
                from + (to - from) * (sigmoid(STEEP * (2.0 * x / length - 1.0)) - LOW) / RISE
            }
            Piece::Sine { mean, amplitude, period } => mean + amplitude * libm::sin(2.0 * PI * x / period),
        }
    }

    /// Integral of the rate from the piece's start to `x`.
    fn area(self, x: f64, length: f64) -> f64 {
        match self {
            Piece::Straight { from, to } => x * (from + (to - from) * x / (2.0 * length)),
            Piece::Exponential { from, to } => {
                let growth = libm::log(to / from) / length;
                if growth == 0.0 { from * x } else { from * libm::expm1(growth * x) / growth }
            }
            Piece::Logistic { from, to } => {
                let raised = (softplus(STEEP * (2.0 * x / length - 1.0)) - LOW_AREA) / (2.0 * STEEP);
                from * x + (to - from) * (raised * length - LOW * x) / RISE
            }
            Piece::Sine { mean, amplitude, period } => {
                mean * x + amplitude * period / (2.0 * PI) * (1.0 - libm::cos(2.0 * PI * x / period))
            }
        }
    }

    /// Where the area reaches `area`. `near` is a place close before it, from which a search may start.
    fn reach(self, area: f64, length: f64, near: f64) -> f64 {
        match self {
            Piece::Straight { from, to } => {
                let root = from + libm::sqrt((from * from + 2.0 * (to - from) / length * area).max(0.0));
                if root > 0.0 { 2.0 * area / root } else { 0.0 }
            }
            Piece::Exponential { from, to } => {
                let growth = libm::log(to / from) / length;
                if growth == 0.0 { area / from } else { libm::log1p(area * growth / from) / growth }
            }
            Piece::Logistic { .. } | Piece::Sine { .. } => self.search(area, length, near),
        }
    }

    /// Newton's method inside a bracket that only shrinks, so that a flat spot cannot throw it out.
    fn search(self, area: f64, length: f64, near: f64) -> f64 {
        // After a step this short the next one is far below a nanosecond, since steps shrink quadratically.
        const CLOSE_S: f64 = 1e-6;
        // Halving alone would get there; Newton's steps need two or three.
        const MOST_STEPS: u32 = 64;
        let (mut low, mut high) = (near, length);
        let mut x = near;
        for _ in 0..MOST_STEPS {
            let missing = area - self.area(x, length);
            if missing >= 0.0 {
                low = x;
            } else {
                high = x;
            }
            let next = x + missing / self.rate(x, length);
            if (next - x).abs() < CLOSE_S {
                return next.clamp(low, high);
            }
            x = if next > low && next < high { next } else { (low + high) / 2.0 };
        }
        x
    }
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-z))
}

fn softplus(z: f64) -> f64 {
    libm::log1p(libm::exp(z))
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Segment {
    start: f64,
    length: f64,
    /// Arrivals expected before the segment, and within it.
    before: f64,
    area: f64,
    piece: Piece,
}

/// Pieces one after the other, from 0 on.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    segments: Vec<Segment>,
}

impl Curve {
    /// Lengths in seconds. Pieces without length are left out.
    pub fn new(pieces: &[(f64, Piece)]) -> Curve {
        let mut segments = Vec::with_capacity(pieces.len());
        let (mut start, mut before) = (0.0, 0.0);
        for &(length, piece) in pieces.iter().filter(|(length, _)| *length > 0.0) {
            let area = piece.area(length, length);
            segments.push(Segment { start, length, before, area, piece });
            start += length;
            before += area;
        }
        Curve { segments }
    }

    pub fn length(&self) -> f64 {
        self.segments.last().map_or(0.0, |last| last.start + last.length)
    }

    fn segment_at(&self, at: f64) -> Option<(&Segment, f64)> {
        let after = self.segments.partition_point(|segment| segment.start <= at);
        let segment = self.segments.get(after.saturating_sub(1))?;
        Some((segment, (at - segment.start).clamp(0.0, segment.length)))
    }

    pub fn rate(&self, at: f64) -> f64 {
        self.segment_at(at).map_or(0.0, |(segment, x)| segment.piece.rate(x, segment.length))
    }

    /// Arrivals expected from 0 to `at`.
    pub fn area(&self, at: f64) -> f64 {
        self.segment_at(at).map_or(0.0, |(segment, x)| segment.before + segment.piece.area(x, segment.length))
    }

    pub fn total(&self) -> f64 {
        self.segments.last().map_or(0.0, |last| last.before + last.area)
    }
}

/// Reads a curve backwards, from expected arrivals to times, for a sequence that never falls.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor {
    segment: usize,
    /// The last answer within the segment.
    near: f64,
}

impl Cursor {
    /// The time at which `area` arrivals are expected, or none when the curve holds fewer.
    #[inline]
    pub fn time(&mut self, curve: &Curve, area: f64) -> Option<f64> {
        loop {
            let segment = curve.segments.get(self.segment)?;
            let within = area - segment.before;
            if within < segment.area {
                let x = segment.piece.reach(within.max(0.0), segment.length, self.near);
                self.near = x.clamp(self.near, segment.length);
                return Some(segment.start + self.near);
            }
            self.segment += 1;
            self.near = 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece() -> impl Strategy<Value = Piece> {
        let rates = (0.01..500.0, 0.01..500.0);
        prop_oneof![
            rates.clone().prop_map(|(from, to)| Piece::Straight { from, to }),
            (0.0..500.0).prop_map(|to| Piece::Straight { from: 0.0, to }),
            rates.clone().prop_map(|(from, to)| Piece::Exponential { from, to }),
            rates.clone().prop_map(|(from, to)| Piece::Logistic { from, to }),
            (rates, 0.5..500.0).prop_map(|((a, b), period)| Piece::Sine {
                mean: f64::max(a, b),
                amplitude: f64::min(a, b),
                period
            }),
        ]
    }

    proptest! {
        #[test]
        fn the_area_is_the_sum_of_the_rate(pieces in prop::collection::vec((0.5..200.0, piece()), 1..4), part in 0.0..1.0) {
            let curve = Curve::new(&pieces);
            let until = curve.length() * part;
            let steps = 40_000;
            let width = until / f64::from(steps);
            let sum: f64 = (0..steps).map(|i| curve.rate((f64::from(i) + 0.5) * width) * width).sum();
            prop_assert!((sum - curve.area(until)).abs() < 1e-3 * (1.0 + sum), "{sum} against {}", curve.area(until));
        }

        #[test]
        fn reading_backwards_undoes_the_area(pieces in prop::collection::vec((0.5..200.0, piece()), 1..4)) {
            let curve = Curve::new(&pieces);
            let mut cursor = Cursor::default();
            let mut last = 0.0;
            for step in 0..500 {
                let area = curve.total() * f64::from(step) / 500.0;
                let time = cursor.time(&curve, area).expect("less than the total");
                prop_assert!(time >= last);
                prop_assert!((curve.area(time) - area).abs() < 1e-7 * (1.0 + curve.total()), "{} for {area}", curve.area(time));
                last = time;
            }
            prop_assert_eq!(cursor.time(&curve, curve.total() * 1.000_001 + 1e-6), None);
        }
    }

    #[test]
    fn a_rate_of_zero_is_passed_over() {
        let curve = Curve::new(&[
            (10.0, Piece::Straight { from: 1.0, to: 1.0 }),
            (10.0, Piece::Straight { from: 0.0, to: 0.0 }),
            (10.0, Piece::Straight { from: 1.0, to: 1.0 }),
        ]);
        let mut cursor = Cursor::default();
        assert_eq!(cursor.time(&curve, 9.5), Some(9.5));
        assert_eq!(cursor.time(&curve, 10.5), Some(20.5));
        assert_eq!(cursor.time(&curve, 20.0), None);
    }

    #[test]
    fn the_written_out_values_are_those_of_the_logistic_function() {
        assert_eq!(LOW, sigmoid(-STEEP));
        assert_eq!(LOW_AREA, softplus(-STEEP));
    }

    #[test]
    fn edges_meet_both_of_their_rates() {
        for piece in [
            Piece::Straight { from: 4.0, to: 40.0 },
            Piece::Exponential { from: 4.0, to: 40.0 },
            Piece::Logistic { from: 4.0, to: 40.0 },
        ] {
            let curve = Curve::new(&[(20.0, piece)]);
            assert!((curve.rate(0.0) - 4.0).abs() < 1e-9, "{piece:?}");
            assert!((curve.rate(20.0) - 40.0).abs() < 1e-9, "{piece:?}");
        }
    }
}
