//! A tiny world for tests: scripted answers, virtual time, loaded dice, and a notebook of everything that happened.

use std::{collections::BTreeMap, convert::Infallible};

use rand_core::{Rng, TryRng};

use crate::{
    Nanos,
    event::{AttemptResult, Event, Finished, Observer},
    failure::{AttemptEnd, ErrorReply},
    flight::{AttemptId, Command, Content, FlightId, Router, Turn},
    request::{Api, Needs, Priority, Request, Usage},
    strategy::{Reason, Step, Strategy, StrategySpec},
    target::{Known, OnDemand, TargetId, TargetSpec},
};

pub(crate) const MS: Nanos = 1_000_000;
pub(crate) const SECOND: Nanos = 1_000 * MS;

/// Dice that always show the same share of one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loaded(pub f64);

impl TryRng for Loaded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok((self.0 * 2f64.powi(64)) as u64)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.fill((self.0 * 256.0) as u8);
        Ok(())
    }
}

/// Fair dice, the same in each run. The mixer is splitmix64.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rolling(pub u64);

impl TryRng for Rolling {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        self.try_next_u64().map(|word| (word >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.iter_mut().try_for_each(|byte| self.try_next_u64().map(|word| *byte = word as u8))
    }
}

pub(crate) fn request(number: u64, api: Api, intended: Nanos) -> Request {
    Request {
        number,
        api,
        class: 0,
        tenant: 0,
        priority: Priority::Default,
        input_tokens: 100,
        max_tokens: None,
        prefix: None,
        needs: Needs::NONE,
        intended,
    }
}

pub(crate) const USAGE: Usage = Usage { input: 100, output: 20, cache_read: 0, cache_write: 0 };

pub(crate) const fn error(name: &'static str, status: u16) -> ErrorReply<'static> {
    ErrorReply {
        name: Some(name),
        message: "",
        status: Some(status),
        retry_after_ms: None,
        original_status: None,
        in_stream: false,
    }
}

/// How one attempt goes; times count from its sending.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Play {
    pub opens: Option<Nanos>,
    pub content: Option<Nanos>,
    pub ends: Nanos,
    pub end: AttemptEnd<'static>,
    /// When what is kept back goes out.
    pub releases: Option<Nanos>,
    /// What there is when it ends.
    pub came: Content,
}

pub(crate) const fn ends(after: Nanos, end: AttemptEnd<'static>) -> Play {
    let came = Content { tokens: 0, is_text: true };
    Play { opens: None, content: None, ends: after, end, releases: None, came }
}

pub(crate) const fn answers(after: Nanos) -> Play {
    ends(after, AttemptEnd::Complete(USAGE))
}

pub(crate) const fn fails(after: Nanos, reply: ErrorReply<'static>) -> Play {
    ends(after, AttemptEnd::Error(reply))
}

pub(crate) const THROTTLED: Play = fails(10 * MS, error("ThrottlingException", 429));
pub(crate) const BROKEN: Play = fails(10 * MS, error("InternalServerException", 500));
pub(crate) const REFUSED: Play = fails(10 * MS, error("ValidationException", 400));

pub(crate) fn target(region: &str) -> TargetSpec {
    TargetSpec::OnDemand(OnDemand { region: region.into(), model: "model".into(), ..OnDemand::default() })
}

/// Targets a, b, c … have the places 0, 1, 2 … and are in a Region of their own each.
pub(crate) fn built(spec: &StrategySpec) -> Box<dyn Strategy> {
    let names: Vec<String> = ('a'..='z').map(String::from).collect();
    let targets: Vec<TargetSpec> = names.iter().map(|name| target(name)).collect();
    let find = |name: &str| {
        let at = names.iter().position(|known| known == name)?;
        Some(Known { id: TargetId(at as u16), spec: &targets[at] })
    };
    spec.build(&find).unwrap()
}

/// An event without its borrows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Note {
    Begun(FlightId),
    Decided(Step, Reason),
    Sent(AttemptId, TargetId),
    Opened(AttemptId),
    Committed(AttemptId),
    Ended(AttemptId, AttemptResult),
    Finished(FlightId, Finished),
}

#[derive(Debug, Default)]
pub(crate) struct Notebook(pub Vec<(Nanos, Note)>);

impl Observer for Notebook {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        self.0.push((
            now,
            match *event {
                Event::Begun { flight, .. } => Note::Begun(flight),
                Event::Decided { step, reason, .. } => Note::Decided(step, reason),
                Event::Sent { attempt, target, .. } => Note::Sent(attempt, target),
                Event::Opened { attempt, .. } => Note::Opened(attempt),
                Event::Committed { attempt, .. } => Note::Committed(attempt),
                Event::AttemptEnded { attempt, end, .. } => Note::Ended(attempt, end.result),
                Event::Finished { flight, finish, .. } => Note::Finished(flight, finish),
            },
        ));
    }
}

impl Notebook {
    /// Where and when attempts went.
    pub(crate) fn sent(&self) -> Vec<(Nanos, u16)> {
        self.pick(|at, note| match note {
            Note::Sent(_, target) => Some((at, target.0)),
            _ => None,
        })
    }

    pub(crate) fn reasons(&self) -> Vec<Reason> {
        self.pick(|_, note| match note {
            Note::Decided(_, reason) => Some(reason),
            _ => None,
        })
    }

    pub(crate) fn finished(&self) -> Vec<Finished> {
        self.pick(|_, note| match note {
            Note::Finished(_, finish) => Some(finish),
            _ => None,
        })
    }

    /// How each request ended, in the order of their coming.
    pub(crate) fn by_request(&self) -> Vec<Finished> {
        let begun = self.pick(|_, note| match note {
            Note::Begun(flight) => Some(flight),
            _ => None,
        });
        let mut ended: BTreeMap<FlightId, Finished> = BTreeMap::new();
        for (_, note) in &self.0 {
            if let Note::Finished(flight, finish) = note {
                ended.insert(*flight, *finish);
            }
        }
        begun.iter().map(|flight| ended[flight]).collect()
    }

    fn pick<T>(&self, choose: impl Fn(Nanos, Note) -> Option<T>) -> Vec<T> {
        self.0.iter().filter_map(|(at, note)| choose(*at, *note)).collect()
    }
}

#[derive(Debug, Clone, Copy)]
enum Due {
    Begin(Request),
    Opens(AttemptId),
    Content(AttemptId),
    Releases(AttemptId),
    Ends(AttemptId, Content, AttemptEnd<'static>),
    Wake(FlightId),
    Leaves(FlightId),
}

/// Plays scripted answers to a router, in virtual time.
pub(crate) struct World<'s> {
    pub router: Router,
    pub notes: Notebook,
    pub dice: Loaded,
    /// Instead of the loaded ones.
    pub rolling: Option<Rolling>,
    /// How long each caller stays.
    pub patience: Nanos,
    pub commands: Vec<Command>,
    /// Wake-ups that came due.
    pub wakes: u64,
    due: BTreeMap<(Nanos, u64), Due>,
    sequence: u64,
    script: Box<dyn FnMut(u64, TargetId) -> Play + 's>,
    attempts: u64,
}

impl<'s> World<'s> {
    /// `script` gets the attempt's place in the order of sending, over all requests, and its target.
    pub(crate) fn new(router: Router, script: impl FnMut(u64, TargetId) -> Play + 's) -> Self {
        World {
            router,
            notes: Notebook::default(),
            dice: Loaded(0.5),
            rolling: None,
            patience: Nanos::MAX,
            commands: Vec::new(),
            wakes: 0,
            due: BTreeMap::new(),
            sequence: 0,
            script: Box::new(script),
            attempts: 0,
        }
    }

    /// With a strategy as written in a file, for the targets that [`built`] knows.
    pub(crate) fn of(spec: serde_json::Value, script: impl FnMut(u64, TargetId) -> Play + 's) -> Self {
        let spec: StrategySpec = serde_json::from_value(spec).unwrap();
        assert_eq!(spec.problems(), []);
        World::new(Router::new(built(&spec)), script)
    }

    pub(crate) fn arrive(&mut self, at: Nanos, number: u64, api: Api) {
        self.begin(at, request(number, api, at));
    }

    pub(crate) fn begin(&mut self, at: Nanos, request: Request) {
        self.at(at, Due::Begin(request));
    }

    /// A request like no other, at its intended time.
    pub(crate) fn arrive_as(&mut self, request: Request) {
        self.at(request.intended, Due::Begin(request));
    }

    /// A request whose prompt begins as others do.
    pub(crate) fn arrive_with(&mut self, at: Nanos, number: u64, prefix: Option<u64>) {
        let request = Request { prefix, ..request(number, Api::Converse, at) };
        self.at(at, Due::Begin(request));
    }

    /// Plays until nothing is due.
    pub(crate) fn run(&mut self) -> &Notebook {
        while let Some(((now, _), due)) = self.due.pop_first() {
            self.input(now, due);
        }
        assert_eq!(self.router.flying(), 0, "nothing is due, and a flight is still in the air");
        &self.notes
    }

    fn at(&mut self, at: Nanos, due: Due) {
        self.sequence += 1;
        self.due.insert((at, self.sequence), due);
    }

    fn input(&mut self, now: Nanos, due: Due) {
        let mut commands = Vec::new();
        let dice: &mut dyn Rng = match &mut self.rolling {
            Some(rolling) => rolling,
            None => &mut self.dice,
        };
        let mut turn = Turn { now, dice, observer: &mut self.notes, commands: &mut commands };
        match due {
            Due::Begin(request) => {
                let flight = self.router.begin(&mut turn, request);
                if self.patience < Nanos::MAX {
                    self.at(now + self.patience, Due::Leaves(flight));
                }
            }
            Due::Opens(attempt) => self.router.opened(&mut turn, attempt),
            Due::Content(attempt) => self.router.first_content(&mut turn, attempt),
            Due::Releases(attempt) => self.router.released(&mut turn, attempt),
            Due::Ends(attempt, came, end) => {
                self.router.came(attempt, came);
                self.router.ended(&mut turn, attempt, end);
            }
            Due::Wake(flight) => {
                self.wakes += 1;
                self.router.wake(&mut turn, flight);
            }
            Due::Leaves(flight) => self.router.caller_gone(&mut turn, flight),
        }
        for command in commands {
            self.commands.push(command);
            self.obey(now, command);
        }
    }

    /// Cancelled attempts play on: the router must not mind.
    fn obey(&mut self, now: Nanos, command: Command) {
        match command {
            Command::Attempt { attempt, target, .. } => {
                let play = (self.script)(self.attempts, target);
                self.attempts += 1;
                let dues = [
                    (play.opens, Due::Opens(attempt)),
                    (play.content, Due::Content(attempt)),
                    (play.releases, Due::Releases(attempt)),
                ];
                for (after, due) in dues {
                    if let Some(after) = after {
                        self.at(now + after, due);
                    }
                }
                self.at(now + play.ends, Due::Ends(attempt, play.came, play.end));
            }
            Command::WakeAt { flight, at } => self.at(at, Due::Wake(flight)),
            Command::Cancel { .. } | Command::Commit { .. } | Command::Finish { .. } => {}
        }
    }
}
