//! What a cell decides, written down for a baseline, and compared with what was written down: two witnesses of one run.

use std::collections::BTreeMap;

use richter_core::{
    event::{AttemptResult, Event, Observer},
    strategy::{Reason, Step},
    target::TargetId,
};
use richter_mock_bedrock::Nanos;
use richter_reports::{
    gate::Parting,
    run_file::{
        RequestName,
        decisions::{BLOCK_EVENTS, Block, Decisions, Entry, Log, Word, WordKind, Writer},
    },
};

use super::trace::TraceHash;
use crate::{
    ground::{Witness, Work},
    load::Arrival,
    scenario::plan::Plan,
};

/// What an event says, without names: kind, attempts before, target, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    kind: u8,
    after: u32,
    target: Option<TargetId>,
    why: u8,
}

/// An event that is a decision or the end of an attempt.
#[derive(Debug, Clone, Copy)]
struct Said {
    request: u64,
    kind: WordKind,
    after: u32,
    target: Option<TargetId>,
    why: Option<&'static str>,
    key: Key,
    wait_ns: u64,
    max_tokens: u32,
}

fn said(now: Nanos, event: &Event<'_>, sent: &Sent) -> Option<Said> {
    let (request, kind, target, why, index) = match event {
        Event::Decided { request, step, reason, .. } => {
            let (kind, target) = match step {
                Step::Send(send) if send.max_tokens.is_some() => (WordKind::SendCapped, Some(send.target)),
                Step::Send(send) => (WordKind::Send, Some(send.target)),
                Step::AskAgain { .. } => (WordKind::Wait, None),
                Step::Stop => (WordKind::Stop, None),
            };
            (request, kind, target, Some(reason.name()), *reason as u8)
        }
        Event::AttemptEnded { request, end, .. } => match &end.result {
            AttemptResult::Answered(_) => (request, WordKind::Answered, Some(end.target), None, 0),
            AttemptResult::Cancelled => (request, WordKind::Cancelled, Some(end.target), None, 0),
            AttemptResult::Failed(failure) => {
                let class = failure.class();
                (request, WordKind::Failed, Some(end.target), Some(class.name()), class as u8)
            }
        },
        _ => return None,
    };
    let after = sent.before(event);
    let (wait_ns, max_tokens) = numbers(now, event);
    let key = Key { kind: kind as u8, after, target, why: index };
    Some(Said { request: request.number, kind, after, target, why, key, wait_ns, max_tokens })
}

fn numbers(now: Nanos, event: &Event<'_>) -> (u64, u32) {
    match event {
        Event::Decided { step: Step::Send(send), .. } => {
            (send.at.saturating_sub(now), send.max_tokens.unwrap_or(0))
        }
        Event::Decided { step: Step::AskAgain { at }, .. } => (at.saturating_sub(now), 0),
        _ => (0, 0),
    }
}

impl Said {
    fn word(&self, plan: &Plan) -> Word {
        let target = self.target.map(|target| plan.targets[usize::from(target.0)].name.clone());
        Word { kind: self.kind, after: self.after, target, why: self.why.map(str::to_owned) }
    }
}

/// How many attempts each request in the air has sent, by its slot.
#[derive(Debug, Default)]
struct Sent(Vec<u32>);

impl Sent {
    fn on(&mut self, event: &Event<'_>) {
        let (slot, sent) = match event {
            Event::Begun { flight, .. } => (flight.slot, 0),
            Event::Sent { attempt, .. } => (attempt.flight.slot, attempt.number + 1),
            _ => return,
        };
        let slot = slot as usize;
        self.0.resize(self.0.len().max(slot + 1), 0);
        self.0[slot] = sent;
    }

    fn before(&self, event: &Event<'_>) -> u32 {
        match event {
            Event::Decided { flight, .. } => self.0.get(flight.slot as usize).copied().unwrap_or(0),
            Event::AttemptEnded { attempt, .. } => attempt.number,
            _ => 0,
        }
    }
}

const NANOS_PER_MS: u64 = 1_000_000;

/// Writes everything down.
#[derive(Debug)]
pub struct Logger<'p> {
    plan: &'p Plan,
    hash: TraceHash,
    events: u64,
    sent: Sent,
    words: BTreeMap<Key, u32>,
    writer: Writer,
}

impl<'p> Logger<'p> {
    pub fn new(plan: &'p Plan) -> Logger<'p> {
        let (words, writer) = (BTreeMap::new(), Writer::default());
        Logger { plan, hash: TraceHash::default(), events: 0, sent: Sent::default(), words, writer }
    }

    pub fn hash(&self) -> u64 {
        self.hash.value()
    }

    pub fn finish(self) -> Decisions {
        self.writer.finish(self.events)
    }
}

impl Observer for Logger<'_> {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        self.hash.event(now, event);
        self.events += 1;
        self.sent.on(event);
        if let Some(said) = said(now, event, &self.sent) {
            let word = match self.words.get(&said.key) {
                Some(word) => *word,
                None => {
                    let word = self.writer.word(said.word(self.plan));
                    self.words.insert(said.key, word);
                    word
                }
            };
            self.writer.push(Entry { word, wait_ns: said.wait_ns, max_tokens: said.max_tokens });
        }
        if self.events.is_multiple_of(BLOCK_EVENTS) {
            self.writer.block(Block { hash: self.hash.value() as u32, at_ms: now / NANOS_PER_MS });
        }
    }
}

impl Witness for Logger<'_> {
    fn arrived(&mut self, _: &Arrival) {}

    fn worked(&mut self, _: Nanos, work: &Work) {
        self.hash.work(work);
    }
}

/// Reads along in what was written down, until something else happens.
#[derive(Debug)]
pub struct Follower<'p> {
    plan: &'p Plan,
    log: &'p Log,
    hash: TraceHash,
    events: u64,
    sent: Sent,
    entries: usize,
    /// Index of each word of the log; one that it does not know is never the same.
    words: BTreeMap<Key, Option<u32>>,
    /// Until here every event was the same.
    same_until_ms: u64,
    /// A block whose hash was another, although nothing was decided otherwise.
    world: Option<(u64, u64)>,
    parting: Option<Parting>,
}

impl<'p> Follower<'p> {
    pub fn new(plan: &'p Plan, log: &'p Log) -> Follower<'p> {
        Follower {
            plan,
            log,
            hash: TraceHash::default(),
            events: 0,
            sent: Sent::default(),
            entries: 0,
            words: BTreeMap::new(),
            same_until_ms: 0,
            world: None,
            parting: None,
        }
    }

    pub fn has_parted(&self) -> bool {
        self.parting.is_some()
    }

    /// Where it parted; `hash` is that of the whole run that was written down.
    pub fn parting(mut self, hash: &str) -> Option<Parting> {
        let last_ms = self.log.blocks.last().map_or(0, |block| block.at_ms);
        if self.parting.is_none() && self.entries < self.log.entries.len() {
            let was = self.was();
            self.parting = Some(self.at(None, last_ms, was, None));
        }
        let other = self.events != self.log.events || format!("{:016x}", self.hash.value()) != hash;
        if self.parting.is_none() && (self.world.is_some() || other) {
            self.world.get_or_insert((self.same_until_ms, last_ms.max(self.same_until_ms)));
            self.parting = Some(self.at(None, last_ms, None, None));
        }
        self.parting
    }

    fn at(&self, request: Option<u64>, at_ms: u64, was: Option<String>, now: Option<String>) -> Parting {
        Parting {
            request: request.map(|number| RequestName(number).to_string()),
            at_s: at_ms as f64 / 1e3,
            same_until_s: self.same_until_ms as f64 / 1e3,
            world: self.world.is_some(),
            was,
            now,
        }
    }

    fn was(&self) -> Option<String> {
        self.log.entries.get(self.entries).map(|entry| self.log.tell(entry, meaning))
    }

    fn index(&mut self, said: &Said) -> Option<u32> {
        if let Some(index) = self.words.get(&said.key) {
            return *index;
        }
        let word = said.word(self.plan);
        let index = self.log.words.iter().position(|known| *known == word).map(|index| index as u32);
        self.words.insert(said.key, index);
        index
    }

    fn compare(&mut self, now: Nanos, said: &Said) {
        let index = self.index(said);
        let same = self.log.entries.get(self.entries).is_some_and(|entry| {
            index == Some(entry.word) && (entry.wait_ns, entry.max_tokens) == (said.wait_ns, said.max_tokens)
        });
        if same {
            self.entries += 1;
            return;
        }
        if !self.same_place(said) {
            self.world.get_or_insert((self.same_until_ms, now / NANOS_PER_MS));
        }
        let words = vec![said.word(self.plan)];
        let entry = Entry { word: 0, wait_ns: said.wait_ns, max_tokens: said.max_tokens };
        let told = Log { words, entries: Vec::new(), blocks: Vec::new(), events: 0 }.tell(&entry, meaning);
        let was = self.was();
        self.parting = Some(self.at(Some(said.request), now / NANOS_PER_MS, was, Some(told)));
    }

    /// Whether what was written down can be about the same moment of the same request. If it is not, something came
    /// sooner or later than it did: no decision differs yet, but the world does.
    fn same_place(&self, said: &Said) -> bool {
        let word =
            self.log.entries.get(self.entries).and_then(|entry| self.log.words.get(entry.word as usize));
        word.is_some_and(|word| {
            word.after == said.after && word.kind.is_decision() == said.kind.is_decision()
        })
    }

    fn block(&mut self, now: Nanos) {
        let block = self.log.blocks.get((self.events / BLOCK_EVENTS) as usize - 1);
        let same = block.is_some_and(|block| block.hash == self.hash.value() as u32);
        match same {
            true if self.world.is_none() => self.same_until_ms = now / NANOS_PER_MS,
            true => {}
            false => drop(self.world.get_or_insert((self.same_until_ms, now / NANOS_PER_MS))),
        }
    }
}

/// What a reason means to this version.
pub fn meaning(name: &str) -> Option<&'static str> {
    Reason::ALL.iter().find(|reason| reason.name() == name).map(|reason| reason.meaning())
}

impl Observer for Follower<'_> {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        if self.has_parted() {
            return;
        }
        self.hash.event(now, event);
        self.events += 1;
        self.sent.on(event);
        if let Some(said) = said(now, event, &self.sent) {
            self.compare(now, &said);
        }
        if self.events.is_multiple_of(BLOCK_EVENTS) {
            self.block(now);
        }
    }
}

impl Witness for Follower<'_> {
    fn arrived(&mut self, _: &Arrival) {}

    fn worked(&mut self, _: Nanos, work: &Work) {
        if !self.has_parted() {
            self.hash.work(work);
        }
    }
}
