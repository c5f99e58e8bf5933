//! The endpoint shows a certificate that no careful client accepts.
//!
//! Imitates a certificate that was not renewed (`expired`), a terminator that answers for somebody else (`wrong_name`), and a
//! middlebox that signs with an authority of its own (`unknown_ca`). The client breaks off; trying again cannot help, but SDKs take it
//! for an input/output error and do. A handshake knows the Region's endpoint and no call, so the selector can name
//! Regions only. No quota is consumed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, HandshakeFault, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{units::Share};

/// The endpoint shows a certificate that no careful client accepts.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TlsBadCertificateSpec {
    pub why: BadCertificate,
    /// Share of connections; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BadCertificate {
    Expired,
    WrongName,
    UnknownCa,
}

#[derive(Debug, Clone)]
pub(super) struct TlsBadCertificate {
    pub why: BadCertificate,
    pub share: f64,
}

impl Settings for TlsBadCertificateSpec {
    type Kind = TlsBadCertificate;
    const INFO: FaultInfo = FaultInfo {
        name: "tls_bad_certificate",
        summary: "the endpoint's certificate is expired, for another name, or of an unknown authority",
        stage: "handshake",
        quota: "none",
        client_sees: "an input/output error before anything was sent",
        in_simulation: "a connection that does not come about, a round trip later",
        on_the_wire: "such a certificate; only with --tls",
        example: "tls_bad_certificate: { why: expired, share: 20% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> TlsBadCertificate {
        TlsBadCertificate { why: self.why, share: checks.share(self.share) }
    }
}

impl Kind for TlsBadCertificate {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Handshake, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::InHandshake
    }

    fn handshake(&mut self, _: &Chosen) -> Option<HandshakeFault> {
        Some(match self.why {
            BadCertificate::Expired => HandshakeFault::Expired,
            BadCertificate::WrongName => HandshakeFault::WrongName,
            BadCertificate::UnknownCa => HandshakeFault::UnknownAuthority,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, NetworkFault,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn each_reason_is_shown_and_a_simulated_call_never_connects() {
        for (why, fault) in [
            (BadCertificate::Expired, HandshakeFault::Expired),
            (BadCertificate::WrongName, HandshakeFault::WrongName),
            (BadCertificate::UnknownCa, HandshakeFault::UnknownAuthority),
        ] {
            let mut faults = faults([rule(Action::TlsBadCertificate(TlsBadCertificate { why, share: 1.0 }))]);
            assert_eq!(faults.handshake(CALL, &subject(1)), Some(fault));
            assert_eq!(faults.network(CALL, &subject(2)), Some(NetworkFault::Refuse));
        }
    }
}
