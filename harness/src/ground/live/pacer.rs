//! The pacing thread: it sleeps until an arrival is due, hands it over, and never waits for anything else. Times are
//! absolute and never moved: after a stall the arrivals that were missed go out at once, each with its own time.
//!
//! A thread with its timer slack turned down wakes within tens of microseconds; a runtime's timers would round up to
//! a millisecond. Spinning at the end gains ten microseconds more and costs up to a core, so it does not spin.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{Arc, Mutex, PoisonError},
    thread::Thread,
    time::Duration,
};

use richter_core::live::Clock;
use richter_mock_bedrock::Nanos;

use crate::load::{Arrival, Schedule, TraceError};

/// How long it sleeps at most without looking whether it shall stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Arrivals that follow from ended requests, on their way to the pacer.
#[derive(Debug, Default)]
pub struct Inbox {
    later: Mutex<Vec<Arrival>>,
    pacer: Mutex<Option<Thread>>,
}

impl Inbox {
    pub fn put(&self, arrival: Arrival) {
        self.later.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
        self.wake();
    }

    pub fn wake(&self) {
        if let Some(pacer) = &*self.pacer.lock().unwrap_or_else(PoisonError::into_inner) {
            pacer.unpark();
        }
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
    schedule: Schedule,
    inbox: Arc<Inbox>,
    /// By time, then by number.
    follow_ups: BinaryHeap<Reverse<(Nanos, u64, Place)>>,
    kept: Vec<Option<Arrival>>,
}

/// Index into the kept arrivals.
type Place = usize;

impl Pacer {
    pub fn new(clock: Clock, schedule: Schedule, inbox: Arc<Inbox>) -> Pacer {
        Pacer { clock, schedule, inbox, follow_ups: BinaryHeap::new(), kept: Vec::new() }
    }

    /// Runs to the end of the schedule; `at_zero` is called when its time begins.
    pub fn run(mut self, at_zero: impl FnOnce(), sink: &mut impl Sink) -> Result<(), TraceError> {
        *self.inbox.pacer.lock().unwrap_or_else(PoisonError::into_inner) = Some(std::thread::current());
        be_punctual();
        self.sleep_until(0, sink);
        while self.clock.now() == 0 {
            std::hint::spin_loop();
        }
        at_zero();
        let mut next = self.schedule.next().transpose()?;
        while !sink.stopped() {
            self.collect();
            let scheduled = next.map(|arrival| arrival.at);
            let following = self.follow_ups.peek().map(|Reverse((at, ..))| *at);
            let Some(at) = earliest(scheduled, following) else {
                // The last one to end puts what follows into the inbox before it is counted as ended.
                if !sink.may_follow() && !self.something_came() {
                    break;
                }
                if !self.something_came() {
                    std::thread::park_timeout(LOOK_EVERY);
                }
                continue;
            };
            if !self.sleep_until(at, sink) {
                continue;
            }
            if following.is_some_and(|follows| scheduled.is_none_or(|scheduled| follows <= scheduled)) {
                if let Some(arrival) = self.pop() {
                    sink.due(arrival);
                }
            } else if let Some(arrival) = next.take() {
                sink.due(arrival);
                next = self.schedule.next().transpose()?;
            }
        }
        Ok(())
    }

    fn collect(&mut self) {
        let later = std::mem::take(&mut *self.inbox.later.lock().unwrap_or_else(PoisonError::into_inner));
        for arrival in later {
            self.follow_ups.push(Reverse((arrival.at, arrival.number, self.kept.len())));
            self.kept.push(Some(arrival));
        }
    }

    fn something_came(&self) -> bool {
        !self.inbox.later.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn pop(&mut self) -> Option<Arrival> {
        let Reverse((.., place)) = self.follow_ups.pop()?;
        let arrival = self.kept[place].take();
        if self.follow_ups.is_empty() {
            self.kept.clear();
        }
        arrival
    }

    /// Whether the time has come; `false` when something else is to be looked at first.
    fn sleep_until(&self, at: Nanos, sink: &impl Sink) -> bool {
        loop {
            let left = self.clock.left_until(at);
            if left.is_zero() {
                return true;
            }
            std::thread::park_timeout(left.min(LOOK_EVERY));
            if sink.stopped() || self.something_came() {
                return self.clock.left_until(at).is_zero();
            }
        }
    }
}

fn earliest(a: Option<Nanos>, b: Option<Nanos>) -> Option<Nanos> {
    a.into_iter().chain(b).min()
}

/// Lets the system wake this thread when it asked to be woken, and not up to 50 microseconds later.
fn be_punctual() {
    #[cfg(target_os = "linux")]
    {
        // Where it is not allowed the run is a little less punctual, which its own check sees.
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use richter_mock_bedrock::luck::Luck;

    use super::*;
    use crate::scenario::load_text;

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

    fn run(follow: bool, stop_after: usize) -> Vec<(Nanos, Nanos)> {
        let checked = load_text("pacing.yaml", TEXT, Path::new(""));
        let plan = checked.map_err(|problems| problems.to_string()).expect("it is sound").plan;
        let clock = Clock::starting_in(Duration::from_millis(5));
        let inbox = Arc::new(Inbox::default());
        let mut schedule = plan.traffic.arrivals(Luck::new(1, 0));
        let first = schedule.next().expect("one").expect("read");
        let pacer = Pacer::new(clock, plan.traffic.arrivals(Luck::new(1, 0)), Arc::clone(&inbox));
        let mut sink = Taken { all: Vec::new(), clock, inbox, follow: follow.then_some(first), stop_after };
        pacer.run(|| (), &mut sink).expect("no trace is read");
        sink.all
    }

    #[test]
    fn every_arrival_comes_in_order_and_never_before_its_time() {
        let plain = run(false, usize::MAX);
        assert_eq!(plain.len(), 20);
        let followed = run(true, usize::MAX);
        assert_eq!(followed.len(), 21);
        for all in [plain, followed] {
            assert!(all.iter().all(|(due, at)| at >= due), "{all:?}");
            assert!(all.is_sorted_by_key(|(due, _)| *due), "{all:?}");
        }
        assert_eq!(run(false, 3).len(), 3, "it stops when it is told to");
    }
}
