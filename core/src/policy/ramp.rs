//! Give a target that is well again its traffic back little by little: what has just recovered has cold caches, and a
//! full load at once is what it may have broken down under.
//!
//! The ramp is a share of the choices in which the target takes part, whatever the selector: where it does not take
//! part, the others are chosen from. A target that is alone is not spared.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::seconds;
use crate::{Nanos, quantity::Share, span};

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RampSpec {
    /// Share of the choices in which it takes part at first.
    #[serde(default = "tenth")]
    pub from: Share,
    /// Time until it takes part in all of them.
    #[serde(default = "half_a_minute", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub over: Duration,
}

fn tenth() -> Share {
    Share(0.1)
}
fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

impl RampSpec {
    /// Whether there is anything to climb, and a first step on the way.
    pub fn climbs(&self) -> bool {
        self.from.0 > 0.0 && self.from.0 < 1.0 && !self.over.is_zero()
    }
}

#[derive(Debug, Clone)]
pub struct Ramp {
    spec: RampSpec,
    /// When the target was well again, or will be.
    since: Option<Nanos>,
}

impl Ramp {
    pub fn new(spec: &RampSpec) -> Ramp {
        Ramp { spec: *spec, since: None }
    }

    /// The target is well again from `at` on, which may still be to come.
    pub fn begin(&mut self, at: Nanos) {
        self.since = self.since.max(Some(at));
    }

    /// Share of the choices in which it takes part.
    pub fn share(&self, now: Nanos) -> f64 {
        let Some(since) = self.since else { return 1.0 };
        let climbed = seconds(since, now) / seconds(0, span::nanos(self.spec.over));
        (self.spec.from.0 + (1.0 - self.spec.from.0) * climbed).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::SECOND;

    fn ramp() -> Ramp {
        Ramp::new(&serde_json::from_str("{}").unwrap())
    }

    #[test]
    fn it_climbs_in_a_straight_line_from_a_tenth_to_the_whole_in_half_a_minute() {
        let mut one = ramp();
        assert_eq!(one.share(0), 1.0, "who was never ill is not on a ramp");
        one.begin(100 * SECOND);
        let table = [(90, 0.1), (100, 0.1), (110, 0.4), (115, 0.55), (130, 1.0), (500, 1.0)];
        for (second, share) in table {
            let found = one.share(second * SECOND);
            assert!((found - share).abs() < 1e-9, "after {second} s: {found}");
        }
    }

    #[test]
    fn who_fell_ill_on_the_way_up_starts_again() {
        let mut one = ramp();
        one.begin(0);
        assert!(one.share(15 * SECOND) > 0.5);
        one.begin(20 * SECOND);
        assert!((one.share(20 * SECOND) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn a_ramp_without_a_slope_is_refused() {
        let rows = [
            ("{}", true),
            (r#"{"from":"0%"}"#, false),
            (r#"{"from":"100%"}"#, false),
            (r#"{"over":"0s"}"#, false),
        ];
        for (written, fine) in rows {
            let spec: RampSpec = serde_json::from_str(written).unwrap();
            assert_eq!(spec.climbs(), fine, "{written}");
        }
    }

    proptest! {
        #[test]
        fn while_nothing_happens_it_only_climbs(begun in 0u64..100, steps in prop::collection::vec(0u64..9, 1..20)) {
            let mut one = ramp();
            one.begin(begun * SECOND);
            let (mut now, mut before) = (begun * SECOND, 0.0);
            for step in steps {
                now += step * SECOND;
                prop_assert!(one.share(now) >= before && one.share(now) <= 1.0);
                before = one.share(now);
            }
        }
    }
}
