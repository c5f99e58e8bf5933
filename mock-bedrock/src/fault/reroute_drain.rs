//! Regions leave the cross-Region profiles.
//!
//! Imitates what AWS does when a destination is in trouble or full: the profile no longer sends calls there,
//! and the other destinations carry them. Calls to the endpoint of a drained Region itself go on as before.
//! While it lasts, a profile without any other destination has none. A Region is either in or out, so an
//! envelope counts as out from half its strength. Each look at a drained Region is a hit; quota is not
//! touched.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    FaultInfo, Names,
    kind::{Kind, Nature, Settings, Stage},
    rule::checks::Checks,
};
use crate::world::RegionId;

/// Regions leave the cross-Region profiles.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RerouteDrainSpec {
    /// One Region or a list.
    pub region: Names,
}

#[derive(Debug, Clone)]
pub(super) struct RerouteDrain {
    pub regions: Vec<RegionId>,
}

impl Settings for RerouteDrainSpec {
    type Kind = RerouteDrain;
    const INFO: FaultInfo = FaultInfo {
        name: "reroute_drain",
        summary: "a destination Region leaves the cross-Region profiles",
        stage: "routing",
        quota: "as without it",
        client_sees: "other serving Regions, and their delays",
        in_simulation: "as said",
        on_the_wire: "as said",
        example: "reroute_drain: { region: us-west-2 }",
    };

    fn resolve(&self, checks: &mut Checks<'_>) -> RerouteDrain {
        let on = &checks.selector;
        if !on.regions.is_empty() || !on.models.is_empty() {
            let hint = "remove `on`; the Regions that leave stand in `region`";
            checks.problem_of_rule(
                &["on"],
                "reroute_drain changes every profile, so it selects no calls",
                hint,
            );
        }
        RerouteDrain { regions: checks.regions(&["region"], &self.region) }
    }
}

impl Kind for RerouteDrain {
    fn nature(&self) -> Nature {
        Nature { scales: true, ..Nature::at(Stage::Routing) }
    }

    fn drains(&self, region: RegionId, intensity: f64) -> bool {
        intensity >= 0.5 && self.regions.contains(&region)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{
        Action,
        rule::envelope::Envelope,
        testing::{FROM, TO, faults, not_begun, rule},
    };

    #[test]
    fn only_the_named_region_leaves_and_only_within_the_window() {
        let mut faults = not_begun([rule(Action::RerouteDrain(RerouteDrain { regions: vec![RegionId(1)] }))]);
        for (at, region, drained) in
            [(FROM - 1, 1, false), (FROM, 1, true), (FROM, 0, false), (TO - 1, 1, true), (TO, 1, false)]
        {
            faults.advance(at);
            assert_eq!(faults.drained(at, RegionId(region)), drained, "Region {region} at {at}");
        }
        assert_eq!(faults.hits().next().expect("one rule").1.hit, 2);
    }

    #[test]
    fn a_rising_envelope_drains_from_half_its_strength() {
        let mut rule = rule(Action::RerouteDrain(RerouteDrain { regions: vec![RegionId(1)] }));
        rule.envelope = Envelope::Ramp { from: 0.0, to: 1.0, over: TO - FROM };
        let mut faults = faults([rule]);
        let middle = FROM + (TO - FROM) / 2;
        assert!(!faults.drained(middle - 1000, RegionId(1)));
        assert!(faults.drained(middle + 1000, RegionId(1)));
    }
}
