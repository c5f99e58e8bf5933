//! One attempt, from sending to its first content or its end, and how its stream goes on after that.
//!
//! An attempt says to the machine what happened, and hands over what it holds. Whether that reaches the caller is
//! the machine's decision, which `course` carries out.

use std::{collections::VecDeque, sync::Arc};

use super::{
    limits::Limits,
    shell::Shell,
    spans::{self, AttemptSpan},
    transport::{BoxError, Break, How, Opening, Sending, Transport},
};
use crate::{
    failure::{AttemptEnd, Timer},
    request::Usage,
    strategy::Timeouts,
};

/// What an attempt needs to fly.
pub(super) struct Mission<T: Transport> {
    pub(super) shell: Arc<Shell>,
    pub(super) transport: Arc<T>,
    pub(super) call: Arc<T::Call>,
    pub(super) span: AttemptSpan,
    pub(super) sending: Sending,
    pub(super) timeouts: Timeouts,
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
}

/// What came next.
enum Next<P> {
    Part { part: P, content: bool },
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
        match limits.keep(self.transport.open(self.sending, &self.call)).await {
            Err(timer) => self.broken(Ending::TimedOut(timer), false),
            Ok(Err(broken)) => self.broken(Ending::Told(broken), false),
            Ok(Ok(Opening::Whole { answer, usage })) => {
                self.complete(usage);
                Landed::Whole(answer)
            }
            Ok(Ok(Opening::Stream(stream))) => {
                self.shell.opened(self.sending.attempt);
                limits.sign_of_life(false);
                let transport = Arc::clone(&self.transport);
                self.await_content(Flow::new(transport, stream, limits)).await
            }
        }
    }

    /// Holds back what comes before the first content: it commits nothing, so the caller must not see it yet.
    async fn await_content(self, mut flow: Flow<T>) -> Landed<T> {
        loop {
            match flow.next().await {
                Next::Part { part, content } => {
                    flow.waiting.push_back(part);
                    if content {
                        self.shell.first_content(self.sending.attempt);
                        return Landed::Flowing(Box::new(flow));
                    }
                }
                Next::Complete(usage) => {
                    self.complete(usage);
                    return Landed::Flowing(Box::new(flow));
                }
                Next::Broken(ending) => return self.broken(ending, true),
            }
        }
    }

    fn complete(&self, usage: Usage) {
        self.span.answered(usage);
        self.shell.ended(self.sending.attempt, AttemptEnd::Complete(usage));
    }

    fn broken(&self, ending: Ending, in_stream: bool) -> Landed<T> {
        self.shell.ended(self.sending.attempt, ending.as_end(in_stream));
        Landed::Broken(ending.told_to(&self.span))
    }
}

impl<T: Transport> Flow<T> {
    fn new(transport: Arc<T>, stream: T::Stream, limits: Limits) -> Flow<T> {
        Flow {
            transport,
            stream,
            limits,
            waiting: VecDeque::new(),
            ended: false,
            end_mark: false,
            usage: Usage::default(),
        }
    }

    /// The next part for a caller that has seen content, or the end.
    pub(super) async fn part(&mut self) -> Result<Option<T::Part>, Ending> {
        match self.next().await {
            Next::Part { part, .. } => Ok(Some(part)),
            Next::Complete(_) => Ok(None),
            Next::Broken(ending) => Err(ending),
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
        self.limits.sign_of_life(meaning.content);
        Next::Part { part, content: meaning.content }
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
