//! Faults as callers of the service meet them.

use crate::{
    Nanos,
    engine::{Call, Engine, Line, Operation, Served},
    fault::{
        FAULTS, FaultRule, FaultSpec, Ground, Hits,
        testing::{SECOND, world},
    },
    luck::Luck,
    world::{RegionId, RouteId, RouteKind, World, WorldSpec},
};

const END: Nanos = 3600 * SECOND;

fn rule(yaml: &str, world: &World) -> FaultRule {
    let spec: FaultSpec = serde_saphyr::from_str(yaml).expect(yaml);
    spec.resolve("it", world, &|_| None, END).expect(yaml)
}

fn call(request: u64, route: u16, operation: Operation) -> Call {
    Call {
        route: RouteId(route),
        operation,
        request,
        attempt: 0,
        input_tokens: 100,
        cache_read: 0,
        cache_write: 0,
        prefix: None,
        max_tokens: Some(500),
        output_tokens: 100,
        tenant: 0,
        connect_within: None,
    }
}

/// A thousand calls at this rule's engine, with pauses, and errors of its own among them; over a connection or not.
fn strikes(example: &str, wire: bool) -> Hits {
    let world = world();
    let rules = [example, "{ error_burst: { errors: { ThrottlingException: 100% }, share: 10% } }"];
    let rules = rules.into_iter().zip(["it", "errors"]).map(|(yaml, name)| {
        let spec: FaultSpec = serde_saphyr::from_str(yaml).expect(yaml);
        spec.resolve(name, &world, &|_| None, END).expect(yaml)
    });
    let mut engine = Engine::new(world.clone(), rules.collect(), Luck::new(42, 0));
    for request in 0..1000 {
        let now = request * SECOND / 10 + request / 100 * 20 * SECOND;
        let operation = if request % 8 < 4 { Operation::ConverseStream } else { Operation::Converse };
        let call = call(request, (request % 4) as u16, operation);
        if wire {
            let line = Line { age: 60 * SECOND, idle: Some(60 * SECOND) };
            engine.handshake(now, RegionId(0), request);
            engine.call_over(now, &call, line);
            engine.delivery(now, &call);
        } else {
            engine.call(now, &call);
        }
    }
    engine.faults().hits().next().expect("two rules").1.clone()
}

#[test]
fn every_kind_strikes_on_the_grounds_that_can_show_it_and_on_no_other() {
    let world = world();
    for fault in FAULTS {
        let rule = rule(fault.example, &world);
        for (ground, wire) in [(Ground::Simulation, false), (Ground::Wire { tls: true }, true)] {
            let hits = strikes(fault.example, wire);
            let shown = rule.obstacle(ground).is_none();
            let told = format!("{} {ground:?}: {hits:?}", fault.name);
            assert!(if shown { hits.hit > 0 && hits.hit <= hits.rolled } else { hits.hit == 0 }, "{told}");
        }
    }
}

fn limited(requests: &str, faults: &[&str]) -> Engine {
    let yaml = format!(
        "{{ models: {{ m: {{ first_token: 100ms, per_token: 10ms, max_output: 1000 }} }}, \
           quotas: {{ on_demand: {{ us-east-1: {{ requests: {requests} }} }} }} }}"
    );
    let spec: WorldSpec = serde_saphyr::from_str(&yaml).expect("a readable world");
    let world = spec.resolve(&[(RouteKind::OnDemand, "us-east-1", "m")]).expect("a world without problems");
    let rules = faults.iter().map(|yaml| rule(yaml, &world)).collect();
    Engine::new(world, rules, Luck::new(42, 0))
}

/// How many of 100 calls at once are admitted.
fn admitted(engine: &mut Engine, now: Nanos, from: u64) -> usize {
    let mut calls =
        (from..from + 100).map(|request| engine.call(now, &call(request, 0, Operation::Converse)));
    let admitted = calls.by_ref().filter(|served| matches!(served, Served::Answer(_))).count();
    assert_eq!(calls.count(), 0);
    admitted
}

#[test]
fn a_quota_step_changes_what_is_admitted() {
    let mut engine = limited("60/min", &["{ quota_step: { factor: 0.5 }, during: { from: 10m, for: 10m } }"]);
    assert_eq!(admitted(&mut engine, 0, 0), 60);
    assert_eq!(admitted(&mut engine, 600 * SECOND, 100), 30);
    assert_eq!(admitted(&mut engine, 1300 * SECOND, 200), 60);
}

#[test]
fn a_caller_who_comes_rarely_finds_what_others_leave() {
    let shadow = |rate: &str| {
        let yaml = format!("quota_shadow: {{ requests: {rate} }}");
        admitted(&mut limited("60/min", &[yaml.as_str()]), 1800 * SECOND, 0)
    };
    assert!(
        (59..=60).contains(&shadow("30/min")),
        "half the refill leaves the bucket full: {}",
        shadow("30/min")
    );
    assert!(shadow("120/min") <= 1, "twice the refill leaves nothing: {}", shadow("120/min"));
}
