//! `richter grafana`.

use clap::{Args, ValueEnum};
use richter_core::live::{Column, Names};

use crate::{exit::Exit, telemetry::dashboard::dashboard};

#[derive(Debug, Args)]
pub struct GrafanaArgs {
    /// Names of which state of OpenTelemetry's conventions; runs use the newest where
    /// OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental says so.
    #[arg(long, value_name = "NAMES", value_enum, default_value_t = Which::Released)]
    names: Which,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Which {
    /// Version 1.41, the last release.
    Released,
    Latest,
}

pub fn grafana(args: &GrafanaArgs) -> anyhow::Result<Exit> {
    let column = match args.names {
        Which::Released => Column::V1_41,
        Which::Latest => Column::Latest,
    };
    let text = serde_json::to_string_pretty(&dashboard(Names::of(column)))? + "\n";
    super::print(text.as_bytes())?;
    Ok(Exit::Passed)
}
