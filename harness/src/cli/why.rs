//! `richter why RUN REQUEST`: plays the request's replication again and tells what happened to that one request.
//! The simulation is deterministic, so nothing had to be kept for it.

use std::{fmt::Write as _, path::PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use richter_reports::run_file::{Ground, RequestName, RunFile, StoryLine};

use super::Color;
use crate::{exit::Exit, run::stories, scenario::plan::Plan};

#[derive(Debug, Args)]
pub struct WhyArgs {
    /// The run file, or the folder it lies in.
    run: PathBuf,
    /// The request, PHASE.PLACE as under "Look at" in the report; a number from a trace will do.
    request: RequestName,
    /// Only this strategy; without it, each one.
    #[arg(long, value_name = "NAME")]
    strategy: Option<String>,
    /// Which replication.
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    replication: u32,
    /// The scenario file, if it is no longer where the run file says.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

pub fn why(args: &WhyArgs, color: Color) -> anyhow::Result<Exit> {
    let run = RunFile::read(&super::run_file(&args.run))?;
    if run.ground != Ground::Sim {
        bail!("only a simulated run can be played again");
    }
    let path = args.scenario.clone().unwrap_or_else(|| PathBuf::from(&run.scenario.file));
    let mut plan = match super::load(&path, color) {
        Ok(checked) => checked.plan,
        Err(exit) => return Ok(exit),
    };
    if plan.digest != run.scenario.digest {
        bail!(
            "{} has changed since this run (digest {}, then {}); give the old one with --scenario",
            path.display(),
            plan.digest,
            run.scenario.digest
        );
    }
    if args.replication >= run.scenario.replications {
        bail!("the run has replications 0 to {}", run.scenario.replications.saturating_sub(1));
    }
    (plan.seed, plan.replications) = (run.scenario.seed, run.scenario.replications);
    plan.strategies.retain(|strategy| run.strategies.iter().any(|ran| ran.name == strategy.name));
    let text = stories(&plan, args)?;
    super::print(text.as_bytes())?;
    Ok(Exit::Passed)
}

fn stories(plan: &Plan, args: &WhyArgs) -> anyhow::Result<String> {
    let chosen = |name: &str| args.strategy.as_deref().is_none_or(|wanted| wanted == name);
    let mut text = String::new();
    let mut told = false;
    for (index, strategy) in plan.strategies.iter().enumerate().filter(|(_, s)| chosen(&s.name)) {
        let lines =
            stories::story(plan, index, args.replication, args.request.0).context("cannot play it again")?;
        told |= !lines.is_empty();
        writeln!(text, "{} (replication {})", strategy.name, args.replication)?;
        for StoryLine { ms, text: line } in &lines {
            match ms {
                Some(ms) => writeln!(text, "  {ms:>10.1} ms  {line}")?,
                None => writeln!(text, "  {line}")?,
            }
        }
        if lines.is_empty() {
            writeln!(text, "  never saw request {}", args.request)?;
        }
        text.push('\n');
    }
    if text.is_empty() {
        let known: Vec<&str> = plan.strategies.iter().map(|s| s.name.as_str()).collect();
        bail!("no strategy of that name; the run has {}", known.join(", "));
    }
    if !told {
        bail!("no request is named {} in replication {}", args.request, args.replication);
    }
    Ok(text)
}
