//! Fail over only after quick failures: who has waited long for a failure is told of it, not made to wait again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Nanos, span};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FastFailSpec {
    /// Of the attempt's sending.
    #[serde(default = "three_seconds", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub within: Duration,
}

fn three_seconds() -> Duration {
    Duration::from_secs(3)
}

impl FastFailSpec {
    /// Whether a failure came too late to be worth another attempt.
    pub fn surfaces(&self, sent: Nanos, failed: Nanos) -> bool {
        failed.saturating_sub(sent) > span::nanos(self.within)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SECOND;

    #[test]
    fn a_failure_that_came_late_surfaces() {
        let fast: FastFailSpec = serde_json::from_str("{}").unwrap();
        for (sent, failed, surfaces) in
            [(0, SECOND, false), (0, 3 * SECOND, false), (0, 3 * SECOND + 1, true), (9, 8, false)]
        {
            assert_eq!(fast.surfaces(sent, failed), surfaces, "{sent} to {failed}");
        }
    }
}
