//! What the traffic asks of the quotas, before anything runs: expected requests and reserved tokens per minute, and
//! whether they can ever be too much for a pool.

use richter_mock_bedrock::{
    Nanos,
    world::{LimiterKind, PoolInfo, RouteId, World},
};

use crate::load::{ClassPlan, Traffic};

const SECOND: Nanos = 1_000_000_000;
/// Moments looked at in one run, times its phases, so that a long one takes no longer than a short one.
const MOMENTS_MAX: u64 = 20_000;

/// Requests per minute.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct PerMinute {
    pub mean: f64,
    pub peak: f64,
}

impl PerMinute {
    fn over<'p>(pieces: impl Iterator<Item = &'p Piece>) -> PerMinute {
        let (mut requests, mut seconds, mut peak) = (0.0, 0.0, 0.0_f64);
        for piece in pieces {
            requests += piece.requests;
            seconds += piece.seconds;
            peak = peak.max(piece.requests / piece.seconds);
        }
        let mean = if seconds > 0.0 { requests / seconds } else { 0.0 };
        PerMinute { mean: mean * 60.0, peak: peak * 60.0 }
    }
}

/// The traffic cut into short pieces.
#[derive(Debug, Clone)]
pub struct Demand<'a> {
    traffic: &'a Traffic,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, Copy)]
struct Piece {
    phase: usize,
    seconds: f64,
    requests: f64,
}

impl<'a> Demand<'a> {
    pub fn of(traffic: &'a Traffic) -> Demand<'a> {
        // Each look costs as much as there are phases.
        let moments = (MOMENTS_MAX / traffic.phases.len().max(1) as u64).max(1);
        let step = (traffic.end() / moments).max(SECOND);
        let mut pieces = Vec::new();
        for (phase, plan) in traffic.phases.iter().enumerate() {
            let mut from = plan.from;
            while from < plan.to {
                let to = from.saturating_add(step).min(plan.to);
                let seconds = (to - from) as f64 / SECOND as f64;
                pieces.push(Piece { phase, seconds, requests: traffic.expected(from, to) });
                from = to;
            }
        }
        Demand { traffic, pieces }
    }

    pub fn phase(&self, phase: usize) -> PerMinute {
        PerMinute::over(self.pieces.iter().filter(|piece| piece.phase == phase))
    }

    pub fn run(&self) -> PerMinute {
        PerMinute::over(self.pieces.iter())
    }

    /// Quota tokens that one request of a phase reserves on a route, on average.
    pub fn reserve(&self, world: &World, route: RouteId, phase: usize) -> f64 {
        let classes = self.traffic.classes.iter().enumerate();
        let one = |(class, plan): (usize, &ClassPlan)| {
            let input = self.traffic.mean_sizes(phase, class).0;
            plan.share * world.reserves(route, input as u32, plan.max_tokens) as f64
        };
        classes.map(one).sum()
    }

    /// Whether a pool would have to refuse anything if all traffic came through one route.
    pub fn exceeds(&self, world: &World, route: RouteId, pool: &PoolInfo, limiter: LimiterKind) -> bool {
        let reserves: Vec<f64> =
            (0..self.traffic.phases.len()).map(|phase| self.reserve(world, route, phase)).collect();
        let requests = self.pieces.iter().map(|piece| (piece.seconds, piece.requests));
        let tokens = self.pieces.iter().map(|piece| (piece.seconds, piece.requests * reserves[piece.phase]));
        let total: f64 = tokens.clone().map(|(_, amount)| amount).sum();
        let per_minute = |quota: Option<f64>| quota.map(|quota| Bucket { quota, limiter, level: quota });
        per_minute(pool.requests_per_minute).is_some_and(|bucket| bucket.overflows(requests))
            || per_minute(pool.tokens_per_minute).is_some_and(|bucket| bucket.overflows(tokens))
            || pool.tokens_per_day.is_some_and(|quota| total > quota)
    }
}

/// A quota per minute on paper.
#[derive(Debug)]
struct Bucket {
    quota: f64,
    limiter: LimiterKind,
    level: f64,
}

impl Bucket {
    /// Whether amounts asked over time are ever too much. A token bucket starts full and refills all the time; a
    /// window has no reserve, so its busiest moment is taken for a whole minute.
    fn overflows(mut self, asked: impl Iterator<Item = (f64, f64)>) -> bool {
        let mut asked = asked;
        asked.any(|(seconds, amount)| match self.limiter {
            LimiterKind::TokenBucket => {
                self.level = (self.level + self.quota / 60.0 * seconds).min(self.quota) - amount;
                self.level < 0.0
            }
            LimiterKind::ClockMinute | LimiterKind::SlidingMinute => amount / seconds * 60.0 > self.quota,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn overflows(limiter: LimiterKind, per_second: &[f64]) -> bool {
        // 600 a minute is 10 a second.
        let bucket = Bucket { quota: 600.0, limiter, level: 600.0 };
        bucket.overflows(per_second.iter().map(|amount| (1.0, *amount)))
    }

    #[test]
    fn a_bucket_carries_a_short_burst_and_not_a_long_one() {
        assert!(!overflows(LimiterKind::TokenBucket, &[20.0; 59]));
        assert!(overflows(LimiterKind::TokenBucket, &[20.0; 65]));
        assert!(!overflows(LimiterKind::TokenBucket, &[10.0; 600]));
        assert!(overflows(LimiterKind::SlidingMinute, &[20.0; 1]));
        assert!(!overflows(LimiterKind::SlidingMinute, &[10.0; 600]));
    }
}
