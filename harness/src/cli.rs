//! The command line: data on standard output, everything else on standard error, exit codes from [`Exit`].

mod annotate;
mod baseline;
mod check;
mod diff;
#[cfg(feature = "aws")]
mod doctor;
mod explain;
#[cfg(feature = "aws")]
mod grafana;
mod iam_policy;
mod init;
mod list;
#[cfg(feature = "mock")]
pub mod mock;
#[cfg(feature = "observe")]
mod observe;
mod outputs;
mod play;
mod recover;
mod report;
mod run;
mod scenario;
mod schema;
#[cfg(feature = "mock")]
mod serve;
mod tournament;
mod why;

use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
};

use clap::{Parser, Subcommand, ValueEnum};

pub use self::{play::RUN_FILE, recover::JOURNAL};
use crate::{
    exit::Exit,
    scenario::{self as scenarios, Checked},
};

const EXAMPLES: &str = "\
Examples:
  richter init                           write scenario.yaml, a small scenario to start from
  richter explain scenario.yaml          see what it offers to which quota, before anything runs
  richter run scenario.yaml              play it, and compare the strategies
  richter why out/my-scenario 1.2756     see how each strategy dealt with one request
  richter list exit-codes                see what scripts can rely on";

/// Replays traffic spikes through competing ways of calling Amazon Bedrock, and says which one serves callers best.
#[derive(Debug, Parser)]
#[command(name = "richter", version, about, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto, display_order = 100)]
    color: Color,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Color {
    /// Colour is for terminals; NO_COLOR and TERM=dumb are obeyed.
    fn on(self, terminal: bool) -> bool {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                terminal && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        }
    }

    fn on_stdout(self) -> bool {
        self.on(std::io::stdout().is_terminal())
    }

    fn on_stderr(self) -> bool {
        self.on(std::io::stderr().is_terminal())
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a scenario: every strategy, compared.
    Run(Box<run::RunArgs>),
    /// Play scenarios with every strategy there is, and show how ours stands against each.
    Tournament(tournament::TournamentArgs),
    /// Print what a scenario will do, before anything runs.
    Explain(explain::ExplainArgs),
    /// Print the report of a run file again.
    Report(report::ReportArgs),
    /// Keep runs to compare later ones with.
    Baseline(baseline::BaselineArgs),
    /// Run scenarios and compare them with their baselines: improved, same, regressed.
    Check(Box<check::CheckArgs>),
    /// Make the run file of a live run that was killed, from its journal.
    Recover(recover::RecoverArgs),
    /// Explain what differs between two run files.
    Diff(diff::DiffArgs),
    /// Show runs as web pages on this machine, and renew them while they are going on.
    #[cfg(feature = "mock")]
    Serve(serve::ServeArgs),
    /// Tell one request's story under each strategy.
    Why(why::WhyArgs),
    /// Serve the scenario's Bedrock over HTTP, for any client.
    #[cfg(feature = "mock")]
    Mock(mock::MockArgs),
    /// Make a scenario of what really happened.
    Scenario(scenario::ScenarioArgs),
    /// See whether a scenario can be run on Amazon Bedrock from here: credentials, models, quotas, this machine.
    #[cfg(feature = "aws")]
    Doctor(doctor::DoctorArgs),
    /// Print a Grafana dashboard for live runs.
    #[cfg(feature = "aws")]
    Grafana(grafana::GrafanaArgs),
    /// Print the least that IAM must allow for a scenario.
    IamPolicy(iam_policy::IamPolicyArgs),
    /// Keep the evidence of who served a cross-Region call: logging, metric filters, dashboard, alarms.
    #[cfg(feature = "observe")]
    Observe(observe::ObserveArgs),
    /// List what can be written in a scenario.
    List(list::ListArgs),
    /// Print the JSON Schema of scenario files, or of exported reports.
    Schema(schema::SchemaArgs),
    /// Write a commented starter scenario.
    Init(init::InitArgs),
}

/// Does what the command line says.
pub fn dispatch(cli: Cli) -> Exit {
    let color = cli.color;
    let done = match cli.command {
        Command::Run(args) => run::run(&args, color),
        Command::Tournament(args) => tournament::tournament(&args, color),
        Command::Explain(args) => explain::explain(&args, color),
        Command::Report(args) => report::report(&args, color),
        Command::Baseline(args) => baseline::baseline(&args, color),
        Command::Check(args) => check::check(&args, color),
        Command::Recover(args) => recover::recover(&args, color),
        Command::Diff(args) => diff::diff(&args, color),
        #[cfg(feature = "mock")]
        Command::Serve(args) => serve::serve(&args),
        Command::Why(args) => why::why(&args, color),
        #[cfg(feature = "mock")]
        Command::Mock(args) => mock::mock(&args, color),
        Command::Scenario(args) => scenario::scenario(&args, color),
        #[cfg(feature = "aws")]
        Command::Doctor(args) => doctor::doctor(&args, color),
        #[cfg(feature = "aws")]
        Command::Grafana(args) => grafana::grafana(&args),
        Command::IamPolicy(args) => iam_policy::iam_policy(&args, color),
        #[cfg(feature = "observe")]
        Command::Observe(args) => observe::observe(&args, color),
        Command::List(args) => list::list(&args),
        Command::Schema(args) => schema::schema(&args),
        Command::Init(args) => init::init(&args),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        Exit::Broke
    })
}

/// Loads a scenario, or prints all its problems and gives the exit code for that.
fn load(path: &Path, color: Color) -> Result<Checked, Exit> {
    match scenarios::load(path) {
        Ok(checked) => {
            annotate(&checked.warnings);
            if checked.warnings.warnings() > 0 {
                eprint!("{}", checked.warnings.render(color.on_stderr()));
            }
            Ok(checked)
        }
        Err(problems) => {
            annotate(&problems);
            eprint!("{}", problems.render(color.on_stderr()));
            eprintln!("{}", problems.summary());
            Err(Exit::Scenario)
        }
    }
}

/// In a job of GitHub Actions, problems are shown beside the lines of the change as well.
fn annotate(problems: &scenarios::problem::Problems) {
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        eprint!("{}", annotate::annotations(problems));
    }
}

/// A run file as somebody names it: itself, or the folder that `run` made for it.
fn run_file(path: &Path) -> PathBuf {
    if path.is_dir() { path.join(RUN_FILE) } else { path.to_owned() }
}

/// Pieces of work that go on at once unless somebody says otherwise.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Writes to standard output. A closed pipe (`richter list faults | head -1`) is the reader's choice: it is no failure,
/// and it does not change the verdict either.
fn print(bytes: &[u8]) -> anyhow::Result<()> {
    use std::io::{ErrorKind, Write as _};
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Whether the locale says that the terminal can show more than ASCII.
fn speaks_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    locale.is_some_and(|locale| locale.to_lowercase().replace('-', "").contains("utf8"))
}
