use super::*;
use crate::observe::filter::metric;

fn id(n: u32) -> String {
    format!("{n:08x}-0000-4000-8000-000000000000")
}

fn record(n: u32, region: Option<&str>) -> Record {
    Record {
        unix_s: 1_765_933_796,
        request_id: id(n),
        region: "us-east-1".to_owned(),
        operation: "ConverseStream".to_owned(),
        model_id: "us.m".to_owned(),
        inference_region: region.map(str::to_owned),
        input_tokens: Some(10),
        output_tokens: Some(5),
        ..Record::default()
    }
}

fn throttled(n: u32) -> Record {
    let code = Some("ThrottlingException".to_owned());
    Record { error_code: code, input_tokens: None, output_tokens: None, ..record(n, None) }
}

fn attempt(n: u32, sent_ms: u32, took_ms: u32) -> Attempt {
    let times = Attempt::new(folded(&id(n)), 0, sent_ms);
    Attempt { first: took_ms * 10, took: took_ms * 100, answered: true, ..times }
}

const CELL: CellId = CellId { strategy: 0, replication: 0 };

#[test]
fn each_call_finds_its_record_and_with_it_the_region_that_served() {
    let attempts = (0..10).map(|n| attempt(n, n * 1000, if n < 6 { 400 } else { 460 })).collect();
    let mut join = Join::new(2.0);
    join.expect(Sent { cells: vec![CELL], attempts, unnamed: 0 });
    for n in 0..10 {
        join.record(&record(n, (n >= 6).then_some("us-west-2")), Arrived::default());
    }
    let joined = join.finish();
    let LogCounts { attempts, records, matched, missing, region_unnamed, .. } = joined.counts;
    assert_eq!((attempts, records, matched, missing, region_unnamed), (10, 10, 10, 0, 6));
    let served = &joined.cells[0].served_by_region;
    assert_eq!(served["us-east-1"], [2, 2, 2]);
    assert_eq!(served["us-west-2"], [0, 0, 0, 2, 2]);
    let medians: Vec<(&str, bool, f64)> = joined
        .hops
        .iter()
        .map(|hop| (&*hop.region, hop.source, hop.total.expect("measured").p50_ms.round()))
        .collect();
    assert_eq!(medians, [("us-east-1", true, 400.0), ("us-west-2", false, 460.0)]);
}

#[test]
fn lost_doubled_foreign_late_and_overtaken_records_are_each_counted_once() {
    let attempts = (0..10).map(|n| attempt(n, 0, 100)).collect();
    let mut join = Join::new(1.0);
    join.expect(Sent { cells: vec![CELL], attempts, unnamed: 3 });
    let at = |event_ms, ingested_ms| Arrived { event_ms: Some(event_ms), ingested_ms: Some(ingested_ms) };
    for n in 0..7 {
        join.record(&record(n, None), at(0, 1000 + i64::from(n)));
    }
    join.record(&record(3, None), at(0, 2000));
    join.record(&record(900, None), at(0, 2001));
    join.record(&throttled(7), at(0, 70_000));
    join.record(&throttled(8), at(0, 69_000));
    join.line(&Line::Damaged("torn".to_owned()), Arrived::default());
    assert_eq!(join.missing(), 1);
    let counts = join.finish().counts;
    let expected = LogCounts {
        attempts: 10,
        unnamed: 3,
        retries: 0,
        records: 11,
        matched: 9,
        duplicates: 1,
        foreign: 1,
        reordered: 1,
        late: 2,
        damaged: 1,
        missing: 1,
        region_unnamed: 7,
    };
    assert_eq!(counts, expected);
}

#[test]
fn the_tally_is_what_the_filters_would_count() {
    let mut join = Join::new(1.0);
    for (n, region) in [(1, None), (2, Some("us-east-1")), (3, Some("us-west-2"))] {
        join.record(&record(n, region), Arrived::default());
    }
    join.record(&throttled(4), Arrived::default());
    let tally = join.tally();
    let of = |name: &str, region: Option<&str>| {
        tally
            .iter()
            .find(|(counted, _)| counted.name == name && counted.region.as_deref() == region)
            .map(|(_, count)| *count)
    };
    assert_eq!(of(metric::LOGGED, None), Some(4));
    assert_eq!(of(metric::THROTTLED, None), Some(1));
    assert_eq!(of(metric::PROFILE, None), Some(3));
    assert_eq!(of(metric::REROUTED, None), Some(1));
    assert_eq!(of(metric::SERVED_BY, Some("us-west-2")), Some(1));
    assert_eq!(of(metric::OUTPUT, None), Some(15));
}

#[test]
fn a_hundred_thousand_records_are_joined_in_five_megabytes() {
    let count = 100_000;
    let attempts: Vec<Attempt> = (0..count).map(|n| attempt(n, n, 100)).collect();
    let mut join = Join::new(1.0);
    join.expect(Sent { cells: vec![CELL], attempts, unnamed: 0 });
    let before = join.bytes();
    for n in (0..count).rev() {
        join.record(&record(n, Some("us-west-2")), Arrived::default());
    }
    assert_eq!((join.missing(), join.bytes()), (0, before), "records are not kept");
    assert!(before <= 5_000_000, "{before}");
    assert_eq!(join.finish().counts.matched, u64::from(count));
}
