//! `richter diff A B`: explains two run files.

use std::path::PathBuf;

use clap::Args;
use richter_reports::{
    diff::{self, Diff},
    run_file::{self, RunFile},
};

use super::Color;
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  richter diff out/before out/after
  richter diff baselines/viral-spike.json out/viral-spike --json diff.json

What the second run was asked and did otherwise than the first: scenario, strategies, numbers and whether chance explains them, \
reasons, and where each strategy first parts. Exits with 0 whatever it finds; `richter check` judges.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DiffArgs {
    /// The first run file, or the folder it lies in.
    was: PathBuf,
    /// The second one.
    now: PathBuf,
    /// All of it as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub fn diff(args: &DiffArgs, color: Color) -> anyhow::Result<Exit> {
    let (was, now) = (super::run_file(&args.was), super::run_file(&args.now));
    let found: Diff = diff::diff(&RunFile::read(&was)?, &RunFile::read(&now)?);
    if let Some(path) = &args.json {
        run_file::write_whole(path, &found.to_json()?)?;
    }
    let options = super::run::text_options(&now, Vec::new(), color);
    super::print(diff::render(&found, &options).as_bytes())?;
    Ok(Exit::Passed)
}
