//! Accounts and their quotas.

use indexmap::IndexSet;

use super::{
    super::spec::{QuotaSpec, QuotasSpec},
    AccountId, Builder, ModelId, PoolId, PoolSettings, Way,
};
use crate::units::Rate;

/// The account's number; a new name gets the next one.
pub(super) fn id<'a>(name: Option<&'a str>, accounts: &mut IndexSet<&'a str>) -> AccountId {
    let Some(name) = name else { return AccountId(0) };
    // Never more accounts than routes, and those were counted.
    AccountId(u16::try_from(accounts.insert_full(name).0 + 1).unwrap_or(u16::MAX))
}

impl<'a> Builder<'a> {
    /// Quotas of an account; those of one that nobody wrote of are as large as the first one's.
    fn quotas(&self, account: AccountId) -> Option<&'a QuotasSpec> {
        let own = usize::from(account.0).checked_sub(1).and_then(|place| {
            let name = self.accounts.get_index(place)?;
            self.spec.accounts.as_ref()?.get(*name)
        });
        own.map(|own| &own.quotas).or(self.spec.quotas.as_ref())
    }

    /// The pool of one model in one Region and account; a quota that nobody wrote does not limit.
    pub(super) fn quota_pool(&mut self, kind: &str, way: &Way<'a>, model_id: ModelId) -> PoolId {
        let model = self.world.model_name(model_id);
        let regions = self.quotas(way.account).map(|quotas| match kind {
            "on_demand" => &quotas.on_demand,
            "profile" => &quotas.profile,
            _ => &quotas.global_profile,
        });
        let quota = regions.and_then(|regions| regions.get(way.region));
        let (requests, tokens) = quota.map_or((None, None), |quota| quota_of(quota, model));
        let mut name = format!("{kind} {} {model}", way.region);
        if let Some(place) = usize::from(way.account.0).checked_sub(1)
            && let Some(account) = self.accounts.get_index(place)
        {
            name = format!("{name} of {account}");
        }
        let settings = PoolSettings {
            name,
            account: way.account,
            region: self.region_id(way.region),
            model: model_id,
            requests_per_minute: requests.map(Rate::per_minute),
            tokens_per_minute: tokens.map(Rate::per_minute),
            day: self.day(way),
            concurrent: None,
        };
        self.pool_id(settings)
    }

    fn day(&mut self, way: &Way<'a>) -> Option<u16> {
        let cap = self.quotas(way.account)?.tokens_per_day.get(way.region)?;
        let place = self.days.insert_full((way.account, way.region), cap.0).0;
        u16::try_from(place).ok()
    }
}

fn quota_of(quota: &QuotaSpec, model: &str) -> (Option<Rate>, Option<Rate>) {
    let own = quota.models.get(model);
    let requests = own.and_then(|own| own.requests).or(quota.requests);
    (requests, own.and_then(|own| own.tokens).or(quota.tokens))
}
