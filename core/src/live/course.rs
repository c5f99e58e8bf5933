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
    strategy::{StreamRules, Timeouts},
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
    pub(super) attempt_span: AttemptSpan,
    pub(super) asked: Asked<T>,
}

/// What a request is, whatever becomes of its attempts.
pub(super) struct Asked<T: Transport> {
    pub(super) shell: Arc<Shell>,
    pub(super) flight: FlightId,
    request: Request,
    transport: Arc<T>,
    call: Arc<T::Call>,
    pub(super) span: RequestSpan,
}

pub(super) struct Course<T: Transport> {
    asked: Asked<T>,
    /// What the caller has of an answer that broke, if it does.
    text: Option<Arc<str>>,
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
    let flight = shell.begin(request);
    let shell = Arc::clone(shell);
    Course::new(Asked { shell, flight, request, transport, call: Arc::new(call), span })
}

/// Has another attempt go on with an answer that broke in its caller's hands, if the machine wants that.
pub(super) fn mend<T: Transport>(asked: Asked<T>, text: Option<Arc<str>>, error: Broken) -> Course<T> {
    // Without a text, nobody is told to go on; the machine knows.
    let text = Some(text.unwrap_or_default());
    let mut course = Course::new(asked);
    (course.text, course.error) = (text, error);
    course
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
            let orders = course.asked.shell.orders(course.asked.flight, context.waker());
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

impl<T: Transport> Clone for Asked<T> {
    fn clone(&self) -> Asked<T> {
        Asked {
            shell: Arc::clone(&self.shell),
            flight: self.flight,
            request: self.request,
            transport: Arc::clone(&self.transport),
            call: Arc::clone(&self.call),
            span: self.span.clone(),
        }
    }
}

impl<T: Transport> Course<T> {
    fn new(asked: Asked<T>) -> Course<T> {
        Course {
            asked,
            text: None,
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
            self.asked.shell.wake(self.asked.flight);
        }
        rang
    }

    fn obey(&mut self, orders: Orders) {
        for command in orders.commands {
            match command {
                Command::Attempt { attempt, target, timeouts, max_tokens, rules, prefill } => {
                    let (request, connect) = (self.asked.request, timeouts.connect);
                    let prefill = self.text.clone().filter(|_| prefill.is_some());
                    if prefill.is_some() {
                        self.committed = Some(attempt.number);
                    }
                    let sending = Sending { attempt, request, target, connect, max_tokens, prefill };
                    self.send(sending, timeouts, rules);
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
            self.alarm = orders.wake_at.map(|at| self.asked.shell.clock().alarm(at));
        }
    }

    fn send(&mut self, sending: Sending, timeouts: Timeouts, rules: StreamRules) {
        let span = self.asked.span.attempt(&sending);
        let number = sending.attempt.number;
        let mission = Mission {
            shell: Arc::clone(&self.asked.shell),
            transport: Arc::clone(&self.asked.transport),
            call: Arc::clone(&self.asked.call),
            span: span.clone(),
            sending,
            timeouts,
            rules,
        };
        let work = Box::pin(mission.fly().instrument(span.span().clone()));
        self.attempts.push(InAir { number, span, work });
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
                // An attempt to go on that brought nothing is not how the answer broke.
                Landed::Broken(error) if self.text.is_none() => self.error = error,
                Landed::Broken(_) => {}
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
        let id = AttemptId { flight: self.asked.flight, number: attempt.number };
        Arrived::Flowing(Flowing { attempt: id, flow, attempt_span: attempt.span, asked: self.asked.clone() })
    }

    fn leave(&mut self, error: Option<&str>) -> Trail {
        self.over = true;
        let trail = self.asked.shell.leave(self.asked.flight);
        self.asked.span.finished(&trail, error);
        trail
    }
}

impl<T: Transport> Drop for Course<T> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.asked.shell.caller_gone(self.asked.flight);
        self.attempts.iter().for_each(|attempt| attempt.span.cancelled());
        self.leave(None);
    }
}
