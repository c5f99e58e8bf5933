//! How long one decision takes: from a request to the command that sends it, with the preset `balanced` over 16 targets.
//!
//! `cargo bench -p richter-core` prints the table that the README quotes. Each decision is timed alone, so each row
//! contains the timer itself, which the first row shows. The two rows after it are the least that any choice among
//! sixteen costs.
#![expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

#[path = "../tests/allocation/scene.rs"]
mod scene;

use std::{hint::black_box, time::Instant};

use rand_core::Rng as _;
use scene::{Dice, End, MILLISECOND, Scene, TARGETS, balanced, known_quotas};
use serde_json::json;

const SAMPLES: usize = 200_000;
const WARM_UP: u64 = 20_000;

fn main() {
    // `cargo bench` says so; `cargo test --benches` does not: build and go through it once, but measure nothing.
    let smoke = !std::env::args().any(|arg| arg == "--bench");
    let samples = if smoke { 100 } else { SAMPLES };
    println!("{:<34} {:>8} {:>8} {:>9} {:>12}", "case", "p50 ns", "p99 ns", "p99.9 ns", "allocations");
    references(samples);
    let cases = [
        ("all healthy, quotas unknown", json!({}), End::Answered),
        ("all healthy, quota books on", known_quotas(), End::Answered),
        ("half of them throttling", json!({}), End::Throttled),
        ("half of them failing", known_quotas(), End::Fault),
    ];
    for (name, more, half) in cases {
        let end = move |target: u16| if target.is_multiple_of(2) { half } else { End::Answered };
        let mut scene = Scene::new(balanced(more));
        scene.run(if smoke { 100 } else { WARM_UP }, end);
        decisions(name, samples, &mut scene, end);
    }
}

fn references(samples: usize) {
    let mut dice = Dice(7);
    row("the timer alone", samples, || ());
    row("an index at random", samples, || {
        black_box(dice.next_u64() as usize % TARGETS);
    });
    let scores: Vec<f64> = (0..TARGETS).map(|at| (at * 7 % 5) as f64).collect();
    row("the least of a Vec of 16", samples, || {
        let least = black_box(&scores).iter().enumerate().min_by(|one, other| one.1.total_cmp(other.1));
        black_box(least);
    });
}

fn row(name: &str, samples: usize, mut work: impl FnMut()) {
    let mut took = Vec::with_capacity(samples);
    for _ in 0..samples {
        let from = Instant::now();
        work();
        took.push(from.elapsed().as_nanos() as u64);
    }
    print(name, took, 0);
}

/// Only the decision is timed and counted; the rest of the request keeps the state as it is.
fn decisions(name: &str, samples: usize, scene: &mut Scene, end: impl Fn(u16) -> End) {
    let mut took = Vec::with_capacity(samples);
    let mut allocations = 0;
    for _ in 0..samples {
        scene.now += 2 * MILLISECOND;
        let mut flight = None;
        let counted = allocation_counter::measure(|| {
            let from = Instant::now();
            flight = Some(scene.begin());
            took.push(from.elapsed().as_nanos() as u64);
        });
        allocations += counted.count_total;
        scene.finish(flight.expect("it was begun"), &end);
    }
    print(name, took, allocations);
}

fn print(name: &str, mut took: Vec<u64>, allocations: u64) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!("{name:<34} {:>8} {:>8} {:>9} {allocations:>12}", at(0.5), at(0.99), at(0.999));
}
