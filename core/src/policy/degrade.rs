//! Less output rather than none: a request whose reservation does not fit asks for as much as does.

use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DegradeSpec {
    /// Never fewer output tokens than this.
    #[serde(default = "quarter_thousand")]
    pub floor: u32,
}

fn quarter_thousand() -> u32 {
    256
}

impl DegradeSpec {
    /// The `max_tokens` that fits into what is left of a quota, if that is less than what would be asked for and not
    /// below the floor.
    pub fn fitting(&self, left: f64, input: u32, asked: u32) -> Option<u32> {
        let fits = (left - f64::from(input)).max(0.0) as u32;
        (self.floor..asked).contains(&fits).then_some(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_asked_for_between_the_floor_and_what_was_wanted() {
        let degrade: DegradeSpec = serde_json::from_str("{}").unwrap();
        let rows = [
            (5_000.0, 100, 4_096, None),
            (4_196.0, 100, 4_096, None),
            (2_000.9, 100, 4_096, Some(1_900)),
            (356.0, 100, 4_096, Some(256)),
            (355.9, 100, 4_096, None),
            (50.0, 100, 4_096, None),
            (f64::INFINITY, 100, 4_096, None),
            (2_000.0, 100, 200, None),
        ];
        for (left, input, asked, expected) in rows {
            assert_eq!(degrade.fitting(left, input, asked), expected, "{left} left, {asked} asked");
        }
    }
}
