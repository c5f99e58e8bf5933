//! Facts, and what is thought of them: as tables.

use std::collections::BTreeMap;

use super::*;
use crate::{
    aws::Identity,
    doctor::{
        facts::{Availability, ProfileFacts, QuotaFacts, TargetFacts, Told},
        need::PoolNeed,
        quota_name::PoolKind,
        report::Status,
    },
};

const NOW: u64 = 1_800_000_000;

fn credentials_with(change: impl FnOnce(&mut CredentialFacts)) -> Check {
    let mut facts = CredentialFacts {
        source: "somewhere".into(),
        expires_unix_s: None,
        renewed: false,
        end_unknown: false,
        api_key: false,
        keys: true,
    };
    change(&mut facts);
    let account = AccountFacts {
        name: String::new(),
        credentials: Ok(facts),
        identity: Ok(Identity { account: "1".into(), arn: "arn".into() }),
    };
    credentials(&account, NOW)
}

#[test]
fn credentials_must_last_as_long_as_the_run_unless_they_are_renewed() {
    let ends = |at: u64, renewed: bool| {
        credentials_with(|facts| (facts.expires_unix_s, facts.renewed) = (Some(at), renewed)).status
    };
    assert_eq!(credentials_with(|_| ()).status, Status::Ok);
    assert_eq!(credentials_with(|facts| facts.end_unknown = true).status, Status::Warn);
    assert_eq!((ends(NOW, false), ends(NOW - 1, false)), (Status::Ok, Status::Fail));
    assert_eq!(ends(NOW - 1, true), Status::Ok);
}

#[test]
fn a_clock_may_be_off_by_less_than_signatures_allow() {
    let status = |ahead: i64| clock(Some(ahead)).expect("a check").status;
    let table =
        [(0, Status::Ok), (29, Status::Ok), (-29, Status::Ok), (30, Status::Warn), (-239, Status::Warn)];
    for (ahead, expected) in table {
        assert_eq!(status(ahead), expected, "{ahead}");
    }
    assert_eq!((status(240), status(-240), status(i64::MIN)), (Status::Fail, Status::Fail, Status::Fail));
    assert_eq!(clock(None), None, "nobody said what time it is");
}

fn denied(text: &str) -> AccessError {
    AccessError::new(text, "allow it")
}

fn facts(told: Told) -> Facts {
    let target =
        TargetFacts { name: "us".into(), account: 0, region: "us-east-1".into(), id: "us.m".into(), told };
    Facts {
        accounts: vec![AccountFacts {
            name: String::new(),
            credentials: Err(denied("none")),
            identity: Err(denied("none")),
        }],
        ahead_s: None,
        targets: vec![target],
        places: BTreeMap::new(),
        destinations: BTreeMap::new(),
    }
}

fn model(on_demand: Result<bool, AccessError>, available: Result<(bool, bool), AccessError>) -> Status {
    let available = available.map(|(granted, in_region)| Availability { granted, in_region });
    let facts = facts(Told::Model { model: "m".into(), on_demand, available });
    let checks = target::target(&facts.targets[0], "");
    assert_eq!(checks.len(), 1);
    checks[0].status
}

#[test]
fn a_model_must_be_there_granted_and_to_be_had_on_demand() {
    assert_eq!(model(Ok(true), Ok((true, true))), Status::Ok);
    assert_eq!(model(Ok(false), Ok((true, true))), Status::Fail);
    assert_eq!(model(Ok(true), Ok((false, true))), Status::Fail);
    assert_eq!(model(Ok(true), Ok((true, false))), Status::Fail);
    assert_eq!(model(Err(denied("no such model")), Ok((true, true))), Status::Fail);
    assert_eq!(model(Ok(true), Err(denied("not allowed to ask"))), Status::Warn, "it may still be usable");
    let closed = denied("with an explicit deny in a service control policy");
    assert_eq!(model(Ok(true), Err(closed)), Status::Fail);
}

#[test]
fn one_closed_region_fails_and_one_that_cannot_be_asked_only_warns() {
    let found = ProfileFacts {
        status: "ACTIVE".into(),
        models: vec!["m".into()],
        destinations: vec!["us-east-1".into(), "us-east-2".into(), "us-west-2".into()],
        global: false,
    };
    let mut facts = facts(Told::Profile { found: Ok(found) });
    let open = Availability { granted: true, in_region: true };
    let key = |region: &str| (0, region.to_owned(), "m".to_owned());
    facts.destinations.insert(key("us-east-1"), Ok(open));
    facts.destinations.insert(key("us-east-2"), Err(denied("an explicit deny in a service control policy")));
    facts.destinations.insert(key("us-west-2"), Err(denied("no identity-based policy allows it")));
    let checks = target::destinations(&facts);
    let told: Vec<(&str, Status)> = checks.iter().map(|check| (&*check.about, check.status)).collect();
    assert_eq!(told, [("us-east-1", Status::Ok), ("us-east-2", Status::Fail), ("us-west-2", Status::Warn)]);
    assert!(checks[1].says.contains("breaks us"), "{}", checks[1].says);
}

#[test]
fn capacity_and_profiles_must_be_in_service() {
    let status = |told: Told| target::target(&facts(told).targets[0], "")[0].status;
    let capacity = |found: Result<&str, AccessError>| {
        status(Told::Capacity { found: found.map(str::to_owned), wanted: "InService" })
    };
    assert_eq!(capacity(Ok("InService")), Status::Ok);
    assert_eq!(capacity(Ok("Creating")), Status::Fail);
    assert_eq!(capacity(Err(denied("not found"))), Status::Fail);
    let profile = |status: &str, global: bool| ProfileFacts {
        status: status.into(),
        models: Vec::new(),
        destinations: Vec::new(),
        global,
    };
    assert_eq!(status(Told::Profile { found: Ok(profile("ACTIVE", true)) }), Status::Ok);
    assert_eq!(status(Told::Profile { found: Ok(profile("SOMETHING_NEW", false)) }), Status::Fail);
    assert_eq!(status(Told::Profile { found: Err(denied("not found")) }), Status::Fail);
}

fn quota_of(requests: f64, tokens: f64) -> Check {
    let quota = |what: &str, value: f64| QuotaFacts {
        code: "L-1".into(),
        name: format!("On-demand InvokeModel {what} per minute for Amazon Nova Lite"),
        value,
        adjustable: true,
    };
    let mut facts = facts(Told::Nothing { why: String::new() });
    let quotas = vec![quota("requests", requests), quota("tokens", tokens)];
    facts.places.insert((0, "us-east-1".into()), PlaceFacts { quotas: Ok(quotas), logging: Ok(None) });
    let key = (String::new(), "us-east-1".into(), PoolKind::OnDemand, "amazon.nova-lite-v1:0".into());
    let need = PoolNeed {
        targets: vec!["east".into()],
        requests_per_minute: 100.0,
        tokens_per_minute: 5_000.0,
        tokens: 1.0,
    };
    let mut checks = quota::quotas(&facts, &[(key, need)].into_iter().collect());
    assert_eq!(checks.len(), 1);
    checks.remove(0)
}

#[test]
fn a_quota_below_the_peak_warns_and_one_of_zero_fails() {
    assert_eq!(quota_of(100.0, 5_000.0).status, Status::Ok);
    let over = quota_of(100.0, 2_000.0);
    assert_eq!(over.status, Status::Warn);
    assert_eq!(
        over.says,
        "up to 100 requests/min of 100; up to 5,000 tokens/min of 2,000, 2.5 times as much"
    );
    let zero = quota_of(100.0, 0.0);
    assert_eq!(
        (zero.status, zero.fix.as_deref()),
        (Status::Fail, Some("ask for more of quota L-1 in the Service Quotas console"))
    );
}

#[test]
fn a_machine_must_have_files_and_cores_for_the_peak() {
    let load = Load { requests_per_second: 1_000.0, concurrent: 900.0, cpu: 0.3 };
    let files = |limit: Option<u64>| machine(&Machine { open_files: limit, cores: 2 }, &load)[0].status;
    let table = [
        (Some(963), Status::Fail),
        (Some(964), Status::Warn),
        (Some(1_864), Status::Ok),
        (Some(u64::MAX), Status::Ok),
        (None, Status::Warn),
    ];
    for (limit, expected) in table {
        assert_eq!(files(limit), expected, "{limit:?}");
    }
    let cores = |cpu: f64| machine(&Machine { open_files: None, cores: 2 }, &Load { cpu, ..load })[1].status;
    assert_eq!((cores(1.0), cores(1.1), cores(2.1)), (Status::Ok, Status::Warn, Status::Fail));
}
