//! Watch how fast tokens come once a stream has begun: a stream that only trickles keeps its caller waiting longer than
//! a failure would, and no first-token time shows it.
//!
//! A target whose streams are too slow takes part in fewer choices for a while, whatever the selector. The pace of an
//! answer is known when it is whole; with `abort` a limit on the attempt tells sooner, and ends the stream visibly.
//! Unary answers show no pace. The live router takes four bytes of a part for a token, and every part with content for one at
//! least.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::seconds;
use crate::{
    Nanos,
    quantity::{Rate, Share},
    span,
    strategy::PaceLimit,
};

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ThroughputSpec {
    /// Output tokens after the first one, fewer than which are too slow.
    #[serde(default = "five_a_second")]
    pub floor: Rate,
    /// How long a stream has to be that slow.
    #[serde(default = "ten_seconds", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub within: Duration,
    /// Whether such a stream is ended. Content has reached the caller, so that is a visible failure, unless another target goes on with it.
    #[serde(default)]
    pub abort: bool,
    /// Share of the choices in which a slow target takes part.
    #[serde(default = "tenth")]
    pub share: Share,
    /// How long it does so after the latest slow answer.
    #[serde(default = "half_a_minute", deserialize_with = "span::required", rename = "for")]
    #[schemars(schema_with = "span::schema")]
    pub lasts: Duration,
}

fn five_a_second() -> Rate {
    Rate { per_second: 5.0 }
}
fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}
fn tenth() -> Share {
    Share(0.1)
}
fn half_a_minute() -> Duration {
    Duration::from_secs(30)
}

impl ThroughputSpec {
    /// What is wrong with it, and what to write.
    pub fn problem(&self) -> Option<(&'static str, &'static str)> {
        if self.floor.per_second <= 0.0 || self.within.is_zero() {
            return Some(("nothing is too slow for this guard", "write `floor` and `within` above zero"));
        }
        if self.share.0 >= 1.0 || self.lasts.is_zero() {
            let hint = "write `share` below \"100%\" and `for` above zero";
            return Some(("a slow target is not spared", hint));
        }
        None
    }

    /// The limit on a stream that this guard ends.
    pub fn limit(&self) -> Option<PaceLimit> {
        let tokens = (self.floor.per_second * self.within.as_secs_f64()).ceil() as u32;
        self.abort.then_some(PaceLimit { tokens: tokens.max(1), within: self.within })
    }
}

/// The memory of one target.
#[derive(Debug, Clone)]
pub struct Throughput {
    spec: ThroughputSpec,
    slow_until: Nanos,
}

impl Throughput {
    pub fn new(spec: &ThroughputSpec) -> Throughput {
        Throughput { spec: *spec, slow_until: 0 }
    }

    /// A stream is whole: so many tokens, the first of them at `first`.
    pub fn streamed(&mut self, tokens: u32, first: Nanos, now: Nanos) {
        let lasted = now.saturating_sub(first);
        let further = f64::from(tokens.saturating_sub(1));
        let floor = self.spec.floor.per_second;
        if lasted >= span::nanos(self.spec.within) && further < floor * seconds(first, now) {
            self.slow(now);
        }
    }

    /// A stream was too slow.
    pub fn slow(&mut self, now: Nanos) {
        self.slow_until = self.slow_until.max(now.saturating_add(span::nanos(self.spec.lasts)));
    }

    /// Share of the choices in which the target takes part.
    pub fn share(&self, now: Nanos) -> f64 {
        if now < self.slow_until { self.spec.share.0 } else { 1.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::SECOND;

    fn spec(text: &str) -> ThroughputSpec {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_stream_is_slow_below_the_floor_and_only_if_it_lasted() {
        // (tokens, seconds after the first; whether that is too slow for five a second during ten)
        let table = [
            (51, 10, false),
            (50, 10, true),
            (45, 9, false),
            (1, 9, false),
            (1, 10, true),
            (0, 10, true),
            (101, 20, false),
            (100, 20, true),
            (4_000, 60, false),
        ];
        for (tokens, lasted, slow) in table {
            let mut one = Throughput::new(&spec("{}"));
            one.streamed(tokens, 7 * SECOND, (7 + lasted) * SECOND);
            let found = one.share((7 + lasted) * SECOND);
            assert_eq!(found, if slow { 0.1 } else { 1.0 }, "{tokens} tokens in {lasted} s");
        }
    }

    #[test]
    fn a_slow_target_is_spared_for_a_while_after_its_latest_slow_answer() {
        let mut one = Throughput::new(&spec(r#"{"share":"20%","for":"5s"}"#));
        assert_eq!(one.share(0), 1.0);
        one.slow(10 * SECOND);
        one.slow(12 * SECOND);
        let table = [(12, 0.2), (15, 0.2), (16, 0.2), (17, 1.0), (99, 1.0)];
        for (second, share) in table {
            assert_eq!(one.share(second * SECOND), share, "after {second} s");
        }
    }

    #[test]
    fn only_a_guard_that_ends_streams_sets_a_limit() {
        let ten = Duration::from_secs(10);
        let rows = [
            ("{}", None),
            (r#"{"abort":true}"#, Some(PaceLimit { tokens: 50, within: ten })),
            (r#"{"abort":true,"floor":"0.51/s"}"#, Some(PaceLimit { tokens: 6, within: ten })),
            (r#"{"abort":true,"floor":"1/h"}"#, Some(PaceLimit { tokens: 1, within: ten })),
        ];
        for (written, limit) in rows {
            assert_eq!(spec(written).limit(), limit, "{written}");
        }
    }

    #[test]
    fn a_guard_that_never_strikes_or_never_spares_is_refused() {
        let rows = [
            ("{}", true),
            (r#"{"share":"0%"}"#, true),
            (r#"{"floor":"0/s"}"#, false),
            (r#"{"within":"0s"}"#, false),
            (r#"{"share":"100%"}"#, false),
            (r#"{"for":"0s"}"#, false),
        ];
        for (written, fine) in rows {
            assert_eq!(spec(written).problem().is_none(), fine, "{written}");
        }
    }
}
