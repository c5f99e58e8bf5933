//! Who is turned away first when quota runs short: the last part of a quota is kept for those who matter most.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{quantity::Share, request::Priority};

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShedSpec {
    /// Requests that may be shed are, while more than this share of every pool is spent.
    #[serde(default = "early")]
    pub sheddable_above: Share,
    /// So are those of no special priority. Critical ones never are.
    #[serde(default = "late")]
    pub default_above: Share,
}

fn early() -> Share {
    Share(0.85)
}
fn late() -> Share {
    Share(0.95)
}

impl ShedSpec {
    /// Whether a request is turned away while this share of the quota is spent.
    pub fn drops(&self, priority: Priority, spent: f64) -> bool {
        match priority {
            Priority::Critical => false,
            Priority::Default => spent > self.default_above.0,
            Priority::Sheddable => spent > self.sheddable_above.0,
        }
    }

    /// Whether the thresholds are in order and can be reached.
    pub fn makes_sense(&self) -> bool {
        let (first, second) = (self.sheddable_above.0, self.default_above.0);
        first <= second && first > 0.0 && first < 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_less_a_request_matters_the_earlier_it_goes() {
        let shed: ShedSpec = serde_json::from_str("{}").unwrap();
        let rows = [
            (0.5, [false, false, false]),
            (0.85, [false, false, false]),
            (0.9, [false, false, true]),
            (0.95, [false, false, true]),
            (0.96, [false, true, true]),
            (1.0, [false, true, true]),
        ];
        for (spent, dropped) in rows {
            assert_eq!(Priority::ALL.map(|priority| shed.drops(priority, spent)), dropped, "{spent}");
        }
    }

    #[test]
    fn thresholds_stand_in_order_and_below_the_whole() {
        let sense = |text| serde_json::from_str::<ShedSpec>(text).unwrap().makes_sense();
        assert!(sense("{}"));
        assert!(sense(r#"{ "sheddable_above": "60%", "default_above": "100%" }"#));
        assert!(!sense(r#"{ "sheddable_above": "97%" }"#));
        assert!(!sense(r#"{ "sheddable_above": "0%" }"#));
        assert!(!sense(r#"{ "sheddable_above": "100%", "default_above": "100%" }"#));
    }
}
