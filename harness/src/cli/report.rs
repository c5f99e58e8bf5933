//! `richter report RUN…`: reports of run files, printed and written in whatever forms are asked for.

use std::path::PathBuf;

use clap::Args;
use richter_reports::{
    export::Report,
    run_file::RunFile,
    verdict::{self, Judgement},
};

use super::{Color, outputs::Outputs};
use crate::exit::Exit;

const EXAMPLES: &str = "\
Examples:
  richter report out/viral-spike --html report.html --png pictures
  richter report out/* --md \"$GITHUB_STEP_SUMMARY\" --junit junit.xml
  richter report out/viral-spike --template mine.md.jinja > mine.md

Several runs may stand in one Markdown, JUnit, CSV, OpenMetrics or benchmark file. Exits as `richter run` would have, \
with the worst of several runs.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ReportArgs {
    /// Run files, or the folders they lie in.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    #[command(flatten)]
    outputs: Outputs,
}

pub fn report(args: &ReportArgs, color: Color) -> anyhow::Result<Exit> {
    if let Some(refusal) = args.outputs.refusal(args.runs.len()) {
        eprintln!("error: {refusal}");
        eprintln!("help: give each run a command of its own");
        return Ok(Exit::Usage);
    }
    let paths: Vec<PathBuf> = args.runs.iter().map(|run| super::run_file(run)).collect();
    let runs: Vec<RunFile> = paths.iter().map(|path| RunFile::read(path)).collect::<Result<_, _>>()?;
    let judgements: Vec<Judgement> = runs.iter().map(verdict::judge).collect();
    let reports: Vec<Report> =
        runs.iter().zip(&judgements).map(|(run, judgement)| Report::with(run, judgement.clone())).collect();
    let mut written = args.outputs.write(&runs, &reports)?;
    match args.outputs.rendered(&reports)? {
        Some(text) => super::print(text.as_bytes())?,
        None => {
            for (at, (judgement, path)) in judgements.iter().zip(&paths).enumerate() {
                let last = at + 1 == paths.len();
                let files = if last { std::mem::take(&mut written) } else { Vec::new() };
                let gap = if last { "" } else { "\n" };
                let text = super::run::report_text(judgement, path, files, color);
                super::print(format!("{text}{gap}").as_bytes())?;
            }
        }
    }
    let exits = runs.iter().zip(&judgements).map(|(run, judgement)| super::run::exit_of(run, judgement));
    Ok(worst(exits))
}

/// What cannot be believed outranks what did not hold.
pub(super) fn worst(exits: impl Iterator<Item = Exit>) -> Exit {
    let order = [Exit::Interrupted, Exit::Broke, Exit::Refused, Exit::Gate];
    let exits: Vec<Exit> = exits.collect();
    order.into_iter().find(|exit| exits.contains(exit)).unwrap_or(Exit::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_of_several_runs_decides() {
        assert_eq!(worst([Exit::Passed, Exit::Passed].into_iter()), Exit::Passed);
        assert_eq!(worst([Exit::Passed, Exit::Gate].into_iter()), Exit::Gate);
        assert_eq!(worst([Exit::Gate, Exit::Broke, Exit::Passed].into_iter()), Exit::Broke);
    }
}
