//! What callers name: a model id or ARN in a Region, of some account. Here are the ways into a world, those that a
//! world has by itself, and how a name on the wire finds its route.

use std::borrow::Cow;

use super::{RouteId, World, spec::WorldSpec};
use crate::profile;

/// What kind of thing a caller names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    OnDemand,
    Profile,
    Provisioned,
    ApplicationProfile,
    PromptRouter,
    /// An endpoint outside AWS; its address stands for the Region.
    External,
}

/// A route to resolve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSpec<'a> {
    pub kind: RouteKind,
    /// Whose quota it draws on; `None` is the world's own account.
    pub account: Option<&'a str>,
    pub region: &'a str,
    /// What the caller sends as model id.
    pub id: Cow<'a, str>,
    /// What an application profile copies, or the two models of a prompt router; empty where the world says it.
    pub leads_to: &'a [String],
}

impl<'a> From<(RouteKind, &'a str, &'a str)> for RouteSpec<'a> {
    fn from((kind, region, id): (RouteKind, &'a str, &'a str)) -> RouteSpec<'a> {
        RouteSpec { kind, account: None, region, id: id.into(), leads_to: &[] }
    }
}

impl WorldSpec {
    /// Every way into this world: what it furnishes in each of its Regions, for every account, and the profiles of
    /// all geographies. For a server that does not know what its callers will name.
    pub fn every_route(&self) -> Vec<RouteSpec<'_>> {
        let mut routes: Vec<RouteSpec<'_>> = Vec::new();
        let others = self.accounts.iter().flatten().map(|(name, _)| Some(name.as_str()));
        for account in std::iter::once(None).chain(others) {
            let before = routes.len();
            self.in_regions(&mut routes);
            self.by_arn(&mut routes);
            routes[before..].iter_mut().for_each(|route| route.account = account);
        }
        for (address, external) in self.external.iter().flatten() {
            let own = external.models.keys().chain(self.models.iter().flatten().map(|(name, _)| name));
            routes.extend(own.map(|id| (RouteKind::External, address.as_str(), id.as_str()).into()));
        }
        routes
    }

    fn in_regions<'a>(&'a self, routes: &mut Vec<RouteSpec<'a>>) {
        for region in self.regions.iter().flatten().map(|(name, _)| name.as_str()) {
            for model in self.models.iter().flatten().map(|(name, _)| name.as_str()) {
                routes.push((RouteKind::OnDemand, region, model).into());
                for prefix in profile::geographies() {
                    let id = format!("{prefix}.{model}");
                    let written = self.profiles.iter().flatten().any(|(name, _)| *name == id);
                    if !written && !profile::destinations(prefix, region).is_empty() {
                        let route = (RouteKind::Profile, region, "").into();
                        routes.push(RouteSpec { id: id.into(), ..route });
                    }
                }
            }
            for (id, written) in self.profiles.iter().flatten() {
                let geography = profile::split_geography(id);
                let known = || geography.is_some_and(|(p, _)| !profile::destinations(p, region).is_empty());
                if written.destinations.contains_key(region) || written.destinations.is_empty() && known() {
                    routes.push((RouteKind::Profile, region, id.as_str()).into());
                }
            }
        }
    }

    fn by_arn<'a>(&'a self, routes: &mut Vec<RouteSpec<'a>>) {
        let bought = self.provisioned.iter().flatten().map(|(arn, _)| (RouteKind::Provisioned, arn));
        let copies = self.application_profiles.iter().flatten();
        let copies = copies.map(|(arn, _)| (RouteKind::ApplicationProfile, arn));
        let routers = self.prompt_routers.iter().flatten().filter(|(_, router)| !router.models.is_empty());
        let routers = routers.map(|(arn, _)| (RouteKind::PromptRouter, arn));
        for (kind, arn) in bought.chain(copies).chain(routers) {
            if let Some(region) = arn.split(':').nth(3) {
                routes.push((kind, region, arn.as_str()).into());
            }
        }
    }
}

impl World {
    /// The route that a caller of this account reaches in a Region with this model id, decoded. Base models and
    /// cross-Region profiles go by id or by ARN, everything else by its whole ARN.
    pub fn find(&self, account: Option<&str>, region: &str, model_id: &str) -> Option<RouteId> {
        let region = self.region(region)?;
        let wanted = callable(model_id);
        let fits = |place: &usize| {
            let route = &self.routes[*place];
            route.region == region
                && self.account_name(route.account) == account
                && callable(&self.route_ids[*place]) == wanted
        };
        (0..self.asked).find(fits).and_then(|place| u16::try_from(place).ok()).map(RouteId)
    }
}

/// The id at the end of the ARN of a base model or of a system's profile; else the whole name.
fn callable(id: &str) -> &str {
    let short = |kind: &str| id.split_once(kind).filter(|(arn, _)| arn.starts_with("arn:"));
    let found = short(":foundation-model/").or_else(|| short(":inference-profile/"));
    found.map_or(id, |(_, id)| id)
}
