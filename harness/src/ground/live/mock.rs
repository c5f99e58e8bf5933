//! The mock as a server in this process: its own thread and runtime, the scenario's world and faults, and an engine that
//! can be asked.

use std::{io, sync::mpsc, thread::JoinHandle};

use richter_core::request::Usage;
use richter_mock_bedrock::{
    Nanos, SpecProblem,
    engine::Engine,
    luck::Luck,
    server::{self, Running, Settings, clock::StartBy, works::Done},
    world::{RegionId, RouteId, World},
};
use tokio::sync::oneshot;

use crate::{ground::served, record::tape::Made, scenario::plan::Plan};

/// Calls whose work is kept until the recorder takes it, a hundred times a second.
const WORKS_MAX: usize = 1 << 17;

#[derive(Debug, thiserror::Error)]
pub enum MockError {
    #[error("the mock cannot be started: {0}")]
    Start(#[from] io::Error),
    #[error("the mock cannot serve this scenario: {0}")]
    World(String),
}

/// A mock server under way. Dropping it stops it.
#[derive(Debug)]
pub struct Mock {
    running: std::sync::Arc<Running>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Mock {
    /// Starts one in which time has not begun.
    pub fn start(plan: &Plan, replication: u32) -> Result<Mock, MockError> {
        let settings = served::settings(plan).map_err(|problems| MockError::World(told(&problems)))?;
        let settings = Settings {
            luck: Luck::new(plan.seed, replication),
            start: StartBy::Signal,
            records_max: 0,
            works_max: WORKS_MAX,
            ..settings
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let (tell, started) = mpsc::sync_channel(1);
        let work = move || {
            runtime.block_on(async {
                let running = server::start(settings).await.map(std::sync::Arc::new);
                let kept = running.as_ref().ok().cloned();
                // Whoever waits for it hears of a failure as well.
                let _ = tell.send(running);
                if kept.is_some() {
                    let _ = stopped.await;
                }
            });
        };
        let thread = std::thread::Builder::new().name("mock-bedrock".to_owned()).spawn(work)?;
        let gone = || io::Error::other("its thread ended");
        let running = started.recv().map_err(|_| gone())??;
        Ok(Mock { running, stop: Some(stop), thread: Some(thread) })
    }

    pub fn url(&self) -> String {
        self.running.base_url()
    }

    /// Whose account it is.
    pub fn account(&self) -> &str {
        self.running.account()
    }

    /// Whether records or points of metrics are still on their way into its log groups and metrics.
    pub fn still_logs(&self) -> bool {
        self.running.still_logs()
    }

    /// What lets its time run.
    pub fn starter(&self) -> Starter {
        Starter(std::sync::Arc::clone(&self.running))
    }

    pub fn look<T>(&self, at: impl FnOnce(Nanos, &mut Engine) -> T) -> T {
        self.running.look(at)
    }

    /// What it made since the last time, in the plan's terms, and how many it forgot.
    pub fn made(&self, translation: &Translation) -> (Vec<Made>, u64) {
        let (done, lost) = self.running.works();
        (done.iter().map(|done| translation.made(done)).collect(), lost)
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn told(problems: &[SpecProblem]) -> String {
    let texts = problems.iter().map(|problem| format!("{}; {}", problem.message, problem.hint));
    texts.collect::<Vec<_>>().join("; ")
}

/// Begins a mock's time, from any thread; the first to do so counts.
#[derive(Debug)]
pub struct Starter(std::sync::Arc<Running>);

impl Starter {
    pub fn url(&self) -> String {
        self.0.base_url()
    }

    pub fn begin(&self) {
        self.0.begin();
    }
}

/// From the places in the server's world, which is wider, to those in the plan's.
#[derive(Debug)]
pub struct Translation {
    regions: Vec<Option<u16>>,
    routes: Vec<u16>,
}

impl Translation {
    pub fn new(plan: &World, server: &World) -> Translation {
        let region = |place: u16| {
            let name = server.region_name(RegionId(place));
            places(plan.regions()).find(|place| plan.region_name(RegionId(*place)) == name)
        };
        let facts = |world: &World, place: u16| {
            let region = world.region_name(world.route_region(RouteId(place))).to_owned();
            (region, world.route_id(RouteId(place)).to_owned())
        };
        let route = |place: u16| {
            // The plan's targets are the first ways in of both.
            let same = (usize::from(place) < plan.routes()).then_some(place);
            let same = same.filter(|place| facts(plan, *place) == facts(server, *place));
            let found = || places(plan.routes()).find(|ours| facts(plan, *ours) == facts(server, place));
            same.or_else(found).unwrap_or(0)
        };
        Translation {
            regions: places(server.regions()).map(region).collect(),
            routes: places(server.routes()).map(route).collect(),
        }
    }

    fn made(&self, done: &Done) -> Made {
        let Done { request, attempt, prompt, output_tokens, stops_early, .. } = *done;
        Made {
            request,
            attempt,
            route: self.routes.get(usize::from(done.route.0)).copied().unwrap_or(0),
            region: self.regions.get(usize::from(done.region.0)).copied().flatten(),
            input: Usage {
                input: prompt.input,
                output: 0,
                cache_read: prompt.cache_read,
                cache_write: prompt.cache_write,
            },
            output_tokens,
            stops_early,
        }
    }
}

fn places(count: usize) -> impl Iterator<Item = u16> {
    (0..count).filter_map(|place| u16::try_from(place).ok())
}
