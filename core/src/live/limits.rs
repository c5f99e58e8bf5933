//! An attempt's deadlines: first token, idle, pace and total, all on one alarm. The limit on connecting is the
//! transport's, which alone can see a connection.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use tokio::time::Sleep;

use super::{clock::Clock, pace::Pace, transport::Meaning};
use crate::{Nanos, failure::Timer, span, strategy::Timeouts};

#[derive(Debug)]
pub(super) struct Limits {
    clock: Clock,
    timeouts: Timeouts,
    sent: Nanos,
    /// The last sign of life.
    sign: Nanos,
    content: bool,
    pace: Option<Pace>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Limits {
    pub(super) fn new(clock: Clock, timeouts: Timeouts) -> Limits {
        let now = clock.now();
        let pace = timeouts.pace.map(Pace::new);
        Limits { clock, timeouts, sent: now, sign: now, content: false, pace, alarm: None }
    }

    /// The head came, or a part.
    pub(super) fn sign_of_life(&mut self, part: &Meaning) {
        self.content |= part.content;
        let paced = self.pace.as_mut().filter(|_| part.content);
        if self.timeouts.idle.is_none() && paced.is_none() {
            return;
        }
        self.sign = self.clock.now();
        if let Some(pace) = paced {
            pace.came(part.tokens, self.sign);
        }
    }

    /// Does the work, unless a limit is reached before. What comes in the same instant still counts.
    pub(super) async fn keep<F: Future>(&mut self, work: F) -> Result<F::Output, Timer> {
        let Some((at, timer)) = self.next() else {
            return Ok(work.await);
        };
        let mut work = pin!(work);
        let alarm = self.alarm(at);
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(done));
            }
            alarm.as_mut().poll(context).map(|()| Err(timer))
        })
        .await
    }

    fn alarm(&mut self, at: Nanos) -> &mut Pin<Box<Sleep>> {
        let deadline = self.clock.instant(at);
        let alarm = self.alarm.get_or_insert_with(|| self.clock.alarm(at));
        if alarm.deadline() != deadline {
            alarm.as_mut().reset(deadline);
        }
        alarm
    }

    /// The earliest limit; of equal ones the first named here.
    fn next(&self) -> Option<(Nanos, Timer)> {
        let after = |from: Nanos, limit: Option<Duration>, timer| {
            limit.map(|limit| (from.saturating_add(span::nanos(limit)), timer))
        };
        let first = self.timeouts.first_token.filter(|_| !self.content);
        [
            after(self.sent, self.timeouts.total, Timer::Total),
            after(self.sent, first, Timer::FirstToken),
            after(self.sign, self.timeouts.idle, Timer::Idle),
            self.pace.as_ref().and_then(Pace::ends).map(|at| (at, Timer::Pace)),
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }
}
