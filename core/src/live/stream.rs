//! An answer while it is coming, in the caller's hands.

use std::fmt;

use tracing::Instrument;

use super::{
    attempt::{Ending, Flow},
    course::{self, Arrived, Asked, Course, Flowing},
    error::RouteError,
    spans::AttemptSpan,
    trail::Trail,
    transport::Transport,
};
use crate::{failure::AttemptEnd, flight::AttemptId, request::Usage};

/// An answer that is coming. Its first content is there; from now on it either ends whole or fails visibly. What a strategy has
/// another attempt go on with is still one answer: the seam does not show.
///
/// Dropping it before its end gives the answer up, and the router settles what it cost.
pub struct AnswerStream<T: Transport> {
    asked: Asked<T>,
    attempt: AttemptId,
    attempt_span: AttemptSpan,
    state: State<T>,
}

enum State<T: Transport> {
    /// The router may not have heard of the end yet.
    Coming(Box<Flow<T>>),
    /// It broke, and the router knows; it may have another attempt go on.
    Mending(Box<Course<T>>),
    /// The router has heard of the end, and the connection is given back.
    Over(Trail),
}

/// What the caller is told next.
type Told<P> = Result<Option<P>, RouteError>;

impl<T: Transport> AnswerStream<T> {
    pub(super) fn new(flowing: Flowing<T>) -> AnswerStream<T> {
        let Flowing { attempt, flow, attempt_span, asked } = flowing;
        AnswerStream { asked, attempt, attempt_span, state: State::Coming(flow) }
    }

    /// The next event, `None` after the last, in the manner of the SDK's own receiver. What the SDK does not call an
    /// error is one here: a stream that ends without its end mark, and one that falls silent for longer than the
    /// strategy allows. It is safe to drop the future and to call again.
    pub async fn recv(&mut self) -> Result<Option<T::Part>, RouteError> {
        loop {
            let told = match &self.state {
                State::Coming(_) => self.coming().await,
                State::Mending(_) => self.mending().await,
                State::Over(_) => Some(Ok(None)),
            };
            if let Some(told) = told {
                return told;
            }
        }
    }

    /// What was tried for this request, up to now.
    pub fn trail(&self) -> Trail {
        match &self.state {
            State::Over(trail) => trail.clone(),
            State::Coming(_) | State::Mending(_) => self.asked.shell.trail(self.attempt.flight),
        }
    }

    /// The next part; nothing if the stream broke, which may not be the end.
    async fn coming(&mut self) -> Option<Told<T::Part>> {
        let State::Coming(flow) = &mut self.state else { return None };
        if let Some(part) = flow.waiting.pop_front() {
            return Some(Ok(Some(part)));
        }
        if flow.ended {
            self.close(None);
            return Some(Ok(None));
        }
        let span = self.attempt_span.span().clone();
        match flow.part().instrument(span).await {
            Ok(Some(part)) => Some(Ok(Some(part))),
            Ok(None) => {
                let usage = flow.complete().unwrap_or_default();
                self.complete(usage);
                Some(Ok(None))
            }
            Err(ending) => {
                self.broken(ending);
                None
            }
        }
    }

    /// Nothing once somebody goes on with the answer; else how it broke.
    async fn mending(&mut self) -> Option<Told<T::Part>> {
        let State::Mending(course) = &mut self.state else { return None };
        match course.await {
            Arrived::Flowing(Flowing { attempt, flow, attempt_span, .. }) => {
                (self.attempt, self.attempt_span) = (attempt, attempt_span);
                self.state = State::Coming(flow);
                None
            }
            Arrived::Failed { trail, error } => {
                self.state = State::Over(trail.clone());
                Some(Err(RouteError::new(trail, error.source)))
            }
            Arrived::Whole { .. } => unreachable!("a stream's transport never gives a whole answer"),
        }
    }

    fn complete(&mut self, usage: Usage) {
        self.attempt_span.answered(usage);
        self.asked.shell.ended(self.attempt, AttemptEnd::Complete(usage));
        self.close(None);
    }

    fn broken(&mut self, ending: Ending) {
        let State::Coming(flow) = &self.state else { return };
        let (content, text) = (flow.content(), flow.text());
        self.asked.shell.broke(self.attempt, content, ending.as_end(true));
        let error = ending.told_to(&self.attempt_span);
        self.state = State::Mending(Box::new(course::mend(self.asked.clone(), text, error)));
    }

    fn close(&mut self, error: Option<&str>) {
        let trail = self.asked.shell.leave(self.attempt.flight);
        self.asked.span.finished(&trail, error);
        self.state = State::Over(trail);
    }
}

impl<T: Transport> Drop for AnswerStream<T> {
    fn drop(&mut self) {
        // What is being mended knows by itself how to leave.
        let State::Coming(flow) = &self.state else {
            return;
        };
        match flow.complete() {
            _ if flow.ended => {}
            // A caller who stops reading behind the end mark has the whole answer.
            Some(usage) => return self.complete(usage),
            None => {
                self.attempt_span.cancelled();
                self.asked.shell.caller_gone(self.attempt.flight);
            }
        }
        self.close(None);
    }
}

impl<T: Transport> fmt::Debug for AnswerStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerStream").field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
