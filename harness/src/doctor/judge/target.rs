//! Whether each target can be called, and whether the Regions behind profiles are open to this account.

use std::collections::BTreeMap;

use super::{refused, unknown};
use crate::{
    aws::AccessError,
    doctor::{
        facts::{Availability, Facts, ProfileFacts, TargetFacts, Told},
        report::{Check, Kind},
    },
};

/// Checks of one target; `account` is empty for the run's own.
pub fn target(target: &TargetFacts, account: &str) -> Vec<Check> {
    let whose = if account.is_empty() { String::new() } else { format!(" of {account}") };
    let about = format!("{}: {} in {}{whose}", target.name, short(&target.id), target.region);
    match &target.told {
        Told::Model { model, on_demand, available } => vec![model_check(&about, model, on_demand, available)],
        Told::Profile { found } => vec![profile(about, found)],
        Told::Capacity { found, wanted } => vec![capacity(about, found, wanted)],
        Told::Nothing { why } => vec![Check::ok(Kind::Model, target.name.clone(), why.clone())],
    }
}

/// What an ARN names.
fn short(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

fn model_check(
    about: &str,
    model: &str,
    on_demand: &Result<bool, AccessError>,
    available: &Result<Availability, AccessError>,
) -> Check {
    let kind = Kind::Model;
    match (on_demand, available) {
        (Err(error), _) => refused(kind, about, error),
        (_, Err(error)) if is_closed(error) => refused(kind, about, error),
        (_, Err(error)) => unknown(kind, about, error),
        (_, Ok(Availability { in_region: false, .. })) => Check::fail(
            kind,
            about,
            "this Region does not have the model",
            "call it in another Region, or through a profile",
        ),
        (_, Ok(Availability { granted: false, .. })) => no_access(kind, about, model),
        (Ok(false), _) => Check::fail(
            kind,
            about,
            "the model cannot be called on demand here",
            format!("use an inference profile, such as us.{model} or global.{model}"),
        ),
        (Ok(true), Ok(_)) => Check::ok(kind, about, "access is granted, on demand"),
    }
}

fn no_access(kind: Kind, about: &str, model: &str) -> Check {
    Check::fail(
        kind,
        about,
        format!("this account has no access to {model}"),
        "open the model's page in the Bedrock console and request access, or accept its agreement",
    )
}

fn profile(about: String, found: &Result<ProfileFacts, AccessError>) -> Check {
    match found {
        Err(error) => refused(Kind::Profile, about, error),
        Ok(profile) if profile.status != "ACTIVE" => Check::fail(
            Kind::Profile,
            about,
            format!("its status is {}", profile.status),
            "wait until it is ACTIVE, or make another",
        ),
        Ok(profile) if profile.global => Check::ok(
            Kind::Profile,
            about,
            "active; it may lead to any commercial Region, so a policy of the organisation must not deny the Region \
             called unspecified",
        ),
        Ok(profile) => {
            Check::ok(Kind::Profile, about, format!("active; leads to {}", profile.destinations.join(", ")))
        }
    }
}

/// A model, and what was said of it.
type Said<'a> = (&'a str, &'a Result<Availability, AccessError>);

fn capacity(about: String, found: &Result<String, AccessError>, wanted: &str) -> Check {
    match found {
        Err(error) => refused(Kind::Capacity, about, error),
        Ok(status) if status == wanted => Check::ok(Kind::Capacity, about, format!("its status is {status}")),
        Ok(status) => Check::fail(
            Kind::Capacity,
            about,
            format!("its status is {status}"),
            format!("wait until it is {wanted}"),
        ),
    }
}

/// One check for each profile's set of Regions and model: that a single one is closed breaks all of it.
pub fn destinations(facts: &Facts) -> Vec<Check> {
    let mut by_region: BTreeMap<(usize, &str), Vec<Said<'_>>> = BTreeMap::new();
    for ((account, region, model), told) in &facts.destinations {
        by_region.entry((*account, region)).or_default().push((model, told));
    }
    let checks = by_region.into_iter().map(|((account, region), told)| {
        let about = super::place_name(facts, account, region);
        let users = users(facts, account, region);
        destination(about, &users, &told)
    });
    checks.collect()
}

/// Names of the targets whose profile leads to a Region.
fn users(facts: &Facts, account: usize, region: &str) -> String {
    let leads = |target: &&TargetFacts| match &target.told {
        Told::Profile { found: Ok(profile) } => {
            target.account == account && profile.destinations.iter().any(|place| place == region)
        }
        _ => false,
    };
    facts.targets.iter().filter(leads).map(|target| target.name.as_str()).collect::<Vec<_>>().join(", ")
}

fn destination(about: String, users: &str, told: &[(&str, &Result<Availability, AccessError>)]) -> Check {
    let kind = Kind::Destination;
    let refusal = told.iter().find_map(|(_, told)| told.as_ref().err());
    let withheld = told.iter().find(|(_, told)| told.as_ref().is_ok_and(|available| !available.granted));
    match (refusal, withheld) {
        (Some(error), _) if is_closed(error) => Check::fail(
            kind,
            about,
            format!("closed by a policy of the organisation, which breaks {users}: {}", error.what),
            "ask for bedrock:InvokeModel* to be excepted there, or use a profile that does not lead there",
        ),
        (Some(error), _) => unknown(kind, about, error),
        (None, Some((model, _))) => no_access(kind, &about, model),
        (None, None) => Check::ok(kind, about, format!("open; {users} may be served there")),
    }
}

/// Whether a policy of the organisation says no.
fn is_closed(error: &AccessError) -> bool {
    error.what.contains("service control policy") || error.what.contains("resource control policy")
}
