//! Collects all that is wrong with one rule, with paths from the top of the rule.

use super::selector::{Names, PoolKind, Selector};
use crate::{
    SpecProblem,
    dist::{Dist, Sampler},
    units::{Quantity, Share},
    world::{AccountId, ModelId, OWN_ACCOUNT, PoolId, RegionId, World, did_you_mean},
};

pub(in crate::fault) struct Checks<'a> {
    pub world: &'a World,
    /// Resolved before the kind is.
    pub selector: Selector,
    path: Vec<String>,
    problems: Vec<SpecProblem>,
}

impl<'a> Checks<'a> {
    pub fn new(world: &'a World) -> Self {
        Checks { world, selector: Selector::default(), path: Vec::new(), problems: Vec::new() }
    }

    /// Does `check` with paths that start with `keys`.
    pub fn under<T>(&mut self, keys: &[&str], check: impl FnOnce(&mut Self) -> T) -> T {
        let depth = self.path.len();
        self.path.extend(keys.iter().map(|key| (*key).to_owned()));
        let out = check(self);
        self.path.truncate(depth);
        out
    }

    pub fn problem(&mut self, keys: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        let path = self.path.iter().cloned().chain(keys.iter().map(|key| (*key).to_owned())).collect();
        self.problems.push(SpecProblem { path, message: message.into(), hint: hint.into() });
    }

    /// A problem whose path starts at the rule, wherever the check is.
    pub fn problem_of_rule(&mut self, keys: &[&str], message: impl Into<String>, hint: impl Into<String>) {
        let path = keys.iter().map(|key| (*key).to_owned()).collect();
        self.problems.push(SpecProblem { path, message: message.into(), hint: hint.into() });
    }

    pub fn into_problems(self) -> Vec<SpecProblem> {
        self.problems
    }

    /// The share of attempts; all, when not given.
    pub fn share(&mut self, share: Option<Share>) -> f64 {
        if share.is_some_and(|share| share.0 <= 0.0) {
            self.problem(
                &["share"],
                "a share of 0% strikes nobody",
                "write such as 30%, or remove the fault",
            );
        }
        share.map_or(1.0, |share| share.0)
    }

    /// A status that somebody may answer with.
    pub fn status(&mut self, status: u16) {
        if !matches!(status, 200 | 400..=599) {
            let message = format!("nobody answers with status {status}");
            self.problem(&["status"], message, "write 200, or such as 502");
        }
    }

    /// A factor that must be above 0.
    pub fn factor(&mut self, keys: &[&str], factor: f64) -> f64 {
        if !(factor.is_finite() && factor > 0.0) {
            let message = format!("{factor} is not a factor above 0");
            self.problem(keys, message, "write such as 0.5 for half or 3 for threefold");
        }
        factor
    }

    pub fn dist<Q: Quantity>(&mut self, key: &str, dist: &Dist<Q>) -> Sampler {
        if let Some(problem) = dist.problem() {
            self.problem(&[key], problem, format!("write {}", Q::EXAMPLE));
        }
        dist.sampler()
    }

    /// The pools of the selected Regions and models, of one kind or of all.
    pub fn pools(&mut self, kind: Option<PoolKind>) -> Vec<PoolId> {
        let (world, selector) = (self.world, &self.selector);
        let covered = |pool: &PoolId| {
            let name = world.pool(*pool).name;
            kind.is_none_or(|kind| name.split(' ').next() == Some(kind.name()))
                && selector.takes_region(world.pool_region(*pool))
                && selector.takes_model(world.pool_model(*pool))
                && selector.takes_account(world.pool_account(*pool))
        };
        let all = || (0..world.pools()).map(|index| PoolId(index as u16));
        let pools: Vec<PoolId> = all().filter(covered).collect();
        if pools.is_empty() {
            let names: Vec<String> = all().map(|pool| world.pool(pool).name).collect();
            let message = "no quota pool of the targets has this Region, model and kind";
            let hint = format!("there are: {}", names.join("; "));
            match kind {
                Some(_) => self.problem(&["pool"], message, hint),
                None => self.problem_of_rule(&["on"], message, hint),
            }
        }
        pools
    }

    pub fn regions(&mut self, keys: &[&str], names: &Names) -> Vec<RegionId> {
        let world = self.world;
        let known = (0..world.regions()).map(|index| RegionId(index as u16));
        self.look_up(keys, "Region", names, known.map(|id| (id, world.region_name(id))).collect())
    }

    pub fn models(&mut self, keys: &[&str], names: &Names) -> Vec<ModelId> {
        let world = self.world;
        let known = (0..world.models()).map(|index| ModelId(index as u16));
        self.look_up(keys, "model", names, known.map(|id| (id, world.model_name(id))).collect())
    }

    pub fn accounts(&mut self, keys: &[&str], names: &Names) -> Vec<AccountId> {
        let world = self.world;
        let known = (0..world.accounts()).map(|index| AccountId(index as u16));
        let named = known.map(|id| (id, world.account_name(id).unwrap_or(OWN_ACCOUNT)));
        self.look_up(keys, "account", names, named.collect())
    }

    fn look_up<Id: Copy>(
        &mut self,
        keys: &[&str],
        what: &str,
        names: &Names,
        known: Vec<(Id, &str)>,
    ) -> Vec<Id> {
        let mut found = Vec::new();
        for name in &names.0 {
            if let Some((id, _)) = known.iter().find(|(_, known)| known == name) {
                found.push(*id);
                continue;
            }
            let hint = did_you_mean(name, known.iter().map(|(_, known)| *known));
            self.problem(keys, format!("the world has no {what} \"{name}\""), hint);
        }
        found
    }
}
