//! What a run calls: models, directly and through profiles; roles of other accounts; and STS, to say who pays.

use std::collections::{BTreeMap, BTreeSet};

use richter_core::target::Account;

use super::{
    names::{Names, Through, model},
    statement::Statement,
};
use crate::{
    load::Traffic,
    scenario::plan::{Plan, PlanTarget},
};

const WHOLE: &str = "bedrock:InvokeModel";
const STREAM: &str = "bedrock:InvokeModelWithResponseStream";
/// Needs no permission today; it is written down for organisations that deny what is not.
pub const IDENTITY: &str = "sts:GetCallerIdentity";

pub fn statements(targets: &[&PlanTarget], traffic: &Traffic, names: Names<'_>) -> Vec<Statement> {
    let actions: BTreeSet<&'static str> =
        traffic.classes.iter().map(|class| if class.api.streams() { STREAM } else { WHOLE }).collect();
    let direct: BTreeSet<String> = targets.iter().flat_map(|target| names.direct(&target.spec)).collect();
    let through: Vec<Through> = targets.iter().flat_map(|target| names.through(&target.spec)).collect();
    let profiles = through.iter().map(|way| way.profile.clone());
    let mut all = vec![
        Statement::on_all("Identity", [IDENTITY]),
        Statement::new("CallModels", actions.clone(), direct.iter().cloned()),
        Statement::new("CallProfiles", actions.clone(), profiles),
    ];
    all.extend(behind(&through, &direct, &actions));
    all
}

/// Models behind profiles, one statement for each set of profiles that lead to them: only by way of those. What may be
/// called directly needs no other permission.
fn behind(
    through: &[Through],
    direct: &BTreeSet<String>,
    actions: &BTreeSet<&'static str>,
) -> Vec<Statement> {
    let mut by_model: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut everywhere: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for way in through {
        let regions = std::iter::once(&way.source).chain(&way.regions);
        for arn in regions.map(|region| model(region, region, &way.model)) {
            if !direct.contains(&arn) {
                by_model.entry(arn).or_default().insert(way.profile.clone());
            }
        }
        if way.global {
            everywhere.entry(model("", &way.source, &way.model)).or_default().insert(way.profile.clone());
        }
    }
    let regional = grouped(by_model).into_iter().enumerate().map(|(place, (profiles, models))| {
        let sid = REGIONAL.get(place).copied().unwrap_or("");
        through_profiles(Statement::new(sid, actions.clone(), models), profiles)
    });
    let global = grouped(everywhere).into_iter().enumerate().map(|(place, (profiles, models))| {
        let sid = GLOBAL.get(place).copied().unwrap_or("");
        through_profiles(Statement::new(sid, actions.clone(), models), profiles).in_regions(["unspecified"])
    });
    regional.chain(global).collect()
}

/// Statements need names that differ, or none; nobody has more sets of profiles than this.
const REGIONAL: [&str; 6] = [
    "ModelsBehindProfiles",
    "ModelsBehindProfiles2",
    "ModelsBehindProfiles3",
    "ModelsBehindProfiles4",
    "ModelsBehindProfiles5",
    "ModelsBehindProfiles6",
];
const GLOBAL: [&str; 3] =
    ["ModelsBehindGlobalProfiles", "ModelsBehindGlobalProfiles2", "ModelsBehindGlobalProfiles3"];

/// Models by the set of profiles that lead to them.
fn grouped(by_model: BTreeMap<String, BTreeSet<String>>) -> BTreeMap<BTreeSet<String>, BTreeSet<String>> {
    let mut by_profiles: BTreeMap<BTreeSet<String>, BTreeSet<String>> = BTreeMap::new();
    for (model, profiles) in by_model {
        by_profiles.entry(profiles).or_default().insert(model);
    }
    by_profiles
}

/// `StringLike`, since an account that nobody knows is written as `*`.
fn through_profiles(statement: Statement, profiles: BTreeSet<String>) -> Statement {
    let operator =
        if profiles.iter().any(|profile| profile.contains('*')) { "StringLike" } else { "StringEquals" };
    statement.when(operator, "bedrock:InferenceProfileArn", profiles)
}

/// Roles of other accounts that targets are called with.
pub fn roles(plan: &Plan) -> Option<Statement> {
    let roles: BTreeSet<String> = plan
        .targets
        .iter()
        .filter_map(|target| match target.spec.account()? {
            Account::Role(arn) => Some(arn.clone()),
            Account::Profile(_) => None,
        })
        .collect();
    (!roles.is_empty()).then(|| Statement::new("OtherAccounts", ["sts:AssumeRole"], roles))
}
