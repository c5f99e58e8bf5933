//! What must hold whatever the rules and the calls are.

use proptest::prelude::*;

use crate::{
    Nanos,
    engine::Operation,
    exception::Exception,
    fault::{
        BodyFault, FAULTS, FaultInfo, FaultRule, FaultSpec, Faults, Hits, Subject,
        testing::{SECOND, world},
    },
    luck::Luck,
    world::{AccountId, ModelId, PoolId, RegionId},
};

const END: Nanos = 600 * SECOND;
const TOKENS: u32 = 30;

#[derive(Debug, Clone)]
struct AnyRule {
    kind: usize,
    region: Option<&'static str>,
    from: u64,
    length: u64,
    envelope: &'static str,
    hits: Option<u64>,
    group: Option<&'static str>,
}

impl AnyRule {
    fn resolve(&self, name: &str) -> FaultRule {
        let during = format!("{{ from: {}s, for: {}s }}", self.from, self.length);
        let yaml = format!("{}\nduring: {during}\nenvelope: {}\n", FAULTS[self.kind].example, self.envelope);
        let mut spec: FaultSpec = serde_saphyr::from_str(&yaml).expect(&yaml);
        spec.hits = self.hits;
        spec.group = self.group.map(str::to_owned);
        if spec.reroute_drain.is_none() {
            spec.on.region.0 = self.region.map(str::to_owned).into_iter().collect();
        }
        spec.resolve(name, &world(), &|_| None, END).expect(&yaml)
    }
}

fn any_rule() -> impl Strategy<Value = AnyRule> {
    let regions = prop::sample::select(vec![None, Some("us-east-1"), Some("us-west-2")]);
    let envelopes = vec![
        "constant",
        "{ ramp: { from: 0%, to: 100% } }",
        "{ exponential: { from: 1%, to: 100% } }",
        "{ square: { period: 20s, on: 8s } }",
        "{ sine: { period: 30s } }",
        "{ steps: [{ after: 5s, level: 50% }] }",
    ];
    let groups = prop::sample::select(vec![None, Some("both")]);
    let rest = (prop::sample::select(envelopes), prop::option::of(1..20u64), groups);
    (0..FAULTS.len(), regions, 0..500u64, 1..600u64, rest).prop_map(
        |(kind, region, from, length, (envelope, hits, group))| AnyRule {
            kind,
            region,
            from,
            length,
            envelope,
            hits,
            group,
        },
    )
}

fn any_calls() -> impl Strategy<Value = Vec<(Nanos, Subject)>> {
    let operation = prop::sample::select(vec![
        Operation::Converse,
        Operation::ConverseStream,
        Operation::InvokeModel,
        Operation::InvokeModelWithResponseStream,
    ]);
    let call = (0..END, 0..2u16, 0..2u16, 0..2u16, operation);
    prop::collection::vec(call, 0..200).prop_map(|mut calls| {
        calls.sort_by_key(|call| call.0);
        let subject =
            |(request, (at, region, serving, model, operation)): (u64, (Nanos, u16, u16, u16, _))| {
                let (region, serving, model) = (RegionId(region), RegionId(serving), ModelId(model));
                let attempt = (request % 3) as u32;
                (
                    at,
                    Subject {
                        region,
                        serving,
                        model,
                        operation,
                        tenant: 0,
                        account: AccountId(0),
                        request: request / 3,
                        attempt,
                        line: None,
                    },
                )
            };
        (0..).zip(calls).map(subject).collect()
    })
}

/// Asks about every call as the engine would if nothing ended it, and writes down all that is said.
fn ask(rules: Vec<FaultRule>, calls: &[(Nanos, Subject)]) -> (Vec<String>, Vec<Hits>) {
    let mut faults = Faults::new(rules, Luck::new(42, 0));
    let mut told = Vec::new();
    for (now, call) in calls {
        faults.advance(*now);
        let page = faults.page(*now, call);
        let before =
            (faults.drained(*now, call.serving), faults.network(*now, call), faults.auth(*now, call));
        let pool = PoolId(call.region.0);
        faults.pool_asked(*now, pool);
        let quota = (faults.quota_factor(*now, pool), faults.shadow(*now, pool));
        let refused = (faults.availability(*now, call), faults.capacity(*now, call));
        let body = faults.body(*now, call, TOKENS);
        if let Some(
            BodyFault::Stall { after, .. }
            | BodyFault::Reset { after }
            | BodyFault::Eof { after }
            | BodyFault::Exception { after, .. }
            | BodyFault::Garbled { after, .. },
        ) = body
        {
            assert!(after <= TOKENS, "{body:?}");
        }
        let answered = (faults.latency(*now, call), body, faults.usage(*now, call));
        let error = faults.error(*now, call, Exception::too_many_requests(), None);
        let told_of = (page, error, faults.quirk(*now, call, Some(TOKENS)));
        told.push(format!("{before:?} {quota:?} {refused:?} {answered:?} {told_of:?}"));
    }
    (told, faults.hits().map(|(_, hits)| hits.clone()).collect())
}

fn resolved(rules: &[AnyRule]) -> Vec<FaultRule> {
    rules.iter().enumerate().map(|(index, rule)| rule.resolve(&format!("rule {index}"))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn counts_add_up_and_the_same_again_gives_the_same(
        rules in prop::collection::vec(any_rule(), 0..6),
        calls in any_calls(),
    ) {
        let rules = resolved(&rules);
        let (told, counted) = ask(rules.clone(), &calls);
        for (rule, hits) in rules.iter().zip(&counted) {
            prop_assert!(hits.hit + hits.missed <= hits.rolled, "{rule:?}: {hits:?}");
            prop_assert!(hits.hit <= rule.budget, "{rule:?}: {hits:?}");
        }
        prop_assert_eq!((told, counted), ask(rules, &calls));
    }

    #[test]
    fn a_rule_is_rolled_and_hits_alike_whatever_rules_there_are_in_other_stages(
        mut rule in any_rule(),
        mut other in any_rule(),
        calls in any_calls(),
    ) {
        let stage = |rule: &AnyRule| FAULTS[rule.kind].stage.split(';').next();
        // The stage of a flap is that of its fault; and nobody waits for a connection that is refused.
        let apart = |rule: &AnyRule| {
            let FaultInfo { name, stage, .. } = FAULTS[rule.kind];
            name != "flap" && !stage.contains("connect") && stage != "handshake"
        };
        prop_assume!(stage(&rule) != stage(&other) && apart(&rule) && apart(&other));
        (rule.group, other.group) = (None, None);
        let (first, second) = (rule.resolve("rule"), other.resolve("other"));
        let (_, alone) = ask(vec![first.clone()], &calls);
        let (_, together) = ask(vec![second, first], &calls);
        prop_assert_eq!(&alone[0], &together[1]);
    }
}
