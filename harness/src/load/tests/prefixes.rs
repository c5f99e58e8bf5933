//! Beginnings that prompts share.

use std::collections::BTreeMap;

use super::*;

fn with_prefix(shared: &str) -> TrafficSpec {
    let mut written = spec("[ { name: all, for: 100s, rate: 20/s } ]");
    written.mix[1].shared_prefix = Some(serde_saphyr::from_str(shared).expect("valid"));
    written
}

#[test]
fn requests_of_a_class_share_so_many_beginnings_about_equally_often() {
    let all = arrivals(&resolved(&with_prefix("{ prefixes: 5, tokens: 1500 }")), 3);
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    for arrival in &all {
        assert_eq!(arrival.prefix.is_some(), arrival.class == 1);
        if let Some(prefix) = arrival.prefix {
            assert_eq!(prefix.tokens, 1_500);
            *counts.entry(prefix.key).or_default() += 1;
        }
    }
    assert_eq!(counts.len(), 5);
    assert!(counts.values().all(|count| (50..115).contains(count)), "{counts:?}");
}

#[test]
fn a_shared_beginning_changes_nothing_else() {
    let plain = arrivals(&traffic("[ { name: all, for: 100s, rate: 20/s } ]"), 3);
    let shared = arrivals(&resolved(&with_prefix("{ prefixes: 5, tokens: 1500 }")), 3);
    let without: Vec<Arrival> =
        shared.into_iter().map(|arrival| Arrival { prefix: None, ..arrival }).collect();
    assert_eq!(plain, without);
}

#[test]
fn beginnings_that_nobody_could_share_are_refused() {
    let rows = [
        ("{ prefixes: 0, tokens: 1500 }", "mix.batch.shared_prefix.prefixes"),
        ("{ prefixes: 5, tokens: 1023 }", "mix.batch.shared_prefix.tokens"),
        ("{ prefixes: 5, tokens: 4000 }", "mix.batch.shared_prefix.tokens"),
    ];
    for (shared, path) in rows {
        let found = with_prefix(shared).resolve(Path::new("/nonexistent")).expect_err("a problem");
        let paths: Vec<String> = found.iter().map(|problem| problem.path.join(".")).collect();
        assert_eq!(paths, [path], "{shared}");
    }
}
