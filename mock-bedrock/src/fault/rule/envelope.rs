//! How strong a fault is in the course of its window: a curve between 0 and 1, with its integral.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::Deserialize;

use super::checks::Checks;
use crate::{
    Nanos,
    units::{Share, Span},
};

/// A curve as written.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EnvelopeSpec {
    #[default]
    Constant,
    /// A straight line over the window.
    Ramp { from: Share, to: Share },
    /// Equal factors in equal times over the window.
    Exponential { from: Share, to: Share },
    /// Fully there for the first `on` of every `period`, and not at all for the rest.
    Square { period: Span, on: Span },
    /// From nothing to all and back in every `period`.
    Sine { period: Span },
    /// Levels, each until the next begins; nothing before the first.
    Steps(Vec<LevelSpec>),
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelSpec {
    /// Since the start of the window.
    pub after: Span,
    pub level: Share,
}

/// A curve over the time since the start of a window. A curve that runs over the window keeps its last value
/// after it.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::fault) enum Envelope {
    Constant,
    Ramp { from: f64, to: f64, over: Nanos },
    Exponential { from: f64, growth: f64, over: Nanos },
    Square { period: Nanos, on: Nanos },
    Sine { period: Nanos },
    Steps(Vec<(Nanos, f64)>),
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

impl Envelope {
    pub fn at(&self, since: Nanos) -> f64 {
        match self {
            Envelope::Constant => 1.0,
            Envelope::Ramp { from, to, over } => from + (to - from) * part(since, *over),
            Envelope::Exponential { from, growth, over } => from * libm::exp(growth * part(since, *over)),
            Envelope::Square { period, on } => f64::from(u8::from(since % period < *on)),
            Envelope::Sine { period } => 0.5 - 0.5 * libm::cos(turn(since, *period)),
            Envelope::Steps(levels) => {
                let next = levels.partition_point(|(after, _)| *after <= since);
                next.checked_sub(1).map_or(0.0, |last| levels[last].1)
            }
        }
    }

    /// The integral from the start of the window, in seconds at full strength.
    pub fn area(&self, since: Nanos) -> f64 {
        match self {
            Envelope::Constant => seconds(since),
            Envelope::Ramp { from, to, over } => {
                let (inside, x) = (seconds(since.min(*over)), part(since, *over));
                inside * (from + (to - from) * x / 2.0) + seconds(since.saturating_sub(*over)) * to
            }
            Envelope::Exponential { from, growth, over } => {
                let grown = libm::expm1(growth * part(since, *over)) / growth * seconds(*over);
                from * grown + seconds(since.saturating_sub(*over)) * from * libm::exp(*growth)
            }
            Envelope::Square { period, on } => {
                seconds(since / period * on) + seconds((since % period).min(*on))
            }
            Envelope::Sine { period } => {
                seconds(since) / 2.0 - seconds(*period) / (4.0 * PI) * libm::sin(turn(since, *period))
            }
            Envelope::Steps(levels) => {
                let ends = levels.iter().skip(1).map(|(after, _)| *after).chain([Nanos::MAX]);
                let held = |from: Nanos, to: Nanos| seconds(since.min(to).saturating_sub(from));
                levels.iter().zip(ends).map(|((after, level), end)| level * held(*after, end)).sum()
            }
        }
    }
}

fn part(since: Nanos, over: Nanos) -> f64 {
    if since >= over { 1.0 } else { since as f64 / over as f64 }
}

fn turn(since: Nanos, period: Nanos) -> f64 {
    2.0 * PI * ((since % period) as f64 / period as f64)
}

impl EnvelopeSpec {
    pub(in crate::fault) fn resolve(&self, length: Nanos, checks: &mut Checks<'_>) -> Envelope {
        if let Some((message, hint)) = self.problem() {
            checks.problem(&["envelope"], message, hint);
        }
        match self {
            EnvelopeSpec::Constant => Envelope::Constant,
            EnvelopeSpec::Ramp { from, to } => Envelope::Ramp { from: from.0, to: to.0, over: length },
            EnvelopeSpec::Exponential { from, to } if from == to => {
                Envelope::Ramp { from: from.0, to: to.0, over: length }
            }
            EnvelopeSpec::Exponential { from, to } => {
                Envelope::Exponential { from: from.0, growth: libm::log(to.0 / from.0), over: length }
            }
            EnvelopeSpec::Square { period, on } => Envelope::Square { period: period.0.max(1), on: on.0 },
            EnvelopeSpec::Sine { period } => Envelope::Sine { period: period.0.max(1) },
            EnvelopeSpec::Steps(levels) => {
                Envelope::Steps(levels.iter().map(|step| (step.after.0, step.level.0)).collect())
            }
        }
    }

    fn problem(&self) -> Option<(&'static str, &'static str)> {
        match self {
            EnvelopeSpec::Ramp { from, to } if from.0 <= 0.0 && to.0 <= 0.0 => {
                Some(("the ramp is 0% throughout, so the fault never strikes", "write from: 0%, to: 100%"))
            }
            EnvelopeSpec::Exponential { from, to } if from.0 <= 0.0 || to.0 <= 0.0 => Some((
                "an exponential curve can neither start nor end at 0%",
                "write a small bound such as 1%, or use a ramp",
            )),
            EnvelopeSpec::Square { on, period } if on.0 == 0 || on > period => {
                Some(("`on` must lie between 0s and `period`", "write such as period: 20s, on: 8s"))
            }
            EnvelopeSpec::Sine { period } if period.0 == 0 => {
                Some(("a period of 0s has no curve", "write such as period: 60s"))
            }
            EnvelopeSpec::Steps(levels) if levels.iter().all(|step| step.level.0 <= 0.0) => Some((
                "no step is above 0%, so the fault never strikes",
                "write such as { after: 0s, level: 50% }",
            )),
            EnvelopeSpec::Steps(levels) if levels.windows(2).any(|two| two[0].after >= two[1].after) => {
                Some(("steps must be in the order of `after`", "sort them, and give each another time"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Nanos = 1_000_000_000;

    #[test]
    fn each_curve_has_its_values() {
        let ramp = Envelope::Ramp { from: 0.0, to: 1.0, over: 10 * SECOND };
        let growing = Envelope::Exponential { from: 0.01, growth: libm::log(100.0), over: 10 * SECOND };
        let square = Envelope::Square { period: 20 * SECOND, on: 8 * SECOND };
        let sine = Envelope::Sine { period: 20 * SECOND };
        let steps = Envelope::Steps(vec![(5 * SECOND, 0.5), (10 * SECOND, 0.2)]);
        for (envelope, at, want) in [
            (&Envelope::Constant, 7, 1.0),
            (&ramp, 0, 0.0),
            (&ramp, 5, 0.5),
            (&ramp, 99, 1.0),
            (&growing, 0, 0.01),
            (&growing, 5, 0.1),
            (&growing, 10, 1.0),
            (&square, 7, 1.0),
            (&square, 8, 0.0),
            (&square, 20, 1.0),
            (&sine, 0, 0.0),
            (&sine, 10, 1.0),
            (&sine, 15, 0.5),
            (&steps, 4, 0.0),
            (&steps, 5, 0.5),
            (&steps, 60, 0.2),
        ] {
            let got = envelope.at(at * SECOND);
            assert!((got - want).abs() < 1e-9, "{envelope:?} at {at} s: {got}, not {want}");
        }
    }

    fn any_envelope() -> impl Strategy<Value = Envelope> {
        let length = SECOND..100 * SECOND;
        prop_oneof![
            Just(Envelope::Constant),
            (0.0..1.0, 0.0..1.0, length.clone()).prop_map(|(from, to, over)| Envelope::Ramp {
                from,
                to,
                over
            }),
            (0.01..0.1, 0.01..2.0, length.clone()).prop_map(|(from, growth, over)| Envelope::Exponential {
                from,
                growth,
                over
            }),
            (SECOND..9 * SECOND, 1..SECOND).prop_map(|(period, on)| Envelope::Square { period, on }),
            (SECOND..9 * SECOND).prop_map(|period| Envelope::Sine { period }),
            prop::collection::btree_map(length, 0.0..1.0, 1..5)
                .prop_map(|levels| Envelope::Steps(levels.into_iter().collect())),
        ]
    }

    proptest! {
        /// The area is what summing the curve in small steps gives.
        #[test]
        fn the_area_is_the_integral_of_the_curve(envelope in any_envelope(), until in 0..120 * SECOND) {
            let steps = 20_000;
            let width = until as f64 / f64::from(steps);
            let middle = |step: i32| envelope.at(((f64::from(step) + 0.5) * width) as Nanos);
            let sum = (0..steps).map(middle).sum::<f64>() * width / 1e9;
            let jumps = match &envelope {
                Envelope::Square { period, .. } => 2 * (until / period) + 2,
                Envelope::Steps(levels) => levels.len() as u64,
                _ => 0,
            };
            let close = 1e-4 + jumps as f64 * width / 1e9;
            let area = envelope.area(until);
            prop_assert!((area - sum).abs() <= close, "{area} against {sum}, within {close}");
        }
    }
}
