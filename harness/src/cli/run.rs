//! `richter run SCENARIO`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use richter_reports::{
    export::Report,
    run_file::{self, RunFile, Status},
    text,
    verdict::{self, Judgement},
};

use super::{
    Color,
    outputs::Outputs,
    play::{LiveArgs, On, Playing, RUN_FILE},
};
use crate::{
    exit::Exit,
    run::{
        Played,
        check::{self, Verdict},
        stories,
    },
    scenario::plan::Plan,
};

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
    live: LiveArgs,
}

fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
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

pub fn run(args: &RunArgs, color: Color) -> anyhow::Result<Exit> {
    if let Some(exit) = args.on.missing() {
        return Ok(exit);
    }
    #[cfg(feature = "observe")]
    if args.on == On::Sim && args.live.observe {
        eprintln!("error: --observe reads what a service has logged, and a simulation logs nothing");
        eprintln!("help: say --on mock, or leave --observe out");
        return Ok(Exit::Usage);
    }
    if args.on != On::Sim && args.check {
        eprintln!(
            "error: --check proves that a simulation is deterministic; on the wall clock no two runs are alike"
        );
        eprintln!("help: leave --check out, or use --on sim");
        return Ok(Exit::Usage);
    }
    let playing = args.playing(color);
    let mut loaded = match playing.load()? {
        Ok(loaded) => loaded,
        Err(exit) => return Ok(exit),
    };
    if let Some(exit) = narrow(&mut loaded.plan, args) {
        return Ok(exit);
    }
    let Played { mut run, trace } = match playing.play(&loaded)? {
        Ok(played) => played,
        Err(exit) => return Ok(exit),
    };
    let (plan, folder) = (&loaded.plan, playing.folder(&loaded.plan));
    let proven = !args.check || prove(plan, &run)?;
    let judgement = verdict::judge(&run);
    if run.status == Status::Complete && args.on == On::Sim {
        run.stories = stories::of_notable(plan, &judgement.comparison.notable)?;
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
    playing.tidy(plan);
    trace?;
    Ok(if proven { exit_of(&run, &judgement) } else { Exit::Broke })
}

impl RunArgs {
    fn playing(&self, color: Color) -> Playing<'_> {
        Playing {
            on: self.on,
            scenario: &self.scenario,
            live: &self.live,
            jobs: self.jobs,
            trace: self.trace.as_deref(),
            out: &self.out,
            quiet: self.output == Output::Quiet,
            color,
        }
    }
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
    None
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
