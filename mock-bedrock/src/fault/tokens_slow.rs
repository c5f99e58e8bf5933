//! Tokens come slower; the first is on time.
//!
//! Imitates decoding on overloaded machines: answers begin as usual and then drag on, which no first-token
//! metric shows. The gap between tokens grows by the factor, and with it the whole of a unary answer; the
//! envelope scales it from 1 on. Rules compose by multiplying. Quota is settled as without the fault, only
//! later.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, LatencyChange,
    kind::{Chosen, Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::units::Share;

/// Tokens come slower.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokensSlowSpec {
    /// On the time between tokens.
    pub factor: f64,
    /// Share of attempts; all, when not given.
    #[serde(default)]
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct TokensSlow {
    pub factor: f64,
    pub share: f64,
}

impl Settings for TokensSlowSpec {
    type Kind = TokensSlow;
    const INFO: FaultInfo = FaultInfo {
        name: "tokens_slow",
        summary: "tokens come slower by a factor",
        stage: "latency",
        quota: "as without it, reserved for longer",
        client_sees: "a slow stream after a normal start",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "tokens_slow: { factor: 4 }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> TokensSlow {
        TokensSlow { factor: checks.factor(&["factor"], self.factor), share: checks.share(self.share) }
    }
}

impl Kind for TokensSlow {
    fn nature(&self) -> Nature {
        Nature::scaled(Stage::Latency, self.share)
    }

    fn latency(&mut self, chosen: &Chosen) -> Option<LatencyChange> {
        Some(LatencyChange { decode: chosen.scaled(self.factor), ..LatencyChange::NONE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        rule::envelope::Envelope,
        testing::{CALL, faults, rule, subject},
    };

    #[test]
    fn only_decoding_slows_down_and_the_envelope_scales_by_how_much() {
        let mut half = rule(Action::TokensSlow(TokensSlow { factor: 5.0, share: 1.0 }));
        half.envelope = Envelope::Steps(vec![(0, 0.5)]);
        let mut faults = faults([half]);
        let change = faults.latency(CALL, &subject(1));
        assert_eq!(change, LatencyChange { decode: 3.0, ..LatencyChange::NONE });
    }
}
