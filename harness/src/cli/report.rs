//! `richter report RUN`: the report of a run file, printed and written in whatever forms are asked for.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use richter_reports::{
    chart::charts,
    picture::{self, Setting},
    run_file::{self, RunFile},
    tally::View,
    verdict,
};

use super::Color;
use crate::exit::Exit;

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The run file, or the folder it lies in.
    run: PathBuf,
    /// Write each chart as a picture into this folder.
    #[arg(long, value_name = "DIR")]
    png: Option<PathBuf>,
}

pub fn report(args: &ReportArgs, color: Color) -> anyhow::Result<Exit> {
    let path = super::run_file(&args.run);
    let run = RunFile::read(&path)?;
    let judgement = verdict::judge(&run);
    if let Some(folder) = &args.png {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        for chart in charts(&View::new(&run)) {
            let bytes = picture::png::write(&picture::draw(&chart, Setting::Alone))?;
            run_file::write_whole(&folder.join(format!("{}.png", chart.id)), &bytes)?;
        }
    }
    super::print(super::run::report_text(&judgement, &path, Vec::new(), color).as_bytes())?;
    Ok(super::run::exit_of(&run, &judgement))
}
