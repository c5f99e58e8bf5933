//! What must hold for every strategy in a router, whatever it decides and whatever happens: late content after a cancel,
//! a double end, a timer after the reply, a head after the end, names that nobody knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::{
    collection::vec,
    prelude::{any, prop_assert, prop_assert_eq, proptest},
    strategy::Strategy as Random,
};
use serde_json::{Value, json};

use super::any as written;
use crate::{
    Nanos,
    failure::{AttemptEnd, ErrorReply, Phase, Timer},
    flight::{AttemptId, Command, Content, FlightId, Router, Turn},
    request::Api,
    rig::{self, Loaded, MS, Note, Notebook, SECOND},
    strategy::{Contract, Reason, StrategySpec},
    target::TargetId,
};

/// One event from outside. Flight and attempt are picked from those known, or just beyond.
#[derive(Debug, Clone, Copy)]
struct Poke {
    kind: u8,
    flight: u8,
    attempt: u8,
    after_ms: u16,
    dice: f64,
}

fn pokes() -> impl Random<Value = Vec<Poke>> {
    let poke = (0u8..22, any::<u8>(), 0u8..5, 0u16..700, 0.0f64..1.0);
    let poke = poke.prop_map(|(kind, flight, attempt, after_ms, dice)| Poke {
        kind,
        flight,
        attempt,
        after_ms,
        dice,
    });
    vec(poke, 1..160)
}

/// The kinds of pokes that end an attempt.
fn end(kind: u8) -> Option<AttemptEnd<'static>> {
    let in_stream = ErrorReply { in_stream: true, ..rig::error("throttlingException", 200) };
    let hinted = ErrorReply { retry_after_ms: Some(1_500), ..rig::error("ServiceUnavailableException", 503) };
    Some(match kind {
        8 => AttemptEnd::Complete(rig::USAGE),
        9 => AttemptEnd::Truncated,
        10 => AttemptEnd::Transport(Phase::Connect),
        11 => AttemptEnd::Error(rig::error("ThrottlingException", 429)),
        12 => AttemptEnd::Error(rig::error("InternalServerException", 500)),
        13 => AttemptEnd::Error(rig::error("ValidationException", 400)),
        14 => AttemptEnd::TimedOut(Timer::FirstToken),
        15 => AttemptEnd::Error(rig::error("AccessDeniedException", 403)),
        16 => AttemptEnd::Error(in_stream),
        17 => AttemptEnd::Error(hinted),
        18 => AttemptEnd::Error(rig::error("ThrottlingException", 429)),
        _ => return None,
    })
}

/// A flight as its commands tell it.
#[derive(Debug, Default)]
struct Known {
    intended: Nanos,
    /// Where each attempt went, and whether it is in the air.
    attempts: Vec<(TargetId, bool)>,
    committed: bool,
    finished: bool,
}

/// Attempts beyond the first, by what they are for.
#[derive(Debug, Default)]
struct Further {
    same: u32,
    failover: u32,
    hedge: u32,
}

struct Shell {
    router: Router,
    contract: Contract,
    notes: Notebook,
    now: Nanos,
    flights: Vec<FlightId>,
    known: BTreeMap<FlightId, Known>,
    wakes: BTreeMap<(Nanos, usize), FlightId>,
    further: Further,
    trace: Vec<(Nanos, Command)>,
}

impl Shell {
    fn new(written: &Value) -> Shell {
        let spec: StrategySpec = serde_json::from_value(written.clone()).unwrap();
        let strategy = rig::built(&spec);
        Shell {
            contract: strategy.contract(),
            router: Router::new(strategy),
            notes: Notebook::default(),
            now: 0,
            flights: Vec::new(),
            known: BTreeMap::new(),
            wakes: BTreeMap::new(),
            further: Further::default(),
            trace: Vec::new(),
        }
    }

    fn turn<T>(&mut self, dice: f64, act: impl FnOnce(&mut Router, &mut Turn<'_, Notebook>) -> T) -> T {
        let (mut commands, mut dice) = (Vec::new(), Loaded(dice));
        let mut turn =
            Turn { now: self.now, dice: &mut dice, observer: &mut self.notes, commands: &mut commands };
        let result = act(&mut self.router, &mut turn);
        commands.into_iter().for_each(|command| self.obey(command));
        result
    }

    /// Checks each command against the contract.
    fn obey(&mut self, command: Command) {
        self.trace.push((self.now, command));
        match command {
            Command::Attempt { attempt, target, prefill, .. } => self.sent(attempt, target, prefill),
            Command::Cancel { attempt } => {
                let known = self.known.entry(attempt.flight).or_default();
                let in_air = &mut known.attempts[attempt.number as usize].1;
                assert!(std::mem::take(in_air), "cancelled {attempt:?}, which was not in the air");
            }
            Command::WakeAt { flight, at } => {
                assert!(at > self.now, "a wake-up that is already due");
                self.wakes.insert((at, self.trace.len()), flight);
            }
            Command::Commit { attempt } => {
                let known = self.known.entry(attempt.flight).or_default();
                assert!(!known.committed && !known.finished, "a second commit, or a late one");
                known.committed = true;
            }
            Command::Finish { flight, .. } => {
                let known = self.known.entry(flight).or_default();
                assert!(!known.finished, "finished twice");
                assert!(
                    known.attempts.iter().all(|(_, in_air)| !in_air),
                    "finished with an attempt in the air"
                );
                known.finished = true;
            }
        }
    }

    fn sent(&mut self, attempt: AttemptId, target: TargetId, prefill: Option<u32>) {
        let now = self.now;
        let known =
            self.known.entry(attempt.flight).or_insert_with(|| Known { intended: now, ..Known::default() });
        assert_eq!(prefill.is_some(), known.committed, "after the commit an answer is only gone on with");
        if prefill.is_some() {
            assert!(known.attempts.iter().all(|(_, in_air)| !in_air), "it is not over yet");
        }
        assert!(!known.finished, "an attempt after the end");
        assert_eq!(attempt.number as usize, known.attempts.len());
        assert!(attempt.number < self.contract.attempts_max, "an attempt beyond the contract");
        if let Some(deadline) = self.contract.deadline {
            assert!(now < known.intended + deadline.as_nanos() as Nanos, "an attempt after the deadline");
        }
        if attempt.number > 0 {
            let hedges = known.attempts.iter().any(|(_, in_air)| *in_air);
            let tried = known.attempts.iter().any(|(before, _)| *before == target);
            let count = match (hedges, tried) {
                (true, _) => &mut self.further.hedge,
                (_, true) => &mut self.further.same,
                _ => &mut self.further.failover,
            };
            *count += 1;
        }
        known.attempts.push((target, true));
    }

    fn begin(&mut self, api: Api, dice: f64) {
        let request = written::request(self.flights.len() as u64, api, self.now);
        let flight = self.turn(dice, |router, turn| router.begin(turn, request));
        self.known.entry(flight).or_default().intended = self.now;
        self.flights.push(flight);
    }

    fn poke(&mut self, poke: Poke) {
        self.wake_until(self.now + u64::from(poke.after_ms) * MS, poke.dice);
        if poke.kind < 4 || self.flights.is_empty() {
            let api = if poke.kind == 0 { Api::Converse } else { Api::ConverseStream };
            return self.begin(api, poke.dice);
        }
        let mut flight = self.flights[usize::from(poke.flight) % self.flights.len()];
        if poke.kind == 19 {
            // Nobody has heard of this one yet.
            flight.generation += 1;
        }
        let attempt = AttemptId { flight, number: u32::from(poke.attempt) };
        match (poke.kind, end(poke.kind)) {
            (_, Some(how)) => self.end(attempt, how, poke.dice),
            (4, _) => self.turn(poke.dice, |router, turn| router.opened(turn, attempt)),
            (5 | 19, _) => self.turn(poke.dice, |router, turn| router.first_content(turn, attempt)),
            (6, _) => self.turn(poke.dice, |router, turn| router.caller_gone(turn, flight)),
            (20, _) => self.turn(poke.dice, |router, turn| router.released(turn, attempt)),
            (21, _) => {
                let is_text = !poke.after_ms.is_multiple_of(4);
                self.router.came(attempt, Content { tokens: u32::from(poke.after_ms), is_text });
            }
            _ => self.turn(poke.dice, |router, turn| router.wake(turn, flight)),
        }
    }

    fn wake_until(&mut self, until: Nanos, dice: f64) {
        while let Some(entry) = self.wakes.first_entry().filter(|entry| entry.key().0 <= until) {
            let ((at, _), flight) = entry.remove_entry();
            self.now = self.now.max(at);
            self.turn(dice, |router, turn| router.wake(turn, flight));
        }
        self.now = self.now.max(until);
    }

    fn end(&mut self, attempt: AttemptId, how: AttemptEnd<'static>, dice: f64) {
        if let Some((_, in_air)) = self
            .known
            .get_mut(&attempt.flight)
            .and_then(|known| known.attempts.get_mut(attempt.number as usize))
        {
            *in_air = false;
        }
        self.turn(dice, |router, turn| router.ended(turn, attempt, how));
    }

    /// Ends what is in the air and plays every wake-up, until all have landed.
    fn land(&mut self) {
        for _ in 0..200_000 {
            let open = self.known.iter().find_map(|(flight, known)| {
                let number = known.attempts.iter().position(|(_, in_air)| *in_air)?;
                Some(AttemptId { flight: *flight, number: number as u32 })
            });
            if let Some(attempt) = open {
                self.end(attempt, AttemptEnd::Transport(Phase::Body), 0.5);
            } else if let Some(((at, _), _)) = self.wakes.first_key_value() {
                self.wake_until((*at).max(self.now), 0.5);
            } else {
                break;
            }
        }
        assert_eq!(self.router.flying(), 0, "something never landed");
    }

    /// The observer saw each attempt begin and end once, and each flight finish once.
    fn check_the_notes(&self) {
        let mut ended = BTreeSet::new();
        for (_, note) in &self.notes.0 {
            if let Note::Ended(attempt, _) = note {
                assert!(ended.insert(*attempt), "{attempt:?} ended twice");
            }
        }
        let sent: usize = self.known.values().map(|known| known.attempts.len()).sum();
        assert_eq!(ended.len(), sent);
        assert_eq!(self.notes.finished().len(), self.flights.len());
    }
}

fn played(written: &Value, pokes: &[Poke]) -> Shell {
    let mut shell = Shell::new(written);
    pokes.iter().for_each(|poke| shell.poke(*poke));
    shell.land();
    shell
}

proptest! {
    #[test]
    fn no_strategy_breaks_the_contract_and_every_flight_lands(spec in written::strategy(), pokes in pokes()) {
        played(&spec, &pokes).check_the_notes();
    }

    #[test]
    fn the_same_events_and_dice_give_every_strategy_the_same_trace(
        spec in written::strategy(), pokes in pokes(),
    ) {
        let (one, two) = (played(&spec, &pokes), played(&spec, &pokes));
        prop_assert_eq!(one.trace, two.trace);
        prop_assert_eq!(one.notes.0, two.notes.0);
    }

    /// What is drawn from a budget was paid in by requests, or is the floor's.
    #[test]
    fn further_attempts_stay_within_what_the_budgets_were_paid(
        mut settings in written::composed(), pokes in pokes(),
        same in 2u32..150, failover in 2u32..150, floor_tenths in 0u32..20,
    ) {
        let floor = f64::from(floor_tenths) / 10.0;
        let budget = |percent| json!({ "share": format!("{percent}%"), "floor": format!("{floor}/s") });
        settings["retry"] = json!({ "attempts_max": 4, "throttle_base": "200ms", "fault_base": "50ms" });
        settings["budgets"] = json!({ "same": budget(same), "failover": budget(failover) });
        settings["hedge"] = json!({ "samples_min": 1, "share": "30%", "throttles_max": "100%" });
        let shell = played(&json!({ "composed": settings }), &pokes);
        let requests = shell.flights.len() as f64;
        // The floor of the first ten seconds is there from the start.
        let floor = floor * (Duration::from_nanos(shell.now).as_secs_f64() + 10.0);
        let further = &shell.further;
        for (drawn, percent, floor) in
            [(further.same, same, floor), (further.failover, failover, floor), (further.hedge, 30, 0.0)]
        {
            let paid = f64::from(percent) / 100.0 * requests + floor;
            prop_assert!(f64::from(drawn) <= paid + 1e-6, "{further:?} of {requests} requests, {paid} paid");
        }
    }

    /// Requests that are wrong in themselves: everybody is still as well as before.
    #[test]
    fn callers_own_faults_leave_the_health_of_targets_untouched(
        settings in written::composed(), faults in vec(any::<bool>(), 1..60),
    ) {
        let mut shell = Shell::new(&json!({ "composed": settings }));
        for wrong in faults {
            shell.wake_until(shell.now + SECOND, 0.4);
            shell.begin(Api::ConverseStream, 0.4);
            let message = if wrong { "" } else { "Input is too long for requested model." };
            let reply = ErrorReply { message, ..rig::error("ValidationException", 400) };
            let flight = *shell.flights.last().unwrap();
            shell.end(AttemptId { flight, number: 0 }, AttemptEnd::Error(reply), 0.4);
        }
        let sick = [
            Reason::CoolingDown,
            Reason::BreakerBlocked,
            Reason::Barred,
            Reason::Probe,
            Reason::Panicked,
            Reason::LeastBad,
            Reason::Ejected,
        ];
        let reasons = shell.notes.reasons();
        prop_assert!(reasons.contains(&Reason::NotRetryable), "{reasons:?}");
        prop_assert!(!reasons.iter().any(|reason| sick.contains(reason)), "{reasons:?}");
    }

    /// A target that is taken out of the list gets nothing, and no other strategy state leads back to it.
    #[test]
    fn a_target_that_was_removed_gets_no_traffic(mut settings in written::composed(), pokes in pokes()) {
        for (tiers, removed) in [(json!([["a", "c"]]), 1), (json!([["b"], ["c"]]), 0)] {
            settings["tiers"] = tiers;
            if let Some(limits) = settings.get_mut("limits") {
                *limits = json!({ "c": { "tokens": "100/s" } });
            }
            let shell = played(&json!({ "composed": settings }), &pokes);
            let sent = shell.notes.sent();
            prop_assert!(sent.iter().all(|(_, target)| *target != removed), "{sent:?}");
        }
    }
}
