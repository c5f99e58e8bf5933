//! A router with the preset `balanced` over sixteen targets, and requests that go through it one after the other, for the
//! test that counts allocations and the benchmark of one decision.

use std::convert::Infallible;

use rand_core::TryRng;
use richter_core::{
    Nanos,
    event::Blind,
    failure::{AttemptEnd, ErrorReply},
    flight::{AttemptId, Command, FlightId, Router, Turn},
    request::{Api, Needs, Priority, Request, Usage},
    strategy::StrategySpec,
    target::{Known, OnDemand, TargetId, TargetSpec},
};
use serde_json::{Value, json};

pub const TARGETS: usize = 16;
pub const MILLISECOND: Nanos = 1_000_000;

const USAGE: Usage = Usage { input: 600, output: 200, cache_read: 0, cache_write: 0 };

/// Sebastiano Vigna's SplitMix64.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl TryRng for Dice {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(word ^ (word >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill_with(|| self.0 as u8);
        Ok(())
    }
}

/// How an attempt goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Answered,
    Throttled,
    Fault,
}

#[derive(Debug)]
pub struct Scene {
    router: Router,
    dice: Dice,
    commands: Vec<Command>,
    pub now: Nanos,
    number: u64,
}

/// Settings of `balanced` for all targets, with more on top.
pub fn balanced(more: Value) -> Value {
    let names: Vec<String> = (0..TARGETS).map(|at| at.to_string()).collect();
    let mut settings = json!({ "preset": "balanced", "tiers": [names] });
    for (key, value) in more.as_object().into_iter().flatten() {
        settings[key] = value.clone();
    }
    json!({ "composed": settings })
}

/// The quota of each target, so that books are kept from the first request on.
pub fn known_quotas() -> Value {
    let limit = json!({ "requests": "60k/min", "tokens": "100M/min" });
    let limits: serde_json::Map<String, Value> =
        (0..TARGETS).map(|at| (at.to_string(), limit.clone())).collect();
    json!({ "limits": limits })
}

impl Scene {
    /// Each target in a Region of its own.
    pub fn new(settings: Value) -> Scene {
        let spec: StrategySpec = serde_json::from_value(settings).expect("the settings are right");
        let targets: Vec<TargetSpec> = (0..TARGETS)
            .map(|at| {
                TargetSpec::OnDemand(OnDemand {
                    region: format!("region-{at}"),
                    model: "m".into(),
                    ..OnDemand::default()
                })
            })
            .collect();
        let find = |name: &str| {
            let at: usize = name.parse().ok()?;
            Some(Known { id: TargetId(at as u16), spec: targets.get(at)? })
        };
        assert_eq!(spec.problems(), []);
        Scene {
            router: Router::new(spec.build(&find).expect("every target is known")),
            dice: Dice(42),
            commands: Vec::new(),
            now: 0,
            number: 0,
        }
    }

    /// A request comes, and is sent somewhere.
    pub fn begin(&mut self) -> FlightId {
        let request = Request {
            number: self.number,
            api: Api::ConverseStream,
            class: 0,
            tenant: 0,
            priority: Priority::Default,
            input_tokens: 600,
            max_tokens: Some(1_024),
            prefix: None,
            needs: Needs::NONE,
            intended: self.now,
        };
        self.number += 1;
        self.commands.clear();
        self.turn(|router, turn| router.begin(turn, request))
    }

    /// Plays what was begun to its end; `end` says how an attempt at a target goes.
    pub fn finish(&mut self, flight: FlightId, mut end: impl FnMut(u16) -> End) {
        while let Some(command) = self.commands.pop() {
            match command {
                Command::Attempt { attempt, target, .. } => self.play(attempt, end(target.0)),
                Command::WakeAt { at, .. } => {
                    self.now = self.now.max(at);
                    self.turn(|router, turn| router.wake(turn, flight));
                }
                Command::Cancel { .. } | Command::Commit { .. } | Command::Finish { .. } => {}
            }
        }
    }

    /// The first content comes after the usual half second, in a moment of its own.
    fn play(&mut self, attempt: AttemptId, end: End) {
        let sent = self.now;
        let took = 300 + self.number % 400;
        match end {
            End::Answered => {
                self.now = sent + took * MILLISECOND;
                self.turn(|router, turn| router.opened(turn, attempt));
                self.turn(|router, turn| router.first_content(turn, attempt));
                self.turn(|router, turn| router.ended(turn, attempt, AttemptEnd::Complete(USAGE)));
                self.now = sent;
            }
            End::Throttled => self.fail(attempt, "ThrottlingException", 429),
            End::Fault => self.fail(attempt, "InternalServerException", 500),
        }
    }

    fn fail(&mut self, attempt: AttemptId, name: &'static str, status: u16) {
        let reply = ErrorReply {
            name: Some(name),
            message: "",
            status: Some(status),
            retry_after_ms: None,
            original_status: None,
            in_stream: false,
        };
        self.turn(|router, turn| router.ended(turn, attempt, AttemptEnd::Error(reply)));
    }

    fn turn<T>(&mut self, act: impl FnOnce(&mut Router, &mut Turn<'_, Blind>) -> T) -> T {
        let mut turn =
            Turn { now: self.now, dice: &mut self.dice, observer: &mut Blind, commands: &mut self.commands };
        act(&mut self.router, &mut turn)
    }

    /// So many requests, two milliseconds apart.
    pub fn run(&mut self, requests: u64, end: impl Fn(u16) -> End) {
        for _ in 0..requests {
            self.now += 2 * MILLISECOND;
            let flight = self.begin();
            self.finish(flight, &end);
        }
    }
}
