//! The conductor: plan, jobs, simulations, cells, run file.
//!
//! One job is one strategy in one replication, on one thread. Jobs share nothing, so neither their order nor their
//! number at once can change a result.

pub mod board;
pub mod check;
pub mod estimate;
#[cfg(feature = "mock")]
pub mod follow;
pub mod guard;
#[cfg(feature = "aws")]
pub mod live;
mod parts;
pub mod progress;
pub mod recover;
pub mod stories;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use richter_mock_bedrock::{Nanos, fault};
use richter_reports::run_file::{self, Cell, Ground, RunFile, ScenarioFacts, Status, When};

use self::{parts::Parts, progress::Progress};
use crate::{
    clock::{Stopwatch, time_of_day},
    ground::{Witness, sim::Simulation},
    load::TraceError,
    record::{
        Both,
        abort::Broken,
        cell::Recorder,
        export,
        quota::{self, QuotaWatch},
        trace::AttemptLog,
    },
    scenario::plan::Plan,
};

/// How a run is done, as opposed to what is run.
#[derive(Debug)]
pub struct Options<'a> {
    pub jobs: usize,
    /// One line of JSON per attempt goes here.
    pub trace: Option<&'a Path>,
    /// The scenario file as it was named.
    pub file: &'a str,
    /// Set from outside to stop early.
    pub interrupted: &'a AtomicBool,
    pub progress: &'a Progress,
}

#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("cannot write the attempt trace {path}: {source}")]
    Log { path: PathBuf, source: io::Error },
}

/// One strategy in one replication.
#[derive(Debug, Clone, Copy)]
struct Job {
    strategy: usize,
    replication: u32,
}

/// What came of one job.
#[derive(Debug)]
struct Done {
    cell: Cell,
    broken: Option<Broken>,
    /// Stopped from outside before its end.
    cut: bool,
    /// Why its part of the trace is not whole.
    log: Result<(), RunError>,
}

/// A run, and whether its trace could be written; a trace that failed costs nothing of what was measured.
#[derive(Debug)]
pub struct Played {
    pub run: RunFile,
    pub trace: Result<(), RunError>,
}

/// Runs every strategy in every replication on the simulation ground.
pub fn simulate(plan: &Plan, options: &Options<'_>) -> Result<Played, RunError> {
    let watch = Stopwatch::start();
    let started = time_of_day();
    let jobs: Vec<Job> = (0..plan.strategies.len())
        .flat_map(|strategy| (0..plan.replications).map(move |replication| Job { strategy, replication }))
        .collect();
    let parts = options.trace.map(|path| Parts::new(path, jobs.len()));
    let ends = run_jobs(plan, options, parts.as_ref(), &jobs)?;
    let began: Vec<usize> = (0..).zip(&ends).filter(|(_, end)| end.is_some()).map(|(job, _)| job).collect();
    let mut played = Played { run: run_file(plan, options.file, Ground::Sim), trace: Ok(()) };
    for (end, job) in ends.into_iter().zip(&jobs) {
        played.take(end, &plan.strategies[job.strategy].name);
    }
    if let (Some(parts), Some(path), Ok(())) = (&parts, options.trace, &played.trace) {
        played.trace = parts.join(began.into_iter()).map_err(|source| log_error(path, source));
    }
    let took_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    played.run.when = When { started, took_ms };
    Ok(played)
}

impl Played {
    /// Adds what came of the next job; `None` if it never began.
    fn take(&mut self, end: Option<Done>, strategy: &str) {
        let Some(done) = end else {
            self.run.status = Status::Interrupted;
            return;
        };
        if let (Some(broken), Status::Complete) = (&done.broken, &self.run.status) {
            self.run.status = aborted(strategy, broken);
        }
        if done.cut {
            self.run.status = Status::Interrupted;
        }
        self.run.cells.push(done.cell);
        if self.trace.is_ok() {
            self.trace = done.log;
        }
    }
}

pub(crate) fn aborted(strategy: &str, broken: &Broken) -> Status {
    let at = broken.at as f64 / 1e9;
    Status::Aborted { rule: format!("{} ({strategy}, at {at:.0} s)", broken.rule), spend: broken.spend }
}

fn log_error(path: &Path, source: io::Error) -> RunError {
    RunError::Log { path: path.to_owned(), source }
}

fn run_jobs(
    plan: &Plan,
    options: &Options<'_>,
    parts: Option<&Parts<'_>>,
    jobs: &[Job],
) -> Result<Vec<Option<Done>>, RunError> {
    let next = AtomicUsize::new(0);
    let ends: Mutex<Vec<Option<Result<Done, RunError>>>> = Mutex::new(jobs.iter().map(|_| None).collect());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(index) else { return };
            if options.interrupted.load(Ordering::Relaxed) {
                return;
            }
            let part = parts.map(|parts| (parts, index));
            let end = run_job(plan, options, part, *job);
            if end.is_err() {
                // Nothing will come of the run, so no job need begin.
                next.store(jobs.len(), Ordering::Relaxed);
            }
            ends.lock().expect("no job panics while it holds the lock")[index] = Some(end);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.clamp(1, jobs.len().max(1)) {
            scope.spawn(work);
        }
    });
    let ends = ends.into_inner().expect("no job panics while it holds the lock");
    ends.into_iter().map(Option::transpose).collect()
}

fn run_job(
    plan: &Plan,
    options: &Options<'_>,
    part: Option<(&Parts<'_>, usize)>,
    job: Job,
) -> Result<Done, RunError> {
    let Job { strategy, replication } = job;
    let recorder = Recorder::new(plan);
    let (Some((parts, index)), Some(path)) = (part, options.trace) else {
        let simulation = Simulation::new(plan, strategy, replication, recorder)?;
        return play(plan, options, job, simulation, |recorder| (recorder, Ok(())));
    };
    let fail = |source| log_error(path, source);
    let log = AttemptLog::new(plan, strategy, replication, parts.create(index).map_err(fail)?);
    let simulation = Simulation::new(plan, strategy, replication, Both(recorder, log))?;
    play(plan, options, job, simulation, |Both(recorder, log)| {
        (recorder, log.finish().map(drop).map_err(fail))
    })
}

/// Steps between looks at the outside world.
const STEPS_PER_LOOK: u32 = 4_096;
/// Steps between looks at the abort rules: a fixed number, so that stopping is part of the same run everywhere.
const STEPS_PER_ABORT_CHECK: u32 = 64;

fn play<'p, W: Witness + AsRef<Recorder>>(
    plan: &'p Plan,
    options: &Options<'_>,
    job: Job,
    mut simulation: Simulation<'p, W>,
    close: impl FnOnce(W) -> (Recorder, Result<(), RunError>),
) -> Result<Done, RunError> {
    let mut steps = 0u32;
    let mut told: Nanos = 0;
    let mut cut = false;
    let width = simulation.witness().as_ref().times.width();
    let mut quota = QuotaWatch::new(width, quota::all(&plan.world));
    while simulation.step()? {
        steps = steps.wrapping_add(1);
        if simulation.now() >= quota.next() {
            quota.look(simulation.now(), simulation.engine_mut());
        }
        if steps.is_multiple_of(STEPS_PER_ABORT_CHECK)
            && simulation.witness().as_ref().abort.broken().is_some()
        {
            break;
        }
        if steps.is_multiple_of(STEPS_PER_LOOK) {
            cut = options.interrupted.load(Ordering::Relaxed);
            if cut {
                break;
            }
            options.progress.advance(simulation.now() - told);
            told = simulation.now();
        }
    }
    options.progress.advance(plan.end.saturating_sub(told));
    let now = simulation.now();
    let (witness, mut engine) = simulation.into_parts();
    let (recorder, log) = close(witness);
    let place = export::Place { strategy: job.strategy, replication: job.replication };
    let cell = export::cell(plan, place, &recorder, export::aside(now, &quota, &mut engine));
    Ok(Done { cell, broken: recorder.abort.broken().cloned(), cut, log })
}

/// A run file in which nothing has been played yet.
pub fn run_file(plan: &Plan, file: &str, ground: Ground) -> RunFile {
    let shown_on = match ground {
        Ground::Sim => fault::Ground::Simulation,
        Ground::Mock | Ground::Bedrock => fault::Ground::Wire { tls: false },
    };
    RunFile {
        format: run_file::FORMAT.to_owned(),
        version: run_file::VERSION,
        written_by: concat!("richter ", env!("CARGO_PKG_VERSION")).to_owned(),
        when: When { started: String::new(), took_ms: 0 },
        scenario: ScenarioFacts {
            name: plan.name.clone(),
            file: file.to_owned(),
            question: plan.question.clone(),
            digest: plan.digest.clone(),
            seed: plan.seed,
            replications: plan.replications,
            slo: plan.slo,
        },
        ground,
        status: Status::Complete,
        phases: export::phases(plan),
        targets: export::targets(plan),
        faults: export::faults(plan, shown_on),
        classes: plan.traffic.classes.iter().map(|class| class.name.clone()).collect(),
        strategies: export::strategies(plan),
        expect: plan.expect.clone(),
        cells: Vec::new(),
        stories: Vec::new(),
        live: None,
        observed: None,
    }
}
