//! The stages that one attempt passes, in their fixed order, until it is turned away or granted everything.

use super::{Answer, Call, Engine, Line, Page, Quirk, Reported};
use crate::{
    Nanos,
    exception::{Exception, ExceptionKind, Missing},
    fault::{NetworkFault, Subject},
    latency::{Chance, Purpose, nanos},
    pool::Hold,
    profile::Choice,
    world::{PoolId, RegionId, Route, RouteId, RouteKind},
};

/// Most calls under way at once. Real services have such a limit too, and say so.
pub const OPEN_MAX: usize = 1 << 24;

/// Destinations that one call of a profile is sent to, at most.
const TRIES_MAX: u32 = 3;

/// One attempt on its way through the stages.
#[derive(Debug)]
pub(super) struct Visit<'a> {
    pub now: Nanos,
    pub call: &'a Call,
    /// The prompt as the cache leaves it; of outputs nothing is known yet.
    pub prompt: Reported,
    pub route: Route,
    /// No fault is active: nothing need be asked.
    pub quiet: bool,
    pub subject: Subject,
    pub chance: Chance,
    /// How long a call that the quota refused would have to wait, where that is known.
    pub wait: Option<Nanos>,
    /// Destinations of the profile that have not been tried and not been drained, as a set of places.
    pub destinations_left: u64,
    /// Every destination of the profile has been drained.
    pub nowhere: bool,
    /// Round trip and slow connection, nanoseconds.
    pub network: f64,
    /// What a prompt router takes to pick the model, nanoseconds.
    pub picking: f64,
    /// Destinations it was sent to, and those of them that are not the Region called.
    pub tries: u32,
    pub hops: u32,
}

/// Why an attempt gets no answer.
#[derive(Debug)]
pub(super) enum Turned {
    Refused,
    Reset,
    Silence,
    Page(Page),
    Error(Exception),
}

impl From<Exception> for Turned {
    fn from(exception: Exception) -> Turned {
        Turned::Error(exception)
    }
}

/// A call as faults see it before anybody is chosen to serve it.
pub(super) const fn subject(call: &Call, route: &Route, line: Option<Line>) -> Subject {
    Subject {
        region: route.region,
        serving: route.region,
        model: route.model,
        operation: call.operation,
        tenant: call.tenant,
        account: route.account,
        request: call.request,
        attempt: call.attempt,
        line,
    }
}

impl Engine {
    pub(super) fn arrive<'a>(
        &mut self,
        now: Nanos,
        call: &'a Call,
        route: Route,
        line: Option<Line>,
    ) -> Visit<'a> {
        let quiet = self.faults.quiet();
        let chance = Chance { draws: self.latency, request: call.request, attempt: call.attempt };
        let region = self.world.region_at(route.region);
        let mut visit = Visit {
            now,
            call,
            prompt: Reported {
                input: call.input_tokens,
                cache_read: call.cache_read,
                cache_write: call.cache_write,
                output: 0,
            },
            route,
            quiet,
            subject: subject(call, &route, line),
            chance,
            wait: None,
            destinations_left: 0,
            nowhere: false,
            network: chance.sample(&region.rtt, Purpose::RoundTrip, region.salt),
            picking: 0.0,
            tries: 0,
            hops: 0,
        };
        if route.through_profile {
            visit.destinations_left = self.undrained(now, &route, quiet);
            visit.nowhere = !self.choose(&mut visit);
        }
        visit
    }

    /// The route that a call takes, and what choosing it costs: a prompt router looks at the prompt, so that a request
    /// goes the same way each time.
    #[inline]
    pub(super) fn pick_model(&self, call: &Call, route: &Route) -> (RouteId, f64) {
        let Some(router) = self.world.router(route) else { return (call.route, 0.0) };
        let chance = Chance { draws: self.routing, request: call.request, attempt: call.attempt };
        let prompt = Chance { attempt: 0, ..chance };
        let second = prompt.unit(Purpose::PromptRouter, router.salt) >= router.first;
        let picking = chance.sample(&router.overhead, Purpose::PromptRouterOverhead, router.salt);
        (router.models[usize::from(second)], picking)
    }

    fn undrained(&mut self, now: Nanos, route: &Route, quiet: bool) -> u64 {
        let destinations = self.world.destinations_of(route);
        let all = u64::MAX >> (64 - destinations.len().clamp(1, 64));
        if quiet {
            return all;
        }
        let drained = |set, (place, region): (usize, &RegionId)| {
            if self.faults.drained(now, *region) { set & !(1 << place) } else { set }
        };
        destinations.iter().enumerate().fold(all, drained)
    }

    /// Picks the next destination of a profile and takes it off those left.
    fn choose(&self, visit: &mut Visit<'_>) -> bool {
        let destinations = self.world.destinations_of(&visit.route);
        let choice = Choice {
            rule: visit.route.choice,
            destinations,
            load: &self.load,
            open: visit.destinations_left,
        };
        let chance = Chance { draws: self.routing, ..visit.chance };
        let Some(place) = choice.pick(&chance, self.world.model_at(visit.route.model).salt) else {
            return false;
        };
        visit.destinations_left &= !(1 << place);
        visit.subject.serving = destinations[place];
        visit.tries += 1;
        visit.hops += u32::from(destinations[place] != visit.route.region);
        true
    }

    pub(super) fn serve(&mut self, visit: &mut Visit<'_>) -> Result<Answer, Turned> {
        if !visit.quiet {
            self.reach(visit)?;
        }
        self.validate(visit)?;
        self.available(visit)?;
        let hold = self.admit(visit)?;
        match self.find_capacity(visit) {
            Ok(()) => {
                self.look_up(visit);
                Ok(self.answer(visit, hold))
            }
            Err(exception) => {
                self.quotas.refund(visit.now, hold);
                Err(exception.into())
            }
        }
    }

    /// Network, proxy and auth: nothing goes wrong here but by faults.
    fn reach(&mut self, visit: &mut Visit<'_>) -> Result<(), Turned> {
        match self.faults.network(visit.now, &visit.subject) {
            Some(NetworkFault::Refuse) => return Err(Turned::Refused),
            Some(NetworkFault::Reset) => return Err(Turned::Reset),
            Some(NetworkFault::Blackhole) => return Err(Turned::Silence),
            Some(NetworkFault::Slow(longer)) => {
                // The caller gives up before anything is sent.
                if visit.call.connect_within.is_some_and(|most| longer > most) {
                    return Err(Turned::Silence);
                }
                visit.network += longer as f64;
            }
            None => {}
        }
        if let Some(page) = self.faults.page(visit.now, &visit.subject) {
            return Err(Turned::Page(page));
        }
        self.faults.auth(visit.now, &visit.subject).map_or(Ok(()), |exception| Err(exception.into()))
    }

    #[inline]
    fn validate(&self, visit: &Visit<'_>) -> Result<(), Exception> {
        let model = self.world.model_at(visit.route.model);
        match visit.call.max_tokens {
            Some(0) => return Err(Exception::max_tokens_zero()),
            Some(most) if most > model.max_output => {
                return Err(Exception::max_tokens_above(model.max_output));
            }
            _ => {}
        }
        if model.context.is_some_and(|context| visit.call.prompt() > context) {
            return Err(Exception::input_too_long());
        }
        Ok(())
    }

    #[inline]
    fn available(&mut self, visit: &Visit<'_>) -> Result<(), Exception> {
        if let Some(exception) = self.world.unavailable(visit.call.route) {
            return Err(exception.clone());
        }
        if visit.quiet {
            return Ok(());
        }
        self.faults.availability(visit.now, &visit.subject).map_or(Ok(()), Err)
    }

    #[inline]
    fn admit(&mut self, visit: &mut Visit<'_>) -> Result<Hold, Exception> {
        let pool = visit.route.pool;
        if !visit.quiet {
            self.adjust(visit.now, pool);
            self.faults.pool_asked(visit.now, pool);
        }
        let prompt = u32::try_from(visit.call.prompt()).unwrap_or(u32::MAX);
        let reserve = self.world.reserves(visit.call.route, prompt, visit.call.max_tokens);
        let admitted = self.quotas.admit(visit.now, pool, reserve);
        if admitted.is_err() && !visit.quiet {
            visit.wait = self.quotas.wait(visit.now, pool, reserve);
        }
        admitted.map_err(|refusal| refusal.exception())
    }

    /// Brings the faults to `now`, and all pools from edge to edge: also a pool that nobody looks at refills at its
    /// changed quota, between what others take.
    #[inline]
    pub(super) fn advance(&mut self, now: Nanos) {
        while let Some(edge) = self.faults.edge(now) {
            self.cross(edge);
        }
    }

    #[cold]
    fn cross(&mut self, edge: Nanos) {
        let pools = (0..self.world.pools()).map(|index| PoolId(index as u16));
        for pool in pools.clone() {
            self.quotas.drain(edge, pool, self.faults.shadow(edge, pool));
        }
        self.faults.advance(edge);
        for pool in pools {
            self.quotas.scale(edge, pool, self.faults.quota_factor(edge, pool));
        }
    }

    /// Brings a pool to its present quota, less what others took of it.
    fn adjust(&mut self, now: Nanos, pool: PoolId) {
        self.quotas.drain(now, pool, self.faults.shadow(now, pool));
        self.quotas.scale(now, pool, self.faults.quota_factor(now, pool));
    }

    /// A profile goes on to its other destinations when the chosen one is out of capacity (AWS: "Getting started
    /// with cross-Region inference"); everybody else is told at once. Provisioned capacity shares nothing.
    fn find_capacity(&mut self, visit: &mut Visit<'_>) -> Result<(), Exception> {
        if self.open.len() >= OPEN_MAX {
            return Err(Exception::too_many_connections());
        }
        loop {
            let Some(exception) = self.short_of_capacity(visit) else { return Ok(()) };
            let elsewhere = exception.kind == ExceptionKind::ServiceUnavailableException;
            if !elsewhere || visit.tries >= TRIES_MAX || !self.choose(visit) {
                return Err(exception);
            }
        }
    }

    #[inline]
    fn short_of_capacity(&mut self, visit: &Visit<'_>) -> Option<Exception> {
        let shared = visit.route.kind != RouteKind::Provisioned;
        let load = &self.load[usize::from(visit.subject.serving.0)];
        if visit.nowhere || shared && load.refuses() {
            return Some(Exception::no_capacity());
        }
        if visit.quiet { None } else { self.faults.capacity(visit.now, &visit.subject) }
    }
}

impl Engine {
    /// An error as its head says it, which faults may change.
    pub(super) fn as_told(&mut self, visit: &Visit<'_>, exception: Exception) -> Exception {
        if visit.quiet {
            return exception;
        }
        let told = self.faults.error(visit.now, &visit.subject, exception, visit.wait);
        let unnumbered = visit.subject.line.is_some()
            && self.faults.quirk(visit.now, &visit.subject, None) == Some(Quirk::NoRequestId);
        if unnumbered { Exception { missing: Missing::RequestId, ..told } } else { told }
    }
}

impl Visit<'_> {
    /// When an error answer is back.
    pub fn back_at(&self) -> Nanos {
        self.now.saturating_add(nanos(self.network + self.picking))
    }
}
