//! Every system and imitation that richter knows, set up for a scenario's own targets.
//!
//! Nobody is tuned: each gets all targets it can use, in the order provisioned, on demand, all others, and otherwise its
//! defaults. Who cannot be set up is left out, with the reason.

use richter_core::{
    strategy::{StrategySpec, composed},
    target::{Known, TargetId, TargetSpec},
};
use serde_json::{Value, json};

use crate::scenario::plan::{PlanStrategy, PlanTarget};

/// What our own strategy is called in a tournament.
pub const OURS: &str = "balanced";

/// Who plays, ours first, and who is left out and why.
#[derive(Debug)]
pub struct LineUp {
    pub strategies: Vec<PlanStrategy>,
    pub left_out: Vec<(String, String)>,
}

/// Names of the targets, best tier first.
#[derive(Debug)]
struct Tiers {
    provisioned: Vec<String>,
    on_demand: Vec<String>,
    others: Vec<String>,
}

impl LineUp {
    /// `ours` are settings of a composed strategy; its tiers are the scenario's.
    pub fn new(targets: &[PlanTarget], ours: &Value) -> LineUp {
        let tiers = Tiers::of(targets);
        let mut line_up = LineUp { strategies: Vec::new(), left_out: Vec::new() };
        line_up.add(OURS, Ok(tiers.composed(ours)), targets);
        for (name, settings) in systems(&tiers, targets) {
            line_up.add(name, settings, targets);
        }
        for name in composed::PRESETS.iter().filter(|name| **name != OURS) {
            line_up.add(name, Ok(tiers.composed(&json!({ "preset": name }))), targets);
        }
        line_up
    }

    fn add(&mut self, name: &str, settings: Result<Value, &str>, targets: &[PlanTarget]) {
        let made = settings.map_err(str::to_owned).and_then(|settings| made(settings, targets));
        match made {
            Ok(spec) => self.strategies.push(PlanStrategy::new(name.to_owned(), spec)),
            Err(reason) => self.left_out.push((name.to_owned(), reason)),
        }
    }
}

fn made(settings: Value, targets: &[PlanTarget]) -> Result<StrategySpec, String> {
    let spec: StrategySpec = serde_json::from_value(settings).map_err(|error| error.to_string())?;
    let find = |name: &str| {
        let target = targets.iter().find(|target| target.name == name)?;
        Some(Known { id: TargetId(0), spec: &target.spec })
    };
    let refusal = || {
        let used = spec.targets();
        used.iter().find_map(|(_, name)| spec.refuses_model(find(name)?.spec.model_id()))
    };
    match spec.problems().into_iter().chain(spec.misfits(&find)).next() {
        Some(problem) => Err(problem.message),
        None => refusal().map_or(Ok(spec), Err),
    }
}

/// The five reference systems, the first of them also as its README promises it, and what a team has without any.
fn systems(tiers: &Tiers, targets: &[PlanTarget]) -> [(&'static str, Result<Value, &'static str>); 8] {
    let all = tiers.all();
    let first = all.first().cloned().unwrap_or_default();
    let endpoints: Vec<Value> =
        all.iter().map(|name| json!({ "target": name, "primary": tiers.on_demand.contains(name) })).collect();
    let table: Vec<Value> = all.iter().map(|name| json!({ "target": name })).collect();
    let profile = targets.iter().find(|target| matches!(target.spec, TargetSpec::Profile(_)));
    let cris = profile.ok_or("there is no profile");
    [
        ("sdk", Ok(json!({ "sdk": { "target": first } }))),
        ("ordered", Ok(json!({ "ordered": { "targets": all } }))),
        ("connect-helper", Ok(json!({ "connect_helper": { "instances": 10, "endpoints": endpoints } }))),
        (
            "connect-helper-as-promised",
            Ok(json!({ "connect_helper": { "faithful": false, "cooldown": "60s", "endpoints": endpoints } })),
        ),
        ("provisioned-spill", tiers.spill()),
        ("cris", cris.map(|target| json!({ "cris": { "profile": target.name } }))),
        ("manual-fallback", Ok(json!({ "manual_fallback": { "chain": { "cross_region": all } } }))),
        ("smart-balancer", Ok(json!({ "smart_balancer": { "table": table } }))),
    ]
}

impl Tiers {
    fn of(targets: &[PlanTarget]) -> Tiers {
        let names = |pick: fn(&TargetSpec) -> bool| {
            targets.iter().filter(|one| pick(&one.spec)).map(|one| one.name.clone()).collect()
        };
        Tiers {
            provisioned: names(|spec| matches!(spec, TargetSpec::Provisioned(_))),
            on_demand: names(|spec| matches!(spec, TargetSpec::OnDemand(_))),
            others: names(|spec| !matches!(spec, TargetSpec::Provisioned(_) | TargetSpec::OnDemand(_))),
        }
    }

    fn all(&self) -> Vec<String> {
        [&*self.provisioned, &self.on_demand, &self.others].concat()
    }

    fn composed(&self, settings: &Value) -> Value {
        let mut settings = settings.clone();
        let tiers = [&self.provisioned, &self.on_demand, &self.others];
        let tiers: Vec<_> = tiers.into_iter().filter(|tier| !tier.is_empty()).collect();
        settings["tiers"] = json!(tiers);
        json!({ "composed": settings })
    }

    /// Its fallback is the last one on demand: in the sample that is another Region.
    fn spill(&self) -> Result<Value, &'static str> {
        let primary = self.provisioned.first().ok_or("there is no provisioned target")?;
        let secondary = self.on_demand.last().ok_or("there is no target on demand")?;
        Ok(json!({ "provisioned_spill": { "primary": primary, "secondary": secondary } }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, spec: Value) -> PlanTarget {
        PlanTarget { name: name.to_owned(), spec: serde_json::from_value(spec).unwrap(), price: None }
    }

    fn on_demand(name: &str, region: &str) -> PlanTarget {
        target(name, json!({ "on_demand": { "region": region, "model": "anthropic.claude-m" } }))
    }

    fn names(line_up: &LineUp) -> Vec<&str> {
        line_up.strategies.iter().map(|strategy| &*strategy.name).collect()
    }

    #[test]
    fn with_every_kind_of_target_everybody_plays_and_ours_is_first() {
        let targets = [
            on_demand("east", "us-east-1"),
            target("us", json!({ "profile": { "source": "us-east-1", "id": "us.anthropic.claude-m" } })),
            target(
                "pt",
                json!({ "provisioned": { "region": "us-east-1", "arn": "arn:aws:bedrock:us-east-1:1:provisioned-model/a" } }),
            ),
            on_demand("west", "us-west-2"),
        ];
        let line_up = LineUp::new(&targets, &json!({ "preset": OURS }));
        assert_eq!(line_up.left_out, []);
        assert_eq!(names(&line_up)[..2], [OURS, "sdk"]);
        assert_eq!(line_up.strategies.len(), 8 + composed::PRESETS.len());
        let order = |at: usize| line_up.strategies[at].spec.targets();
        let named: Vec<&str> = order(2).into_iter().map(|(_, name)| name).collect();
        assert_eq!(named, ["pt", "east", "west", "us"], "paid capacity first, then the scenario's order");
    }

    #[test]
    fn who_cannot_be_set_up_is_left_out_with_the_reason() {
        let line_up = LineUp::new(&[on_demand("east", "us-east-1")], &json!({ "preset": OURS }));
        let out: Vec<(&str, &str)> =
            line_up.left_out.iter().map(|(name, reason)| (&**name, &**reason)).collect();
        assert_eq!(
            out,
            [("provisioned-spill", "there is no provisioned target"), ("cris", "there is no profile")]
        );
        assert!(names(&line_up).contains(&"manual-fallback"));
    }

    #[test]
    fn settings_that_cannot_work_are_left_out_too() {
        let wrong = json!({ "select": "best", "preset": OURS });
        let line_up = LineUp::new(&[on_demand("east", "us-east-1")], &wrong);
        assert_eq!(line_up.left_out[0].0, OURS);
        assert!(line_up.left_out[0].1.contains("unknown variant `best`"), "{:?}", line_up.left_out[0]);
    }
}
