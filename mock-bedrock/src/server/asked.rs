//! What was asked of the server, as IAM would have judged it: each action with the resources that a policy must allow.
//! Somebody who writes a policy can hold it against this. Calls of the runtime are counted by the engine's side as they
//! come, by way in; what IAM would have asked of each is worked out when somebody looks.

use std::{
    collections::BTreeMap,
    sync::{MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::Request;
use serde::Serialize;

use super::{
    Site,
    caller::Caller,
    control::{
        action::Action,
        arn::{self, Arn},
    },
    reply::WireError,
};
use crate::{
    engine::Operation,
    profile::{GLOBAL, split_geography},
    world::{RouteId, RouteKind, World},
};

/// Different questions that are kept; whatever comes on top is not, and counted.
const ENTRIES_MAX: usize = 4_096;

/// Actions beside those of the runtime, by the Region they were asked in.
#[derive(Debug, Default)]
pub struct Book {
    entries: BTreeMap<(Action, String), u64>,
    left_out: u64,
}

/// One action on one thing, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Asked {
    pub action: String,
    pub region: String,
    /// All of these must be allowed.
    pub needs: Vec<Need>,
    pub count: u64,
}

/// One resource that a policy must allow the action on, and what is said about the request when it is judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Need {
    pub resource: String,
    /// `aws:RequestedRegion`.
    pub requested_region: String,
    /// `bedrock:InferenceProfileArn`, for a model that is reached through a profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference_profile: Option<String>,
}

impl Book {
    pub fn note(&mut self, action: Action, region: &str) {
        let key = (action, region.to_owned());
        let room = self.entries.len() < ENTRIES_MAX;
        match self.entries.get_mut(&key) {
            Some(count) => *count += 1,
            None if room => drop(self.entries.insert(key, 1)),
            None => self.left_out += 1,
        }
    }

    pub fn clear(&mut self) {
        *self = Book::default();
    }

    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    pub fn all(&self) -> impl Iterator<Item = Asked> {
        self.entries.iter().map(|((action, region), count)| Asked {
            action: action.name.clone(),
            region: region.clone(),
            needs: vec![Need {
                resource: action.resource.clone(),
                requested_region: region.clone(),
                inference_profile: None,
            }],
            count: *count,
        })
    }
}

impl Site {
    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked so far, the runtime's first; and how many different questions found no room.
    pub(super) fn asked(&self) -> (Vec<Asked>, u64) {
        let account = &self.settings.account;
        let mut all: Vec<Asked> = self.live.look(&self.clock, |inside, _| {
            let counted = inside.by_route.iter();
            let asked = counted.map(|((operation, route), count)| {
                of_route(&self.world, account, *operation, *route, *count)
            });
            asked.collect()
        });
        let book = self.book();
        all.extend(book.all());
        (all, book.left_out())
    }

    /// Notes what is asked beside the runtime, and refuses it where the Region is closed. STS and Service Quotas stay
    /// open, as the organisation policies that AWS gives as examples have it.
    pub(super) fn note(&self, caller: &Caller, request: &Request<Bytes>) -> Option<WireError> {
        let action = Action::of(request, caller)?;
        let closed = action.name.starts_with("bedrock:");
        let refusal = self.settings.forbidden.refuses(caller, &action.name, &action.resource);
        self.book().note(action, &caller.region);
        refusal.filter(|_| closed)
    }
}

/// What IAM asks of a call on one way in; nothing where that leads out of AWS.
pub fn of_route(world: &World, account: &str, operation: Operation, route: RouteId, count: u64) -> Asked {
    Asked {
        action: action(operation).to_owned(),
        region: world.region_name(world.route_region(route)).to_owned(),
        needs: needs(world, world.route_account(route).unwrap_or(account), route),
        count,
    }
}

/// Converse needs the same two permissions as InvokeModel.
pub const fn action(operation: Operation) -> &'static str {
    if operation.streams() { "bedrock:InvokeModelWithResponseStream" } else { "bedrock:InvokeModel" }
}

fn needs(world: &World, account: &str, route: RouteId) -> Vec<Need> {
    let region = world.region_name(world.route_region(route));
    let (id, model) = (world.route_id(route), world.model_name(world.route_model(route)));
    let need = |resource: String, requested: &str, through: Option<&str>| Need {
        resource,
        requested_region: requested.to_owned(),
        inference_profile: through.map(str::to_owned),
    };
    let plain = |resource: String| need(resource, region, None);
    match world.route_kind(route) {
        RouteKind::External => Vec::new(),
        RouteKind::OnDemand => vec![plain(arn::model(region, model))],
        RouteKind::Provisioned => vec![plain(id.to_owned())],
        RouteKind::PromptRouter => {
            let inner = world.route_ways(route).into_iter().flat_map(|way| needs(world, account, way));
            std::iter::once(plain(id.to_owned())).chain(inner).collect()
        }
        RouteKind::Profile | RouteKind::ApplicationProfile => {
            let profile = match Arn::parse(id) {
                Some(_) => id.to_owned(),
                None => arn::owned(region, account, "inference-profile", id),
            };
            let of = |requested: &str| need(arn::model(requested, model), requested, Some(&profile));
            let global = split_geography(id.rsplit('/').next().unwrap_or(id))
                .is_some_and(|(prefix, _)| prefix == GLOBAL);
            let mut all = vec![plain(profile.clone()), of(region)];
            if global {
                all.push(need(arn::model("", model), "unspecified", Some(&profile)));
            } else {
                let regions = world.route_destinations(route).iter().map(|place| world.region_name(*place));
                all.extend(regions.filter(|place| *place != region).map(of));
            }
            all
        }
    }
}
