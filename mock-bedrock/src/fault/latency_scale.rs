//! Everything takes longer, or shorter, by a factor.
//!
//! Imitates a Region under load or a congested path: latency inflates for everybody, long before errors
//! begin. There is a factor for each part: `network` (the caller's round trip, of calls to a selected
//! Region), `prefill` (until the first token) and `decode` (between tokens; both of calls served in a
//! selected Region). The envelope scales the factors from 1 on. Rules compose: factors multiply, then delays
//! of other faults add. Quota is settled as without the fault.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, LatencyChange,
    kind::{Chosen, Kind, Nature, Place, Settings, Stage},
    rule::checks::Checks,
};
use crate::units::Share;

/// Everything takes longer, or shorter, by a factor for each part.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LatencyScaleSpec {
    /// On the round trip between caller and Region.
    pub network: Option<f64>,
    /// On the time to the first token.
    pub prefill: Option<f64>,
    /// On the time between tokens.
    pub decode: Option<f64>,
    /// Share of attempts; all, when not given.
    pub share: Option<Share>,
}

#[derive(Debug, Clone)]
pub(super) struct LatencyScale {
    pub network: f64,
    pub prefill: f64,
    pub decode: f64,
    pub share: f64,
}

impl Settings for LatencyScaleSpec {
    type Kind = LatencyScale;
    const INFO: FaultInfo = FaultInfo {
        name: "latency_scale",
        summary: "network, prefill or decode take longer by a factor",
        stage: "latency",
        quota: "as without it",
        client_sees: "slower answers",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "latency_scale: { prefill: 3, decode: 2 }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> LatencyScale {
        let parts = [("network", self.network), ("prefill", self.prefill), ("decode", self.decode)];
        if parts.iter().all(|(_, factor)| factor.is_none_or(|factor| factor == 1.0)) {
            checks.problem(&[], "changes nothing", "write such as prefill: 3, decode: 2");
        }
        let [network, prefill, decode] =
            parts.map(|(part, factor)| factor.map_or(1.0, |factor| checks.factor(&[part], factor)));
        LatencyScale { network, prefill, decode, share: checks.share(self.share) }
    }
}

impl Kind for LatencyScale {
    fn nature(&self) -> Nature {
        let place = match (self.network != 1.0, self.prefill != 1.0 || self.decode != 1.0) {
            (true, true) => Place::Either,
            (true, false) => Place::Endpoint,
            (false, _) => Place::Serving,
        };
        Nature { place, ..Nature::scaled(Stage::Latency, self.share) }
    }

    fn latency(&mut self, chosen: &Chosen) -> Option<LatencyChange> {
        let network = if chosen.at_endpoint { self.network } else { 1.0 };
        let (prefill, decode) = if chosen.at_serving { (self.prefill, self.decode) } else { (1.0, 1.0) };
        Some(LatencyChange {
            network: chosen.scaled(network),
            prefill: chosen.scaled(prefill),
            decode: chosen.scaled(decode),
            ..LatencyChange::NONE
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        fault::{
            Action, FaultRule, Subject,
            rule::envelope::Envelope,
            testing::{CALL, faults, named, subject},
        },
        world::RegionId,
    };

    fn scale(name: &str, network: f64, prefill: f64, decode: f64) -> FaultRule {
        named(name, Action::LatencyScale(LatencyScale { network, prefill, decode, share: 1.0 }))
    }

    fn change(network: f64, prefill: f64, decode: f64) -> LatencyChange {
        LatencyChange { network, prefill, decode, ..LatencyChange::NONE }
    }

    #[test]
    fn rules_multiply() {
        let mut faults = faults([scale("a", 1.0, 3.0, 2.0), scale("b", 4.0, 2.0, 1.0)]);
        assert_eq!(faults.latency(CALL, &subject(1)), change(4.0, 6.0, 2.0));
    }

    #[test]
    fn the_envelope_scales_the_factor_and_not_the_chance() {
        let mut rule = scale("a", 1.0, 3.0, 1.0);
        rule.envelope = Envelope::Steps(vec![(0, 0.25)]);
        let mut faults = faults([rule]);
        for request in 0..50 {
            assert_eq!(faults.latency(CALL, &subject(request)), change(1.0, 1.5, 1.0));
        }
    }

    #[test]
    fn the_network_belongs_to_the_called_region_and_the_rest_to_the_serving_one() {
        let mut rule = scale("a", 4.0, 3.0, 2.0);
        rule.selector.regions = vec![RegionId(1)];
        let mut faults = faults([rule]);
        for (region, serving, want) in [
            (1, 1, change(4.0, 3.0, 2.0)),
            (1, 0, change(4.0, 1.0, 1.0)),
            (0, 1, change(1.0, 3.0, 2.0)),
            (0, 0, LatencyChange::NONE),
        ] {
            let call = Subject { region: RegionId(region), serving: RegionId(serving), ..subject(1) };
            assert_eq!(faults.latency(CALL, &call), want, "called {region}, served {serving}");
        }
    }
}
