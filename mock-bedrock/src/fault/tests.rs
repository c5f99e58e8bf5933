//! What all kinds share: windows, chances, budgets, groups, order, and that rules leave each other's luck
//! alone.

mod any_rules;
mod through_the_engine;

use super::{
    connect_refused::ConnectRefused,
    error_burst::ErrorBurst,
    flap::Pattern,
    rule::envelope::Envelope,
    testing::{CALL, FROM, SECOND, TO, faults, named, not_begun, subject},
    *,
};
use crate::{exception::ExceptionKind, luck::Luck, world::RegionId};

fn burst(name: &str, share: f64) -> FaultRule {
    let errors = vec![(1.0, ExceptionKind::ServiceUnavailableException)];
    named(name, Action::ErrorBurst(ErrorBurst { errors, share, retry_after: None, message: None }))
}

fn refusal(name: &str, share: f64) -> FaultRule {
    named(name, Action::ConnectRefused(ConnectRefused { share }))
}

/// Which of the first thousand requests, at their first attempt, fail in the capacity stage.
fn struck(rules: impl IntoIterator<Item = FaultRule>) -> Vec<u64> {
    let mut faults = faults(rules);
    (0..1000).filter(|request| faults.capacity(CALL, &subject(*request)).is_some()).collect()
}

fn counts(faults: &Faults) -> Vec<(u64, u64, u64)> {
    faults.hits().map(|(_, hits)| (hits.rolled, hits.hit, hits.missed)).collect()
}

#[test]
fn a_rule_is_there_from_its_start_until_before_its_end() {
    let mut faults = not_begun([burst("a", 1.0)]);
    for (at, there) in
        [(0, false), (FROM - 1, false), (FROM, true), (TO - 1, true), (TO, false), (2 * TO, false)]
    {
        faults.advance(at);
        assert_eq!(faults.quiet(), !there, "quiet at {at}");
        assert_eq!(faults.capacity(at, &subject(at)).is_some(), there, "at {at}");
    }
}

#[test]
fn a_rule_that_lasts_to_the_end_of_the_run_also_strikes_what_is_open_then() {
    let mut faults = faults([FaultRule { open_ended: true, ..burst("a", 1.0) }]);
    faults.advance(TO + 60 * SECOND);
    assert!(faults.capacity(TO + 60 * SECOND, &subject(1)).is_some());
}

#[test]
fn the_envelope_scales_the_chance() {
    let mut rule = burst("a", 0.8);
    rule.envelope = Envelope::Ramp { from: 0.0, to: 1.0, over: TO - FROM };
    let mut faults = faults([rule]);
    for (at, share) in [(FROM, 0.0), ((FROM + TO) / 2, 0.4), (TO - 1, 0.8)] {
        let hits = (at..at + 2000).filter(|n| faults.capacity(at, &subject(*n)).is_some()).count() as f64;
        assert!((hits / 2000.0 - share).abs() < 0.04, "{hits} of 2000 at {at}, not {share}");
    }
}

#[test]
fn after_its_budget_of_hits_a_rule_is_over() {
    let mut faults = faults([FaultRule { budget: 3, ..burst("a", 1.0) }]);
    let struck = (0..100).filter(|request| faults.capacity(CALL, &subject(*request)).is_some()).count();
    assert_eq!(struck, 3);
    assert_eq!(counts(&faults), [(3, 3, 0)]);
    faults.advance(CALL + 1);
    assert!(faults.quiet());
}

#[test]
fn another_rule_shifts_no_draw() {
    let alone = struck([burst("a", 0.3)]);
    assert!((250..350).contains(&alone.len()), "{}", alone.len());
    let other = || FaultRule { budget: 0, ..burst("z", 1.0) };
    assert_eq!(struck([other(), burst("a", 0.3), refusal("r", 0.5)]), alone);
    assert_ne!(struck([burst("b", 0.3)]), alone, "another name has another luck");
}

#[test]
fn the_order_of_calls_changes_nothing() {
    let mut faults = faults([burst("a", 0.3)]);
    let mut backwards: Vec<u64> =
        (0..1000).rev().filter(|request| faults.capacity(CALL, &subject(*request)).is_some()).collect();
    backwards.reverse();
    assert_eq!(backwards, struck([burst("a", 0.3)]));
}

#[test]
fn every_attempt_has_its_own_roll() {
    let mut faults = faults([burst("a", 0.5)]);
    let mut hit =
        |request, attempt| faults.capacity(CALL, &Subject { attempt, ..subject(request) }).is_some();
    let same = (0..1000).filter(|request| hit(*request, 0) == hit(*request, 1)).count();
    assert!((440..560).contains(&same), "{same} of 1000 alike");
}

#[test]
fn a_group_strikes_a_request_everywhere_or_nowhere() {
    let in_region = |name: &str, region| {
        let mut rule = FaultRule { group: Some("both".to_owned()), ..burst(name, 0.5) };
        rule.selector.regions = vec![RegionId(region)];
        rule
    };
    let mut faults = faults([in_region("east", 0), in_region("west", 1)]);
    let mut hit = |request, attempt: u32, region| {
        let place = RegionId(region);
        let call = Subject { attempt, region: place, serving: place, ..subject(request) };
        faults.capacity(CALL, &call).is_some()
    };
    let mut hits = 0;
    for request in 0..1000 {
        let first = hit(request, 0, 0);
        assert_eq!(hit(request, 1, 1), first, "request {request} after failing over");
        assert_eq!(hit(request, 2, 0), first, "request {request} back again");
        hits += u32::from(first);
    }
    assert!((440..560).contains(&hits), "{hits} of 1000");
}

#[test]
fn flapping_rules_of_a_group_are_on_and_off_together_whatever_their_windows() {
    let flapping = |name: &str, from, region| {
        let mut rule = FaultRule { from, group: Some("link".to_owned()), ..burst(name, 1.0) };
        rule.selector.regions = vec![RegionId(region)];
        rule.flap = Some(Pattern { every: 20 * SECOND, on: 8 * SECOND, late: 12e9, key: 7 });
        rule
    };
    let mut faults = faults([flapping("east", FROM, 0), flapping("west", FROM + 7 * SECOND, 1)]);
    let mut on = 0;
    for second in 10..100 {
        let at = FROM + second * SECOND;
        let mut hit = |region| {
            let place = RegionId(region);
            faults.capacity(at, &Subject { region: place, serving: place, ..subject(second) }).is_some()
        };
        let east = hit(0);
        assert_eq!(hit(1), east, "{second} s after the start");
        on += u32::from(east);
    }
    assert!((30..42).contains(&on), "on for {on} of 90 s");
}

#[test]
fn the_first_hit_of_a_stage_wins_and_later_rules_have_missed() {
    let mut second = burst("second", 1.0);
    if let Action::ErrorBurst(burst) = &mut second.action {
        burst.errors = vec![(1.0, ExceptionKind::InternalServerException)];
    }
    let mut faults = faults([burst("first", 1.0), second]);
    let exception = faults.capacity(CALL, &subject(1)).map(|exception| exception.kind);
    assert_eq!(exception, Some(ExceptionKind::ServiceUnavailableException));
    assert_eq!(counts(&faults), [(1, 1, 0), (1, 0, 1)]);
}

#[test]
fn an_attempt_that_is_asked_about_twice_is_rolled_once() {
    let mut faults = faults([burst("a", 1.0)]);
    faults.keep_journal(10);
    for serving in [0, 1, 2] {
        let call = Subject { serving: RegionId(serving), ..subject(1) };
        assert!(faults.capacity(CALL, &call).is_some(), "the same fate at destination {serving}");
    }
    assert_eq!(counts(&faults), [(1, 1, 0)]);
    assert_eq!(faults.journal().expect("asked for").strikes().count(), 1);
}

#[test]
fn the_journal_tells_each_strike() {
    let mut faults = faults([burst("first", 1.0), burst("second", 1.0)]);
    assert!(faults.journal().is_none(), "off unless asked for");
    faults.keep_journal(10);
    faults.capacity(CALL, &Subject { attempt: 2, ..subject(7) });
    let strike =
        |rule, applied| Strike { rule, stage: Stage::Capacity, at: CALL, request: 7, attempt: 2, applied };
    let told: Vec<Strike> = faults.journal().expect("asked for").strikes().copied().collect();
    assert_eq!(told, [strike(0, true), strike(1, false)]);
}

#[test]
fn another_replication_has_another_luck() {
    let strikes = |replication| {
        let mut faults = Faults::new(vec![burst("a", 0.3)], Luck::new(42, replication));
        faults.advance(CALL);
        (0..1000).filter(|request| faults.capacity(CALL, &subject(*request)).is_some()).collect::<Vec<u64>>()
    };
    assert_eq!(strikes(0), strikes(0));
    assert_ne!(strikes(0), strikes(1));
}
