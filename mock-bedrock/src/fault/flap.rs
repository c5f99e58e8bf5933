//! Any other fault, on and off in turn: a link or a Region that comes back just long enough to be trusted
//! again.
//!
//! Imitates the flapping of incident reports, which defeats health checks that need a run of failures and
//! cool-downs that are longer than the good periods. Each cycle of `every` has one on-period of `on`; with
//! `jitter` it begins later by a random part of the off time. While it is off, the rule is not rolled. Cycles
//! count from the start of the window; rules of one group count from the earliest window of the group and
//! share the jitter, so that they go on and off together. Stage, quota and what the client sees are those of
//! the inner fault.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{FaultInfo, KindSpec, rule::checks::Checks};
use crate::{
    Nanos,
    luck::Draws,
    units::{Share, Span},
};

pub(super) const INFO: FaultInfo = FaultInfo {
    name: "flap",
    summary: "any other fault, on and off in turn",
    stage: "as the inner fault",
    quota: "as the inner fault",
    client_sees: "the inner fault in some periods and nothing in the others",
    in_simulation: "as the inner fault",
    on_the_wire: "as the inner fault",
    example: "flap: { every: 20s, on: 8s, jitter: 20%, fault: { outage: { mode: refuse } } }",
};

/// Any other fault, on and off in turn.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlapSpec {
    /// Length of one cycle.
    pub every: Span,
    /// How long it is on in each cycle.
    pub on: Span,
    /// By how much of the off time an on-period may begin late; not at all, when not given.
    #[serde(default)]
    pub jitter: Option<Share>,
    /// What is on and off; not another flap.
    pub fault: KindSpec,
}

/// Cycles shorter than this are finer than anything here can show, and only cost time.
const SHORTEST: Span = Span(1_000_000);

/// When a flapping fault is on. Times count from the pattern's origin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pattern {
    pub every: Nanos,
    pub on: Nanos,
    /// Most that an on-period begins late.
    pub late: f64,
    /// Key of the draws; the same in a group.
    pub key: u32,
}

impl FlapSpec {
    pub(super) fn resolve(&self, key: u32, checks: &mut Checks<'_>) -> Pattern {
        if self.every < SHORTEST {
            checks.problem(
                &["every"],
                format!("cycles of {} are too short", self.every),
                "write 1ms or more",
            );
        }
        if self.on > self.every || self.on.0 == 0 {
            let message = format!("on for {} of every {}", self.on, self.every);
            checks.problem(&["on"], message, "write more than 0s and at most `every`");
        }
        let late = self.jitter.map_or(0.0, |jitter| jitter.0) * self.every.0.saturating_sub(self.on.0) as f64;
        Pattern { every: self.every.0.max(1), on: self.on.0, late, key }
    }
}

impl Pattern {
    pub fn is_on(&self, since: Nanos, draws: Draws) -> bool {
        let (from, to) = self.period(since / self.every, draws);
        (from..to).contains(&since)
    }

    /// The on-periods that overlap a stretch of time, clipped to it.
    pub fn periods(&self, from: Nanos, to: Nanos, draws: Draws) -> impl Iterator<Item = (Nanos, Nanos)> {
        let pattern = *self;
        (from / self.every..=to / self.every).map(move |cycle| {
            let (on, off) = pattern.period(cycle, draws);
            (on.clamp(from, to), off.clamp(from, to))
        })
    }

    fn period(&self, cycle: u64, draws: Draws) -> (Nanos, Nanos) {
        let late =
            if self.late > 0.0 { (self.late * draws.draw(cycle, 0, self.key).unit()) as Nanos } else { 0 };
        let from = cycle.saturating_mul(self.every).saturating_add(late);
        (from, from.saturating_add(self.on))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::luck::{Luck, Stream};

    const PLAIN: Pattern = Pattern { every: 20, on: 8, late: 0.0, key: 1 };

    fn draws() -> Draws {
        Luck::new(1, 0).stream(Stream::Faults)
    }

    #[test]
    fn it_is_on_for_the_first_part_of_each_cycle() {
        let on: Vec<u64> = (0..60).filter(|since| PLAIN.is_on(*since, draws())).collect();
        let want: Vec<u64> = (0..8).chain(20..28).chain(40..48).collect();
        assert_eq!(on, want);
    }

    #[test]
    fn jitter_moves_on_periods_within_their_cycle_and_keeps_their_length() {
        let jittered = Pattern { every: 2000, on: 800, late: 1200.0, key: 1 };
        let mut starts = Vec::new();
        for cycle in 0..50 {
            let on: Vec<u64> =
                (cycle * 2000..(cycle + 1) * 2000).filter(|since| jittered.is_on(*since, draws())).collect();
            assert_eq!(on.len(), 800, "cycle {cycle}");
            assert_eq!(on[799] - on[0], 799, "cycle {cycle} is in one piece");
            starts.push(on[0] % 2000);
        }
        starts.dedup();
        assert!(starts.len() > 40, "starts scatter: {starts:?}");
    }

    #[test]
    fn the_listed_periods_are_those_in_which_it_is_on() {
        let jittered = Pattern { late: 6.0, ..PLAIN };
        let listed: u64 = jittered.periods(13, 307, draws()).map(|(from, to)| to - from).sum();
        let counted = (13..307).filter(|since| jittered.is_on(*since, draws())).count() as u64;
        assert_eq!(listed, counted);
    }
}
