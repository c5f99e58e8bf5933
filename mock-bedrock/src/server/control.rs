//! Bedrock's control plane, and as much of STS and Service Quotas as its clients ask for.
//!
//! It tells of the world as it was furnished and keeps what callers create: application profiles, provisioned
//! throughput, prompt routers, the logging configuration and tags, apart for each account and Region. What was created
//! can be used at run time; [`Control::resolve`] says what a model id leads to. Pure: the time is handed in, nothing
//! is stored outside, and everything that could grow has a limit. Start reading at [`Control::answer`].
//!
//! Bedrock's own texts for what does not exist were not captured; those here name the thing.

pub mod action;
pub mod arn;
mod ask;
mod atlas;
mod form;
mod holdings;
mod iam;
mod logging;
mod models;
mod naming;
mod profiles;
mod provisioned;
mod quotas;
mod resolve;
mod routers;
pub(super) mod sts;
mod tags;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use self::{atlas::Atlas, form::Protocol, holdings::Holdings};
use super::{
    caller::Caller,
    forbidden::Forbidden,
    path::segments,
    reply::{self, WireError},
};
use crate::{
    Nanos,
    cloudwatch::{CloudWatch, Millis},
    record::rfc3339,
    world::World,
};

pub use form::{TARGET, refuse, unknown_operation};
pub use resolve::{Resolved, stand};

/// How a control plane behaves.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// From asking for provisioned throughput, or for a change of it, until it is in service.
    pub provision_within: Nanos,
    /// From making or changing a role until services can use it.
    pub role_usable_after: Nanos,
    pub forbidden: Forbidden,
}

/// The moment at which a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    pub now: Nanos,
    /// Milliseconds since 1970 at `now` zero.
    pub unix_ms_at_zero: u64,
    /// Seconds since 1970 on the caller's own clock, however fast the engine's runs.
    pub unix_s: u64,
}

impl When {
    fn text(self, at: Nanos) -> String {
        rfc3339(self.unix_ms_at_zero.saturating_add(at / 1_000_000) / 1_000)
    }

    /// Now, in milliseconds since 1970.
    pub fn unix_ms(self) -> Millis {
        Millis::try_from(self.unix_ms_at_zero.saturating_add(self.now / 1_000_000)).unwrap_or(Millis::MAX)
    }
}

/// An answer that is not an error, before it gets its form.
#[derive(Debug, Clone, PartialEq)]
struct Reply {
    status: StatusCode,
    body: Value,
}

type Answer = Result<Reply, WireError>;

fn ok(body: Value) -> Answer {
    Ok(Reply { status: StatusCode::OK, body })
}

fn created(body: Value) -> Answer {
    Ok(Reply { status: StatusCode::CREATED, body })
}

fn nothing() -> Answer {
    ok(json!({}))
}

/// One request on its way through an operation.
#[derive(Debug, Clone, Copy)]
struct Ask<'a> {
    caller: &'a Caller,
    request: &'a Request<Bytes>,
    when: When,
}

/// The control plane and what it keeps.
#[derive(Debug)]
pub struct Control {
    settings: Settings,
    atlas: Atlas,
    /// By account and Region.
    holdings: BTreeMap<(String, String), Holdings>,
    empty: Holdings,
    /// Resources ever made, for their ids.
    made: u64,
    /// Roles of IAM, which belong to no Region.
    roles: iam::Roles,
    /// Where log groups are. Whoever locks both locks the control plane first.
    cloud: Arc<Mutex<CloudWatch>>,
}

impl Control {
    /// Tells of the ways in that the world has, [`stand`] included or not.
    pub fn new(settings: Settings, world: &World, cloud: Arc<Mutex<CloudWatch>>) -> Control {
        let atlas = Atlas::of(world);
        Control {
            atlas,
            settings,
            holdings: BTreeMap::new(),
            empty: Holdings::default(),
            made: 0,
            roles: iam::Roles::new(),
            cloud,
        }
    }

    fn cloud(&self) -> MutexGuard<'_, CloudWatch> {
        self.cloud.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything that callers made.
    pub fn reset(&mut self) {
        self.holdings.clear();
        self.roles.clear();
        self.made = 0;
    }

    /// Answers whatever is no operation on a model.
    pub fn answer(
        &mut self,
        caller: &Caller,
        request: &Request<Bytes>,
        when: When,
        request_id: &str,
    ) -> Response<Bytes> {
        let ask = Ask { caller, request, when };
        match Protocol::of(request) {
            Protocol::Query if iam::is_meant(&ask) => self.iam(&ask, request_id),
            Protocol::Query => sts::answer(&ask, request_id),
            Protocol::AwsJson => quotas::answer(&self.atlas, &ask, request_id),
            Protocol::RestJson => match self.bedrock(&ask) {
                Some(Ok(reply)) => reply::json(reply.status, &reply.body, request_id),
                Some(Err(error)) => error.reply(request_id),
                None => unknown_operation(request_id),
            },
        }
    }

    /// The logging configuration of an account in a Region, as it was put.
    pub fn logging(&self, account: &str, region: &str) -> Option<&Value> {
        self.of(account, region).logging.as_ref()
    }

    fn bedrock(&mut self, ask: &Ask<'_>) -> Option<Answer> {
        let path = segments(ask.request.uri().path())?;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let method = ask.request.method();
        let place = (method, path.as_slice());
        Some(match place {
            (&Method::GET, ["foundation-models"]) => self.list_models(ask),
            (&Method::GET, ["foundation-models", id]) => self.get_model(ask, id),
            (&Method::GET, ["foundation-model-availability", id]) => self.availability(ask, id),
            (&Method::GET, ["inference-profiles"]) => self.list_profiles(ask),
            (&Method::POST, ["inference-profiles"]) => self.create_profile(ask),
            (&Method::GET, ["inference-profiles", id]) => self.get_profile(ask, id),
            (&Method::DELETE, ["inference-profiles", id]) => self.delete_profile(ask, id),
            (&Method::GET, ["provisioned-model-throughputs"]) => self.list_provisioned(ask),
            (&Method::POST, ["provisioned-model-throughput"]) => self.create_provisioned(ask),
            (&Method::GET, ["provisioned-model-throughput", id]) => self.get_provisioned(ask, id),
            (&Method::PATCH, ["provisioned-model-throughput", id]) => self.update_provisioned(ask, id),
            (&Method::DELETE, ["provisioned-model-throughput", id]) => self.delete_provisioned(ask, id),
            (&Method::GET, ["prompt-routers"]) => self.list_routers(ask),
            (&Method::POST, ["prompt-routers"]) => self.create_router(ask),
            (&Method::GET, ["prompt-routers", arn]) => self.get_router(ask, arn),
            (&Method::DELETE, ["prompt-routers", arn]) => self.delete_router(ask, arn),
            (&Method::GET, ["logging", "modelinvocations"]) => self.get_logging(ask),
            (&Method::PUT, ["logging", "modelinvocations"]) => self.put_logging(ask),
            (&Method::DELETE, ["logging", "modelinvocations"]) => self.delete_logging(ask),
            (&Method::POST, ["tagResource"]) => self.tag(ask),
            (&Method::POST, ["untagResource"]) => self.untag(ask),
            (&Method::POST, ["listTagsForResource"]) => self.list_tags(ask),
            _ => return None,
        })
    }

    fn of(&self, account: &str, region: &str) -> &Holdings {
        self.holdings.get(&(account.to_owned(), region.to_owned())).unwrap_or(&self.empty)
    }

    fn held(&self, ask: &Ask<'_>) -> &Holdings {
        self.of(&ask.caller.account, &ask.caller.region)
    }

    fn held_mut(&mut self, ask: &Ask<'_>) -> &mut Holdings {
        let key = (ask.caller.account.clone(), ask.caller.region.clone());
        self.holdings.entry(key).or_default()
    }

    /// A new id, never given before since the last reset.
    fn new_id(&mut self, ask: &Ask<'_>, kind: &str) -> String {
        self.made += 1;
        arn::id(&[&ask.caller.account, &ask.caller.region, kind, &self.made.to_string()])
    }
}

#[cfg(test)]
mod tests;
