//! `sim` and `mock` are one Bedrock: what the simulation sent is sent to the server once more, by the same keys and at the
//! same times, and the same comes of it.
//!
//! The server's time is told by the requests here, so that no clock of this machine has a part in a decision. Whether it
//! keeps the times that it promises is not looked at here.

mod simulated;
mod wire;

use std::path::Path;

use richter::scenario::{load, plan::Plan};
use richter_mock_bedrock::{Nanos, server::clock::StartBy};

use self::{
    simulated::{Sent, Told},
    wire::Wire,
};

fn plan() -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agreement/minute.yaml");
    load(&path).unwrap_or_else(|problems| panic!("{}", problems.render(false))).plan
}

/// What the simulation sent and was told, and what the server tells.
fn both(plan: &Plan, strategy: &str) -> (Vec<Sent>, Vec<Told>) {
    let sends = simulated::play(plan, strategy);
    let mut settings = richter::ground::served::settings(plan).expect("the plan was checked");
    settings.start = StartBy::Told;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = runtime.expect("a runtime").block_on(async {
        let server = richter_mock_bedrock::server::start(settings).await.expect("it starts");
        let mut wire = Wire::to(server.addr());
        let mut told = Vec::with_capacity(sends.len());
        for sent in &sends {
            told.push(wire.send(plan, sent).await);
        }
        server.stop().await;
        told
    });
    (sends, told)
}

#[test]
fn the_same_keys_meet_the_same_decisions_on_both_grounds() {
    let plan = plan();
    for strategy in ["on_demand", "profile"] {
        let (sends, told) = both(&plan, strategy);
        for (sent, told) in sends.iter().zip(&told) {
            assert_eq!(sent.told, *told, "{strategy}: {sent:?}");
        }
        let kinds: std::collections::BTreeSet<String> = told.iter().map(|told| told.kind()).collect();
        let expected = [
            "Access",
            "Capacity",
            "ServerFault",
            "StreamBroken",
            "Throttle",
            "Timeout",
            "Transport",
            "answered",
        ];
        assert!(sends.len() > 2_000 && expected.iter().all(|kind| kinds.contains(*kind)), "{kinds:?}");
        assert!(sends.iter().any(|sent| sent.attempt > 0), "no retries in play");
    }
}

/// The p-quantile of what was measured.
fn quantile(mut values: Vec<u64>, share: f64) -> f64 {
    values.sort_unstable();
    values[((values.len() - 1) as f64 * share) as usize] as f64
}

#[test]
fn quantiles_of_first_token_and_total_are_within_three_percent() {
    let plan = plan();
    let (sends, told) = both(&plan, "profile");
    type Pick = (&'static str, fn(&Told) -> Option<u64>);
    let picks: [Pick; 2] = [("first token", |told| told.first_ms), ("total", |told| told.total_ms)];
    for (name, pick) in picks {
        let here: Vec<u64> = sends.iter().filter_map(|sent| pick(&sent.told)).collect();
        let there: Vec<u64> = told.iter().filter_map(pick).collect();
        assert!(here.len() > 100, "{name}: {} values", here.len());
        for share in [0.1, 0.5, 0.9, 0.99] {
            let (here, there) = (quantile(here.clone(), share), quantile(there.clone(), share));
            assert!((here / there - 1.0).abs() < 0.03, "{name} at {share}: {here} and {there} ms");
        }
    }
}

fn ms(span: Nanos) -> u64 {
    span / 1_000_000
}
