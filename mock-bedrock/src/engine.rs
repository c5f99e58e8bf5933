//! The service itself: `call` decides everything about one attempt the moment it arrives; `finish` settles it.
//!
//! The order of checks is fixed: network, auth, validation, model availability, quota, capacity, latency, head, body.
//! An error answer takes one round trip and holds nothing. A call that passed the quota and is then refused for want
//! of capacity gets its whole reservation back, its request included.

mod answer;
mod cache;
mod call;
mod open;
mod stages;

pub use cache::{PREFIX_MIN, Prefix};
pub use call::{Abandoned, Answer, BodyEnd, Call, CallId, Operation, Reported, Served, Stop};

pub use crate::pool::PoolState;
pub use stages::OPEN_MAX;

use crate::{
    Nanos,
    exception::Exception,
    fault::{FaultRule, Faults},
    latency::RegionLoad,
    luck::{Draws, Luck, Stream},
    pool::{NewQuotas, Quotas},
    record::{Closing, RecordLog, RecordSettings},
    world::{AbandonedWork, PoolId, World},
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

    pub fn call(&mut self, now: Nanos, call: &Call) -> Served {
        self.advance(now);
        let Some(route) = self.world.route(call.route) else {
            return Served::Error { at: now, exception: Exception::invalid_model_id() };
        };
        let (way, picking) = self.pick_model(call, &route);
        let way = Call { route: way, ..*call };
        let Some(route) = self.world.route(way.route) else {
            return Served::Error { at: now, exception: Exception::invalid_model_id() };
        };
        let mut visit = self.arrive(now, &way, route);
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
            Err(Turned::Error(exception)) => {
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
