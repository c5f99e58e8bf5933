//! `richter check SCENARIO…`: runs, compares with the baseline, and says by its exit code whether anything got worse.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use richter_reports::{
    gate::{self, Gate, Tolerance, Tolerances},
    run_file::{self, Ground, RunFile, Status},
    verdict::{self, Verdict},
};

use super::{Color, run::INTERRUPTED};
use crate::{
    baseline,
    exit::Exit,
    run::{Options, progress::Progress, simulate},
    scenario::plan::Plan,
};

const EXAMPLES: &str = "\
Examples:
  richter check scenarios/*.yaml --baseline baselines
  richter check viral-spike.yaml --baseline baselines --tolerance 1% --tolerance ttft_p99=10%
  richter check out/viral-spike --baseline baselines --md \"$GITHUB_STEP_SUMMARY\" --junit check.xml

A scenario is simulated with the seed and the replications of its baseline; a run file, or a folder with one, is compared as it is. \
Exits with 99 on a regression or an expectation that does not hold, 1 where nothing can be compared.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckArgs {
    /// Scenario files to run; run files (.json), or folders with one, to compare as they are.
    #[arg(required = true, value_name = "SCENARIO")]
    what: Vec<PathBuf>,
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
}

/// One comparison, and where its run file lies.
struct Checked {
    gate: Gate,
    path: PathBuf,
    exit: Exit,
}

pub fn check(args: &CheckArgs, color: Color) -> anyhow::Result<Exit> {
    let tolerances: Tolerances = args.tolerances.iter().cloned().collect();
    let mut all = Vec::new();
    for what in &args.what {
        let checked = match is_run(what) {
            true => as_it_is(what, args, &tolerances)?,
            false => match played(what, args, &tolerances, color)? {
                Ok(checked) => checked,
                Err(exit) => return Ok(exit),
            },
        };
        let interrupted = checked.exit == Exit::Interrupted;
        all.push(checked);
        if interrupted {
            break;
        }
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
    Ok(super::report::worst(all.iter().map(|checked| checked.exit)))
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

fn as_it_is(path: &Path, args: &CheckArgs, tolerances: &Tolerances) -> anyhow::Result<Checked> {
    let path = super::run_file(path);
    let run = RunFile::read(&path)?;
    let base = baseline_of(&run.scenario.name, args)?;
    compare(&base, &run, path, tolerances)
}

fn played(
    scenario: &Path,
    args: &CheckArgs,
    tolerances: &Tolerances,
    color: Color,
) -> anyhow::Result<Result<Checked, Exit>> {
    let mut plan = match super::load(scenario, color) {
        Ok(checked) => checked.plan,
        Err(exit) => return Ok(Err(exit)),
    };
    let base = baseline_of(&plan.name, args)?;
    if base.ground != Ground::Sim {
        bail!(
            "the baseline of {:?} is no simulation; make a run on its ground, and check the run file",
            plan.name
        );
    }
    (plan.seed, plan.replications) = (base.scenario.seed, base.scenario.replications);
    if let Some(exit) = super::run::too_many_cells(&plan) {
        return Ok(Err(exit));
    }
    let run = play(&plan, scenario, args)?;
    let folder = args.out.join(super::run::folder_name(&plan.name));
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let path = folder.join(super::run::RUN_FILE);
    run.write(&path)?;
    if run.status == Status::Interrupted {
        eprintln!("{}: interrupted before its end; nothing was compared", plan.name);
        return Ok(Err(Exit::Interrupted));
    }
    let mut checked = compare(&base, &run, path, tolerances)?;
    for found in baseline::partings(&plan, &base, &run, jobs(args))? {
        checked.gate.add_parting(&found.strategy, found.replication, found.parting);
    }
    Ok(Ok(checked))
}

fn jobs(args: &CheckArgs) -> usize {
    args.jobs.map_or_else(super::cores, usize::from)
}

fn play(plan: &Plan, scenario: &Path, args: &CheckArgs) -> anyhow::Result<RunFile> {
    super::run::listen_for_interrupts()?;
    let cells = plan.strategies.len() as u64 * u64::from(plan.replications);
    let progress =
        if args.quiet { Progress::silent() } else { Progress::new(cells.saturating_mul(plan.end)) };
    let file = scenario.to_string_lossy();
    let options = Options {
        jobs: jobs(args),
        trace: None,
        file: &file,
        interrupted: &INTERRUPTED,
        progress: &progress,
    };
    Ok(progress.report_on(|| simulate(plan, &options))?.run)
}

fn compare(base: &RunFile, run: &RunFile, path: PathBuf, tolerances: &Tolerances) -> anyhow::Result<Checked> {
    let judgement = verdict::judge(run);
    // A run that was stopped is no comparison, but has an exit code of its own.
    if !matches!(judgement.verdict, Verdict::Passed | Verdict::Failed | Verdict::Invalid) {
        bail!("{}: {}", run.scenario.name, judgement.why.join("; "));
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
    Ok(Checked { gate, path, exit })
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
