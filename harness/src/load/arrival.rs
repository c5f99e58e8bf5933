//! How arrivals scatter around the rate, as written. To add a way, add a variant to [`ArrivalSpec`], its row to
//! [`PROCESSES`] and its arms to `check` and `process`, all in this file.

use richter_mock_bedrock::units::Span;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    check::Notes, gamma::Gaps, herd::Herd, points::Process, points::Switching, seconds, shape::SHAPES,
};

#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ArrivalSpec {
    /// Evenly spaced.
    Constant,
    /// Independent callers.
    #[default]
    Poisson,
    /// Independent gaps with this coefficient of variation; 1 is Poisson, more is burstier.
    Gamma { cv: f64 },
    /// Bursts and silences of random length with these means; the mean over both stays the rate.
    OnOff { on: Span, off: Span },
    /// Two states of random length, with rates in the proportion `low` to `high`; the mean over both stays the rate.
    Mmpp2 { low: f64, high: f64, low_for: Span, high_for: Span },
    /// `count` callers together every `every`, spread over `spread`. It has no rate of its own.
    Herd { every: Span, count: u32, spread: Span },
}

/// One way of arriving, for `richter list arrivals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArrivalInfo {
    pub name: &'static str,
    pub summary: &'static str,
    pub example: &'static str,
}

/// Everything a phase can write about how its requests arrive: shapes of the rate, then ways to scatter around it.
pub const ARRIVALS: &[ArrivalInfo] = &joined();

const fn joined() -> [ArrivalInfo; SHAPES.len() + PROCESSES.len()] {
    let mut all = [SHAPES[0]; SHAPES.len() + PROCESSES.len()];
    let mut i = 1;
    while i < all.len() {
        all[i] = if i < SHAPES.len() { SHAPES[i] } else { PROCESSES[i - SHAPES.len()] };
        i += 1;
    }
    all
}

pub const PROCESSES: &[ArrivalInfo] = &[
    ArrivalInfo {
        name: "constant",
        summary: "evenly spaced, for calibration",
        example: "arrivals: constant",
    },
    ArrivalInfo {
        name: "poisson",
        summary: "independent callers; the default",
        example: "arrivals: poisson",
    },
    ArrivalInfo {
        name: "gamma",
        summary: "independent gaps with a coefficient of variation; above 1 is burstier than Poisson",
        example: "arrivals: { gamma: { cv: 2 } }",
    },
    ArrivalInfo {
        name: "on_off",
        summary: "bursts and silences of random length, as code assistants make them",
        example: "arrivals: { on_off: { on: 20s, off: 60s } }",
    },
    ArrivalInfo {
        name: "mmpp2",
        summary: "switches at random between a low and a high rate",
        example: "arrivals: { mmpp2: { low: 1, high: 8, low_for: 60s, high_for: 10s } }",
    },
    ArrivalInfo {
        name: "herd",
        summary: "many callers at the same moment, again and again: cron jobs, expiring caches",
        example: "arrivals: { herd: { every: 60s, count: 500, spread: 2s } }",
    },
    ArrivalInfo {
        name: "population",
        summary: "a fixed number of users who wait for each answer, and come back after a failure",
        example: "population: { users: 200, think: 10s, retry_after: 1s }",
    },
    ArrivalInfo {
        name: "trace",
        summary: "recorded times and sizes, faster, denser or cut as needed",
        example: "trace: { file: $RICHTER_TRACES/azure_llm_2023_code.csv, format: azure, rate_scale: 2 }",
    },
];

/// What an [`ArrivalSpec`] comes to: points scattered along a rate, or herds without one.
pub(super) enum Kind {
    Rated(Process),
    Herd(Herd),
}

/// Shorter dwell times cannot be told from a steady rate, and cost a draw each.
const SHORTEST_DWELL: Span = Span(10_000_000);
const CV: std::ops::RangeInclusive<f64> = 0.01..=50.0;
const MOST_HERD: u32 = 1_000_000;

impl ArrivalSpec {
    /// Only for settings without problems.
    pub(super) fn kind(&self) -> Kind {
        match *self {
            ArrivalSpec::Constant => Kind::Rated(Process::Constant),
            ArrivalSpec::Poisson => Kind::Rated(Process::Poisson),
            ArrivalSpec::Gamma { cv } => Kind::Rated(Process::Gamma(Gaps::new(cv))),
            ArrivalSpec::OnOff { on, off } => switching([0.0, 1.0], [off, on]),
            ArrivalSpec::Mmpp2 { low, high, low_for, high_for } => {
                switching([low, high], [low_for, high_for])
            }
            ArrivalSpec::Herd { every, count, spread } => {
                Kind::Herd(Herd { every: every.0, count, spread: spread.0 })
            }
        }
    }

    pub(super) fn check(&self, notes: &mut Notes<'_>) {
        match *self {
            ArrivalSpec::Constant | ArrivalSpec::Poisson => {}
            ArrivalSpec::Gamma { cv } => {
                if !CV.contains(&cv) {
                    notes.under("gamma").at(
                        "cv",
                        format!(
                            "a coefficient of variation of {cv} is outside {} to {}",
                            CV.start(),
                            CV.end()
                        ),
                        "1 is Poisson; traces of chat show 1 to 3",
                    );
                }
            }
            ArrivalSpec::OnOff { on, off } => {
                let notes = &mut notes.under("on_off");
                check_dwell("on", on, notes);
                check_dwell("off", off, notes);
            }
            ArrivalSpec::Mmpp2 { low, high, low_for, high_for } => {
                let notes = &mut notes.under("mmpp2");
                check_dwell("low_for", low_for, notes);
                check_dwell("high_for", high_for, notes);
                check_states(low, high, notes);
            }
            ArrivalSpec::Herd { every, count, spread } => {
                check_herd(every, count, spread, &mut notes.under("herd"));
            }
        }
    }
}

fn switching(weights: [f64; 2], dwell: [Span; 2]) -> Kind {
    Kind::Rated(Process::Switching(Switching::new(weights, dwell.map(|span| seconds(span.0)))))
}

fn check_dwell(key: &str, dwell: Span, notes: &mut Notes<'_>) {
    if dwell < SHORTEST_DWELL {
        notes.at(key, format!("{dwell} is too short to matter"), format!("write at least {SHORTEST_DWELL}"));
    }
}

fn check_states(low: f64, high: f64, notes: &mut Notes<'_>) {
    if !(low.is_finite() && low >= 0.0) {
        notes.at("low", format!("{low} is not a share of the rate"), "write 0 or more, such as 0.5");
    }
    if !(high.is_finite() && high > 0.0 && high >= low) {
        notes.at("high", format!("{high} is not above `low`"), "write a number above `low`, such as 4");
    }
}

fn check_herd(every: Span, count: u32, spread: Span, notes: &mut Notes<'_>) {
    if every.0 == 0 {
        notes.at("every", "a herd needs time between its visits", "write a length of time such as 60s");
    } else if spread > every {
        notes.at(
            "spread",
            format!("{spread} is longer than the {every} until the next visit"),
            format!("write at most {every}"),
        );
    }
    if !(1..=MOST_HERD).contains(&count) {
        notes.at(
            "count",
            format!("{count} callers are not between 1 and {MOST_HERD}"),
            "write a count such as 500",
        );
    }
}
