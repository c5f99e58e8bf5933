//! The conductor of live runs: one cell after the other on the wall clock, each with its own service or its quotas
//! refilled, its own clients and the same arrivals. Everything heard goes to the journal first.
//!
//! A cell is played in `cell`, doubted in `doubts`, and shown in `view`.

mod cell;
mod doubts;
#[cfg(feature = "observe")]
pub mod evidence;
mod machine;
mod view;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use aws_config::SdkConfig;
use richter_core::live::{BuildError, Trust};
use richter_reports::run_file::{Ground, Live, Observed, RunFile, Status, When};

use self::cell::Done;
pub use self::machine::connections_max;
use super::{
    Played, RunError, aborted,
    board::{Board, Snapshot, State},
    estimate,
    guard::{Guard, Halt, Limits},
    log_error,
    parts::Parts,
    run_file as empty_run_file,
};
use crate::{
    clock::{self, Stopwatch, time_of_day},
    ground::live::{
        ask::{NoLanguage, Prompts},
        caller::Client,
        mock::MockError,
        pacer::PaceError,
        wire::inject::Injection,
    },
    record::{
        export::Place,
        journal::{self, Line, ScenarioText, Writer},
    },
    scenario::plan::Plan,
    telemetry::Telemetry,
};

/// How a live run is done.
pub struct LiveOptions<'a> {
    pub scenario: ScenarioText,
    /// Where the journal goes.
    pub folder: &'a Path,
    pub ground: Ground,
    /// Where calls go instead of to the service's own endpoints; on the mock, `None` starts one in this process.
    pub endpoint: Option<String>,
    pub client: Client,
    /// Who vouches for servers where the configurations do not bring their own way to them.
    pub trust: Trust,
    /// Makes the configurations of the next cell's clients.
    pub configs: &'a Configs<'a>,
    pub prompts: Prompts,
    pub limits: Limits,
    pub in_flight_max: u64,
    /// More lateness than this at p99 makes the run invalid.
    pub lag_max: Duration,
    /// Between two cells, for quotas that are not ours to refill.
    pub refill: Duration,
    /// All strategies in turn, replication by replication, and not one strategy after the other.
    pub interleave: bool,
    /// One line of JSON per attempt goes here.
    pub trace: Option<&'a Path>,
    /// Faults of our own.
    pub injections: Vec<Injection>,
    /// Set from outside to stop early.
    pub interrupted: &'a AtomicBool,
    pub board: Board,
    /// Tells the outside while the run goes on.
    pub telemetry: Option<&'a Telemetry>,
    /// Where the service's own log is, if it is to be read.
    #[cfg(feature = "observe")]
    pub watched: Option<evidence::Watched>,
}

/// Gives one configuration for each lane.
pub type Configs<'a> = dyn Fn() -> Vec<SdkConfig> + 'a;

#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    #[error(transparent)]
    Pace(#[from] PaceError),
    #[error(transparent)]
    Mock(#[from] MockError),
    #[error(transparent)]
    Router(#[from] BuildError),
    #[error("strategy {strategy}: {source}")]
    Language { strategy: String, source: NoLanguage },
    #[error("the mock's account cannot be watched: {0}")]
    Watch(String),
    #[error("cannot start a thread: {0}")]
    Thread(#[source] io::Error),
    #[error("cannot write the journal {path}: {source}")]
    Journal { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Log(#[from] RunError),
}

/// Those of a cell.
pub(super) type Books<'p> = crate::record::books::Books<'p, io::BufWriter<std::fs::File>>;

/// What stays the same from cell to cell.
pub(super) struct Stage<'a> {
    pub plan: &'a Plan,
    pub options: &'a LiveOptions<'a>,
    pub guard: Arc<Guard>,
    pub journal: Writer,
    pub snapshot: Snapshot,
    /// Cells that were begun before this one.
    pub begun: usize,
    /// Of cells that are over.
    pub spent_usd: f64,
    pub tokens: u64,
    #[cfg(feature = "observe")]
    pub evidence: Option<evidence::Evidence<'a>>,
    /// What kept the evidence from being read.
    pub unread: Vec<String>,
}

/// Runs every strategy in every replication, and gives what was measured, however it ended.
pub fn play(plan: &Plan, options: &LiveOptions<'_>) -> Result<Played, LiveError> {
    let watch = Stopwatch::start();
    let started = time_of_day();
    let mut stage = Stage::new(plan, options, &started)?;
    let jobs = order(plan.strategies.len(), plan.replications, options.interleave);
    let parts = options.trace.map(|path| Parts::new(path, jobs.len()));
    let mut done: Vec<(Place, Done)> = Vec::new();
    for (index, place) in jobs.iter().enumerate() {
        if stage.guard.stopped() || (index > 0 && !stage.refill()) {
            break;
        }
        let part = parts.as_ref().map(|parts| (parts, index));
        stage.begun = index;
        done.push((*place, cell::play(&mut stage, *place, part)?));
    }
    let mut trace = Ok(());
    if let (Some(parts), Some(path)) = (&parts, options.trace) {
        trace = parts.join(0..done.len()).map_err(|source| log_error(path, source));
    }
    let complete = done.len() == jobs.len();
    let observed = stage.observed();
    let mut run = stage.run(done, complete);
    run.observed = observed;
    let took_ms = u64::try_from(watch.elapsed().as_millis()).unwrap_or(u64::MAX);
    run.when = When { started, took_ms };
    stage.close();
    Ok(Played { run, trace })
}

/// Which cell is played when: A A A B B B, or A B A B A B. The latter spreads over all strategies what changes with the hour.
fn order(strategies: usize, replications: u32, interleave: bool) -> Vec<Place> {
    let all = (0..strategies)
        .flat_map(|strategy| (0..replications).map(move |replication| (strategy, replication)));
    let mut order: Vec<Place> = all.map(|(strategy, replication)| Place { strategy, replication }).collect();
    if interleave {
        order.sort_by_key(|place| (place.replication, place.strategy));
    }
    order
}

impl<'a> Stage<'a> {
    fn new(plan: &'a Plan, options: &'a LiveOptions<'a>, started: &str) -> Result<Stage<'a>, LiveError> {
        let path = options.folder.join(crate::cli::JOURNAL);
        let fail = |source| LiveError::Journal { path: path.clone(), source };
        let mut journal = Writer::create(&path).map_err(fail)?;
        journal.line(&Line::Head(Box::new(head(plan, options, started))));
        journal.sync().map_err(fail)?;
        let snapshot = view::first(plan, options);
        options.board.publish(snapshot.clone());
        let guard = Arc::new(Guard::new(options.limits, dearest(plan), estimate::output_max(plan)));
        #[cfg(feature = "observe")]
        let evidence = options.watched.as_ref().map(|watched| evidence::Evidence::new(watched, plan));
        Ok(Stage {
            plan,
            options,
            guard,
            journal,
            snapshot,
            begun: 0,
            spent_usd: 0.0,
            tokens: 0,
            #[cfg(feature = "observe")]
            evidence: evidence.transpose().map_err(LiveError::Thread)?,
            unread: Vec::new(),
        })
    }

    /// What the service's log says, as far as it could be read.
    #[cfg(feature = "observe")]
    fn observed(&mut self) -> Option<Observed> {
        let evidence = self.evidence.take()?;
        let (observed, read) = evidence.finish((&self.options.board, &mut self.snapshot));
        self.unread.extend(read.err().map(|error| format!("{error:#}")));
        Some(observed)
    }

    #[cfg(not(feature = "observe"))]
    fn observed(&mut self) -> Option<Observed> {
        None
    }

    pub(super) fn service(&self) -> String {
        service(self.options)
    }

    /// Waits until quotas that are not ours are full again; whether the run goes on.
    fn refill(&mut self) -> bool {
        if self.options.refill.is_zero() {
            return true;
        }
        let watch = Stopwatch::start();
        self.snapshot.state = State::Waiting;
        while let Some(left) = self.options.refill.checked_sub(watch.elapsed()).filter(|left| !left.is_zero())
        {
            let interrupted = self.options.interrupted.load(std::sync::atomic::Ordering::Relaxed);
            if interrupted || self.options.board.stop_asked() {
                self.guard.stop(Halt::Interrupted);
            }
            if self.guard.stopped() {
                return false;
            }
            self.snapshot.note = format!("waiting {} s for quotas to refill", left.as_secs() + 1);
            self.options.board.publish(self.snapshot.clone());
            clock::rest(left.min(Duration::from_millis(250)));
        }
        true
    }

    /// The run file of what was played.
    fn run(&self, mut done: Vec<(Place, Done)>, complete: bool) -> RunFile {
        done.sort_by_key(|(place, _)| (place.strategy, place.replication));
        let mut run = empty_run_file(self.plan, &self.options.scenario.file, self.options.ground);
        if self.options.endpoint.is_some() || self.options.ground == Ground::Bedrock {
            // What happens inside somebody else's service is not known.
            run.faults.clear();
        }
        run.status = match self.guard.why() {
            None if complete => Status::Complete,
            None | Some(Halt::Interrupted | Halt::Broken(_)) => Status::Interrupted,
            Some(Halt::Limit { what, spend }) => Status::Aborted { rule: what, spend },
            Some(Halt::Rule { strategy, broken }) => aborted(&self.plan.strategies[strategy].name, &broken),
        };
        let doubts = done.iter().flat_map(|(place, done)| self.named(*place, &done.doubts)).collect();
        let mut caveats = caveats(self.options);
        caveats.extend(self.unread.iter().map(|why| format!("the service's log is not read whole: {why}")));
        if let Some(Halt::Broken(what)) = self.guard.why() {
            caveats.insert(0, what);
        }
        run.live = Some(Live {
            service: self.service(),
            doubts,
            caveats,
            client_faults: told(self.options),
            cells: done.iter().map(|(_, done)| done.live.clone()).collect(),
        });
        run.cells = done.into_iter().map(|(_, done)| done.cell).collect();
        run
    }

    fn named(&self, place: Place, doubts: &[String]) -> Vec<String> {
        let name = &self.plan.strategies[place.strategy].name;
        doubts.iter().map(|doubt| format!("{name}, replication {}: {doubt}", place.replication)).collect()
    }

    fn close(&mut self) {
        self.snapshot.state = State::Done;
        self.snapshot.note = self.guard.why().map_or_else(String::new, |why| view::words(&why));
        self.options.board.publish(self.snapshot.clone());
    }
}

/// Faults of our own, in words.
fn told(options: &LiveOptions<'_>) -> Vec<String> {
    options.injections.iter().map(ToString::to_string).collect()
}

/// Who answers.
fn service(options: &LiveOptions<'_>) -> String {
    match (&options.endpoint, options.ground) {
        (Some(url), _) => url.clone(),
        (None, Ground::Bedrock) => "Amazon Bedrock".to_owned(),
        (None, _) => "mock-bedrock in this process".to_owned(),
    }
}

fn caveats(options: &LiveOptions<'_>) -> Vec<String> {
    let mut caveats = Vec::new();
    if options.endpoint.is_some() && options.ground == Ground::Mock {
        caveats.push(
            "the mock is not in this process: which faults hit and which Region served is not known".into(),
        );
    }
    if options.client == Client::Lean {
        caveats.push("calls were made by richter's lean client and not by the AWS SDK".into());
    }
    if let (Some(url), Ground::Bedrock) = (&options.endpoint, options.ground) {
        caveats.push(format!("everything went to {url} and not to Amazon Bedrock"));
    }
    caveats
}

fn head(plan: &Plan, options: &LiveOptions<'_>, started: &str) -> journal::Head {
    journal::Head {
        format: journal::FORMAT.to_owned(),
        version: journal::VERSION,
        written_by: concat!("richter ", env!("CARGO_PKG_VERSION")).to_owned(),
        started: started.to_owned(),
        ground: options.ground,
        service: service(options),
        scenario: options.scenario.clone(),
        seed: plan.seed,
        replications: plan.replications,
        strategies: plan.strategies.iter().map(|strategy| strategy.name.clone()).collect(),
        caveats: caveats(options),
        client_faults: told(options),
        told_by_service: options.endpoint.is_none() && options.ground == Ground::Mock,
    }
}

/// Each part of the dearest price of any target; none if a price is not known.
fn dearest(plan: &Plan) -> Option<crate::price::Price> {
    let mut dearest = crate::price::Price::default();
    for price in &plan.route_prices {
        let price = (*price)?;
        dearest.input = dearest.input.max(price.input).max(price.cache_write);
        dearest.output = dearest.output.max(price.output);
    }
    Some(dearest)
}

impl std::fmt::Debug for LiveOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("LiveOptions");
        shown.field("ground", &self.ground).field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategies_come_one_after_the_other_or_in_turn() {
        let told = |interleave| {
            let order = order(2, 3, interleave);
            let cells =
                order.iter().map(|Place { strategy, replication }| format!("{strategy}.{replication}"));
            cells.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told(false), "0.0 0.1 0.2 1.0 1.1 1.2");
        assert_eq!(told(true), "0.0 1.0 0.1 1.1 0.2 1.2");
    }
}
