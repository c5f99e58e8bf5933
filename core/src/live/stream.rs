//! An answer while it is coming, in the caller's hands.

use std::{fmt, sync::Arc};

use tracing::Instrument;

use super::{
    attempt::{Ending, Flow},
    course::Flowing,
    error::RouteError,
    shell::Shell,
    spans::{AttemptSpan, RequestSpan},
    trail::Trail,
    transport::Transport,
};
use crate::{failure::AttemptEnd, flight::AttemptId, request::Usage};

/// An answer that is coming. Its first content is there; from now on it either ends whole or fails visibly.
///
/// Dropping it before its end gives the answer up, and the router settles what it cost.
pub struct AnswerStream<T: Transport> {
    shell: Arc<Shell>,
    attempt: AttemptId,
    span: RequestSpan,
    attempt_span: AttemptSpan,
    state: State<T>,
}

enum State<T: Transport> {
    /// The router may not have heard of the end yet.
    Coming(Box<Flow<T>>),
    /// The router has heard of the end, and the connection is given back.
    Over(Trail),
}

impl<T: Transport> AnswerStream<T> {
    pub(super) fn new(shell: Arc<Shell>, flowing: Flowing<T>) -> AnswerStream<T> {
        let Flowing { attempt, flow, span, attempt_span } = flowing;
        AnswerStream { shell, attempt, span, attempt_span, state: State::Coming(flow) }
    }

    /// The next event, `None` after the last, in the manner of the SDK's own receiver. What the SDK does not call an
    /// error is one here: a stream that ends without its end mark, and one that falls silent for longer than the
    /// strategy allows.
    pub async fn recv(&mut self) -> Result<Option<T::Part>, RouteError> {
        let State::Coming(flow) = &mut self.state else {
            return Ok(None);
        };
        if let Some(part) = flow.waiting.pop_front() {
            return Ok(Some(part));
        }
        if flow.ended {
            self.close(None);
            return Ok(None);
        }
        let span = self.attempt_span.span().clone();
        match flow.part().instrument(span).await {
            Ok(Some(part)) => Ok(Some(part)),
            Ok(None) => {
                let usage = flow.complete().unwrap_or_default();
                self.complete(usage);
                Ok(None)
            }
            Err(ending) => Err(self.broken(ending)),
        }
    }

    /// What was tried for this request, up to now.
    pub fn trail(&self) -> Trail {
        match &self.state {
            State::Over(trail) => trail.clone(),
            State::Coming(_) => self.shell.trail(self.attempt.flight),
        }
    }

    fn complete(&mut self, usage: Usage) {
        self.attempt_span.answered(usage);
        self.shell.ended(self.attempt, AttemptEnd::Complete(usage));
        self.close(None);
    }

    fn broken(&mut self, ending: Ending) -> RouteError {
        self.shell.ended(self.attempt, ending.as_end(true));
        let broken = ending.told_to(&self.attempt_span);
        let trail = self.close(broken.kind.as_deref());
        RouteError::new(trail, broken.source)
    }

    fn close(&mut self, error: Option<&str>) -> Trail {
        let trail = self.shell.leave(self.attempt.flight);
        self.span.finished(&trail, error);
        self.state = State::Over(trail.clone());
        trail
    }
}

impl<T: Transport> Drop for AnswerStream<T> {
    fn drop(&mut self) {
        let State::Coming(flow) = &self.state else {
            return;
        };
        match flow.complete() {
            _ if flow.ended => {}
            // A caller who stops reading behind the end mark has the whole answer.
            Some(usage) => return self.complete(usage),
            None => {
                self.attempt_span.cancelled();
                self.shell.caller_gone(self.attempt.flight);
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
