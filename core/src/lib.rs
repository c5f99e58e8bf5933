//! Decides where each request to Amazon Bedrock goes.
//!
//! Everything here is a pure state machine: events with an explicit `now` go in, commands come out. There is no
//! clock, no socket, no task and no ambient chance; whoever drives it supplies all four. It knows no scenario, no
//! mock, no run file and no report, so a service could link it as it is.
//!
//! The one exception is the module `live`, behind the feature `aws`: the shell that drives the rest with tokio and the
//! AWS SDK.
//!
//! Start reading at [`flight`].

pub mod event;
pub mod failure;
pub mod flight;
#[cfg(feature = "aws")]
pub mod live;
pub mod policy;
pub mod quantity;
pub mod request;
pub mod span;
pub mod strategy;
pub mod target;

#[cfg(test)]
mod rig;

/// Nanoseconds since the start of the run. An alias and not a newtype, because every part counts time this way
/// and the parts must not import each other to agree on it.
pub type Nanos = u64;
