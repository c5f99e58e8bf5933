//! What a request is called in IAM: the action, and the resource that a policy must name for it. `*` where AWS's service
//! authorization reference lists no resource for the action.

use bytes::Bytes;
use http::{Method, Request};

use super::{
    arn::{self, Arn},
    form::{Protocol, TARGET},
    profiles::{APPLICATION, SYSTEM},
    sts,
};
use crate::server::{caller::Caller, path::segments};

/// An action as IAM names it, and what it is done to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    pub name: String,
    pub resource: String,
}

impl Action {
    /// None for what is no operation.
    pub fn of(request: &Request<Bytes>, caller: &Caller) -> Option<Action> {
        match Protocol::of(request) {
            Protocol::Query => {
                let name = sts::parameter(request, "Action")?;
                if sts::parameter(request, "Version").as_deref() == Some("2010-05-08") {
                    let role = sts::parameter(request, "RoleName").unwrap_or_else(|| "*".to_owned());
                    return Some(on(
                        format!("iam:{name}"),
                        format!("arn:aws:iam::{}:role/{role}", caller.account),
                    ));
                }
                let role = sts::parameter(request, "RoleArn").filter(|_| name.starts_with("AssumeRole"));
                Some(on(format!("sts:{name}"), role.unwrap_or_else(|| "*".to_owned())))
            }
            _ => of_target(request).or_else(|| of_service(request)).or_else(|| of_bedrock(request, caller)),
        }
    }
}

fn on(name: impl Into<String>, resource: impl Into<String>) -> Action {
    Action { name: name.into(), resource: resource.into() }
}

/// AWS JSON: `x-amz-target: Logs_20140328.StartQuery`.
fn of_target(request: &Request<Bytes>) -> Option<Action> {
    let (service, operation) = request.headers().get(TARGET)?.to_str().ok()?.rsplit_once('.')?;
    prefix(service).map(|prefix| on(format!("{prefix}:{operation}"), "*"))
}

/// RPC v2: `/service/GraniteServiceVersion20100801/operation/GetMetricData`.
fn of_service(request: &Request<Bytes>) -> Option<Action> {
    let path = segments(request.uri().path())?;
    match path.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["service", service, "operation", operation] => {
            prefix(service).map(|prefix| on(format!("{prefix}:{operation}"), "*"))
        }
        _ => None,
    }
}

fn prefix(service: &str) -> Option<&'static str> {
    let table = [("ServiceQuotas", "servicequotas"), ("Logs_", "logs"), ("GraniteService", "cloudwatch")];
    table.into_iter().find(|(start, _)| service.starts_with(start)).map(|(_, prefix)| prefix)
}

fn of_bedrock(request: &Request<Bytes>, caller: &Caller) -> Option<Action> {
    let path = segments(request.uri().path())?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let region = &*caller.region;
    let own = |kind: &str, id: &str| match Arn::parse(id) {
        Some(_) => id.to_owned(),
        None => arn::owned(region, &caller.account, kind, id),
    };
    let profile = |id: &str| {
        let made = !id.contains('.');
        own(if made { APPLICATION } else { SYSTEM }, id)
    };
    let model = |id: &str| if Arn::parse(id).is_some() { id.to_owned() } else { arn::model(region, id) };
    let (name, resource) = match (request.method(), path.as_slice()) {
        (&Method::GET, ["foundation-models"]) => ("ListFoundationModels", "*".to_owned()),
        (&Method::GET, ["foundation-models", id]) => ("GetFoundationModel", model(id)),
        (&Method::GET, ["foundation-model-availability", _]) => {
            ("GetFoundationModelAvailability", "*".to_owned())
        }
        (&Method::GET, ["inference-profiles"]) => ("ListInferenceProfiles", "*".to_owned()),
        (&Method::POST, ["inference-profiles"]) => ("CreateInferenceProfile", "*".to_owned()),
        (&Method::GET, ["inference-profiles", id]) => ("GetInferenceProfile", profile(id)),
        (&Method::DELETE, ["inference-profiles", id]) => ("DeleteInferenceProfile", profile(id)),
        (&Method::GET, ["provisioned-model-throughputs"]) => {
            ("ListProvisionedModelThroughputs", "*".to_owned())
        }
        (&Method::POST, ["provisioned-model-throughput"]) => {
            ("CreateProvisionedModelThroughput", "*".to_owned())
        }
        (method, ["provisioned-model-throughput", id]) => {
            let name = match *method {
                Method::GET => "GetProvisionedModelThroughput",
                Method::PATCH => "UpdateProvisionedModelThroughput",
                Method::DELETE => "DeleteProvisionedModelThroughput",
                _ => return None,
            };
            (name, own("provisioned-model", id))
        }
        (&Method::GET, ["prompt-routers"]) => ("ListPromptRouters", "*".to_owned()),
        (&Method::POST, ["prompt-routers"]) => ("CreatePromptRouter", "*".to_owned()),
        (&Method::GET, ["prompt-routers", id]) => ("GetPromptRouter", own("prompt-router", id)),
        (&Method::DELETE, ["prompt-routers", id]) => ("DeletePromptRouter", own("prompt-router", id)),
        (method, ["logging", "modelinvocations"]) => {
            let name = match *method {
                Method::GET => "GetModelInvocationLoggingConfiguration",
                Method::PUT => "PutModelInvocationLoggingConfiguration",
                Method::DELETE => "DeleteModelInvocationLoggingConfiguration",
                _ => return None,
            };
            (name, "*".to_owned())
        }
        (&Method::POST, ["tagResource"]) => ("TagResource", "*".to_owned()),
        (&Method::POST, ["untagResource"]) => ("UntagResource", "*".to_owned()),
        (&Method::POST, ["listTagsForResource"]) => ("ListTagsForResource", "*".to_owned()),
        _ => return None,
    };
    Some(on(format!("bedrock:{name}"), resource))
}
