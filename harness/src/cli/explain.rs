//! `richter explain SCENARIO`.

use std::path::PathBuf;

use clap::Args;

use super::Color;
use crate::{exit::Exit, scenario::explain};

#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// The scenario file.
    scenario: PathBuf,
}

pub fn explain(args: &ExplainArgs, color: Color) -> anyhow::Result<Exit> {
    let checked = match super::load(&args.scenario, color) {
        Ok(checked) => checked,
        Err(exit) => return Ok(exit),
    };
    super::print(explain::explain(&checked.plan).as_bytes())?;
    Ok(Exit::Passed)
}
