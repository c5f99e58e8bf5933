//! What the tests of this folder share: rules and calls with everything usual in them.

use super::{
    Action, BodyFault, FaultRule, Faults, Hits, Subject,
    rule::{envelope::Envelope, selector::Selector},
};
use crate::{
    Nanos,
    engine::Operation,
    luck::Luck,
    world::{AccountId, ModelId, RegionId, RouteKind, World, WorldSpec},
};

pub const SECOND: Nanos = 1_000_000_000;
/// The window of every rule here.
pub const FROM: Nanos = 100 * SECOND;
pub const TO: Nanos = 200 * SECOND;
/// A moment inside it.
pub const CALL: Nanos = 150 * SECOND;

/// Two Regions, two models, and a profile over both Regions.
pub fn world() -> World {
    let yaml = "
        regions: { us-east-1: {}, us-west-2: {} }
        models:
          anthropic.claude-3-haiku-20240307-v1:0: { first_token: 400ms, per_token: 9ms, max_output: 4096 }
          amazon.nova-lite-v1:0: { first_token: 300ms, per_token: 8ms, max_output: 4096 }
        profiles:
          us.anthropic.claude-3-haiku-20240307-v1:0: { destinations: { us-east-1: [us-east-1, us-west-2] } }
        ";
    let spec: WorldSpec = serde_saphyr::from_str(yaml).expect("a readable world");
    let haiku = "anthropic.claude-3-haiku-20240307-v1:0";
    let routes = [
        (RouteKind::OnDemand, "us-east-1", haiku),
        (RouteKind::OnDemand, "us-west-2", haiku),
        (RouteKind::OnDemand, "us-west-2", "amazon.nova-lite-v1:0"),
        (RouteKind::Profile, "us-east-1", "us.anthropic.claude-3-haiku-20240307-v1:0"),
    ];
    spec.resolve(&routes).expect("a world without problems")
}

pub fn rule(action: Action) -> FaultRule {
    named("rule", action)
}

pub fn named(name: &str, action: Action) -> FaultRule {
    FaultRule {
        name: name.to_owned(),
        kind: "test",
        from: FROM,
        to: TO,
        open_ended: false,
        group: None,
        selector: Selector::default(),
        tenants: Vec::new(),
        envelope: Envelope::Constant,
        budget: u64::MAX,
        flap: None,
        action,
    }
}

/// The rules, before the run began.
pub fn not_begun(rules: impl IntoIterator<Item = FaultRule>) -> Faults {
    Faults::new(rules.into_iter().collect(), Luck::new(42, 0))
}

/// The rules, inside their window.
pub fn faults(rules: impl IntoIterator<Item = FaultRule>) -> Faults {
    let mut faults = not_begun(rules);
    faults.advance(CALL);
    faults
}

pub fn subject(request: u64) -> Subject {
    Subject {
        region: RegionId(0),
        serving: RegionId(0),
        model: ModelId(0),
        operation: Operation::ConverseStream,
        tenant: 0,
        account: AccountId(0),
        request,
        attempt: 0,
        line: None,
    }
}

/// Asks one rule about bodies: (case, stream or not, tokens, what should break).
pub fn body_table(rule: &FaultRule, table: &[(&str, bool, u32, Option<BodyFault>)]) -> Hits {
    let mut faults = faults([rule.clone()]);
    for (request, (case, stream, tokens, want)) in (0..).zip(table) {
        let operation = if *stream { Operation::ConverseStream } else { Operation::Converse };
        let got = faults.body(CALL, &Subject { operation, ..subject(request) }, *tokens);
        assert_eq!(got, *want, "{case}");
    }
    faults.hits().next().expect("one rule").1.clone()
}
