//! Stories that show one rule each; `laws` throws random events at all of them.

use std::time::Duration;

use rand_core::Rng;
use serde_json::json;

use super::*;
use crate::{
    event::Finished,
    failure::{AttemptEnd, Timer},
    request::Api,
    rig::{self, BROKEN, Loaded, MS, Note, Notebook, Play, SECOND, USAGE, World},
    strategy::{Contract, Decision, Lesson, Reason, Send, Step, Strategy},
};

mod holds;
mod laws;
mod streams;

/// Decides by a closure and learns nothing.
struct Scripted<F> {
    contract: Contract,
    step: F,
}

impl<F> std::fmt::Debug for Scripted<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scripted")
    }
}

impl<F: FnMut(&FlightView<'_>, Nanos) -> Decision + std::marker::Send> Strategy for Scripted<F> {
    fn contract(&self) -> Contract {
        self.contract
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, _: &mut dyn Rng) -> Decision {
        (self.step)(flight, now)
    }

    fn learn(&mut self, _: &FlightView<'_>, _: &Lesson, _: Nanos) {}
}

fn router(
    attempts_max: u32,
    step: impl FnMut(&FlightView<'_>, Nanos) -> Decision + std::marker::Send + 'static,
) -> Router {
    let contract = Contract { attempts_max, deadline: Some(Duration::from_secs(60)) };
    Router::new(Box::new(Scripted { contract, step }))
}

fn send(target: u16, at: Nanos, reason: Reason) -> Decision {
    let send = Send::plain(TargetId(target), at, Timeouts::default());
    Decision { step: Step::Send(send), reason }
}

/// Sends to `a`, and to `b` as well if `a` has said nothing after 200 ms.
fn hedge(flight: &FlightView<'_>, now: Nanos) -> Decision {
    let hedge_at = flight.begun + 200 * MS;
    match flight.attempts.len() {
        0 => send(0, now, Reason::FirstChoice),
        1 if now >= hedge_at || flight.last_failure().is_some() => send(1, now, Reason::NextTarget),
        1 => Decision { step: Step::AskAgain { at: hedge_at }, reason: Reason::StillInAir },
        _ => Decision { step: Step::Stop, reason: Reason::StillInAir },
    }
}

fn hedged(a: Play, b: Play) -> Notebook {
    let mut world = World::new(router(3, hedge), |_, target| if target.0 == 0 { a } else { b });
    world.arrive(0, 0, Api::ConverseStream);
    world.run();
    std::mem::take(&mut world.notes)
}

const fn streams(opens: Nanos, content: Nanos, ends: Nanos) -> Play {
    Play { opens: Some(opens), content: Some(content), ..rig::answers(ends) }
}

#[test]
fn a_hedge_is_a_send_when_asked_again_and_the_first_content_wins() {
    let notes = hedged(streams(10 * MS, 900 * MS, SECOND), streams(10 * MS, 300 * MS, 400 * MS));
    assert_eq!(notes.sent(), [(0, 0), (200 * MS, 1)]);
    let finish = notes.finished()[0];
    // The head at 10 ms committed nothing; the content of b at 200 + 300 ms did.
    assert_eq!((finish.first, finish.target), (Some(500 * MS), Some(TargetId(1))));
    assert_eq!(finish.outcome, Outcome::Answered(USAGE));
    let ends: Vec<_> = notes.0.iter().filter(|(_, note)| matches!(note, Note::Ended(..))).collect();
    assert!(
        matches!(
            ends[..],
            [
                (at, Note::Ended(AttemptId { number: 0, .. }, AttemptResult::Cancelled)),
                (_, Note::Ended(AttemptId { number: 1, .. }, AttemptResult::Answered(_))),
            ] if *at == 500 * MS
        ),
        "{ends:?}"
    );
}

#[test]
fn an_answer_before_the_hedge_makes_the_wake_up_harmless() {
    let notes = hedged(streams(10 * MS, 20 * MS, 30 * MS), BROKEN);
    assert_eq!(notes.sent(), [(0, 0)]);
    assert_eq!(notes.finished()[0].attempts, 1);
}

#[test]
fn a_failure_before_the_hedge_asks_at_once() {
    let notes = hedged(BROKEN, streams(10 * MS, 20 * MS, 30 * MS));
    assert_eq!(notes.sent(), [(0, 0), (10 * MS, 1)]);
    assert_eq!(notes.finished()[0].target, Some(TargetId(1)));
}

#[test]
fn a_stop_while_an_attempt_is_in_the_air_waits_for_it() {
    let notes = hedged(streams(10 * MS, 900 * MS, SECOND), BROKEN);
    let finish = notes.finished()[0];
    assert_eq!((finish.outcome, finish.target), (Outcome::Answered(USAGE), Some(TargetId(0))));
}

#[test]
fn a_unary_answer_commits_and_finishes_at_once() {
    let mut world = World::new(router(1, hedge), |_, _| rig::answers(300 * MS));
    world.arrive(0, 0, Api::Converse);
    let notes: Vec<Note> = world.run().0.iter().map(|(_, note)| *note).collect();
    let flight = FlightId { slot: 0, generation: 0 };
    let attempt = AttemptId { flight, number: 0 };
    let finish = Finished {
        outcome: Outcome::Answered(USAGE),
        reason: Reason::Answered,
        attempts: 1,
        first: Some(300 * MS),
        target: Some(TargetId(0)),
    };
    assert!(matches!(notes[1], Note::Decided(Step::Send(_), Reason::FirstChoice)));
    assert_eq!(
        [notes[0], notes[2], notes[3], notes[4], notes[5]],
        [
            Note::Begun(flight),
            Note::Sent(attempt, TargetId(0)),
            Note::Committed(attempt),
            Note::Ended(attempt, AttemptResult::Answered(USAGE)),
            Note::Finished(flight, finish),
        ]
    );
    assert_eq!(notes.len(), 6);
}

#[test]
fn a_strategy_that_sends_without_end_is_held_to_its_contract() {
    let mut world = World::new(router(3, |_, now| send(0, now, Reason::RetrySame)), |_, _| BROKEN);
    world.arrive(0, 0, Api::Converse);
    let notes = world.run();
    assert_eq!(notes.sent().len(), 3);
    assert_eq!(notes.finished()[0].reason, Reason::AttemptsSpent);

    let mut world = World::new(router(u32::MAX, |_, now| send(0, now, Reason::RetrySame)), |_, _| BROKEN);
    world.arrive(0, 0, Api::Converse);
    assert_eq!(world.run().sent().len() as u32, ATTEMPTS_MAX);
}

#[test]
fn a_strategy_that_never_decides_is_stopped() {
    let never = |at: Nanos| {
        move |_: &FlightView<'_>, _: Nanos| Decision {
            step: Step::AskAgain { at },
            reason: Reason::RateLimited,
        }
    };
    let mut world = World::new(router(3, never(0)), |_, _| BROKEN);
    world.arrive(SECOND, 0, Api::Converse);
    let finish = world.run().finished()[0];
    assert_eq!((finish.reason, finish.outcome), (Reason::WaitsSpent, Outcome::Failed(Failure::LocalReject)));

    let mut world = World::new(router(3, never(Nanos::MAX)), |_, _| BROKEN);
    world.arrive(SECOND, 0, Api::Converse);
    assert_eq!(world.run().finished()[0].reason, Reason::RateLimited);
}

#[test]
fn a_planned_sending_is_made_without_asking_again_unless_its_time_comes_too_late() {
    let later = |wait: Nanos| {
        let mut planned = false;
        move |flight: &FlightView<'_>, now: Nanos| {
            if !flight.attempts.is_empty() {
                return Decision { step: Step::Stop, reason: Reason::AttemptsSpent };
            }
            assert!(!std::mem::replace(&mut planned, true), "asked about a sending that was planned");
            send(0, now + wait, Reason::RateLimited)
        }
    };
    let mut world = World::new(router(2, later(5 * SECOND)), |_, _| BROKEN);
    world.arrive(SECOND, 0, Api::Converse);
    assert_eq!(world.run().sent(), [(6 * SECOND, 0)]);

    let mut world = World::new(router(2, later(60 * SECOND)), |_, _| BROKEN);
    world.arrive(SECOND, 0, Api::Converse);
    let notes = world.run();
    assert_eq!(notes.sent(), []);
    assert_eq!(notes.finished()[0].reason, Reason::DeadlineNear);
}

/// Drives a router by hand; gives the commands of one input.
fn input(
    router: &mut Router,
    now: Nanos,
    act: impl FnOnce(&mut Router, &mut Turn<'_, Notebook>),
) -> Vec<Command> {
    let mut commands = Vec::new();
    let mut notes = Notebook::default();
    let mut turn = Turn { now, dice: &mut Loaded(0.5), observer: &mut notes, commands: &mut commands };
    act(router, &mut turn);
    commands
}

#[test]
fn a_wake_up_after_the_deadline_sends_nothing() {
    let mut router = router(2, |_, now| send(0, now + SECOND, Reason::RateLimited));
    let begun = input(&mut router, 0, |router, turn| {
        router.begin(turn, rig::request(0, Api::Converse, 0));
    });
    let flight = FlightId { slot: 0, generation: 0 };
    assert_eq!(begun, [Command::WakeAt { flight, at: SECOND }]);
    let late = input(&mut router, 90 * SECOND, |router, turn| router.wake(turn, flight));
    assert_eq!(late, [Command::Finish { flight, answered: false }]);
}

#[test]
fn a_caller_who_leaves_has_every_attempt_cancelled() {
    let mut router = router(3, hedge);
    let request = rig::request(0, Api::ConverseStream, 0);
    let flight = FlightId { slot: 0, generation: 0 };
    input(&mut router, 0, |router, turn| {
        router.begin(turn, request);
    });
    input(&mut router, 200 * MS, |router, turn| router.wake(turn, flight));
    let left = input(&mut router, 300 * MS, |router, turn| router.caller_gone(turn, flight));
    let cancel = |number| Command::Cancel { attempt: AttemptId { flight, number } };
    assert_eq!(left, [cancel(0), cancel(1), Command::Finish { flight, answered: false }]);
    assert_eq!(router.flying(), 0);
}

#[test]
fn events_of_a_landed_flight_do_not_reach_the_next_one_in_its_slot() {
    let mut router = router(3, hedge);
    let begin = |router: &mut Router, now| {
        input(router, now, |router, turn| {
            router.begin(turn, rig::request(now, Api::ConverseStream, now));
        })
    };
    begin(&mut router, 0);
    let old = FlightId { slot: 0, generation: 0 };
    let stale = AttemptId { flight: old, number: 0 };
    input(&mut router, MS, |router, turn| router.ended(turn, stale, AttemptEnd::Complete(USAGE)));
    assert_eq!(router.flying(), 0);
    let new = FlightId { slot: 0, generation: 1 };
    assert!(
        matches!(begin(&mut router, 2 * MS)[0], Command::Attempt { attempt, .. } if attempt.flight == new)
    );
    let after = input(&mut router, SECOND, |router, turn| {
        router.opened(turn, stale);
        router.first_content(turn, stale);
        router.ended(turn, stale, AttemptEnd::TimedOut(Timer::Total));
        router.wake(turn, old);
        router.caller_gone(turn, old);
    });
    assert_eq!((after, router.flying()), (vec![], 1));
}

#[test]
fn with_one_target_and_one_attempt_ordered_is_direct() {
    let trace = |spec| {
        let play = |attempt| match attempt % 3 {
            0 => streams(10 * MS, 300 * MS, 900 * MS),
            1 => BROKEN,
            _ => Play { content: Some(MS), ..rig::ends(5 * MS, AttemptEnd::Truncated) },
        };
        let mut world = World::of(spec, move |attempt, _| play(attempt));
        (0..9).for_each(|number| world.arrive(number * 100 * MS, number, Api::ConverseStream));
        let finished = world.run().finished();
        let outcomes: Vec<_> = finished.iter().map(|f| (f.outcome, f.attempts, f.first, f.target)).collect();
        (world.notes.sent(), outcomes)
    };
    assert_eq!(
        trace(json!({ "direct": { "target": "a" } })),
        trace(json!({ "ordered": { "targets": ["a"] } }))
    );
}
