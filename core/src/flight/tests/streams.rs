//! Stories of streams beyond their first content: what is kept back, and what is gone on with.

use super::*;
use crate::{
    request::Usage,
    strategy::{HoldBack, StreamRules},
};

const HELD: StreamRules =
    StreamRules { hold_back: Some(HoldBack { tokens: Some(9), within: None }), keeps_text: true };

/// Each failure leads to the next target; what breaks in its caller's hands is gone on with as often.
#[derive(Debug)]
struct Mends {
    rules: StreamRules,
    attempts_max: u32,
    pays: bool,
}

impl Mends {
    fn next(&self, flight: &FlightView<'_>, now: Nanos) -> Send {
        let target = TargetId(flight.attempts.len() as u16);
        Send { rules: self.rules, ..Send::plain(target, now, Timeouts::default()) }
    }
}

impl Strategy for Mends {
    fn contract(&self) -> Contract {
        Contract { attempts_max: self.attempts_max, deadline: Some(Duration::from_secs(60)) }
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, _: &mut dyn Rng) -> Decision {
        if flight.attempts.iter().any(Attempt::in_air) {
            return Decision { step: Step::Stop, reason: Reason::StillInAir };
        }
        Decision { step: Step::Send(self.next(flight, now)), reason: Reason::NextTarget }
    }

    fn withdraw(&mut self, _: &FlightView<'_>, _: TargetId) -> bool {
        self.pays
    }

    fn mend(&mut self, flight: &FlightView<'_>, now: Nanos, _: &mut dyn Rng) -> Option<Send> {
        Some(self.next(flight, now))
    }

    fn learn(&mut self, _: &FlightView<'_>, _: &Lesson, _: Nanos) {}
}

fn told(strategy: Mends, plays: &[Play]) -> (Notebook, Vec<Command>) {
    let plays = plays.to_vec();
    let mut world = World::new(Router::new(Box::new(strategy)), move |nth, _| plays[nth as usize]);
    world.arrive(0, 0, Api::ConverseStream);
    world.run();
    (std::mem::take(&mut world.notes), std::mem::take(&mut world.commands))
}

const PLAIN: StreamRules = StreamRules { hold_back: None, keeps_text: true };
const MENDS: Mends = Mends { rules: PLAIN, attempts_max: 3, pays: true };
const WHOLE: Usage = Usage { output: 13, ..USAGE };

/// Content from 100 ms on, and so many tokens of it when it breaks at 500 ms.
const fn breaks(tokens: u32) -> Play {
    let play = streams(10 * MS, 100 * MS, 500 * MS);
    Play { end: AttemptEnd::Truncated, came: Content { tokens, is_text: true }, ..play }
}

/// The same, and then whole.
const fn answers() -> Play {
    Play { end: AttemptEnd::Complete(WHOLE), ..streams(10 * MS, 100 * MS, 500 * MS) }
}

/// What was to be gone on with, by attempt.
fn prefills(commands: &[Command]) -> Vec<Option<u32>> {
    let prefill = |command: &Command| match command {
        Command::Attempt { prefill, .. } => Some(*prefill),
        _ => None,
    };
    commands.iter().filter_map(prefill).collect()
}

#[test]
fn a_break_in_what_is_kept_back_is_retried_unseen() {
    let kept = Mends { rules: HELD, ..MENDS };
    let released = Play { releases: Some(300 * MS), ..answers() };
    let (notes, commands) = told(kept, &[breaks(4), released]);
    assert_eq!(notes.sent(), [(0, 0), (500 * MS, 1)]);
    assert_eq!(prefills(&commands), [None, None], "the second begins anew");
    let finish = notes.finished()[0];
    // The caller sees the second answer's content when that is released: 300 ms after it was sent.
    assert_eq!((finish.first, finish.outcome), (Some(800 * MS), Outcome::Answered(WHOLE)));
    let commits = notes.0.iter().filter(|(_, note)| matches!(note, Note::Committed(_))).count();
    assert_eq!(commits, 1);
}

#[test]
fn what_was_released_is_the_caller_s_and_a_whole_answer_needs_no_release() {
    let once = || Mends { rules: HELD, attempts_max: 1, pays: true };
    let released = Play { releases: Some(300 * MS), ..breaks(12) };
    let (notes, _) = told(once(), &[released]);
    let finish = notes.finished()[0];
    assert_eq!((finish.first, finish.outcome), (Some(300 * MS), Outcome::Broken(Failure::StreamBroken)));
    let (notes, _) = told(once(), &[answers()]);
    let finish = notes.finished()[0];
    assert_eq!((finish.first, finish.outcome), (Some(500 * MS), Outcome::Answered(WHOLE)));
}

#[test]
fn an_answer_that_broke_is_gone_on_with_and_is_whole_in_the_end() {
    let (notes, commands) = told(MENDS, &[breaks(7), breaks(5), answers()]);
    assert_eq!(notes.sent(), [(0, 0), (500 * MS, 1), (1_000 * MS, 2)]);
    assert_eq!(prefills(&commands), [None, Some(7), Some(12)], "each goes on with all there is");
    let finish = notes.finished()[0];
    assert_eq!((finish.outcome, finish.reason), (Outcome::Answered(WHOLE), Reason::Answered));
    assert_eq!((finish.first, finish.target, finish.attempts), (Some(100 * MS), Some(TargetId(2)), 3));
    let continued = notes.reasons().into_iter().filter(|reason| *reason == Reason::Continued).count();
    assert_eq!(continued, 2);
}

#[test]
fn what_cannot_be_gone_on_with_is_visibly_broken_for_the_reason_that_broke_it() {
    let nothing_new = Play { came: Content { tokens: 0, is_text: false }, ..BROKEN };
    let tool = Play { came: Content { tokens: 7, is_text: false }, ..breaks(7) };
    let broken = Outcome::Broken(Failure::StreamBroken);
    // (strategy, plays; attempts, decisions after the first sending)
    let table: [(Mends, Vec<Play>, u32, &[Reason]); 5] = [
        (Mends { attempts_max: 1, ..MENDS }, vec![breaks(7)], 1, &[Reason::AttemptsSpent]),
        (Mends { pays: false, ..MENDS }, vec![breaks(7)], 1, &[Reason::BudgetEmpty]),
        (MENDS, vec![tool], 1, &[]),
        // A sending that failed at once is tried again elsewhere, and does not hide how it broke.
        (
            Mends { attempts_max: 2, ..MENDS },
            vec![breaks(7), nothing_new],
            2,
            &[Reason::Continued, Reason::AttemptsSpent],
        ),
        (
            MENDS,
            vec![breaks(7), nothing_new, breaks(2)],
            3,
            &[Reason::Continued, Reason::Continued, Reason::AttemptsSpent],
        ),
    ];
    for (strategy, plays, attempts, reasons) in table {
        let (notes, _) = told(strategy, &plays);
        let finish = notes.finished()[0];
        assert_eq!((finish.outcome, finish.reason), (broken, Reason::BrokenAfterCommit), "{plays:?}");
        assert_eq!(finish.attempts, attempts, "{plays:?}");
        assert_eq!(&notes.reasons()[1..], reasons, "{plays:?}");
    }
}

#[test]
fn a_hedge_may_overtake_what_is_kept_back_and_content_that_is_kept_back_is_not_lost_with_it() {
    // The first speaks at 150 ms and keeps it back; the hedge of 200 ms is released first.
    let strategy = |rules| {
        router(3, move |flight, now| match hedge(flight, now) {
            Decision { step: Step::Send(send), reason } => {
                Decision { step: Step::Send(Send { rules, ..send }), reason }
            }
            other => other,
        })
    };
    let slow = Play { releases: Some(900 * MS), ..streams(10 * MS, 150 * MS, SECOND) };
    let quick = Play { releases: Some(200 * MS), ..streams(10 * MS, 100 * MS, 600 * MS) };
    for (first, second, winner, at) in [(slow, quick, 1, 400), (slow, BROKEN, 0, 900)] {
        let mut world = World::new(strategy(HELD), |_, target| if target.0 == 0 { first } else { second });
        world.arrive(0, 0, Api::ConverseStream);
        let finish = world.run().finished()[0];
        assert_eq!((finish.target, finish.first), (Some(TargetId(winner)), Some(at * MS)));
    }
}

#[test]
fn late_and_repeated_releases_do_nothing() {
    let mut router = router(1, hedge);
    let mut commands = Vec::new();
    let (mut dice, mut notes) = (Loaded(0.5), Notebook::default());
    let mut turn = Turn { now: 0, dice: &mut dice, observer: &mut notes, commands: &mut commands };
    let flight = router.begin(&mut turn, rig::request(0, Api::ConverseStream, 0));
    let attempt = AttemptId { flight, number: 0 };
    // Nothing has come, so there is nothing to let go.
    router.released(&mut turn, attempt);
    router.released(&mut turn, AttemptId { number: 4, ..attempt });
    router.first_content(&mut turn, attempt);
    router.released(&mut turn, attempt);
    router.ended(&mut turn, attempt, AttemptEnd::Complete(USAGE));
    router.released(&mut turn, attempt);
    let commits = commands.iter().filter(|command| matches!(command, Command::Commit { .. })).count();
    assert_eq!(commits, 1);
}
