//! What only runs on the wall clock take from the command line.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use richter_core::span as lengths;
use richter_mock_bedrock::units::Share;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "On the mock and on Bedrock")]
pub struct LiveArgs {
    /// Say what would be sent, what it would cost and how long it would take, and send nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Send it to Amazon Bedrock without asking.
    #[arg(long)]
    pub yes: bool,
    /// Stop before the run could cost more than this; open requests count at their worst.
    #[arg(long, value_name = "USD", value_parser = dollars)]
    pub max_spend: Option<f64>,
    /// Stop after so many requests.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_requests: Option<u64>,
    /// Stop before more tokens than this could be used; open requests count at their worst.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_tokens: Option<u64>,
    /// Stop when this share of the last 30 requests failed. Default on Bedrock: 100%.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub stop_at_failures: Option<f64>,
    /// Prices as under `prices:` in a scenario, in a file of their own; they go before the scenario's.
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
    /// Prompts of your own, one JSON object per line: {"prompt": "Why is the sky blue?"}. Default: words, as many as the
    /// scenario says.
    #[arg(long, value_name = "FILE")]
    pub prompts: Option<PathBuf>,
    /// Make a fault on this side of the connection, before anything is sent: throttle:10%, delay:200ms:50% or reset:5%,
    /// with @REGION behind it for one Region only; may be given several times.
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "FAULT")]
    pub inject: Vec<crate::ground::live::wire::inject::Injection>,
    /// How to show the run while it goes on.
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "HOW", value_enum, default_value_t)]
    pub view: crate::watch::Style,
    /// Keep the journal, too, when the run file is written.
    #[arg(long)]
    pub keep_journal: bool,
    /// Most requests open at once; what comes beyond is not sent, and counted. Default: 10000, or fewer where the system
    /// lets the program open fewer files.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub in_flight_max: Option<u64>,
    /// Which client makes the calls.
    #[cfg(feature = "aws")]
    #[arg(long, value_name = "CLIENT", value_enum, default_value_t)]
    pub client: crate::ground::live::caller::Client,
    /// Threads that send, each with connections of its own. Default: half of the cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub lanes: Option<u16>,
    /// Wait this long between two strategies, so that quotas are full again for the next.
    #[arg(long, value_name = "TIME", default_value = "90s", value_parser = span)]
    pub refill: Duration,
    /// Play all strategies in turn, replication by replication, and not all of one before the next: what changes with the hour
    /// then touches all alike.
    #[arg(long)]
    pub interleave: bool,
    /// A generator that is later than this at p99 makes the run invalid.
    #[arg(long, value_name = "TIME", default_value = "50ms", value_parser = span)]
    pub lag_max: Duration,
    /// Read the service's own log and metrics afterwards, and say in the report which Region served. A mock in this process is
    /// set up for it; elsewhere `richter observe setup` does that before.
    #[cfg(feature = "observe")]
    #[arg(long)]
    pub observe: bool,
    /// How long to wait for records that are not there yet. Default: 60s on a mock in this process, 5m elsewhere.
    #[cfg(feature = "observe")]
    #[arg(long, value_name = "TIME", requires = "observe", value_parser = span)]
    pub observe_wait: Option<Duration>,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    pub aws: crate::aws::AwsArgs,
    #[cfg(feature = "aws")]
    #[command(flatten)]
    pub telemetry: crate::telemetry::TelemetryArgs,
}

impl LiveArgs {
    /// Whether the journal is of use after the run file is written: records that come late are looked for by what is in it.
    pub fn keeps_journal(&self, real: bool) -> bool {
        #[cfg(feature = "observe")]
        return self.keep_journal || self.observe && (real || self.aws.endpoint_url.is_some());
        #[cfg(not(feature = "observe"))]
        {
            let _ = real;
            self.keep_journal
        }
    }
}

fn dollars(text: &str) -> Result<f64, String> {
    let amount = text.trim().trim_end_matches("USD").trim();
    let read = amount.parse().ok().filter(|usd: &f64| usd.is_finite() && *usd >= 0.0);
    read.ok_or_else(|| format!("\"{text}\" is no amount of money; write one such as 5 or \"0.50 USD\""))
}

fn share(text: &str) -> Result<f64, String> {
    let read: Result<Share, _> = serde_json::from_value(text.into());
    read.map(|share| share.0).map_err(|error| error.to_string())
}

fn span(text: &str) -> Result<Duration, String> {
    lengths::parse(text).map_err(|error| error.to_string())
}
