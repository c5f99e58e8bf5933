//! Scenario, load, grounds, record and command line: the only place that knows core, mock and reports.
//!
//! The file to open first is [`run`].

#[cfg(feature = "aws")]
pub mod aws;
pub mod baseline;
pub mod cli;
pub mod clock;
#[cfg(feature = "aws")]
pub mod doctor;
pub mod exit;
pub mod ground;
pub mod load;
pub mod observe;
pub mod permit;
pub mod price;
pub mod record;
pub mod run;
pub mod scenario;
#[cfg(feature = "mock")]
pub mod serve;
#[cfg(feature = "aws")]
pub mod telemetry;
pub mod tournament;
#[cfg(feature = "aws")]
pub mod watch;
