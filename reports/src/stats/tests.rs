use indexmap::IndexMap;

use super::*;
use crate::samples::{P50, P99};

/// 1,000 offered: 940 answered (900 of them good), 30 failed, 10 broken, 8 abandoned, 7 shed, 5 open.
fn tally() -> Tally {
    let named = |pairs: &[(&str, u64)]| -> IndexMap<String, u64> {
        pairs.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    };
    Tally {
        counts: PhaseCell {
            offered: 1_000,
            answered: 940,
            good: 900,
            cut_short: Some(47),
            failed: 30,
            broken: 10,
            abandoned: 8,
            shed: 7,
            open: 5,
            failed_by_class: named(&[
                ("stream_broken", 10),
                ("throttle", 24),
                ("timeout", 0),
                ("local_reject", 6),
            ]),
            rejected_by_reason: named(&[("queue_full", 2), ("shed_by_priority", 4), ("queue_timeout", 0)]),
            attempts: 1_986,
            attempts_failed_by_class: named(&[("throttle", 993), ("capacity", 53)]),
            answered_by_target: vec![705, 235],
            answered_by_model: named(&[("large", 188), ("small", 752)]),
            served_by_region: named(&[("us-west-2", 235), ("us-east-1", 705)]),
            output_tokens: 200_000,
            wasted_tokens: 5_000,
            cost_usd: Some(1.8),
            ..PhaseCell::default()
        },
        seconds: 300.0,
        replications: 3,
        ..Tally::default()
    }
}

#[test]
fn each_number_is_its_numerator_over_its_denominator() {
    let tally = tally();
    for (what, value, expected) in [
        ("success", success(&tally), 0.94),
        ("goodput", goodput(&tally), 0.9),
        ("goodput rate", goodput_rate(&tally), 3.0),
        ("failures", failures(&tally), 0.04),
        ("rejected", rejected(&tally), 0.006),
        ("cut short, of the answers", cut_short(&tally), 0.05),
        ("abandoned", abandoned(&tally), 0.008),
        ("shed", shed(&tally), 0.007),
        ("amplification, of the 993 begun", amplification(&tally), 2.0),
        ("throttles", throttles(&tally), 0.5),
        ("wasted tokens", wasted_tokens(&tally), 0.025),
        ("cost of 1,000 good answers", cost(&tally), 2.0),
        ("spend per replication", spend(&tally), 0.6),
        ("share of the second target", target_share(&tally, 1), 0.25),
        ("share of the small model", model_share(&tally, "small"), 0.8),
        ("share of a model that made nothing", model_share(&tally, "other"), 0.0),
        ("share of a target that is not there", target_share(&tally, 2), 0.0),
    ] {
        let number = value.number().expect(what);
        assert!((number - expected).abs() < 1e-12, "{what}: {number}");
    }
}

#[test]
fn without_a_denominator_there_is_no_number() {
    let empty = Tally::default();
    for value in [
        success(&empty),
        goodput(&empty),
        goodput_rate(&empty),
        amplification(&empty),
        throttles(&empty),
        wasted_tokens(&empty),
        rejected(&empty),
        cut_short(&empty),
        cost(&empty),
        spend(&empty),
        target_share(&empty, 0),
        model_share(&empty, "small"),
        latency(&empty, Clock::Total, P50).0,
    ] {
        assert_eq!(value, Value::NoData);
    }
}

#[test]
fn money_spent_for_no_good_answer_is_infinitely_dear() {
    let mut tally = tally();
    tally.counts.good = 0;
    assert_eq!(cost(&tally), Value::Infinite);
    tally.counts.cost_usd = Some(0.0);
    assert_eq!(cost(&tally), Value::NoData);
}

#[test]
fn requests_add_up_or_the_difference_is_told() {
    let mut counts = tally().counts;
    assert_eq!(unexplained(&counts), 0);
    counts.offered += 2;
    assert_eq!(unexplained(&counts), 2);
    counts.answered += 5;
    assert_eq!(unexplained(&counts), -3);
}

#[test]
fn shares_are_sorted_and_leave_out_what_never_occurred() {
    let tally = tally();
    let classes =
        [("throttle".to_owned(), 0.6), ("stream_broken".to_owned(), 0.25), ("local_reject".to_owned(), 0.15)];
    assert_eq!(failure_classes(&tally), classes);
    let reasons = rejection_reasons(&tally);
    assert_eq!(
        reasons.iter().map(|(name, _)| &**name).collect::<Vec<_>>(),
        ["shed_by_priority", "queue_full"]
    );
    assert_eq!(region_shares(&tally), [("us-east-1".to_owned(), 0.75), ("us-west-2".to_owned(), 0.25)]);
}

#[test]
fn unanswered_requests_slow_the_latencies_of_requests_but_not_those_of_answers_and_attempts() {
    let mut tally = tally();
    let mut histogram = hdrhistogram::Histogram::new_with_bounds(1, 60_000_000, 3).expect("valid bounds");
    histogram.record_n(1_000, 940).expect("within bounds");
    let samples = Samples::of(&histogram);
    tally.times.first_token = samples.clone();
    tally.times.gap = samples.clone();
    tally.times.attempt = samples;
    let ms = Value::Finite(0.001);
    assert_eq!(latency(&tally, Clock::FirstToken, P50), (ms, 1_000));
    assert_eq!(latency(&tally, Clock::FirstToken, P99), (Value::Infinite, 1_000));
    assert_eq!(latency_of_answers(&tally, Clock::FirstToken, P99), (ms, 940));
    assert_eq!(latency(&tally, Clock::Gap, P99), (ms, 940));
    assert_eq!(latency(&tally, Clock::Attempt, P99), (ms, 940));
}
