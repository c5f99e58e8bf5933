//! The service itself: `call` decides everything about one attempt the moment it arrives; `finish` settles it.
//!
//! The order of checks is fixed: network, proxy, auth, validation, model availability, quota, capacity, latency, head,
//! body.
//! An error answer takes one round trip and holds nothing. A call that passed the quota and is then refused for want
//! of capacity gets its whole reservation back, its request included.

mod answer;
mod cache;
mod call;
mod open;
mod stages;
mod wire;

pub use cache::{PREFIX_MIN, Prefix};
pub use call::{Abandoned, Answer, BodyEnd, Call, CallId, Operation, Reported, Served, Stop};

pub use crate::pool::PoolState;
pub use stages::OPEN_MAX;
pub use wire::{Garble, Line, Page, PageKind, Quirk, Wire};

use crate::{
    Nanos,
    exception::Exception,
    fault::{Delivery, FaultRule, Faults, HandshakeFault, Subject},
    latency::RegionLoad,
    luck::{Draws, Luck, Stream},
    pool::{NewQuotas, Quotas},
    record::{Closing, RecordLog, RecordSettings},
    world::{AbandonedWork, AccountId, ModelId, PoolId, RegionId, World},
};
use open::{OpenCall, OpenCalls};
use stages::Turned;

#[derive(Debug)]
pub struct Engine {
    world: World,
    faults: Faults,
    quotas: Quotas,
    load: Vec<RegionLoad>,
    open: OpenCalls,
    cache: cache::PromptCache,
    latency: Draws,
    routing: Draws,
    records: Option<Box<RecordLog>>,
}

impl Engine {
    pub fn new(world: World, rules: Vec<FaultRule>, luck: Luck) -> Engine {
        Engine {
            faults: Faults::new(rules, luck),
            quotas: Quotas::new(&world),
            load: world.capacities().map(|capacity| RegionLoad { capacity, running: 0 }).collect(),
            open: OpenCalls::default(),
            cache: cache::PromptCache::default(),
            latency: luck.stream(Stream::Latency),
            routing: luck.stream(Stream::Routing),
            records: None,
            world,
        }
    }

    pub fn world(&self) -> &World {
        &self.world
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Writes invocation records from now on; calls already under way leave none.
    pub fn record(&mut self, settings: RecordSettings) {
        self.records = Some(Box::new(RecordLog::new(settings, self.routing)));
    }

    pub fn records(&mut self) -> Option<&mut RecordLog> {
        self.records.as_deref_mut()
    }

    /// Answers being produced now.
    pub fn open_calls(&self) -> usize {
        self.open.len()
    }

    /// A call without a connection, as simulated ones are.
    pub fn call(&mut self, now: Nanos, call: &Call) -> Served {
        self.answer_to(now, call, None)
    }

    /// A call that came over a connection. Hands were shaken before; faults of bytes are asked, too.
    pub fn call_over(&mut self, now: Nanos, call: &Call, line: Line) -> Served {
        self.answer_to(now, call, Some(line))
    }

    /// What becomes of what is logged and counted of a call that was just made.
    pub fn delivery(&mut self, now: Nanos, call: &Call) -> Delivery {
        match self.world.route(call.route) {
            Some(route) if !self.faults.quiet() => {
                self.faults.delivery(now, &stages::subject(call, &route, None))
            }
            _ => Delivery::default(),
        }
    }

    /// What becomes of the `n`-th handshake with a Region's endpoint. Nobody knows yet who will call what.
    pub fn handshake(&mut self, now: Nanos, region: RegionId, n: u64) -> Option<HandshakeFault> {
        self.advance(now);
        if self.faults.quiet() {
            return None;
        }
        let subject = Subject {
            region,
            serving: region,
            model: ModelId(0),
            operation: Operation::Converse,
            tenant: 0,
            account: AccountId(0),
            request: n,
            attempt: 0,
            line: Some(Line { age: 0, idle: None }),
        };
        self.faults.handshake(now, &subject)
    }

    fn answer_to(&mut self, now: Nanos, call: &Call, line: Option<Line>) -> Served {
        self.advance(now);
        let Some(route) = self.world.route(call.route) else {
            return Served::Error { at: now, exception: Exception::invalid_model_id() };
        };
        let (way, picking) = self.pick_model(call, &route);
        let way = Call { route: way, ..*call };
        let Some(route) = self.world.route(way.route) else {
            return Served::Error { at: now, exception: Exception::invalid_model_id() };
        };
        let mut visit = self.arrive(now, &way, route, line);
        visit.picking = picking;
        match self.serve(&mut visit) {
            Ok(answer) => {
                if let Some(log) = &mut self.records {
                    log.opened(now, answer.call, call);
                }
                Served::Answer(answer)
            }
            Err(Turned::Silence) => Served::Silence,
            Err(Turned::Refused) => Served::Refused { at: visit.back_at() },
            Err(Turned::Reset) => Served::Reset { at: visit.back_at() },
            Err(Turned::Page(page)) => Served::Page { at: visit.back_at(), page },
            Err(Turned::Error(exception)) => {
                let exception = self.as_told(&visit, exception);
                if let Some(log) = &mut self.records {
                    log.refused(&self.world, now, call, exception.kind);
                }
                Served::Error { at: visit.back_at(), exception }
            }
        }
    }

    /// The answer has ended as `Served` said. Settles quota and capacity, and gives the output tokens that were made; a
    /// call that is over already is ignored.
    pub fn finish(&mut self, now: Nanos, call: CallId) -> Option<u32> {
        let open = self.open.close(call)?;
        let tokens = open.tokens;
        self.settle(now, call, open, tokens);
        Some(tokens)
    }

    /// The caller left before the end. An answer that would never have ended is settled now, whatever the world says
    /// about abandoned work; a call that is over already is ignored.
    pub fn abandon(&mut self, now: Nanos, call: CallId) -> Option<Abandoned> {
        let open = self.open.get(call)?;
        if self.world.abandoned_work() == AbandonedWork::Continues && open.ends != Nanos::MAX {
            return Some(Abandoned { works_until: Some(open.ends.max(now)), tokens: open.tokens });
        }
        let open = self.open.close(call)?;
        let tokens = open.pace.by(now).min(open.tokens);
        self.settle(now, call, open, tokens);
        Some(Abandoned { works_until: None, tokens })
    }

    /// Rules that may be started and stopped while they run.
    pub fn faults_mut(&mut self) -> &mut Faults {
        &mut self.faults
    }

    /// Gives a pool other quotas from now on.
    pub fn set_quotas(&mut self, now: Nanos, pool: PoolId, quotas: NewQuotas) {
        self.advance(now);
        self.quotas.replace(now, pool, self.world.limiter(), quotas);
    }

    /// A pool as its last call left it, refilled until now. Looking changes nothing and asks no fault.
    pub fn pool_state(&mut self, now: Nanos, pool: PoolId) -> PoolState {
        self.quotas.state(now, pool)
    }

    fn settle(&mut self, now: Nanos, id: CallId, open: OpenCall, tokens: u32) {
        self.advance(now);
        let used = self.world.settles(open.route, open.usage.input, open.usage.cache_write, tokens);
        self.quotas.settle(now, open.hold, used);
        if let Some(region) = open.loads {
            let load = &mut self.load[usize::from(region.0)];
            load.running = load.running.saturating_sub(1);
        }
        if let Some(log) = &mut self.records {
            let usage = Reported { output: tokens, ..open.usage };
            let took = now.min(open.ends).saturating_sub(open.began);
            let closing = Closing { usage, route: open.route, serving: open.serving, stop: open.stop, took };
            log.closed(&self.world, id, &closing);
        }
    }
}

#[cfg(test)]
mod tests;
