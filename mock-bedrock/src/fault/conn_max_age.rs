//! The endpoint closes connections that are old, in order, behind an answer.
//!
//! Imitates fleets that let no connection live for long, so that clients spread over new machines: the head says
//! `Connection: close` and the connection ends with the body. A client loses nothing but the connection, and pays with a
//! handshake. The simulation has no connections, so only the server can show it. The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, Shows, Subject,
    kind::{Chosen, Kind, Nature, Place, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    Nanos,
    engine::Quirk,
    units::{Share, Span},
};

/// The endpoint closes connections that are old, in order, behind an answer.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnMaxAgeSpec {
    /// How old a connection must be.
    pub age: Span,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct ConnMaxAge {
    pub age: Nanos,
    pub share: f64,
}

impl Settings for ConnMaxAgeSpec {
    type Kind = ConnMaxAge;
    const INFO: FaultInfo = FaultInfo {
        name: "conn_max_age",
        summary: "old connections are closed in order behind an answer",
        stage: "wire",
        quota: "kept",
        client_sees: "a connection that ends with its answer, and a new handshake for the next one",
        in_simulation: "cannot be shown: there are no connections",
        on_the_wire: "`Connection: close` in the head, and the close",
        example: "conn_max_age: { age: 30s }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> ConnMaxAge {
        ConnMaxAge { age: self.age.0, share: checks.share(self.share) }
    }
}

impl Kind for ConnMaxAge {
    fn nature(&self) -> Nature {
        Nature { place: Place::Endpoint, ..Nature::by_chance(Stage::Wire, self.share) }
    }

    fn shows(&self) -> Shows {
        Shows::OnWire
    }

    fn concerns(&mut self, _: Nanos, subject: &Subject) -> bool {
        subject.line.is_some_and(|line| line.age >= self.age)
    }

    fn quirk(&mut self, _: &Chosen, tokens: Option<u32>) -> Option<Quirk> {
        tokens.map(|_| Quirk::Close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::Line,
        fault::{
            Action, Ground,
            testing::{CALL, SECOND, faults, rule, subject},
        },
    };

    #[test]
    fn an_old_connection_is_closed_and_a_young_one_is_not() {
        let rule = rule(Action::ConnMaxAge(ConnMaxAge { age: 30 * SECOND, share: 1.0 }));
        assert!(rule.obstacle(Ground::Simulation).is_some());
        let mut faults = faults([rule]);
        for (n, (age, closed)) in (0..).zip([(29, None), (30, Some(Quirk::Close))]) {
            let line = Some(Line { age: age * SECOND, idle: None });
            assert_eq!(faults.quirk(CALL, &Subject { line, ..subject(n) }, Some(9)), closed, "{age} s");
        }
    }
}
