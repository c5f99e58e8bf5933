//! Calls are denied for want of access.
//!
//! Imitates the classic surprise of a failover: the account was never given the model, or a policy denies it,
//! in the Region that traffic moves to. The answer is AccessDeniedException (403) at the speed of a round
//! trip, before any quota is looked at. The selector means the Region that is called.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::{
    exception::{Exception, ExceptionKind},
    units::Share,
};

/// Calls are denied for want of access.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessDeniedSpec {
    /// Share of attempts; all, when not given.
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct AccessDenied {
    pub share: f64,
}

impl Settings for AccessDeniedSpec {
    type Kind = AccessDenied;
    const INFO: FaultInfo = FaultInfo {
        name: "access_denied",
        summary: "the account lacks access to a model or a Region",
        stage: "auth",
        quota: "none",
        client_sees: "AccessDeniedException (403)",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "access_denied: {}",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> AccessDenied {
        AccessDenied { share: checks.share(self.share) }
    }
}

impl Kind for AccessDenied {
    fn nature(&self) -> Nature {
        Nature::by_chance(Stage::Auth, self.share)
    }

    fn exception(&mut self, _: &Chosen) -> Option<Exception> {
        Some(Exception::usual(ExceptionKind::AccessDeniedException))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fault::{
            Action, Subject,
            testing::{CALL, faults, rule, subject},
        },
        world::ModelId,
    };

    #[test]
    fn only_the_selected_model_is_denied() {
        let mut rule = rule(Action::AccessDenied(AccessDenied { share: 1.0 }));
        rule.selector.models = vec![ModelId(0)];
        let mut faults = faults([rule]);
        let denied = faults.auth(CALL, &subject(1)).expect("the model is selected");
        assert_eq!(denied.kind, ExceptionKind::AccessDeniedException);
        assert!(denied.message.contains("access to the model"), "{}", denied.message);
        assert_eq!(faults.auth(CALL, &Subject { model: ModelId(1), ..subject(1) }), None);
    }
}
