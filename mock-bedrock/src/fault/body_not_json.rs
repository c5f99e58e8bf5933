//! Something that is not JSON comes under the content type of JSON.
//!
//! Imitates sidecars and load balancers that put their own words where an answer should be ("upstream connect error or
//! disconnect/reset before headers"), with the head as the client expects it. Under status 200 the AWS SDK for Rust cannot
//! read it, and boto3 takes it for an answer with nothing in it; under another one it is an error without a type. Nothing
//! reaches the service, so no quota is consumed.

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

/// Something that is not JSON comes under the content type of JSON.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyNotJsonSpec {
    /// Its status: 200, or from 400 to 599.
    #[serde(default = "usual")]
    pub status: u16,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

const fn usual() -> u16 {
    200
}

#[derive(Debug, Clone)]
pub(super) struct BodyNotJson {
    pub status: u16,
    pub share: f64,
}

impl Settings for BodyNotJsonSpec {
    type Kind = BodyNotJson;
    const INFO: FaultInfo = FaultInfo {
        name: "body_not_json",
        summary: "plain words come where JSON should be",
        stage: "proxy",
        quota: "none",
        client_sees: "an unreadable or an empty answer; under another status an error without a type",
        in_simulation: "a broken answer, or an error without name and text",
        on_the_wire: "plain words under that status and `application/json`",
        example: "body_not_json: { share: 10% }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> BodyNotJson {
        checks.status(self.status);
        BodyNotJson { status: self.status, share: checks.share(self.share) }
    }
}

impl Kind for BodyNotJson {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Proxy, self.share)
    }

    fn page(&mut self, _: &Chosen) -> Option<Page> {
        Some(Page { status: self.status, kind: PageKind::Words })
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
        let mut faults = faults([rule(Action::BodyNotJson(BodyNotJson { status: 502, share: 0.25 }))]);
        let got: Vec<Page> = (0..4000).filter_map(|n| faults.page(CALL, &subject(n))).collect();
        assert!((900..1100).contains(&got.len()), "{} of 4000", got.len());
        assert_eq!(got[0].status, 502);
    }
}
