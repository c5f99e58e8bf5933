//! The contract under random strategies and random events: late, repeated, unknown, in any order.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use proptest::{
    collection::vec,
    option,
    prelude::{any, prop_assert_eq, proptest},
    strategy::Strategy as Random,
};

use super::*;
use crate::{
    failure::{ErrorReply, Phase},
    rig::Note,
    strategy::HoldBack,
};

/// What the strategy was told and asked, per request and attempt.
#[derive(Debug, Default)]
struct Heard {
    sent: BTreeMap<(u64, u32), u32>,
    ended: BTreeMap<(u64, u32), u32>,
    /// Flights with a sending held back.
    held: BTreeSet<FlightId>,
    /// Flights that wait to be asked again.
    asking: BTreeSet<FlightId>,
    paid: u32,
}

/// A strategy that does what its tape says, sense or nonsense.
#[derive(Debug)]
struct Taped {
    tape: Vec<u8>,
    place: usize,
    contract: Contract,
    budget: u32,
    heard: Arc<Mutex<Heard>>,
}

impl Taped {
    fn next(&mut self) -> u8 {
        self.place += 1;
        self.tape[(self.place - 1) % self.tape.len()]
    }
}

impl Strategy for Taped {
    fn contract(&self) -> Contract {
        self.contract
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        let byte = self.next();
        let span = u64::from(byte) * MS;
        let asking = &mut self.heard.lock().unwrap().asking;
        match byte % 8 {
            5 | 6 => _ = asking.insert(flight.id),
            _ => _ = asking.remove(&flight.id),
        }
        match byte % 8 {
            0..=2 => held_back(byte, send(u16::from(byte), now.saturating_sub(span), Reason::NextTarget)),
            3 => send(0, now + span, Reason::RateLimited),
            4 => send(0, now + dice.next_u64() % SECOND, Reason::RetrySame),
            5 => Decision { step: Step::AskAgain { at: now + span }, reason: Reason::StillInAir },
            6 => Decision {
                step: Step::AskAgain { at: now.saturating_sub(span) },
                reason: Reason::RateLimited,
            },
            _ => Decision { step: Step::Stop, reason: Reason::NotRetryable },
        }
    }

    fn withdraw(&mut self, _: &FlightView<'_>, _: TargetId) -> bool {
        let pays = self.budget > 0;
        self.budget -= u32::from(pays);
        self.heard.lock().unwrap().paid += u32::from(pays);
        pays
    }

    fn hold(&mut self, flight: &FlightView<'_>, now: Nanos) -> Option<Nanos> {
        let byte = self.next();
        let span = u64::from(byte) * MS;
        let at = match byte % 5 {
            0 => now + span,
            1 => now.saturating_sub(span),
            _ => return None,
        };
        self.heard.lock().unwrap().held.insert(flight.id);
        Some(at)
    }

    fn left(&mut self, flight: &FlightView<'_>) {
        let heard = &mut *self.heard.lock().unwrap();
        let held = heard.held.remove(&flight.id);
        assert!(heard.asking.remove(&flight.id) || held, "left, and nothing was put off");
    }

    fn call(&mut self, now: Nanos) -> Option<(FlightId, Nanos)> {
        let flight = {
            let heard = self.heard.lock().unwrap();
            *heard.asking.first().or(heard.held.first())?
        };
        let byte = self.next();
        byte.is_multiple_of(3).then(|| (flight, now.saturating_sub(MS) + u64::from(byte) * MS))
    }

    fn mend(&mut self, flight: &FlightView<'_>, now: Nanos, _: &mut dyn Rng) -> Option<Send> {
        let byte = self.next();
        let span = u64::from(byte) * MS;
        let last = flight.attempts.last().unwrap();
        assert!(flight.shown > 0 && (last.content.is_text || last.first.is_none()), "gone on with no text");
        let at = if byte.is_multiple_of(2) { now } else { now + span };
        (byte % 4 < 3).then(|| Send::plain(TargetId(byte.into()), at, Timeouts::default()))
    }

    fn learn(&mut self, flight: &FlightView<'_>, lesson: &Lesson, _: Nanos) {
        let mut heard = self.heard.lock().unwrap();
        let number = flight.request.number;
        if let Lesson::Sent { .. } = lesson {
            heard.held.remove(&flight.id);
        }
        let count = match *lesson {
            Lesson::Sent { attempt, .. } => heard.sent.entry((number, attempt)).or_default(),
            Lesson::Opened { .. } => return,
            Lesson::Answered { attempt, .. }
            | Lesson::Failed { attempt, .. }
            | Lesson::Cancelled { attempt, .. } => heard.ended.entry((number, attempt)).or_default(),
        };
        *count += 1;
    }
}

/// Some attempts keep their content back at first.
fn held_back(byte: u8, mut decision: Decision) -> Decision {
    if let Step::Send(send) = &mut decision.step {
        let rule = HoldBack { tokens: Some(9), within: None };
        send.rules.hold_back = byte.is_multiple_of(3).then_some(rule);
    }
    decision
}

/// One event from outside; flight and attempt are picked from those known, or just beyond.
#[derive(Debug, Clone, Copy)]
struct Poke {
    kind: u8,
    flight: u8,
    attempt: u8,
    after_ms: u16,
}

fn pokes() -> impl Random<Value = Vec<Poke>> {
    let poke = (0u8..13, any::<u8>(), 0u8..6, 0u16..400);
    let poke = poke.prop_map(|(kind, flight, attempt, after_ms)| Poke { kind, flight, attempt, after_ms });
    vec(poke, 1..120)
}

/// A strategy's tape, contract and budget.
#[derive(Debug, Clone)]
struct Plan {
    tape: Vec<u8>,
    contract: Contract,
    budget: u32,
}

fn plans() -> impl Random<Value = Plan> {
    let parts = (vec(any::<u8>(), 1..24), 0u32..6, option::of(0u64..3_000), 0u32..20);
    parts.prop_map(|(tape, attempts_max, deadline_ms, budget)| {
        let contract = Contract { attempts_max, deadline: deadline_ms.map(Duration::from_millis) };
        Plan { tape, contract, budget }
    })
}

/// What the shell knows of a flight, from commands alone.
#[derive(Debug, Default)]
struct Known {
    intended: Nanos,
    /// Whether each attempt is in the air.
    attempts: Vec<bool>,
    /// The one that the caller gets.
    committed: Option<u32>,
    finished: bool,
}

/// The kinds of pokes that end an attempt.
fn ending(kind: u8) -> Option<AttemptEnd<'static>> {
    let in_stream = ErrorReply { in_stream: true, ..rig::error("throttlingException", 200) };
    Some(match kind {
        7 => AttemptEnd::Complete(USAGE),
        8 => AttemptEnd::Truncated,
        9 => AttemptEnd::Transport(Phase::Await),
        10 => AttemptEnd::Error(in_stream),
        _ => return None,
    })
}

struct Shell {
    router: Router,
    contract: Contract,
    heard: Arc<Mutex<Heard>>,
    notes: Notebook,
    now: Nanos,
    flights: Vec<FlightId>,
    known: BTreeMap<FlightId, Known>,
    wakes: BTreeMap<(Nanos, usize), FlightId>,
    trace: Vec<(Nanos, Command)>,
}

impl Shell {
    fn new(Plan { tape, contract, budget }: Plan) -> Shell {
        let heard = Arc::<Mutex<Heard>>::default();
        let taped = Taped { tape, place: 0, contract, budget, heard: Arc::clone(&heard) };
        Shell {
            router: Router::new(Box::new(taped)),
            contract,
            heard,
            notes: Notebook::default(),
            now: 0,
            flights: Vec::new(),
            known: BTreeMap::new(),
            wakes: BTreeMap::new(),
            trace: Vec::new(),
        }
    }

    fn turn<T>(&mut self, act: impl FnOnce(&mut Router, &mut Turn<'_, Notebook>) -> T) -> (T, Vec<Command>) {
        let mut commands = Vec::new();
        let mut dice = Loaded(0.3);
        let observer = &mut self.notes;
        let mut turn = Turn { now: self.now, dice: &mut dice, observer, commands: &mut commands };
        let result = act(&mut self.router, &mut turn);
        (result, commands)
    }

    fn begin(&mut self) {
        let intended = self.now.saturating_sub(5 * MS);
        let request = rig::request(self.flights.len() as u64, Api::ConverseStream, intended);
        let (flight, commands) = self.turn(|router, turn| router.begin(turn, request));
        self.flights.push(flight);
        self.known.insert(flight, Known { intended, ..Known::default() });
        self.obey(commands);
    }

    fn poke(&mut self, poke: Poke) {
        self.now += u64::from(poke.after_ms) * MS;
        if poke.kind == 0 || self.flights.is_empty() {
            return self.begin();
        }
        let flight = self.flights[usize::from(poke.flight) % self.flights.len()];
        let attempt = AttemptId { flight, number: u32::from(poke.attempt) };
        if let Some(end) = ending(poke.kind) {
            return self.end(attempt, end);
        }
        let ((), commands) = self.turn(|router, turn| match poke.kind {
            1 | 2 => router.opened(turn, attempt),
            3 | 4 => router.first_content(turn, attempt),
            5 => router.caller_gone(turn, flight),
            11 => router.released(turn, attempt),
            12 => router.came(attempt, Content { tokens: poke.after_ms.into(), is_text: poke.attempt < 3 }),
            _ => router.wake(turn, flight),
        });
        self.obey(commands);
    }

    fn end(&mut self, attempt: AttemptId, end: AttemptEnd<'_>) {
        let ((), commands) = self.turn(|router, turn| router.ended(turn, attempt, end));
        let known = self.known.get_mut(&attempt.flight).unwrap();
        if let Some(in_air) = known.attempts.get_mut(attempt.number as usize) {
            *in_air = false;
        }
        self.obey(commands);
    }

    /// Ends whatever is in the air and plays every wake-up, until all have landed.
    fn land(&mut self) {
        for _ in 0..3 * WAITS_MAX as usize * self.flights.len().max(1) {
            let open = self.known.iter().find_map(|(flight, known)| {
                let number = known.attempts.iter().position(|in_air| *in_air)?;
                Some(AttemptId { flight: *flight, number: number as u32 })
            });
            if let Some(attempt) = open {
                self.end(attempt, AttemptEnd::Transport(Phase::Body));
            } else if let Some(((at, _), flight)) = self.wakes.pop_first() {
                self.now = self.now.max(at);
                let ((), commands) = self.turn(|router, turn| router.wake(turn, flight));
                self.obey(commands);
            } else {
                return;
            }
        }
    }

    /// Checks each command against the contract.
    fn obey(&mut self, commands: Vec<Command>) {
        for command in commands {
            self.trace.push((self.now, command));
            match command {
                Command::Attempt { attempt, prefill, .. } => self.sent(attempt, prefill),
                Command::Cancel { attempt } => {
                    let known = self.known.get_mut(&attempt.flight).unwrap();
                    let in_air = &mut known.attempts[attempt.number as usize];
                    assert!(std::mem::take(in_air), "cancelled {attempt:?}, which was not in the air");
                }
                Command::WakeAt { flight, at } => {
                    assert!(at > self.now, "a wake-up that is already due");
                    self.wakes.insert((at, self.trace.len()), flight);
                }
                Command::Commit { attempt } => {
                    let known = self.known.get_mut(&attempt.flight).unwrap();
                    assert!(known.committed.is_none() && !known.finished, "a second commit, or a late one");
                    known.committed = Some(attempt.number);
                    let heard = self.heard.lock().unwrap();
                    let put_off =
                        heard.held.contains(&attempt.flight) || heard.asking.contains(&attempt.flight);
                    assert!(!put_off, "committed, and something is still put off");
                }
                Command::Finish { flight, .. } => {
                    let known = self.known.get_mut(&flight).unwrap();
                    assert!(!known.finished, "finished twice");
                    assert!(!known.attempts.contains(&true), "finished with an attempt in the air");
                    known.finished = true;
                }
            }
        }
    }

    fn sent(&mut self, attempt: AttemptId, prefill: Option<u32>) {
        let known = self.known.get_mut(&attempt.flight).unwrap();
        // After the commit nothing is begun anew, and what is gone on with has broken.
        assert_eq!(prefill.is_some(), known.committed.is_some(), "an attempt after the commit");
        if let Some(broke) = known.committed.replace(attempt.number).filter(|_| prefill.is_some()) {
            assert!(!known.attempts.contains(&true), "{broke} was not over");
        } else {
            known.committed = None;
        }
        assert!(!known.finished, "an attempt after the end");
        assert_eq!(attempt.number as usize, known.attempts.len());
        assert!(attempt.number < self.contract.attempts_max, "an attempt beyond the contract");
        if let Some(deadline) = self.contract.deadline {
            assert!(self.now < known.intended + deadline.as_nanos() as u64, "an attempt after the deadline");
        }
        known.attempts.push(true);
    }

    fn check_the_books(&self) {
        assert_eq!(self.router.flying(), 0, "something never landed");
        assert!(self.known.values().all(|known| known.finished));
        let heard = self.heard.lock().unwrap();
        let put_off = (&heard.held, &heard.asking);
        assert!(heard.held.is_empty() && heard.asking.is_empty(), "never heard what became of {put_off:?}");
        let sent: u32 = self.known.values().map(|known| known.attempts.len() as u32).sum();
        assert_eq!(heard.sent.len() as u32, sent);
        assert_eq!(heard.ended.len() as u32, sent);
        assert!(heard.sent.values().chain(heard.ended.values()).all(|times| *times == 1), "{heard:?}");
        let further: u32 =
            self.known.values().map(|known| (known.attempts.len() as u32).saturating_sub(1)).sum();
        assert!(further <= heard.paid, "{further} further attempts, {} paid for", heard.paid);
        let ends = self.notes.0.iter().filter(|(_, note)| matches!(note, Note::Ended(..))).count();
        assert_eq!(ends as u32, sent, "the observer saw each attempt end once");
        assert_eq!(self.notes.finished().len(), self.flights.len());
        for finish in self.notes.finished() {
            let shown = matches!(finish.outcome, Outcome::Answered(_) | Outcome::Broken(_));
            assert_eq!(finish.first.is_some(), finish.target.is_some());
            assert!(!shown || finish.first.is_some(), "{finish:?}");
            assert!(!matches!(finish.outcome, Outcome::Failed(_)) || finish.first.is_none(), "{finish:?}");
        }
    }
}

fn played(plan: Plan, pokes: &[Poke]) -> Shell {
    let mut shell = Shell::new(plan);
    for poke in pokes {
        shell.poke(*poke);
    }
    shell.land();
    shell
}

proptest! {
    #[test]
    fn whatever_happens_the_contract_holds_and_every_flight_lands(plan in plans(), pokes in pokes()) {
        played(plan, &pokes).check_the_books();
    }

    #[test]
    fn the_same_events_give_the_same_commands(plan in plans(), pokes in pokes()) {
        let (one, two) = (played(plan.clone(), &pokes), played(plan, &pokes));
        prop_assert_eq!(one.trace, two.trace);
        prop_assert_eq!(one.notes.0, two.notes.0);
    }
}
