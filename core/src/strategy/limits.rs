//! Limits on attempts and requests, as written and as summed up.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::SpecProblem;
use crate::span;

/// Limits on one attempt, each from its sending (`idle` from the last sign of life). `None` waits for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Timeouts {
    /// Until a connection stands.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub connect: Option<Duration>,
    /// Until the first content.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub first_token: Option<Duration>,
    /// Silence on an open connection.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub idle: Option<Duration>,
    /// Until the last word.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub total: Option<Duration>,
    /// Of a stream after its first content. Set by a strategy that watches it, not by hand.
    #[serde(skip)]
    pub pace: Option<PaceLimit>,
}

/// The slowest that a stream may come: any stretch of `within` after its first token brings `tokens` more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PaceLimit {
    pub tokens: u32,
    pub within: Duration,
}

/// What becomes of a stream's content on its way to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StreamRules {
    /// How much of it is kept back at first, so that a break in it can still be retried unseen.
    pub hold_back: Option<HoldBack>,
    /// Whether its text is kept, so that another attempt can go on with it after a break.
    pub keeps_text: bool,
}

/// Content goes out once there are so many tokens of it, or so long after the first, whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldBack {
    pub tokens: Option<u32>,
    pub within: Option<Duration>,
}

impl Timeouts {
    /// Takes from `other` what is not set here.
    pub(super) fn or(self, other: Timeouts) -> Timeouts {
        Timeouts {
            connect: self.connect.or(other.connect),
            first_token: self.first_token.or(other.first_token),
            idle: self.idle.or(other.idle),
            total: self.total.or(other.total),
            pace: self.pace.or(other.pace),
        }
    }

    pub(super) fn problems(&self, strategy: &'static str) -> Vec<SpecProblem> {
        let named = [
            ("connect", self.connect),
            ("first_token", self.first_token),
            ("idle", self.idle),
            ("total", self.total),
        ];
        let zero = named.into_iter().filter(|(_, span)| span.is_some_and(|span| span.is_zero()));
        zero.map(|(key, _)| {
            SpecProblem::new(
                &[strategy, "timeouts", key],
                "a timeout of zero fails every attempt",
                "write a length of time such as \"10s\", or leave it out for no limit",
            )
        })
        .collect()
    }
}

/// The most that one request can cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorstCase {
    pub attempts: u32,
    /// Longest wall time from arrival to the last word; `None` if nothing bounds it.
    pub wall: Option<Duration>,
}

impl WorstCase {
    /// Every attempt runs into its total timeout, and every wait between them is as long as it can be.
    pub(super) fn of(attempts: u32, timeouts: &Timeouts, waits: Duration) -> WorstCase {
        let wall = timeouts.total.map(|total| total.saturating_mul(attempts).saturating_add(waits));
        WorstCase { attempts, wall }
    }
}
