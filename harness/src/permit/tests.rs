//! Policies for a scenario with every kind of target.

use std::collections::BTreeSet;

use serde_json::Value;

use super::*;
use crate::scenario;

/// Every kind of target, two accounts, and a profile that is called from a Region which is no destination for others.
const ALL: &str = "version: 1
name: all
question: What must be allowed?
targets:
  east: { on_demand: { region: us-east-1, model: amazon.nova-lite-v1:0 } }
  us: { profile: { source: us-east-1, id: us.amazon.nova-lite-v1:0 } }
  ca: { profile: { source: ca-central-1, id: us.amazon.nova-lite-v1:0 } }
  world: { profile: { source: us-east-1, id: global.amazon.nova-lite-v1:0 } }
  mine:
    application_profile:
      region: us-east-1
      arn: \"arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3d4e5f6\"
      copies: amazon.nova-lite-v1:0
  router:
    prompt_router:
      region: us-east-1
      arn: \"arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/amazon.nova:1\"
      models: [amazon.nova-lite-v1:0, amazon.nova-pro-v1:0]
  gateway: { external: { endpoint: \"https://gateway.example\", region: us-east-1, model: fast } }
  theirs:
    on_demand:
      region: us-west-2
      model: amazon.nova-lite-v1:0
      account: { role: \"arn:aws:iam::444455556666:role/caller\" }
world:
  models:
    amazon.nova-lite-v1:0: { first_token: 20ms, per_token: 1ms, max_output: 100 }
    amazon.nova-pro-v1:0: { first_token: 20ms, per_token: 1ms, max_output: 100 }
  external:
    \"https://gateway.example\": { rtt: 25ms, models: { fast: amazon.nova-lite-v1:0 } }
traffic:
  mix:
    ask: { share: 100%, api: converse, input: 10, output: 10, max_tokens: 50 }
  phases:
    - { name: all, for: 20s, rate: 20/s }
strategies:
  only: { direct: { target: east } }
";

fn made(mode: Mode, of: Option<&str>) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.yaml");
    std::fs::write(&path, ALL).expect("written");
    let checked = scenario::load(&path).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let policy = policy(&checked.plan, Ask { mode, account: "111122223333", of });
    serde_json::to_value(&policy).expect("JSON")
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("text")).collect()
}

fn statement<'a>(policy: &'a Value, sid: &str) -> &'a Value {
    let all = policy["Statement"].as_array().expect("a list");
    all.iter().find(|one| one["Sid"] == sid).unwrap_or_else(|| panic!("no {sid} in {policy:#}"))
}

fn lite(region: &str) -> String {
    format!("arn:aws:bedrock:{region}::foundation-model/amazon.nova-lite-v1:0")
}

#[test]
fn a_run_may_call_models_and_profiles_and_models_behind_profiles_by_way_of_them_alone() {
    let policy = made(Mode::Run, None);
    assert_eq!(policy["Version"], "2012-10-17");
    let models = statement(&policy, "CallModels");
    assert_eq!(texts(&models["Action"]), ["bedrock:InvokeModel"].into(), "nothing streams");
    let resources = texts(&models["Resource"]);
    assert!(resources.contains(&*lite("us-east-1")), "{models:#}");
    assert!(resources.contains("arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/amazon.nova:1"));
    assert!(models.get("Condition").is_none());
    let profiles = statement(&policy, "CallProfiles");
    let profile = |region: &str, id: &str| {
        format!("arn:aws:bedrock:{region}:111122223333:inference-profile/{id}.amazon.nova-lite-v1:0")
    };
    assert!(texts(&profiles["Resource"]).contains(&*profile("ca-central-1", "us")));
    let all = policy["Statement"].as_array().expect("a list");
    let behind: Vec<&Value> = all
        .iter()
        .filter(|one| one["Sid"].as_str().is_some_and(|sid| sid.starts_with("ModelsBehind")))
        .collect();
    let by_way_of = |region: &str| -> BTreeSet<&str> {
        let one = behind.iter().find(|one| texts(&one["Resource"]).contains(&*lite(region)));
        let one = one.unwrap_or_else(|| panic!("{region} is not behind a profile: {policy:#}"));
        texts(&one["Condition"]["StringEquals"]["bedrock:InferenceProfileArn"])
    };
    assert_eq!(by_way_of("ca-central-1"), [&*profile("ca-central-1", "us")].into());
    let both = [profile("ca-central-1", "us"), profile("us-east-1", "us")];
    assert_eq!(by_way_of("us-west-2"), both.iter().map(String::as_str).collect());
    let global = statement(&policy, "ModelsBehindGlobalProfiles");
    assert_eq!(texts(&global["Resource"]), [&*lite("")].into());
    assert_eq!(texts(&global["Condition"]["StringEquals"]["aws:RequestedRegion"]), ["unspecified"].into());
    let roles = statement(&policy, "OtherAccounts");
    assert_eq!(texts(&roles["Resource"]), ["arn:aws:iam::444455556666:role/caller"].into());
    assert!(!policy.to_string().contains("gateway"), "what is not AWS needs no permission");
}

#[test]
fn doctor_may_look_and_nothing_more() {
    let policy = made(Mode::Doctor, None);
    for one in policy["Statement"].as_array().expect("a list") {
        for action in texts(&one["Action"]) {
            let (_, name) = action.split_once(':').expect("a service and a name");
            assert!(name.starts_with("Get") || name.starts_with("List") || name == "AssumeRole", "{action}");
        }
    }
    let available = statement(&policy, "Availability");
    let regions = texts(&available["Condition"]["StringEquals"]["aws:RequestedRegion"]);
    assert!(regions.contains("us-west-2") && regions.contains("ca-central-1"), "{available:#}");
}

#[test]
fn another_accounts_policy_is_about_its_own_targets() {
    let policy = made(Mode::Run, Some("444455556666")).to_string();
    assert!(policy.contains(&lite("us-west-2")), "{policy}");
    assert!(!policy.contains("us-east-1") && !policy.contains("AssumeRole"), "{policy}");
}
