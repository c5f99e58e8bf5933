//! How much of each pool's quota is in use over time. The engine is asked, not told: looking changes nothing, so a
//! run that is watched decides the same as one that is not.

use richter_mock_bedrock::{
    Nanos,
    engine::Engine,
    world::{PoolId, World},
};

/// More debt than this is shown as this.
const PERCENT_MAX: f64 = 9_999.0;

/// Looks once in every window, at its first event.
#[derive(Debug)]
pub struct QuotaWatch {
    width: Nanos,
    next: Nanos,
    /// Those that are looked at.
    pools: Vec<PoolId>,
    /// Percent in use, by pool and window; a pool without a quota stays empty.
    used: Vec<Vec<u32>>,
}

impl QuotaWatch {
    pub fn new(width: Nanos, pools: Vec<PoolId>) -> QuotaWatch {
        QuotaWatch { width, next: 0, used: vec![Vec::new(); pools.len()], pools }
    }

    pub fn pools(&self) -> &[PoolId] {
        &self.pools
    }

    /// When to look again.
    #[inline]
    pub fn next(&self) -> Nanos {
        self.next
    }

    pub fn used(&self) -> &[Vec<u32>] {
        &self.used
    }

    pub fn look(&mut self, now: Nanos, engine: &mut Engine) {
        let percent: Vec<Option<u32>> = self.pools.iter().map(|pool| in_use(now, engine, *pool)).collect();
        while self.next <= now {
            for (used, percent) in self.used.iter_mut().zip(&percent) {
                used.extend(percent);
            }
            self.next += self.width;
        }
    }
}

/// All pools of a world.
pub fn all(world: &World) -> Vec<PoolId> {
    (0..world.pools()).filter_map(|place| u16::try_from(place).ok()).map(PoolId).collect()
}

/// The pools of a plan's world, in its order, as a wider world has them.
pub fn same(ours: &World, wider: &World) -> Vec<PoolId> {
    let wider_pools: Vec<(PoolId, String)> =
        all(wider).into_iter().map(|id| (id, wider.pool(id).name)).collect();
    let find = |name: &str| wider_pools.iter().find(|(_, other)| other == name).map(|(id, _)| *id);
    all(ours).into_iter().filter_map(|id| find(&ours.pool(id).name)).collect()
}

/// Percent of requests or tokens, whichever is scarcer.
fn in_use(now: Nanos, engine: &mut Engine, pool: PoolId) -> Option<u32> {
    let facts = engine.world().pool(pool);
    let state = engine.pool_state(now, pool);
    let requests = part(state.requests_left, facts.requests_per_minute);
    let tokens = part(state.tokens_left, facts.tokens_per_minute);
    let part = requests.into_iter().chain(tokens).max_by(f64::total_cmp)?;
    Some((100.0 * part).round().clamp(0.0, PERCENT_MAX) as u32)
}

fn part(left: Option<f64>, quota: Option<f64>) -> Option<f64> {
    let (left, quota) = left.zip(quota)?;
    (quota > 0.0).then(|| 1.0 - left / quota)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_scarcer_counts_and_no_quota_is_no_number() {
        assert_eq!(part(Some(100.0), Some(400.0)), Some(0.75));
        assert_eq!(part(Some(-100.0), Some(400.0)), Some(1.25));
        assert_eq!(part(None, None), None);
        assert_eq!(part(Some(0.0), Some(0.0)), None);
    }
}
