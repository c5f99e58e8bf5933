//! `richter check SCENARIO…`: runs, on the ground of the baseline, compares with it, and says by its exit code whether anything
//! got worse.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use richter_reports::{
    gate::{self, Gate, Tolerance, Tolerances},
    run_file::{self, RunFile, Status},
    verdict::{self, Verdict},
};

use super::{
    Color,
    play::{LiveArgs, Loaded, On, Playing, RUN_FILE},
};
use crate::{baseline, exit::Exit, run::run_file};

const EXAMPLES: &str = "\
Examples:
  richter check scenarios/*.yaml --baseline baselines
  richter check viral-spike.yaml --baseline baselines --tolerance 1% --tolerance ttft_p99=10%
  richter check out/viral-spike --baseline baselines --md \"$GITHUB_STEP_SUMMARY\" --junit check.xml
  richter check tiny.yaml --baseline baselines/mock --on mock

A scenario is played with the seed and the replications of its baseline, on its ground; a run file, or a folder with one, is compared \
as it is. \
Exits with 99 on a regression or an expectation that does not hold, 1 where nothing can be compared.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// Scenario files to run; run files (.json), or folders with one, to compare as they are.
    #[arg(required = true, value_name = "SCENARIO")]
    what: Vec<PathBuf>,
    /// Where to run the scenarios; it must be where their baselines were made.
    #[arg(long, value_name = "GROUND", value_enum, default_value_t = On::Sim)]
    on: On,
    /// Folder that `richter baseline save` wrote.
    #[arg(long, value_name = "DIR", default_value = super::baseline::FOLDER)]
    baseline: PathBuf,
    /// How much worse a number may be: 5% for all, METRIC=5% for one; points of shares, parts of all else. Default: 0% in the
    /// simulation, elsewhere 1 point and 5%.
    #[arg(long = "tolerance", value_name = "TOLERANCE")]
    tolerances: Vec<Tolerance>,
    /// Simulations at once. Default: one for each core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Folder for the run files of this check.
    #[arg(long, value_name = "DIR", env = "RICHTER_OUT", default_value = "out")]
    out: PathBuf,
    /// Markdown for a pull request, or for $GITHUB_STEP_SUMMARY.
    #[arg(long, value_name = "FILE")]
    md: Option<PathBuf>,
    /// JUnit XML, for CI.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// The whole comparison as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Print nothing; what kept it from passing goes to standard error.
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    live: LiveArgs,
}

/// One comparison, and where its run file lies.
struct Checked {
    gate: Gate,
    path: PathBuf,
    exit: Exit,
}

pub fn check(args: &CheckArgs, color: Color) -> anyhow::Result<Exit> {
    if let Some(exit) = args.on.missing() {
        return Ok(exit);
    }
    let tolerances: Tolerances = args.tolerances.iter().cloned().collect();
    let (mut all, mut stopped) = (Vec::new(), None);
    for what in &args.what {
        let checked = match is_run(what) {
            true => as_it_is(what, args, &tolerances)?,
            false => played(&args.playing(what, color), args, &tolerances)?,
        };
        match checked {
            Ok(checked) => all.push(checked),
            // A dry run says of every scenario what it would send.
            Err(Exit::Passed) => {}
            Err(exit) => {
                stopped = Some(exit);
                break;
            }
        }
    }
    if all.is_empty() {
        return Ok(stopped.unwrap_or(Exit::Passed));
    }
    let written = write(args, &all)?;
    let last = all.len().saturating_sub(1);
    for (at, checked) in all.iter().enumerate() {
        if args.quiet {
            if !checked.gate.passed {
                eprintln!("{}: {}", checked.gate.scenario, checked.gate.why.join("; "));
            }
            continue;
        }
        let files = if at == last { written.clone() } else { Vec::new() };
        let gap = if at == last { "" } else { "\n" };
        let options = super::run::text_options(&checked.path, files, color);
        super::print(format!("{}{gap}", gate::render(&checked.gate, &options)).as_bytes())?;
    }
    Ok(stopped.unwrap_or_else(|| super::report::worst(all.iter().map(|checked| checked.exit))))
}

/// A run file, or a folder that holds one; everything else is a scenario.
fn is_run(path: &Path) -> bool {
    path.is_dir() || path.extension().is_some_and(|extension| extension == "json")
}

fn baseline_of(scenario: &str, args: &CheckArgs) -> anyhow::Result<RunFile> {
    let path = super::baseline::file(&args.baseline, scenario);
    if !path.exists() {
        bail!(
            "{scenario:?} has no baseline: there is no {}; richter baseline save makes one of a run",
            path.display()
        );
    }
    Ok(RunFile::read(&path)?)
}

fn as_it_is(path: &Path, args: &CheckArgs, tolerances: &Tolerances) -> anyhow::Result<Result<Checked, Exit>> {
    let path = super::run_file(path);
    let run = RunFile::read(&path)?;
    let base = baseline_of(&run.scenario.name, args)?;
    compare(&base, &run, path, tolerances)
}

impl CheckArgs {
    fn playing<'a>(&'a self, scenario: &'a Path, color: Color) -> Playing<'a> {
        Playing {
            on: self.on,
            scenario,
            live: &self.live,
            jobs: self.jobs,
            trace: None,
            out: &self.out,
            quiet: self.quiet,
            color,
        }
    }
}

/// Plays the scenario as its baseline was played, and compares.
fn played(
    playing: &Playing<'_>,
    args: &CheckArgs,
    tolerances: &Tolerances,
) -> anyhow::Result<Result<Checked, Exit>> {
    let mut loaded = match playing.load()? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(Err(exit)),
    };
    let base = baseline_of(&loaded.plan.name, args)?;
    (loaded.plan.seed, loaded.plan.replications) = (base.scenario.seed, base.scenario.replications);
    fits(playing, &loaded, &base)?;
    let run = match playing.play(&loaded)? {
        Ok(played) => played.run,
        Err(exit) => return Ok(Err(exit)),
    };
    let plan = &loaded.plan;
    let path = playing.folder(plan).join(RUN_FILE);
    run.write(&path)?;
    playing.tidy(plan);
    if run.status == Status::Interrupted {
        eprintln!("{}: interrupted before its end; nothing was compared", plan.name);
        return Ok(Err(Exit::Interrupted));
    }
    let mut checked = match compare(&base, &run, path, tolerances)? {
        Ok(checked) => checked,
        Err(exit) => return Ok(Err(exit)),
    };
    if playing.on == On::Sim {
        let jobs = args.jobs.map_or_else(super::cores, usize::from);
        for found in baseline::partings(plan, &base, &run, jobs)? {
            checked.gate.add_parting(&found.strategy, found.replication, found.parting);
        }
    }
    Ok(Ok(checked))
}

/// Whether it is worth playing. What takes time and money is refused before it is begun; after a simulation there is at least its
/// run file to be saved as the new baseline.
fn fits(playing: &Playing<'_>, loaded: &Loaded, base: &RunFile) -> anyhow::Result<()> {
    let name = &loaded.plan.name;
    if base.ground != playing.on.ground() {
        bail!(
            "the baseline of {name:?} was made on {}, and this check is on {}; give --on {0}, or another --baseline",
            base.ground.name(),
            playing.on.ground().name(),
        );
    }
    if playing.on != On::Sim {
        let run = run_file(&loaded.plan, &playing.scenario.to_string_lossy(), playing.on.ground());
        gate::comparable(base, &run).with_context(|| {
            format!("{name:?} cannot be compared with its baseline, and nothing was run; make a new one")
        })?;
    }
    Ok(())
}

fn compare(
    base: &RunFile,
    run: &RunFile,
    path: PathBuf,
    tolerances: &Tolerances,
) -> anyhow::Result<Result<Checked, Exit>> {
    let judgement = verdict::judge(run);
    // A run that was stopped is no comparison, but has an exit code of its own.
    if !matches!(judgement.verdict, Verdict::Passed | Verdict::Failed | Verdict::Invalid) {
        eprintln!("error: {}: {}", run.scenario.name, judgement.why.join("; "));
        return Ok(Err(super::run::exit_of(run, &judgement)));
    }
    gate::comparable(base, run).with_context(|| {
        format!(
            "{:?} cannot be compared with its baseline; save a new one with richter baseline save {}",
            run.scenario.name,
            path.display()
        )
    })?;
    let gate = gate::compare(base, run, &judgement, tolerances);
    let exit = match judgement.verdict {
        Verdict::Invalid => Exit::Broke,
        _ if gate.passed => Exit::Passed,
        _ => Exit::Gate,
    };
    Ok(Ok(Checked { gate, path, exit }))
}

fn write(args: &CheckArgs, all: &[Checked]) -> anyhow::Result<Vec<(String, String)>> {
    let gates: Vec<Gate> = all.iter().map(|checked| checked.gate.clone()).collect();
    let mut written = Vec::new();
    let mut told = |what: &str, path: &Path| written.push((what.to_owned(), path.display().to_string()));
    if let Some(path) = &args.md {
        super::outputs::write_markdown(path, &gate::markdown(&gates))?;
        told("markdown", path);
    }
    if let Some(path) = &args.junit {
        run_file::write_whole(path, gate::junit(&gates)?.as_bytes())?;
        told("junit", path);
    }
    if let Some(path) = &args.json {
        run_file::write_whole(path, &gate::json(&gates)?)?;
        told("json", path);
    }
    Ok(written)
}
