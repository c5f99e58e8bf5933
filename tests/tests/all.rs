//! Tests that need more than one part, in one binary. One module per concern.

#[cfg(feature = "aws")]
mod agreement;
#[cfg(feature = "aws")]
mod live;
mod random;
#[cfg(feature = "aws")]
mod rust_sdk;
mod scenarios;
#[cfg(feature = "aws")]
mod telemetry;
mod tidy;
