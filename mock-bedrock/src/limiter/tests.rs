use proptest::prelude::*;

use super::*;

/// 29 logged calls of a low-quota account (3 requests per minute) in 61 seconds, from a public invocation log:
/// seconds after 01:09:00, and whether the call was admitted.
const LOG: [(u64, bool); 29] = [
    (56, true),
    (57, true),
    (60, true),
    (62, false),
    (63, false),
    (64, false),
    (68, false),
    (68, false),
    (72, false),
    (73, false),
    (74, false),
    (77, true),
    (79, false),
    (79, false),
    (81, false),
    (83, false),
    (86, false),
    (91, false),
    (92, false),
    (93, false),
    (96, false),
    (98, true),
    (102, false),
    (102, false),
    (103, false),
    (104, false),
    (112, false),
    (116, false),
    (117, true),
];

/// The log has whole seconds, so each call is free to move inside its own. We place the first late in its second
/// (.9) and all others in the middle (.5); any first offset above the others' does.
fn arrivals() -> impl Iterator<Item = (Nanos, bool)> {
    LOG.iter().enumerate().map(|(place, (second, admitted))| {
        let offset_ms = if place == 0 { 900 } else { 500 };
        ((second * 1_000 + offset_ms) * 1_000_000, *admitted)
    })
}

/// Decisions that differ from the log's, with the run's minute starting `shift` seconds earlier.
fn mismatches(mut limiter: Limiter, shift: u64) -> usize {
    let decide = |(at, admitted): (Nanos, bool)| {
        let at = at + shift * 1_000_000_000;
        let takes = limiter.has(at, 1);
        if takes {
            limiter.take(at, 1);
        }
        takes != admitted
    };
    arrivals().map(decide).filter(|wrong| *wrong).count()
}

#[test]
fn a_token_bucket_of_three_a_minute_decides_the_public_log_call_for_call() {
    assert_eq!(mismatches(Limiter::per_minute(LimiterKind::TokenBucket, 3.0), 0), 0);
}

#[test]
fn neither_other_bucket_sizes_nor_windows_explain_the_public_log() {
    for (quota, least) in [(1.0, 3), (2.0, 3), (4.0, 3), (5.0, 3)] {
        let wrong = mismatches(Limiter::per_minute(LimiterKind::TokenBucket, quota), 0);
        assert!(wrong >= least, "a bucket of {quota} errs only {wrong} times");
    }
    for quota in [1.0, 2.0, 3.0, 4.0] {
        let wrong = mismatches(Limiter::per_minute(LimiterKind::SlidingMinute, quota), 0);
        assert!(wrong >= 2, "a sliding minute of {quota} errs only {wrong} times");
        for shift in 0..60 {
            let wrong = mismatches(Limiter::per_minute(LimiterKind::ClockMinute, quota), shift);
            assert!(wrong >= 2, "a clock minute of {quota} from {shift} s errs only {wrong} times");
        }
    }
}

const KINDS: [LimiterKind; 3] =
    [LimiterKind::TokenBucket, LimiterKind::ClockMinute, LimiterKind::SlidingMinute];
const SECOND: Nanos = 1_000_000_000;

#[test]
fn after_a_burst_each_kind_gives_back_in_its_own_way() {
    // Sixty taken at second 10; how many are left at 10, 11, 40, 60, 69 and 70 seconds.
    let table = [
        (LimiterKind::TokenBucket, [0.0, 1.0, 30.0, 50.0, 59.0, 60.0]),
        (LimiterKind::ClockMinute, [0.0, 0.0, 0.0, 60.0, 60.0, 60.0]),
        (LimiterKind::SlidingMinute, [0.0, 0.0, 0.0, 0.0, 0.0, 60.0]),
    ];
    for (kind, left) in table {
        let mut limiter = Limiter::per_minute(kind, 60.0);
        limiter.take(10 * SECOND, 60);
        let found = [10, 11, 40, 60, 69, 70].map(|second| limiter.left(second * SECOND));
        assert_eq!(found, left, "{kind:?}");
    }
}

#[test]
fn settlement_gives_back_what_was_not_used_and_charges_what_was_used_beyond() {
    for kind in KINDS {
        // Reserved 1,000 of 6,000; used as listed; left at once.
        for (used, left) in [(0, 6_000.0), (400, 5_600.0), (1_000, 5_000.0), (9_000, -3_000.0)] {
            let mut limiter = Limiter::per_minute(kind, 6_000.0);
            let receipt = limiter.take(0, 1_000);
            limiter.settle(0, &receipt, used);
            assert_eq!(limiter.left(0), left, "{kind:?} used {used}");
            assert_eq!(limiter.has(0, 1), left > 0.0, "{kind:?} used {used}");
        }
    }
}

#[test]
fn a_bucket_in_debt_admits_again_when_the_debt_is_refilled() {
    let mut limiter = Limiter::per_minute(LimiterKind::TokenBucket, 600.0);
    let receipt = limiter.take(0, 600);
    limiter.settle(0, &receipt, 900);
    // 300 below zero, refilling ten each second.
    assert!(!limiter.has(30 * SECOND, 1));
    assert!(limiter.has(30 * SECOND + SECOND / 10, 1));
}

#[test]
fn windows_forget_what_was_reserved_in_vain_but_not_what_was_overdrawn() {
    for kind in [LimiterKind::ClockMinute, LimiterKind::SlidingMinute] {
        for (used, left) in [(10, 100.0), (160, 40.0)] {
            let mut limiter = Limiter::per_minute(kind, 100.0);
            let receipt = limiter.take(0, 100);
            limiter.settle(61 * SECOND, &receipt, used);
            assert_eq!(limiter.left(61 * SECOND), left, "{kind:?} used {used}");
        }
    }
}

#[test]
fn a_scaled_quota_holds_from_then_on_and_comes_back_gradually() {
    let mut limiter = Limiter::per_minute(LimiterKind::TokenBucket, 60.0);
    limiter.scale(0, 0.5);
    assert_eq!(limiter.left(0), 30.0);
    limiter.scale(0, 1.0);
    assert_eq!(limiter.left(10 * SECOND), 40.0);
    limiter.scale(10 * SECOND, 0.0);
    assert_eq!(limiter.left(60 * SECOND), 0.0);
    for kind in [LimiterKind::ClockMinute, LimiterKind::SlidingMinute] {
        let mut limiter = Limiter::per_minute(kind, 60.0);
        limiter.take(0, 20);
        limiter.scale(0, 0.5);
        assert_eq!(limiter.left(0), 10.0, "{kind:?}");
    }
}

#[test]
fn others_take_no_more_than_there_is() {
    for kind in KINDS {
        let mut limiter = Limiter::per_minute(kind, 60.0);
        limiter.drain(0, 12.5);
        assert_eq!(limiter.left(0), 47.5, "{kind:?}");
        limiter.drain(0, 1e300);
        assert_eq!(limiter.left(0), 0.0, "{kind:?}");
        limiter.drain(0, f64::NAN);
        limiter.drain(0, -5.0);
        assert_eq!(limiter.left(0), 0.0, "{kind:?}");
    }
}

#[test]
fn a_quota_below_one_a_minute_still_lets_one_pass_at_its_rate() {
    let mut limiter = Limiter::per_minute(LimiterKind::TokenBucket, 0.5);
    assert!(limiter.has(0, 1));
    limiter.take(0, 1);
    assert!(!limiter.has(119 * SECOND, 1));
    assert!(limiter.has(120 * SECOND, 1));
}

#[test]
fn a_daily_cap_comes_back_with_the_next_day() {
    let mut limiter = Limiter::per_day(1_000);
    limiter.take(0, 1_000);
    assert!(!limiter.has(86_399 * SECOND, 1));
    assert!(limiter.has(86_400 * SECOND, 1_000));
    assert!(!Limiter::per_day(0).has(0, 1));
}

/// One thing that may happen to a limiter, after a pause.
#[derive(Debug, Clone)]
enum Deed {
    Ask(u64),
    Settle(u64),
    Drain(f64),
    Scale(f64),
}

fn deeds() -> impl Strategy<Value = Vec<(u64, Deed)>> {
    let deed = prop_oneof![
        6 => (0u64..400).prop_map(Deed::Ask),
        3 => (0u64..900).prop_map(Deed::Settle),
        1 => (0.0..200.0f64).prop_map(Deed::Drain),
        1 => (0.0..2.0f64).prop_map(Deed::Scale),
    ];
    proptest::collection::vec((0u64..20 * SECOND, deed), 1..200)
}

proptest! {
    #[test]
    fn nothing_left_is_ever_more_than_the_quota(kind in 0usize..3, quota in 1.0..1_000.0f64, deeds in deeds()) {
        let mut limiter = Limiter::per_minute(KINDS[kind], quota);
        let mut receipts = Vec::new();
        let (mut now, mut most) = (0, quota);
        for (pause, deed) in deeds {
            now += pause;
            match deed {
                Deed::Ask(units) if limiter.has(now, units) => receipts.push(limiter.take(now, units)),
                Deed::Ask(_) => {}
                Deed::Settle(used) => {
                    if let Some(receipt) = receipts.pop() {
                        limiter.settle(now, &receipt, used);
                    }
                }
                Deed::Drain(units) => limiter.drain(now, units),
                Deed::Scale(factor) => {
                    limiter.scale(now, factor);
                    most = quota * factor;
                }
            }
            let left = limiter.left(now);
            // One whole unit always fits, and a quota and its scaled value are rounded to millionths.
            prop_assert!(left <= most.max(1.0) + 1e-5, "{left} of {most}");
        }
    }

    #[test]
    fn no_stretch_of_time_admits_more_than_the_burst_and_its_refill(
        quota in 1.0..500.0f64,
        asks in proptest::collection::vec((0u64..5 * SECOND, 1u64..40), 1..200),
    ) {
        let mut limiter = Limiter::per_minute(LimiterKind::TokenBucket, quota);
        let mut now = 0;
        let mut admitted: Vec<(Nanos, u64)> = Vec::new();
        for (pause, units) in asks {
            now += pause;
            if limiter.has(now, units) {
                limiter.take(now, units);
                admitted.push((now, units));
            }
        }
        for first in 0..admitted.len() {
            let mut sum = 0.0;
            for (at, units) in &admitted[first..] {
                sum += *units as f64;
                let refill = quota / 60.0 * (at - admitted[first].0) as f64 / 1e9;
                prop_assert!(sum <= quota + refill + 1e-3, "{sum} admitted");
            }
        }
    }

    #[test]
    fn all_settled_with_nothing_used_is_full_again(
        kind in 0usize..3,
        asks in proptest::collection::vec((0u64..SECOND, 1u64..100), 1..100),
    ) {
        let mut limiter = Limiter::per_minute(KINDS[kind], 1_000.0);
        let mut receipts = Vec::new();
        let mut now = 0;
        for (pause, units) in asks {
            now += pause;
            if limiter.has(now, units) {
                receipts.push(limiter.take(now, units));
            }
        }
        for receipt in receipts {
            limiter.settle(now, &receipt, 0);
        }
        prop_assert_eq!(limiter.left(now), 1_000.0);
    }

    #[test]
    fn no_number_breaks_a_limiter(
        kind in 0usize..3,
        quota in any::<f64>(),
        deeds in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<f64>()), 1..50),
    ) {
        let mut limiter = Limiter::per_minute(KINDS[kind], quota);
        for (now, units, number) in deeds {
            let receipt = limiter.take(now, units);
            limiter.scale(now, number);
            limiter.drain(now, number);
            limiter.settle(now, &receipt, units.rotate_left(32));
            limiter.left(now);
        }
    }
}

#[test]
fn whoever_waits_as_long_as_told_is_admitted_and_a_moment_earlier_is_not() {
    for kind in [LimiterKind::TokenBucket, LimiterKind::ClockMinute, LimiterKind::SlidingMinute] {
        let mut limiter = Limiter::per_minute(kind, 7.0);
        let start = 90 * SECOND;
        for n in 0..7 {
            let now = start + n * SECOND;
            assert_eq!(limiter.wait(now, 1), Some(0), "{kind:?}");
            limiter.take(now, 1);
        }
        let now = start + 7 * SECOND;
        let wait = limiter.wait(now, 2).expect("two fit into seven");
        assert!(wait > 0 && !limiter.clone().has(now + wait - 1, 2), "{kind:?}: {wait}");
        assert!(limiter.has(now + wait, 2), "{kind:?}: {wait}");
        assert_eq!(limiter.wait(now + wait, 8), None, "{kind:?}: more than there ever is");
    }
}
