//! Where a request stands: which call of which try is under way, read off its attempts.
//!
//! A request is made of tries (of the retry helper), a try of calls (one to each target of the chain), a call of
//! attempts (the SDK's own retries). The alarm that ends a call also cuts the SDK's back-off, so an attempt that was
//! sent after the alarm belongs to the next call.

use super::SECOND;
use crate::{
    Nanos,
    flight::{Attempt, FlightView},
    request::Api,
    strategy::{
        backoff,
        sdk::engine::{Engine, Kind},
    },
    target::TargetId,
};

/// The latest call of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// Counted from 0, over all tries.
    pub(super) number: u32,
    pub(super) began: Nanos,
    pub(super) attempts: u32,
}

/// The order of calls, and what keeps them apart.
#[derive(Debug)]
pub(super) struct Course {
    pub(super) targets: Vec<TargetId>,
    pub(super) tries_max: u32,
    pub(super) timeout: Nanos,
    pub(super) sdk: Engine,
}

impl Course {
    /// The latest call and its latest attempt; `None` before the first.
    pub(super) fn call<'f>(&self, flight: &FlightView<'f>) -> Option<(Call, &'f Attempt)> {
        let (first, rest) = flight.attempts.split_first()?;
        let mut call = Call { number: 0, began: first.sent, attempts: 1 };
        for (before, attempt) in flight.attempts.iter().zip(rest) {
            let again = before.target == attempt.target
                && attempt.sent < self.alarm(&call)
                && self.sdk_retries(&call, before, flight.request.api).is_some();
            call = match again {
                true => Call { attempts: call.attempts + 1, ..call },
                false => Call { number: call.number + 1, began: attempt.sent, attempts: 1 },
            };
        }
        Some((call, flight.attempts.last()?))
    }

    /// When the call is cut off.
    pub(super) fn alarm(&self, call: &Call) -> Nanos {
        call.began.saturating_add(self.timeout)
    }

    /// Whether and why the SDK tries once more inside the call, after this attempt.
    pub(super) fn sdk_retries(&self, call: &Call, after: &Attempt, api: Api) -> Option<Kind> {
        if call.attempts >= self.sdk.attempts_max {
            return None;
        }
        self.sdk.retries(after, api)
    }

    /// Where the call after this one goes and how long it waits; `None` once every try is spent.
    pub(super) fn next(&self, call: &Call) -> Option<(TargetId, Nanos)> {
        let chain = self.targets.len() as u32;
        let number = call.number + 1;
        let (tries, place) = (number / chain, number % chain);
        let wait = if place == 0 { wait(tries) } else { 0 };
        (tries < self.tries_max).then(|| (self.targets[place as usize], wait))
    }
}

/// What the retry helper waits before the n-th retry, counted from 1: 1, 2, 4 s, without jitter.
pub(super) fn wait(retry: u32) -> Nanos {
    backoff::ceiling(SECOND, Nanos::MAX, retry)
}
