//! The questions that the engine asks, stage by stage.

use super::{
    BodyFault, Delivery, Faults, HandshakeFault, LatencyChange, NetworkFault, Stage, Strike, Subject,
    kind::{Chosen, Kind},
    rule::Running,
};
use crate::{
    Nanos,
    engine::{Page, Quirk},
    exception::Exception,
    luck::Draws,
    world::{PoolId, RegionId},
};

impl Faults {
    pub fn network(&mut self, now: Nanos, subject: &Subject) -> Option<NetworkFault> {
        let decided = self.first(Stage::Network, now, subject, |kind, chosen| kind.network(chosen));
        if decided.is_some() {
            return decided;
        }
        let mut delay: Nanos = 0;
        // A server asks for itself when hands are shaken, which it knows before it knows any call.
        if subject.line.is_none() {
            match self.handshake(now, subject) {
                Some(HandshakeFault::Slow(longer)) => delay = longer,
                Some(_) => return Some(NetworkFault::Refuse),
                None => {}
            }
        }
        self.walk(Stage::Connect, now, subject, |kind, chosen| {
            let added = kind.connect(chosen);
            delay = delay.saturating_add(added.unwrap_or(0));
            added.is_some()
        });
        (delay > 0).then_some(NetworkFault::Slow(delay))
    }

    /// The first failure, or else how much longer it takes.
    pub fn handshake(&mut self, now: Nanos, subject: &Subject) -> Option<HandshakeFault> {
        let mut failure = None;
        let mut delay: Nanos = 0;
        self.walk(Stage::Handshake, now, subject, |kind, chosen| match kind.handshake(chosen) {
            _ if failure.is_some() => false,
            Some(HandshakeFault::Slow(longer)) => {
                delay = delay.saturating_add(longer);
                true
            }
            fault => {
                failure = fault;
                failure.is_some()
            }
        });
        failure.or((delay > 0).then_some(HandshakeFault::Slow(delay)))
    }

    pub fn page(&mut self, now: Nanos, subject: &Subject) -> Option<Page> {
        self.first(Stage::Proxy, now, subject, |kind, chosen| kind.page(chosen))
    }

    /// The error as the client gets it, all changes made one after the other.
    pub fn error(
        &mut self,
        now: Nanos,
        subject: &Subject,
        mut error: Exception,
        wait: Option<Nanos>,
    ) -> Exception {
        self.walk(Stage::Error, now, subject, |kind, chosen| {
            let Some(changed) = kind.error(chosen, &error, wait) else { return false };
            error = changed;
            true
        });
        error
    }

    /// `tokens` is how many the answer has; `None` for an error.
    pub fn quirk(&mut self, now: Nanos, subject: &Subject, tokens: Option<u32>) -> Option<Quirk> {
        self.first(Stage::Wire, now, subject, |kind, chosen| kind.quirk(chosen, tokens))
    }

    pub fn auth(&mut self, now: Nanos, subject: &Subject) -> Option<Exception> {
        self.first(Stage::Auth, now, subject, |kind, chosen| kind.exception(chosen))
    }

    pub fn availability(&mut self, now: Nanos, subject: &Subject) -> Option<Exception> {
        self.first(Stage::Availability, now, subject, |kind, chosen| kind.exception(chosen))
    }

    /// Whether a Region has left the profiles.
    pub fn drained(&mut self, now: Nanos, region: RegionId) -> bool {
        self.look(Stage::Routing, now, |running, draws| {
            let intensity = running.intensity(now, draws);
            !running.spent() && running.rule.action.kind().drains(region, intensity)
        })
    }

    /// Factor on a pool's quota; 1 without faults.
    pub fn quota_factor(&self, now: Nanos, pool: PoolId) -> f64 {
        self.covering(Stage::Quota, pool).map(|running| running.quota_factor(now, self.draws)).product()
    }

    /// Requests and tokens that others asked of the pool since this was last asked.
    pub fn shadow(&mut self, now: Nanos, pool: PoolId) -> (f64, f64) {
        let place = usize::from(pool.0);
        let told = self.told.get(place).copied().unwrap_or(0);
        if self.active[Stage::Shadow as usize].is_empty() || told >= now {
            return (0.0, 0.0);
        }
        let mut taken = (0.0, 0.0);
        for running in self.covering(Stage::Shadow, pool) {
            let seconds = running.area(told, now, self.draws);
            let (requests, tokens) = running.rule.action.kind().shadow_rates();
            taken = (taken.0 + requests * seconds, taken.1 + tokens * seconds);
        }
        if self.told.len() <= place {
            self.told.resize(place + 1, 0);
        }
        self.told[place] = now;
        taken
    }

    /// A call asks the pool for quota: a hit for each rule that is changing the pool.
    pub fn pool_asked(&mut self, now: Nanos, pool: PoolId) {
        self.look(Stage::Quota, now, |running, draws| {
            running.covers(pool) && running.quota_factor(now, draws) != 1.0
        });
        self.look(Stage::Shadow, now, |running, draws| {
            running.covers(pool) && running.intensity(now, draws) > 0.0
        });
    }

    pub fn capacity(&mut self, now: Nanos, subject: &Subject) -> Option<Exception> {
        self.first(Stage::Capacity, now, subject, |kind, chosen| kind.exception(chosen))
    }

    pub fn latency(&mut self, now: Nanos, subject: &Subject) -> LatencyChange {
        let mut sum = LatencyChange::NONE;
        self.walk(Stage::Latency, now, subject, |kind, chosen| {
            let change = kind.latency(chosen);
            sum = change.map_or(sum, |change| sum.and(change));
            change.is_some()
        });
        sum
    }

    /// `tokens` is how many the answer would have. What comes back fits them: `after` is never more.
    pub fn body(&mut self, now: Nanos, subject: &Subject, tokens: u32) -> Option<BodyFault> {
        self.first(Stage::Body, now, subject, |kind, chosen| kind.body(chosen, tokens))
    }

    /// Factor on the usage that the answer reports.
    pub fn usage(&mut self, now: Nanos, subject: &Subject) -> f64 {
        self.first(Stage::Usage, now, subject, |kind, chosen| kind.usage(chosen)).unwrap_or(1.0)
    }

    /// What becomes of what is logged and counted of a call.
    pub fn delivery(&mut self, now: Nanos, subject: &Subject) -> Delivery {
        let mut sum = Delivery::default();
        self.walk(Stage::Log, now, subject, |kind, chosen| {
            let change = kind.delivery(chosen);
            sum = change.map_or(sum, |change| sum.and(change));
            change.is_some()
        });
        sum
    }

    /// The first hit of a stage. Later rules are rolled too, and have missed when chosen.
    fn first<T>(
        &mut self,
        stage: Stage,
        now: Nanos,
        subject: &Subject,
        mut strike: impl FnMut(&mut dyn Kind, &Chosen) -> Option<T>,
    ) -> Option<T> {
        let mut decided = None;
        self.walk(stage, now, subject, |kind, chosen| {
            if decided.is_some() {
                return false;
            }
            decided = strike(kind, chosen);
            decided.is_some()
        });
        decided
    }

    /// Rolls every active rule of a stage; `strike` says whether a chosen one changed anything.
    fn walk(
        &mut self,
        stage: Stage,
        now: Nanos,
        subject: &Subject,
        mut strike: impl FnMut(&mut dyn Kind, &Chosen) -> bool,
    ) {
        for &index in &self.active[stage as usize] {
            let running = &mut self.rules[index as usize];
            let Some(chosen) = running.roll(now, subject, self.draws) else { continue };
            let applied = strike(running.rule.action.kind_mut(), &chosen);
            if chosen.again {
                continue;
            }
            running.count(applied);
            if running.spent() {
                self.next_edge = now;
            }
            if let Some(journal) = &mut self.journal {
                let Subject { request, attempt, .. } = *subject;
                journal.note(Strike { rule: index, stage, at: now, request, attempt, applied });
            }
        }
    }

    /// Shows a call's look at a pool or a Region to every active rule of a stage; whether any changes what
    /// the call sees.
    fn look(&mut self, stage: Stage, now: Nanos, changes: impl Fn(&Running, Draws) -> bool) -> bool {
        let mut changed = false;
        for &index in &self.active[stage as usize] {
            let running = &mut self.rules[index as usize];
            if changes(running, self.draws) {
                changed = true;
                running.count_look();
            }
            if running.spent() {
                self.next_edge = now;
            }
        }
        changed
    }

    fn covering(&self, stage: Stage, pool: PoolId) -> impl Iterator<Item = &Running> {
        let active = self.active[stage as usize].iter().map(|index| &self.rules[*index as usize]);
        active.filter(move |running| running.covers(pool))
    }
}
