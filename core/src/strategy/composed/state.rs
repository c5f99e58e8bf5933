//! What a composed strategy knows between requests: per target, per quota pool, and for all together.

use std::{collections::BTreeMap, time::Duration};

use super::{
    ComposedSpec, Exhausted,
    models::{Maps, ModelsSpec},
    settings::Settings,
    waiting::Waiting,
};
use crate::{
    Nanos,
    flight::Attempt,
    policy::{
        SECOND,
        breaker::Breaker,
        budget::Budget,
        clamp::Clamp,
        concurrency::Concurrency,
        cooldown::Cooldown,
        ewma::PeakEwma,
        hedge::Hedge,
        ledger::{Ledger, LimitSpec},
        outlier::Outliers,
        pacing::Pacer,
        quantile::Quantiles,
        queue::Queue,
        ramp::Ramp,
        selector::{Candidate, Selector, cost::PriceSpec},
        tenants::Tenants,
        throttle::AdaptiveThrottle,
        throughput::Throughput,
    },
    request::{Need, Needs, Request},
    span,
    strategy::{Find, Timeouts},
    target::{TargetId, TargetSpec},
};

/// Latency of a target that nobody knows yet, and how fast what is known is forgotten.
const LATENCY_SEED: Nanos = SECOND;
const LATENCY_DECAY: Nanos = 10 * SECOND;
/// How long a probe may take if nothing else limits it.
const PROBE_FOR: Nanos = 10 * SECOND;

#[derive(Debug)]
pub(super) struct Composed {
    pub(super) settings: Settings,
    /// The first and last but one place of each tier.
    pub(super) tiers: Vec<(usize, usize)>,
    /// Tier by tier, then the last resorts, then those that only a model map has.
    pub(super) places: Vec<Place>,
    pub(super) pools: Vec<Pool>,
    pub(super) maps: Maps,
    /// By target.
    pub(super) places_by_target: Vec<u8>,
    pub(super) selector: Selector,
    /// Output tokens that an answer has, on average of late.
    pub(super) usual_output: Option<f64>,
    /// Of all places in tiers.
    pub(super) outliers: Option<Outliers>,
    pub(super) waiting: Waiting,
    pub(super) queue: Option<Queue>,
    pub(super) tenants: Option<Tenants>,
    pub(super) clamp: Option<Clamp>,
    pub(super) same: Option<Budget>,
    pub(super) failover: Option<Budget>,
    pub(super) hedge: Option<Hedge>,
    /// Reused by each choice.
    pub(super) candidates: Vec<Candidate>,
    /// A share of one, drawn anew at each asking: what is learnt between two askings has no dice of its own.
    pub(super) jitter: f64,
    /// Of the latest asking; what follows from it happens in the same moment.
    pub(super) asked_at: Nanos,
}

/// One target of the strategy.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) target: TargetId,
    pub(super) pool: usize,
    /// Targets of one failure domain fail together.
    pub(super) domain: usize,
    pub(super) weight: f64,
    pub(super) lacks: Needs,
    /// Its number among the models of all places; none where it is not known, or not always the same.
    pub(super) model: Option<u16>,
    /// Tokens that fit, if somebody told.
    pub(super) context: Option<u32>,
    pub(super) price: Option<PriceSpec>,
    pub(super) in_flight: u32,
    pub(super) cooldown: Option<Cooldown>,
    pub(super) breaker: Option<Breaker>,
    pub(super) concurrency: Option<Concurrency>,
    pub(super) ramp: Option<Ramp>,
    pub(super) throughput: Option<Throughput>,
    /// We may not use it, or it does not exist: no health check brings that back sooner.
    pub(super) barred_until: Nanos,
    /// Of first-token times.
    pub(super) latency: PeakEwma,
    pub(super) first_token: Quantiles,
    /// Seconds to the first token, once known.
    pub(super) usual_first: Option<f64>,
    /// Seconds for one token after the first, once known.
    pub(super) pace: Option<f64>,
    /// When `least_bad` may choose it again.
    pub(super) pitied_until: Nanos,
}

/// Targets that share one quota.
#[derive(Debug)]
pub(super) struct Pool {
    pub(super) cooldown: Option<Cooldown>,
    pub(super) ledger: Option<Ledger>,
    pub(super) throttle: Option<AdaptiveThrottle>,
    pub(super) pacer: Option<Pacer>,
}

impl Composed {
    /// `None` if a target is unknown or there is none.
    pub(super) fn new(spec: &ComposedSpec, settings: Settings, find: &Find<'_>) -> Option<Composed> {
        let mut made = Made {
            settings: &settings,
            limits: &spec.limits,
            lacks: &spec.lacks,
            contexts: spec.models.as_ref().map(|models| &models.contexts),
            models: Vec::new(),
            pools: Vec::new(),
            domains: Vec::new(),
            places: Vec::new(),
        };
        let mut tiers = Vec::new();
        for tier in &spec.tiers {
            let from = made.places.len();
            for name in tier {
                made.place(find, name, spec.weights.get(name).copied().unwrap_or(1.0))?;
                made.places.last_mut()?.price = spec.prices.get(name).copied();
            }
            tiers.push((from, made.places.len()));
        }
        for step in &settings.on_exhausted {
            if let Exhausted::LastResort(last) = step {
                made.place(find, &last.target, 1.0)?;
            }
        }
        let maps = made.maps(find, spec.models.as_ref())?;
        let Made { pools, places, .. } = made;
        if places.is_empty() {
            return None;
        }
        let budget = |spec: Option<_>| spec.as_ref().map(Budget::new);
        let tiered = tiers.last().map_or(0, |(_, to)| *to);
        Some(Composed {
            tiers,
            maps,
            pools: pools.into_iter().map(|(_, pool)| pool).collect(),
            places_by_target: by_target(&places),
            selector: Selector::new(settings.select, places.len()),
            usual_output: None,
            outliers: settings.outlier.as_ref().map(|spec| Outliers::new(spec, tiered)),
            waiting: Waiting::default(),
            queue: settings.queue.as_ref().map(Queue::new),
            tenants: settings.tenants.as_ref().map(Tenants::new),
            clamp: settings.clamp_output.as_ref().map(Clamp::new),
            same: budget(settings.budgets.and_then(|budgets| budgets.same)),
            failover: budget(settings.budgets.and_then(|budgets| budgets.failover)),
            hedge: settings.hedge.as_ref().map(Hedge::new),
            candidates: Vec::with_capacity(places.len()),
            jitter: 0.5,
            asked_at: 0,
            places,
            settings,
        })
    }

    /// How many places the tiers have; those of maps and last resorts come after them.
    pub(super) fn tiered(&self) -> usize {
        self.tiers.last().map_or(0, |(_, to)| *to)
    }

    pub(super) fn at(&self, target: TargetId) -> Option<usize> {
        let place = *self.places_by_target.get(usize::from(target.0))?;
        (place != u8::MAX).then_some(usize::from(place))
    }

    /// Tokens that the service will reserve for this request, as far as we can know; `max_tokens` is what is asked for in
    /// place of what the caller does.
    pub(super) fn reservation(&self, request: &Request, max_tokens: Option<u32>) -> f64 {
        let output = max_tokens.or(request.max_tokens).unwrap_or(self.settings.max_output());
        f64::from(request.input_tokens) + f64::from(output)
    }

    /// The same for an attempt at it, which may go on with what another began.
    pub(super) fn reserved_by(&self, request: &Request, attempt: &Attempt) -> f64 {
        self.reservation(request, attempt.max_tokens) + f64::from(attempt.prefill.unwrap_or(0))
    }

    /// Limits on an attempt at this place.
    pub(super) fn timeouts(&mut self, place: usize, streams: bool, now: Nanos) -> Timeouts {
        let mut timeouts = self.settings.timeouts;
        if !streams {
            // A unary answer comes all at once: its first token is its last.
            timeouts.first_token = None;
            return timeouts;
        }
        timeouts.pace = self.settings.throughput_guard.and_then(|guard| guard.limit());
        if let Some(spec) = self.settings.first_token {
            let known = self.places[place].first_token.at(spec.quantile.0, spec.samples_min, now);
            if let Some(known) = known {
                let limit = Duration::from_nanos((known as f64 * spec.times) as Nanos);
                timeouts.first_token = Some(limit.clamp(spec.min, spec.max));
            }
        }
        timeouts
    }
}

fn by_target(places: &[Place]) -> Vec<u8> {
    let last = places.iter().map(|place| usize::from(place.target.0)).max().unwrap_or(0);
    let mut by_target = vec![u8::MAX; last + 1];
    for (at, place) in places.iter().enumerate() {
        by_target[usize::from(place.target.0)] = at as u8;
    }
    by_target
}

/// Places as they are made.
struct Made<'s> {
    settings: &'s Settings,
    limits: &'s BTreeMap<String, LimitSpec>,
    lacks: &'s BTreeMap<String, Vec<Need>>,
    contexts: Option<&'s BTreeMap<String, u32>>,
    models: Vec<String>,
    pools: Vec<(String, Pool)>,
    domains: Vec<String>,
    places: Vec<Place>,
}

impl Made<'_> {
    /// Places for the names of the maps; those that the tiers have need no second one.
    fn maps(&mut self, find: &Find<'_>, spec: Option<&ModelsSpec>) -> Option<Maps> {
        let Some(spec) = spec else { return Some(Maps::default()) };
        let mut map = |names: &[String]| -> Option<Vec<usize>> {
            names.iter().map(|name| self.place_once(find, name)).collect()
        };
        Some(Maps {
            general: map(&spec.general)?,
            context_window: map(&spec.context_window)?,
            content: map(&spec.content)?,
            hops_max: spec.hops_max,
        })
    }

    fn place_once(&mut self, find: &Find<'_>, name: &str) -> Option<usize> {
        let target = find(name)?.id;
        if let Some(at) = self.places.iter().position(|place| place.target == target) {
            return Some(at);
        }
        self.place(find, name, 1.0)?;
        Some(self.places.len() - 1)
    }

    fn place(&mut self, find: &Find<'_>, name: &str, weight: f64) -> Option<()> {
        let known = find(name)?;
        let limit = self.limits.get(name).copied();
        let (pool, domain) = (self.pool(known.spec, limit), self.domain(known.spec));
        let model = self.model(known.spec);
        let settings = self.settings;
        let probe_for =
            settings.timeouts.first_token.or(settings.timeouts.total).map_or(PROBE_FOR, span::nanos);
        let fault = settings.cooldown.and_then(|cooldown| cooldown.fault);
        self.places.push(Place {
            target: known.id,
            pool,
            domain,
            weight,
            lacks: self.lacks.get(name).into_iter().flatten().copied().collect(),
            model,
            context: self.contexts.and_then(|contexts| contexts.get(name)).copied(),
            price: None,
            in_flight: 0,
            cooldown: fault.as_ref().map(|spec| Cooldown::new(spec, probe_for)),
            breaker: settings.breaker.as_ref().map(|spec| Breaker::new(spec, probe_for)),
            concurrency: settings.concurrency.as_ref().map(Concurrency::new),
            ramp: settings.ramp.as_ref().map(Ramp::new),
            throughput: settings.throughput_guard.as_ref().map(Throughput::new),
            barred_until: 0,
            latency: PeakEwma::new(LATENCY_DECAY, LATENCY_SEED),
            first_token: Quantiles::default(),
            usual_first: None,
            pace: None,
            pitied_until: 0,
        });
        Some(())
    }

    fn model(&mut self, spec: &TargetSpec) -> Option<u16> {
        let mut models = spec.models();
        let only = models.next().filter(|_| models.next().is_none())?;
        let known = self.models.iter().position(|model| model == only);
        let at = known.unwrap_or_else(|| {
            self.models.push(only.to_owned());
            self.models.len() - 1
        });
        u16::try_from(at).ok()
    }

    fn pool(&mut self, spec: &TargetSpec, limit: Option<LimitSpec>) -> usize {
        let name = spec.pool();
        if let Some(at) = self.pools.iter().position(|(known, _)| *known == name) {
            return at;
        }
        let throttle = self.settings.cooldown.and_then(|cooldown| cooldown.throttle);
        let cooldown = throttle.as_ref().map(|spec| Cooldown::new(spec, PROBE_FOR));
        let limit = limit.unwrap_or_default();
        let ledger = self.settings.quota.as_ref().map(|spec| Ledger::new(spec, limit));
        let throttle = self.settings.adaptive_throttle.as_ref().map(AdaptiveThrottle::new);
        let pacer = self.settings.pacing.as_ref().map(|spec| Pacer::new(spec, limit));
        self.pools.push((name.into_owned(), Pool { cooldown, ledger, throttle, pacer }));
        self.pools.len() - 1
    }

    fn domain(&mut self, spec: &TargetSpec) -> usize {
        if let Some(at) = self.domains.iter().position(|known| known == spec.domain()) {
            return at;
        }
        self.domains.push(spec.domain().to_owned());
        self.domains.len() - 1
    }
}
