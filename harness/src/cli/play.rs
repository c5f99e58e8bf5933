//! From a scenario file to a run, on whichever ground: what `richter run` and `richter check` share. It reads, asks for
//! consent where that is needed, and plays; what to make of the run is for the command to say.

mod args;
#[cfg(feature = "aws")]
mod consent;
#[cfg(feature = "aws")]
mod live;

use std::{
    path::{Path, PathBuf},
    sync::{
        Once,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::Context as _;
use clap::ValueEnum;
use richter_reports::run_file::Ground;

pub use self::args::LiveArgs;
use super::Color;
#[cfg(feature = "aws")]
use crate::record::journal::ScenarioText;
use crate::{
    exit::Exit,
    price::PricesSpec,
    run::{Options, Played, progress::Progress, simulate},
    scenario::plan::Plan,
};

/// What a run file is called in its folder.
pub const RUN_FILE: &str = "run.json";

/// Most strategies times replications: beyond it a run file grows past what can be read again.
const CELLS_MAX: usize = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum On {
    /// Virtual time, in this process: no account, no network.
    Sim,
    /// The mock server, through the AWS SDK.
    Mock,
    /// Amazon Bedrock, through the AWS SDK.
    Bedrock,
}

impl On {
    pub const fn ground(self) -> Ground {
        match self {
            On::Sim => Ground::Sim,
            On::Mock => Ground::Mock,
            On::Bedrock => Ground::Bedrock,
        }
    }

    /// The exit code of a build that has no such ground, which is said.
    pub fn missing(self) -> Option<Exit> {
        (self != On::Sim && !cfg!(feature = "aws")).then(|| no_live_ground(self))
    }

    /// As it is written on the command line.
    fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

fn no_live_ground(on: On) -> Exit {
    eprintln!(
        "error: --on {} needs the live client, which this build does not have (feature `aws`)",
        on.word()
    );
    eprintln!("help: --on sim needs nothing but this program");
    Exit::Access
}

/// How one scenario is to be played.
#[derive(Debug)]
pub struct Playing<'a> {
    pub on: On,
    pub scenario: &'a Path,
    pub live: &'a LiveArgs,
    /// Simulations at once.
    pub jobs: Option<u16>,
    pub trace: Option<&'a Path>,
    /// The run's own folder is made in it.
    pub out: &'a Path,
    /// Nothing is shown while it goes on.
    pub quiet: bool,
    pub color: Color,
}

/// A scenario as it was read, and what is to be played of it.
#[derive(Debug)]
pub struct Loaded {
    pub plan: Plan,
    #[cfg(feature = "aws")]
    text: ScenarioText,
}

impl Playing<'_> {
    /// Reads the scenario; all that is wrong with it is said, and the exit code given.
    pub fn load(&self) -> anyhow::Result<Result<Loaded, Exit>> {
        let checked = match super::load(self.scenario, self.color) {
            Ok(checked) => checked,
            Err(exit) => return Ok(Err(exit)),
        };
        #[cfg(feature = "aws")]
        let text = live::text_of(self.scenario, &checked);
        let mut plan = checked.plan;
        if let Some(path) = &self.live.prices {
            reprice(&mut plan, path)?;
        }
        Ok(Ok(Loaded {
            plan,
            #[cfg(feature = "aws")]
            text,
        }))
    }

    /// Where run file and report of the plan go.
    pub fn folder(&self, plan: &Plan) -> PathBuf {
        self.out.join(folder_name(&plan.name))
    }

    /// Plays it, and makes its folder; or gives the exit code with which it did not even begin.
    pub fn play(&self, loaded: &Loaded) -> anyhow::Result<Result<Played, Exit>> {
        if let Some(exit) = too_many_cells(&loaded.plan) {
            return Ok(Err(exit));
        }
        listen_for_interrupts()?;
        let folder = self.folder(&loaded.plan);
        std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
        match self.on {
            On::Sim => Ok(Ok(self.simulated(&loaded.plan)?)),
            #[cfg(feature = "aws")]
            On::Mock | On::Bedrock => live::play(self, loaded, &folder),
            #[cfg(not(feature = "aws"))]
            on => Ok(Err(no_live_ground(on))),
        }
    }

    fn simulated(&self, plan: &Plan) -> anyhow::Result<Played> {
        let cells = plan.strategies.len() as u64 * u64::from(plan.replications);
        let progress =
            if self.quiet { Progress::silent() } else { Progress::new(cells.saturating_mul(plan.end)) };
        let file = self.scenario.to_string_lossy();
        let options = Options {
            jobs: self.jobs.map_or_else(super::cores, usize::from),
            trace: self.trace,
            file: &file,
            interrupted: &INTERRUPTED,
            progress: &progress,
        };
        Ok(progress.report_on(|| simulate(plan, &options))?)
    }

    /// After the run file is written: everything in the journal of a live run is in it now.
    pub fn tidy(&self, plan: &Plan) {
        if self.on != On::Sim && !self.live.keeps_journal(self.on == On::Bedrock) {
            let _ = std::fs::remove_file(self.folder(plan).join(super::JOURNAL));
        }
    }
}

/// Takes prices from a file of their own.
fn reprice(plan: &mut Plan, path: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let prices: PricesSpec =
        serde_saphyr::from_str(&text).with_context(|| format!("{} is no list of prices", path.display()))?;
    let targets = plan.targets.iter().map(|target| (&*target.name, &target.spec));
    let problems = prices.check(targets);
    if let Some(problem) = problems.first() {
        let place = problem.path.join(".");
        anyhow::bail!("{}: {place}: {}; {}", path.display(), problem.message, problem.hint);
    }
    plan.reprice(&prices);
    Ok(())
}

fn too_many_cells(plan: &Plan) -> Option<Exit> {
    let cells = plan.strategies.len() * plan.replications as usize;
    if cells > CELLS_MAX {
        let (strategies, most) = (plan.strategies.len(), CELLS_MAX / plan.strategies.len().max(1));
        eprintln!(
            "error: {strategies} strategies in {} replications are too many for one run file",
            plan.replications
        );
        eprintln!("help: at most {CELLS_MAX} together; write --replications {most} or fewer");
        return Some(Exit::Usage);
    }
    None
}

/// A name that is safe as a folder.
pub fn folder_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    name.chars().map(safe).take(80).collect()
}

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// The first Ctrl-C stops the simulations and writes what is done; the second stops at once.
fn listen_for_interrupts() -> anyhow::Result<()> {
    let listen = || {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            #[cfg(feature = "aws")]
            crate::watch::give_back();
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        #[cfg(feature = "aws")]
        if crate::watch::on_screen() {
            return;
        }
        eprintln!("\ninterrupted: writing what is done; once more to stop at once");
    };
    static LISTENING: Once = Once::new();
    let mut done = Ok(());
    LISTENING.call_once(|| done = ctrlc::set_handler(listen));
    done.context("cannot listen for Ctrl-C")
}
