//! The numbers that are measured, as opposed to derived: one list with unit and meaning.

/// A measured number: a row of `richter list measurements`.
#[derive(Debug, Clone, Copy)]
pub struct MeasuredInfo {
    pub name: &'static str,
    pub unit: &'static str,
    pub meaning: &'static str,
}

macro_rules! measured {
    ($(($name:literal, $unit:literal, $meaning:literal)),* $(,)?) => {
        &[$(MeasuredInfo { name: $name, unit: $unit, meaning: $meaning }),*]
    };
}

pub const MEASURED: &[MeasuredInfo] = measured![
    ("offered", "requests", "intended arrivals"),
    ("answered", "requests", "whole answers"),
    ("good", "requests", "whole answers within the SLO"),
    (
        "cut_short",
        "requests",
        "whole answers that stopped at a max_tokens which the strategy had set; not good"
    ),
    ("failed", "requests", "ended in failure before any content"),
    ("broken", "requests", "broke after part of the answer had reached the caller"),
    ("abandoned", "requests", "the caller left first"),
    ("shed", "requests", "never begun, because a limit of the generator was reached"),
    ("open", "requests", "still open when the run ended"),
    (
        "rejected_by_reason",
        "requests",
        "failed by the strategy's own decision, without an answer of the service"
    ),
    ("attempts", "attempts", "calls of the service"),
    ("throttles", "attempts", "calls refused for quota"),
    ("first_token", "us", "from the intended arrival to the first content"),
    ("total", "us", "from the intended arrival to the last token"),
    ("gap", "us", "mean gap between the tokens of one streamed answer"),
    ("attempt", "us", "from sending an attempt to its end"),
    ("in_flight", "requests", "most requests open at once in a second"),
    ("served_by_region", "attempts", "attempts that the service worked on, by the Region that served them"),
    ("wasted_tokens", "tokens", "output produced for nobody: cancelled, abandoned or broken answers"),
    ("cost", "USD", "what the tokens and the provisioned hours cost"),
];
