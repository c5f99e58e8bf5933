//! Rates as written: a constant, or a shape over the phase. To add a shape, add a variant to [`Shape`], its row to
//! [`SHAPES`] and its arms to `check` and `pieces`, all in this file.

use std::{borrow::Cow, fmt};

use richter_mock_bedrock::units::{Quantity, Rate, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};

use super::{
    arrival::ArrivalInfo,
    check::Notes,
    curve::{Curve, Piece},
    seconds,
};

/// A bare rate such as 40/s, or one shape.
#[derive(Debug, Clone, PartialEq)]
pub enum RateSpec {
    Constant(Rate),
    Shaped(Shape),
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Shape {
    /// From one rate to another in a straight line over the phase.
    Ramp { from: Rate, to: Rate },
    /// Levels of equal length.
    Step { levels: Vec<Rate> },
    /// A wave around the mean, upwards first.
    Sine { mean: Rate, amplitude: Rate, period: Span },
    /// A base rate that rises to a peak, holds and falls back; the rest of the phase is at the base.
    FlashCrowd(FlashCrowd),
}

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlashCrowd {
    pub from: Rate,
    pub peak: Rate,
    pub rise: Span,
    pub hold: Span,
    pub fall: Span,
    #[serde(default)]
    pub shape: Edge,
}

/// How a flash crowd rises and falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Edge {
    #[default]
    Linear,
    /// By the same factor in equal times: word of mouth.
    Exponential,
    /// Slow, fast, slow: word of mouth that runs out of people.
    Logistic,
}

pub const SHAPES: &[ArrivalInfo] = &[
    ArrivalInfo { name: "constant rate", summary: "the same rate throughout", example: "rate: 40/s" },
    ArrivalInfo {
        name: "ramp",
        summary: "from one rate to another in a straight line",
        example: "rate: { ramp: { from: 4/s, to: 40/s } }",
    },
    ArrivalInfo {
        name: "step",
        summary: "levels of equal length, one after the other",
        example: "rate: { step: { levels: [4/s, 8/s, 16/s] } }",
    },
    ArrivalInfo {
        name: "sine",
        summary: "a wave around a mean, such as a day",
        example: "rate: { sine: { mean: 20/s, amplitude: 15/s, period: 1d } }",
    },
    ArrivalInfo {
        name: "flash_crowd",
        summary: "rise, hold and fall; linear, exponential or logistic edges",
        example: "rate: { flash_crowd: { from: 4/s, peak: 40/s, rise: 20s, hold: 3m, fall: 60s, shape: logistic } }",
    },
];

impl RateSpec {
    /// The rate over a phase of this many seconds. Only for settings without problems.
    pub(super) fn curve(&self, length: f64) -> Curve {
        match self {
            RateSpec::Constant(rate) => Curve::new(&[(length, flat(*rate))]),
            RateSpec::Shaped(shape) => Curve::new(&shape.pieces(length)),
        }
    }

    pub(super) fn check(&self, phase: Span, notes: &mut Notes<'_>) {
        match self {
            RateSpec::Constant(rate) if rate.per_second() <= 0.0 => {
                notes.here("a rate of zero offers nothing", format!("write {}", Rate::EXAMPLE));
            }
            RateSpec::Constant(_) => {}
            RateSpec::Shaped(shape) => shape.check(phase, notes),
        }
    }
}

fn flat(rate: Rate) -> Piece {
    Piece::Straight { from: rate.per_second(), to: rate.per_second() }
}

impl Shape {
    fn pieces(&self, length: f64) -> Vec<(f64, Piece)> {
        match self {
            Shape::Ramp { from, to } => {
                vec![(length, Piece::Straight { from: from.per_second(), to: to.per_second() })]
            }
            Shape::Step { levels } => {
                levels.iter().map(|level| (length / levels.len() as f64, flat(*level))).collect()
            }
            Shape::Sine { mean, amplitude, period } => {
                let (mean, amplitude) = (mean.per_second(), amplitude.per_second());
                vec![(length, Piece::Sine { mean, amplitude, period: seconds(period.0) })]
            }
            Shape::FlashCrowd(crowd) => crowd.pieces(length),
        }
    }

    fn check(&self, phase: Span, notes: &mut Notes<'_>) {
        match self {
            Shape::Ramp { from, to } => {
                if from.per_second().max(to.per_second()) <= 0.0 {
                    notes.at("ramp", "a ramp from zero to zero offers nothing", "raise `to`");
                }
            }
            Shape::Step { levels } => check_levels(levels, &mut notes.under("step")),
            Shape::Sine { mean, amplitude, period } => {
                check_sine(*mean, *amplitude, *period, &mut notes.under("sine"));
            }
            Shape::FlashCrowd(crowd) => crowd.check(phase, &mut notes.under("flash_crowd")),
        }
    }
}

/// A phase is not cut into more levels than this.
const MAX_LEVELS: usize = 10_000;

fn check_levels(levels: &[Rate], notes: &mut Notes<'_>) {
    if levels.iter().all(|level| level.per_second() <= 0.0) {
        notes.at("levels", "no level is above zero", "list rates such as [4/s, 8/s, 16/s]");
    }
    if levels.len() > MAX_LEVELS {
        notes.at(
            "levels",
            format!("{} levels are more than {MAX_LEVELS}", levels.len()),
            "use fewer levels, or a trace",
        );
    }
}

fn check_sine(mean: Rate, amplitude: Rate, period: Span, notes: &mut Notes<'_>) {
    if mean.per_second() <= 0.0 {
        notes.at("mean", "a mean of zero offers nothing", format!("write {}", Rate::EXAMPLE));
    } else if amplitude.per_second() > mean.per_second() {
        notes.at(
            "amplitude",
            format!("an amplitude of {amplitude} around {mean} makes the rate negative"),
            format!("write at most {mean}"),
        );
    }
    if period.0 == 0 {
        notes.at("period", "a wave needs a length", "write a period such as 10m");
    }
}

impl FlashCrowd {
    fn pieces(&self, length: f64) -> Vec<(f64, Piece)> {
        let (rise, hold, fall) = (seconds(self.rise.0), seconds(self.hold.0), seconds(self.fall.0));
        let (from, peak) = (self.from.per_second(), self.peak.per_second());
        vec![
            (rise, self.shape.piece(from, peak)),
            (hold, flat(self.peak)),
            (fall, self.shape.piece(peak, from)),
            (length - rise - hold - fall, flat(self.from)),
        ]
    }

    fn check(&self, phase: Span, notes: &mut Notes<'_>) {
        let whole = self.rise.0.saturating_add(self.hold.0).saturating_add(self.fall.0);
        if whole > phase.0 {
            notes.here(
                format!("rise, hold and fall take {}, longer than the phase's {phase}", Span(whole)),
                format!("make the phase at least {}, or the crowd shorter", Span(whole)),
            );
        }
        if whole == 0 {
            notes.here(
                "rise, hold and fall are all zero, so the peak is never reached",
                "give `hold` a length",
            );
        }
        if self.peak.per_second() <= self.from.per_second() {
            notes.at(
                "peak",
                format!("a peak of {} is not above the base of {}", self.peak, self.from),
                "raise `peak`",
            );
        }
        if self.shape == Edge::Exponential && self.from.per_second() <= 0.0 {
            notes.at(
                "from",
                "an exponential edge cannot start at zero",
                "raise `from` above zero, or use shape: linear or logistic",
            );
        }
    }
}

impl Edge {
    fn piece(self, from: f64, to: f64) -> Piece {
        match self {
            Edge::Linear => Piece::Straight { from, to },
            Edge::Exponential => Piece::Exponential { from, to },
            Edge::Logistic => Piece::Logistic { from, to },
        }
    }
}

impl<'de> Deserialize<'de> for RateSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RateVisitor)
    }
}

struct RateVisitor;

fn no_unit<E: de::Error>(number: impl fmt::Display) -> E {
    E::custom(format_args!("{number} has no unit; write {}", Rate::EXAMPLE))
}

impl<'de> de::Visitor<'de> for RateVisitor {
    type Value = RateSpec;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, or a shape such as {{ ramp: {{ from: 4/s, to: 40/s }} }}", Rate::EXAMPLE)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<RateSpec, E> {
        text.parse().map(RateSpec::Constant).map_err(E::custom)
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<RateSpec, E> {
        Err(no_unit(number))
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<RateSpec, E> {
        Err(no_unit(number))
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<RateSpec, E> {
        Err(no_unit(number))
    }
    fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<RateSpec, A::Error> {
        if map.size_hint() == Some(0) {
            return Err(de::Error::invalid_type(de::Unexpected::Other("an empty map"), &self));
        }
        Shape::deserialize(de::value::MapAccessDeserializer::new(map)).map(RateSpec::Shaped)
    }
}

impl JsonSchema for RateSpec {
    fn schema_name() -> Cow<'static, str> {
        "RateSpec".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let plain = generator.subschema_for::<Rate>();
        let shape = generator.subschema_for::<Shape>();
        json_schema!({ "anyOf": [plain, shape] })
    }
}
