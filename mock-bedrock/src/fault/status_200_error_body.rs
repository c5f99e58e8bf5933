//! An error comes under status 200.
//!
//! Imitates gateways that wrap whatever they got into a 200, and services whose status was sent before the error was known.
//! The body is an error object with its `__type`; a client that goes by the status takes it for an answer, and finds nothing
//! in it that an answer has. Nothing is done, no quota is consumed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    engine::{Page, PageKind},
    exception::{Exception, ExceptionKind},
    units::Share,
};

/// An error comes under status 200.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status200ErrorBodySpec {
    /// What is in the body.
    #[serde(default = "usual")]
    pub error: ExceptionKind,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

const fn usual() -> ExceptionKind {
    ExceptionKind::InternalServerException
}

#[derive(Debug, Clone)]
pub(super) struct Status200ErrorBody {
    pub error: ExceptionKind,
    pub share: f64,
}

impl Settings for Status200ErrorBodySpec {
    type Kind = Status200ErrorBody;
    const INFO: FaultInfo = FaultInfo {
        name: "status_200_error_body",
        summary: "an error object comes under status 200",
        stage: "proxy",
        quota: "none",
        client_sees: "an answer without what answers have",
        in_simulation: "a broken answer",
        on_the_wire: "the error's object under status 200",
        example: "status_200_error_body: { error: ThrottlingException, share: 10% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> Status200ErrorBody {
        Status200ErrorBody { error: self.error, share: checks.share(self.share) }
    }
}

impl Kind for Status200ErrorBody {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Proxy, self.share)
    }

    fn page(&mut self, _: &Chosen) -> Option<Page> {
        Some(Page { status: 200, kind: PageKind::Error(Exception::usual(self.error)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn its_share_of_attempts_gets_it() {
        let mut faults = faults([rule(Action::Status200ErrorBody(Status200ErrorBody { error: ExceptionKind::InternalServerException, share: 0.25 }))]);
        let got: Vec<Page> = (0..4000).filter_map(|n| faults.page(CALL, &subject(n))).collect();
        assert!((900..1100).contains(&got.len()), "{} of 4000", got.len());
        assert_eq!(got[0].status, 200);
    }
}
