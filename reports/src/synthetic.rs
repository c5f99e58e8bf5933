//! A small made-up run for tests: a minute of calm, a minute's spike, two minutes after. Every count follows from a
//! few shares, so that what a report says of it can be worked out by hand.

use hdrhistogram::Histogram;
use indexmap::IndexMap;

use crate::{
    run_file::{
        Cell, FORMAT, FaultFacts, FaultHits, Ground, Histograms, Notable, PhaseCell, PhaseFacts, PoolUse,
        RunFile, ScenarioFacts, Series, Slo, Slowest, Status, Story, StoryLine, StrategyFacts, TargetFacts,
        VERSION, When, Windows,
    },
    samples::encode,
};

/// Name, start and end in seconds, arrivals per second, whether it is measured.
const PHASES: [(&str, usize, usize, u32, bool); 3] =
    [("warm", 0, 60, 20, false), ("spike", 60, 120, 100, true), ("after", 120, 240, 20, true)];

/// What one strategy does.
pub struct Sketch {
    pub name: &'static str,
    /// Good answers of 100 offered requests, by phase; the others are throttled.
    pub good: [u32; 3],
    /// Attempts per request.
    pub tries: u64,
    pub first_token_ms: u64,
    pub usd_per_attempt: f64,
    /// Of 100 answers, how many came from the other Region.
    pub elsewhere: u64,
}

pub fn sketches() -> Vec<Sketch> {
    vec![
        Sketch {
            name: "one-region",
            good: [100, 60, 100],
            tries: 1,
            first_token_ms: 400,
            usd_per_attempt: 0.0004,
            elsewhere: 0,
        },
        Sketch {
            name: "sdk-retries",
            good: [100, 50, 40],
            tries: 3,
            first_token_ms: 900,
            usd_per_attempt: 0.0004,
            elsewhere: 0,
        },
        Sketch {
            name: "richter",
            good: [100, 98, 100],
            tries: 1,
            first_token_ms: 450,
            usd_per_attempt: 0.0005,
            elsewhere: 34,
        },
    ]
}

pub fn run(sketches: &[Sketch], replications: u32) -> RunFile {
    let strategies = sketches.iter().map(|sketch| StrategyFacts {
        name: sketch.name.to_owned(),
        kind: "ordered".to_owned(),
        worst_attempts: 3,
        worst_wall_s: Some(60.0),
    });
    let each = || sketches.iter().enumerate();
    let cells = each().flat_map(|(place, sketch)| (0..replications).map(move |r| cell(place, sketch, r)));
    RunFile {
        format: FORMAT.to_owned(),
        version: VERSION,
        written_by: "richter 0.1.0".to_owned(),
        when: When { started: "2026-01-02T03:04:05Z".to_owned(), took_ms: 1234 },
        scenario: ScenarioFacts {
            file: "scenarios/synthetic.yaml".to_owned(),
            name: "viral-spike".to_owned(),
            question: "The product goes viral. Which strategy keeps answers coming, and at what price?"
                .to_owned(),
            digest: "0123456789abcdef".to_owned(),
            seed: 42,
            replications,
            slo: Slo { first_token_ms: Some(2_000.0), total_ms: None },
        },
        ground: Ground::Sim,
        status: Status::Complete,
        phases: phase_facts(),
        targets: ["us-east-1", "us-west-2"].map(target).to_vec(),
        faults: vec![FaultFacts {
            name: "brown_out_west".to_owned(),
            kind: "error_burst".to_owned(),
            from_s: 80.0,
            to_s: 110.0,
            cannot_show: None,
        }],
        classes: vec!["chat".to_owned()],
        strategies: strategies.collect(),
        expect: Vec::new(),
        cells: cells.collect(),
        stories: vec![story()],
        live: None,
        observed: None,
    }
}

/// One throttled request of the first strategy.
fn story() -> Story {
    let line = |ms: Option<f64>, text: &str| StoryLine { ms, text: text.to_owned() };
    let lines = vec![
        line(None, "request 1.12, class chat, 600 input tokens, max_tokens 1024, due at 60.120 s"),
        line(Some(0.0), "decided: send to east (the first choice for a fresh request)"),
        line(Some(62.5), "attempt 1 to east failed: throttle (requests)"),
        line(Some(62.5), "failed: throttle (requests), after 1 attempt (no attempts left)"),
    ];
    Story { strategy: 0, replication: 0, request: (1 << 48) | 12, lines }
}

pub fn usual() -> RunFile {
    run(&sketches(), 5)
}

fn phase_facts() -> Vec<PhaseFacts> {
    let fact = |(name, from, to, _, measured): (&str, usize, usize, u32, bool)| PhaseFacts {
        name: name.to_owned(),
        from_s: from as f64,
        to_s: to as f64,
        measured,
    };
    PHASES.map(fact).to_vec()
}

fn target(region: &str) -> TargetFacts {
    TargetFacts {
        account: None,
        name: region[3..7].to_owned(),
        kind: "on_demand".to_owned(),
        region: region.to_owned(),
        model_id: "anthropic.claude-3-haiku-20240307-v1:0".to_owned(),
    }
}

fn cell(strategy: usize, sketch: &Sketch, replication: u32) -> Cell {
    Cell {
        notable: notable(sketch, replication),
        strategy,
        replication,
        trace_hash: format!("{strategy:08x}{replication:08x}"),
        phases: (0..PHASES.len()).map(|phase| phase_cell(sketch, phase, replication)).collect(),
        series: series(sketch, replication),
        windows: Some(windows(sketch, replication)),
        reasons: IndexMap::from([("first_choice".to_owned(), 10_800)]),
        faults: vec![FaultHits { rolled: 100, hit: 30, missed: 0 }],
        pools: vec![PoolUse {
            name: "us-east-1 haiku on_demand".to_owned(),
            admitted: 100,
            throttled: 3,
            requests_per_minute: Some(400.0),
            tokens_per_minute: None,
        }],
        decisions: None,
    }
}

/// In the spike the throttled ones come first; the last replication has the slowest answer.
fn notable(sketch: &Sketch, replication: u32) -> Notable {
    let in_spike = |place: u64| (1 << 48) | place;
    let failed = if sketch.good[1] < 70 { vec![in_spike(12)] } else { vec![in_spike(345)] };
    let total_ms = (sketch.first_token_ms * 12 + u64::from(replication)) as f64;
    Notable { slowest: vec![Slowest { request: in_spike(2_756), total_ms }], failed }
}

/// Each replication after the first loses one more request per phase.
fn good_in(sketch: &Sketch, phase: usize, replication: u32) -> u64 {
    let (_, from, to, rate, _) = PHASES[phase];
    let offered = (to - from) as u64 * u64::from(rate);
    offered * u64::from(sketch.good[phase]) / 100 - u64::from(replication)
}

fn phase_cell(sketch: &Sketch, phase: usize, replication: u32) -> PhaseCell {
    let (_, from, to, rate, _) = PHASES[phase];
    let offered = (to - from) as u64 * u64::from(rate);
    let good = good_in(sketch, phase, replication);
    let failed = offered - good;
    let attempts = offered * sketch.tries;
    let elsewhere = good * sketch.elsewhere / 100;
    PhaseCell {
        offered,
        answered: good,
        good,
        failed,
        failed_by_class: IndexMap::from([("throttle".to_owned(), failed)]),
        attempts,
        attempts_failed_by_class: IndexMap::from([("throttle".to_owned(), attempts - good)]),
        attempts_by_target: vec![attempts - elsewhere, elsewhere],
        answered_by_target: vec![good - elsewhere, elsewhere],
        served_by_region: IndexMap::from([
            ("us-east-1".to_owned(), good - elsewhere),
            ("us-west-2".to_owned(), elsewhere),
        ]),
        input_tokens: good * 600,
        output_tokens: good * 180,
        cost_usd: Some(attempts as f64 * sketch.usd_per_attempt),
        split: None,
        histograms: Histograms {
            first_token: Some(blob(good, sketch.first_token_ms)),
            total: Some(blob(good, sketch.first_token_ms * 4)),
            gap: Some(blob(good, 9)),
            attempt: Some(blob(attempts, sketch.first_token_ms * 4)),
        },
        ..PhaseCell::default()
    }
}

/// Values spread evenly from `ms` to three times that.
fn blob(n: u64, ms: u64) -> String {
    let mut histogram = Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3).expect("valid bounds");
    for index in 0..n {
        histogram.record(1_000 * ms + 2_000 * ms * index / n).expect("within bounds");
    }
    encode(&histogram).expect("encodes")
}

fn series(sketch: &Sketch, replication: u32) -> Series {
    let mut series = Series { bucket_s: 1.0, ..Series::default() };
    let (mut by_class, mut east, mut west) = (Vec::new(), Vec::new(), Vec::new());
    for (phase, (_, from, to, rate, _)) in PHASES.into_iter().enumerate() {
        let seconds = (to - from) as u64;
        let good = good_in(sketch, phase, replication);
        for second in 0..seconds {
            // Spread without rounding loss.
            let good = (good * (second + 1) / seconds - good * second / seconds) as u32;
            series.offered.push(rate);
            series.good_by_arrival.push(good);
            series.good.push(good);
            series.answered.push(good);
            series.failed.push(rate - good);
            series.abandoned.push(0);
            series.attempts.push(rate * sketch.tries as u32);
            series.throttles.push(rate * sketch.tries as u32 - good);
            series.in_flight.push(rate);
            by_class.push(rate - good);
            let elsewhere = good * sketch.elsewhere as u32 / 100;
            east.push(good - elsewhere);
            west.push(elsewhere);
        }
    }
    let regions = [("us-east-1".to_owned(), east.clone()), ("us-west-2".to_owned(), west.clone())];
    series.by_region = regions.into_iter().filter(|(_, served)| served.iter().any(|n| *n > 0)).collect();
    series.by_target = Some(vec![east, west]);
    series.failed_by_class = IndexMap::from([("throttle".to_owned(), by_class)]);
    series
}

/// Five seconds each; the spike fills the quota.
fn windows(sketch: &Sketch, replication: u32) -> Windows {
    const SECONDS: usize = 5;
    let mut windows = Windows { window_s: SECONDS as f64, ..Windows::default() };
    let mut used = Vec::new();
    for (phase, (_, from, to, _, _)) in PHASES.into_iter().enumerate() {
        let count = (to - from) / SECONDS;
        let good = good_in(sketch, phase, replication) / count as u64;
        let [first_token, total] = [1, 4].map(|times| blob(good, sketch.first_token_ms * times));
        for _ in 0..count {
            windows.first_token.push(first_token.clone());
            windows.total.push(total.clone());
            used.push(if phase == 1 { 104 } else { 30 });
        }
    }
    windows.quota_used = vec![used];
    windows
}
