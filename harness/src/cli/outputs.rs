//! The forms in which a report can be written, as options that `run` and `report` share.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use richter_reports::{
    export::Report,
    format, html,
    picture::{self, Setting},
    run_file::{self, RunFile},
};

/// Largest template that is read.
const TEMPLATE_BYTES_MAX: u64 = 4 << 20;

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Write the report as")]
pub struct Outputs {
    /// One page that needs nothing but itself.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Each chart as a picture, into this folder.
    #[arg(long, value_name = "DIR")]
    pub png: Option<PathBuf>,
    /// Markdown for a pull request, or for $GITHUB_STEP_SUMMARY.
    #[arg(long, value_name = "FILE")]
    pub md: Option<PathBuf>,
    /// JUnit XML, for CI.
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// The whole report as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Every number of the tables, as CSV.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Percentile distributions that HdrHistogram's plotter reads, into this folder.
    #[arg(long, value_name = "DIR")]
    pub hgrm: Option<PathBuf>,
    /// OpenMetrics text.
    #[arg(long, value_name = "FILE")]
    pub openmetrics: Option<PathBuf>,
    /// For github-action-benchmark, as customSmallerIsBetter.
    #[arg(long, value_name = "FILE")]
    pub gha_benchmark: Option<PathBuf>,
    /// Bencher's metric format.
    #[arg(long, value_name = "FILE")]
    pub bencher: Option<PathBuf>,
    /// A minijinja template of your own, over the JSON; it goes to standard output instead of the report.
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
}

/// What was written and where.
type Written = Vec<(String, String)>;

impl Outputs {
    /// Forms that hold one run, asked for by name.
    fn of_one_run(&self) -> impl Iterator<Item = &'static str> {
        let asked = [
            ("--html", self.html.is_some()),
            ("--png", self.png.is_some()),
            ("--json", self.json.is_some()),
            ("--hgrm", self.hgrm.is_some()),
            ("--template", self.template.is_some()),
        ];
        asked.into_iter().filter(|(_, asked)| *asked).map(|(option, _)| option)
    }

    /// Whether there is room for so many runs; otherwise says which option has none.
    pub fn refusal(&self, runs: usize) -> Option<String> {
        let option = (runs > 1).then(|| self.of_one_run().next()).flatten()?;
        Some(format!("{option} takes one run, and {runs} are given"))
    }

    /// Writes everything that was asked for, each file whole or not at all.
    pub fn write(&self, runs: &[RunFile], reports: &[Report]) -> anyhow::Result<Written> {
        let mut written = Written::new();
        let write = |written: &mut Written, what: &str, path: &Path, bytes: &[u8]| -> anyhow::Result<()> {
            run_file::write_whole(path, bytes)?;
            written.push((what.to_owned(), path.display().to_string()));
            Ok(())
        };
        if let (Some(path), [report]) = (&self.html, reports) {
            write(&mut written, "page", path, html::render(report)?.as_bytes())?;
        }
        if let Some(path) = &self.md {
            write_markdown(path, &format::markdown(reports))?;
            written.push(("markdown".to_owned(), path.display().to_string()));
        }
        if let Some(path) = &self.junit {
            write(&mut written, "junit", path, format::junit(reports)?.as_bytes())?;
        }
        if let (Some(path), [report]) = (&self.json, reports) {
            write(&mut written, "json", path, &report.to_json()?)?;
        }
        if let Some(path) = &self.csv {
            write(&mut written, "csv", path, format::csv(reports).as_bytes())?;
        }
        if let Some(path) = &self.openmetrics {
            write(&mut written, "openmetrics", path, format::openmetrics(reports).as_bytes())?;
        }
        if let Some(path) = &self.gha_benchmark {
            write(&mut written, "gha-benchmark", path, format::gha_benchmark(reports).as_bytes())?;
        }
        if let Some(path) = &self.bencher {
            write(&mut written, "bencher", path, format::bencher(reports).as_bytes())?;
        }
        if let (Some(folder), [report]) = (&self.png, reports) {
            pictures(report, folder)?;
            written.push(("pictures".to_owned(), folder.display().to_string()));
        }
        if let (Some(folder), [run]) = (&self.hgrm, runs) {
            distributions(run, folder)?;
            written.push(("distributions".to_owned(), folder.display().to_string()));
        }
        Ok(written)
    }

    /// What somebody's own template makes of the report, if there is one.
    pub fn rendered(&self, reports: &[Report]) -> anyhow::Result<Option<String>> {
        let (Some(path), [report]) = (&self.template, reports) else { return Ok(None) };
        let read =
            || std::fs::metadata(path).and_then(|facts| Ok((facts.len(), std::fs::read_to_string(path)?)));
        let (length, source) = read().with_context(|| format!("cannot read {}", path.display()))?;
        if length > TEMPLATE_BYTES_MAX {
            bail!("{} is larger than {} MiB, which no template is", path.display(), TEMPLATE_BYTES_MAX >> 20);
        }
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        // A template is named after what it makes: page.html.jinja makes HTML.
        let name = name.trim_end_matches(".jinja").trim_end_matches(".j2");
        Ok(Some(html::render_template(name, &source, report)?))
    }
}

/// GitHub drops a step's whole summary when it is larger than 1 MiB.
const SUMMARY_BYTES_MAX: u64 = 1 << 20;

/// Whole, like every other file; but what `$GITHUB_STEP_SUMMARY` names is the step's, and holds what others wrote there before.
pub(super) fn write_markdown(path: &Path, text: &str) -> anyhow::Result<()> {
    let is_summary =
        std::env::var_os("GITHUB_STEP_SUMMARY").is_some_and(|summary| Path::new(&summary) == path);
    if !is_summary {
        return Ok(run_file::write_whole(path, text.as_bytes())?);
    }
    let before = std::fs::metadata(path).map_or(0, |facts| facts.len());
    if before + text.len() as u64 + 1 > SUMMARY_BYTES_MAX {
        eprintln!(
            "note: no room is left in the step's summary, which GitHub would drop as a whole; nothing was added to it"
        );
        return Ok(());
    }
    let append = || {
        use std::io::Write as _;
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(path)?;
        let gap = if before > 0 { "\n" } else { "" };
        write!(file, "{gap}{text}")
    };
    append().with_context(|| format!("cannot write {}", path.display()))
}

fn pictures(report: &Report, folder: &Path) -> anyhow::Result<()> {
    create(folder)?;
    for chart in &report.charts {
        let bytes = picture::png::write(&picture::draw(chart, Setting::Alone))
            .with_context(|| format!("cannot draw {}", chart.id))?;
        run_file::write_whole(&folder.join(format!("{}.png", chart.id)), &bytes)?;
    }
    Ok(())
}

fn distributions(run: &RunFile, folder: &Path) -> anyhow::Result<()> {
    create(folder)?;
    for file in format::hgrm(run) {
        let name = format!("{}.hgrm", super::play::folder_name(&file.name));
        run_file::write_whole(&folder.join(name), file.text.as_bytes())?;
    }
    Ok(())
}

fn create(folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        outputs: Outputs,
    }

    #[test]
    fn every_listed_format_has_its_option_and_every_option_is_listed() {
        let command = Command::command();
        let options: Vec<String> =
            command.get_opts().filter_map(|option| Some(format!("--{}", option.get_long()?))).collect();
        let mut listed: Vec<&str> = format::FORMATS.iter().map(|format| format.option).collect();
        listed.push("--template");
        assert_eq!(options, listed);
    }

    #[test]
    fn a_form_that_holds_one_run_refuses_two_by_name() {
        let outputs = Outputs { json: Some("x.json".into()), ..Outputs::default() };
        assert_eq!(outputs.refusal(1), None);
        assert_eq!(outputs.refusal(2).expect("refused"), "--json takes one run, and 2 are given");
        let outputs = Outputs { junit: Some("x.xml".into()), ..Outputs::default() };
        assert_eq!(outputs.refusal(2), None);
    }
}
