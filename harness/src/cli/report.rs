//! `richter report RUN`.

use std::path::PathBuf;

use clap::Args;
use richter_reports::{run_file::RunFile, verdict};

use super::Color;
use crate::exit::Exit;

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run file, or the folder it lies in.
    run: PathBuf,
}

pub fn report(args: &ReportArgs, color: Color) -> anyhow::Result<Exit> {
    let path = super::run_file(&args.run);
    let run = RunFile::read(&path)?;
    let judgement = verdict::judge(&run);
    super::print(super::run::report_text(&judgement, &path, Vec::new(), color).as_bytes())?;
    Ok(super::run::exit_of(&run, &judgement))
}
