use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::policy::SECOND;

use Priority::{Critical, Default, Sheddable};

fn flight(slot: u32) -> FlightId {
    FlightId { slot, generation: 0 }
}

fn queue(length: u32) -> Queue {
    let text = format!(r#"{{ "length": {length}, "wait": "2s" }}"#);
    Queue::new(&serde_json::from_str(&text).unwrap())
}

/// Who gets the turn, one after the other, when there is room for all of them now.
fn served(queue: &mut Queue, now: Nanos) -> Vec<u32> {
    let mut served = Vec::new();
    while let Some(next) = queue.next(now) {
        served.push(next.slot);
        assert!(Priority::ALL.into_iter().any(|priority| queue.leave(next, priority)));
    }
    served
}

#[test]
fn who_came_first_goes_first_and_who_matters_more_before() {
    let mut queue = queue(10);
    for (slot, priority) in [(0, Default), (1, Sheddable), (2, Critical), (3, Default), (4, Critical)] {
        assert_eq!(queue.join(flight(slot), priority, u64::from(slot)), Some(2 * SECOND + u64::from(slot)));
    }
    assert_eq!(served(&mut queue, 10), [2, 4, 0, 3, 1]);
}

#[test]
fn a_full_queue_takes_nobody_until_somebody_leaves() {
    let mut queue = queue(2);
    assert!(queue.join(flight(0), Default, 0).is_some() && queue.join(flight(1), Default, 0).is_some());
    assert_eq!(queue.join(flight(2), Critical, 0), None);
    assert!(queue.leave(flight(0), Default) && !queue.leave(flight(0), Default));
    assert!(queue.join(flight(2), Critical, 0).is_some());
    assert_eq!(queue.len(), 2);
}

#[test]
fn when_the_oldest_has_waited_half_its_time_the_newest_goes_first() {
    let mut queue = queue(10);
    (0..4).for_each(|slot| _ = queue.join(flight(slot), Default, u64::from(slot) * 400 * MILLISECOND));
    assert_eq!(queue.next(SECOND), Some(flight(0)));
    assert_eq!(queue.turns_at(SECOND), Some(SECOND + 1));
    assert!(!queue.goes_first(Default, SECOND) && queue.goes_first(Critical, SECOND));
    assert_eq!((queue.next(SECOND + 1), queue.turns_at(SECOND + 1)), (Some(flight(3)), None));
    assert!(queue.goes_first(Default, SECOND + 1));
    assert!(queue.leave(flight(0), Default));
    assert_eq!(queue.next(SECOND + 1), Some(flight(1)), "the next oldest has time left");
}

#[test]
fn only_the_one_whose_turn_it_is_is_called_and_only_for_a_reason() {
    let mut queue = queue(10);
    assert_eq!(queue.call(0), None);
    (0..3).for_each(|slot| _ = queue.join(flight(slot), Default, 0));
    assert_eq!(queue.call(5), Some((flight(0), 5)), "it has the turn and does not know");
    assert_eq!(queue.call(6), None);
    queue.looked(flight(0), 6);
    assert_eq!(queue.call(7), None, "nothing changed");
    queue.stir();
    assert_eq!(
        queue.call(8),
        Some((flight(0), 6 + MILLISECOND)),
        "no sooner than a little after its last look"
    );
    queue.leave(flight(0), Default);
    assert_eq!(queue.call(9), Some((flight(1), 9)));
}

#[test]
fn who_leaves_without_having_waited_changes_nothing() {
    let mut queue = queue(1);
    assert_eq!(queue.waits_until(flight(3), Default), None);
    assert!(!queue.leave(flight(3), Default));
    queue.join(flight(3), Sheddable, 4);
    assert_eq!(queue.waits_until(flight(3), Sheddable), Some(2 * SECOND + 4));
    assert!(!queue.is_empty());
}

proptest! {
    /// Each step is a wait and then a coming, a serving, or a leaving of some flight that waits.
    #[test]
    fn it_never_exceeds_its_length_keeps_the_order_and_lets_each_go_once(
        length in 1u32..12,
        steps in prop::collection::vec((0u64..900, 0u8..8, 0usize..3, any::<u8>()), 1..300),
    ) {
        let mut queue = queue(length);
        // Who waits, by arrival: since when, and how important.
        let mut waiting: BTreeMap<u32, (Nanos, Priority)> = BTreeMap::new();
        let (mut now, mut comes) = (0, 0);
        for (wait, kind, priority, pick) in steps {
            now += wait * MILLISECOND;
            match kind {
                0..=3 => {
                    let priority = Priority::ALL[priority];
                    let joined = queue.join(flight(comes), priority, now).is_some();
                    prop_assert_eq!(joined, waiting.len() < length as usize);
                    if joined {
                        waiting.insert(comes, (now, priority));
                    }
                    comes += 1;
                }
                4..=6 => {
                    let Some(next) = queue.next(now) else {
                        prop_assert!(waiting.is_empty());
                        continue;
                    };
                    let (_, priority) = waiting[&next.slot];
                    let alike = || waiting.iter().filter(|(_, (_, other))| *other == priority);
                    let (oldest, newest) = (alike().next().unwrap(), alike().next_back().unwrap());
                    let late = now - oldest.1.0 > SECOND;
                    prop_assert!(waiting.values().all(|(_, other)| *other >= priority), "one of more importance waits");
                    prop_assert_eq!(next.slot, if late { *newest.0 } else { *oldest.0 });
                    prop_assert!(queue.leave(next, priority));
                    prop_assert!(!queue.leave(next, priority));
                    waiting.remove(&next.slot);
                }
                _ => {
                    let some = waiting.iter().nth(usize::from(pick) % waiting.len().max(1));
                    if let Some((slot, (_, priority))) = some.map(|(slot, entry)| (*slot, *entry)) {
                        prop_assert!(queue.leave(flight(slot), priority));
                        waiting.remove(&slot);
                    }
                }
            }
            prop_assert!(queue.len() == waiting.len() && queue.len() <= length as usize);
        }
    }
}
