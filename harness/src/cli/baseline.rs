//! `richter baseline save RUN…`: keeps runs to compare later ones with.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use richter_reports::{
    paired::PAIRS_MIN,
    run_file::{Ground, RunFile, Status},
    verdict::{self, Verdict},
};

use super::Color;
use crate::{baseline, exit::Exit, scenario::plan::Plan};

/// Where baselines lie unless somebody says otherwise.
pub const FOLDER: &str = "baselines";

const EXAMPLES: &str = "\
Examples:
  richter run viral-spike.yaml && richter baseline save out/viral-spike
  richter baseline save out/* --dir ci/baselines
  richter run tiny.yaml --on mock --replications 15 && richter baseline save out/tiny --dir baselines/mock

A baseline is a run file, one for each scenario, to be committed beside it. That of a simulated run also holds what was decided, \
packed, so that `richter check` can name the first decision that differs.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct BaselineArgs {
    #[command(subcommand)]
    command: BaselineCommand,
}

#[derive(Debug, Subcommand)]
enum BaselineCommand {
    /// Keep runs as baselines; a scenario's older one is replaced.
    Save(SaveArgs),
}

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct SaveArgs {
    /// Run files, or the folders they lie in.
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<PathBuf>,
    /// Folder of the baselines.
    #[arg(long, value_name = "DIR", default_value = FOLDER)]
    dir: PathBuf,
    /// The scenario file, if it is no longer where the run file says; for one run.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

pub fn baseline(args: &BaselineArgs, color: Color) -> anyhow::Result<Exit> {
    let BaselineCommand::Save(args) = &args.command;
    if args.scenario.is_some() && args.runs.len() > 1 {
        eprintln!("error: --scenario is for one run, and {} are given", args.runs.len());
        return Ok(Exit::Usage);
    }
    std::fs::create_dir_all(&args.dir).with_context(|| format!("cannot create {}", args.dir.display()))?;
    let mut saved: Vec<PathBuf> = Vec::new();
    for path in &args.runs {
        let path = super::run_file(path);
        let mut run = RunFile::read(&path)?;
        let to = file(&args.dir, &run.scenario.name);
        if saved.contains(&to) {
            bail!(
                "{}: another of these runs is of the scenario {:?}, too",
                path.display(),
                run.scenario.name
            );
        }
        fit_to_keep(&run, &path)?;
        if run.ground == Ground::Sim {
            let scenario = args.scenario.clone().unwrap_or_else(|| PathBuf::from(&run.scenario.file));
            let plan = match plan(&run, &scenario, color)? {
                Ok(plan) => plan,
                Err(exit) => return Ok(exit),
            };
            baseline::write_down(&plan, &mut run, super::cores())
                .with_context(|| format!("{} cannot be a baseline", path.display()))?;
        }
        if run.ground.is_live() {
            few_repeats(&run);
        }
        other_ground(&run, &to);
        // Stories belong to the report of the run, not to what later runs are compared with.
        run.stories.clear();
        run.write(&to)?;
        super::print(format!("{}  {}\n", run.scenario.name, to.display()).as_bytes())?;
        saved.push(to);
    }
    Ok(Exit::Passed)
}

/// Where the baseline of a scenario lies.
pub fn file(folder: &Path, scenario: &str) -> PathBuf {
    folder.join(format!("{}.json", super::play::folder_name(scenario)))
}

/// What cannot be believed is no measure for others. A run whose expectations did not hold is one, but says so.
fn fit_to_keep(run: &RunFile, path: &Path) -> anyhow::Result<()> {
    if run.status != Status::Complete {
        bail!("{}: only a run that went to its end can be a baseline", path.display());
    }
    let judgement = verdict::judge(run);
    match judgement.verdict {
        Verdict::Passed => {}
        Verdict::Failed => eprintln!("note: {}: {}", run.scenario.name, judgement.why.join("; ")),
        Verdict::Invalid | Verdict::Aborted | Verdict::Interrupted => {
            bail!(
                "{}: an {} run cannot be a baseline: {}",
                path.display(),
                judgement.verdict.name(),
                judgement.why.join("; ")
            )
        }
    }
    Ok(())
}

/// Repeats are all that tells noise from change on the wall clock.
fn few_repeats(run: &RunFile) {
    let (name, repeats) = (&run.scenario.name, run.scenario.replications);
    if (repeats as usize) < PAIRS_MIN {
        eprintln!(
            "note: {name}: on the wall clock repeats are compared, at least {PAIRS_MIN}, and this run has {repeats}; make it \
             with --replications 10 or more"
        );
    }
}

/// One file holds one baseline, whatever ground it is of.
fn other_ground(run: &RunFile, to: &Path) {
    let Ok(old) = RunFile::read(to) else { return };
    if old.ground != run.ground {
        let (was, is) = (old.ground.name(), run.ground.name());
        eprintln!(
            "note: {}: the baseline of {was} gives way to one of {is}; --dir keeps both, in folders of their own",
            run.scenario.name
        );
    }
}

/// The plan that a run was made from.
fn plan(run: &RunFile, scenario: &Path, color: Color) -> anyhow::Result<Result<Plan, Exit>> {
    let mut plan = match super::load(scenario, color) {
        Ok(checked) => checked.plan,
        Err(exit) => return Ok(Err(exit)),
    };
    if plan.digest != run.scenario.digest {
        bail!(
            "{} has changed since this run (digest {}, then {}); run it again, or give the old one with --scenario",
            scenario.display(),
            plan.digest,
            run.scenario.digest
        );
    }
    (plan.seed, plan.replications) = (run.scenario.seed, run.scenario.replications);
    plan.strategies.retain(|strategy| run.strategies.iter().any(|ran| ran.name == strategy.name));
    Ok(Ok(plan))
}
