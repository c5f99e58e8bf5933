//! Wakes tasks at absolute times, to some tens of microseconds where few wait and to a few hundred where many do.
//!
//! The runtime's own timers count in whole milliseconds and round up, which is as long as the gap between two tokens of
//! a fast model. One thread with a heap of deadlines waits for the earliest one instead, and wakes all that are due.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    future::Future,
    pin::Pin,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

use super::clock::instant;

/// Deadlines nearer than this are as good as past: waiting for them would take longer.
const SLACK_NS: u128 = 20_000;

/// The pause after each round of waking. What becomes due in it is woken together: each round costs several switches
/// between threads, which at thousands of tokens a second is more than writing them. A single stream never meets it,
/// since no model is so fast; a token comes at most so much later.
const REST: Duration = Duration::from_micros(200);

#[derive(Debug)]
struct Due {
    at: Instant,
    waker: Waker,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.at == other.at
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

#[derive(Debug, Default)]
struct Queue {
    due: BinaryHeap<Reverse<Due>>,
    closed: bool,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    earlier: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread and its heap. Dropping it ends the thread.
#[derive(Debug)]
pub struct Pacer(Arc<Shared>);

impl Pacer {
    pub fn start() -> std::io::Result<Pacer> {
        let shared = Arc::new(Shared::default());
        let own = shared.clone();
        thread::Builder::new().name("pacer".to_owned()).spawn(move || run(&own))?;
        Ok(Pacer(shared))
    }

    /// Wakes the task at a time. There is no taking back: a task that is woken for nothing finds nothing due.
    pub fn wake_at(&self, at: Instant, waker: Waker) {
        let mut queue = self.0.lock();
        let first = queue.due.peek().is_none_or(|Reverse(first)| at < first.at);
        queue.due.push(Reverse(Due { at, waker }));
        drop(queue);
        if first {
            self.0.earlier.notify_one();
        }
    }

    /// Ready at a time, at once if it is past, never for none.
    pub fn until(&self, at: Option<Instant>) -> Until<'_> {
        Until { pacer: self, at, asked: false }
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.0.lock().closed = true;
        self.0.earlier.notify_one();
    }
}

/// Whether a time has come, or is too near to wait for.
pub fn is_due(at: Instant) -> bool {
    is_due_by(at, instant())
}

/// The same for a time that was read before. Whoever is woken must ask this, and not whether the time is past: it wakes
/// as early as the slack allows, and no second time.
pub fn is_due_by(at: Instant, now: Instant) -> bool {
    at.saturating_duration_since(now).as_nanos() <= SLACK_NS
}

/// A future that is ready at a time.
#[derive(Debug)]
pub struct Until<'a> {
    pacer: &'a Pacer,
    at: Option<Instant>,
    asked: bool,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        if is_due(at) {
            return Poll::Ready(());
        }
        if !self.asked {
            self.asked = true;
            self.pacer.wake_at(at, cx.waker().clone());
        }
        Poll::Pending
    }
}

fn run(shared: &Shared) {
    let mut ready = Vec::new();
    let mut rested = instant();
    let mut queue = shared.lock();
    while !queue.closed {
        let next = queue.due.peek().map(|Reverse(first)| first.at.max(rested));
        let wait = next.map(|at| at.saturating_duration_since(instant()));
        queue = match wait {
            None => shared.earlier.wait(queue).unwrap_or_else(PoisonError::into_inner),
            Some(wait) if wait.as_nanos() > SLACK_NS => {
                shared.earlier.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0
            }
            Some(_) => {
                take_due(&mut queue, &mut ready);
                // Waking can take a while; whoever wants to wait need not.
                drop(queue);
                ready.drain(..).for_each(Waker::wake);
                rested = instant() + REST;
                shared.lock()
            }
        };
    }
}

fn take_due(queue: &mut Queue, ready: &mut Vec<Waker>) {
    while queue.due.peek().is_some_and(|Reverse(first)| is_due(first.at)) {
        ready.extend(queue.due.pop().map(|Reverse(due)| due.waker));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(test);
    }

    #[test]
    fn nobody_is_woken_early_and_the_earlier_deadline_goes_first() {
        block_on(async {
            let pacer = Pacer::start().expect("a thread");
            let start = instant();
            let (long, short) = (start + Duration::from_millis(30), start + Duration::from_millis(10));
            let order = Mutex::new(Vec::new());
            let wait = |at| {
                let (pacer, order) = (&pacer, &order);
                async move {
                    pacer.until(Some(at)).await;
                    assert!(is_due(at), "woken {:?} early", at - instant());
                    order.lock().expect("no panic").push(at);
                }
            };
            tokio::join!(wait(long), wait(short));
            assert_eq!(*order.lock().expect("no panic"), [short, long]);
        });
    }

    #[test]
    fn what_wakes_a_task_counts_as_due_for_it() {
        let now = instant();
        assert!(is_due_by(now + Duration::from_nanos(SLACK_NS as u64), now), "as early as it wakes");
        assert!(!is_due_by(now + Duration::from_nanos(SLACK_NS as u64 + 1), now));
        assert!(is_due_by(now, now + Duration::from_secs(1)));
    }

    #[test]
    fn what_is_past_needs_no_waiting_and_never_never_comes() {
        block_on(async {
            let pacer = Pacer::start().expect("a thread");
            pacer.until(Some(instant())).await;
            let mut never = std::pin::pin!(pacer.until(None));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(never.as_mut().poll(&mut cx).is_pending());
        });
    }
}
