//! A stream carries an exception after it began.
//!
//! Imitates failures that surface inside a stream: the status was 200 long ago, so status metrics and the
//! SDKs' retry loops see nothing, and failing over is up to the router. Only exceptions that the service
//! model declares as stream events can come: throttling, internal, unavailable, validation and model stream
//! errors, and ModelTimeoutException on InvokeModelWithResponseStream alone. After `after` tokens the event
//! comes and the stream ends; an answer with fewer tokens is missed. Calls that cannot carry the event, and
//! so all unary calls, are not rolled. The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    BodyFault, FaultInfo, Subject,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    dist::{Dist, Sampler},
    engine::Operation,
    exception::{Exception, ExceptionKind},
    units::{Share, Tokens},
};

/// A stream carries an exception after it began.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExceptionMidStreamSpec {
    pub error: ExceptionKind,
    /// How many tokens come first.
    pub after: Dist<Tokens>,
    /// Share of streams; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct ExceptionMidStream {
    pub error: ExceptionKind,
    pub after: Sampler,
    pub share: f64,
}

const IN_STREAMS: [ExceptionKind; 6] = [
    ExceptionKind::InternalServerException,
    ExceptionKind::ModelStreamErrorException,
    ExceptionKind::ModelTimeoutException,
    ExceptionKind::ServiceUnavailableException,
    ExceptionKind::ThrottlingException,
    ExceptionKind::ValidationException,
];

impl Settings for ExceptionMidStreamSpec {
    type Kind = ExceptionMidStream;
    const INFO: FaultInfo = FaultInfo {
        name: "exception_mid_stream",
        summary: "a stream carries an exception after it began",
        stage: "body",
        quota: "kept",
        client_sees: "a typed error after status 200 and partial text",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "exception_mid_stream: { error: ModelStreamErrorException, after: 20, share: 5% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ExceptionMidStream {
        if !IN_STREAMS.contains(&self.error) {
            let names: Vec<_> = IN_STREAMS.iter().map(|kind| kind.name()).collect();
            let message = format!("{} never comes inside a stream", self.error.name());
            checks.problem(&["error"], message, format!("write one of: {}", names.join(", ")));
        }
        ExceptionMidStream {
            error: self.error,
            after: checks.dist("after", &self.after),
            share: checks.share(self.share),
        }
    }
}

impl Kind for ExceptionMidStream {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Body, self.share)
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        match subject.operation {
            Operation::InvokeModelWithResponseStream => true,
            Operation::ConverseStream => self.error != ExceptionKind::ModelTimeoutException,
            Operation::Converse | Operation::InvokeModel => false,
        }
    }

    fn body(&mut self, chosen: &Chosen, tokens: u32) -> Option<BodyFault> {
        let after = chosen.position(&self.after, tokens)?;
        Some(BodyFault::Exception { after, exception: Exception::usual(self.error) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, FaultRule,
        testing::{CALL, body_table, faults, rule, subject},
    };

    fn carries(error: ExceptionKind) -> FaultRule {
        rule(Action::ExceptionMidStream(ExceptionMidStream {
            error,
            after: Sampler::Constant(20.0),
            share: 1.0,
        }))
    }

    #[test]
    fn streams_long_enough_carry_it_and_unary_calls_are_not_rolled() {
        let error = ExceptionKind::ThrottlingException;
        let carried = Some(BodyFault::Exception { after: 20, exception: Exception::usual(error) });
        let hits = body_table(
            &carries(error),
            &[("long", true, 100, carried), ("short", true, 19, None), ("unary", false, 100, None)],
        );
        assert_eq!((hits.rolled, hits.hit, hits.missed), (2, 1, 1));
    }

    #[test]
    fn a_model_timeout_comes_in_invoke_streams_only() {
        let mut faults = faults([carries(ExceptionKind::ModelTimeoutException)]);
        let invoke = Subject { operation: Operation::InvokeModelWithResponseStream, ..subject(1) };
        assert_eq!(faults.body(CALL, &subject(1), 100), None);
        assert!(faults.body(CALL, &invoke, 100).is_some());
    }
}
