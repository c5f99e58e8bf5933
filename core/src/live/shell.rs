//! The pure machine behind one short lock, and what the flights must be told: their commands, and when to wake.
//!
//! Whoever reports an input takes the lock, reads the clock, lets the machine decide, and sorts its commands by
//! flight. Nothing is awaited under the lock, and nothing is decided here. The commands are carried out by the flight
//! they concern; see `course`.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::Waker,
};

use super::{
    clock::Clock,
    dice::MakeDice,
    names::Names,
    spans::{Facts, Spans},
    trail::{Trail, Watch},
};
use crate::{
    Nanos,
    event::Observer,
    failure::AttemptEnd,
    flight::{AttemptId, Command, Content, FlightId, Router as Machine, Turn},
    request::Request,
    strategy::Strategy,
    target::TargetSpec,
};

/// A strategy at work: any number of requests in the air, on any transport.
pub struct Shell {
    clock: Clock,
    dice: Box<MakeDice>,
    spans: Spans,
    inner: Mutex<Inner>,
}

/// What a shell is made of.
pub struct ShellParts {
    /// Decides.
    pub strategy: Box<dyn Strategy>,
    /// The targets with their names, in the order of their ids.
    pub targets: Vec<(String, TargetSpec)>,
    /// Tells the time.
    pub clock: Clock,
    /// Makes the dice.
    pub dice: Box<MakeDice>,
    /// Is told everything. It is called under the shell's lock: it must be quick, and must not call the shell.
    pub observer: Box<dyn Observer + Send>,
    /// The names that tracing spans use.
    pub names: Names,
}

#[derive(Debug)]
struct Inner {
    machine: Machine,
    watch: Watch,
    seats: BTreeMap<FlightId, Seat>,
    /// Kept for its memory.
    commands: Vec<Command>,
}

/// What waits for a flight's task.
#[derive(Debug, Default)]
struct Seat {
    number: u64,
    /// Inputs that the machine took for this flight; each has dice of its own.
    steps: u32,
    orders: Vec<Command>,
    /// Every wake-up that was asked for, soonest last.
    wakes: Vec<Nanos>,
    waker: Option<Waker>,
}

/// What a flight's task must do now, and when it must look again by itself.
#[derive(Debug, Default)]
pub(super) struct Orders {
    pub(super) commands: Vec<Command>,
    pub(super) wake_at: Option<Nanos>,
}

impl Shell {
    /// Puts a shell together.
    pub fn new(parts: ShellParts) -> Arc<Shell> {
        let facts = parts.targets.into_iter().map(|(name, spec)| Facts { name: name.into(), spec });
        let targets: Arc<[Facts]> = facts.collect();
        let names = targets.iter().map(|facts| Arc::clone(&facts.name)).collect();
        Arc::new(Shell {
            clock: parts.clock,
            dice: parts.dice,
            spans: Spans { names: parts.names, targets },
            inner: Mutex::new(Inner {
                machine: Machine::new(parts.strategy),
                watch: Watch::new(names, parts.observer),
                seats: BTreeMap::new(),
                commands: Vec::new(),
            }),
        })
    }

    /// The clock that everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Requests in the air.
    pub fn flying(&self) -> usize {
        self.lock().machine.flying()
    }

    pub(super) fn spans(&self) -> &Spans {
        &self.spans
    }

    pub(super) fn begin(&self, request: Request) -> FlightId {
        let mut dice = (self.dice)(request.number, 0);
        let mut inner = self.lock();
        let Inner { machine, watch, seats, commands } = &mut *inner;
        let mut turn = Turn { now: self.clock.now(), dice: &mut *dice, observer: watch, commands };
        let flight = machine.begin(&mut turn, request);
        seats.insert(flight, Seat { number: request.number, ..Seat::default() });
        inner.hand_out(flight);
        flight
    }

    /// The head of an answer came. Nothing is decided by it, so it takes no dice.
    pub(super) fn opened(&self, attempt: AttemptId) {
        self.turn(attempt.flight, 0, |machine, turn| machine.opened(turn, attempt));
    }

    pub(super) fn first_content(&self, attempt: AttemptId) {
        self.turn(attempt.flight, 1, |machine, turn| machine.first_content(turn, attempt));
    }

    /// What was kept back of it goes out. Nothing is decided by it.
    pub(super) fn released(&self, attempt: AttemptId) {
        self.turn(attempt.flight, 0, |machine, turn| machine.released(turn, attempt));
    }

    /// The attempt breaks, and so much has come.
    pub(super) fn broke(&self, attempt: AttemptId, content: Content, end: AttemptEnd<'_>) {
        self.turn(attempt.flight, 1, |machine, turn| {
            machine.came(attempt, content);
            machine.ended(turn, attempt, end);
        });
    }

    pub(super) fn ended(&self, attempt: AttemptId, end: AttemptEnd<'_>) {
        self.turn(attempt.flight, 1, |machine, turn| machine.ended(turn, attempt, end));
    }

    pub(super) fn caller_gone(&self, flight: FlightId) {
        self.turn(flight, 1, |machine, turn| machine.caller_gone(turn, flight));
    }

    /// Tells the machine of every wake-up that is due.
    pub(super) fn wake(&self, flight: FlightId) {
        while self.lock().due(flight, self.clock.now()) {
            self.turn(flight, 1, |machine, turn| machine.wake(turn, flight));
        }
    }

    /// What the flight must do; from now on `waker` is called when there is more.
    pub(super) fn orders(&self, flight: FlightId, waker: &Waker) -> Orders {
        let mut inner = self.lock();
        let Some(seat) = inner.seats.get_mut(&flight) else {
            return Orders::default();
        };
        match &mut seat.waker {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        Orders { commands: std::mem::take(&mut seat.orders), wake_at: seat.wakes.last().copied() }
    }

    pub(super) fn trail(&self, flight: FlightId) -> Trail {
        self.lock().watch.trail(flight).cloned().unwrap_or_default()
    }

    /// The flight is over, and nobody will ask for it again.
    pub(super) fn leave(&self, flight: FlightId) -> Trail {
        let mut inner = self.lock();
        inner.seats.remove(&flight);
        inner.watch.take(flight)
    }

    fn turn(&self, flight: FlightId, takes: u32, input: impl FnOnce(&mut Machine, &mut Turn<'_, Watch>)) {
        let mut inner = self.lock();
        let Some(seat) = inner.seats.get_mut(&flight) else {
            return;
        };
        seat.steps += takes;
        let mut dice = (self.dice)(seat.number, seat.steps);
        let Inner { machine, watch, commands, .. } = &mut *inner;
        let mut turn = Turn { now: self.clock.now(), dice: &mut *dice, observer: watch, commands };
        input(machine, &mut turn);
        inner.hand_out(flight);
    }

    /// A panic of an observer must not take down every other request.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Gives each command to the flight that it concerns. The flight that is `speaking` looks by itself.
    fn hand_out(&mut self, speaking: FlightId) {
        for command in self.commands.drain(..) {
            let flight = concerned(&command);
            let Some(seat) = self.seats.get_mut(&flight) else {
                continue;
            };
            match command {
                Command::WakeAt { at, .. } => seat.wake_at(at),
                other => seat.orders.push(other),
            }
            if let Some(waker) = seat.waker.take_if(|_| flight != speaking) {
                waker.wake();
            }
        }
    }

    /// Whether a wake-up of the flight is due; takes it.
    fn due(&mut self, flight: FlightId, now: Nanos) -> bool {
        let Some(seat) = self.seats.get_mut(&flight) else {
            return false;
        };
        seat.wakes.pop_if(|at| *at <= now).is_some()
    }
}

impl Seat {
    fn wake_at(&mut self, at: Nanos) {
        let place = self.wakes.partition_point(|other| *other > at);
        self.wakes.insert(place, at);
    }
}

fn concerned(command: &Command) -> FlightId {
    match command {
        Command::Attempt { attempt, .. } | Command::Cancel { attempt } | Command::Commit { attempt } => {
            attempt.flight
        }
        Command::WakeAt { flight, .. } | Command::Finish { flight, .. } => *flight,
    }
}

impl fmt::Debug for Shell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shell").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl fmt::Debug for ShellParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShellParts").field("strategy", &self.strategy).finish_non_exhaustive()
    }
}
