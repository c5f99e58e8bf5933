use std::process::{Command, Stdio};

use super::*;
use crate::observe::{
    spec::ObserveSpec,
    wanted::{Scene, Wanted},
};

fn wanted() -> Wanted {
    let scene = Scene {
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        models: vec!["us.amazon.nova-lite-v1:0".to_owned()],
        ..Scene::default()
    };
    let spec = ObserveSpec {
        labels: [("team".to_owned(), "a ${b} %{c} \"d\"".to_owned())].into_iter().collect(),
        ..ObserveSpec::default()
    };
    Wanted::new(&spec, &scene, true).expect("fits")
}

#[test]
fn the_template_has_one_resource_for_everything_that_is_made_and_no_more() {
    let wanted = wanted();
    let template = cloudformation(&wanted);
    let resources = template["Resources"].as_object().expect("resources");
    assert_eq!(resources.len(), 3 + wanted.filters.len() + wanted.alarms.len());
    for (id, resource) in resources {
        assert!(id.chars().all(|c| c.is_ascii_alphanumeric()), "{id}");
        assert!(resource["Type"].as_str().is_some_and(|kind| kind.starts_with("AWS::")), "{id}");
    }
    let filter = &resources["FilterReroutedCalls"]["Properties"];
    assert_eq!(filter["FilterPattern"], wanted.filters[2].pattern.as_str());
    assert_eq!(filter["MetricTransformations"][0]["DefaultValue"], 0.0);
    let by_region = &resources["FilterCallsByServingRegion"]["Properties"]["MetricTransformations"][0];
    assert!(
        by_region.get("DefaultValue").is_none() && by_region["Dimensions"][0]["Key"] == "InferenceRegion"
    );
}

#[test]
fn terraform_has_the_same_and_its_own_formatter_changes_nothing() {
    let wanted = wanted();
    let text = terraform(&wanted);
    let resources = text.lines().filter(|line| line.starts_with("resource ")).count();
    assert_eq!(resources, 5 + wanted.filters.len() + wanted.alarms.len());
    assert!(text.contains("a $${b} %%{c} \\\"d\\\""), "nothing is interpolated");
    let (open, close) =
        (text.matches(" {\n").count(), text.lines().filter(|line| line.trim() == "}").count());
    assert_eq!(open, close, "every block is closed");
    // Where the program is there, it has the last word.
    let child = Command::new("terraform")
        .args(["fmt", "-check", "-diff", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    if let Ok(mut child) = child {
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), text.as_bytes())
            .expect("written");
        let ended = child.wait_with_output().expect("it ends");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    }
}
