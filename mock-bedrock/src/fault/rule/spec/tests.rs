use crate::{
    Nanos, SpecProblem,
    fault::{
        FAULTS, FaultRule, FaultSpec,
        testing::{SECOND, world},
    },
};

const END: Nanos = 600 * SECOND;

fn phase(name: &str) -> Option<(Nanos, Nanos)> {
    match name {
        "warm" => Some((0, 120 * SECOND)),
        "spike" => Some((120 * SECOND, 300 * SECOND)),
        "after" => Some((300 * SECOND, END)),
        _ => None,
    }
}

fn spec(yaml: &str) -> FaultSpec {
    serde_saphyr::from_str(yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"))
}

fn resolve(yaml: &str) -> Result<FaultRule, Vec<SpecProblem>> {
    spec(yaml).resolve("it", &world(), &phase, END)
}

fn problems(yaml: &str) -> Vec<SpecProblem> {
    match resolve(yaml) {
        Ok(rule) => panic!("{yaml} resolves to {rule:?}"),
        Err(problems) => problems,
    }
}

#[test]
fn every_example_resolves_to_its_own_kind() {
    for fault in FAULTS {
        assert_eq!(spec(fault.example).kind(), Some(fault.name));
        let rule =
            resolve(fault.example).unwrap_or_else(|problems| panic!("{}: {problems:?}", fault.example));
        assert_eq!((rule.name.as_str(), rule.kind), ("it", fault.name));
    }
}

#[test]
fn windows_count_from_their_phase_or_from_the_start() {
    let s = |seconds: u64| seconds * SECOND;
    for (during, from, to) in [
        ("{}", 0, 600),
        ("{ phase: spike }", 120, 300),
        ("{ phase: spike, after: 60s }", 180, 300),
        ("{ phase: spike, after: 60s, for: 90s }", 180, 270),
        ("{ phase: spike, for: 5m }", 120, 420),
        ("{ from: 2m, for: 90s }", 120, 210),
        ("{ from: 2m }", 120, 600),
        ("{ for: 10s }", 0, 10),
        ("{ from: 9m, for: 5m }", 540, 840),
    ] {
        let rule = resolve(&format!("{{ outage: {{ mode: refuse }}, during: {during} }}")).expect(during);
        assert_eq!((rule.from, rule.to), (s(from), s(to)), "{during}");
        assert_eq!(rule.open_ended, to >= 600, "{during}");
    }
}

#[test]
fn the_phase_is_told_for_checks() {
    assert_eq!(spec("{ access_denied: {}, during: { phase: spike } }").phase(), Some("spike"));
    assert_eq!(spec("{ access_denied: {}, during: { from: 1s } }").phase(), None);
    assert_eq!(spec("access_denied: {}").phase(), None);
}

/// (rule, path of the problem, part of its message, part of its hint)
const BROKEN: &[(&str, &str, &str, &str)] = &[
    ("{}", "", "needs a kind", "error_burst"),
    (
        "{ outage: { mode: refuse }, access_denied: {} }",
        "",
        "one kind, not outage and access_denied",
        "one rule for each",
    ),
    (
        "{ access_denied: {}, flap: { every: 2s, on: 1s, fault: { access_denied: {} } } }",
        "",
        "one kind, not access_denied and flap",
        "one rule for each",
    ),
    ("{ access_denied: {}, on: { region: us-wst-2 } }", "on.region", "no Region \"us-wst-2\"", "us-west-2"),
    (
        "{ access_denied: {}, on: { region: [us-east-1, mars-1] } }",
        "on.region",
        "no Region \"mars-1\"",
        "us-east-1",
    ),
    ("{ access_denied: {}, on: { model: gpt } }", "on.model", "no model \"gpt\"", "claude-3-haiku"),
    (
        "{ access_denied: {}, during: { phase: boom } }",
        "during.phase",
        "no phase is called \"boom\"",
        "traffic",
    ),
    (
        "{ access_denied: {}, during: { from: 10m } }",
        "during",
        "starts at 10m, but the run ends at 10m",
        "earlier",
    ),
    (
        "{ access_denied: {}, during: { phase: spike, after: 180s } }",
        "during.after",
        "starts at 5m, but its phase ends at 5m",
        "`for`",
    ),
    ("{ access_denied: {}, during: { for: 0s } }", "during.for", "never there", "90s"),
    ("{ access_denied: {}, during: { after: 5s } }", "during.after", "needs a phase", "`from`"),
    ("{ access_denied: {}, during: { phase: warm, from: 5s } }", "during.from", "either in a phase", "alone"),
    ("{ access_denied: { share: 0% } }", "access_denied.share", "strikes nobody", "30%"),
    ("{ access_denied: {}, hits: 0 }", "hits", "never strikes", "1 or more"),
    ("{ tokens_slow: { factor: 0 } }", "tokens_slow.factor", "0 is not a factor above 0", "threefold"),
    ("{ tokens_slow: { factor: -2 } }", "tokens_slow.factor", "-2 is not a factor above 0", "threefold"),
    ("{ tokens_slow: { factor: .nan } }", "tokens_slow.factor", "NaN is not a factor", "threefold"),
    ("{ latency_scale: {} }", "latency_scale", "changes nothing", "prefill: 3"),
    ("{ latency_scale: { decode: 0 } }", "latency_scale.decode", "not a factor", "0.5"),
    ("{ usage_wrong: { factor: 1 } }", "usage_wrong.factor", "does not make usage wrong", "report nothing"),
    ("{ quota_step: {} }", "quota_step", "either `factor` or `steps`", "factor: 0.5"),
    ("{ quota_step: { factor: 0 } }", "quota_step.factor", "not a factor", "half"),
    (
        "{ quota_step: { steps: [{ after: 5s, factor: 1 }, { after: 5s, factor: 2 }] } }",
        "quota_step.steps",
        "in the order of `after`",
        "sort",
    ),
    (
        "{ quota_step: { steps: [{ after: 5s, factor: 0.5 }, { after: 9s, factor: -1 }] } }",
        "quota_step.steps.1.factor",
        "not a factor",
        "half",
    ),
    (
        "{ quota_step: { factor: 0.5 }, on: { stream: true } }",
        "on.stream",
        "cannot select by stream",
        "only region and model",
    ),
    (
        "{ quota_step: { factor: 0.5, pool: provisioned } }",
        "quota_step.pool",
        "no quota pool",
        "on_demand us-east-1",
    ),
    ("{ quota_shadow: {} }", "quota_shadow", "takes nothing", "200/min"),
    ("{ error_burst: { errors: {} } }", "error_burst.errors", "no errors", "70%"),
    ("{ error_burst: { errors: { ThrottlingException: 0% } } }", "error_burst.errors", "share of 0%", "70%"),
    (
        "{ exception_mid_stream: { error: AccessDeniedException, after: 5 } }",
        "exception_mid_stream.error",
        "never comes inside a stream",
        "ThrottlingException",
    ),
    ("{ model_not_ready: { warm_up: 0s } }", "model_not_ready.warm_up", "never refuses", "30s"),
    ("{ reroute_drain: { region: mars-1 } }", "reroute_drain.region", "no Region \"mars-1\"", "us-east-1"),
    (
        "{ reroute_drain: { region: us-west-2 }, on: { region: us-east-1 } }",
        "on",
        "selects no calls",
        "remove `on`",
    ),
    (
        "{ flap: { every: 5s, on: 6s, fault: { access_denied: {} } } }",
        "flap.on",
        "on for 6s of every 5s",
        "at most `every`",
    ),
    ("{ flap: { every: 10us, on: 5us, fault: { access_denied: {} } } }", "flap.every", "too short", "1ms"),
    (
        "{ flap: { every: 5s, on: 1s, fault: { tokens_slow: { factor: 0 } } } }",
        "flap.fault.tokens_slow.factor",
        "not a factor",
        "half",
    ),
    ("{ access_denied: {}, envelope: { ramp: { from: 0%, to: 0% } } }", "envelope", "never strikes", "100%"),
    ("{ access_denied: {}, envelope: { exponential: { from: 0%, to: 9% } } }", "envelope", "0%", "1%"),
    ("{ access_denied: {}, envelope: { square: { period: 5s, on: 6s } } }", "envelope", "`on`", "8s"),
    ("{ access_denied: {}, envelope: { sine: { period: 0s } } }", "envelope", "0s", "60s"),
    ("{ access_denied: {}, envelope: { steps: [] } }", "envelope", "never strikes", "50%"),
];

#[test]
fn what_cannot_work_is_said_with_its_place_and_a_way_out() {
    for (yaml, path, message, hint) in BROKEN {
        let found = problems(yaml);
        let [problem] = found.as_slice() else { panic!("{yaml}: {found:?}") };
        assert_eq!(problem.path.join("."), *path, "{yaml}");
        assert!(problem.message.contains(message), "{yaml}: {}", problem.message);
        assert!(problem.hint.contains(hint), "{yaml}: {}", problem.hint);
    }
}

#[test]
fn all_problems_are_said_at_once() {
    let found = problems(
        "{ error_burst: { errors: {}, share: 0% }, on: { region: mars-1, model: gpt }, during: { phase: boom }, hits: 0 }",
    );
    let paths: Vec<String> = found.iter().map(|problem| problem.path.join(".")).collect();
    let want = ["on.region", "on.model", "during.phase", "hits", "error_burst.errors", "error_burst.share"];
    assert_eq!(paths, want);
}

#[test]
fn what_is_no_fault_is_not_read() {
    for (yaml, message) in [
        ("{ flap: { every: 5s, on: 1s, fault: { flap: { every: 1s, on: 1s } } } }", "unknown variant"),
        ("{ outrage: { mode: refuse } }", "unknown field"),
        ("{ outage: { mode: explode } }", "unknown variant"),
        ("{ outage: { mode: refuse, sahre: 5% } }", "unknown field"),
        ("{ access_denied: { share: 0.3 } }", "no unit"),
        ("{ access_denied: {}, on: { region: [] } }", "empty list"),
        ("{ error_burst: { errors: { TeapotException: 5% } } }", "unknown variant"),
    ] {
        let error = serde_saphyr::from_str::<FaultSpec>(yaml).expect_err(yaml).to_string();
        assert!(error.contains(message), "{yaml}: {error}");
    }
}

#[test]
fn tenants_are_numbered_by_whoever_knows_them() {
    let number = |name: &str| (name == "chat").then_some(3);
    let mut known =
        resolve("{ access_denied: {}, on: { tenant: chat } }").expect("tenants are looked up later");
    assert_eq!(known.number_tenants(&number), Ok(()));
    assert_eq!(known.selector.tenants, [Some(3)]);
    let mut unknown = resolve("{ access_denied: {}, on: { tenant: [chat, bots] } }").expect("as before");
    let problem = unknown.number_tenants(&number).expect_err("nobody is called bots");
    assert_eq!(problem.path, ["on", "tenant"]);
    assert!(problem.message.contains("bots"));
}

#[test]
fn the_schema_asks_for_exactly_one_kind() {
    let schema = schemars::schema_for!(FaultSpec);
    let one_of = schema.get("oneOf").and_then(|one| one.as_array()).expect("written by hand");
    assert_eq!(one_of.len(), FAULTS.len());
    let properties = schema.get("properties").and_then(|all| all.as_object()).expect("a struct has some");
    for fault in FAULTS {
        assert!(properties.contains_key(fault.name), "{}", fault.name);
    }
}
