//! What must hold whatever happens, in whatever order.

use std::collections::BTreeMap;

use proptest::{
    collection::vec,
    prelude::{any, prop_assert, prop_assert_eq, proptest},
    strategy::Strategy as Random,
};
use rand_core::Rng;
use serde_json::json;

use super::*;
use crate::{
    failure::{AttemptEnd, Phase},
    flight::{AttemptId, Command, Content, FlightId, Router, Turn},
    policy::MILLISECOND,
    rig::{Loaded, Notebook},
    strategy::{Contract, Decision, Lesson, Strategy, tests::any as written},
};

/// What attempts in the air hold, by request and attempt: the pool, and the tokens reserved in it.
type Held = BTreeMap<(u64, u32), (usize, f64)>;

/// A composed strategy with somebody looking over its shoulder after every lesson.
#[derive(Debug)]
struct Watched(Composed, Held);

impl Strategy for Watched {
    fn contract(&self) -> Contract {
        self.0.contract()
    }

    fn step(&mut self, flight: &crate::flight::FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        self.0.step(flight, now, dice)
    }

    fn withdraw(&mut self, flight: &crate::flight::FlightView<'_>, target: TargetId) -> bool {
        self.0.withdraw(flight, target)
    }

    fn left(&mut self, flight: &crate::flight::FlightView<'_>) {
        self.0.left(flight);
    }

    fn call(&mut self, now: Nanos) -> Option<(FlightId, Nanos)> {
        self.0.call(now)
    }

    fn mend(
        &mut self,
        flight: &crate::flight::FlightView<'_>,
        now: Nanos,
        dice: &mut dyn Rng,
    ) -> Option<crate::strategy::Send> {
        self.0.mend(flight, now, dice)
    }

    fn learn(&mut self, flight: &crate::flight::FlightView<'_>, lesson: &Lesson, now: Nanos) {
        let before: Vec<Option<Nanos>> = self.closed();
        self.0.learn(flight, lesson, now);
        let passed = matches!(lesson, Lesson::Opened { .. } | Lesson::Answered { .. });
        for (before, after) in before.into_iter().zip(self.closed()) {
            assert!(passed || after >= before, "{lesson:?} shortened a cool-down: {before:?}, {after:?}");
        }
        self.note(flight, lesson);
        self.check_the_books(now);
    }
}

impl Watched {
    fn note(&mut self, flight: &crate::flight::FlightView<'_>, lesson: &Lesson) {
        match *lesson {
            Lesson::Sent { target, attempt } => {
                let pool = self.0.places[self.0.at(target).unwrap()].pool;
                let tokens = self.0.reserved_by(flight.request, &flight.attempts[attempt as usize]);
                self.1.insert((flight.request.number, attempt), (pool, tokens));
            }
            Lesson::Opened { .. } => {}
            Lesson::Answered { attempt, .. }
            | Lesson::Failed { attempt, .. }
            | Lesson::Cancelled { attempt, .. } => {
                let held = self.1.remove(&(flight.request.number, attempt));
                assert!(held.is_some(), "settled twice, or never reserved: {lesson:?}");
            }
        }
    }

    /// What is reserved in each pool is what its attempts in the air hold, and no book is below zero.
    fn check_the_books(&mut self, now: Nanos) {
        for (at, pool) in self.0.pools.iter_mut().enumerate() {
            let Some(ledger) = &mut pool.ledger else { continue };
            let held: f64 = self.1.values().filter(|(pool, _)| *pool == at).map(|(_, tokens)| tokens).sum();
            assert!((ledger.open() - held).abs() < 1e-6, "{} open, {held} held", ledger.open());
            assert!(ledger.open() >= 0.0 && ledger.room(now) >= 0.0);
        }
    }

    /// Until when each pool and each target is left alone.
    fn closed(&self) -> Vec<Option<Nanos>> {
        let pools = self.0.pools.iter().map(|pool| &pool.cooldown);
        let places = self.0.places.iter().map(|place| &place.cooldown);
        pools.chain(places).map(|cooldown| cooldown.as_ref().and_then(|one| one.until())).collect()
    }
}

#[derive(Debug, Clone, Copy)]
struct Poke {
    kind: u8,
    flight: u8,
    attempt: u8,
    after_ms: u16,
    dice: f64,
}

fn pokes() -> impl Random<Value = Vec<Poke>> {
    let poke = (0u8..14, any::<u8>(), 0u8..3, 0u16..900, 0.0f64..1.0);
    let poke = poke.prop_map(|(kind, flight, attempt, after_ms, dice)| Poke {
        kind,
        flight,
        attempt,
        after_ms,
        dice,
    });
    vec(poke, 1..150)
}

fn end(kind: u8) -> Option<AttemptEnd<'static>> {
    Some(match kind {
        5 => AttemptEnd::Complete(rig::USAGE),
        6 => AttemptEnd::Truncated,
        7 => AttemptEnd::Transport(Phase::Connect),
        8 => AttemptEnd::Error(rig::error("ThrottlingException", 429)),
        9 => AttemptEnd::Error(rig::error("InternalServerException", 500)),
        10 => AttemptEnd::Error(rig::error("ValidationException", 400)),
        11 => AttemptEnd::TimedOut(crate::failure::Timer::FirstToken),
        12 => AttemptEnd::Error(rig::error("AccessDeniedException", 403)),
        _ => return None,
    })
}

struct Shell {
    router: Router,
    notes: Notebook,
    now: Nanos,
    flights: Vec<FlightId>,
    wakes: BTreeMap<(Nanos, usize), FlightId>,
    in_air: BTreeMap<AttemptId, TargetId>,
    sent: BTreeMap<FlightId, u32>,
    trace: Vec<(Nanos, Command)>,
}

impl Shell {
    fn new(strategy: Box<dyn Strategy>) -> Shell {
        Shell {
            router: Router::new(strategy),
            notes: Notebook::default(),
            now: 0,
            flights: Vec::new(),
            wakes: BTreeMap::new(),
            in_air: BTreeMap::new(),
            sent: BTreeMap::new(),
            trace: Vec::new(),
        }
    }

    fn turn(&mut self, dice: f64, act: impl FnOnce(&mut Router, &mut Turn<'_, Notebook>)) {
        let (mut commands, mut dice) = (Vec::new(), Loaded(dice));
        let mut turn =
            Turn { now: self.now, dice: &mut dice, observer: &mut self.notes, commands: &mut commands };
        act(&mut self.router, &mut turn);
        for command in commands {
            self.trace.push((self.now, command));
            match command {
                Command::Attempt { attempt, target, .. } => {
                    self.in_air.insert(attempt, target);
                    *self.sent.entry(attempt.flight).or_default() += 1;
                }
                Command::Cancel { attempt } => _ = self.in_air.remove(&attempt),
                Command::WakeAt { flight, at } => _ = self.wakes.insert((at, self.trace.len()), flight),
                Command::Commit { .. } | Command::Finish { .. } => {}
            }
        }
    }

    fn poke(&mut self, poke: Poke) {
        let until = self.now + u64::from(poke.after_ms) * MILLISECOND;
        while let Some(entry) = self.wakes.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), flight) = entry.remove_entry();
            self.now = self.now.max(at);
            self.turn(poke.dice, |router, turn| router.wake(turn, flight));
        }
        self.now = until;
        if poke.kind < 2 || self.flights.is_empty() {
            let api = if poke.kind == 0 { Api::Converse } else { Api::ConverseStream };
            let request = written::request(self.flights.len() as u64, api, self.now);
            let mut begun = None;
            self.turn(poke.dice, |router, turn| begun = Some(router.begin(turn, request)));
            return self.flights.extend(begun);
        }
        let flight = self.flights[usize::from(poke.flight) % self.flights.len()];
        let attempt = AttemptId { flight, number: u32::from(poke.attempt) };
        let end = end(poke.kind);
        if end.is_some() {
            self.in_air.remove(&attempt);
        }
        self.turn(poke.dice, |router, turn| match (poke.kind, end) {
            (_, Some(end)) => {
                router.came(attempt, Content { tokens: poke.after_ms.into(), is_text: true });
                router.ended(turn, attempt, end);
            }
            (2, _) => router.opened(turn, attempt),
            (3, _) => router.first_content(turn, attempt),
            (4, _) => router.caller_gone(turn, flight),
            _ => router.wake(turn, flight),
        });
    }
}

pub(super) fn composed(settings: Value) -> Composed {
    let spec: ComposedSpec = serde_json::from_value(settings).unwrap();
    let (east, west) = (rig::target("east"), rig::target("west"));
    let find = |name: &str| {
        let id = TargetId(u16::from(name.bytes().next()? - b'a'));
        Some(crate::target::Known { id, spec: if id.0.is_multiple_of(2) { &east } else { &west } })
    };
    Composed::new(&spec, Settings::of(&spec).unwrap(), &find).unwrap()
}

fn played(strategy: impl Strategy + 'static, pokes: &[Poke]) -> Shell {
    let mut shell = Shell::new(Box::new(strategy));
    pokes.iter().for_each(|poke| shell.poke(*poke));
    shell
}

proptest! {
    /// Until a success clears it, a cool-down only grows; whatever is reserved is settled once.
    #[test]
    fn cool_downs_end_only_by_success_and_each_reservation_is_settled_once(
        settings in written::composed(), pokes in pokes(),
    ) {
        let mut shell = played(Watched(composed(settings), Held::new()), &pokes);
        let open: Vec<AttemptId> = shell.in_air.keys().copied().collect();
        for attempt in open {
            shell.turn(0.5, |router, turn| router.ended(turn, attempt, AttemptEnd::Truncated));
            shell.turn(0.5, |router, turn| router.ended(turn, attempt, AttemptEnd::Truncated));
        }
    }

    #[test]
    fn with_every_part_off_it_does_what_direct_does(pokes in pokes()) {
        let direct: StrategySpec = serde_json::from_value(json!({ "direct": { "target": "a" } })).unwrap();
        let bare = composed(json!({ "tiers": [["a", "b"]] }));
        let mut plain = Shell::new(rig::built(&direct));
        pokes.iter().for_each(|poke| plain.poke(*poke));
        prop_assert_eq!(played(bare, &pokes).trace, plain.trace);
    }

    /// Wherever the blame goes, a target that is due for a probe gets one attempt until that has ended.
    #[test]
    fn a_target_on_probation_has_one_probe_in_the_air(pokes in pokes()) {
        let settings = json!({
            "tiers": [["a"], ["b"]], "retry": {}, "breaker": { "consecutive": 1, "block": "1s" },
            // Longer than any play lasts: a probe that is not heard of for so long makes room for another.
            "timeouts": { "first_token": "300s" },
        });
        let shell = played(composed(settings), &pokes);
        let mut probes = BTreeMap::new();
        let mut probing = false;
        for (_, note) in &shell.notes.0 {
            match note {
                rig::Note::Decided(_, reason) => probing = *reason == Reason::Probe,
                rig::Note::Sent(attempt, target) if std::mem::take(&mut probing) => {
                    let out: &mut Vec<AttemptId> = probes.entry(*target).or_default();
                    out.push(*attempt);
                    prop_assert!(out.len() <= 1, "{out:?} probe {target:?} at once");
                }
                rig::Note::Ended(attempt, _) => {
                    probes.values_mut().for_each(|out| out.retain(|probe| probe != attempt));
                }
                _ => {}
            }
        }
    }
}
