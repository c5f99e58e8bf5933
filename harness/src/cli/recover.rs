//! `richter recover JOURNAL`: the run file of a live run that was killed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use richter_reports::{export::Report, run_file, text, verdict};

use super::{Color, outputs::Outputs, play::RUN_FILE};
use crate::{exit::Exit, run::recover};

const EXAMPLES: &str = "\
Examples:
  richter recover out/viral-spike                the run.journal in that folder
  richter recover run.journal --to saved.json    elsewhere

A live run writes everything down as it comes, and removes the journal when its run file is written. Of a run that was \
killed this makes the run file, marked as interrupted unless every strategy had gone to its end.";

/// What a live run's journal is called in its folder.
pub const JOURNAL: &str = "run.journal";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RecoverArgs {
    /// The journal, or the folder it lies in.
    journal: PathBuf,
    /// Where to write the run file; without it, beside the journal.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

pub fn recover(args: &RecoverArgs, color: Color) -> anyhow::Result<Exit> {
    let path = if args.journal.is_dir() { args.journal.join(JOURNAL) } else { args.journal.clone() };
    let folder = path.parent().unwrap_or(Path::new(""));
    let to = args.to.clone().unwrap_or_else(|| folder.join(RUN_FILE));
    let found = recover::recover(&path).context("nothing was recovered")?;
    let judgement = verdict::judge(&found.run);
    found.run.write(&to)?;
    let report_path = to.with_file_name("report.txt");
    let plain = text::render(&judgement, &text::Options::default());
    run_file::write_whole(&report_path, plain.as_bytes())?;
    let page = Outputs { html: Some(to.with_file_name("report.html")), ..Outputs::default() };
    let reports = [Report::with(&found.run, judgement.clone())];
    let files = page.write(std::slice::from_ref(&found.run), &reports)?;
    super::print(super::run::report_text(&judgement, &to, files, color).as_bytes())?;
    if found.torn {
        eprintln!("note: the journal's last line is torn; everything before it was used");
    }
    let (whole, planned) = (found.whole, found.planned);
    eprintln!(
        "recovered {} of {planned} cells, {whole} of them whole: {}",
        found.run.cells.len(),
        to.display()
    );
    Ok(Exit::Passed)
}
