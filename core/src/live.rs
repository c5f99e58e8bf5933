//! The live router: the same state machine that the simulation drives, behind an async shell on tokio, calling Amazon
//! Bedrock through the AWS SDK.
//!
//! The shell is thin. It tells the machine what happens, does what the machine says, waits where it must wait, and
//! decides nothing. All of one request lives in its caller's own future: dropping the future gives its attempts up and
//! settles them.
//!
//! * [`Router`] is what a service embeds: it takes the SDK's own inputs and gives the SDK's own outputs.
//! * [`LeanRouter`] is the same with a client of our own, which costs less.
//! * [`Shell`] is the same without the SDK: any [`Transport`] may carry the attempts. Tests use it, and other grounds.
//!
//! Start reading at `course`, which is one request in the air; `shell` holds the machine.

#![warn(missing_docs)]

mod attempt;
mod bedrock;
mod clock;
mod course;
mod dice;
mod error;
mod kept;
mod lean;
mod limits;
mod names;
mod pace;
mod shell;
mod spans;
mod stream;
mod trail;
mod transport;

pub use bedrock::{
    Builder, ConverseAnswer, Hints, InvokeAnswer, Router, Trust, http_client, of_profile, operations,
};
pub use clock::Clock;
pub use dice::MakeDice;
pub use error::{BuildError, RouteError};
pub use lean::{
    Exception, Lean, LeanAnswer, LeanCall, LeanPart, LeanRouter, NotConnected, connector as lean_connector,
};
pub use names::{Column, Names, Rows};
pub use shell::{Shell, ShellParts};
pub use stream::AnswerStream;
pub use trail::{Decided, Trail, TrailEnd, Tried};
pub use transport::{BoxError, Break, How, Meaning, Opening, Refusal, Sending, Transport};

use std::sync::Arc;

use crate::request::Request;

/// An answer, and what it took to get it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered<T> {
    /// What the service answered.
    pub output: T,
    /// What was tried.
    pub trail: Trail,
}

/// What came of a request: all of its answer, or the beginning.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is made once for a request, and taken apart at once")]
pub enum Carried<T: Transport> {
    /// The whole answer.
    Whole(Answered<T::Answer>),
    /// An answer that is coming.
    Stream(AnswerStream<T>),
}

impl Shell {
    /// Carries one request to its answer. `model` is what the caller asked for, if the call names a model; only the
    /// request's span wants to know.
    pub async fn carry<T: Transport>(
        self: &Arc<Self>,
        transport: Arc<T>,
        call: T::Call,
        request: Request,
        model: Option<&str>,
    ) -> Result<Carried<T>, RouteError> {
        let span = self.spans().request(&request, model);
        match course::begin(self, transport, call, request, span).await {
            course::Arrived::Whole { answer, trail } => {
                Ok(Carried::Whole(Answered { output: answer, trail }))
            }
            course::Arrived::Flowing(flowing) => Ok(Carried::Stream(AnswerStream::new(flowing))),
            course::Arrived::Failed { trail, error } => Err(RouteError::new(trail, error.source)),
        }
    }
}
