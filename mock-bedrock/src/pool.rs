//! Quota pools: requests per minute, tokens per minute and the account's tokens per day, checked together.
//!
//! A call is admitted only if every limiter has room, and only then is anything taken, so a refusal is free. Tokens
//! are reserved at admission and settled to real use at the end (AWS: "How tokens are counted in Amazon Bedrock").
//! A [`Hold`] cannot be copied and `settle` and `refund` consume it: nothing is settled twice.

use crate::{
    Nanos,
    exception::Exception,
    limiter::{Limiter, Receipt},
    world::{LimiterKind, PoolId, World},
};

/// What an admitted call keeps from others until it is settled.
#[derive(Debug)]
pub struct Hold {
    pool: PoolId,
    requests: Option<Receipt>,
    tokens: Option<Receipt>,
    day: Option<Receipt>,
}

/// Which limit refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Requests,
    Tokens,
    TokensPerDay,
    /// Provisioned capacity is at its concurrency.
    Concurrency,
}

impl Refusal {
    pub fn exception(self) -> Exception {
        match self {
            Refusal::Requests | Refusal::Concurrency => Exception::too_many_requests(),
            Refusal::Tokens => Exception::too_many_tokens(),
            Refusal::TokensPerDay => Exception::too_many_tokens_per_day(),
        }
    }
}

/// Quotas per minute that a pool gets while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NewQuotas {
    pub requests: Option<f64>,
    pub tokens: Option<f64>,
}

/// What a pool has left, for reports and admin pages.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PoolState {
    pub requests_left: Option<f64>,
    pub tokens_left: Option<f64>,
    pub admitted: u64,
    pub throttled: u64,
}

#[derive(Debug, Clone)]
struct Pool {
    requests: Option<Limiter>,
    tokens: Option<Limiter>,
    /// Place in `Quotas::days`.
    day: Option<u16>,
    /// Answers in production at once, and the most there may be.
    running: u32,
    concurrent: Option<u32>,
    factor: f64,
    admitted: u64,
    throttled: u64,
}

/// All pools of a world and the daily caps that they share.
#[derive(Debug, Clone)]
pub struct Quotas {
    pools: Vec<Pool>,
    days: Vec<Limiter>,
}

impl Quotas {
    pub fn new(world: &World) -> Quotas {
        let kind = world.limiter();
        Quotas {
            pools: world.pool_settings().map(|settings| Pool::new(kind, settings)).collect(),
            days: world.daily_caps().map(Limiter::per_day).collect(),
        }
    }

    /// Changes a pool's quotas to a factor of what was written, from now on.
    pub fn scale(&mut self, now: Nanos, pool: PoolId, factor: f64) {
        let pool = &mut self.pools[usize::from(pool.0)];
        if factor != pool.factor {
            pool.factor = factor;
            for limiter in pool.requests.iter_mut().chain(pool.tokens.iter_mut()) {
                limiter.scale(now, factor);
            }
        }
    }

    /// Gives a pool other quotas than it was written with, each full from now on. What is not given stays.
    pub fn replace(&mut self, now: Nanos, id: PoolId, kind: LimiterKind, quotas: NewQuotas) {
        let pool = &mut self.pools[usize::from(id.0)];
        let factor = pool.factor;
        let made = |quota: f64| {
            let mut limiter = Limiter::per_minute(kind, quota);
            limiter.scale(now, factor);
            limiter
        };
        pool.requests = quotas.requests.map(made).or(pool.requests.take());
        pool.tokens = quotas.tokens.map(made).or(pool.tokens.take());
    }

    /// Takes the requests and tokens that others asked; they are as little admitted beyond the quota as anybody.
    pub fn drain(&mut self, now: Nanos, pool: PoolId, (requests, tokens): (f64, f64)) {
        let pool = &mut self.pools[usize::from(pool.0)];
        if let (Some(limiter), true) = (&mut pool.requests, requests > 0.0) {
            limiter.drain(now, requests);
        }
        if let (Some(limiter), true) = (&mut pool.tokens, tokens > 0.0) {
            limiter.drain(now, tokens);
        }
    }

    #[inline]
    pub fn admit(&mut self, now: Nanos, id: PoolId, reserve: u64) -> Result<Hold, Refusal> {
        let pool = &mut self.pools[usize::from(id.0)];
        let day = pool.day.and_then(|day| self.days.get_mut(usize::from(day)));
        let lacks = |limiter: &mut Limiter, units| !limiter.has(now, units);
        let mut day = day;
        let refusal = if pool.concurrent.is_some_and(|most| pool.running >= most) {
            Some(Refusal::Concurrency)
        } else if pool.requests.as_mut().is_some_and(|l| lacks(l, 1)) {
            Some(Refusal::Requests)
        } else if pool.tokens.as_mut().is_some_and(|l| lacks(l, reserve)) {
            Some(Refusal::Tokens)
        } else if day.as_mut().is_some_and(|l| lacks(l, reserve)) {
            Some(Refusal::TokensPerDay)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            pool.throttled += 1;
            return Err(refusal);
        }
        pool.admitted += 1;
        pool.running = pool.running.saturating_add(1);
        Ok(Hold {
            pool: id,
            requests: pool.requests.as_mut().map(|l| l.take(now, 1)),
            tokens: pool.tokens.as_mut().map(|l| l.take(now, reserve)),
            day: day.map(|l| l.take(now, reserve)),
        })
    }

    /// How long a call that is refused now would have to wait, if nobody else asked; `None` where nobody knows.
    pub fn wait(&mut self, now: Nanos, id: PoolId, reserve: u64) -> Option<Nanos> {
        let pool = &mut self.pools[usize::from(id.0)];
        if pool.concurrent.is_some_and(|most| pool.running >= most) {
            return None;
        }
        let day = pool.day.and_then(|day| self.days.get_mut(usize::from(day)));
        let wait = |limiter: Option<&mut Limiter>, units| limiter.map_or(Some(0), |l| l.wait(now, units));
        let (requests, tokens) = (wait(pool.requests.as_mut(), 1)?, wait(pool.tokens.as_mut(), reserve)?);
        Some(requests.max(tokens).max(wait(day, reserve)?))
    }

    /// The call is over and used this many quota tokens.
    #[inline]
    pub fn settle(&mut self, now: Nanos, hold: Hold, used: u64) {
        let pool = &mut self.pools[usize::from(hold.pool.0)];
        pool.running = pool.running.saturating_sub(1);
        if let (Some(limiter), Some(receipt)) = (&mut pool.tokens, &hold.tokens) {
            limiter.settle(now, receipt, used);
        }
        let day = pool.day.and_then(|day| self.days.get_mut(usize::from(day)));
        if let (Some(limiter), Some(receipt)) = (day, &hold.day) {
            limiter.settle(now, receipt, used);
        }
    }

    /// The call was turned away for want of capacity: it costs nothing, not even its request.
    pub fn refund(&mut self, now: Nanos, hold: Hold) {
        let pool = &mut self.pools[usize::from(hold.pool.0)];
        if let (Some(limiter), Some(receipt)) = (&mut pool.requests, &hold.requests) {
            limiter.settle(now, receipt, 0);
        }
        self.settle(now, hold, 0);
    }

    pub fn state(&mut self, now: Nanos, pool: PoolId) -> PoolState {
        let pool = &mut self.pools[usize::from(pool.0)];
        PoolState {
            requests_left: pool.requests.as_mut().map(|l| l.left(now)),
            tokens_left: pool.tokens.as_mut().map(|l| l.left(now)),
            admitted: pool.admitted,
            throttled: pool.throttled,
        }
    }
}

impl Pool {
    fn new(kind: LimiterKind, settings: &crate::world::PoolSettings) -> Pool {
        Pool {
            requests: settings.requests_per_minute.map(|quota| Limiter::per_minute(kind, quota)),
            tokens: settings.tokens_per_minute.map(|quota| Limiter::per_minute(kind, quota)),
            day: settings.day,
            running: 0,
            concurrent: settings.concurrent,
            factor: 1.0,
            admitted: 0,
            throttled: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{RouteKind, WorldSpec};

    const SECOND: Nanos = 1_000_000_000;

    fn quotas() -> Quotas {
        let world = serde_json::json!({
            "models": { "m": { "first_token": "1ms", "per_token": "1ms", "max_output": 100 } },
            "quotas": {
                "on_demand": { "us-east-1": { "requests": "60/min", "tokens": "6000/min" } },
                "tokens_per_day": { "us-east-1": 10000 }
            }
        });
        let spec: WorldSpec = serde_json::from_value(world).expect("a readable world");
        Quotas::new(&spec.resolve(&[(RouteKind::OnDemand, "us-east-1", "m")]).expect("a good world"))
    }

    fn left(quotas: &mut Quotas, now: Nanos) -> (Option<f64>, Option<f64>) {
        let state = quotas.state(now, PoolId(0));
        (state.requests_left, state.tokens_left)
    }

    #[test]
    fn settling_gives_tokens_back_but_keeps_the_request_and_a_refund_gives_both() {
        let mut quotas = quotas();
        let hold = quotas.admit(0, PoolId(0), 500).expect("room");
        quotas.settle(0, hold, 200);
        assert_eq!(left(&mut quotas, 0), (Some(59.0), Some(5800.0)));
        let hold = quotas.admit(0, PoolId(0), 500).expect("room");
        quotas.refund(0, hold);
        assert_eq!(left(&mut quotas, 0), (Some(59.0), Some(5800.0)));
    }

    #[test]
    fn a_replaced_quota_starts_full_and_the_other_stays_as_it_is() {
        let mut quotas = quotas();
        let hold = quotas.admit(0, PoolId(0), 500).expect("room");
        quotas.replace(
            0,
            PoolId(0),
            LimiterKind::TokenBucket,
            NewQuotas { requests: Some(5.0), tokens: None },
        );
        assert_eq!(left(&mut quotas, 0), (Some(5.0), Some(5500.0)));
        quotas.settle(0, hold, 500);
        assert_eq!(left(&mut quotas, 0), (Some(5.0), Some(5500.0)));
    }

    #[test]
    fn a_refusal_by_one_limit_takes_nothing_from_the_others() {
        let mut quotas = quotas();
        assert_eq!(quotas.admit(0, PoolId(0), 6001).expect_err("too many"), Refusal::Tokens);
        assert_eq!(left(&mut quotas, 0), (Some(60.0), Some(6000.0)));
        let first = quotas.admit(0, PoolId(0), 6000).expect("room");
        quotas.settle(0, first, 6000);
        let refused = quotas.admit(60 * SECOND, PoolId(0), 5000).expect_err("the day has 4000 left");
        assert_eq!(refused, Refusal::TokensPerDay);
        assert_eq!(left(&mut quotas, 60 * SECOND), (Some(60.0), Some(6000.0)));
    }

    #[test]
    fn a_changed_quota_and_others_use_are_felt_at_once() {
        let mut quotas = quotas();
        quotas.scale(0, PoolId(0), 0.5);
        quotas.drain(0, PoolId(0), (10.0, 1000.0));
        assert_eq!(left(&mut quotas, 0), (Some(20.0), Some(2000.0)));
        quotas.scale(10 * SECOND, PoolId(0), 1.0);
        assert_eq!(left(&mut quotas, 20 * SECOND), (Some(35.0), Some(3500.0)));
    }
}
