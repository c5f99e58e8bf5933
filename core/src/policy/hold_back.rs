//! Keep the beginning of a stream back for a moment: a break in what the caller has not seen yet can be retried unseen.
//!
//! The price is a later first token, by as long as it takes until so much content is there.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{span, strategy::HoldBack};

/// Content goes out at the first of the two that is reached, and at the end of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldBackSpec {
    /// Once there are so many tokens.
    #[serde(default)]
    pub tokens: Option<u32>,
    /// So long after the first one.
    #[serde(default, deserialize_with = "span::optional", rename = "for")]
    #[schemars(schema_with = "span::schema")]
    pub within: Option<Duration>,
}

impl HoldBackSpec {
    /// What is wrong with it, and what to write.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        let nothing = self.tokens.is_some_and(|tokens| tokens < 2);
        if nothing || self.within.is_some_and(|within| within.is_zero()) {
            return Some(("this keeps nothing back", "write `tokens` from 2 on, or `for` above zero"));
        }
        let endless = self.tokens.is_none() && self.within.is_none();
        endless.then_some(("whole answers are kept back", "write `tokens: 20`, `for: 500ms`, or both"))
    }

    pub const fn rule(&self) -> HoldBack {
        HoldBack { tokens: self.tokens, within: self.within }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_nothing_or_everything_back_is_refused() {
        let rows = [
            (r#"{"tokens":20}"#, true),
            (r#"{"for":"300ms"}"#, true),
            (r#"{"tokens":2,"for":"300ms"}"#, true),
            ("{}", false),
            (r#"{"tokens":1}"#, false),
            (r#"{"tokens":9,"for":"0s"}"#, false),
        ];
        for (written, fine) in rows {
            let spec: HoldBackSpec = serde_json::from_str(written).unwrap();
            assert_eq!(spec.problem().is_none(), fine, "{written}");
        }
    }
}
