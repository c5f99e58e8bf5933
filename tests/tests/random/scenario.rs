//! Texts of random scenarios, all of them valid, short in virtual time, and quick to break something.

use std::fmt::Write as _;

use proptest::prelude::*;
use richter_mock_bedrock::fault::FAULTS;

const HEAD: &str = "version: 1
name: random
question: Does everything add up?
replications: 1
drain: 20s
targets:
  east: { on_demand: { region: us-east-1, model: anthropic.m-v1 } }
  west: { on_demand: { region: us-west-2, model: anthropic.m-v1 } }
  us: { profile: { source: us-east-1, id: us.anthropic.m-v1 } }
prices:
  anthropic.m-v1: { input: 1 USD/M, output: 5 USD/M }
slo: { first_token: 2s, total: 5s }
";

/// Faults that strike every attempt at once, beside the milder examples of the fault list.
const HARSH: [&str; 9] = [
    "outage: { mode: refuse }",
    "outage: { mode: unavailable }",
    "connect_slow: { delay: 3s }",
    "stall_mid_stream: { after: 0 }",
    "stall_mid_stream: { after: 3, for: 4s }",
    "reset_mid_stream: { after: 0 }",
    "reset_mid_stream: { after: 1 }",
    "eof_mid_stream: { after: 1 }",
    "exception_mid_stream: { error: ThrottlingException, after: 2 }",
];

fn one_of(options: &[&'static str]) -> impl Strategy<Value = &'static str> + use<> {
    prop::sample::select(options.to_vec())
}

fn world() -> impl Strategy<Value = String> {
    let quota = one_of(&["requests: 300/min", "tokens: 20k/min", "requests: 6000/min, tokens: 600k/min"]);
    let capacity = one_of(&["{}", "{ us-east-1: { concurrent: 8, refuse_above: 1.5 } }"]);
    let abandoned = one_of(&["continues", "stops"]);
    let limiter = one_of(&["token_bucket", "clock_minute", "sliding_minute"]);
    let outliers = one_of(&["", "outliers: { share: 5%, first_token: 6s }"]);
    (quota, capacity, abandoned, limiter, outliers).prop_map(
        |(quota, capacity, abandoned, limiter, outliers)| {
            format!(
                "world:
  limiter: {limiter}
  abandoned_work: {abandoned}
  regions: {{ us-east-1: {{}}, us-west-2: {{ rtt: 60ms }}, us-east-2: {{}} }}
  models:
    anthropic.m-v1:
      first_token: {{ log_normal: {{ p50: 300ms, p99: 3s }} }}
      per_token: 20ms
      max_output: 400
      burndown: 5
      {outliers}
  quotas:
    on_demand: {{ us-east-1: {{ {quota} }}, us-west-2: {{ {quota} }} }}
    profile: {{ us-east-1: {{ {quota} }} }}
  capacity: {capacity}
"
            )
        },
    )
}

fn class(name: &'static str, share: u32) -> impl Strategy<Value = String> {
    let api = one_of(&["converse", "converse_stream", "invoke_model", "invoke_model_with_response_stream"]);
    let output = one_of(&["1", "30", "{ log_normal: { p50: 40, p99: 300 } }"]);
    let max = one_of(&["", ", max_tokens: 20", ", max_tokens: 400"]);
    let patience = one_of(&["", ", abandon_after: 1s", ", abandon_after: 4s"]);
    let again = one_of(&[
        "",
        ", again: { share: 80%, after: 0s, times: 3 }",
        ", again: { share: 50%, after: 2s, times: 2 }",
    ]);
    (api, output, max, patience, again).prop_map(move |(api, output, max, patience, again)| {
        format!("    {name}: {{ share: {share}%, api: {api}, input: 100, output: {output}{max}{patience}{again} }}\n")
    })
}

fn phase() -> impl Strategy<Value = &'static str> {
    one_of(&[
        "for: 6s, rate: 20/s",
        "for: 6s, rate: 12/s, arrivals: constant",
        "for: 6s, rate: 12/s, arrivals: { gamma: { cv: 3 } }",
        "for: 6s, rate: { ramp: { from: 1/s, to: 30/s } }, measured: false",
        "for: 6s, arrivals: { herd: { every: 2s, count: 15, spread: 0s } }",
        "for: 8s, population: { users: 12, think: 1s, retry_after: 100ms }",
        "for: 8s, population: { users: 5, think: 0s }",
    ])
}

fn fault() -> impl Strategy<Value = String> {
    let kinds: Vec<&str> = FAULTS.iter().map(|fault| fault.example).chain(HARSH).collect();
    let envelope =
        one_of(&["constant", "{ ramp: { from: 0%, to: 100% } }", "{ square: { period: 3s, on: 1s } }"]);
    let region = one_of(&["", "on: { region: us-east-1 }", "on: { region: us-west-2 }"]);
    let rest = one_of(&["", "hits: 5", "group: both"]);
    (prop::sample::select(kinds), 0..6u32, 1..12u32, envelope, region, rest).prop_map(
        |(kind, from, length, envelope, region, rest)| {
            let region = if kind.starts_with("reroute_drain") { "" } else { region };
            let during = format!("during: {{ from: {from}s, for: {length}s }}");
            let lines = [kind, &during, &format!("envelope: {envelope}"), region, rest];
            lines
                .iter()
                .filter(|line| !line.is_empty())
                .fold(String::new(), |text, line| format!("{text}      {line}\n"))
        },
    )
}

fn timeouts() -> impl Strategy<Value = String> {
    let limit = |key: &'static str, spans: &[&'static str]| {
        prop::option::of(one_of(spans)).prop_map(move |span| span.map(|span| format!("{key}: {span}")))
    };
    let all = (
        limit("connect", &["500ms", "3s"]),
        limit("first_token", &["400ms", "2s"]),
        limit("idle", &["50ms", "1s"]),
        limit("total", &["800ms", "5s"]),
    );
    all.prop_map(|(connect, first, idle, total)| {
        let given: Vec<String> = [connect, first, idle, total].into_iter().flatten().collect();
        format!("timeouts: {{ {} }}", given.join(", "))
    })
}

fn strategy() -> impl Strategy<Value = String> {
    let kind = one_of(&[
        "direct: { target: east, ",
        "direct: { target: us, ",
        "sdk: { target: east, mode: standard, ",
        "sdk: { target: us, mode: standard, client: rust, behaviour: before_2026, ",
        "sdk: { target: west, mode: adaptive, client: rust, ",
        "sdk: { target: east, mode: adaptive, behaviour: before_2026, max_attempts: 6, ",
        "sdk: { target: east, mode: legacy, ",
        "sdk: { target: us, retry_quota: off, max_attempts: 8, ",
        "ordered: { targets: [east, west, us], ",
        "ordered: { targets: [us, west], rounds: 2, deadline: 3s, ",
        "ordered: { targets: [west], attempts_each: 4, backoff: { base: 100ms, cap: 1s }, ",
    ]);
    (kind, timeouts()).prop_map(|(kind, timeouts)| format!("{{ {kind}{timeouts} }} }}"))
}

pub fn any_scenario() -> impl Strategy<Value = String> {
    let mix = (class("one", 70), class("two", 30)).prop_map(|(one, two)| one + &two);
    let phases = prop::collection::vec(phase(), 1..4);
    let faults = prop::collection::vec(fault(), 0..5);
    let strategies = prop::collection::vec(strategy(), 1..3);
    (world(), mix, phases, faults, strategies, any::<u32>()).prop_map(
        |(world, mix, phases, faults, strategies, seed)| {
            let mut text = format!("{HEAD}seed: {seed}\n{world}traffic:\n  mix:\n{mix}  phases:\n");
            for (index, phase) in phases.iter().enumerate() {
                let _ = writeln!(text, "    - {{ name: p{index}, {phase} }}");
            }
            if !faults.is_empty() {
                text.push_str("faults:\n");
            }
            for (index, fault) in faults.iter().enumerate() {
                let _ = write!(text, "  - f{index}:\n{fault}");
            }
            text.push_str("strategies:\n");
            for (index, strategy) in strategies.iter().enumerate() {
                let _ = writeln!(text, "  s{index}: {strategy}");
            }
            text
        },
    )
}
