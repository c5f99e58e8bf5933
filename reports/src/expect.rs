//! What a scenario expects of its strategies.
//!
//! An expectation bounds one metric (`success >= 99%`) or demands that it beat another strategy. The texts are kept
//! as written, in the scenario and in the run file; [`ExpectSpec::check`] tells what is wrong with them before anything
//! runs, and [`judge`] measures them afterwards. An expectation passes only when the data says so: too little data
//! is its own outcome.

mod check;
mod judge;
mod one_or_many;
mod test;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use check::{ExpectProblem, Names};
pub use judge::{ExpectResult, Outcome, judge};
pub use one_or_many::OneOrMany;
pub use test::{Comparator, Test};

/// One expectation as written.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectSpec {
    /// A metric with a bound, such as `success >= 99%`; with `better_than`, the metric alone.
    pub that: String,
    /// The strategies it is about; every strategy when left out.
    #[serde(default, skip_serializing_if = "OneOrMany::is_empty")]
    pub of: OneOrMany,
    /// The phases it is taken over; every measured phase when left out.
    #[serde(default, rename = "in", skip_serializing_if = "OneOrMany::is_empty")]
    pub within: OneOrMany,
    /// The phase or fault whose aftermath it is about; for `recovery`, `detect` and `lost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The strategy that must be beaten, beyond what chance explains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better_than: Option<String>,
    /// By how much it must be beaten, such as `20%`, relative to the other's value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

#[cfg(test)]
mod tests;
