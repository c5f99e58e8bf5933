//! The recorder: one strategy in one replication.

use richter_core::{
    event::{AttemptResult, Ended, Event, Finished, Observer},
    failure::{Failure, FailureClass},
    flight::{AttemptId, Outcome},
    request::{Request, Usage},
};
use richter_mock_bedrock::{Nanos, world::RouteId};

use super::{
    abort::AbortWatch,
    series::TimeSeries,
    tally::{Kinds, REASONS, Tally},
    trace::TraceHash,
    windows::TimesOverTime,
};
use crate::{
    ground::{Witness, Work},
    load::Arrival,
    price::Price,
    scenario::plan::Plan,
};

/// Slowest and failed requests kept by number, so that their stories can be asked for.
const NOTABLE_MAX: usize = 5;

/// Counts everything that one strategy did in one replication.
#[derive(Debug)]
pub struct Recorder {
    bounds: Bounds,
    /// By route.
    prices: Vec<Option<Price>>,
    /// The model behind each route.
    models: Vec<u16>,
    pub tallies: Vec<Tally>,
    pub series: TimeSeries,
    pub times: TimesOverTime,
    pub reasons: [u64; REASONS],
    pub hash: TraceHash,
    pub abort: AbortWatch,
    pub notable: Notable,
    /// By flight slot: the phase of the request there.
    phases: Vec<u16>,
    open: Vec<bool>,
    arriving: u16,
    /// The attempt whose whole answer is being handed over.
    handed: Option<Handed>,
    /// The route of the answer that came last.
    answered_on: usize,
    /// Whether the answer that the next flight to end has got was cut off by its strategy.
    cut_short: bool,
}

/// A whole answer on its way to its caller.
#[derive(Debug, Clone, Copy)]
struct Handed {
    attempt: AttemptId,
    output_tokens: u32,
    cut_short: bool,
    route: usize,
}

/// When an answer is good.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    first_token: Nanos,
    total: Nanos,
}

/// Requests worth looking at one by one.
#[derive(Debug, Default)]
pub struct Notable {
    /// (total, request), longest first.
    pub slowest: Vec<(Nanos, u64)>,
    /// The first ones that failed, broke or were given up by their caller.
    pub failed: Vec<u64>,
}

impl Notable {
    #[inline]
    fn answered(&mut self, total: Nanos, request: u64) {
        if self.slowest.len() == NOTABLE_MAX && self.slowest.last().is_some_and(|(least, _)| total <= *least)
        {
            return;
        }
        let at = self.slowest.partition_point(|(longer, _)| *longer >= total);
        self.slowest.insert(at, (total, request));
        self.slowest.truncate(NOTABLE_MAX);
    }

    #[inline]
    fn failed(&mut self, request: u64) {
        if self.failed.len() < NOTABLE_MAX {
            self.failed.push(request);
        }
    }
}

impl Recorder {
    pub fn new(plan: &Plan) -> Recorder {
        let world = &plan.world;
        let kinds = Kinds {
            targets: plan.targets.len(),
            routes: world.routes(),
            models: world.models(),
            regions: world.regions(),
        };
        let model = |route| world.route_model(RouteId(route as u16)).0;
        let length = plan.length();
        let series = TimeSeries::new(length, kinds.regions, kinds.targets);
        let millis = |bound: Option<f64>| bound.map_or(Nanos::MAX, |ms| (ms * 1e6) as Nanos);
        Recorder {
            bounds: Bounds { first_token: millis(plan.slo.first_token_ms), total: millis(plan.slo.total_ms) },
            prices: plan.route_prices.clone(),
            models: (0..kinds.routes).map(model).collect(),
            tallies: plan.traffic.phases.iter().map(|_| Tally::new(&kinds)).collect(),
            times: TimesOverTime::new(plan.end, series.width()),
            series,
            reasons: [0; REASONS],
            hash: TraceHash::default(),
            abort: AbortWatch::new(plan.abort),
            notable: Notable::default(),
            phases: Vec::new(),
            open: Vec::new(),
            arriving: 0,
            handed: None,
            cut_short: false,
            answered_on: 0,
        }
    }

    /// Requests still open, by phase. Counted from the slots and not by subtraction, so that a lost request shows.
    pub fn open_by_phase(&self) -> Vec<u64> {
        let mut open = vec![0; self.tallies.len()];
        for (_, phase) in self.open.iter().zip(&self.phases).filter(|(open, _)| **open) {
            open[usize::from(*phase)] += 1;
        }
        open
    }

    #[inline]
    fn tally(&mut self, slot: u32) -> &mut Tally {
        let phase = self.phases[slot as usize];
        &mut self.tallies[usize::from(phase)]
    }

    fn begun(&mut self, intended: Nanos, slot: u32) {
        let slot = slot as usize;
        if slot >= self.phases.len() {
            self.phases.resize(slot + 1, 0);
            self.open.resize(slot + 1, false);
        }
        self.phases[slot] = self.arriving;
        self.open[slot] = true;
        self.tallies[usize::from(self.arriving)].offered += 1;
        self.series.began(intended);
    }

    fn attempt_ended(&mut self, now: Nanos, attempt: AttemptId, ended: &Ended) {
        let slot = attempt.flight.slot;
        let handed = self.handed.take().filter(|handed| handed.attempt == attempt);
        let class = match &ended.result {
            AttemptResult::Cancelled => {
                self.tally(slot).attempts_cancelled += 1;
                return;
            }
            AttemptResult::Answered(_) => {
                self.cut_short = handed.is_some_and(|handed| handed.cut_short);
                self.answered_on = handed.map_or(usize::from(ended.target.0), |handed| handed.route);
                None
            }
            AttemptResult::Failed(failure) => Some(failure.class()),
        };
        let tally = self.tally(slot);
        tally.attempt.record(now - ended.sent);
        if let Some(class) = class {
            // Some imitated clients throw whole answers away.
            tally.wasted_tokens += handed.map_or(0, |handed| u64::from(handed.output_tokens));
            tally.attempts_failed_by_class[class as usize] += 1;
            if class == FailureClass::Throttle {
                self.series.at(now).throttles += 1;
            }
        }
    }

    fn finished(&mut self, now: Nanos, slot: u32, request: &Request, finish: &Finished) {
        self.open[slot as usize] = false;
        let total = now - request.intended;
        let answered = matches!(finish.outcome, Outcome::Answered(_));
        self.abort.ended(now, answered);
        // A flight that ends in failure was stopped by a decision, which was counted as such.
        if !matches!(finish.outcome, Outcome::Failed(_)) {
            self.reasons[finish.reason as usize] += 1;
        }
        match &finish.outcome {
            Outcome::Answered(_) => self.answered(now, slot, request, finish),
            Outcome::Gone => {
                self.tally(slot).abandoned += 1;
                self.series.ended(now).abandoned += 1;
                self.notable.failed(request.number);
            }
            Outcome::Failed(failure) | Outcome::Broken(failure) => {
                let broken = matches!(finish.outcome, Outcome::Broken(_));
                let class = failure.class() as usize;
                let tally = self.tally(slot);
                tally.failed_by_class[class] += 1;
                if *failure == Failure::LocalReject {
                    tally.rejected_by_reason[finish.reason as usize] += 1;
                }
                if broken {
                    tally.broken += 1;
                } else {
                    tally.failed += 1;
                }
                let bucket = self.series.ended(now);
                bucket.failed += 1;
                bucket.failed_by_class[class] += 1;
                self.notable.failed(request.number);
            }
        }
        if answered {
            self.notable.answered(total, request.number);
        }
    }

    fn answered(&mut self, now: Nanos, slot: u32, request: &Request, finish: &Finished) {
        let intended = request.intended;
        let total = now - intended;
        let first = finish.first.map_or(total, |first| first - intended);
        // Nobody waits for the first token of an answer that comes in one piece.
        let in_time = !request.api.streams() || first <= self.bounds.first_token;
        // Who asked for a whole answer is not served by a part of it.
        let cut_short = std::mem::take(&mut self.cut_short);
        let good = in_time && total <= self.bounds.total && !cut_short;
        let model = self.models[self.answered_on];
        let tally = self.tally(slot);
        tally.answered += 1;
        tally.cut_short += u64::from(cut_short);
        tally.good += u64::from(good);
        tally.first_token.record(first);
        tally.total.record(total);
        if let Some(target) = finish.target {
            tally.answered_by_target[usize::from(target.0)] += 1;
            tally.answered_by_model[usize::from(model)] += 1;
        }
        self.times.record(intended, first, total);
        let bucket = self.series.ended(now);
        bucket.answered += 1;
        bucket.good += u32::from(good);
        self.series.at(intended).good_by_arrival += u32::from(good);
    }
}

impl AsRef<Recorder> for Recorder {
    fn as_ref(&self) -> &Recorder {
        self
    }
}

impl Observer for Recorder {
    #[inline]
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        self.hash.event(now, event);
        match event {
            Event::Begun { flight, request } => self.begun(request.intended, flight.slot),
            Event::Decided { reason, .. } => self.reasons[*reason as usize] += 1,
            Event::Sent { attempt, target, .. } => {
                let tally = self.tally(attempt.flight.slot);
                tally.attempts += 1;
                tally.attempts_by_target[usize::from(target.0)] += 1;
                self.series.at(now).attempts += 1;
            }
            Event::Opened { .. } | Event::Committed { .. } => {}
            Event::AttemptEnded { attempt, end, .. } => self.attempt_ended(now, *attempt, end),
            Event::Finished { flight, request, finish } => {
                self.finished(now, flight.slot, request, finish);
            }
        }
    }
}

impl Witness for Recorder {
    #[inline]
    fn arrived(&mut self, arrival: &Arrival) {
        self.arriving = arrival.phase;
    }

    #[inline]
    fn worked(&mut self, now: Nanos, work: &Work) {
        let phase = self.phases[work.attempt.flight.slot as usize];
        self.worked_in(phase, now, work);
    }
}

impl Recorder {
    /// Tokens that the service worked on, read and made.
    pub fn tokens(&self) -> u64 {
        let by_route = |tally: &Tally| {
            let Tally { input_by_route, cache_read_by_route, cache_write_by_route, output_by_route, .. } =
                tally;
            let all = [input_by_route, cache_read_by_route, cache_write_by_route, output_by_route];
            all.into_iter().flatten().sum::<u64>()
        };
        self.tallies.iter().map(by_route).sum()
    }

    /// An arrival that was never begun.
    pub fn shed(&mut self, phase: u16, due: Nanos) {
        let tally = &mut self.tallies[usize::from(phase)];
        tally.offered += 1;
        tally.shed += 1;
        self.series.shed(due);
    }

    /// Work for a request of this phase; what is heard of it late may come when another request has its slot.
    #[inline]
    pub fn worked_in(&mut self, phase: u16, now: Nanos, work: &Work) {
        self.hash.work(work);
        let route = usize::from(work.route.0);
        let region = work.region.map(|region| usize::from(region.0));
        let tally = &mut self.tallies[usize::from(phase)];
        if let Some(region) = region {
            tally.served_by_region[region] += 1;
        }
        let Usage { input, cache_read, cache_write, .. } = work.input;
        tally.input_by_route[route] += u64::from(input);
        tally.cache_read_by_route[route] += u64::from(cache_read);
        tally.cache_write_by_route[route] += u64::from(cache_write);
        tally.output_by_route[route] += u64::from(work.output_tokens);
        if !work.delivered {
            tally.wasted_tokens += u64::from(work.output_tokens);
        }
        // What broke off was wasted until somebody went on with it.
        tally.wasted_tokens = tally.wasted_tokens.saturating_sub(u64::from(work.built_on));
        if let Some(streamed) = work.streamed_for {
            tally.gap.record(streamed / u64::from(work.output_tokens.max(2) - 1));
        }
        let Work { attempt, output_tokens, cut_short, .. } = *work;
        self.handed = work.delivered.then_some(Handed { attempt, output_tokens, route, cut_short });
        self.series.served(now, region, usize::from(work.target.0));
        if let Some(price) = &self.prices[route] {
            let usage = Usage { output: work.output_tokens, ..work.input };
            self.abort.spent(now, price.cost_usd(usage));
        }
    }
}
