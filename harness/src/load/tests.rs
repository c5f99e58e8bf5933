//! Whole schedules: from settings as written to the arrivals of a run.

mod prefixes;
mod refusals;

use std::path::Path;

use proptest::{prelude::*, test_runner::RngSeed};
use richter_mock_bedrock::{Nanos, SpecProblem, luck::Luck};

use super::{spec::TrafficSpec, *};

const SECOND: Nanos = 1_000_000_000;

fn spec(phases: &str) -> TrafficSpec {
    let text = format!(
        "mix:
  chat:  {{ share: 80%, api: converse_stream, input: {{ log_normal: {{ p50: 600, p99: 4000 }} }}, output: 180 }}
  batch: {{ share: 20%, api: invoke_model, input: 4000, output: {{ uniform: {{ from: 1, to: 9 }} }}, max_tokens: 4096, abandon_after: 30s }}
phases: {phases}"
    );
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

fn resolved(spec: &TrafficSpec) -> Traffic {
    spec.resolve(Path::new("/nonexistent")).unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn traffic(phases: &str) -> Traffic {
    resolved(&spec(phases))
}

fn arrivals(traffic: &Traffic, seed: u64) -> Vec<Arrival> {
    traffic.arrivals(Luck::new(seed, 0)).map(|arrival| arrival.expect("no trace")).collect()
}

fn assert_in_order(arrivals: &[Arrival]) {
    assert!(arrivals.windows(2).all(|pair| pair[0].at <= pair[1].at), "not in order");
    let mut numbers: Vec<u64> = arrivals.iter().map(|arrival| arrival.number).collect();
    numbers.sort_unstable();
    assert!(numbers.windows(2).all(|pair| pair[0] < pair[1]), "a number came twice");
}

/// Rates, per second, over a phase of 40 s.
fn shape() -> impl Strategy<Value = String> {
    let rate = || 1.0..12.0;
    prop_oneof![
        rate().prop_map(|rate| format!("{rate:.3}/s")),
        (rate(), rate()).prop_map(|(from, to)| format!("{{ ramp: {{ from: {from:.3}/s, to: {to:.3}/s }} }}")),
        (rate(), rate())
            .prop_map(|(a, b)| format!("{{ step: {{ levels: [{a:.3}/s, 0/s, {b:.3}/s] }} }}")),
        (rate(), 0.0..1.0, 5..60).prop_map(|(mean, part, period)| format!(
            "{{ sine: {{ mean: {mean:.3}/s, amplitude: {:.3}/s, period: {period}s }} }}",
            part * mean
        )),
        (rate(), 1.5..4.0, prop_oneof!["linear", "exponential", "logistic"], 0..12).prop_map(
            |(from, times, edge, fall)| format!(
                "{{ flash_crowd: {{ from: {from:.3}/s, peak: {:.3}/s, rise: 8s, hold: 10s, fall: {fall}s, shape: {edge} }} }}",
                from * times
            )
        ),
    ]
}

fn process() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("constant".to_owned()),
        Just("poisson".to_owned()),
        (0.1..3.0).prop_map(|cv| format!("{{ gamma: {{ cv: {cv:.2} }} }}")),
        (500..5000, 500..5000).prop_map(|(on, off)| format!("{{ on_off: {{ on: {on}ms, off: {off}ms }} }}")),
        (0.0..1.0, 1.0..6.0).prop_map(|(low, high)| format!(
            "{{ mmpp2: {{ low: {low:.2}, high: {high:.2}, low_for: 4s, high_for: 1500ms }} }}"
        )),
    ]
}

proptest! {
    // A fixed seed: the bounds are statistical, and a test that fails once a month teaches nobody anything.
    #![proptest_config(ProptestConfig { cases: 60, rng_seed: RngSeed::Fixed(7), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_shape_with_every_process_is_in_order_and_has_the_mean_of_its_rate(shape in shape(), process in process()) {
        let traffic = traffic(&format!(
            "[ {{ name: warm, for: 5s, rate: 1/s, arrivals: constant }},
               {{ name: x, for: 40s, rate: {shape}, arrivals: {process} }} ]"
        ));
        // Both halves on their own, so that the shape counts and not only its total.
        for (from, to) in [(5, 25), (25, 45)] {
            let counts: Vec<f64> = (0..300)
                .map(|seed| {
                    let all = arrivals(&traffic, seed);
                    assert_in_order(&all);
                    assert_eq!(all.iter().filter(|arrival| arrival.phase == 0).count(), 5);
                    all.iter().filter(|arrival| (from * SECOND..to * SECOND).contains(&arrival.at)).count() as f64
                })
                .collect();
            let mean = counts.iter().sum::<f64>() / counts.len() as f64;
            let spread = counts.iter().map(|count| (count - mean) * (count - mean)).sum::<f64>() / counts.len() as f64;
            let expected = traffic.expected(from * SECOND, to * SECOND);
            let off = 4.5 * libm::sqrt(spread / counts.len() as f64) + 1.0;
            prop_assert!((mean - expected).abs() < off, "{mean} against {expected} ± {off} in {from}..{to}");
        }
    }
}

#[test]
fn a_flash_crowd_offers_its_area() {
    for edge in ["linear", "logistic"] {
        let traffic = traffic(&format!(
            "[{{ name: x, for: 6m, arrivals: constant, rate: {{ flash_crowd: {{ from: 4/s, peak: 40/s, rise: 20s, hold: 3m, fall: 60s, shape: {edge} }} }} }}]"
        ));
        let area = 4.0 * 360.0 + 36.0 * (20.0 / 2.0 + 180.0 + 60.0 / 2.0);
        assert!((traffic.expected(0, traffic.end()) - area).abs() < 1e-6, "{edge}");
        assert_eq!(arrivals(&traffic, 1).len() as f64, area, "{edge}");
        assert_eq!(traffic.expected_rate(0), 4.0);
        assert_eq!(traffic.expected_rate(100 * SECOND), 40.0);
        assert_eq!(traffic.expected_rate(300 * SECOND), 4.0);
        assert_eq!(traffic.expected_rate(360 * SECOND), 0.0);
    }
}

fn gaps_cv(arrivals: &[Arrival]) -> f64 {
    let gaps: Vec<f64> = arrivals.windows(2).map(|pair| (pair[1].at - pair[0].at) as f64).collect();
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    libm::sqrt(gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / gaps.len() as f64) / mean
}

#[test]
fn gaps_scatter_as_much_as_the_process_says() {
    for (process, cv) in
        [("constant", 0.0), ("poisson", 1.0), ("{ gamma: { cv: 0.3 } }", 0.3), ("{ gamma: { cv: 3 } }", 3.0)]
    {
        let traffic = traffic(&format!("[{{ name: x, for: 30m, rate: 100/s, arrivals: {process} }}]"));
        let found = gaps_cv(&arrivals(&traffic, 3));
        assert!((found - cv).abs() < 0.03 * (1.0 + cv), "{found} for {process}");
    }
}

#[test]
fn on_off_traffic_is_silent_in_proportion() {
    let traffic = traffic("[{ name: x, for: 2h, rate: 10/s, arrivals: { on_off: { on: 20s, off: 60s } } }]");
    let mut busy = vec![0_u32; 7200];
    arrivals(&traffic, 5).iter().for_each(|arrival| busy[(arrival.at / SECOND) as usize] += 1);
    let silent = busy.iter().filter(|count| **count == 0).count() as f64 / 7200.0;
    assert!((0.6..0.85).contains(&silent), "{silent} of the seconds are silent");
    let loud: Vec<f64> = busy.iter().filter(|count| **count > 0).map(|count| f64::from(*count)).collect();
    let mean = loud.iter().sum::<f64>() / loud.len() as f64;
    assert!((33.0..43.0).contains(&mean), "{mean} in a busy second");
}

#[test]
fn a_herd_comes_together_and_goes_home() {
    let traffic = traffic(
        "[{ name: x, for: 150s, arrivals: { herd: { every: 60s, count: 50, spread: 2s } } },
          { name: y, for: 90s, arrivals: { herd: { every: 30s, count: 3, spread: 0s } } }]",
    );
    let all = arrivals(&traffic, 1);
    assert_in_order(&all);
    assert_eq!(all.len(), 3 * 50 + 3 * 3);
    for visit in [0, 60, 120] {
        let here = (visit * SECOND..(visit + 2) * SECOND).clone();
        let times: Vec<Nanos> = all.iter().map(|a| a.at).filter(|at| here.contains(at)).collect();
        assert_eq!(times.len(), 50);
        let mean = times.iter().map(|at| (at - visit * SECOND) as f64).sum::<f64>() / 50.0;
        assert!((0.7e9..1.3e9).contains(&mean), "{mean}");
    }
    assert!(all[150..].iter().zip([150, 150, 150, 180]).all(|(a, s)| a.at == s * SECOND));
    assert!((traffic.expected(0, traffic.end()) - 156.0).abs() < 4.0);
    assert_eq!(traffic.expected_rate(SECOND), 50.0 / 60.0);
}

#[test]
fn the_seed_and_nothing_else_decides() {
    let one = traffic("[{ name: x, for: 60s, rate: 20/s }, { name: y, for: 60s, rate: 5/s }]");
    assert_eq!(arrivals(&one, 42), arrivals(&one, 42));
    assert_ne!(arrivals(&one, 42), arrivals(&one, 43));
    let longer = traffic("[{ name: x, for: 60s, rate: 20/s }, { name: y, for: 90s, rate: 5/s }]");
    let both = arrivals(&one, 42);
    assert_eq!(both, arrivals(&longer, 42)[..both.len()]);
}

#[test]
fn another_size_for_one_class_moves_nobody() {
    let base = spec("[{ name: x, for: 60s, rate: 20/s }]");
    let mut larger = base.clone();
    larger.mix[1].input = serde_saphyr::from_str("{ uniform: { from: 1, to: 90000 } }").expect("valid");
    let (before, after) = (arrivals(&resolved(&base), 9), arrivals(&resolved(&larger), 9));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        let input_tokens = if before.class == 1 { after.input_tokens } else { before.input_tokens };
        assert_eq!(Arrival { input_tokens, ..*before }, *after);
    }
    assert!(before.iter().zip(&after).any(|(before, after)| before != after));
}

#[test]
fn tenants_are_drawn_by_themselves_as_unevenly_as_the_skew_says() {
    let base = spec("[{ name: x, for: 1000s, rate: 100/s, arrivals: constant }]");
    let mut many = base.clone();
    many.mix[0].tenants = Some(serde_saphyr::from_str("{ count: 20, skew: 1 }").expect("valid"));
    let (traffic, before) = (resolved(&many), arrivals(&resolved(&base), 9));
    let after = arrivals(&traffic, 9);
    assert_eq!(traffic.tenants.len(), 21);
    assert_eq!((&*traffic.tenants[2], &*traffic.tenants[20]), ("chat-3", "batch"));
    let mut counts = [0.0; 21];
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(Arrival { tenant: before.tenant, ..*after }, *before, "nothing else moves");
        assert_eq!(after.tenant == 20, after.class == 1);
        counts[usize::from(after.tenant)] += 1.0;
    }
    // The first asks twice as often as the second, and twenty times as often as the last.
    let times = |other: usize| counts[0] / counts[other];
    assert!((1.9..2.1).contains(&times(1)) && (17.0..23.0).contains(&times(19)), "{counts:?}");
}

#[test]
fn a_caller_who_comes_again_and_a_user_keep_their_tenant() {
    let mut users = spec("[{ name: x, for: 60s, population: { users: 20, think: 1900ms } }]");
    for class in users.mix.values_mut() {
        class.tenants = Some(serde_saphyr::from_str("[acme, globex, initech]").expect("valid"));
    }
    let mut tenants = std::collections::BTreeMap::new();
    for arrival in played(&resolved(&users), |_| true) {
        let tenant = *tenants.entry(number::caller(arrival.number)).or_insert(arrival.tenant);
        assert_eq!(tenant, arrival.tenant);
    }
    let mut seen: Vec<u16> = tenants.values().copied().collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!((tenants.len(), seen), (20, vec![0, 1, 2]));

    let mut again = spec("[{ name: x, for: 20s, rate: 5/s }]");
    for class in again.mix.values_mut() {
        class.tenants = Some(serde_saphyr::from_str("7").expect("valid"));
        class.again = Some(serde_saphyr::from_str("{ share: 100%, after: 1s, times: 1 }").expect("valid"));
    }
    let mut first = std::collections::BTreeMap::new();
    let mut kept = 0;
    for arrival in played(&resolved(&again), |_| false) {
        if number::times_again(arrival.number) == 0 {
            first.insert(number::again(arrival.number), arrival.tenant);
        } else {
            assert_eq!(first[&Some(arrival.number)], arrival.tenant);
            kept += 1;
        }
    }
    assert!(kept > 50, "{kept}");
}

#[test]
fn classes_and_sizes_follow_the_mix() {
    let traffic = traffic("[{ name: x, for: 1000s, rate: 100/s, arrivals: constant }]");
    let all = arrivals(&traffic, 4);
    let batch: Vec<&Arrival> = all.iter().filter(|arrival| arrival.class == 1).collect();
    let share = batch.len() as f64 / all.len() as f64;
    assert!((share - 0.2).abs() < 0.006, "{share}");
    assert!(batch.iter().all(|arrival| arrival.max_tokens == Some(4096)
        && arrival.patience == Some(30 * SECOND)
        && arrival.input_tokens == 4000
        && (1..=9).contains(&arrival.output_tokens)));
    let mut chat: Vec<u32> =
        all.iter().filter(|arrival| arrival.class == 0).map(|arrival| arrival.input_tokens).collect();
    chat.sort_unstable();
    let (p50, p99) = (chat[chat.len() / 2], chat[chat.len() * 99 / 100]);
    assert!((570..630).contains(&p50) && (3700..4300).contains(&p99), "{p50} {p99}");
    let mean = chat.iter().map(|tokens| f64::from(*tokens)).sum::<f64>() / chat.len() as f64;
    assert!((mean / traffic.mean_sizes(0, 0).0 - 1.0).abs() < 0.02, "{mean}");
}

/// Lets every request take 100 ms; `answered` says how each ends. Returns all requests in order of time.
fn played(traffic: &Traffic, answered: impl Fn(&Arrival) -> bool) -> Vec<Arrival> {
    let luck = Luck::new(1, 0);
    let mut waiting = arrivals(traffic, 1);
    let mut done = Vec::new();
    while let Some(next) = waiting.iter().enumerate().min_by_key(|(_, a)| (a.at, a.number)).map(|(i, _)| i) {
        let arrival = waiting.swap_remove(next);
        let ended = arrival.at + SECOND / 10;
        waiting.extend(traffic.follow_up(luck, &arrival, ended, answered(&arrival)));
        done.push(arrival);
    }
    done
}

#[test]
fn users_ask_again_after_thinking_and_stop_with_their_phase() {
    let traffic = traffic(
        "[{ name: x, for: 60s, population: { users: 20, think: 1900ms, retry_after: 300ms } },
          { name: y, for: 60s, rate: 1/s, arrivals: constant }]",
    );
    let calm = played(&traffic, |_| true);
    assert_in_order(&calm);
    let mine: Vec<&Arrival> = calm.iter().filter(|arrival| arrival.phase == 0).collect();
    // Each of 20 users asks every 2 s for 60 s.
    assert!((580..=600).contains(&mine.len()), "{}", mine.len());
    assert!(mine.iter().all(|arrival| arrival.at < 60 * SECOND));
    assert_eq!(calm.len() - mine.len(), 60);
    let firsts = arrivals(&traffic, 1);
    assert_eq!(firsts.iter().filter(|arrival| arrival.phase == 0).count(), 20);
    assert!(firsts[..20].iter().all(|arrival| arrival.at <= 1900 * SECOND / 1000));
    // When everything fails they come every 0.4 s: five times the load.
    let angry = played(&traffic, |_| false).iter().filter(|arrival| arrival.phase == 0).count();
    assert!((2850..=3000).contains(&angry), "{angry}");
    assert!((traffic.expected_rate(0) - 10.0).abs() < 1e-9);
}

#[test]
fn a_service_that_refuses_at_once_cannot_stop_the_clock() {
    let traffic = traffic("[{ name: x, for: 1s, population: { users: 1, think: 0s } }]");
    let first = arrivals(&traffic, 1)[0];
    let next = traffic.follow_up(Luck::new(1, 0), &first, first.at, false).expect("within the phase");
    assert!(next.at > first.at);
}

#[test]
fn failed_callers_come_again_as_often_as_they_are_willing() {
    let mut with = spec("[{ name: x, for: 100s, rate: 50/s }, { name: y, for: 10s, rate: 1/s }]");
    with.mix[0].again = Some(serde_saphyr::from_str("{ share: 50%, after: 2s, times: 2 }").expect("valid"));
    let traffic = resolved(&with);
    let all = played(&traffic, |_| false);
    assert_in_order(&all);
    let of = |times| all.iter().filter(|a| a.class == 0 && number::times_again(a.number) == times).count();
    assert!((of(1) as f64 / of(0) as f64 - 0.5).abs() < 0.03, "{} of {}", of(1), of(0));
    assert!((of(2) as f64 / of(1) as f64 - 0.5).abs() < 0.04, "{} of {}", of(2), of(1));
    assert_eq!(of(3), 0);
    for again in all.iter().filter(|arrival| number::times_again(arrival.number) > 0) {
        assert_eq!(again.class, 0, "batch callers do not come again");
        assert_eq!(again.phase, u16::from(again.at >= 100 * SECOND), "it counts where it arrives");
    }
    // The same caller asks the same.
    let first = all.iter().find(|a| number::times_again(a.number) == 1).expect("somebody came again");
    let origin = all.iter().find(|a| number::again(a.number) == Some(first.number)).expect("its origin");
    assert_eq!((first.input_tokens, first.output_tokens), (origin.input_tokens, origin.output_tokens));
    assert_eq!(first.at, origin.at + SECOND / 10 + 2 * SECOND);
    assert_eq!(played(&traffic, |_| true).len(), arrivals(&traffic, 1).len());
}

#[test]
fn the_list_of_arrivals_names_every_variant_and_its_examples_work() {
    for info in ARRIVALS {
        if !info.example.contains("trace:") {
            let rate =
                if info.example.starts_with("arrivals:") && info.name != "herd" { "rate: 1/s, " } else { "" };
            traffic(&format!("[{{ name: x, for: 1h, {rate}{} }}]", info.example));
        }
    }
    let schemas = [schemars::schema_for!(arrival::ArrivalSpec), schemars::schema_for!(shape::Shape)];
    for schema in schemas {
        for variant in schema.get("oneOf").and_then(|all| all.as_array()).expect("variants") {
            let name = variant.get("const").and_then(|name| name.as_str()).unwrap_or_else(|| {
                variant.get("required").and_then(|all| all[0].as_str()).expect("an externally tagged variant")
            });
            assert!(ARRIVALS.iter().any(|info| info.name == name), "{name} is missing from the list");
        }
    }
}
