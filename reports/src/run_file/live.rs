//! What a run file holds of a run on the wall clock: who answered, whether the generator kept up, and where each
//! request's time went.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A run on the wall clock.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// Who answered: an address, or the real service.
    pub service: String,
    /// Why the numbers are not to be believed; a run with any is invalid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<String>,
    /// What to beware of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caveats: Vec<String>,
    /// Faults that were made on our side of the connection, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client_faults: Vec<String>,
    /// In the order of the run file's cells.
    pub cells: Vec<LiveCell>,
}

/// How the generator did in one cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LiveCell {
    /// When its time was zero, as RFC 3339 in UTC: what joins it with clocks elsewhere.
    #[serde(default)]
    pub began: String,
    /// Arrivals that fell due.
    pub due: u64,
    /// Those of them that were handed to the strategy.
    pub begun: u64,
    /// From an arrival's time until the strategy had it.
    pub lag_us_p50: u64,
    pub lag_us_p99: u64,
    pub lag_us_max: u64,
    /// From a call until it had a connection, an idle one or a new one.
    #[serde(default)]
    pub connect_us_p99: u64,
    #[serde(default)]
    pub connect_us_max: u64,
    /// Calls for which this machine had no port or no open file left.
    #[serde(default)]
    pub connect_refused_here: u64,
    /// Most requests open at once.
    pub in_flight_max: u64,
    /// Processor time of this program, as a share of all cores.
    pub cpu_share: f64,
    /// The same in seconds, from the last preparation to the last answer.
    #[serde(default)]
    pub cpu_s: f64,
    /// Events that found no room on their way to the recorder.
    pub dropped: u64,
    pub took_s: f64,
}

/// Where the time of the answered requests of a phase went. The five parts of a request sum exactly to its total:
/// how late the generator was; the strategy's wait before it first sent; attempts that came to nothing, with the waits
/// between them; the wait for the first token of the attempt that was answered; and the rest of its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Split {
    pub requests: u64,
    /// Nanoseconds of all of them together.
    pub total_ns: u64,
    /// Of every request that was begun, answered or not: V2 HdrHistogram, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_of_all: Option<String>,
    pub lag: Part,
    pub wait: Part,
    pub tries: Part,
    pub first: Part,
    pub rest: Part,
}

/// One of the five.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub sum_ns: u64,
    /// V2 HdrHistogram, in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub histogram: Option<String>,
}

impl Split {
    /// Whether nothing of any request's time is missing or counted twice.
    pub fn adds_up(&self) -> bool {
        let parts = [&self.lag, &self.wait, &self.tries, &self.first, &self.rest];
        let sum: u128 = parts.iter().map(|part| u128::from(part.sum_ns)).sum();
        sum == u128::from(self.total_ns)
    }
}
