//! Settings of traffic that cannot work.

use super::*;

fn problems(phases: &str) -> Vec<(String, String)> {
    let found = spec(phases).resolve(Path::new("/nonexistent")).expect_err("problems");
    found.iter().map(|problem| (problem.path.join("."), problem.message.clone())).collect()
}

#[test]
fn settings_that_cannot_work_are_named_with_their_place() {
    let cases = [
        ("{ for: 5m }", "phases.0", "does not say where its requests come from"),
        ("{ for: 5m, arrivals: poisson }", "phases.0.arrivals", "no rate for the arrivals"),
        ("{ for: 0s, rate: 1/s }", "phases.0.for", "no length"),
        ("{ for: 40d, rate: 1/h }", "phases.0.for", "later than the 31d"),
        ("{ for: 5m, rate: 0/s }", "phases.0.rate", "offers nothing"),
        (
            "{ for: 5m, rate: 1/s, population: { users: 1, think: 1s } }",
            "phases.0.population",
            "both rate and population",
        ),
        (
            "{ for: 5m, rate: 1/s, arrivals: { herd: { every: 1s, count: 1, spread: 0s } } }",
            "phases.0.arrivals",
            "both rate and arrivals",
        ),
        (
            "{ for: 5m, population: { users: 1, think: 1s }, arrivals: poisson }",
            "phases.0.arrivals",
            "both population and arrivals",
        ),
        ("{ for: 5m, population: { users: 0, think: 1s } }", "phases.0.population.users", "0 users"),
        (
            "{ for: 5m, rate: 1/s, arrivals: { gamma: { cv: 0 } } }",
            "phases.0.arrivals.gamma.cv",
            "outside 0.01 to 50",
        ),
        ("{ for: 5m, rate: 1/s, arrivals: { gamma: { cv: .nan } } }", "phases.0.arrivals.gamma.cv", "NaN"),
        (
            "{ for: 5m, rate: 1/s, arrivals: { on_off: { on: 1us, off: 1s } } }",
            "phases.0.arrivals.on_off.on",
            "too short",
        ),
        (
            "{ for: 5m, rate: 1/s, arrivals: { mmpp2: { low: 2, high: 1, low_for: 1s, high_for: 1s } } }",
            "phases.0.arrivals.mmpp2.high",
            "not above",
        ),
        (
            "{ for: 5m, arrivals: { herd: { every: 1s, count: 1, spread: 2s } } }",
            "phases.0.arrivals.herd.spread",
            "longer than",
        ),
        (
            "{ for: 5m, arrivals: { herd: { every: 0s, count: 0, spread: 0s } } }",
            "phases.0.arrivals.herd.count",
            "not between",
        ),
        ("{ for: 5m, rate: { ramp: { from: 0/s, to: 0/s } } }", "phases.0.rate.ramp", "offers nothing"),
        ("{ for: 5m, rate: { step: { levels: [] } } }", "phases.0.rate.step.levels", "no level"),
        (
            "{ for: 5m, rate: { sine: { mean: 1/s, amplitude: 2/s, period: 1m } } }",
            "phases.0.rate.sine.amplitude",
            "negative",
        ),
        (
            "{ for: 5m, rate: { sine: { mean: 1/s, amplitude: 1/s, period: 0s } } }",
            "phases.0.rate.sine.period",
            "needs a length",
        ),
        (
            "{ for: 1m, rate: { flash_crowd: { from: 1/s, peak: 2/s, rise: 30s, hold: 30s, fall: 1s } } }",
            "phases.0.rate.flash_crowd",
            "take 1m 1s, longer than",
        ),
        (
            "{ for: 1m, rate: { flash_crowd: { from: 1/s, peak: 2/s, rise: 0s, hold: 0s, fall: 0s } } }",
            "phases.0.rate.flash_crowd",
            "never reached",
        ),
        (
            "{ for: 1m, rate: { flash_crowd: { from: 2/s, peak: 2/s, rise: 1s, hold: 1s, fall: 1s } } }",
            "phases.0.rate.flash_crowd.peak",
            "not above the base",
        ),
        (
            "{ for: 1m, rate: { flash_crowd: { from: 0/s, peak: 2/s, rise: 1s, hold: 1s, fall: 1s, shape: exponential } } }",
            "phases.0.rate.flash_crowd.from",
            "cannot start at zero",
        ),
        ("{ for: 10d, rate: 1000/s }", "phases", "864000000 requests, more than 100000000"),
        ("{ for: 5m, trace: { file: a.csv, format: csv } }", "phases.0.trace", "which columns"),
        ("{ for: 5m, trace: { file: a.csv, format: azure } }", "phases.0.trace.file", "cannot be opened"),
        (
            "{ for: 5m, trace: { file: a.csv, format: azure, rate_scale: 0 } }",
            "phases.0.trace.rate_scale",
            "not between",
        ),
        (
            "{ for: 5m, trace: { file: a.csv, format: azure, time_scale: .inf } }",
            "phases.0.trace.time_scale",
            "not between",
        ),
        (
            "{ for: 5m, trace: { file: a.csv, format: azure, window: { from: 0s, for: 0s } } }",
            "phases.0.trace.window.for",
            "no length",
        ),
        (
            "{ for: 5m, trace: { file: a.csv, format: azure, token_cap: 0 } }",
            "phases.0.trace.token_cap",
            "at least one token",
        ),
        (
            "{ for: 5m, trace: { file: a.csv, format: azure, columns: { time: a, input: b, output: c } } }",
            "phases.0.trace.columns",
            "has its own columns",
        ),
    ];
    for (phase, path, message) in cases {
        let phase = phase.replacen('{', "{ name: x,", 1);
        let found = problems(&format!("[{phase}]"));
        assert!(
            found.iter().any(|(at, said)| at == path && said.contains(message)),
            "{phase}: {path} should say {message}, and there is {found:#?}"
        );
    }
}

#[test]
fn all_problems_are_found_at_once() {
    let mut wrong = spec(
        "[{ name: a, for: 5m, rate: 0/s },
          { name: a, from: 1m, for: 5m, rate: 1/s },
          { name: b, for: 5m }]",
    );
    wrong.mix[0].share = richter_mock_bedrock::units::Share(0.7);
    wrong.mix[1].max_tokens = Some(richter_mock_bedrock::units::Tokens(0));
    wrong.mix[1].again = Some(serde_saphyr::from_str("{ share: 50%, after: 2s, times: 0 }").expect("valid"));
    let found: Vec<SpecProblem> = wrong.resolve(Path::new("/nonexistent")).expect_err("problems");
    let paths: Vec<String> = found.iter().map(|problem| problem.path.join(".")).collect();
    assert_eq!(
        paths,
        [
            "mix",
            "mix.batch.max_tokens",
            "mix.batch.again.times",
            "phases.1.name",
            "phases.1.from",
            "phases.0.rate",
            "phases.2"
        ]
    );
    assert!(
        found[0].message.contains("90%") && found[0].message.contains("chat 70%"),
        "{}",
        found[0].message
    );
    assert!(found[4].message.contains("starts at 1m, before \"a\" ends at 5m"), "{}", found[4].message);
    assert!(found.iter().all(|problem| !problem.hint.is_empty()));
    let empty = TrafficSpec { mix: [].into_iter().collect(), phases: Vec::new() };
    assert_eq!(empty.resolve(Path::new("/")).expect_err("nothing there").len(), 2);
}

#[test]
fn tenants_that_cannot_be_are_named_with_their_class() {
    for (tenants, place, message) in [
        ("0", "mix.chat.tenants", "0 tenants are not between"),
        ("{ count: 3, skew: -1 }", "mix.chat.tenants.skew", "a skew of -1"),
        ("10000", "mix", "10001 tenants together"),
    ] {
        let mut spec = spec("[{ name: x, for: 5m, rate: 1/s }]");
        spec.mix[0].tenants = Some(serde_saphyr::from_str(tenants).expect("readable"));
        let found = spec.resolve(Path::new("/nonexistent")).expect_err("problems");
        assert_eq!(found[0].path.join("."), place);
        assert!(found[0].message.contains(message), "{}", found[0].message);
    }
}
