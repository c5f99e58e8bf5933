//! `richter run SCENARIO`.

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
use clap::{Args, ValueEnum};
use richter_reports::{
    export::Report,
    run_file::{self, RunFile, Status},
    text,
    verdict::{self, Judgement},
};

use super::{Color, outputs::Outputs};
use crate::{
    exit::Exit,
    price::PricesSpec,
    run::{
        Options, Played,
        check::{self, Verdict},
        progress::Progress,
        simulate, stories,
    },
    scenario::plan::Plan,
};

/// What a run file is called in its folder.
pub const RUN_FILE: &str = "run.json";

const EXAMPLES: &str = "\
Examples:
  richter run viral-spike.yaml
  richter run viral-spike.yaml --strategy one-region --strategy failover --replications 20
  richter run viral-spike.yaml --output quiet || echo \"the gate says no: $?\"
  richter run viral-spike.yaml --output json | jq '.cells[0].notable'

Exits with 0 if every expectation held, 99 if one did not, 3 if the scenario has errors; `richter list exit-codes` \
has them all.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// The scenario file.
    scenario: PathBuf,
    /// Where to run it.
    #[arg(long, value_name = "GROUND", value_enum, default_value_t = On::Sim)]
    on: On,
    /// Use another seed than the scenario's: a whole number from 0.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = seed)]
    seed: Option<u64>,
    /// Use another number of replications than the scenario's, 1 to 1000.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(1..=1000))]
    replications: Option<u32>,
    /// Run only this strategy; may be given several times.
    #[arg(long = "strategy", value_name = "NAME")]
    strategies: Vec<String>,
    /// Simulations at once; results do not depend on it. Default: one for each core.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Prove determinism: play everything twice more, event by event, and compare.
    #[arg(long)]
    check: bool,
    /// Write one line of JSON per attempt.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Folder for run file and report; they go to a folder named after the scenario inside it.
    #[arg(long, value_name = "DIR", env = "RICHTER_OUT", default_value = "out")]
    out: PathBuf,
    /// What to print.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    live: args::LiveArgs,
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    /// Virtual time, in this process: no account, no network.
    Sim,
    /// The mock server, through the AWS SDK.
    Mock,
    /// Amazon Bedrock, through the AWS SDK.
    Bedrock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// The report.
    Text,
    /// The run file.
    Json,
    /// Nothing; what kept it from passing goes to standard error.
    Quiet,
}

pub(super) static INTERRUPTED: AtomicBool = AtomicBool::new(false);

pub fn run(args: &RunArgs, color: Color) -> anyhow::Result<Exit> {
    if args.on != On::Sim && !cfg!(feature = "aws") {
        return Ok(no_live_ground(args.on));
    }
    if args.on != On::Sim && args.check {
        eprintln!(
            "error: --check proves that a simulation is deterministic; on the wall clock no two runs are alike"
        );
        eprintln!("help: leave --check out, or use --on sim");
        return Ok(Exit::Usage);
    }
    let checked = match super::load(&args.scenario, color) {
        Ok(checked) => checked,
        Err(exit) => return Ok(exit),
    };
    #[cfg(feature = "aws")]
    let text = live::text_of(&args.scenario, &checked);
    let mut plan = checked.plan;
    if let Some(path) = &args.live.prices {
        reprice(&mut plan, path)?;
    }
    if let Some(exit) = narrow(&mut plan, args) {
        return Ok(exit);
    }
    let folder = args.out.join(folder_name(&plan.name));
    listen_for_interrupts()?;
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let Played { mut run, trace } = match args.on {
        On::Sim => play(&plan, args)?,
        #[cfg(feature = "aws")]
        on => {
            let run = live::LiveRun {
                on,
                args: &args.live,
                scenario: text,
                folder: &folder,
                trace: args.trace.as_deref(),
                interrupted: &INTERRUPTED,
                look: crate::watch::Look { color: color.on_stderr(), unicode: super::speaks_unicode() },
                quiet: args.output == Output::Quiet,
            };
            match live::play(&plan, run)? {
                Ok(played) => played,
                Err(exit) => return Ok(exit),
            }
        }
        #[cfg(not(feature = "aws"))]
        on => return Ok(no_live_ground(on)),
    };
    let proven = !args.check || prove(&plan, &run)?;
    let judgement = verdict::judge(&run);
    if run.status == Status::Complete && args.on == On::Sim {
        run.stories = stories::of_notable(&plan, &judgement.comparison.notable)?;
    }
    let mut files = write(&folder, &run, &judgement, args.trace.as_deref().filter(|_| trace.is_ok()))?;
    let report = [Report::with(&run, judgement.clone())];
    let page = Outputs { html: Some(folder.join("report.html")), ..Outputs::default() };
    files.extend(page.write(std::slice::from_ref(&run), &report)?);
    files.extend(args.outputs.write(std::slice::from_ref(&run), &report)?);
    let rendered = args.outputs.rendered(&report)?;
    match args.output {
        Output::Text if rendered.is_some() => super::print(rendered.unwrap_or_default().as_bytes())?,
        Output::Text => {
            super::print(report_text(&judgement, &folder.join(RUN_FILE), files, color).as_bytes())?
        }
        Output::Json => super::print(&run.to_json()?)?,
        Output::Quiet if judgement.verdict == verdict::Verdict::Passed => {}
        Output::Quiet => {
            eprintln!("{}: {}: {}", run.scenario.name, judgement.verdict.name(), judgement.why.join("; "));
        }
    }
    if args.on != On::Sim && !args.live.keeps_journal() {
        // Everything in it is in the run file now.
        let _ = std::fs::remove_file(folder.join(super::JOURNAL));
    }
    trace?;
    Ok(if proven { exit_of(&run, &judgement) } else { Exit::Broke })
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

/// Writes run file and report; gives what was written and where.
pub fn write(
    folder: &Path,
    run: &RunFile,
    judgement: &Judgement,
    trace: Option<&Path>,
) -> anyhow::Result<Vec<(String, String)>> {
    let (run_path, report_path) = (folder.join(RUN_FILE), folder.join("report.txt"));
    run.write(&run_path)?;
    let mut files = vec![("run file", run_path.as_path()), ("report", report_path.as_path())];
    files.extend(trace.map(|trace| ("trace", trace)));
    let named = |(label, path): &(&str, &Path)| ((*label).to_owned(), path.display().to_string());
    let files: Vec<(String, String)> = files.iter().map(named).collect();
    let options = text::Options {
        run_file: Some(run_path.display().to_string()),
        files: files.clone(),
        ..text::Options::default()
    };
    let plain = text::render(judgement, &options);
    run_file::write_whole(&report_path, plain.as_bytes())?;
    Ok(files)
}

fn no_live_ground(on: On) -> Exit {
    let name = on.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
    eprintln!("error: --on {name} needs the live client, which this build does not have (feature `aws`)");
    eprintln!("help: --on sim needs nothing but this program");
    Exit::Access
}

/// Most strategies times replications: beyond it a run file grows past what can be read again.
const CELLS_MAX: usize = 2_000;

/// Applies the command line to the plan.
fn narrow(plan: &mut Plan, args: &RunArgs) -> Option<Exit> {
    plan.seed = args.seed.unwrap_or(plan.seed);
    plan.replications = args.replications.unwrap_or(plan.replications);
    let known = |name: &String| plan.strategies.iter().any(|strategy| strategy.name == *name);
    if let Some(unknown) = args.strategies.iter().find(|name| !known(name)) {
        let names: Vec<&str> = plan.strategies.iter().map(|strategy| strategy.name.as_str()).collect();
        eprintln!("error: no strategy is called {unknown:?}; the scenario has {}", names.join(", "));
        return Some(Exit::Usage);
    }
    if let Some(path) = args.trace.as_deref().filter(|path| path.exists() && !path.is_file()) {
        eprintln!("error: --trace {} is no ordinary file", path.display());
        eprintln!("help: name a file; its parts are written beside it while the run goes on");
        return Some(Exit::Usage);
    }
    if !args.strategies.is_empty() {
        let dropped = plan.keep_strategies(&args.strategies);
        if dropped > 0 {
            let expectations = if dropped == 1 { "expectation" } else { "expectations" };
            eprintln!("note: not judged, because a strategy is left out: {dropped} {expectations}");
        }
    }
    too_many_cells(plan)
}

pub(super) fn too_many_cells(plan: &Plan) -> Option<Exit> {
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

/// The first Ctrl-C stops the simulations and writes what is done; the second stops at once.
pub(super) fn listen_for_interrupts() -> anyhow::Result<()> {
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

fn play(plan: &Plan, args: &RunArgs) -> anyhow::Result<Played> {
    let jobs = plan.strategies.len() as u64 * u64::from(plan.replications);
    let progress = match args.output {
        Output::Quiet => Progress::silent(),
        Output::Text | Output::Json => Progress::new(jobs.saturating_mul(plan.end)),
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let file = args.scenario.to_string_lossy();
    let options = Options {
        jobs: args.jobs.map_or(cores, usize::from),
        trace: args.trace.as_deref(),
        file: &file,
        interrupted: &INTERRUPTED,
        progress: &progress,
    };
    Ok(progress.report_on(|| simulate(plan, &options))?)
}

/// Plays every job twice more, side by side, and compares with what the run recorded.
fn prove(plan: &Plan, run: &RunFile) -> anyhow::Result<bool> {
    if run.status != Status::Complete {
        eprintln!("not checked: only a run that went to its end can be compared with a repetition");
        return Ok(true);
    }
    let mut events_total = 0;
    for cell in &run.cells {
        let name = &plan.strategies[cell.strategy].name;
        let place = format!("{name}, replication {}", cell.replication);
        match check::check(plan, cell.strategy, cell.replication)? {
            Verdict::Same { events, hash } if format!("{hash:016x}") == cell.trace_hash => {
                events_total += events
            }
            Verdict::Same { hash, .. } => {
                eprintln!(
                    "not deterministic: {place}: the run had hash {}, a repetition {hash:016x}",
                    cell.trace_hash
                );
                return Ok(false);
            }
            Verdict::Differs { event, left, right } => {
                let side =
                    |mark: Option<check::Mark>| mark.map_or("nothing".to_owned(), |mark| mark.to_string());
                eprintln!("not deterministic: {place}: event {event} differs");
                eprintln!("  once:  {}", side(left));
                eprintln!("  again: {}", side(right));
                return Ok(false);
            }
        }
    }
    eprintln!(
        "deterministic: {events_total} events in {} cells played three times, all the same",
        run.cells.len()
    );
    Ok(true)
}

/// A name that is safe as a folder.
pub fn folder_name(name: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || c == '-' || c == '_' { c } else { '-' };
    name.chars().map(safe).take(80).collect()
}

/// Widest report on a terminal.
const WIDTH_MAX: u16 = 140;

/// The report as text, as wide as the terminal.
pub fn report_text(
    judgement: &Judgement,
    run_file: &Path,
    files: Vec<(String, String)>,
    color: Color,
) -> String {
    text::render(judgement, &text_options(run_file, files, color))
}

/// As the terminal shows text best.
pub fn text_options(run_file: &Path, files: Vec<(String, String)>, color: Color) -> text::Options {
    let mut options = text::Options {
        run_file: Some(run_file.display().to_string()),
        files,
        color: color.on_stdout(),
        ..text::Options::default()
    };
    if let Some((terminal_size::Width(width), _)) = terminal_size::terminal_size_of(std::io::stdout()) {
        options.width = usize::from(width.min(WIDTH_MAX));
        options.unicode = super::speaks_unicode();
    }
    options
}

pub fn exit_of(run: &RunFile, judgement: &Judgement) -> Exit {
    match judgement.verdict {
        verdict::Verdict::Passed => Exit::Passed,
        verdict::Verdict::Failed => Exit::Gate,
        verdict::Verdict::Invalid => Exit::Broke,
        verdict::Verdict::Aborted if matches!(run.status, Status::Aborted { spend: true, .. }) => {
            Exit::Refused
        }
        verdict::Verdict::Aborted => Exit::Broke,
        verdict::Verdict::Interrupted => Exit::Interrupted,
    }
}
