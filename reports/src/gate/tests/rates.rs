//! How often the gate is wrong on grounds with noise: false alarms on runs that differ by chance alone, and a real shift that it
//! must find. The README states these figures.
//!
//! The noise is that of a wall clock and worse: each repeat has a pace of its own that all strategies share (other tenants of the
//! machine), each cell one more, one repeat in twenty is disturbed, and what is left is sampling.

use hdrhistogram::Histogram;

use super::*;
use crate::{
    paired::SplitMix,
    run_file::{Histograms, PhaseCell},
    samples::encode,
};

/// Pairs of runs that are checked.
const CHECKS: u64 = 200;
const REPEATS: u32 = 15;
const REQUESTS: u64 = 3_000;
/// Of a repeat's pace, of a cell's, both as standard deviations of the logarithm.
const PACE: [f64; 2] = [0.015, 0.01];
const DISTURBED: (f64, f64) = (0.05, 1.05);
/// Spread of single latencies: p95 is 2.3 times p50.
const SPREAD: f64 = 0.5;
const FAILING: f64 = 0.01;
/// Steps in which a distribution is drawn, and points of its shape in each of them.
const BINS: usize = 200;
const POINTS: usize = 10;
const MEASURED: usize = 1;

struct Noise(SplitMix);

impl Noise {
    fn uniform(&mut self) -> f64 {
        (self.0.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Twelve uniform draws are as good as normal within three deviations.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn count(&mut self, mean: f64) -> u64 {
        (mean + mean.sqrt() * self.normal()).round().max(0.0) as u64
    }
}

/// Logarithms of latencies at each point: quantiles of the normal distribution, found by halving.
fn shape() -> Vec<f64> {
    let below = |z: f64| {
        // The logistic approximation of the normal distribution, good to a hundredth.
        1.0 / (1.0 + (-z * (1.595_769 + 0.070_566 * z * z)).exp())
    };
    let quantile = |p: f64| {
        let (mut low, mut high) = (-5.0, 5.0);
        for _ in 0..40 {
            let middle = (low + high) / 2.0;
            if below(middle) < p { low = middle } else { high = middle }
        }
        low
    };
    let points = BINS * POINTS;
    (0..points).map(|point| SPREAD * quantile((point as f64 + 0.5) / points as f64)).collect()
}

/// Draws answers' latencies; those above p80 are slowed by `tail`.
fn latencies(noise: &mut Noise, shape: &[f64], answers: u64, ms: f64, tail: f64) -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 3_600_000_000, 3).expect("valid bounds");
    let mean = answers as f64 / BINS as f64;
    let mut counts: Vec<u64> = (0..BINS).map(|_| noise.count(mean)).collect();
    // As many as there are answers: what is too much or missing comes from anywhere.
    let mut sum: u64 = counts.iter().sum();
    while sum != answers {
        let count = &mut counts[(noise.uniform() * BINS as f64) as usize];
        match sum > answers {
            true if *count == 0 => continue,
            true => (*count, sum) = (*count - 1, sum - 1),
            false => (*count, sum) = (*count + 1, sum + 1),
        }
    }
    let point = (noise.uniform() * POINTS as f64) as usize;
    for (bin, count) in counts.into_iter().enumerate() {
        let slowed = if bin * 5 >= BINS * 4 { tail } else { 1.0 };
        let us = (1_000.0 * ms * shape[bin * POINTS + point].exp() * slowed) as u64;
        histogram.record_n(us.max(1), count).expect("within bounds");
    }
    histogram
}

fn cell(noise: &mut Noise, shape: &[f64], pace: f64, tail: f64) -> PhaseCell {
    let failed = noise.count(REQUESTS as f64 * FAILING);
    let answered = REQUESTS - failed;
    let late = noise.count(answered as f64 * 0.02).min(answered);
    let retries = noise.count(REQUESTS as f64 * 0.1);
    let first_token = latencies(noise, shape, answered, 400.0 * pace, 1.0);
    let total = latencies(noise, shape, answered, 1_600.0 * pace, tail);
    PhaseCell {
        offered: REQUESTS,
        answered,
        good: answered - late,
        failed,
        failed_by_class: [("throttle".to_owned(), failed)].into(),
        attempts: REQUESTS + retries,
        attempts_failed_by_class: [("throttle".to_owned(), failed + retries)].into(),
        attempts_by_target: vec![REQUESTS + retries, 0],
        answered_by_target: vec![answered, 0],
        output_tokens: answered * 180,
        wasted_tokens: noise.count(answered as f64 * 2.0),
        cost_usd: Some((REQUESTS + retries) as f64 * 0.0004),
        histograms: Histograms {
            first_token: Some(encode(&first_token).expect("encodes")),
            total: Some(encode(&total).expect("encodes")),
            gap: None,
            attempt: None,
        },
        ..PhaseCell::default()
    }
}

/// Repeats on the wall clock, the first strategy's tail slowed by `tail`.
fn noisy(frame: &RunFile, shape: &[f64], seed: u64, tail: f64) -> RunFile {
    let mut noise = Noise(SplitMix::new(seed));
    let mut run = frame.clone();
    let paces: Vec<f64> = (0..REPEATS)
        .map(|_| {
            let disturbed = if noise.uniform() < DISTURBED.0 { DISTURBED.1 } else { 1.0 };
            disturbed * (PACE[0] * noise.normal()).exp()
        })
        .collect();
    for one in &mut run.cells {
        let pace = paces[one.replication as usize] * (PACE[1] * noise.normal()).exp();
        one.phases[MEASURED] = cell(&mut noise, shape, pace, if one.strategy == 0 { tail } else { 1.0 });
    }
    run
}

fn frame() -> RunFile {
    let mut run = synthetic::run(&sketches()[..2], REPEATS);
    run.ground = Ground::Mock;
    for (place, phase) in run.phases.iter_mut().enumerate() {
        phase.measured = place == MEASURED;
    }
    run.cells
        .iter_mut()
        .flat_map(|cell| &mut cell.phases)
        .for_each(|phase| phase.histograms = Histograms::default());
    run
}

/// Nothing is expected of these runs, so that one judgement will do for all of them.
fn check(judgement: &Judgement, base: &RunFile, now: &RunFile) -> Gate {
    compare(base, now, judgement, &Tolerances::default())
}

#[test]
fn chance_raises_no_alarm_in_99_of_100_checks_and_a_tail_that_is_10_percent_slower_does_in_9_of_10() {
    let (frame, shape) = (frame(), shape());
    let judgement = judge(&frame);
    let (mut alarms, mut found, mut told_same, mut numbers) = (0, 0, 0, 0);
    for check_number in 0..CHECKS {
        let base = noisy(&frame, &shape, 3 * check_number, 1.0);
        let unchanged = check(&judgement, &base, &noisy(&frame, &shape, 3 * check_number + 1, 1.0));
        alarms += u64::from(unchanged.count(Outcome::Regressed) > 0);
        told_same += unchanged.count(Outcome::Same);
        numbers += unchanged.all().filter(|(_, metric)| metric.was != Value::NoData).count();
        let slower = check(&judgement, &base, &noisy(&frame, &shape, 3 * check_number + 2, 1.1));
        found += u64::from(outcome(&slower, "one-region", "total_p95") == Outcome::Regressed);
    }
    let same = 100.0 * told_same as f64 / numbers as f64;
    println!(
        "of {CHECKS}: {alarms} false alarms, {found} shifts found; {same:.1} % of unchanged numbers shown to be the same"
    );
    assert!(alarms * 100 <= CHECKS, "{alarms} false alarms in {CHECKS} checks");
    assert!(found * 10 >= CHECKS * 9, "{found} shifts found in {CHECKS} checks");
    assert!(same > 50.0, "{same} % of the unchanged numbers were shown to be the same");
}

#[test]
fn an_improvement_is_told_as_one() {
    let (frame, shape) = (frame(), shape());
    let judgement = judge(&frame);
    let gate = check(&judgement, &noisy(&frame, &shape, 1, 1.15), &noisy(&frame, &shape, 2, 1.0));
    assert_eq!(outcome(&gate, "one-region", "total_p95"), Outcome::Improved);
    assert_eq!(outcome(&gate, "sdk-retries", "goodput"), Outcome::Same);
    assert!(gate.passed, "{:?}", gate.why);
}

#[test]
fn two_repeats_tell_nothing_and_a_gate_that_tells_nothing_does_not_pass() {
    let (mut frame, shape) = (frame(), shape());
    let judgement = judge(&frame);
    frame.cells.retain(|cell| cell.replication < 2);
    let gate = check(&judgement, &noisy(&frame, &shape, 1, 1.0), &noisy(&frame, &shape, 2, 1.0));
    assert!(!gate.passed, "{:?}", gate.why);
    assert!(
        gate.why.iter().any(|why| why.starts_with("there is not enough data to tell anything about")),
        "{:?}",
        gate.why
    );
    let metric = &gate.strategies[0].metrics[0];
    assert_eq!(
        (metric.outcome, metric.note.as_deref()),
        (Outcome::NotEnoughData, Some("2 paired repeats, needs 3"))
    );
}
