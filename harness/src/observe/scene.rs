//! From a plan's targets to what is called in each Region: one [`Scene`] for each, since logging, groups and filters are a
//! Region's affair. Calls of a profile are logged in its source Region, whoever serves them.

use indexmap::IndexMap;
use richter_core::target::TargetSpec;
use richter_mock_bedrock::world::RouteId;

use super::wanted::Scene;
use crate::scenario::plan::Plan;

/// The Regions that the plan's targets of the run's own account call, in the order of the targets.
pub fn scenes(plan: &Plan, account: &str) -> Vec<Scene> {
    let mut scenes: IndexMap<String, Scene> = IndexMap::new();
    for (place, target) in plan.targets.iter().enumerate() {
        let Some((region, model)) = called(&target.spec) else { continue };
        let scene = scenes.entry(region.to_owned()).or_insert_with(|| Scene {
            account: account.to_owned(),
            region: region.to_owned(),
            ..Scene::default()
        });
        if !scene.models.iter().any(|known| known == model) {
            scene.models.push(model.to_owned());
        }
        let route = u16::try_from(place).ok().map(RouteId);
        let pool = route.map(|route| plan.world.pool(plan.world.route_pool(route)));
        if let Some(tokens) = pool.and_then(|pool| pool.tokens_per_minute) {
            scene.quotas.insert(model.to_owned(), tokens);
        }
    }
    scenes.into_values().collect()
}

/// Region and model id as the call has them; none outside AWS and in other accounts, whose logs are theirs.
fn called(target: &TargetSpec) -> Option<(&str, &str)> {
    let (region, model, account) = match target {
        TargetSpec::OnDemand(target) => (&target.region, &target.model, &target.account),
        TargetSpec::Profile(target) => (&target.source, &target.id, &target.account),
        TargetSpec::ApplicationProfile(target) => (&target.region, &target.arn, &target.account),
        TargetSpec::Provisioned(target) => (&target.region, &target.arn, &target.account),
        TargetSpec::PromptRouter(target) => (&target.region, &target.arn, &target.account),
        TargetSpec::External(_) => return None,
    };
    account.is_none().then_some((region, model))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario;

    #[test]
    fn each_called_region_is_a_scene_with_its_models_and_their_quotas() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/viral-spike.yaml");
        let plan = scenario::load(&path).expect("a shipped scenario").plan;
        let scenes = scenes(&plan, "111122223333");
        let regions: Vec<&str> = scenes.iter().map(|scene| &*scene.region).collect();
        assert_eq!(regions, ["us-east-1", "us-west-2"]);
        let (base, profile) =
            ("anthropic.claude-3-haiku-20240307-v1:0", "us.anthropic.claude-3-haiku-20240307-v1:0");
        assert_eq!(scenes[0].models, [base, profile]);
        for (model, quota) in [(base, 1e6), (profile, 2e6)] {
            assert!((scenes[0].quotas[model] - quota).abs() < 1e-3, "{:?}", scenes[0].quotas);
        }
    }
}
