//! What an account may not do, whatever its users are allowed: Regions that a policy of the organisation closes, and models
//! for which access was never granted. A closed Region also closes every profile that may lead there, with an error
//! that names a Region which the caller never asked for.

use http::StatusCode;

use super::{
    caller::Caller,
    control::arn,
    reply::{Layer, WireError},
};
use crate::{
    exception::{Exception, ExceptionKind},
    world::{RouteId, RouteKind, World},
};

/// Empty: nothing is forbidden.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forbidden {
    pub regions: Vec<String>,
    /// Base models.
    pub models: Vec<String>,
}

impl Forbidden {
    fn closes(&self, region: &str) -> bool {
        self.regions.iter().any(|closed| closed == region)
    }

    pub fn withholds(&self, model: &str) -> bool {
        self.models.iter().any(|withheld| withheld == model)
    }

    /// Whether the caller's Region is closed for what it asks.
    pub fn refuses(&self, caller: &Caller, action: &str, resource: &str) -> Option<WireError> {
        self.closes(&caller.region).then(|| denied(caller, action, resource))
    }

    /// Whether a way in may be used.
    pub fn refuses_route(
        &self,
        world: &World,
        route: RouteId,
        (caller, action): (&Caller, &str),
    ) -> Option<WireError> {
        if world.route_kind(route) == RouteKind::External {
            return None;
        }
        let model = world.model_name(world.route_model(route));
        let called = std::iter::once(world.route_region(route));
        let regions = called.chain(world.route_destinations(route).iter().copied());
        let closed = regions.map(|region| world.region_name(region)).find(|region| self.closes(region));
        if let Some(region) = closed {
            return Some(denied(caller, action, &arn::model(region, model)));
        }
        let kind = ExceptionKind::AccessDeniedException;
        self.withholds(model).then(|| WireError::from(&Exception::usual(kind)))
    }
}

fn denied(caller: &Caller, action: &str, resource: &str) -> WireError {
    let text = format!(
        "User: {} is not authorized to perform: {action} on resource: {resource} with an explicit deny in a service \
         control policy",
        caller.arn()
    );
    WireError::new(Layer::Iam, StatusCode::FORBIDDEN, "AccessDeniedException", text)
}
