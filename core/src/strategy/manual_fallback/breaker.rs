//! The shared module's circuit breaker, exactly as written, and two others to set beside it.
//!
//! As written it counts failed requests over the life of the process: no success takes one back. It wraps the retry
//! helper, so that one failure here is a request whose every try failed. Once its rest is over it lets any number of
//! requests through until one of them tells how the target is.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{Nanos, span, strategy::SpecProblem};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerSpec {
    /// Which failed requests count.
    pub counts: Counts,
    /// Failed requests before it blocks; 5 as written.
    pub failures: u32,
    /// It blocks until more than this has gone by since the last failure; 60 s as written.
    #[serde(deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub rest: Duration,
}

impl Default for BreakerSpec {
    fn default() -> Self {
        BreakerSpec { counts: Counts::Lifetime, failures: 5, rest: Duration::from_secs(60) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// All since the process began, or since it last recovered: as written.
    #[default]
    Lifetime,
    /// Those since the last success.
    InARow,
    /// None: there is no breaker.
    Nothing,
}

impl BreakerSpec {
    pub(super) fn problems(&self, strategy: &'static str) -> Vec<SpecProblem> {
        if self.failures > 0 || self.counts == Counts::Nothing {
            return Vec::new();
        }
        let message = "a breaker that blocks after no failure at all says nothing";
        let hint = "write 1 or more, or `counts: nothing` for no breaker";
        vec![SpecProblem::new(&[strategy, "breaker", "failures"], message, hint)]
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Passing,
    Blocked,
    Probing,
}

#[derive(Debug)]
pub(super) struct Breaker {
    counts: Counts,
    failures_max: u32,
    rest: Nanos,
    state: State,
    failures: u32,
    last_failure: Nanos,
}

impl Breaker {
    pub(super) fn new(spec: BreakerSpec) -> Breaker {
        Breaker {
            counts: spec.counts,
            failures_max: spec.failures,
            rest: span::nanos(spec.rest),
            state: State::Passing,
            failures: 0,
            last_failure: 0,
        }
    }

    /// Whether a request may go. Asking moves it from blocked to probing.
    pub(super) fn admits(&mut self, now: Nanos) -> bool {
        if self.state == State::Blocked && now.saturating_sub(self.last_failure) > self.rest {
            self.state = State::Probing;
        }
        self.state != State::Blocked
    }

    pub(super) fn succeeded(&mut self) {
        match self.state {
            State::Probing => {
                self.state = State::Passing;
                self.failures = 0;
            }
            State::Passing if self.counts == Counts::InARow => self.failures = 0,
            State::Passing | State::Blocked => {}
        }
    }

    pub(super) fn failed(&mut self, now: Nanos) {
        if self.counts == Counts::Nothing {
            return;
        }
        self.failures = self.failures.saturating_add(1);
        self.last_failure = now;
        if self.failures >= self.failures_max {
            self.state = State::Blocked;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rig::SECOND;

    const REST: Nanos = 60 * SECOND;

    fn breaker(counts: Counts) -> Breaker {
        Breaker::new(BreakerSpec { counts, ..BreakerSpec::default() })
    }

    fn fail(breaker: &mut Breaker, times: u32, now: Nanos) {
        (0..times).for_each(|_| breaker.failed(now));
    }

    #[test]
    fn f3_2_the_fifth_failed_request_in_its_life_blocks_whatever_succeeded_between() {
        let mut breaker = breaker(Counts::Lifetime);
        fail(&mut breaker, 4, SECOND);
        for _ in 0..1_000 {
            assert!(breaker.admits(2 * SECOND));
            breaker.succeeded();
        }
        assert!(breaker.admits(3 * SECOND));
        breaker.failed(3 * SECOND);
        assert!(!breaker.admits(3 * SECOND));
    }

    #[test]
    fn f3_3_at_60_s_since_the_last_failure_a_request_is_refused_and_at_60_1_s_it_is_tried() {
        let mut breaker = breaker(Counts::Lifetime);
        fail(&mut breaker, 5, 0);
        assert!(!breaker.admits(REST));
        assert!(breaker.admits(REST + SECOND / 10));
    }

    #[test]
    fn any_number_of_requests_passes_while_it_probes_and_one_success_closes_the_case() {
        let mut breaker = breaker(Counts::Lifetime);
        fail(&mut breaker, 5, 0);
        assert!((0..100).all(|_| breaker.admits(REST + 1)));
        breaker.succeeded();
        fail(&mut breaker, 4, 2 * REST);
        assert!(breaker.admits(2 * REST), "the count began again at nothing");
    }

    #[test]
    fn one_failure_while_it_probes_blocks_again_for_the_whole_rest() {
        let mut breaker = breaker(Counts::Lifetime);
        fail(&mut breaker, 5, 0);
        assert!(breaker.admits(REST + 1));
        breaker.failed(REST + 1);
        assert!(!breaker.admits(2 * REST));
        assert!(breaker.admits(2 * REST + 2));
    }

    #[test]
    fn an_answer_that_was_under_way_when_it_blocked_does_not_unblock_it() {
        let mut breaker = breaker(Counts::Lifetime);
        fail(&mut breaker, 5, 0);
        breaker.succeeded();
        assert!(!breaker.admits(SECOND));
    }

    #[test]
    fn a_count_in_a_row_forgets_at_each_success_and_no_count_never_blocks() {
        let mut in_a_row = breaker(Counts::InARow);
        for _ in 0..100 {
            fail(&mut in_a_row, 4, 0);
            in_a_row.succeeded();
        }
        assert!(in_a_row.admits(0));
        fail(&mut in_a_row, 5, 0);
        assert!(!in_a_row.admits(0));
        let mut nothing = breaker(Counts::Nothing);
        fail(&mut nothing, 100, 0);
        assert!(nothing.admits(0));
    }
}
