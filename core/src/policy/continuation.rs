//! Go on with an answer that broke off: another attempt gets what the caller has seen as the beginning of its own answer,
//! and writes on from there.
//!
//! The whole prompt is paid for again, and there is a seam in the text that nobody can check. So it is for plain text
//! only: no tools, no schema, no reasoning; and only for models that take such a beginning, which many newer ones do
//! not (`lacks` tells of them).

use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContinueSpec {
    /// Attempts to go on with one answer; `retry.attempts_max` counts them, too.
    #[serde(default = "one")]
    pub max: u32,
}

fn one() -> u32 {
    1
}

impl ContinueSpec {
    /// Whether one more attempt may go on with an answer that so many have gone on with.
    pub const fn allows(&self, before: u32) -> bool {
        before < self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_gone_on_with_once_unless_more_is_written() {
        let once: ContinueSpec = serde_json::from_str("{}").unwrap();
        assert_eq!([0, 1].map(|before| once.allows(before)), [true, false]);
        assert!(ContinueSpec { max: 2 }.allows(1));
    }
}
