//! A Bedrock that misbehaves on a plan.
//!
//! The engine is a pure state machine: `call(now, ..)` says what the service would do with a request, `finish(now, ..)`
//! settles what it cost. It holds no clock, no socket and no ambient chance, and it knows no router. Start reading
//! at [`engine`]. With the feature `server` the engine also speaks HTTP; that begins in `server.rs`.

#[cfg(feature = "server")]
pub mod cloudwatch;
pub mod dist;
pub mod engine;
pub mod exception;
pub mod fault;
pub mod latency;
pub mod limiter;
pub mod luck;
pub mod pool;
pub mod profile;
pub mod record;
#[cfg(feature = "server")]
pub mod server;
pub mod units;
pub mod world;

/// Nanoseconds since the start of the run. An alias and not a newtype, because every part counts time this way
/// and the parts must not import each other to agree on it.
pub type Nanos = u64;

/// A setting that cannot work: where it is, what is wrong, what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpecProblem {
    /// Keys (and list indices, as text) from the top of the part's own settings.
    pub path: Vec<String>,
    pub message: String,
    pub hint: String,
}
