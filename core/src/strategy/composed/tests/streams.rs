//! Streams beyond their first content, and requests that not every target can take.

use super::*;
use crate::{
    failure::AttemptEnd,
    flight::{Command, Content},
    request::{Need, Needs, Request},
    strategy::HoldBack,
};

/// Content from 100 ms on; so many tokens of text by 500 ms, when it breaks.
const fn breaks(tokens: u32) -> Play {
    let came = Content { tokens, is_text: true };
    Play { opens: Some(10 * MS), content: Some(100 * MS), came, ..rig::ends(500 * MS, AttemptEnd::Truncated) }
}

const fn streamed() -> Play {
    Play { opens: Some(10 * MS), content: Some(100 * MS), ..rig::answers(500 * MS) }
}

/// Every attempt's target, limit, and what it was to go on with.
fn sent(world: &World<'_>) -> Vec<(u16, Option<u32>, Option<u32>)> {
    let attempt = |command: &Command| match *command {
        Command::Attempt { target, max_tokens, prefill, .. } => Some((target.0, max_tokens, prefill)),
        _ => None,
    };
    world.commands.iter().filter_map(attempt).collect()
}

fn stream(number: u64) -> Request {
    Request { max_tokens: Some(50), ..rig::request(number, Api::ConverseStream, number * SECOND) }
}

#[test]
fn a_text_that_broke_off_is_gone_on_with_elsewhere_with_what_is_left_of_its_limit() {
    let settings = json!({ "tiers": [["a", "b"]], "retry": {}, "continue_prefill": {} });
    let mut world = world(settings, |_, target| if target.0 == 0 { breaks(20) } else { streamed() });
    world.arrive_as(stream(0));
    assert!(matches!(world.run().finished()[0].outcome, Outcome::Answered(_)));
    assert_eq!(sent(&world), [(0, None, None), (1, Some(30), Some(20))]);
    assert!(world.notes.reasons().contains(&Reason::Continued));
}

#[test]
fn it_is_gone_on_with_so_often_and_never_what_is_more_than_text() {
    let tools = Needs::NONE.with(Need::Tools);
    let unary = |request: Request| Request { api: Api::InvokeModelWithResponseStream, ..request };
    // (settings, request; attempts)
    let table = [
        (json!({}), stream(0), 2),
        (json!({ "continue_prefill": { "max": 2 } }), stream(0), 3),
        (json!({ "continue_prefill": "off" }), stream(0), 1),
        (json!({}), Request { needs: tools, ..stream(0) }, 1),
        (json!({}), Request { needs: Needs::NONE.with(Need::Thinking), ..stream(0) }, 1),
        (json!({}), Request { needs: Needs::NONE.with(Need::Images), ..stream(0) }, 2),
        (json!({}), unary(stream(0)), 1),
        (json!({ "lacks": { "b": ["prefill"], "c": ["prefill"] } }), stream(0), 2),
        (json!({ "lacks": { "a": ["prefill"], "b": ["prefill"], "c": ["images"] } }), stream(0), 2),
        (json!({ "budgets": { "failover": { "share": "1%" } } }), stream(0), 1),
    ];
    for (more, request, attempts) in table {
        let mut settings = json!({ "tiers": [["a", "b", "c"]], "retry": {}, "continue_prefill": {} });
        for (key, value) in more.as_object().unwrap() {
            settings[key] = value.clone();
        }
        let mut world = world(settings, |_, _| breaks(20));
        world.arrive_as(request);
        let finish = world.run().finished()[0];
        assert_eq!(finish.outcome, Outcome::Broken(Failure::StreamBroken), "{more}");
        assert_eq!(finish.attempts, attempts, "{more}, {request:?}");
    }
}

#[test]
fn a_target_that_cannot_go_on_is_passed_over_for_one_that_can_even_where_it_broke() {
    let settings =
        |lacks| json!({ "tiers": [["a", "b", "c"]], "retry": {}, "continue_prefill": {}, "lacks": lacks });
    for (lacks, next) in
        [(json!({ "b": ["prefill"] }), 2), (json!({ "b": ["prefill"], "c": ["streaming"] }), 0)]
    {
        let mut world = world(settings(lacks), |n, _| if n == 0 { breaks(9) } else { streamed() });
        world.arrive_as(stream(0));
        world.run();
        assert_eq!(sent(&world)[1], (next, Some(41), Some(9)));
    }
}

#[test]
fn the_beginning_of_a_stream_is_kept_back_only_while_another_attempt_could_be_made() {
    let settings = json!({
        "tiers": [["a", "b"]], "retry": { "attempts_max": 2 }, "hold_back": { "tokens": 20, "for": "300ms" },
    });
    let mut world = world(settings, |n, _| if n == 0 { breaks(7) } else { streamed() });
    world.arrive_as(stream(0));
    world.arrive(9 * SECOND, 1, Api::Converse);
    let finish = world.run().finished()[0];
    // Broken unseen at 500 ms; the second one's content goes out as it comes.
    assert_eq!((finish.first, finish.attempts), (Some(600 * MS), 2));
    let rules = world.commands.iter().filter_map(|command| match command {
        Command::Attempt { rules, .. } => Some(rules.hold_back),
        _ => None,
    });
    let rule = HoldBack { tokens: Some(20), within: Some(Duration::from_millis(300)) };
    assert_eq!(rules.collect::<Vec<_>>(), [Some(rule), None, None], "and nothing of what does not stream");
}

#[test]
fn content_that_is_kept_back_is_no_silence_to_hedge() {
    let settings = json!({
        "tiers": [["a", "b"]], "retry": {}, "hold_back": { "for": "9s" },
        "hedge": { "samples_min": 1, "share": "100%", "quantile": "50%" },
    });
    let mut world = world(settings, |_, _| streamed());
    (0..5).for_each(|n| world.arrive_as(stream(n)));
    world.run();
    assert_eq!(sent(&world).len(), 5);
}

#[test]
fn a_request_goes_only_to_targets_that_can_do_what_it_needs() {
    let settings = json!({
        "tiers": [["a", "b"], ["c"]], "retry": {},
        "lacks": { "a": ["tools", "images"], "b": ["images"], "c": ["images", "json", "streaming"] },
        "on_exhausted": ["least_bad", "ask_anyway", "panic_all"],
    });
    let mut world = world(settings, |_, _| streamed());
    let needs = [
        Needs::NONE,
        Needs::NONE.with(Need::Tools),
        Needs::NONE.with(Need::Json),
        Needs::NONE.with(Need::Images),
    ];
    for (n, needs) in needs.into_iter().enumerate() {
        world.arrive_as(Request { needs, ..stream(n as u64) });
    }
    let notes = world.run();
    let (sent, ends): (Vec<u16>, Vec<Finished>) =
        (notes.sent().into_iter().map(|(_, target)| target).collect(), notes.by_request());
    assert_eq!(sent, [0, 1, 0]);
    assert_eq!((ends[3].outcome, ends[3].reason), (Outcome::Failed(Failure::LocalReject), Reason::Incapable));
}

#[test]
fn another_model_takes_what_the_tiers_cannot_do() {
    let settings = json!({
        "tiers": [["a", "b"]], "retry": {}, "models": { "general": ["c"] },
        "lacks": { "a": ["images"], "b": ["images"] },
    });
    let mut world = world(settings, |_, _| streamed());
    world.arrive_as(Request { needs: Needs::NONE.with(Need::Images), ..stream(0) });
    assert_eq!(world.run().sent(), [(0, 2)]);
}

#[test]
fn what_is_gone_on_with_is_reserved_with_what_it_goes_on_from() {
    let settings = json!({
        "tiers": [["a"], ["b"]], "retry": {}, "continue_prefill": {},
        "quota": {}, "limits": { "b": { "tokens": "160/min" } },
    });
    // 100 of input, 20 to go on from and 30 to come are 150 of 160; what was reserved before does not fit beside it.
    for (before, broken) in [(0, false), (1, true)] {
        let mut world =
            world(settings.clone(), |_, target| if target.0 == 0 { breaks(20) } else { streamed() });
        (0..=before).for_each(|n| world.arrive_as(Request { intended: 0, ..stream(n) }));
        let ends = world.run().by_request();
        let last = ends.last().unwrap();
        assert_eq!(matches!(last.outcome, Outcome::Broken(_)), broken, "{last:?}");
    }
}

#[test]
fn rules_for_streams_that_can_never_act_are_refused() {
    let base = |more: Value| {
        let mut settings = json!({ "tiers": [["a", "b"]], "retry": {} });
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        keys(settings)
    };
    assert_eq!(base(json!({ "hold_back": { "tokens": 20 }, "continue_prefill": {} })), Vec::<String>::new());
    let lacks = |what: &[&str]| json!({ "a": what, "b": what });
    let table = [
        (json!({ "hold_back": {} }), "hold_back"),
        (json!({ "hold_back": { "tokens": 1 } }), "hold_back"),
        (json!({ "hold_back": { "for": "1s" }, "retry": "off" }), "hold_back"),
        (json!({ "continue_prefill": { "max": 0 } }), "continue_prefill.max"),
        (json!({ "continue_prefill": {}, "retry": "off" }), "continue_prefill"),
        (json!({ "continue_prefill": {}, "lacks": lacks(&["prefill"]) }), "continue_prefill"),
        (json!({ "tiers": [["a"], ["b"]], "retry": "off" }), "tiers.1"),
        (json!({ "lacks": { "z": ["tools"] } }), "lacks.z"),
        (json!({ "lacks": { "a": [] } }), "lacks.a"),
    ];
    for (more, key) in table {
        assert_eq!(base(more.clone()), [key], "{more}");
    }
}
