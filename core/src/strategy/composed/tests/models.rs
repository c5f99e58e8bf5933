//! Model maps: another Region of the same model first, then another model, and only one that fits.

use super::*;
use crate::{
    failure::AttemptEnd,
    target::{Known, OnDemand, TargetSpec},
};

const TOO_LONG: Play = says("Input is too long for requested model.");
const FILTERED: Play = says("The output was blocked by the content filter.");

const fn says(message: &'static str) -> Play {
    let reply = ErrorReply { message, ..rig::error("ValidationException", 400) };
    rig::ends(10 * MS, AttemptEnd::Error(reply))
}

/// a and b are Regions of one model; c, d and e are others.
fn targets() -> Vec<TargetSpec> {
    [("r", "m"), ("s", "m"), ("r", "large"), ("r", "other"), ("s", "other")]
        .map(|(region, model)| {
            TargetSpec::OnDemand(OnDemand {
                region: region.into(),
                model: model.into(),
                ..OnDemand::default()
            })
        })
        .to_vec()
}

fn spec(tiers: Value, models: Value) -> StrategySpec {
    let composed = json!({
        "tiers": tiers,
        "models": models,
        "retry": { "attempts_max": 4, "same_target": false },
        "cooldown": { "throttle": { "base": "10s", "cap": "30s" } },
    });
    serde_json::from_value(json!({ "composed": composed })).unwrap()
}

fn find<'a>(targets: &'a [TargetSpec]) -> impl Fn(&str) -> Option<Known<'a>> {
    |name| {
        let at = ["a", "b", "c", "d", "e"].iter().position(|known| *known == name)?;
        Some(Known { id: TargetId(at as u16), spec: &targets[at] })
    }
}

/// Where the attempts of requests a second apart went, and why; `play` says how each target answers.
fn told(tiers: Value, models: Value, requests: u64, play: impl Fn(u16) -> Play) -> (Vec<u16>, Vec<Reason>) {
    told_of(&spec(tiers, models), requests, play)
}

fn told_of(spec: &StrategySpec, requests: u64, play: impl Fn(u16) -> Play) -> (Vec<u16>, Vec<Reason>) {
    assert_eq!(spec.problems(), []);
    let targets = targets();
    let router = crate::flight::Router::new(spec.build(&find(&targets)).unwrap());
    let mut world = World::new(router, |_, target| play(target.0));
    (0..requests).for_each(|n| world.arrive(n * SECOND, n, Api::Converse));
    let notes = world.run();
    (notes.sent().into_iter().map(|(_, target)| target).collect(), notes.reasons())
}

fn only(good: u16, bad: Play) -> impl Fn(u16) -> Play {
    move |target| if target == good { answer() } else { bad }
}

#[test]
fn other_regions_of_the_model_come_before_another_model() {
    let (sent, reasons) = told(json!([["a", "b"]]), json!({ "general": ["d"] }), 1, only(3, THROTTLED));
    assert_eq!(sent, [0, 1, 3]);
    assert_eq!(reasons, [Reason::FirstChoice, Reason::NextTarget, Reason::NextModel]);
}

#[test]
fn when_the_model_is_cooling_everywhere_the_other_one_answers_at_once() {
    let (sent, _) = told(json!([["a", "b"]]), json!({ "general": ["d"] }), 3, only(3, THROTTLED));
    assert_eq!(sent, [0, 1, 3, 3, 3]);
}

#[test]
fn a_prompt_that_is_too_long_goes_to_the_larger_model_and_to_no_other_region() {
    let maps = json!({ "general": ["d"], "context_window": ["c"] });
    assert_eq!(told(json!([["a", "b"]]), maps, 1, only(2, TOO_LONG)).0, [0, 2]);
    let (sent, reasons) = told(json!([["a", "b"]]), json!({ "general": ["d"] }), 1, only(2, TOO_LONG));
    assert_eq!((sent, reasons[1]), (vec![0], Reason::NotRetryable));
}

#[test]
fn what_a_filter_stops_goes_to_the_content_map_or_back_to_its_caller() {
    let maps = json!({ "context_window": ["c"], "content": ["d"] });
    assert_eq!(told(json!([["a"]]), maps, 1, only(3, FILTERED)).0, [0, 3]);
    let (sent, reasons) = told(json!([["a"]]), json!({ "context_window": ["c"] }), 1, only(3, FILTERED));
    assert_eq!((sent, reasons[1]), (vec![0], Reason::NotRetryable));
}

#[test]
fn without_a_map_the_tiers_stand_in_for_it_if_they_may() {
    let across = |tiers: Value, across: bool, play: Play| {
        let composed = json!({ "tiers": tiers, "across_models": across, "retry": { "attempts_max": 4 } });
        told_of(&serde_json::from_value(json!({ "composed": composed })).unwrap(), 1, only(3, play))
    };
    for play in [TOO_LONG, FILTERED] {
        let (sent, reasons) = across(json!([["a", "b", "c", "d"]]), true, play);
        assert_eq!(sent, [0, 2, 3], "each model once, and b has that of a");
        assert_eq!(reasons[1..3], [Reason::NextModel; 2]);
        assert_eq!(across(json!([["a"], ["d"]]), true, play).0, [0, 3]);
        for (tiers, may) in [(json!([["a", "b"]]), true), (json!([["a", "d"]]), false)] {
            let (sent, reasons) = across(tiers, may, play);
            assert_eq!((sent, reasons[1]), (vec![0], Reason::NotRetryable));
        }
    }
}

#[test]
fn hops_are_counted_and_each_target_of_a_map_gets_one() {
    let maps = |hops| json!({ "general": ["c", "d", "e"], "hops_max": hops });
    assert_eq!(told(json!([["a"]]), maps(2), 1, |_| THROTTLED).0, [0, 2, 3]);
    assert_eq!(told(json!([["a"]]), maps(9), 1, |_| THROTTLED).0, [0, 2, 3, 4]);
}

#[test]
fn what_does_not_fit_is_not_sent() {
    // The request has 100 tokens of input.
    let maps = |contexts: Value| json!({ "general": ["d"], "context_window": ["c"], "contexts": contexts });
    let all = |_| answer();
    assert_eq!(told(json!([["a", "b"]]), maps(json!({ "a": 99, "b": 100 })), 1, all).0, [1]);
    assert_eq!(told(json!([["a"]]), maps(json!({ "a": 99 })), 1, all).0, [2]);
    assert_eq!(told(json!([["a"]]), maps(json!({ "a": 99, "c": 50 })), 1, all).0, [0; 0]);
    assert_eq!(told(json!([["a"]]), maps(json!({ "d": 99 })), 1, only(3, THROTTLED)).0, [0]);
}

#[test]
fn nobody_lines_up_for_what_only_another_model_can_do() {
    let spec = |models: Value| -> StrategySpec {
        let queue = json!({ "length": 10, "wait": "5s" });
        let composed = json!({
            "tiers": [["a"]], "models": models, "queue": queue, "retry": { "attempts_max": 2, "same_target": false },
            "cooldown": { "throttle": { "base": "10s", "cap": "30s" } },
        });
        serde_json::from_value(json!({ "composed": composed })).unwrap()
    };
    // The request has 100 tokens of input.
    let larger = spec(json!({ "context_window": ["c"], "contexts": { "a": 99 } }));
    assert_eq!(told_of(&larger, 1, |_| answer()).0, [2]);
    let too_small = spec(json!({ "contexts": { "a": 99 } }));
    assert_eq!(told_of(&too_small, 1, |_| answer()), (vec![], vec![Reason::NothingEligible]));
    let general = spec(json!({ "general": ["d"] }));
    assert_eq!(told_of(&general, 2, only(3, THROTTLED)).0, [0, 3, 3], "a cools down, and d is free");
}

#[test]
fn maps_that_cannot_work_are_named_by_their_keys() {
    let named = |tiers: Value, models: Value| {
        let (spec, targets) = (spec(tiers, models), targets());
        let problems = spec.problems().into_iter().chain(spec.misfits(&find(&targets)));
        problems.map(|problem| problem.path.join(".").replacen("composed.", "", 1)).collect::<Vec<_>>()
    };
    let table = [
        (json!({}), "models"),
        (json!({ "general": ["d"], "hops_max": 0 }), "models.hops_max"),
        (json!({ "general": ["d", "d"] }), "models.general.1"),
        (json!({ "general": ["b"] }), "models.general.0"),
        (json!({ "contexts": { "a": 0 } }), "models.contexts.a"),
    ];
    for (models, path) in table {
        assert_eq!(named(json!([["a"]]), models.clone()), [path], "{models}");
    }
    assert_eq!(named(json!([["a"]]), json!({ "context_window": ["c"], "content": ["d"] })), [""; 0]);
}
