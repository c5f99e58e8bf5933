//! From invocation logs to a scenario: the recorded calls as a trace, and a world fitted to how they fared. Replay your
//! own incident against other ways of calling.
//!
//! Pure, from records to two texts. What a log does not say is never made up in silence: the scenario's head lists what
//! was taken from the log, what was assumed, and why.
//!
//! [`gather`] collects the calls, [`fit`] their latencies and sizes, [`quota`] what their throttles tell, and [mod@write]
//! puts all that into a scenario's words.

pub mod facts;
pub mod fit;
pub mod gather;
pub mod quota;
pub mod write;

#[cfg(test)]
mod tests;

use self::gather::{Call, Log, Way};

/// What to make of throttled calls. The log does not say which of them are one caller's retries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Throttled {
    /// Each is a request of its own: too many arrivals where clients retried.
    #[default]
    Keep,
    /// None is a request: too few arrivals where clients gave up.
    Drop,
}

/// What part of a log to use, and how.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    pub name: String,
    /// The model id to replay; without it, the one that was called most.
    pub model: Option<String>,
    /// The Region that was called.
    pub region: Option<String>,
    pub throttled: Throttled,
    /// Seconds since 1970.
    pub from: Option<i64>,
    pub to: Option<i64>,
}

/// A scenario and the trace that it replays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    pub scenario: String,
    pub trace: String,
    /// What was found and what was assumed; the scenario's head says the same.
    pub notes: Vec<String>,
}

/// Why no scenario can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("no invocation record of a model call is in what was read ({0})")]
    Nothing(String),
    #[error("no call of {wanted} is in the log; it has {known}")]
    NoSuchWay { wanted: String, known: String },
    #[error("no call of {0} lies in the window; the log reaches from {1} to {2}")]
    EmptyWindow(String, String, String),
    #[error("{0}")]
    Unusable(String),
}

/// Makes a scenario of what the log says. The log's calls are put in order of time.
pub fn make(log: &mut Log, wish: &Wish) -> Result<Made, Refusal> {
    log.sort();
    let way = choose(log, wish)?;
    let calls: Vec<Call> = log.of(way).filter(|call| within(call, wish)).copied().collect();
    if calls.is_empty() {
        let (first, last) = log.reach(way);
        let (name, first, last) = (log.way(way).to_string(), gather::time(first), gather::time(last));
        return Err(Refusal::EmptyWindow(name, first, last));
    }
    write::Writer::new(log, way, &calls, wish)?.write()
}

fn within(call: &Call, wish: &Wish) -> bool {
    wish.from.is_none_or(|from| call.unix_s >= from) && wish.to.is_none_or(|to| call.unix_s < to)
}

/// The way in that was asked for, or else the one that was called most.
fn choose(log: &Log, wish: &Wish) -> Result<u16, Refusal> {
    let fits = |way: &Way| {
        wish.model.as_ref().is_none_or(|model| *model == way.model)
            && wish.region.as_ref().is_none_or(|region| *region == way.region)
    };
    let best = log.by_count().into_iter().find(|(way, _)| fits(log.way(*way)));
    best.map(|(way, _)| way).ok_or_else(|| {
        if log.calls() == 0 {
            return Refusal::Nothing(log.describe());
        }
        let asked = [wish.model.clone(), wish.region.clone().map(|region| format!("in {region}"))];
        let wanted = asked.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let known: Vec<String> = log.by_count().iter().map(|(way, _)| log.way(*way).to_string()).collect();
        Refusal::NoSuchWay { wanted, known: known.join(", ") }
    })
}
