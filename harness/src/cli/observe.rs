//! `richter observe`: sets up, shows and takes away the evidence of who served a cross-Region call.

mod account;
mod collect;
mod export;
mod publish;
mod setup;
mod teardown;

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use richter_reports::run_file;

use super::Color;
use crate::{
    aws::AwsArgs,
    exit::Exit,
    observe::{
        plan::Step,
        scene::scenes,
        spec::{Existing, ObserveSpec},
        wanted::{Scene, Unfit, Wanted},
    },
};

const EXAMPLES: &str = "\
Examples:
  richter observe setup spike.yaml --create-role --dry-run    every call that would be made
  richter observe setup spike.yaml --create-role
  richter observe status spike.yaml
  richter run spike.yaml --on bedrock --observe               reads the log when the run is over
  richter observe collect out/spike                           reads it again, for records that were late
  richter observe teardown spike.yaml                         the account as it was before
  richter observe export spike.yaml --account 111122223333 --format terraform

An account has one invocation-logging configuration in each Region. What is there is read first, never overwritten unasked, \
and put back by teardown, for which a state file is kept.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ObserveArgs {
    #[command(subcommand)]
    command: ObserveCommand,
}

#[derive(Debug, Subcommand)]
enum ObserveCommand {
    /// Make log group, role, logging, metric filters, dashboard and alarms, in each Region that the targets call.
    Setup(setup::SetupArgs),
    /// Show what is set up, and what of it is missing or changed. Changes nothing.
    Status(setup::StatusArgs),
    /// Read the log and the metrics of a run that was done with --observe, and renew its report.
    Collect(collect::CollectArgs),
    /// Take away what setup made, and put back what was there before.
    Teardown(teardown::TeardownArgs),
    /// Put a run's own results into CloudWatch, as metrics of the namespace Richter/Run.
    Publish(publish::PublishArgs),
    /// Print the same as code. Calls nobody.
    Export(export::ExportArgs),
    /// Print the role by which Bedrock writes into the log group, for those who create it themselves. Calls nobody.
    Role(export::RoleArgs),
}

pub use collect::places;

pub fn observe(args: &ObserveArgs, color: Color) -> anyhow::Result<Exit> {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    match &args.command {
        ObserveCommand::Setup(args) => runtime()?.block_on(setup::setup(args, color)),
        ObserveCommand::Status(args) => runtime()?.block_on(setup::status(args, color)),
        ObserveCommand::Teardown(args) => runtime()?.block_on(teardown::teardown(args, color)),
        ObserveCommand::Collect(args) => runtime()?.block_on(collect::collect(args, color)),
        ObserveCommand::Publish(args) => runtime()?.block_on(publish::publish(args, color)),
        ObserveCommand::Export(args) => export::export(args, color),
        ObserveCommand::Role(args) => export::role(args, color),
    }
}

/// What is to be observed: a scenario's targets and its section `observe`, and options that go before it.
#[derive(Debug, Args)]
struct Subject {
    /// The scenario whose targets and section `observe` are used; without one, --model and --region say what.
    scenario: Option<PathBuf>,
    /// A model id as it is called, instead of the scenario's; may be given several times.
    #[arg(long = "model", value_name = "ID")]
    models: Vec<String>,
    /// The log group.
    #[arg(long, value_name = "NAME")]
    log_group: Option<String>,
    /// A role that is there, by which Bedrock writes into the group.
    #[arg(long, value_name = "ARN")]
    role_arn: Option<String>,
    /// Make that role, and wait until it can be used.
    #[arg(long, conflicts_with = "role_arn")]
    create_role: bool,
    /// What to do with a logging configuration that is there already.
    #[arg(long, value_name = "WHAT", value_enum)]
    existing: Option<Existing>,
    #[command(flatten)]
    aws: AwsArgs,
}

/// Where state files are.
#[derive(Debug, Args)]
struct StateArgs {
    /// Folder of the state files, one for each account and Region.
    #[arg(long, value_name = "DIR", env = "RICHTER_STATE", default_value = ".richter")]
    state: PathBuf,
}

impl Subject {
    /// Settings and what is called, Region by Region, for an account.
    fn read(&self, account: &str, color: Color) -> Result<(ObserveSpec, Vec<Scene>), Exit> {
        let (mut spec, mut scenes) = match &self.scenario {
            None => (ObserveSpec::default(), Vec::new()),
            Some(path) => {
                let plan = super::load(path, color)?.plan;
                (plan.written.observe.clone(), scenes(&plan, account))
            }
        };
        if scenes.is_empty() {
            let scene = |region: &String| Scene {
                account: account.to_owned(),
                region: region.clone(),
                ..Scene::default()
            };
            scenes = self.aws.regions.iter().map(scene).collect();
        } else if !self.aws.regions.is_empty() {
            scenes.retain(|scene| self.aws.regions.contains(&scene.region));
        }
        if scenes.is_empty() {
            eprintln!("error: no Region is to be observed");
            eprintln!("help: name a scenario whose targets call it, or --region with --model");
            return Err(Exit::Usage);
        }
        if !self.models.is_empty() {
            scenes.iter_mut().for_each(|scene| scene.models.clone_from(&self.models));
        }
        if let Some(group) = &self.log_group {
            spec.log_group.clone_from(group);
        }
        if let Some(arn) = &self.role_arn {
            spec.role.arn = Some(arn.clone());
        }
        if let Some(existing) = self.existing {
            spec.existing = existing;
        }
        Ok((spec, scenes))
    }

    /// The first Region, for configurations that name none.
    fn region(&self, color: Color) -> Result<Option<String>, Exit> {
        if self.aws.regions.is_empty() && self.scenario.is_some() {
            return Ok(self.read("", color)?.1.first().map(|scene| scene.region.clone()));
        }
        Ok(self.aws.regions.first().cloned())
    }

    fn wanted(&self, spec: &ObserveSpec, scenes: &[Scene]) -> Result<Vec<Wanted>, Exit> {
        let wanted: Result<Vec<Wanted>, Vec<Unfit>> =
            scenes.iter().map(|scene| Wanted::new(spec, scene, self.create_role)).collect();
        wanted.map_err(|unfit| {
            unfit.iter().for_each(|unfit| eprintln!("error: {unfit}"));
            Exit::Scenario
        })
    }
}

/// The calls of a plan: one line each, or each with all that is sent.
fn told(region: &str, steps: &[Step], whole: bool) -> String {
    let mut text = String::new();
    for step in steps {
        text.push_str(&format!("{region}: {}  # {}\n", step.call.action(), step.why));
        if whole {
            let body = serde_json::to_string_pretty(&step.call.body()).unwrap_or_default();
            body.lines().for_each(|line| text.push_str(&format!("    {line}\n")));
        }
    }
    text
}

/// Asks on a terminal; elsewhere `--yes` has to say it.
fn confirmed(yes: bool, question: &str) -> anyhow::Result<bool> {
    use std::io::{IsTerminal as _, Write as _};
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() {
        eprintln!("error: {question} needs a yes, and nobody is there to give it");
        eprintln!("help: say --yes, or look first with --dry-run");
        return Ok(false);
    }
    eprint!("{question}? [y/N] ");
    std::io::stderr().flush().context("cannot ask")?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot hear the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Twelve digits.
fn account(text: &str) -> anyhow::Result<&str> {
    if text.len() != 12 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        bail!("{text:?} is no account; write its twelve digits");
    }
    Ok(text)
}

/// Writes a file whole, or prints.
fn put(text: &str, path: Option<&PathBuf>) -> anyhow::Result<()> {
    match path {
        Some(path) => Ok(run_file::write_whole(path, text.as_bytes())?),
        None => super::print(text.as_bytes()),
    }
}
