use super::*;

pub(in crate::observe) fn scene() -> Scene {
    Scene {
        account: "111122223333".to_owned(),
        region: "us-east-1".to_owned(),
        models: vec!["us.anthropic.claude-3-haiku-20240307-v1:0".to_owned()],
        quotas: BTreeMap::from([("us.anthropic.claude-3-haiku-20240307-v1:0".to_owned(), 2e6)]),
    }
}

#[test]
fn the_role_is_bedrocks_for_this_account_and_region_and_writes_one_stream() {
    let wanted = Wanted::new(&ObserveSpec::default(), &scene(), true).expect("fits");
    let trust = wanted.trust_policy().to_string();
    assert!(
        trust.contains("bedrock.amazonaws.com") && trust.contains("\"aws:SourceAccount\":\"111122223333\"")
    );
    assert!(trust.contains("arn:aws:bedrock:us-east-1:111122223333:*"), "{trust}");
    let policy = wanted.role_policy()["Statement"][0]["Resource"].to_string();
    let stream = "log-group:/richter/bedrock:log-stream:aws/bedrock/modelinvocations";
    assert!(policy.contains(stream), "{policy}");
    let gov = Scene { region: "us-gov-west-1".to_owned(), ..scene() };
    let wanted = Wanted::new(&ObserveSpec::default(), &gov, true).expect("fits");
    assert!(wanted.trust_policy().to_string().contains("arn:aws-us-gov:bedrock:us-gov-west-1"));
}

#[test]
fn bodies_are_off_unless_they_are_asked_for() {
    let wanted = Wanted::new(&ObserveSpec::default(), &scene(), true).expect("fits");
    let json = serde_json::to_value(&wanted.logging).expect("JSON");
    for flag in ["text", "image", "embedding", "video", "audio"] {
        assert_eq!(json[format!("{flag}DataDeliveryEnabled")], false, "{flag}");
    }
}

#[test]
fn every_unfit_setting_is_named_at_once_with_what_to_write() {
    let spec = ObserveSpec {
        log_group: "a b".to_owned(),
        retention_days: 31,
        namespace: "AWS/Mine".to_owned(),
        prefix: "a:".to_owned(),
        labels: [("aws:x".to_owned(), "y".to_owned())].into_iter().collect(),
        role: crate::observe::spec::RoleSpec { arn: Some("me".to_owned()), name: None },
        ..ObserveSpec::default()
    };
    let unfit = Wanted::new(&spec, &scene(), false).expect_err("nothing fits");
    let settings: Vec<&str> = unfit.iter().map(|unfit| unfit.setting).collect();
    assert_eq!(settings, ["log_group", "retention_days", "namespace", "prefix", "labels", "role.arn"]);
    assert!(unfit.iter().all(|unfit| !unfit.hint.is_empty()));
    let no_role = Wanted::new(&ObserveSpec::default(), &scene(), false).expect_err("no role");
    assert!(no_role[0].to_string().contains("--create-role"), "{}", no_role[0]);
}

#[test]
fn the_dashboard_asks_six_questions_of_metrics_that_exist() {
    let wanted = Wanted::new(&ObserveSpec::default(), &scene(), true).expect("fits");
    let widgets = wanted.dashboard.body["widgets"].as_array().expect("widgets");
    assert_eq!(widgets.len(), 6);
    let text = wanted.dashboard.body.to_string();
    for filter in &wanted.filters {
        let shown = ["Rerouted", "Profile", "ByServing"].iter().any(|part| filter.metric.contains(part));
        assert_eq!(text.contains(&filter.metric), shown, "{}", filter.metric);
    }
    for metric in ["TimeToFirstToken", "EstimatedTPMQuotaUsage", "InvocationThrottles"] {
        assert!(text.contains(metric), "{metric}");
    }
    assert!(text.contains("2000000"), "the quota is a line: {text}");
    let places: Vec<String> = widgets.iter().map(|w| format!("{},{}", w["x"], w["y"])).collect();
    assert_eq!(places, ["0,0", "12,0", "0,6", "12,6", "0,12", "12,12"]);
}
