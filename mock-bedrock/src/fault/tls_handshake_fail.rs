//! TLS is not agreed on: an alert ends the handshake.
//!
//! Imitates ends that share no version or cipher, or a terminator that lost its key. The client hears of it before it could
//! send anything; SDKs take it for an input/output error and try again. A handshake knows the Region's endpoint and no
//! call, so the selector can name Regions only. No quota is consumed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, HandshakeFault, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{units::Share};

/// TLS is not agreed on: an alert ends the handshake.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsHandshakeFailSpec {
    /// Why, in the protocol's words.
    pub alert: AlertKind,
    /// Share of connections; all, when not given.
    pub share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    #[default]
    HandshakeFailure,
    ProtocolVersion,
    InternalError,
    UnrecognizedName,
}

impl AlertKind {
    /// As registered for TLS.
    const fn number(self) -> u8 {
        match self {
            AlertKind::HandshakeFailure => 40,
            AlertKind::ProtocolVersion => 70,
            AlertKind::InternalError => 80,
            AlertKind::UnrecognizedName => 112,
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct TlsHandshakeFail {
    pub alert: AlertKind,
    pub share: f64,
}

impl Settings for TlsHandshakeFailSpec {
    type Kind = TlsHandshakeFail;
    const INFO: FaultInfo = FaultInfo {
        name: "tls_handshake_fail",
        summary: "TLS is not agreed on",
        stage: "handshake",
        quota: "none",
        client_sees: "an input/output error before anything was sent",
        in_simulation: "a connection that does not come about, a round trip later",
        on_the_wire: "the alert in answer to the client's hello; only with --tls",
        example: "tls_handshake_fail: { alert: handshake_failure, share: 20% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> TlsHandshakeFail {
        TlsHandshakeFail { alert: self.alert, share: checks.share(self.share) }
    }
}

impl Kind for TlsHandshakeFail {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Handshake, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InHandshake
    }

    fn handshake(&mut self, _: &Chosen) -> Option<HandshakeFault> {
        Some(HandshakeFault::Alert(self.alert.number()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, NetworkFault, Subject,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn an_alert_ends_it_and_a_simulated_call_never_connects() {
        let alert = AlertKind::ProtocolVersion;
        let mut faults = faults([rule(Action::TlsHandshakeFail(TlsHandshakeFail { alert, share: 1.0 }))]);
        assert_eq!(faults.handshake(CALL, &subject(1)), Some(HandshakeFault::Alert(70)));
        assert_eq!(faults.network(CALL, &subject(2)), Some(NetworkFault::Refuse));
        let line = Some(crate::engine::Line { age: 0, idle: None });
        assert_eq!(faults.network(CALL, &Subject { line, ..subject(3) }), None, "that handshake is over");
    }
}
