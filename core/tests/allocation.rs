//! Once a router is warm, requests go through it without a single allocation: a decision must not wait for memory.

#[path = "allocation/scene.rs"]
mod scene;

use scene::{End, Scene, balanced, known_quotas};
use serde_json::{Value, json};

/// Allocations of a thousand requests after ten thousand others.
fn allocations(settings: Value, end: impl Fn(u16) -> End + Copy) -> u64 {
    let mut scene = Scene::new(settings);
    scene.run(10_000, end);
    allocation_counter::measure(|| scene.run(1_000, end)).count_total
}

#[test]
fn the_counter_counts() {
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(vec![1, 2, 3])));
    assert_eq!(counted.count_total, 1);
}

#[test]
fn a_warm_router_allocates_nothing_for_answered_requests() {
    assert_eq!(allocations(balanced(json!({})), |_| End::Answered), 0);
    assert_eq!(allocations(balanced(known_quotas()), |_| End::Answered), 0);
}

#[test]
fn a_warm_router_allocates_nothing_while_targets_throttle_or_fail() {
    let half_throttled = |target| if target % 2 == 0 { End::Throttled } else { End::Answered };
    let half_failing = |target| if target % 2 == 0 { End::Fault } else { End::Answered };
    assert_eq!(allocations(balanced(json!({})), half_throttled), 0);
    assert_eq!(allocations(balanced(known_quotas()), half_throttled), 0);
    assert_eq!(allocations(balanced(json!({})), half_failing), 0);
    assert_eq!(allocations(balanced(json!({})), |_| End::Fault), 0);
}
