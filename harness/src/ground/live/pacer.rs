//! The pacer of a lane: it sleeps until an arrival is due, hands it over, and never waits for anything else. Times are
//! absolute and never moved: after a stall the arrivals that were missed go out at once, each with its own time.
//!
//! It shares the lane's thread, so that an arrival is sent by the thread that woke for it. A thread of its own would be no more
//! punctual, since what it hands over waits for the lane, and each hand-over would wake a second processor. Spinning at the
//! end gains ten microseconds and costs up to a core, so it does not spin.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use richter_core::live::Clock;
use tokio::sync::Notify;

use super::{
    agenda::{Agenda, Part},
    alarm::Alarm,
};
use crate::load::{Arrival, Schedule, TraceError};

/// How long it sleeps at most without looking whether it shall stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum PaceError {
    #[error(transparent)]
    Trace(#[from] TraceError),
    #[error("no timer can be had: {0}")]
    Timer(#[from] io::Error),
}

/// Arrivals that follow from ended requests, on their way to the pacer.
#[derive(Debug, Default)]
pub struct Inbox {
    later: Mutex<Vec<Arrival>>,
    news: Notify,
}

impl Inbox {
    pub fn put(&self, arrival: Arrival) {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
        self.news.notify_one();
    }

    fn take(&self) -> Vec<Arrival> {
        std::mem::take(&mut *self.later.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_empty(&self) -> bool {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// What the pacer does with what is due.
pub trait Sink {
    /// The arrival is due now.
    fn due(&mut self, arrival: Arrival);
    /// Whether nothing more shall be handed over.
    fn stopped(&self) -> bool;
    /// Whether arrivals may still follow from requests that are open. Asked when none is scheduled any more.
    fn may_follow(&self) -> bool;
}

#[derive(Debug)]
pub struct Pacer {
    clock: Clock,
    agenda: Agenda,
    inbox: Arc<Inbox>,
    alarm: Alarm,
}

impl Pacer {
    /// It needs a runtime about it.
    pub fn new(clock: Clock, schedule: Schedule, part: Part, inbox: Arc<Inbox>) -> Result<Pacer, PaceError> {
        Ok(Pacer { clock, agenda: Agenda::new(schedule, part)?, inbox, alarm: Alarm::new()? })
    }

    /// Runs to the end of the schedule; `at_zero` is called when its time begins.
    pub async fn run(mut self, at_zero: impl FnOnce(), sink: &mut impl Sink) -> Result<(), PaceError> {
        while self.clock.now() == 0 {
            if sink.stopped() {
                return Ok(());
            }
            self.sleep(self.clock.left_until(1)).await?;
        }
        at_zero();
        while !sink.stopped() {
            self.inbox.take().into_iter().for_each(|arrival| self.agenda.follow(arrival));
            while let Some(arrival) = self.agenda.take_due(self.clock.now())? {
                sink.due(arrival);
                if sink.stopped() {
                    return Ok(());
                }
            }
            let left = match self.agenda.next_at() {
                Some(at) => self.clock.left_until(at),
                // The last one to end puts what follows into the inbox before it is counted as ended.
                None if !sink.may_follow() && self.inbox.is_empty() => break,
                None => LOOK_EVERY,
            };
            self.sleep(left).await?;
        }
        Ok(())
    }

    /// For so long at most; shorter when something is to be looked at first.
    async fn sleep(&mut self, left: Duration) -> io::Result<()> {
        tokio::select! {
            biased;
            () = self.inbox.news.notified() => Ok(()),
            rang = self.alarm.rings_in(left.min(LOOK_EVERY)) => rang,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use richter_mock_bedrock::{Nanos, luck::Luck};

    use super::*;
    use crate::scenario::{load_text, plan::Plan};

    struct Taken {
        all: Vec<(Nanos, Nanos)>,
        clock: Clock,
        inbox: Arc<Inbox>,
        follow: Option<Arrival>,
        stop_after: usize,
    }

    impl Sink for Taken {
        fn due(&mut self, arrival: Arrival) {
            self.all.push((arrival.at, self.clock.now()));
            if let Some(follow) = self.follow.take() {
                self.inbox.put(Arrival { at: arrival.at + 1_500_000, ..follow });
            }
        }

        fn stopped(&self) -> bool {
            self.all.len() >= self.stop_after
        }

        fn may_follow(&self) -> bool {
            false
        }
    }

    const TEXT: &str = "version: 1
name: pacing
question: When?
targets: { east: { on_demand: { region: us-east-1, model: m } } }
world: { regions: { us-east-1: {} }, models: { m: { first_token: 100ms, per_token: 5ms, max_output: 100 } } }
traffic:
  mix: { ask: { share: 100%, api: converse, input: 7, output: 1 } }
  phases: [{ name: all, for: 100ms, rate: 200/s, arrivals: constant }]
strategies: { only: { direct: { target: east } } }
";

    /// Twenty arrivals in a tenth of a second.
    pub fn plan() -> Plan {
        let checked = load_text("pacing.yaml", TEXT, Path::new(""));
        checked.map_err(|problems| problems.to_string()).expect("it is sound").plan
    }

    async fn run(follow: bool, stop_after: usize) -> Vec<(Nanos, Nanos)> {
        let plan = plan();
        let clock = Clock::starting_in(Duration::from_millis(5));
        let inbox = Arc::new(Inbox::default());
        let mut schedule = plan.traffic.arrivals(Luck::new(1, 0));
        let first = schedule.next().expect("one").expect("read");
        let pacer = Pacer::new(clock, plan.traffic.arrivals(Luck::new(1, 0)), Part::ALL, Arc::clone(&inbox));
        let mut sink = Taken { all: Vec::new(), clock, inbox, follow: follow.then_some(first), stop_after };
        let paced = pacer.expect("a timer").run(|| (), &mut sink).await;
        paced.expect("no trace is read");
        sink.all
    }

    #[tokio::test]
    async fn every_arrival_comes_in_order_and_never_before_its_time() {
        let plain = run(false, usize::MAX).await;
        assert_eq!(plain.len(), 20);
        let followed = run(true, usize::MAX).await;
        assert_eq!(followed.len(), 21);
        for all in [plain, followed] {
            assert!(all.iter().all(|(due, at)| at >= due), "{all:?}");
            assert!(all.is_sorted_by_key(|(due, _)| *due), "{all:?}");
        }
        assert_eq!(run(false, 3).await.len(), 3, "it stops when it is told to");
    }
}
