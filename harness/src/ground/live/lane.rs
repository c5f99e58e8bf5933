//! A lane: a thread with a single-threaded runtime, a pacer and clients of its own. A request lives in one task
//! from its arrival to its end; no request ever moves to another thread.

use std::{
    io,
    panic::resume_unwind,
    sync::{Arc, atomic::Ordering},
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::oneshot;

use super::{
    agenda::Part,
    caller::Caller,
    crew::Crew,
    errand,
    pacer::{Inbox, PaceError, Pacer, Sink},
};
use crate::{load::Arrival, run::guard::Halt};

/// Before the first moment of the schedule a lane is ready, whether its connections stand or not.
const READY_BEFORE: Duration = Duration::from_millis(50);
/// How long a lane may take to let go of what is still open when it is stopped.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Tasks that run until the runtime looks for what the system has to tell: what is due waits so long on a busy lane.
const TASKS_BETWEEN_LOOKS: u32 = 8;

#[derive(Debug)]
pub struct Lane {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<Result<(), PaceError>>>,
}

impl Lane {
    pub fn start(part: Part, crew: Arc<Crew>, caller: Caller) -> io::Result<Lane> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .event_interval(TASKS_BETWEEN_LOOKS)
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let desk = Desk { crew, caller: Arc::new(caller), inbox: Arc::default() };
        let work = move || {
            let paced = runtime.block_on(serve(desk, part, stopped));
            runtime.shutdown_timeout(STOP_WITHIN);
            paced
        };
        let thread = std::thread::Builder::new().name(format!("lane-{}", part.lane)).spawn(work)?;
        Ok(Lane { stop: Some(stop), thread: Some(thread) })
    }

    /// Gives up what is still open, and says whether all of the schedule was sent.
    pub fn end(mut self) -> Result<(), PaceError> {
        self.join().unwrap_or_else(|panic| resume_unwind(panic))
    }

    fn join(&mut self) -> std::thread::Result<Result<(), PaceError>> {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        self.thread.take().map_or(Ok(Ok(())), JoinHandle::join)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let _ = self.join();
    }
}

async fn serve(mut desk: Desk, part: Part, mut stopped: oneshot::Receiver<()>) -> Result<(), PaceError> {
    let crew = Arc::clone(&desk.crew);
    let pacing = Pacing(&crew);
    let left = crew.clock.left_until(0).saturating_sub(READY_BEFORE);
    tokio::select! {
        biased;
        _ = &mut stopped => return Ok(()),
        // One that could not be had in time is opened by the first request that needs it.
        () = tokio::time::sleep(left) => {}
        () = desk.caller.warm() => {}
    }
    let paced = tokio::select! {
        biased;
        _ = &mut stopped => return Ok(()),
        paced = pace(&mut desk, part) => paced,
    };
    if let Err(error) = &paced {
        // What was sent may still end; nothing new is sent by any lane.
        crew.guard.stop(Halt::Broken(format!("stopped, because a lane cannot go on: {error}")));
    }
    drop(pacing);
    let _ = stopped.await;
    paced
}

async fn pace(desk: &mut Desk, part: Part) -> Result<(), PaceError> {
    let crew = Arc::clone(&desk.crew);
    let schedule = crew.traffic.arrivals(crew.luck);
    let pacer = Pacer::new(crew.clock, schedule, part, Arc::clone(&desk.inbox))?;
    pacer.run(|| crew.starter.iter().for_each(|mock| mock.begin()), desk).await
}

/// As long as it lasts, something new may be sent.
struct Pacing<'a>(&'a Crew);

impl Drop for Pacing<'_> {
    fn drop(&mut self) {
        self.0.counts.pacing.fetch_sub(1, Ordering::Release);
    }
}

/// Where arrivals become tasks of this lane.
struct Desk {
    crew: Arc<Crew>,
    caller: Arc<Caller>,
    inbox: Arc<Inbox>,
}

impl Sink for Desk {
    fn due(&mut self, arrival: Arrival) {
        if self.crew.admits(&arrival) {
            let Desk { crew, caller, inbox } = self;
            tokio::spawn(errand::run(Arc::clone(crew), Arc::clone(caller), Arc::clone(inbox), arrival));
        }
    }

    fn stopped(&self) -> bool {
        self.crew.guard.stopped()
    }

    fn may_follow(&self) -> bool {
        self.crew.may_follow()
    }
}
