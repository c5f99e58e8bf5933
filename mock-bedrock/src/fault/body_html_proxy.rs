//! A proxy's page for people comes instead of JSON.
//!
//! Imitates gateways and middleboxes that answer for a service they cannot reach: a page in HTML, often under 502, 503 or
//! 504. It has no error type, so that clients know it by its status alone. Under status 200 the AWS SDK for Rust cannot read
//! it, and boto3 takes it for an answer with nothing in it. Nothing reaches the service, so no quota is consumed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    engine::{Page, PageKind},
    units::Share,
};

/// A proxy's page for people comes instead of JSON.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyHtmlProxySpec {
    /// Its status: 200, or from 400 to 599.
    #[serde(default = "usual")]
    pub status: u16,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

const fn usual() -> u16 {
    502
}

#[derive(Debug, Clone)]
pub(super) struct BodyHtmlProxy {
    pub status: u16,
    pub share: f64,
}

impl Settings for BodyHtmlProxySpec {
    type Kind = BodyHtmlProxy;
    const INFO: FaultInfo = FaultInfo {
        name: "body_html_proxy",
        summary: "a proxy's page in HTML comes instead of JSON",
        stage: "proxy",
        quota: "none",
        client_sees: "an error without a type, known by its status; under 200 an unreadable or an empty answer",
        in_simulation: "an error without name and text, or under 200 a broken answer",
        on_the_wire: "HTML under that status, with its content type and no AWS headers",
        example: "body_html_proxy: { status: 502, share: 10% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> BodyHtmlProxy {
        checks.status(self.status);
        BodyHtmlProxy { status: self.status, share: checks.share(self.share) }
    }
}

impl Kind for BodyHtmlProxy {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Proxy, self.share)
    }

    fn page(&mut self, _: &Chosen) -> Option<Page> {
        Some(Page { status: self.status, kind: PageKind::Html })
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
        let mut faults = faults([rule(Action::BodyHtmlProxy(BodyHtmlProxy { status: 502, share: 0.25 }))]);
        let got: Vec<Page> = (0..4000).filter_map(|n| faults.page(CALL, &subject(n))).collect();
        assert!((900..1100).contains(&got.len()), "{} of 4000", got.len());
        assert_eq!(got[0].status, 502);
    }
}
