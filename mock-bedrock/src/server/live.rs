//! The engine under its lock, kept up with the time.
//!
//! Everything that will happen to an answer is known when it is admitted, so its end is noted then and settled when the
//! engine is next looked at, at the exact time: no timing of sockets or threads reaches a quota. A call takes the lock
//! once.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    clock::{Clock, Moment},
    records::{Ring, Sheet},
    runtime::{
        cache::{Point, PromptCache, Use},
        families::Telling,
    },
};
use crate::{
    Nanos,
    engine::{Answer, Call, CallId, Engine, Operation, Served},
    world::RouteId,
};

#[derive(Debug)]
pub struct Live {
    inside: Mutex<Inside>,
    asked: AtomicU64,
}

/// What the lock guards.
#[derive(Debug)]
pub struct Inside {
    pub engine: Engine,
    /// Grows with each reset: what was begun before must not touch what began after.
    epoch: u32,
    ends: BinaryHeap<Reverse<(Nanos, CallId)>>,
    notes: Vec<Option<Note>>,
    pub ring: Ring,
    pub cache: PromptCache,
    pub counts: BTreeMap<(&'static str, &'static str), u64>,
    pub by_route: BTreeMap<(Operation, RouteId), u64>,
}

/// What the record of a call under way will need.
#[derive(Debug)]
struct Note {
    sheet: Sheet,
    telling: Arc<Telling>,
}

/// A call as the service meets it.
#[derive(Debug)]
pub struct Order<'a> {
    pub call: Call,
    pub cache: CacheOrder<'a>,
    pub sheet: Sheet,
}

/// What the prompt cache may do for a call.
#[derive(Debug, Clone, Copy)]
pub struct CacheOrder<'a> {
    pub owner: u64,
    pub points: &'a [Point],
    pub least: u32,
}

/// What became of a call, and when that was decided.
#[derive(Debug)]
pub enum Met {
    Answer(Admitted),
    Turned(Served, Moment),
}

/// An answer under way; its call must be left or have ended.
#[derive(Debug)]
pub struct Admitted {
    pub answer: Answer,
    pub telling: Arc<Telling>,
    pub moment: Moment,
    pub epoch: u32,
}

impl Live {
    pub fn new(engine: Engine, ring: Ring) -> Live {
        let inside = Inside {
            engine,
            epoch: 0,
            ends: BinaryHeap::new(),
            notes: Vec::new(),
            ring,
            cache: PromptCache::default(),
            counts: BTreeMap::new(),
            by_route: BTreeMap::new(),
        };
        Live { inside: Mutex::new(inside), asked: AtomicU64::new(0) }
    }

    /// The number of the next request, from 1.
    pub fn number(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the engine. `tell` makes the answer's telling of what was granted, and what the cache did.
    pub fn meet(
        &self,
        clock: &Clock,
        mut order: Order<'_>,
        tell: impl FnOnce(&Answer, Use, Nanos) -> Telling,
    ) -> Met {
        let mut inside = self.lock();
        // Read under the lock, so that the engine never sees time go back.
        let moment = clock.read();
        inside.catch_up(moment.now);
        let CacheOrder { owner, points, least } = order.cache;
        let used = inside.cache.look(moment.now, owner, points, least);
        order.call.cache_read = used.read;
        order.call.cache_write = used.write;
        order.call.input_tokens =
            order.call.input_tokens.saturating_sub(used.read.saturating_add(used.write));
        let served = inside.engine.call(moment.now, &order.call);
        inside.count(&order.call, &served);
        let Served::Answer(answer) = served else {
            inside.refused(moment.now, order.sheet);
            return Met::Turned(served, moment);
        };
        inside.cache.keep(moment.now, owner, points, least);
        let telling = Arc::new(tell(&answer, used, moment.now));
        inside.open(&answer, Note { sheet: order.sheet, telling: telling.clone() });
        let epoch = inside.epoch;
        Met::Answer(Admitted { answer, telling, moment, epoch })
    }

    /// The caller of an answer has gone before its end. One that has ended already is settled as it ended.
    pub fn leave(&self, clock: &Clock, epoch: u32, call: CallId) {
        let mut inside = self.lock();
        if inside.epoch == epoch {
            let now = clock.read().now;
            inside.catch_up(now);
            inside.engine.abandon(now, call);
            inside.take_records(now, call);
        }
    }

    /// Looks at the engine as it is now.
    pub fn look<T>(&self, clock: &Clock, at: impl FnOnce(&mut Inside, Moment) -> T) -> T {
        let mut inside = self.lock();
        let moment = clock.read();
        inside.catch_up(moment.now);
        at(&mut inside, moment)
    }

    /// Begins anew: another engine, no records, no cache, the clock as at the start.
    pub fn reset(&self, clock: &Clock, engine: impl FnOnce(u64) -> Engine) {
        let mut inside = self.lock();
        clock.restart();
        inside.epoch = inside.epoch.wrapping_add(1);
        inside.engine = engine(clock.unix_s_at_zero());
        inside.ends.clear();
        inside.notes.clear();
        inside.ring.clear();
        inside.cache.clear();
        inside.counts.clear();
        inside.by_route.clear();
        self.asked.store(0, Ordering::Relaxed);
    }
}

impl Inside {
    /// Settles what has ended by now, in the order in which it ended.
    fn catch_up(&mut self, now: Nanos) {
        while let Some(Reverse((at, call))) = self.ends.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.ends.pop();
            self.engine.finish(at, call);
            self.take_records(at, call);
        }
    }

    fn open(&mut self, answer: &Answer, note: Note) {
        let call = answer.call;
        if answer.last_at < Nanos::MAX {
            self.ends.push(Reverse((answer.last_at, call)));
        }
        let slot = call.slot as usize;
        if slot >= self.notes.len() {
            self.notes.resize_with(slot + 1, || None);
        }
        self.notes[slot] = Some(note);
    }

    /// The engine writes a record when it settles a call; what it cannot know is added here.
    fn take_records(&mut self, at: Nanos, call: CallId) {
        let Some(record) = self.engine.records().and_then(|log| log.drain().next()) else { return };
        if let Some(Note { sheet, telling }) = self.notes.get_mut(call.slot as usize).and_then(Option::take) {
            self.ring.push(at, record, sheet, Some(telling));
        }
    }

    fn refused(&mut self, at: Nanos, sheet: Sheet) {
        if let Some(record) = self.engine.records().and_then(|log| log.drain().next()) {
            self.ring.push(at, record, sheet, None);
        }
    }

    fn count(&mut self, call: &Call, served: &Served) {
        let outcome = match served {
            Served::Answer(_) => "answered",
            Served::Refused { .. } => "connection refused",
            Served::Silence => "silence",
            Served::Error { exception, .. } => exception.kind.name(),
        };
        *self.counts.entry((call.operation.name(), outcome)).or_default() += 1;
        *self.by_route.entry((call.operation, call.route)).or_default() += 1;
    }
}
