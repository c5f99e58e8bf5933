//! The SDKs' parameters: what is retried, what a retry costs, and how long to wait for it.

use std::time::Duration;

use rand_core::Rng;

use super::{Behaviour, Client, Mode};
use crate::{
    Nanos,
    failure::{Code, Failure, Signs, Timer},
    flight::{Attempt, FlightView},
    request::Api,
    strategy::{Timeouts, backoff},
};

const MILLISECOND: Nanos = 1_000_000;
const SECOND: Nanos = 1_000 * MILLISECOND;
pub(super) const WAIT_CAP: Nanos = 20 * SECOND;
/// How far past its own back-off the new behaviour follows the service's wish.
const HINT_REACH: Nanos = 5 * SECOND;

/// A failure worth a retry, as the SDKs group them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::strategy) enum Kind {
    Throttle,
    /// The model says that it may be asked again.
    NotReady,
    Transient,
    Timeout,
}

#[derive(Debug, Clone, Copy)]
pub(in crate::strategy) struct Engine {
    pub(in crate::strategy) client: Client,
    pub(in crate::strategy) mode: Mode,
    pub(in crate::strategy) behaviour: Behaviour,
    pub(in crate::strategy) attempts_max: u32,
}

/// Whether the attempt's end came inside a stream, where no SDK retries.
pub(in crate::strategy) fn in_stream(attempt: &Attempt, api: Api) -> bool {
    api.streams() && attempt.opened.is_some()
}

/// boto3: connect and read timeout 60 s each. Rust: connect 3.1 s and no read timeout.
pub(in crate::strategy) fn default_timeouts(client: Client) -> Timeouts {
    let minute = Some(Duration::from_secs(60));
    match client {
        Client::Boto3 => Timeouts { connect: minute, idle: minute, ..Timeouts::default() },
        Client::Rust => Timeouts { connect: Some(Duration::from_millis(3_100)), ..Timeouts::default() },
    }
}

impl Engine {
    /// Whether and why a failed attempt is retried.
    pub(in crate::strategy) fn retries(&self, attempt: &Attempt, api: Api) -> Option<Kind> {
        if in_stream(attempt, api) {
            return None;
        }
        match attempt.failure()? {
            Failure::Timeout(Timer::Model) => None,
            Failure::Timeout(_) => Some(Kind::Timeout),
            Failure::Transport(_) => Some(Kind::Transient),
            _ => self.retries_reply(attempt.signs),
        }
    }

    /// Neither 408 nor 424 nor 529 is on the SDKs' lists, and Rust goes by the code alone where the status is 429.
    fn retries_reply(&self, signs: Signs) -> Option<Kind> {
        match (signs.code, signs.status) {
            (Code::Throttling, _) => Some(Kind::Throttle),
            (Code::ModelNotReady, _) => Some(Kind::NotReady),
            (Code::Transient, _) | (_, Some(500 | 502 | 503 | 504)) => Some(Kind::Transient),
            (_, Some(429)) if self.client == Client::Boto3 => Some(Kind::Throttle),
            (_, Some(509)) if self.mode == Mode::Legacy => Some(Kind::Throttle),
            _ => None,
        }
    }

    /// What the retry after this attempt costs of the quota.
    pub(in crate::strategy) fn cost(&self, flight: &FlightView<'_>, attempt: u32) -> Option<u32> {
        let attempt = flight.attempts.get(attempt as usize)?;
        let kind = self.retries(attempt, flight.request.api)?;
        Some(match (self.behaviour, kind, self.client) {
            // To the Rust SDK a server's fault is as dear as a timeout.
            (Behaviour::Before2026, Kind::Timeout, _)
            | (Behaviour::Before2026, Kind::Transient, Client::Rust) => 10,
            (Behaviour::Before2026, _, _) | (Behaviour::Since2026, Kind::Throttle, _) => 5,
            (Behaviour::Since2026, _, _) => 14,
        })
    }

    /// Whether the limiter of adaptive mode is part of the decision to retry. In the Rust SDK it was, before 2026; since then, and
    /// in boto3, every sending takes a token.
    pub(super) const fn charges_retries(&self) -> bool {
        matches!((self.behaviour, self.client), (Behaviour::Before2026, Client::Rust))
    }

    /// Tokens of the limiter that a retry takes where it is.
    pub(super) fn charges(&self, kind: Kind) -> Option<f64> {
        self.charges_retries().then_some(if kind == Kind::Throttle { 10.0 } else { 5.0 })
    }

    /// How long to wait before the n-th retry, counted from 1.
    pub(in crate::strategy) fn wait(
        &self,
        kind: Kind,
        retry: u32,
        hint_ms: Option<u64>,
        dice: &mut dyn Rng,
    ) -> Nanos {
        let computed = backoff::jittered(self.ceiling(kind, retry), dice);
        // The Rust SDK does not look for a wish beside this exception.
        let hint_ms = hint_ms.filter(|_| (self.client, kind) != (Client::Rust, Kind::NotReady));
        let Some(hint) = hint_ms.map(|ms| ms.saturating_mul(MILLISECOND)) else {
            return computed;
        };
        match (self.mode, self.behaviour, self.client) {
            (Mode::Legacy, _, _) | (_, Behaviour::Before2026, Client::Boto3) => computed,
            (_, Behaviour::Before2026, Client::Rust) => hint.min(WAIT_CAP),
            (_, Behaviour::Since2026, _) => hint.clamp(computed, computed + HINT_REACH),
        }
    }

    /// The longest wait before the n-th retry, whatever failed.
    pub(in crate::strategy) fn wait_max(&self, retry: u32) -> Nanos {
        let ceiling = self.ceiling(Kind::Throttle, retry);
        match (self.mode, self.behaviour, self.client) {
            (Mode::Legacy, _, _) | (_, Behaviour::Before2026, Client::Boto3) => ceiling,
            (_, Behaviour::Before2026, Client::Rust) => WAIT_CAP,
            (_, Behaviour::Since2026, _) => ceiling + HINT_REACH,
        }
    }

    fn ceiling(&self, kind: Kind, retry: u32) -> Nanos {
        match (self.mode, self.behaviour, kind) {
            (Mode::Legacy, _, _) => backoff::ceiling(SECOND, Nanos::MAX, retry),
            (_, Behaviour::Before2026, _) | (_, _, Kind::Throttle) => {
                backoff::ceiling(SECOND, WAIT_CAP, retry)
            }
            (_, Behaviour::Since2026, _) => backoff::ceiling(50 * MILLISECOND, WAIT_CAP, retry),
        }
    }
}
