//! Simulated requests per second on one core, with full recording, beside a bare event heap in the same process.
//!
//! `cargo bench -p richter` prints the table that the README quotes. Machines are shared and noisy, so the ratio to
//! the bare heap is the figure to compare between machines; the requests per second are this machine's, today.

use std::{collections::BinaryHeap, hint::black_box, path::Path};

use richter::{
    clock::Stopwatch,
    ground::sim::Simulation,
    record::cell::Recorder,
    scenario::{self, plan::Plan},
};
use richter_mock_bedrock::{
    dist::Dist,
    luck::{Luck, Stream},
    units::Span,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const REQUESTS: f64 = 1_000_000.0;

fn main() {
    // `cargo bench` says so; `cargo test --benches` does not: build and go through it once, but measure nothing.
    let smoke = !std::env::args().any(|arg| arg == "--bench");
    let cases = [
        ("direct, unary", scenario_text("direct: { target: east }", "invoke_model", 200)),
        ("sdk, unary", scenario_text("sdk: { target: east }", "invoke_model", 200)),
        ("direct, streams of 200 tokens", scenario_text("direct: { target: east }", "converse_stream", 200)),
        (
            "sdk, three in four throttled",
            throttled(&scenario_text("sdk: { target: east }", "invoke_model", 200)),
        ),
        (
            "sdk, streams, five faults active",
            faulty(&scenario_text("sdk: { target: east }", "converse_stream", 200)),
        ),
        ("balanced, unary", two_regions("invoke_model")),
        ("balanced, streams", two_regions("converse_stream")),
        ("balanced, a quarter throttled", throttled(&two_regions("converse_stream"))),
        ("balanced, streams, five faults active", faulty(&two_regions("converse_stream"))),
    ];
    let rounds = if smoke { 1 } else { ROUNDS };
    let seconds = if smoke { 1.0 } else { REQUESTS / RATE };
    println!("{:<38} {:>12} {:>12} {:>10} {:>10}", "case", "median req/s", "best req/s", "ns/req", "of bare");
    let bare = measure(rounds, || bare_heap((seconds * RATE) as u64));
    print_row("bare heap (no router, no records)", &bare, &bare);
    for (name, text) in &cases {
        let plan = plan(text, seconds);
        let measured = measure(rounds, || simulate(&plan));
        print_row(name, &measured, &bare);
    }
    let day = if smoke { 10.0 } else { 86_400.0 };
    let long =
        plan(&scenario_text("sdk: { target: east }", "converse_stream", 200).replace("1000/s", "100/s"), day);
    let watch = Stopwatch::start();
    let requests = simulate(&long);
    println!(
        "one virtual day at 100/s: {requests} requests in {:.1} s, peak memory of this process {}",
        watch.elapsed().as_secs_f64(),
        peak_memory()
    );
}

const RATE: f64 = 1_000.0;

/// A world with quotas high enough to matter only to the arithmetic, so that every request takes the whole path.
fn scenario_text(strategy: &str, api: &str, output: u32) -> String {
    format!(
        "version: 1
name: bench
question: How fast is the simulation?
targets:
  east: {{ on_demand: {{ region: us-east-1, model: m }} }}
world:
  regions: {{ us-east-1: {{ rtt: {{ log_normal: {{ p50: 20ms, p99: 60ms }} }} }} }}
  models:
    m:
      first_token: {{ log_normal: {{ p50: 450ms, p99: 2s }} }}
      per_token: {{ log_normal: {{ p50: 9ms, p99: 30ms }} }}
      max_output: 4096
  quotas: {{ on_demand: {{ us-east-1: {{ requests: 120k/min, tokens: 200M/min }} }} }}
traffic:
  mix:
    chat: {{ share: 100%, api: {api}, input: {{ log_normal: {{ p50: 600, p99: 4000 }} }}, output: {output}, max_tokens: 1024 }}
  phases:
    - {{ name: all, for: LENGTHs, rate: 1000/s, arrivals: poisson }}
strategies:
  only: {{ {strategy} }}
"
    )
}

/// Our own strategy, with two Regions and a profile to choose from.
fn two_regions(api: &str) -> String {
    let targets = "  west: { on_demand: { region: us-west-2, model: m } }
  us: { profile: { source: us-east-1, id: us.m } }
world:
  profiles: { us.m: { destinations: { us-east-1: [us-east-1, us-west-2] } } }
";
    let quota = "us-east-1: { requests: 120k/min, tokens: 200M/min }";
    let quotas = format!(
        "on_demand: {{ {quota}, us-west-2: {{ requests: 120k/min, tokens: 200M/min }} }}, profile: {{ {quota} }}"
    );
    scenario_text("composed: { preset: balanced, tiers: [[east, west], [us]] }", api, 200)
        .replace("world:\n", targets)
        .replace(&format!("on_demand: {{ {quota} }}"), &quotas)
        .replace("regions: { us-east-1:", "regions: { us-west-2: { rtt: 60ms }, us-east-1:")
}

/// The same with a quota for a quarter of the traffic: refusals, back-off and retries.
fn throttled(text: &str) -> String {
    text.replace("requests: 120k/min", "requests: 15k/min")
}

/// The same with five faults that are rolled for every call.
fn faulty(text: &str) -> String {
    let faults = "faults:
  - errors: { error_burst: { errors: { InternalServerException: 100% }, share: 5% } }
  - slow: { latency_scale: { decode: 1.5 } }
  - stall: { stall_mid_stream: { after: 100, for: 2s, share: 5% } }
  - cut: { eof_mid_stream: { after: 50, share: 2% } }
  - late: { first_token_slow: { add: 1s, share: 10% } }
";
    format!("{text}{faults}")
}

fn plan(text: &str, seconds: f64) -> Plan {
    let text = text.replace("LENGTH", &format!("{}", seconds.max(1.0) as u64));
    match scenario::load_text("bench.yaml", &text, Path::new(".")) {
        Ok(checked) => checked.plan,
        Err(problems) => panic!("the benchmark's own scenario must be valid:\n{problems}"),
    }
}

fn simulate(plan: &Plan) -> u64 {
    let mut simulation = Simulation::new(plan, 0, 0, Recorder::new(plan)).expect("no trace is read");
    while simulation.step().expect("no trace is read") {}
    let (recorder, engine) = simulation.into_parts();
    black_box(&engine);
    recorder.tallies.iter().map(|tally| tally.offered).sum()
}

/// The least that any simulation of this kind does: draw a gap and a latency, push, pop, record.
fn bare_heap(requests: u64) -> u64 {
    let draws = Luck::new(42, 0).stream(Stream::Arrivals);
    let latency = Dist::LogNormal { p50: Span(450_000_000), p99: Span(2_000_000_000) }.sampler();
    let mut heap = BinaryHeap::new();
    let mut histogram =
        hdrhistogram::Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3).expect("valid bounds");
    let (mut now, mut done) = (0u64, 0);
    for request in 0..requests {
        now += (-libm::log(draws.draw(request, 0, 0).unit()) * 1e9 / RATE) as u64;
        while heap.peek().is_some_and(|std::cmp::Reverse((at, _))| *at < now) {
            done += u64::from(heap.pop().is_some());
        }
        let takes = latency.at(draws.draw(request, 0, 1).unit()) as u64;
        heap.push(std::cmp::Reverse((now + takes, request)));
        histogram.saturating_record(takes / 1_000);
    }
    black_box(&histogram);
    done + heap.len() as u64
}

/// Seconds per request in each round, sorted.
fn measure(rounds: usize, work: impl Fn() -> u64) -> Vec<f64> {
    let mut seconds: Vec<f64> = (0..rounds)
        .map(|_| {
            let watch = Stopwatch::start();
            let requests = black_box(work());
            watch.elapsed().as_secs_f64() / requests.max(1) as f64
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds
}

fn print_row(name: &str, seconds: &[f64], bare: &[f64]) {
    let (median, best) = (seconds[seconds.len() / 2], seconds[0]);
    println!(
        "{name:<38} {:>12.0} {:>12.0} {:>10.0} {:>9.0} %",
        1.0 / median,
        1.0 / best,
        median * 1e9,
        100.0 * bare[bare.len() / 2] / median
    );
}

fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("unknown here".to_owned(), |text| text.trim().to_owned())
}
