//! Defects and limits beside the numbered lines.

use super::*;

/// As the example file: us, eu, and a Region without a prefix.
fn three_regions(last: Value) -> Value {
    let mut endpoints = vec![
        json!({ "target": "a", "region_profile_prefix": "us", "profiles": { "us": "b" } }),
        json!({ "target": "c", "region_profile_prefix": "eu", "profiles": { "eu": "d" } }),
    ];
    endpoints.push(last);
    listed(endpoints, json!({ "enable_cross_region_inference": true }))
}

#[test]
fn a_region_without_a_prefix_is_called_with_the_one_before_it() {
    let stale = json!({ "target": "e", "region_profile_prefix": "", "profiles": { "eu": "f" } });
    assert_eq!(walk(three_regions(stale), BROKEN, 0.5), [1, 3, 5]);
    // An id that the Region does not know has no target: there is nothing to send.
    let unknown = json!({ "target": "e", "region_profile_prefix": "" });
    assert_eq!(walk(three_regions(unknown), BROKEN, 0.5), [1, 3]);
    let first = [
        json!({ "target": "a", "region_profile_prefix": "" }),
        json!({ "target": "c", "region_profile_prefix": "eu", "profiles": { "eu": "d" } }),
    ];
    let spec = listed(first.into(), json!({ "enable_cross_region_inference": true }));
    assert_eq!(walk(spec, BROKEN, 0.5), [0, 3], "nothing is stale yet");
}

#[test]
fn tries_at_an_id_that_the_region_does_not_know_count() {
    let mut spec =
        three_regions(json!({ "target": "g", "region_profile_prefix": "us", "profiles": { "us": "h" } }));
    let settings = spec["connect_helper"].as_object_mut().unwrap();
    settings["endpoints"][1] = json!({ "target": "e", "region_profile_prefix": "" });
    settings.insert("max_retry_times_for_each_region".into(), json!(2));
    assert_eq!(walk(spec.clone(), BROKEN, 0.5), [1, 1, 7], "two of five tries went to nowhere");
}

#[test]
fn a_record_without_a_prefix_ends_the_request_that_comes_to_it() {
    let mut world = World::of(three_regions(json!({ "target": "e" })), |_, _| BROKEN);
    world.arrive(0, 0, Api::Converse);
    assert_eq!(targets(&mut world), [1, 3]);
    let plain = plain(&["a"], json!({ "enable_cross_region_inference": true }));
    assert_eq!(walk(plain, GOOD, 0.5), [0; 0]);
}

#[test]
fn the_switch_for_several_regions_and_the_class_timeouts_have_no_effect() {
    let walk = |settings| walk(plain(&["a", "b", "c"], settings), THROTTLED, 0.5);
    assert_eq!(walk(json!({ "multi_region_retry": false })), walk(json!({})));
    let timeouts = |settings| {
        let spec: StrategySpec = serde_json::from_value(plain(&["a"], settings)).unwrap();
        let spot = rig::target("here");
        let mut world = World::new(
            crate::flight::Router::new(
                spec.build(&|_| Some(Known { id: TargetId(0), spec: &spot })).unwrap(),
            ),
            |_, _| GOOD,
        );
        world.arrive(0, 0, Api::Converse);
        let sends = world.run().0.iter().filter_map(|(_, note)| match note {
            rig::Note::Decided(Step::Send(send), _) => Some(send.timeouts),
            _ => None,
        });
        sends.collect::<Vec<_>>()
    };
    let five = Some(Duration::from_secs(5));
    let default = Timeouts { connect: five, idle: five, ..Timeouts::default() };
    assert_eq!(timeouts(json!({})), [default]);
    assert_eq!(timeouts(json!({ "read_timeout": "900s", "connect_timeout": "900s" })), [default]);
    let minute = Some(Duration::from_secs(60));
    assert_eq!(timeouts(json!({ "api_read_timeout": "60s" })), [Timeouts { idle: minute, ..default }]);
}

#[test]
fn a_reused_instance_asks_the_failed_region_first_on_every_request() {
    let script = |_, target: TargetId| if target.0 == 0 { THROTTLED } else { GOOD };
    let mut world = World::of(plain(&["a", "b"], json!({ "auto_update_config": true })), script);
    (0..3).for_each(|number| world.arrive(number * SECOND, number, Api::Converse));
    assert_eq!(targets(&mut world), [0, 1, 0, 1, 0, 1]);
}

#[test]
fn a_ban_is_lost_when_an_object_that_read_the_file_before_it_writes_later() {
    // Object 0 lives to 10 s and bans a; object 1 was built before that, lives to 20 s, and bans b only.
    let script = |attempt, _| match attempt {
        0 => THROTTLED,
        2 => REFUSED,
        3 => THROTTLED,
        _ => GOOD,
    };
    let settings = json!({ "instances": 2, "lifetime": "20s", "auto_update_config": true });
    let mut world = World::of(plain(&["a", "b", "c"], settings), script);
    world.arrive(SECOND, 0, Api::Converse);
    world.arrive(2 * SECOND, 1, Api::Converse);
    world.arrive(15 * SECOND, 2, Api::Converse);
    world.arrive(25 * SECOND, 3, Api::Converse);
    let sent = targets(&mut world);
    assert_eq!(sent[..2], [0, 1], "the first object's request");
    assert_eq!(sent[2..5], [0, 1, 2], "the second object's request");
    assert_eq!(sent[5], 1, "built at 10 s, after the ban of a was written");
    assert_eq!(sent[6], 0, "built at 20 s, after the ban of a was overwritten");
}

#[test]
fn a_request_is_finished_by_the_object_that_began_it() {
    let slow = rig::fails(15 * SECOND, rig::error("InternalServerException", 500));
    let first = json!({ "target": "a", "next_available_time": "5s" });
    let spec =
        listed(vec![first, json!({ "target": "b" }), json!({ "target": "c" })], json!({ "lifetime": "10s" }));
    let mut world = World::of(spec, |_, _| slow);
    world.arrive(SECOND, 0, Api::Converse);
    assert_eq!(targets(&mut world), [1, 2], "the list of the object built at 10 s begins with a");
}

#[test]
fn requests_are_dealt_to_the_instances_in_turn() {
    // An instance whose object is new by 6 s is instance 0; a has come back by then.
    let first = json!({ "target": "a", "next_available_time": "5s" });
    let settings = json!({ "instances": 2, "lifetime": "12s" });
    let mut world = World::of(listed(vec![first, json!({ "target": "b" })], settings), |_, _| GOOD);
    (0..6).for_each(|number| world.arrive(7 * SECOND + number * MS, number, Api::Converse));
    assert_eq!(targets(&mut world), [0, 1, 0, 1, 0, 1]);
}

#[test]
fn settings_that_cannot_work_are_named() {
    let problems = |spec: Value| {
        let spec: StrategySpec = serde_json::from_value(spec).unwrap();
        spec.problems().iter().map(|problem| problem.path.join(".")).collect::<Vec<_>>()
    };
    let rows = [
        (plain(&[], json!({})), vec!["connect_helper.endpoints"]),
        (plain(&["a", "a"], json!({})), vec!["connect_helper.endpoints.1.target"]),
        (plain(&["a"], json!({ "instances": 0 })), vec!["connect_helper.instances"]),
        (plain(&["a"], json!({ "instances": 20_000 })), vec!["connect_helper.instances"]),
        (plain(&["a"], json!({ "max_retry_time": 0 })), vec!["connect_helper.max_retry_time"]),
        (
            plain(&["a"], json!({ "max_retry_time": 200, "max_retry_times_for_each_region": 200 })),
            vec!["connect_helper.max_retry_time"],
        ),
        (
            plain(&["a"], json!({ "max_retry_times_for_each_region": 0 })),
            vec!["connect_helper.max_retry_times_for_each_region"],
        ),
        (plain(&["a"], json!({ "lifetime": "10ms" })), vec!["connect_helper.lifetime"]),
        (plain(&["a"], json!({ "api_read_timeout": "0s" })), vec!["connect_helper.api_read_timeout"]),
        (plain(&["a"], json!({ "not_text_first": 1.5 })), vec!["connect_helper.not_text_first"]),
        (
            listed(
                vec![json!({ "target": "a", "region_profile_prefix": "us" })],
                json!({ "enable_cross_region_inference": true }),
            ),
            vec!["connect_helper.endpoints.0.region_profile_prefix"],
        ),
    ];
    for (spec, keys) in rows {
        assert_eq!(problems(spec.clone()), keys, "{spec}");
    }
}

#[test]
fn the_worst_case_is_the_list_up_to_the_cap() {
    let attempts = |settings| {
        let spec: StrategySpec = serde_json::from_value(plain(&["a", "b"], settings)).unwrap();
        spec.worst_case().attempts
    };
    assert_eq!(attempts(json!({})), 2);
    assert_eq!(attempts(json!({ "max_retry_times_for_each_region": 3 })), 5);
    assert_eq!(attempts(json!({ "multi_region_retry": false })), 2);
    assert_eq!(attempts(json!({ "multi_region_retry": false, "faithful": false })), 5);
}
