//! An answer comes under a content type that is not its own.
//!
//! Imitates gateways that label everything alike. The bytes are an answer's, and the AWS SDKs read them without looking at the
//! label; clients that go by it fail. No outcome changes for those that the simulation imitates, so only the server can show it.
//! The quota is kept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, Shows,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{engine::Quirk, units::Share};

/// An answer comes under a content type that is not its own.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrongContentTypeSpec {
    /// What it says it is.
    #[serde(default = "usual")]
    pub says: String,
    /// Share of answers; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

fn usual() -> String {
    "text/plain".to_owned()
}

fn plausible(text: &str) -> bool {
    text.contains('/') && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

#[derive(Debug, Clone)]
pub(super) struct WrongContentType {
    pub says: String,
    pub share: f64,
}

impl Settings for WrongContentTypeSpec {
    type Kind = WrongContentType;
    const INFO: FaultInfo = FaultInfo {
        name: "wrong_content_type",
        summary: "an answer comes under a wrong content type",
        stage: "wire",
        quota: "kept",
        client_sees: "nothing, unless it goes by the label",
        in_simulation: "cannot be shown: nothing changes but the label",
        on_the_wire: "that `Content-Type`",
        example: "wrong_content_type: { says: text/plain }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> WrongContentType {
        if !plausible(&self.says) {
            let message = format!("\"{}\" is no content type", self.says);
            checks.problem(&["says"], message, "write such as text/plain");
        }
        WrongContentType { says: self.says.clone(), share: checks.share(self.share) }
    }
}

impl Kind for WrongContentType {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Wire, self.share)
    }

    fn shows(&self) -> Shows {
        Shows::OnWire
    }

    fn quirk(&mut self, _: &Chosen, tokens: Option<u32>) -> Option<Quirk> {
        tokens.map(|_| Quirk::ContentType(self.says.clone().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action, Ground,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn answers_are_labelled_and_errors_are_not() {
        let says = "text/plain".to_owned();
        let rule = rule(Action::WrongContentType(WrongContentType { says, share: 1.0 }));
        assert!(rule.obstacle(Ground::Simulation).is_some());
        let mut faults = faults([rule]);
        assert_eq!(faults.quirk(CALL, &subject(1), Some(3)), Some(Quirk::ContentType("text/plain".into())));
        assert_eq!(faults.quirk(CALL, &subject(2), None), None);
    }

    #[test]
    fn what_cannot_stand_in_a_head_is_no_content_type() {
        for (text, good) in [("text/plain; charset=utf-8", true), ("", false), ("a\nb/c", false), ("text", false)] {
            assert_eq!(plausible(text), good, "{text:?}");
        }
    }
}
