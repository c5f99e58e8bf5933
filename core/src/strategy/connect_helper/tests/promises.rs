//! `faithful: false`: each key does what it says.

use super::*;

fn promised(names: &[&str], settings: Value) -> Value {
    let mut settings = settings;
    settings["faithful"] = json!(false);
    plain(names, settings)
}

#[test]
fn the_example_of_the_design_is_read() {
    let written = json!({ "connect_helper": {
        "endpoints": [{ "target": "east", "primary": true }, { "target": "west" }], "cooldown": "60s",
    } });
    let spec: StrategySpec = serde_json::from_value(written).unwrap();
    assert_eq!(spec.problems(), []);
    assert_eq!(spec.targets().len(), 2);
    let StrategySpec::ConnectHelper(spec) = spec else { panic!("another strategy") };
    assert_eq!((spec.faithful, spec.cooldown), (true, Duration::from_secs(60)));
}

#[test]
fn a_failure_cools_its_endpoint_at_once_and_from_then_on() {
    let script = |attempt, _| if attempt == 0 { THROTTLED } else { GOOD };
    let mut world = World::of(promised(&["a", "b"], json!({ "cooldown": "60s" })), script);
    world.arrive(30 * SECOND, 0, Api::Converse);
    world.arrive(31 * SECOND, 1, Api::Converse);
    // The failure came 10 ms after the call.
    world.arrive(90 * SECOND + 9 * MS, 2, Api::Converse);
    world.arrive(90 * SECOND + 10 * MS, 3, Api::Converse);
    assert_eq!(targets(&mut world), [0, 1, 1, 1, 0]);
}

#[test]
fn each_request_draws_its_own_primary() {
    let mut world = World::of(two_primaries(json!({ "faithful": false })), |_, _| GOOD);
    world.dice = Loaded(0.2);
    world.arrive(0, 0, Api::Converse);
    world.run();
    world.dice = Loaded(0.7);
    world.arrive(SECOND, 1, Api::Converse);
    assert_eq!(targets(&mut world), [0, 1]);
}

#[test]
fn primaries_come_before_the_others_when_going_on() {
    let primary = |name: &str, primary: bool| json!({ "target": name, "primary": primary });
    let endpoints = [("a", false), ("b", true), ("c", false), ("d", true)];
    let spec = |distribute: bool| {
        let settings = json!({ "faithful": false, "primary_region_random_distribution": distribute });
        listed(endpoints.map(|(name, is)| primary(name, is)).into(), settings)
    };
    assert_eq!(walk(spec(true), BROKEN, 0.7), [3, 1, 0, 2]);
    assert_eq!(walk(spec(false), BROKEN, 0.7), [0, 1, 2, 3]);
}

#[test]
fn without_several_regions_the_first_has_all_attempts() {
    let settings = json!({ "multi_region_retry": false });
    assert_eq!(walk(promised(&["a", "b"], settings), THROTTLED, 0.5), [0; 5]);
}

#[test]
fn each_region_has_its_attempts_up_to_the_cap() {
    let settings = json!({ "max_retry_times_for_each_region": 2 });
    assert_eq!(walk(promised(&["a", "b", "c"], settings), THROTTLED, 0.5), [0, 0, 1, 1, 2]);
}

#[test]
fn a_request_that_is_wrong_is_asked_once_and_cools_nothing() {
    let mut world = World::of(promised(&["a", "b"], json!({})), |_, _| REFUSED);
    world.arrive(0, 0, Api::Converse);
    world.arrive(SECOND, 1, Api::Converse);
    assert_eq!(targets(&mut world), [0, 0]);
    assert_eq!(world.notes.finished()[0].reason, Reason::NotRetryable);
}

#[test]
fn with_every_endpoint_cooling_down_nothing_is_sent() {
    let mut world = World::of(promised(&["a", "b"], json!({})), |_, _| BROKEN);
    world.arrive(0, 0, Api::Converse);
    world.arrive(SECOND, 1, Api::Converse);
    assert_eq!(targets(&mut world), [0, 1]);
    let finished = world.notes.finished();
    assert_eq!((finished[0].reason, finished[1].reason), (Reason::TargetsSpent, Reason::NothingEligible));
}

#[test]
fn no_endpoint_is_called_with_anothers_prefix() {
    let endpoints = vec![
        json!({ "target": "a", "region_profile_prefix": "us", "profiles": { "us": "b" } }),
        json!({ "target": "c", "region_profile_prefix": "" }),
        json!({ "target": "d" }),
    ];
    let settings = json!({ "faithful": false, "enable_cross_region_inference": true });
    assert_eq!(walk(listed(endpoints, settings), BROKEN, 0.5), [1, 2, 3]);
}
