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
    records::{Entry, Ring, Sheet},
    runtime::{
        cache::{Point, PromptCache, Use},
        families::Telling,
    },
    works::Works,
};
use crate::{
    Nanos,
    cloudwatch::{Measured, Outcome},
    engine::{Answer, BodyEnd, Call, CallId, Engine, Line, Operation, Served},
    exception::{Exception, ExceptionKind},
    fault::Delivery,
    record::InvocationRecord,
    world::RouteId,
};

#[derive(Debug)]
pub struct Live {
    inside: Mutex<Inside>,
    asked: AtomicU64,
    answers_max: usize,
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
    /// What has ended and nobody has taken from here yet.
    pub finished: Vec<Finished>,
    pub works: Works,
    pub cache: PromptCache,
    pub counts: BTreeMap<(&'static str, &'static str), u64>,
    pub by_route: BTreeMap<(Operation, RouteId), u64>,
}

/// What the record of a call under way will need.
#[derive(Debug)]
struct Note {
    sheet: Sheet,
    telling: Arc<Telling>,
    began: Nanos,
    first_at: Nanos,
    route: RouteId,
    /// The exception that it ends with, if it does.
    broke: Option<ExceptionKind>,
    delivery: Delivery,
}

/// A call that is over, as its account's logs and metrics will know it.
#[derive(Debug)]
pub struct Finished {
    pub account: String,
    pub model: String,
    pub region: String,
    pub began: Nanos,
    pub at: Nanos,
    pub outcome: Outcome,
    /// None for a call that leaves no record.
    pub entry: Option<Arc<Entry>>,
    /// What becomes of what is logged and counted.
    pub delivery: Delivery,
}

/// A call as the service meets it.
#[derive(Debug)]
pub struct Order<'a> {
    pub call: Call,
    /// The connection that it came over.
    pub line: Line,
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

/// A call that was turned away.
struct Refused {
    sheet: Sheet,
    route: RouteId,
    kind: ExceptionKind,
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
    /// At most so many answers are under way at once.
    pub fn new(engine: Engine, ring: Ring, works: Works, answers_max: usize) -> Live {
        let inside = Inside {
            engine,
            epoch: 0,
            ends: BinaryHeap::new(),
            notes: Vec::new(),
            ring,
            finished: Vec::new(),
            works,
            cache: PromptCache::default(),
            counts: BTreeMap::new(),
            by_route: BTreeMap::new(),
        };
        Live { inside: Mutex::new(inside), asked: AtomicU64::new(0), answers_max }
    }

    /// The number of the next request, from 1.
    pub fn number(&self) -> u64 {
        self.asked.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This server's own limit, which the service does not have.
    fn too_many(&self, at: Nanos) -> Served {
        let text = format!(
            "Too many connections, please wait before trying again. This mock makes at most {} answers at once.",
            self.answers_max
        );
        let exception = Exception::new(ExceptionKind::ServiceUnavailableException, text);
        Served::Error { at, exception }
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
        // A clock that waited for its first request only now knows when it began.
        if let Some(log) = inside.engine.records() {
            log.start_at(clock.unix_ms_at_zero());
        }
        if inside.engine.open_calls() >= self.answers_max {
            let served = self.too_many(moment.now);
            inside.count(&order.call, &served);
            return Met::Turned(served, moment);
        }
        let CacheOrder { owner, points, least } = order.cache;
        let used = inside.cache.look(moment.now, owner, points, least);
        order.call.cache_read = used.read;
        order.call.cache_write = used.write;
        order.call.input_tokens =
            order.call.input_tokens.saturating_sub(used.read.saturating_add(used.write));
        let served = inside.engine.call_over(moment.now, &order.call, order.line);
        inside.count(&order.call, &served);
        let delivery = inside.engine.delivery(moment.now, &order.call);
        let Served::Answer(answer) = served else {
            if let Served::Error { exception, .. } = &served {
                let refused = Refused { sheet: order.sheet, route: order.call.route, kind: exception.kind };
                inside.refused(moment.now, refused, delivery);
            }
            return Met::Turned(served, moment);
        };
        inside.cache.keep(moment.now, owner, points, least);
        inside.works.opened(&order.call, &answer);
        let telling = Arc::new(tell(&answer, used, moment.now));
        let broke = match &answer.end {
            BodyEnd::Exception(exception) => Some(exception.kind),
            _ => None,
        };
        let note = Note {
            sheet: order.sheet,
            telling: telling.clone(),
            began: moment.now,
            first_at: answer.first_at,
            route: answer.route,
            broke,
            delivery,
        };
        inside.open(&answer, note);
        let epoch = inside.epoch;
        Met::Answer(Admitted { answer, telling, moment, epoch })
    }

    /// The caller of an answer has gone before its end. One that has ended already is settled as it ended.
    pub fn leave(&self, clock: &Clock, epoch: u32, call: CallId) {
        let mut inside = self.lock();
        if inside.epoch == epoch {
            let now = clock.read().now;
            inside.catch_up(now);
            let abandoned = inside.engine.abandon(now, call);
            inside.works.ended(call, abandoned.map(|abandoned| abandoned.tokens));
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
        inside.engine = engine(clock.unix_ms_at_zero());
        inside.ends.clear();
        inside.notes.clear();
        inside.ring.clear();
        inside.finished.clear();
        inside.works.clear();
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
            let made = self.engine.finish(at, call);
            self.works.ended(call, made);
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
        let Some(note) = self.notes.get_mut(call.slot as usize).and_then(Option::take) else { return };
        let outcome = match note.broke {
            Some(kind) => failed(kind),
            None => Outcome::Success(self.measured(at, &note, &record)),
        };
        let entry = Entry::new(at, record, note.sheet, Some(note.telling));
        self.finish(note.began, at, entry, (outcome, note.delivery));
    }

    fn refused(&mut self, at: Nanos, refused: Refused, delivery: Delivery) {
        let Refused { sheet, route, kind } = refused;
        if let Some(record) = self.engine.records().and_then(|log| log.drain().next()) {
            self.finish(at, at, Entry::new(at, record, sheet, None), (failed(kind), delivery));
            return;
        }
        let world = self.engine.world();
        let region = world.region_name(world.route_region(route)).to_owned();
        let (account, model, outcome) = (sheet.account, sheet.model_id, failed(kind));
        self.finished.push(Finished {
            account,
            model,
            region,
            began: at,
            at,
            outcome,
            entry: None,
            delivery,
        });
    }

    fn finish(&mut self, began: Nanos, at: Nanos, entry: Entry, (outcome, delivery): (Outcome, Delivery)) {
        let entry = Arc::new(entry);
        let record = entry.record();
        let (account, model) = (record.account_id.clone(), record.model_id.clone());
        let region = record.region.clone();
        self.ring.push(entry.clone());
        self.finished.push(Finished {
            account,
            model,
            region,
            began,
            at,
            outcome,
            entry: Some(entry),
            delivery,
        });
    }

    fn measured(&self, at: Nanos, note: &Note, record: &InvocationRecord) -> Measured {
        let ms = |span: Nanos| span as f64 / 1e6;
        let (input, read, write) = record.input.as_ref().map_or((0, 0, 0), |input| {
            (input.input_token_count, input.cache_read_input_token_count, input.cache_write_input_token_count)
        });
        let output = record.output.as_ref().map_or(0, |output| output.output_token_count);
        let quota = self.engine.world().settles(note.route, input, write, output);
        let streams = note.sheet.operation.streams();
        Measured {
            latency_ms: ms(at.saturating_sub(note.began)),
            first_token_ms: streams.then(|| ms(note.first_at.min(at).saturating_sub(note.began))),
            input: f64::from(input),
            output: f64::from(output),
            cache_read: f64::from(read),
            cache_write: f64::from(write),
            quota: quota as f64,
        }
    }

    fn count(&mut self, call: &Call, served: &Served) {
        let outcome = match served {
            Served::Answer(_) => "answered",
            Served::Refused { .. } => "connection refused",
            Served::Reset { .. } => "connection reset",
            Served::Page { .. } => "answered by another",
            Served::Silence => "silence",
            Served::Error { exception, .. } => exception.kind.name(),
        };
        *self.counts.entry((call.operation.name(), outcome)).or_default() += 1;
        *self.by_route.entry((call.operation, call.route)).or_default() += 1;
    }
}

/// What metrics call an exception: throttles are neither errors nor invocations.
fn failed(kind: ExceptionKind) -> Outcome {
    match kind.status() {
        _ if kind == ExceptionKind::ThrottlingException => Outcome::Throttled,
        500.. => Outcome::ServerError,
        _ => Outcome::ClientError,
    }
}
