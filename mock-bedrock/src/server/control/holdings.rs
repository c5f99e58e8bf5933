//! What one account has made in one Region.

use indexmap::IndexMap;
use serde_json::Value;

use super::ask::{invalid, refuse};
use crate::{Nanos, exception::ExceptionKind, server::reply::WireError};

/// Most resources of one kind; Bedrock's quotas for them are of this size.
pub const RESOURCES_MAX: usize = 1_000;
/// Most tags on one resource.
pub const TAGS_MAX: usize = 50;

pub type Tags = IndexMap<String, String>;

#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// Application profiles by id.
    pub profiles: IndexMap<String, Application>,
    /// Provisioned throughput by id.
    pub provisioned: IndexMap<String, Provisioned>,
    /// Custom prompt routers by id.
    pub routers: IndexMap<String, Router>,
    pub logging: Option<Value>,
}

/// An application inference profile.
#[derive(Debug, Clone)]
pub struct Application {
    pub name: String,
    pub description: Option<String>,
    pub source: Source,
    pub models: Vec<String>,
    pub at: Nanos,
    pub token: Option<String>,
    pub tags: Tags,
}

/// What an application profile was copied from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Model(String),
    Profile(String),
}

#[derive(Debug, Clone)]
pub struct Provisioned {
    pub name: String,
    pub units: u64,
    /// The model that is served until `changed` is through.
    pub model: String,
    pub desired: String,
    pub commitment: Option<Commitment>,
    pub at: Nanos,
    pub modified: Nanos,
    /// When the last change of the model was asked for.
    pub changed: Option<Nanos>,
    pub token: Option<String>,
    pub tags: Tags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commitment {
    OneMonth,
    SixMonths,
}

#[derive(Debug, Clone)]
pub struct Router {
    pub name: String,
    pub description: Option<String>,
    /// ARNs.
    pub models: Vec<String>,
    pub fallback: String,
    pub quality_difference: f64,
    pub at: Nanos,
    pub token: Option<String>,
    pub tags: Tags,
}

/// Refuses one more resource than may be.
pub fn room(count: usize, what: &str) -> Result<(), WireError> {
    if count < RESOURCES_MAX {
        return Ok(());
    }
    let text =
        format!("You have reached the limit of {RESOURCES_MAX} {what} for your account in this Region.");
    Err(refuse(ExceptionKind::ServiceQuotaExceededException, text))
}

/// The id of a resource made earlier with the same request token: asking again makes nothing new.
pub fn made_before<'a, T>(
    all: &'a IndexMap<String, T>,
    token: Option<&str>,
    token_of: impl Fn(&T) -> Option<&str>,
) -> Option<&'a str> {
    let token = token?;
    all.iter().find(|(_, one)| token_of(one) == Some(token)).map(|(id, _)| id.as_str())
}

/// Names are unique among their kind.
pub fn unique<'a>(mut names: impl Iterator<Item = &'a str>, name: &str, what: &str) -> Result<(), WireError> {
    if names.any(|other| other == name) {
        let text = format!("A {what} with the name {name} already exists.");
        return Err(refuse(ExceptionKind::ConflictException, text));
    }
    Ok(())
}

pub fn missing(what: &str, id: &str) -> WireError {
    let text = format!("Could not find the {what} {id}.");
    refuse(ExceptionKind::ResourceNotFoundException, text)
}

/// A model id that leads nowhere, in the words that the runtime has for it.
pub fn no_such_model() -> WireError {
    invalid("The provided model identifier is invalid.")
}
