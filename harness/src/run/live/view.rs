//! From the books to the snapshot that others show.

use std::time::Duration;

use richter_mock_bedrock::{Nanos, world::RegionId};
use richter_reports::run_file::Ground;

use super::LiveOptions;
use crate::{
    record::{cell::Recorder, export::Place, punctual::Punctual, series::Bucket},
    run::{
        board::{RATES_OVER_S, SERIES_MAX, Snapshot, State, StrategyNow},
        guard::Halt,
    },
    scenario::plan::Plan,
};

/// One look at a cell that runs.
#[derive(Debug)]
pub struct Moment<'a> {
    pub plan: &'a Plan,
    pub place: Place,
    /// Cells that were played before this one.
    pub before: usize,
    pub now: Nanos,
    pub state: State,
    pub in_flight: u64,
    pub recorder: &'a Recorder,
    pub punctual: &'a Punctual,
    pub lag_max: Duration,
    pub dropped: u64,
}

pub fn first(plan: &Plan, options: &LiveOptions<'_>) -> Snapshot {
    let named = |name: &String| StrategyNow { name: name.clone(), ..StrategyNow::default() };
    let prices_known = plan.route_prices.iter().all(Option::is_some);
    Snapshot {
        scenario: plan.name.clone(),
        question: plan.question.clone(),
        ground: match options.ground {
            Ground::Bedrock => "bedrock".to_owned(),
            Ground::Mock | Ground::Sim => "mock".to_owned(),
        },
        service: super::service(options),
        replications: plan.replications,
        end_s: seconds(plan.end),
        left_s: seconds(plan.end) * plan.strategies.len() as f64 * f64::from(plan.replications),
        strategies: plan.strategies.iter().map(|strategy| named(&strategy.name)).collect(),
        spent_usd: prices_known.then_some(0.0),
        spend_max_usd: options.limits.spend_usd,
        ..Snapshot::default()
    }
}

/// Why a run was stopped, in words.
pub fn words(halt: &Halt) -> String {
    match halt {
        Halt::Interrupted => "interrupted: no new requests, open ones may end".to_owned(),
        Halt::Limit { what, .. } => format!("stopped: {what}"),
        Halt::Rule { broken, .. } => format!("stopped by the scenario's rule: {}", broken.rule),
        Halt::Broken(what) => what.clone(),
    }
}

pub fn update(snapshot: &mut Snapshot, moment: &Moment<'_>) {
    let Moment { plan, place, now, state, .. } = *moment;
    (snapshot.state, snapshot.strategy, snapshot.replication) = (state, place.strategy, place.replication);
    snapshot.now_s = seconds(now.min(plan.end));
    let phase = plan.traffic.phases.get(usize::from(plan.traffic.phase_at(now)));
    snapshot.phase = phase.map_or_else(String::new, |phase| phase.name.clone());
    let cells = f64::from(plan.replications) * plan.strategies.len() as f64;
    snapshot.left_s = ((cells - moment.before as f64) * snapshot.end_s - snapshot.now_s).max(0.0);
    snapshot.warnings = warnings(moment);
    if let Some(strategy) = snapshot.strategies.get_mut(place.strategy) {
        *strategy = now_of(&strategy.name, moment);
    }
}

/// The cell is over.
pub fn over(snapshot: &mut Snapshot, place: Place) {
    if let Some(strategy) = snapshot.strategies.get_mut(place.strategy) {
        strategy.running = false;
    }
}

fn warnings(moment: &Moment<'_>) -> Vec<String> {
    let lag = Duration::from_micros(moment.punctual.lag.histogram().value_at_quantile(0.99));
    let mut warnings = Vec::new();
    if lag > moment.lag_max {
        warnings.push(format!("the generator is late: {:.1} ms at p99", lag.as_secs_f64() * 1e3));
    }
    if moment.dropped > 0 {
        warnings.push(format!("{} events were lost on their way to the recorder", moment.dropped));
    }
    warnings
}

fn now_of(name: &str, moment: &Moment<'_>) -> StrategyNow {
    let Moment { plan, recorder, punctual, .. } = *moment;
    let sum = |pick: fn(&crate::record::tally::Tally) -> u64| recorder.tallies.iter().map(pick).sum::<u64>();
    let throttle = richter_core::failure::FailureClass::Throttle as usize;
    let buckets = recorder.series.buckets();
    let width_s = seconds(recorder.series.width());
    let rate = |pick: fn(&Bucket) -> u32| {
        // The last bucket is not full yet.
        let full = buckets.len().saturating_sub(1);
        let over = &buckets[full.saturating_sub(RATES_OVER_S)..full];
        let count: u64 = over.iter().map(|bucket| u64::from(pick(bucket))).sum();
        if over.is_empty() { 0.0 } else { count as f64 / (over.len() as f64 * width_s) }
    };
    let newest = |pick: fn(&Bucket) -> u32| -> Vec<u32> {
        buckets[buckets.len().saturating_sub(SERIES_MAX)..].iter().map(pick).collect()
    };
    let first_token = recorder.times.first_token.iter().rev().flatten().next();
    let millis = |quantile: f64| first_token.map(|times| times.value_at_quantile(quantile) as f64 / 1e3);
    let lag = punctual.lag.histogram();
    let region = |place: usize| plan.world.region_name(RegionId(place as u16)).to_owned();
    let by_region = (0..plan.world.regions()).map(|place| {
        (region(place), recorder.tallies.iter().map(|tally| tally.served_by_region[place]).sum::<u64>())
    });
    let by_target = plan.targets.iter().enumerate().map(|(place, target)| {
        let answered = recorder.tallies.iter().map(|tally| tally.answered_by_target[place]).sum::<u64>();
        (target.name.clone(), answered)
    });
    StrategyNow {
        name: name.to_owned(),
        running: true,
        offered_per_s: rate(|bucket| bucket.offered),
        good_per_s: rate(|bucket| bucket.good),
        throttles_per_s: rate(|bucket| bucket.throttles),
        first_token_ms_p50: millis(0.5),
        first_token_ms_p99: millis(0.99),
        in_flight: moment.in_flight,
        offered: sum(|tally| tally.offered),
        answered: sum(|tally| tally.answered),
        good: sum(|tally| tally.good),
        failed: sum(|tally| tally.failed + tally.broken),
        shed: sum(|tally| tally.shed),
        attempts: sum(|tally| tally.attempts),
        throttles: recorder.tallies.iter().map(|tally| tally.attempts_failed_by_class[throttle]).sum(),
        regions: by_region.filter(|(_, served)| *served > 0).collect(),
        targets: by_target.filter(|(_, answered)| *answered > 0).collect(),
        spent_usd: plan.route_prices.iter().all(Option::is_some).then(|| recorder.abort.spent_usd()),
        lag_ms_p99: (!lag.is_empty()).then(|| lag.value_at_quantile(0.99) as f64 / 1e3),
        good_over_time: newest(|bucket| bucket.good),
        offered_over_time: newest(|bucket| bucket.offered),
    }
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}
