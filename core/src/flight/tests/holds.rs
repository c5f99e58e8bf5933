//! Sendings that a strategy holds back.

use std::sync::{Arc, Mutex};

use super::*;

/// Sends to its one target, and once more at once; holds each sending from the given one on until a time; counts what
/// it was asked and told.
#[derive(Debug)]
struct Holding {
    from: usize,
    until: Nanos,
    pays: bool,
    told: Arc<Mutex<Told>>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Told {
    asked: u32,
    left: u32,
}

impl Strategy for Holding {
    fn contract(&self) -> Contract {
        Contract { attempts_max: 2, deadline: Some(Duration::from_secs(60)) }
    }

    fn step(&mut self, _: &FlightView<'_>, now: Nanos, _: &mut dyn Rng) -> Decision {
        send(0, now, Reason::RetrySame)
    }

    fn withdraw(&mut self, _: &FlightView<'_>, _: TargetId) -> bool {
        self.pays
    }

    fn hold(&mut self, flight: &FlightView<'_>, now: Nanos) -> Option<Nanos> {
        self.told.lock().unwrap().asked += 1;
        (flight.attempts.len() >= self.from && now < self.until).then_some(self.until)
    }

    fn left(&mut self, _: &FlightView<'_>) {
        self.told.lock().unwrap().left += 1;
    }

    fn learn(&mut self, _: &FlightView<'_>, _: &Lesson, _: Nanos) {}
}

/// One request from its begin to its end under a strategy that holds it.
fn held(from: usize, until: Nanos, patience: Nanos) -> (Notebook, Told) {
    let holding = Holding { from, until, pays: true, told: Arc::default() };
    played(holding, patience)
}

fn played(holding: Holding, patience: Nanos) -> (Notebook, Told) {
    let told = Arc::clone(&holding.told);
    let router = Router::new(Box::new(holding));
    let mut world = World::new(router, |_, _| BROKEN);
    world.patience = patience;
    world.arrive(0, 0, Api::Converse);
    world.run();
    let told = *told.lock().unwrap();
    (std::mem::take(&mut world.notes), told)
}

#[test]
fn a_sending_that_is_held_is_made_when_the_strategy_lets_it_go() {
    let (notes, told) = held(0, SECOND, Nanos::MAX);
    assert_eq!(notes.sent(), [(SECOND, 0), (SECOND, 0)]);
    assert_eq!(notes.reasons()[..2], [Reason::RetrySame, Reason::RateLimited]);
    assert_eq!(told, Told { asked: 3, left: 0 });
}

#[test]
fn a_strategy_hears_once_of_a_held_sending_that_is_not_made() {
    let once = Told { asked: 1, left: 1 };
    let (notes, told) = held(0, SECOND, 500 * MS);
    assert_eq!((notes.sent(), told), (vec![], once));
    assert_eq!(notes.finished()[0].outcome, Outcome::Gone);

    let (notes, told) = held(0, Nanos::MAX, Nanos::MAX);
    assert_eq!((notes.sent(), told), (vec![], once));
    assert_eq!(notes.finished()[0].reason, Reason::RateLimited);

    // The second sending is given up while the first is in the air, and again when that has failed.
    let (notes, told) = held(1, Nanos::MAX, Nanos::MAX);
    assert_eq!((notes.sent(), told), (vec![(0, 0)], Told { asked: 3, left: 2 }));
}

#[test]
fn nobody_is_held_until_after_the_deadline() {
    let (notes, told) = held(0, 60 * SECOND, Nanos::MAX);
    assert_eq!((notes.sent(), told), (vec![], Told { asked: 1, left: 1 }));
    assert_eq!(notes.finished()[0].reason, Reason::DeadlineNear);
    assert!(notes.0.iter().all(|(at, _)| *at == 0), "it waited in vain");
}

#[test]
fn a_sending_that_nobody_pays_for_is_not_asked_about() {
    let broke = Holding { from: 0, until: 0, pays: false, told: Arc::default() };
    let (notes, told) = played(broke, Nanos::MAX);
    assert_eq!((notes.sent().len(), told), (1, Told { asked: 1, left: 0 }));
    assert_eq!(notes.finished()[0].reason, Reason::BudgetEmpty);
}

/// Waits to be asked again at a far time; calls the flights that wait in the order of their coming, each after the
/// first ended attempt.
#[derive(Debug, Default)]
struct Waiting {
    line: Vec<FlightId>,
    left: Arc<Mutex<u32>>,
    room: bool,
}

impl Strategy for Waiting {
    fn contract(&self) -> Contract {
        Contract { attempts_max: 1, deadline: None }
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, _: &mut dyn Rng) -> Decision {
        if !flight.attempts.is_empty() {
            return Decision { step: Step::Stop, reason: Reason::NotRetryable };
        }
        if flight.request.number == 0 || std::mem::take(&mut self.room) {
            self.line.retain(|waiting| *waiting != flight.id);
            return send(0, now, Reason::FirstChoice);
        }
        if !self.line.contains(&flight.id) {
            self.line.push(flight.id);
        }
        Decision { step: Step::AskAgain { at: now + 60 * SECOND }, reason: Reason::NothingEligible }
    }

    fn left(&mut self, flight: &FlightView<'_>) {
        *self.left.lock().unwrap() += 1;
        self.line.retain(|waiting| *waiting != flight.id);
    }

    fn call(&mut self, now: Nanos) -> Option<(FlightId, Nanos)> {
        Some((*self.line.first()?, now)).filter(|_| self.room)
    }

    fn learn(&mut self, _: &FlightView<'_>, lesson: &Lesson, _: Nanos) {
        self.room |= matches!(lesson, Lesson::Failed { .. });
    }
}

#[test]
fn who_waits_to_be_asked_can_be_called_and_who_leaves_is_told() {
    let waiting = Waiting::default();
    let left = Arc::clone(&waiting.left);
    let mut world = World::new(Router::new(Box::new(waiting)), |_, _| BROKEN);
    world.patience = SECOND;
    (0..4).for_each(|n| world.arrive(n * MS, n, Api::Converse));
    // Each failure makes room for the next in line; its caller is called a nanosecond later, not after a minute.
    let sent: Vec<Nanos> = world.run().sent().into_iter().map(|(at, _)| at).collect();
    assert_eq!(sent, [0, 10 * MS + 1, 20 * MS + 2, 30 * MS + 3]);
    assert_eq!(*left.lock().unwrap(), 0);

    let waiting = Waiting::default();
    let left = Arc::clone(&waiting.left);
    let mut world = World::new(Router::new(Box::new(waiting)), |_, _| BROKEN);
    world.patience = 5 * MS;
    (0..4).for_each(|n| world.arrive(n * MS, n, Api::Converse));
    assert_eq!(world.run().finished().len(), 4);
    assert_eq!(*left.lock().unwrap(), 3, "their callers left before there was room");
}
