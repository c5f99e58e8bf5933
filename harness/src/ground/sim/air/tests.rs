use richter_core::flight::FlightId;
use richter_mock_bedrock::engine::{Garble, Page, PageKind, Reported, Stop};

use super::*;

const MS: Nanos = 1_000_000;
const SENT: Nanos = 1_000 * MS;

fn sent(timeouts: Timeouts, streams: bool) -> Sent {
    let flight = FlightId { slot: 0, generation: 0 };
    let attempt = AttemptId { flight, number: 0 };
    Sent {
        at: SENT,
        attempt,
        target: TargetId(0),
        timeouts,
        streams,
        lowered: false,
        hold_back: None,
        prefill: None,
    }
}

/// Head 20 ms after the sending, five tokens from 100 ms to 140 ms.
fn answer() -> Answer {
    Answer {
        route: RouteId(0),
        call: CallId { slot: 0, generation: 0 },
        region: RegionId(0),
        head_at: SENT + 20 * MS,
        first_at: SENT + 100 * MS,
        last_at: SENT + 140 * MS,
        tokens: 5,
        gap: 10e6,
        silence_max: 10 * MS,
        silence_from: SENT + 100 * MS,
        end: BodyEnd::Complete { stop: Stop::EndTurn },
        usage: Reported { input: 7, output: 5, ..Reported::default() },
        prompt: Reported { input: 7, ..Reported::default() },
        wire: None,
    }
}

fn unary() -> Answer {
    let at = SENT + 140 * MS;
    Answer { head_at: at, first_at: at, silence_max: 0, ..answer() }
}

fn stalled(tokens: u32) -> Answer {
    let from = SENT + if tokens == 0 { 20 * MS } else { 120 * MS };
    Answer {
        first_at: if tokens == 0 { Nanos::MAX } else { SENT + 100 * MS },
        last_at: Nanos::MAX,
        tokens,
        silence_max: Nanos::MAX,
        silence_from: from,
        end: BodyEnd::Stalled { silent_from: from },
        ..answer()
    }
}

/// So many tokens within so many milliseconds.
fn pace(tokens: u32, ms: u64) -> PaceLimit {
    PaceLimit { tokens, within: Duration::from_millis(ms) }
}

fn limit(timer: Timer, ms: u64) -> Timeouts {
    let limit = Some(Duration::from_millis(ms));
    match timer {
        Timer::Connect => Timeouts { connect: limit, ..Timeouts::default() },
        Timer::FirstToken => Timeouts { first_token: limit, ..Timeouts::default() },
        Timer::Idle => Timeouts { idle: limit, ..Timeouts::default() },
        Timer::Pace => Timeouts { pace: Some(pace(3, ms)), ..Timeouts::default() },
        Timer::Total | Timer::Model => Timeouts { total: limit, ..Timeouts::default() },
    }
}

/// First content and end in milliseconds from the sending, whether the head was seen, and the end.
fn course(served: Served, timeouts: Timeouts, streams: bool) -> (Option<u64>, Option<u64>, bool, Planned) {
    let flown = plan(served, &sent(timeouts, streams));
    let ms = |at: Nanos| (at < Nanos::MAX).then(|| (at - SENT) / MS);
    (flown.first_at.and_then(ms), ms(flown.ends_at), flown.head_at.is_some(), flown.end)
}

#[test]
fn each_answer_ends_as_the_service_says() {
    let usage = Usage { input: 7, output: 5, ..Usage::default() };
    let exception = Exception::no_capacity();
    let error = |in_stream| Planned::Error { exception: exception.clone(), in_stream };
    let ended = |end| Answer { end, ..answer() };
    let lost = |end| Answer { end, tokens: 0, ..unary() };
    let at = SENT + 30 * MS;
    let (await_, body) = (Planned::Transport(Phase::Await), Planned::Transport(Phase::Body));
    let page = |status| Served::Page { at, page: Page { status, kind: PageKind::Html } };
    let bare = |reset| BodyEnd::Bare { reset };
    let garbled = BodyEnd::Garbled(Garble::MessageChecksum);
    let nothing = |end, streams| {
        let answer = if streams { answer() } else { unary() };
        Answer { tokens: 0, first_at: answer.head_at, last_at: answer.head_at, end, ..answer }
    };
    // (what is served, whether it streams; first content, end, head seen, how it ends)
    let table = [
        (Served::Answer(answer()), true, Some(100), Some(140), true, Planned::Complete(usage)),
        (Served::Answer(ended(BodyEnd::Eof)), true, Some(100), Some(140), true, Planned::Truncated),
        (Served::Answer(ended(BodyEnd::Reset)), true, Some(100), Some(140), true, body.clone()),
        (
            Served::Answer(ended(BodyEnd::Exception(exception.clone()))),
            true,
            Some(100),
            Some(140),
            true,
            error(true),
        ),
        (Served::Answer(stalled(3)), true, Some(100), None, true, Planned::Truncated),
        (Served::Answer(stalled(0)), true, None, None, true, Planned::Truncated),
        (Served::Answer(unary()), false, None, Some(140), false, Planned::Complete(usage)),
        (Served::Answer(lost(BodyEnd::Eof)), false, None, Some(140), false, Planned::Truncated),
        (Served::Answer(lost(BodyEnd::Reset)), false, None, Some(140), false, await_.clone()),
        (Served::Error { at, exception: exception.clone() }, true, None, Some(30), false, error(false)),
        (Served::Refused { at }, true, None, Some(30), false, Planned::Transport(Phase::Connect)),
        (Served::Silence, true, None, None, false, Planned::Truncated),
        (Served::Reset { at }, true, None, Some(30), false, await_.clone()),
        (page(200), true, None, Some(30), false, Planned::Truncated),
        (page(502), false, None, Some(30), false, Planned::Stranger { status: 502 }),
        (Served::Answer(nothing(BodyEnd::Lost, true)), true, None, Some(20), false, await_.clone()),
        (Served::Answer(nothing(BodyEnd::Lost, false)), false, None, Some(140), false, await_),
        (Served::Answer(nothing(bare(true), true)), true, None, Some(20), true, body),
        (Served::Answer(nothing(bare(false), true)), true, None, Some(20), true, Planned::Truncated),
        (Served::Answer(nothing(bare(true), false)), false, None, Some(140), false, Planned::Truncated),
        (Served::Answer(ended(garbled)), true, Some(100), Some(140), true, Planned::Truncated),
    ];
    for (served, streams, first, end, head, how) in table {
        let found = course(served.clone(), Timeouts::default(), streams);
        assert_eq!(found, (first, end, head, how), "{served:?}");
    }
}

#[test]
fn a_timeout_strikes_only_before_what_it_waits_for() {
    use Timer::{Connect, FirstToken, Idle, Pace, Total};
    let error = || Served::Error { at: SENT + 30 * MS, exception: Exception::no_capacity() };
    let stream = || Served::Answer(answer());
    // (what is served, whether it streams, timer, its limit; when it strikes, head seen)
    let table = [
        (stream(), true, Total, 139, Some((139, true))),
        (stream(), true, Total, 140, None),
        (stream(), true, Total, 19, Some((19, false))),
        (stream(), true, FirstToken, 99, Some((99, true))),
        (stream(), true, FirstToken, 100, None),
        (stream(), true, Idle, 79, Some((99, true))),
        (stream(), true, Idle, 80, None),
        (stream(), true, Idle, 9, Some((9, false))),
        (stream(), true, Connect, 1, None),
        (Served::Answer(stalled(3)), true, Idle, 500, Some((620, true))),
        (Served::Answer(stalled(0)), true, Idle, 500, Some((520, true))),
        (Served::Answer(stalled(0)), true, FirstToken, 500, Some((500, true))),
        (Served::Answer(stalled(3)), true, FirstToken, 500, None),
        (Served::Answer(stalled(3)), true, Total, 900, Some((900, true))),
        (Served::Answer(unary()), false, FirstToken, 139, Some((139, false))),
        (Served::Answer(unary()), false, Idle, 139, Some((139, false))),
        (Served::Answer(unary()), false, Total, 140, None),
        (error(), true, FirstToken, 30, None),
        (error(), true, Idle, 29, Some((29, false))),
        (stream(), true, Pace, 30, None),
        (stream(), true, Pace, 29, Some((129, true))),
        (Served::Answer(unary()), false, Pace, 1, None),
        (Served::Answer(stalled(0)), true, Pace, 30, None),
        (Served::Silence, true, Connect, 300, Some((300, false))),
        (Served::Silence, true, FirstToken, 300, Some((300, false))),
        (Served::Silence, true, Idle, 300, None),
    ];
    for (served, streams, timer, ms, strikes) in table {
        let told = format!("{timer:?} after {ms} ms: {served:?}");
        let (_, ends, head, end) = course(served, limit(timer, ms), streams);
        let found = (end == Planned::TimedOut(timer)).then(|| (ends.expect("a timeout has a time"), head));
        assert_eq!(found, strikes, "{told}");
    }
}

/// A thousand tokens from 100 ms on, ten milliseconds apart but for one pause after some of them.
fn pausing(after: u64, ms: u64) -> Answer {
    let from = SENT + (100 + 10 * (after - 1)) * MS;
    let last_at = SENT + (100 + 10 * 998 + ms) * MS;
    Answer { tokens: 1_000, last_at, silence_from: from, silence_max: ms * MS, ..answer() }
}

/// When the n-th of its tokens comes, in milliseconds from the sending.
fn comes(n: u64, after: u64, ms: u64) -> u64 {
    100 + 10 * (n - 1) + if n > after { ms - 10 } else { 0 }
}

/// Token by token: when the next one is late for the stretch that began so many tokens ago, or with the first.
fn too_slow(after: u64, ms: u64, limit: PaceLimit) -> Option<u64> {
    let within = limit.within.as_millis() as u64;
    let due = |n: u64| comes(n.saturating_sub(limit.tokens.into()).max(1), after, ms) + within;
    let late = (2..=1_000).find(|n| comes(*n, after, ms) > due(*n))?;
    Some(due(late)).filter(|at| *at < comes(1_000, after, ms))
}

#[test]
fn a_stream_is_too_slow_as_soon_as_one_stretch_brings_too_few_tokens() {
    let limits = [(1, 12), (1, 300), (10, 99), (10, 103), (10, 350), (20, 300)];
    for (after, ms) in [1, 2, 7, 20, 500].into_iter().flat_map(|n| [10, 15, 105, 3_005].map(|ms| (n, ms))) {
        for limit in limits.map(|(tokens, within)| pace(tokens, within)) {
            let timeouts = Timeouts { pace: Some(limit), ..Timeouts::default() };
            let (_, ends, _, end) = course(Served::Answer(pausing(after, ms)), timeouts, true);
            let found = (end == Planned::TimedOut(Timer::Pace)).then(|| ends.expect("it ended"));
            assert_eq!(found, too_slow(after, ms, limit), "{ms} ms after {after} tokens, {limit:?}");
        }
    }
}

#[test]
fn a_stream_that_is_over_before_the_stretch_is_was_not_too_slow() {
    let slow = Answer { gap: 15e6, last_at: SENT + 160 * MS, ..answer() };
    let end = |tokens, ms| {
        let timeouts = Timeouts { pace: Some(pace(tokens, ms)), ..Timeouts::default() };
        course(Served::Answer(slow.clone()), timeouts, true).1
    };
    assert_eq!([end(3, 44), end(9, 59), end(9, 60), end(9, 99)], [144, 159, 160, 160].map(Some));
}

#[test]
fn the_earliest_timeout_wins() {
    let all = Timeouts {
        connect: Some(Duration::from_millis(10)),
        first_token: Some(Duration::from_millis(60)),
        idle: Some(Duration::from_millis(70)),
        total: Some(Duration::from_millis(80)),
        ..Timeouts::default()
    };
    let end = |served| course(served, all, true).3;
    assert_eq!(end(Served::Silence), Planned::TimedOut(Timer::Connect));
    assert_eq!(end(Served::Answer(answer())), Planned::TimedOut(Timer::FirstToken));
}

#[test]
fn content_that_comes_in_the_same_instant_as_the_end_was_seen() {
    let one_token = Answer { tokens: 1, last_at: SENT + 100 * MS, end: BodyEnd::Eof, ..answer() };
    let (first, end, ..) = course(Served::Answer(one_token), Timeouts::default(), true);
    assert_eq!((first, end), (Some(100), Some(100)));
    let (first, ..) = course(Served::Answer(answer()), limit(Timer::Total, 100), true);
    assert_eq!(first, Some(100));
    let (first, ..) = course(Served::Answer(answer()), limit(Timer::Total, 99), true);
    assert_eq!(first, None);
}

#[test]
fn a_late_event_never_reaches_the_next_attempt_in_the_slot() {
    let mut air = Air::default();
    let first = air.add(plan(Served::Silence, &sent(Timeouts::default(), true)));
    assert!(air.take(first).is_some());
    let second = air.add(plan(Served::Silence, &sent(Timeouts::default(), true)));
    assert_eq!((first.slot, first.generation + 1), (second.slot, second.generation));
    assert!(air.get(first).is_none() && air.take(first).is_none());
    assert!(air.take(second).is_some());
}
