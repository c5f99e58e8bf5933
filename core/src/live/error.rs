//! What a caller gets instead of an answer.

use std::{error::Error, fmt};

use super::{trail::Trail, transport::BoxError};
use crate::{
    failure::Failure,
    flight::Outcome,
    strategy::{Reason, SpecProblem},
};

/// No answer came, or it broke off. [`RouteError::trail`] tells what was tried.
pub struct RouteError(Box<Parts>);

struct Parts {
    trail: Trail,
    source: Option<BoxError>,
}

impl RouteError {
    pub(super) fn new(trail: Trail, source: Option<BoxError>) -> RouteError {
        RouteError(Box::new(Parts { trail, source }))
    }

    /// How the last attempt failed; [`Failure::LocalReject`] if none was made.
    pub fn failure(&self) -> Failure {
        self.0.trail.failure().unwrap_or(Failure::LocalReject)
    }

    /// Why nothing more was tried.
    pub fn reason(&self) -> Option<Reason> {
        self.0.trail.end.map(|end| end.reason)
    }

    /// Whether the caller has seen a part of an answer that then broke off.
    pub fn is_broken(&self) -> bool {
        self.0.trail.end.is_some_and(|end| matches!(end.outcome, Outcome::Broken(_)))
    }

    /// Everything that was tried, and why.
    pub fn trail(&self) -> &Trail {
        &self.0.trail
    }

    /// The error of the last attempt as the SDK gave it, such as an `SdkError<ConverseError>`; `None` if a limit of
    /// the router ended it, or if it ended without its end mark.
    pub fn into_source(self) -> Option<BoxError> {
        self.0.source
    }
}

impl fmt::Display for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { trail, .. } = &*self.0;
        let what = if self.is_broken() { "the answer broke off" } else { "no answer" };
        let attempts = trail.attempts.len();
        let plural = if attempts == 1 { "" } else { "s" };
        write!(f, "{what} after {attempts} attempt{plural}: {}", self.failure().class().name())?;
        match self.reason() {
            Some(reason) => write!(f, " ({})", reason.meaning()),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for RouteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteError").field("trail", &self.0.trail).field("source", &self.0.source).finish()
    }
}

impl Error for RouteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// Why a router cannot be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There is nowhere to send to.
    #[error("the router has no target; add one with `target`")]
    NoTarget,
    /// The router does not know what to do.
    #[error("the router has no strategy; set one with `strategy`")]
    NoStrategy,
    /// Two targets share a name.
    #[error("target \"{0}\" is named twice")]
    NamedTwice(String),
    /// Settings of the strategy that cannot work.
    #[error("the strategy's settings cannot work: {}", list(.0))]
    Strategy(Vec<SpecProblem>),
    /// The strategy uses a target that was not added.
    #[error("the strategy uses a target that the router does not know: \"{0}\"")]
    UnknownTarget(String),
}

fn list(problems: &[SpecProblem]) -> String {
    let lines = problems
        .iter()
        .map(|problem| format!("{}: {}; {}", problem.path.join("."), problem.message, problem.hint));
    lines.collect::<Vec<_>>().join("; ")
}
