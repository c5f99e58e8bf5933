//! The simulation ground: the routing core against the mock's engine in virtual time, on an event heap.
//!
//! One [`Simulation`] is one strategy in one replication, on one thread: no clock, no task, no socket. Tokens never
//! reach the heap: the engine gives an answer's whole timing at once, and a stream costs three events. What happens to
//! one attempt is in `attempts`, how it will end in `air`.

mod air;
mod attempts;
mod callers;

use richter_core::{
    flight::{Command, FlightId, Router, Turn},
    request::Request,
    target::{Known, TargetId},
};
use richter_mock_bedrock::{
    Nanos,
    engine::Engine,
    luck::{Draws, Luck, Stream},
};

use self::{air::Air, attempts::Orders, callers::Callers};
use super::{
    Witness,
    heap::{Due, EventHeap},
};
use crate::{
    load::{Arrival, Schedule, TraceError},
    scenario::plan::Plan,
};

/// One strategy in one replication.
#[derive(Debug)]
pub struct Simulation<'p, W> {
    plan: &'p Plan,
    luck: Luck,
    jitter: Draws,
    router: Router,
    engine: Engine,
    schedule: Schedule,
    next: Option<Arrival>,
    heap: EventHeap,
    callers: Callers,
    air: Air,
    follow_ups: Vec<Arrival>,
    follow_ups_free: Vec<u32>,
    commands: Vec<Command>,
    witness: W,
    now: Nanos,
    /// Nothing happens from here on.
    stop: Nanos,
}

impl<'p, W: Witness> Simulation<'p, W> {
    /// `strategy` is an index into the plan's strategies.
    pub fn new(plan: &'p Plan, strategy: usize, replication: u32, witness: W) -> Result<Self, TraceError> {
        let luck = Luck::new(plan.seed, replication);
        let find = |name: &str| {
            let at = plan.targets.iter().position(|target| target.name == name)?;
            Some(Known { id: TargetId(at as u16), spec: &plan.targets[at].spec })
        };
        let built = plan.strategies[strategy].spec.build(&find).expect("the plan's strategies were checked");
        let mut schedule = plan.traffic.arrivals(luck);
        let next = schedule.next().transpose()?;
        Ok(Simulation {
            plan,
            luck,
            jitter: luck.stream(Stream::Strategy),
            router: Router::new(built),
            engine: Engine::new(plan.world.clone(), plan.faults.clone(), luck),
            schedule,
            next,
            heap: EventHeap::default(),
            callers: Callers::default(),
            air: Air::default(),
            follow_ups: Vec::new(),
            follow_ups_free: Vec::new(),
            commands: Vec::new(),
            witness,
            now: 0,
            stop: plan.length(),
        })
    }

    pub fn now(&self) -> Nanos {
        self.now
    }

    pub fn witness(&self) -> &W {
        &self.witness
    }

    pub fn witness_mut(&mut self) -> &mut W {
        &mut self.witness
    }

    /// For questions that change nothing, such as how full a quota is.
    pub fn engine_mut(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Hands back the witness and the engine with its counters.
    pub fn into_parts(self) -> (W, Engine) {
        (self.witness, self.engine)
    }

    /// Plays the next event; `Ok(false)` when nothing is left before the end.
    #[inline]
    pub fn step(&mut self) -> Result<bool, TraceError> {
        let due_at = self.heap.next_at();
        let arrival_at = self.next.map(|arrival| arrival.at);
        let (at, arrival_first) = match (arrival_at, due_at) {
            (Some(arrival), Some(due)) if arrival < due => (arrival, true),
            (_, Some(due)) => (due, false),
            (Some(arrival), None) => (arrival, true),
            (None, None) => return Ok(false),
        };
        if at >= self.stop {
            return Ok(false);
        }
        self.now = at;
        if arrival_first {
            if let Some(arrival) = self.next.take() {
                self.next = self.schedule.next().transpose()?;
                self.arrive(arrival);
            }
        } else if let Some((_, due)) = self.heap.pop() {
            self.happen(due);
        }
        Ok(true)
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Settle(call) => {
                self.engine.finish(self.now, call);
            }
            Due::Head(id) => self.head(id),
            Due::FirstToken(id) => self.first_token(id),
            Due::Release(id) => self.release(id),
            Due::End(id) => self.end(id),
            Due::Wake(flight) => self.turn(flight, |router, turn| router.wake(turn, flight)),
            Due::CallerLeaves(flight) => self.turn(flight, |router, turn| router.caller_gone(turn, flight)),
            Due::FollowUp(index) => {
                self.follow_ups_free.push(index);
                self.arrive(self.follow_ups[index as usize]);
            }
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        self.witness.arrived(&arrival);
        let class = &self.plan.traffic.classes[usize::from(arrival.class)];
        let request = Request {
            number: arrival.number,
            api: class.api,
            class: arrival.class,
            tenant: arrival.tenant,
            priority: class.priority,
            needs: class.needs,
            input_tokens: arrival.input_tokens,
            max_tokens: arrival.max_tokens,
            prefix: arrival.prefix.map(|prefix| prefix.key),
            intended: arrival.at,
        };
        let mut dice = self.jitter.dice(arrival.number, 0, 0);
        let mut turn = Turn {
            now: self.now,
            dice: &mut dice,
            observer: &mut self.witness,
            commands: &mut self.commands,
        };
        let flight = self.router.begin(&mut turn, request);
        self.callers.seat(flight, arrival);
        self.obey();
    }

    /// Lets the router take one input for a flight, then does what it says.
    fn turn(&mut self, flight: FlightId, input: impl FnOnce(&mut Router, &mut Turn<'_, W>)) {
        let Some(caller) = self.callers.get(flight) else { return };
        caller.steps += 1;
        self.hear(flight, input);
    }

    /// The same for an input by which nothing is decided, so that it takes no dice of its own.
    fn hear(&mut self, flight: FlightId, input: impl FnOnce(&mut Router, &mut Turn<'_, W>)) {
        let Some(caller) = self.callers.get(flight) else { return };
        let mut dice = self.jitter.dice(caller.arrival.number, caller.steps, 0);
        let mut turn = Turn {
            now: self.now,
            dice: &mut dice,
            observer: &mut self.witness,
            commands: &mut self.commands,
        };
        input(&mut self.router, &mut turn);
        self.obey();
    }

    fn obey(&mut self) {
        let mut commands = std::mem::take(&mut self.commands);
        for command in commands.drain(..) {
            match command {
                Command::Attempt { attempt, target, timeouts, max_tokens, rules, prefill } => {
                    self.send(attempt, target, Orders { timeouts, max_tokens, rules, prefill });
                }
                Command::Cancel { attempt } => self.cancel(attempt),
                Command::WakeAt { flight, at } => {
                    self.heap.push(at.max(self.now), Due::Wake(flight));
                    self.expect_until(flight, at);
                }
                Command::Commit { .. } => {}
                Command::Finish { flight, answered } => self.finish(flight, answered),
            }
        }
        self.commands = commands;
    }

    /// Something of this flight is due at `at`; if its caller will have left by then, the leaving is due too.
    fn expect_until(&mut self, flight: FlightId, at: Nanos) {
        let caller = self.callers.seated(flight);
        if caller.leaves_at < at && !caller.leaving_queued {
            caller.leaving_queued = true;
            self.heap.push(caller.leaves_at.max(self.now), Due::CallerLeaves(flight));
        }
    }

    fn finish(&mut self, flight: FlightId, answered: bool) {
        let arrival = self.callers.seated(flight).arrival;
        let Some(next) = self.plan.traffic.follow_up(self.luck, &arrival, self.now, answered) else { return };
        let index = match self.follow_ups_free.pop() {
            Some(index) => {
                self.follow_ups[index as usize] = next;
                index
            }
            None => {
                self.follow_ups.push(next);
                (self.follow_ups.len() - 1) as u32
            }
        };
        self.heap.push(next.at.max(self.now), Due::FollowUp(index));
    }
}

#[cfg(test)]
mod tests;
