//! From the recorder's counters to the run file: the one place where core's and the mock's vocabularies become the
//! report's.

use std::io::Write;

use hdrhistogram::{Counter, Histogram};
use indexmap::IndexMap;
use richter_core::{failure::FailureClass, strategy::Reason, target::TargetSpec};
use richter_mock_bedrock::{
    Nanos,
    engine::Engine,
    fault::Ground,
    world::{ModelId, PoolId, RegionId},
};
use richter_reports::{
    run_file::{
        Cell, FaultFacts, FaultHits, Histograms, LiveCell, Notable, PhaseCell, PhaseFacts, PoolUse, Series,
        Slowest, StrategyFacts, TargetFacts, Windows,
    },
    samples,
};

use serde::{Deserialize, Serialize};

use super::{
    books::Books,
    cell::Recorder,
    quota::QuotaWatch,
    series::{Bucket, TimeSeries},
    tally::{CLASSES, REASONS, Tally},
    windows::{TimesOverTime, Window},
};
use crate::{price::Price, scenario::plan::Plan};

const NANOS_PER_SECOND: f64 = 1e9;

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / NANOS_PER_SECOND
}

pub fn phases(plan: &Plan) -> Vec<PhaseFacts> {
    let facts = plan.traffic.phases.iter().map(|phase| PhaseFacts {
        name: phase.name.clone(),
        from_s: seconds(phase.from),
        to_s: seconds(phase.to),
        measured: phase.measured,
    });
    facts.collect()
}

pub fn targets(plan: &Plan) -> Vec<TargetFacts> {
    let facts = plan.targets.iter().map(|target| TargetFacts {
        name: target.name.clone(),
        kind: target.spec.kind().to_owned(),
        account: target.spec.account().map(|account| account.name().to_owned()),
        region: target.spec.endpoint().unwrap_or(target.spec.region()).to_owned(),
        model_id: target.spec.model_id().to_owned(),
    });
    facts.collect()
}

/// `ground` is where the faults were played out.
pub fn faults(plan: &Plan, ground: Ground) -> Vec<FaultFacts> {
    let facts = plan.faults.iter().map(|rule| FaultFacts {
        name: rule.name.clone(),
        kind: rule.kind.to_owned(),
        cannot_show: rule.obstacle(ground).map(str::to_owned),
        from_s: seconds(rule.from),
        to_s: seconds(rule.to.min(plan.end)),
    });
    facts.collect()
}

pub fn strategies(plan: &Plan) -> Vec<StrategyFacts> {
    let facts = plan.strategies.iter().map(|strategy| StrategyFacts {
        name: strategy.name.clone(),
        kind: strategy.kind.to_owned(),
        worst_attempts: strategy.worst.attempts,
        worst_wall_s: strategy.worst.wall.map(|wall| wall.as_secs_f64()),
    });
    facts.collect()
}

/// Which cell it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub strategy: usize,
    pub replication: u32,
}

/// What only the service's side of a cell knows. All of it is absent where the service is not ours to ask.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Aside {
    pub faults: Vec<FaultHits>,
    pub pools: Vec<PoolUse>,
    /// By pool and window.
    pub quota_used: Vec<Vec<u32>>,
}

/// Asks the engine.
pub fn aside(now: Nanos, quota: &QuotaWatch, engine: &mut Engine) -> Aside {
    let hits = engine.faults().hits();
    Aside {
        faults: hits
            .map(|(_, hits)| FaultHits { rolled: hits.rolled, hit: hits.hit, missed: hits.missed })
            .collect(),
        pools: pools(engine, now, quota.pools()),
        quota_used: quota.used().to_vec(),
    }
}

/// What one strategy did in one replication.
pub fn cell(plan: &Plan, place: Place, recorder: &Recorder, aside: Aside) -> Cell {
    let Place { strategy, replication } = place;
    let open = recorder.open_by_phase();
    let names = Names::of(plan);
    let used = used_targets(plan, strategy);
    let phases = recorder.tallies.iter().zip(&plan.traffic.phases).zip(open).map(|((tally, phase), open)| {
        let hours = seconds(phase.to - phase.from) / 3_600.0;
        let mut cell = phase_cell(tally, &names);
        cell.open = open;
        cell.cost_usd = cost(plan, tally, &used, hours);
        cell
    });
    Cell {
        strategy,
        replication,
        trace_hash: format!("{:016x}", recorder.hash.value()),
        phases: phases.collect(),
        series: series(&recorder.series, &names.regions, plan.targets.len()),
        windows: Some(windows(&recorder.times, aside.quota_used)),
        reasons: by_reason(&recorder.reasons),
        notable: notable(recorder),
        faults: aside.faults,
        pools: aside.pools,
        decisions: None,
    }
}

/// A cell of a live run.
#[derive(Debug, Clone)]
pub struct Written {
    pub cell: Cell,
    pub live: LiveCell,
}

/// The same of a live run, with where each request's time went.
pub fn written<W: Write>(
    plan: &Plan,
    place: Place,
    books: &Books<'_, W>,
    aside: Aside,
    live: LiveCell,
) -> Written {
    let mut cell = cell(plan, place, &books.recorder, aside);
    for (phase, split) in cell.phases.iter_mut().zip(&books.punctual.phases) {
        phase.split = Some(split.written());
    }
    Written { cell, live }
}

/// How the generator did, as far as the books tell.
pub fn live_cell<W: Write>(books: &Books<'_, W>, now: Nanos) -> LiveCell {
    let lag = books.punctual.lag.histogram();
    let sum = |pick: fn(&Tally) -> u64| books.recorder.tallies.iter().map(pick).sum::<u64>();
    let (due, shed) = (sum(|tally| tally.offered), sum(|tally| tally.shed));
    LiveCell {
        due,
        begun: due - shed,
        lag_us_p50: lag.value_at_quantile(0.5),
        lag_us_p99: lag.value_at_quantile(0.99),
        lag_us_max: lag.max(),
        took_s: seconds(now),
        ..LiveCell::default()
    }
}

/// Names of what is counted one by one.
struct Names {
    regions: Vec<String>,
    models: Vec<String>,
}

impl Names {
    fn of(plan: &Plan) -> Names {
        let world = &plan.world;
        let regions = (0..world.regions()).map(|id| world.region_name(RegionId(id as u16)).to_owned());
        let models = (0..world.models()).map(|id| world.model_name(ModelId(id as u16)).to_owned());
        Names { regions: regions.collect(), models: models.collect() }
    }
}

/// Provisioned capacity costs by the hour, but only the strategies that use it pay for it.
fn used_targets(plan: &Plan, strategy: usize) -> Vec<bool> {
    let named = plan.strategies[strategy].spec.targets();
    plan.targets.iter().map(|target| named.iter().any(|(_, name)| *name == target.name)).collect()
}

/// `None` when a target that was paid for has no known price: unknown is not zero.
fn cost(plan: &Plan, tally: &Tally, used: &[bool], hours: f64) -> Option<f64> {
    let mut usd = 0.0;
    for (index, price) in plan.route_prices.iter().enumerate() {
        let tokens = [
            tally.input_by_route[index],
            tally.output_by_route[index],
            tally.cache_read_by_route[index],
            tally.cache_write_by_route[index],
        ];
        match price {
            Some(price) => usd += for_tokens(price, tokens),
            None if tokens.iter().sum::<u64>() > 0 => return None,
            None => {}
        }
    }
    for (target, _) in plan.targets.iter().zip(used).filter(|(_, used)| **used) {
        match &target.price {
            Some(price) => usd += price.hourly * hours,
            None if has_standing_cost(&target.spec) => return None,
            None => {}
        }
    }
    Some(usd)
}

fn has_standing_cost(target: &TargetSpec) -> bool {
    matches!(target, TargetSpec::Provisioned(_))
}

/// Tokens of input, of output, read from a cache and written to it.
fn for_tokens(price: &Price, tokens: [u64; 4]) -> f64 {
    let prices = [price.input, price.output, price.cache_read, price.cache_write];
    let millionths: f64 = tokens.iter().zip(prices).map(|(tokens, price)| *tokens as f64 * price).sum();
    millionths / 1e6
}

fn by_name(names: &[String], counts: &[u64]) -> IndexMap<String, u64> {
    let named = names.iter().zip(counts).filter(|(_, count)| **count > 0);
    named.map(|(name, count)| (name.clone(), *count)).collect()
}

fn by_class(counts: &[u64; CLASSES]) -> IndexMap<String, u64> {
    let named = FailureClass::ALL.iter().zip(counts).filter(|(_, count)| **count > 0);
    named.map(|(class, count)| (class.name().to_owned(), *count)).collect()
}

fn phase_cell(tally: &Tally, names: &Names) -> PhaseCell {
    let prompts = [&tally.input_by_route, &tally.cache_read_by_route, &tally.cache_write_by_route];
    PhaseCell {
        offered: tally.offered,
        answered: tally.answered,
        good: tally.good,
        cut_short: Some(tally.cut_short),
        failed: tally.failed,
        broken: tally.broken,
        abandoned: tally.abandoned,
        shed: tally.shed,
        open: 0,
        failed_by_class: by_class(&tally.failed_by_class),
        rejected_by_reason: by_reason(&tally.rejected_by_reason),
        attempts: tally.attempts,
        attempts_failed_by_class: by_class(&tally.attempts_failed_by_class),
        attempts_cancelled: tally.attempts_cancelled,
        attempts_by_target: tally.attempts_by_target.clone(),
        answered_by_target: tally.answered_by_target.clone(),
        answered_by_model: by_name(&names.models, &tally.answered_by_model),
        served_by_region: by_name(&names.regions, &tally.served_by_region),
        input_tokens: prompts.into_iter().flatten().sum(),
        output_tokens: tally.output_by_route.iter().sum(),
        wasted_tokens: tally.wasted_tokens,
        cost_usd: None,
        split: None,
        histograms: Histograms {
            first_token: blob(tally.first_token.histogram()),
            total: blob(tally.total.histogram()),
            gap: blob(tally.gap.histogram()),
            attempt: blob(tally.attempt.histogram()),
        },
    }
}

pub fn blob<C: Counter>(histogram: &Histogram<C>) -> Option<String> {
    if histogram.is_empty() {
        return None;
    }
    Some(samples::encode(histogram).expect("writing a histogram of fixed bounds to memory cannot fail"))
}

fn windows(times: &TimesOverTime, quota_used: Vec<Vec<u32>>) -> Windows {
    let blobs = |windows: &[Window]| -> Vec<String> {
        let blob =
            |window: &Window| window.as_ref().and_then(|histogram| blob(histogram)).unwrap_or_default();
        windows.iter().map(blob).collect()
    };
    Windows {
        window_s: seconds(times.width()),
        first_token: blobs(&times.first_token),
        total: blobs(&times.total),
        quota_used,
    }
}

fn series(series: &TimeSeries, regions: &[String], targets: usize) -> Series {
    let buckets = series.buckets();
    let column = |pick: fn(&Bucket) -> u32| buckets.iter().map(pick).collect::<Vec<u32>>();
    let by_class = FailureClass::ALL.iter().map(|class| {
        let values: Vec<u32> = buckets.iter().map(|bucket| bucket.failed_by_class[*class as usize]).collect();
        (class.name().to_owned(), values)
    });
    let by_region = regions.iter().enumerate().map(|(at, name)| {
        let values: Vec<u32> = (0..buckets.len()).map(|bucket| series.region_row(bucket)[at]).collect();
        (name.clone(), values)
    });
    let by_target = (0..targets)
        .map(|at| (0..buckets.len()).map(|bucket| series.target_row(bucket)[at]).collect::<Vec<u32>>());
    let occurred = |(_, values): &(String, Vec<u32>)| values.iter().any(|value| *value > 0);
    Series {
        bucket_s: seconds(series.width()),
        offered: column(|b| b.offered),
        good_by_arrival: column(|b| b.good_by_arrival),
        good: column(|b| b.good),
        answered: column(|b| b.answered),
        failed: column(|b| b.failed),
        abandoned: column(|b| b.abandoned),
        attempts: column(|b| b.attempts),
        throttles: column(|b| b.throttles),
        in_flight: column(|b| b.in_flight),
        failed_by_class: by_class.filter(occurred).collect(),
        by_region: by_region.filter(occurred).collect(),
        by_target: Some(by_target.collect()),
    }
}

fn by_reason(counts: &[u64; REASONS]) -> IndexMap<String, u64> {
    let given = Reason::ALL.iter().zip(counts).filter(|(_, count)| **count > 0);
    given.map(|(reason, count)| (reason.name().to_owned(), *count)).collect()
}

fn notable(recorder: &Recorder) -> Notable {
    let slowest = recorder.notable.slowest.iter();
    Notable {
        slowest: slowest
            .map(|(total, request)| Slowest { request: *request, total_ms: *total as f64 / 1e6 })
            .collect(),
        failed: recorder.notable.failed.clone(),
    }
}

fn pools(engine: &mut Engine, now: Nanos, pools: &[PoolId]) -> Vec<PoolUse> {
    pools
        .iter()
        .map(|&pool| {
            let facts = engine.world().pool(pool);
            let state = engine.pool_state(now, pool);
            PoolUse {
                name: facts.name,
                admitted: state.admitted,
                throttled: state.throttled,
                requests_per_minute: facts.requests_per_minute,
                tokens_per_minute: facts.tokens_per_minute,
            }
        })
        .collect()
}
