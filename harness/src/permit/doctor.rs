//! What `richter doctor` asks. Nothing of it changes anything.

use std::collections::BTreeSet;

use richter_core::target::TargetSpec;

use super::{names::Names, run::IDENTITY, statement::Statement};
use crate::scenario::plan::PlanTarget;

pub fn statements(targets: &[&PlanTarget], names: Names<'_>) -> Vec<Statement> {
    let of = |kinds: &[&str]| -> Vec<String> {
        let kept = targets.iter().filter(|target| kinds.contains(&target.spec.kind()));
        kept.map(|target| match &target.spec {
            TargetSpec::Profile(_) | TargetSpec::ApplicationProfile(_) => {
                names.through(&target.spec).remove(0).profile
            }
            spec => names.direct(spec).remove(0),
        })
        .collect()
    };
    let called: BTreeSet<&str> = targets.iter().map(|target| target.spec.region()).collect();
    vec![
        Statement::on_all("Identity", [IDENTITY]),
        Statement::on_all(
            "Places",
            ["bedrock:GetModelInvocationLoggingConfiguration", "servicequotas:ListServiceQuotas"],
        )
        .in_regions(called),
        Statement::on_all("Availability", ["bedrock:GetFoundationModelAvailability"])
            .in_regions(available(targets, names).iter().map(String::as_str)),
        Statement::new("Models", ["bedrock:GetFoundationModel"], of(&["on_demand"])),
        Statement::new("Profiles", ["bedrock:GetInferenceProfile"], of(&["profile", "application_profile"])),
        Statement::new("Capacity", ["bedrock:GetProvisionedModelThroughput"], of(&["provisioned"])),
        Statement::new("Routers", ["bedrock:GetPromptRouter"], of(&["prompt_router"])),
    ]
}

/// Regions where a model's availability is asked: those of models on demand, and all that profiles lead to.
fn available(targets: &[&PlanTarget], names: Names<'_>) -> BTreeSet<String> {
    let mut regions = BTreeSet::new();
    for spec in targets.iter().map(|target| &target.spec) {
        match spec {
            TargetSpec::OnDemand(_) => drop(regions.insert(spec.region().to_owned())),
            TargetSpec::Profile(_) | TargetSpec::ApplicationProfile(_) => {
                let asked = names.through(spec).into_iter().filter(|way| !way.global);
                regions.extend(asked.flat_map(|way| std::iter::once(way.source).chain(way.regions)));
            }
            TargetSpec::Provisioned(_) | TargetSpec::PromptRouter(_) | TargetSpec::External(_) => {}
        }
    }
    regions
}
