//! One request in the air: its attempts, its alarm, and the commands that the machine gives for it, carried out in
//! their order. All of it lives in the caller's own future, so that dropping the future is leaving: every attempt is
//! given up, and the machine hears of it.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::time::Sleep;
use tracing::Instrument;

use super::{
    attempt::{Broken, Flow, Landed, Mission},
    shell::{Orders, Shell},
    spans::{AttemptSpan, RequestSpan},
    trail::Trail,
    transport::{Sending, Transport},
};
use crate::{
    Nanos,
    flight::{AttemptId, Command, FlightId},
    request::Request,
    strategy::Timeouts,
};

/// How a flight ended, or got so far that its caller takes over.
pub(super) enum Arrived<T: Transport> {
    Whole { answer: T::Answer, trail: Trail },
    Flowing(Flowing<T>),
    Failed { trail: Trail, error: Broken },
}

/// The answer that its caller gets while it is coming.
pub(super) struct Flowing<T: Transport> {
    pub(super) attempt: AttemptId,
    pub(super) flow: Box<Flow<T>>,
    pub(super) span: RequestSpan,
    pub(super) attempt_span: AttemptSpan,
}

pub(super) struct Course<T: Transport> {
    shell: Arc<Shell>,
    flight: FlightId,
    request: Request,
    transport: Arc<T>,
    call: Arc<T::Call>,
    span: RequestSpan,
    /// Given up in the order of this list when the caller leaves.
    attempts: Vec<InAir<T>>,
    /// What an attempt brought, until the machine has said what becomes of it.
    landed: Vec<(InAir<T>, Landed<T>)>,
    committed: Option<u32>,
    finished: bool,
    wake_at: Option<Nanos>,
    alarm: Option<Pin<Box<Sleep>>>,
    error: Broken,
    /// Whether the flight is out of these hands.
    over: bool,
}

struct InAir<T: Transport> {
    number: u32,
    span: AttemptSpan,
    work: Pin<Box<dyn Future<Output = Landed<T>> + Send>>,
}

/// Sends the request on its way.
pub(super) fn begin<T: Transport>(
    shell: &Arc<Shell>,
    transport: Arc<T>,
    call: T::Call,
    request: Request,
    span: RequestSpan,
) -> Course<T> {
    Course {
        flight: shell.begin(request),
        shell: Arc::clone(shell),
        request,
        transport,
        call: Arc::new(call),
        span,
        attempts: Vec::new(),
        landed: Vec::new(),
        committed: None,
        finished: false,
        wake_at: None,
        alarm: None,
        error: Broken::default(),
        over: false,
    }
}

/// Nothing in it is pinned by its place.
impl<T: Transport> Unpin for Course<T> {}

impl<T: Transport> Future for Course<T> {
    type Output = Arrived<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Arrived<T>> {
        let course = &mut *self;
        loop {
            let landed = course.poll_attempts(context);
            let woken = course.poll_alarm(context);
            let orders = course.shell.orders(course.flight, context.waker());
            let same = orders.commands.is_empty() && orders.wake_at == course.wake_at;
            course.obey(orders);
            if let Some(arrived) = course.arrived() {
                return Poll::Ready(arrived);
            }
            if same && !landed && !woken {
                return Poll::Pending;
            }
        }
    }
}

impl<T: Transport> Course<T> {
    /// Whether one of them has nothing more to do.
    fn poll_attempts(&mut self, context: &mut Context<'_>) -> bool {
        let mut place = 0;
        let before = self.landed.len();
        while place < self.attempts.len() {
            match self.attempts[place].work.as_mut().poll(context) {
                Poll::Pending => place += 1,
                Poll::Ready(landed) => {
                    let attempt = self.attempts.remove(place);
                    self.landed.push((attempt, landed));
                }
            }
        }
        self.landed.len() > before
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> bool {
        let Some(alarm) = &mut self.alarm else {
            return false;
        };
        let rang = alarm.as_mut().poll(context).is_ready();
        if rang {
            (self.alarm, self.wake_at) = (None, None);
            self.shell.wake(self.flight);
        }
        rang
    }

    fn obey(&mut self, orders: Orders) {
        for command in orders.commands {
            match command {
                Command::Attempt { attempt, target, timeouts, max_tokens } => {
                    let (request, connect) = (self.request, timeouts.connect);
                    self.send(Sending { attempt, request, target, connect, max_tokens }, timeouts);
                }
                Command::Cancel { attempt } => self.cancel(attempt.number),
                Command::Commit { attempt } => self.committed = Some(attempt.number),
                Command::Finish { .. } => self.finished = true,
                // The shell sorts these out.
                Command::WakeAt { .. } => {}
            }
        }
        if orders.wake_at != self.wake_at {
            self.wake_at = orders.wake_at;
            self.alarm = orders.wake_at.map(|at| self.shell.clock().alarm(at));
        }
    }

    fn send(&mut self, sending: Sending, timeouts: Timeouts) {
        let span = self.span.attempt(&sending);
        let mission = Mission {
            shell: Arc::clone(&self.shell),
            transport: Arc::clone(&self.transport),
            call: Arc::clone(&self.call),
            span: span.clone(),
            sending,
            timeouts,
        };
        let work = Box::pin(mission.fly().instrument(span.span().clone()));
        self.attempts.push(InAir { number: sending.attempt.number, span, work });
    }

    fn cancel(&mut self, number: u32) {
        if let Some(place) = self.attempts.iter().position(|attempt| attempt.number == number) {
            self.attempts.remove(place).span.cancelled();
        }
    }

    /// What has come of the request, once the machine has decided on everything that landed.
    fn arrived(&mut self) -> Option<Arrived<T>> {
        let mut arrived = None;
        for (attempt, landed) in std::mem::take(&mut self.landed) {
            let ours = self.committed == Some(attempt.number);
            match landed {
                Landed::Broken(error) => self.error = error,
                Landed::Whole(answer) if ours => arrived = Some(self.whole(answer)),
                Landed::Flowing(flow) if ours => arrived = Some(self.flowing(attempt, flow)),
                // The strategy could not use it, or another was faster.
                Landed::Whole(_) | Landed::Flowing(_) => {}
            }
        }
        if arrived.is_none() && self.finished {
            let error = std::mem::take(&mut self.error);
            let trail = self.leave(error.kind.as_deref());
            arrived = Some(Arrived::Failed { trail, error });
        }
        arrived
    }

    fn whole(&mut self, answer: T::Answer) -> Arrived<T> {
        Arrived::Whole { answer, trail: self.leave(None) }
    }

    fn flowing(&mut self, attempt: InAir<T>, flow: Box<Flow<T>>) -> Arrived<T> {
        self.over = true;
        let id = AttemptId { flight: self.flight, number: attempt.number };
        let span = self.span.clone();
        Arrived::Flowing(Flowing { attempt: id, flow, span, attempt_span: attempt.span })
    }

    fn leave(&mut self, error: Option<&str>) -> Trail {
        self.over = true;
        let trail = self.shell.leave(self.flight);
        self.span.finished(&trail, error);
        trail
    }
}

impl<T: Transport> Drop for Course<T> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.shell.caller_gone(self.flight);
        self.attempts.iter().for_each(|attempt| attempt.span.cancelled());
        self.leave(None);
    }
}
