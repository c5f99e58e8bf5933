//! One attempt, from sending to its first content or its end, and how its stream goes on after that.
//!
//! An attempt says to the machine what happened, and hands over what it holds. Whether that reaches the caller is
//! the machine's decision, which `course` carries out.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::Poll,
};

use tokio::time::Sleep;

use super::{
    kept::Kept,
    limits::Limits,
    shell::Shell,
    spans::{self, AttemptSpan},
    transport::{BoxError, Break, How, Meaning, Opening, Sending, Transport},
};
use crate::{
    failure::{AttemptEnd, Timer},
    flight::Content,
    request::Usage,
    span as length,
    strategy::{HoldBack, StreamRules, Timeouts},
};

/// What an attempt needs to fly.
pub(super) struct Mission<T: Transport> {
    pub(super) shell: Arc<Shell>,
    pub(super) transport: Arc<T>,
    pub(super) call: Arc<T::Call>,
    pub(super) span: AttemptSpan,
    pub(super) sending: Sending,
    pub(super) timeouts: Timeouts,
    pub(super) rules: StreamRules,
}

/// What an attempt holds when it has nothing more to do by itself.
pub(super) enum Landed<T: Transport> {
    /// A whole answer.
    Whole(T::Answer),
    /// A stream with content, or with its end.
    Flowing(Box<Flow<T>>),
    /// Nothing but the error that ended it.
    Broken(Broken),
}

/// What is left of an attempt that broke.
#[derive(Debug, Default)]
pub(super) struct Broken {
    /// Value of `error.type`.
    pub(super) kind: Option<String>,
    pub(super) source: Option<BoxError>,
}

/// An answer that is coming.
pub(super) struct Flow<T: Transport> {
    transport: Arc<T>,
    stream: T::Stream,
    limits: Limits,
    /// Came before the caller asked.
    pub(super) waiting: VecDeque<T::Part>,
    pub(super) ended: bool,
    end_mark: bool,
    usage: Usage,
    kept: Kept,
    /// Whether it goes on with what another attempt began.
    goes_on: bool,
}

/// What came next.
enum Next<P> {
    /// No part, if the caller should not see it.
    Part {
        part: Option<P>,
        content: bool,
    },
    Complete(Usage),
    Broken(Ending),
}

/// How a stream broke.
pub(super) enum Ending {
    Told(Break),
    TimedOut(Timer),
}

impl<T: Transport> Mission<T> {
    pub(super) async fn fly(self) -> Landed<T> {
        let mut limits = Limits::new(*self.shell.clock(), self.timeouts);
        match limits.keep(self.transport.open(self.sending.clone(), &self.call)).await {
            Err(timer) => self.broken(Ending::TimedOut(timer), None),
            Ok(Err(broken)) => self.broken(Ending::Told(broken), None),
            Ok(Ok(Opening::Whole { answer, usage })) => {
                self.complete(usage);
                Landed::Whole(answer)
            }
            Ok(Ok(Opening::Stream(stream))) => {
                self.shell.opened(self.sending.attempt);
                limits.sign_of_life(&Meaning::default());
                let flow = Flow::new(&self, stream, limits);
                self.await_content(flow).await
            }
        }
    }

    /// Holds back what comes before the first content, and behind it what the strategy wants held back: it commits
    /// nothing, so the caller must not see it yet.
    async fn await_content(self, mut flow: Flow<T>) -> Landed<T> {
        let attempt = self.sending.attempt;
        let hold_back = self.rules.hold_back.filter(|_| !flow.goes_on);
        let mut release: Option<Pin<Box<Sleep>>> = None;
        let mut begun = false;
        loop {
            match flow.next_before(&mut release).await {
                None => {
                    self.shell.released(attempt);
                    return Landed::Flowing(Box::new(flow));
                }
                Some(Next::Part { part, content }) => {
                    flow.waiting.extend(part);
                    if content && !begun {
                        begun = true;
                        self.shell.first_content(attempt);
                        release = hold_back.and_then(|rule| self.release(rule));
                    }
                    match hold_back {
                        None if begun => return Landed::Flowing(Box::new(flow)),
                        Some(rule) if begun && rule.tokens.is_some_and(|most| flow.kept.tokens() >= most) => {
                            self.shell.released(attempt);
                            return Landed::Flowing(Box::new(flow));
                        }
                        _ => {}
                    }
                }
                Some(Next::Complete(usage)) => {
                    self.complete(usage);
                    return Landed::Flowing(Box::new(flow));
                }
                Some(Next::Broken(ending)) => {
                    let content = flow.content();
                    return self.broken(ending, Some(content));
                }
            }
        }
    }

    /// When content that came now has been held back long enough.
    fn release(&self, rule: HoldBack) -> Option<Pin<Box<Sleep>>> {
        let clock = self.shell.clock();
        rule.within.map(|within| clock.alarm(clock.now().saturating_add(length::nanos(within))))
    }

    fn complete(&self, usage: Usage) {
        self.span.answered(usage);
        self.shell.ended(self.sending.attempt, AttemptEnd::Complete(usage));
    }

    /// `content` is what came of a stream.
    fn broken(&self, ending: Ending, content: Option<Content>) -> Landed<T> {
        let end = ending.as_end(content.is_some());
        self.shell.broke(self.sending.attempt, content.unwrap_or_default(), end);
        Landed::Broken(ending.told_to(&self.span))
    }
}

impl<T: Transport> Flow<T> {
    fn new(mission: &Mission<T>, stream: T::Stream, limits: Limits) -> Flow<T> {
        let transport = Arc::clone(&mission.transport);
        let keeps = mission.rules.keeps_text && transport.goes_on(&mission.call);
        let before = mission.sending.prefill.as_deref();
        Flow {
            kept: Kept::new(keeps, before),
            goes_on: before.is_some(),
            transport,
            stream,
            limits,
            waiting: VecDeque::new(),
            ended: false,
            end_mark: false,
            usage: Usage::default(),
        }
    }

    /// All that has come of it.
    pub(super) fn content(&self) -> Content {
        self.kept.content()
    }

    /// The answer so far, if it is text and was kept.
    pub(super) fn text(&self) -> Option<Arc<str>> {
        self.kept.text()
    }

    /// What comes next, unless the alarm rings first. What comes in the same instant goes before it.
    async fn next_before(&mut self, alarm: &mut Option<Pin<Box<Sleep>>>) -> Option<Next<T::Part>> {
        let mut next = pin!(self.next());
        poll_fn(|context| {
            if let Poll::Ready(next) = next.as_mut().poll(context) {
                return Poll::Ready(Some(next));
            }
            match alarm {
                Some(alarm) => alarm.as_mut().poll(context).map(|()| None),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// The next part for a caller that has seen content, or the end.
    pub(super) async fn part(&mut self) -> Result<Option<T::Part>, Ending> {
        loop {
            match self.next().await {
                Next::Part { part: None, .. } => {}
                Next::Part { part, .. } => return Ok(part),
                Next::Complete(_) => return Ok(None),
                Next::Broken(ending) => return Err(ending),
            }
        }
    }

    /// What the whole answer used, if its end mark has come.
    pub(super) fn complete(&self) -> Option<Usage> {
        self.end_mark.then_some(self.usage)
    }

    async fn next(&mut self) -> Next<T::Part> {
        let came = self.limits.keep(self.transport.next(&mut self.stream)).await;
        let ending = match came {
            Ok(Ok(Some(part))) => return self.came(part),
            // Both SDKs take this for success, whether the end mark came or not.
            Ok(Ok(None)) => Ending::Told(Break { how: How::Truncated, source: None }),
            Ok(Err(broken)) => Ending::Told(broken),
            Err(timer) => Ending::TimedOut(timer),
        };
        self.ended = true;
        // Behind its end mark an answer is whole, whatever becomes of the connection.
        match self.complete() {
            Some(usage) => Next::Complete(usage),
            None => Next::Broken(ending),
        }
    }

    fn came(&mut self, part: T::Part) -> Next<T::Part> {
        let meaning = self.transport.meaning(&part);
        self.end_mark |= meaning.end_mark;
        self.usage = meaning.usage.unwrap_or(self.usage);
        self.limits.sign_of_life(&meaning);
        let part = self.kept.came(&*self.transport, part, &meaning);
        Next::Part {
            part: Some(part).filter(|_| !(self.goes_on && meaning.opening)),
            content: meaning.content,
        }
    }
}

impl Ending {
    pub(super) fn as_end(&self, in_stream: bool) -> AttemptEnd<'_> {
        match self {
            Ending::Told(broken) => broken.as_end(in_stream),
            Ending::TimedOut(timer) => AttemptEnd::TimedOut(*timer),
        }
    }

    pub(super) fn told_to(self, span: &AttemptSpan) -> Broken {
        let kind = spans::error_type(&self);
        span.broken(&kind);
        let source = match self {
            Ending::Told(broken) => broken.source,
            Ending::TimedOut(_) => None,
        };
        Broken { kind: Some(kind), source }
    }
}
