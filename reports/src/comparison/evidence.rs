//! What the service's own logs and metrics say: whether they have every call, who served the calls, and what a hop to
//! another Region costs.

use indexmap::IndexMap;

use crate::{
    quantity::{Unit, Value, thousands},
    run_file::{Hop, LogCounts, MetricCount, Observed, Spread},
    tally::View,
};

pub(super) fn evidence(view: &View<'_>) -> Vec<String> {
    let Some(observed) = &view.run.observed else { return Vec::new() };
    let mut sentences = vec![counts(observed)];
    sentences.extend(observed.differences.iter().cloned());
    sentences.extend(view.run.strategies.iter().enumerate().filter_map(|(strategy, facts)| {
        served(observed, strategy).map(|shares| format!("{} was served by {shares}", facts.name))
    }));
    sentences.extend(view.run.strategies.iter().enumerate().flat_map(|(strategy, facts)| {
        let hops: Vec<&Hop> = observed.hops.iter().filter(|hop| hop.strategy == strategy).collect();
        hop_costs(&facts.name, &hops)
    }));
    sentences.extend(observed.delivery.as_ref().map(|spread| delivery(spread, &observed.counts)));
    sentences
}

/// The three counts beside each other.
fn counts(observed: &Observed) -> String {
    let LogCounts { attempts, records, retries, missing, .. } = observed.counts;
    let metric = observed.metrics.first();
    let (client, log) = (thousands(attempts as f64), thousands(records as f64));
    let agree =
        attempts == records && missing == 0 && metric.is_none_or(|metric| metric.counted == records as f64);
    let last = match metric {
        None => "no metric was read".to_owned(),
        Some(MetricCount { counted, .. }) => format!("metric count {}", thousands(*counted)),
    };
    let how = match (agree, metric) {
        (true, Some(_)) => format!("client count = log count = metric count: {client}"),
        (true, None) => format!("client count = log count: {client}; {last}"),
        (false, _) => format!("client count {client}, log count {log}, {last}"),
    };
    let retried = if retries == 0 {
        String::new()
    } else {
        format!("; {} of them are retries, each with a request id of its own", thousands(retries as f64))
    };
    let sources = observed.sources.join(", ");
    format!("{how}{retried} (records of {sources})")
}

/// Shares of the Regions that the log names, the largest first.
fn served(observed: &Observed, strategy: usize) -> Option<String> {
    let mut sums: IndexMap<&str, u64> = IndexMap::new();
    for cell in observed.cells.iter().filter(|cell| cell.strategy == strategy) {
        for (region, series) in &cell.served_by_region {
            *sums.entry(region).or_default() += series.iter().map(|count| u64::from(*count)).sum::<u64>();
        }
    }
    let all: u64 = sums.values().sum();
    sums.sort_by(|a, x, b, y| y.cmp(x).then(a.cmp(b)));
    let share = |(region, count): (&&str, &u64)| {
        format!("{region} {}", Unit::Share.show(Value::ratio(*count as f64, all as f64)))
    };
    (all > 0).then(|| sums.iter().map(share).collect::<Vec<_>>().join(", "))
}

/// How much longer answers from elsewhere took than those of the called Region.
fn hop_costs(strategy: &str, hops: &[&Hop]) -> Vec<String> {
    let Some(here) = hops.iter().find(|hop| hop.source) else { return Vec::new() };
    let cost = |hop: &&&Hop| -> Option<String> {
        let first = difference(here.first_token.as_ref(), hop.first_token.as_ref());
        let total = difference(here.total.as_ref(), hop.total.as_ref());
        let parts: Vec<String> = [("first token", first), ("whole answer", total)]
            .into_iter()
            .filter_map(|(what, text)| Some(format!("{what} {}", text?)))
            .collect();
        (!parts.is_empty()).then(|| {
            let answers = thousands(hop.answers as f64);
            format!(
                "{strategy}: {answers} answers from {} instead of {} took longer at the median by: {}",
                hop.region,
                here.region,
                parts.join(", ")
            )
        })
    };
    hops.iter().filter(|hop| !hop.source).filter_map(|hop| cost(&hop)).collect()
}

fn difference(here: Option<&Spread>, there: Option<&Spread>) -> Option<String> {
    let (here, there) = (here?, there?);
    let ms = there.p50_ms - here.p50_ms;
    let sign = if ms < 0.0 { "-" } else { "" };
    Some(format!("{sign}{}", Unit::Seconds.show(Value::Finite(ms.abs() / 1e3))))
}

/// What comes late or out of order is counted all the same.
fn delivery(spread: &Spread, counts: &LogCounts) -> String {
    let show = |ms: f64| Unit::Seconds.show(Value::Finite(ms / 1e3));
    let mut text = format!(
        "from a call's begin to its record in the log {} passed at the median and {} at p99",
        show(spread.p50_ms),
        show(spread.p99_ms)
    );
    for (count, what) in [(counts.late, "more than a minute"), (counts.reordered, "out of order")] {
        if count > 0 {
            text.push_str(&format!("; {} {what}", thousands(count as f64)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{export::Report, html, run_file::ObservedCell, synthetic};

    fn observed() -> Observed {
        let spread = |ms| Some(Spread { p50_ms: ms, p90_ms: 2.0 * ms, p99_ms: 3.0 * ms, samples: 50 });
        let hop = |region: &str, source, ms| Hop {
            strategy: 1,
            region: region.to_owned(),
            source,
            answers: 50,
            first_token: spread(ms),
            total: spread(4.0 * ms),
        };
        let served = [("us-east-1", vec![3, 1]), ("us-west-2", vec![0, 4])];
        Observed {
            sources: vec!["/richter/bedrock in us-east-1".to_owned()],
            counts: LogCounts {
                attempts: 1200,
                records: 1200,
                matched: 1200,
                retries: 7,
                ..LogCounts::default()
            },
            cells: vec![ObservedCell {
                strategy: 1,
                replication: 0,
                bucket_s: 2.0,
                served_by_region: served
                    .into_iter()
                    .map(|(name, series)| (name.to_owned(), series))
                    .collect(),
            }],
            hops: vec![hop("us-east-1", true, 400.0), hop("us-west-2", false, 460.0)],
            metrics: vec![MetricCount { name: "LoggedCalls".to_owned(), counted: 1200.0, in_log: 1200 }],
            delivery: None,
            differences: Vec::new(),
        }
    }

    #[test]
    fn equal_counts_are_one_sentence_and_a_hop_has_its_price() {
        let mut run = synthetic::usual();
        run.observed = Some(observed());
        let report = Report::of(&run);
        let said = &report.comparison.evidence;
        assert!(said[0].starts_with("client count = log count = metric count: 1,200; 7 of them"), "{said:?}");
        assert!(said[1].ends_with("was served by us-east-1 50.0%, us-west-2 50.0%"), "{said:?}");
        assert!(said[2].contains("50 answers from us-west-2 instead of us-east-1"), "{said:?}");
        assert!(
            said[2].contains("first token 60.0 ms") && said[2].contains("whole answer 240 ms"),
            "{said:?}"
        );
        let ids: Vec<&str> = report.charts.iter().map(|chart| chart.id).collect();
        assert!(ids.contains(&"observed") && ids.contains(&"hops"), "{ids:?}");
        let page = html::render(&report).expect("a page");
        assert!(page.contains("In the logs") && page.contains("client count = log count"));
    }

    #[test]
    fn unequal_counts_are_shown_beside_each_other_with_their_causes() {
        let mut run = synthetic::usual();
        let mut observed = observed();
        observed.counts.records = 1190;
        observed.differences = vec!["10 calls have no record".to_owned()];
        run.observed = Some(observed);
        let said = Report::of(&run).comparison.evidence;
        assert!(said[0].starts_with("client count 1,200, log count 1,190, metric count 1,200"), "{said:?}");
        assert_eq!(said[1], "10 calls have no record");
    }

    #[test]
    fn a_run_that_nobody_collected_for_says_nothing_and_a_foreign_strategy_is_damage() {
        let mut run = synthetic::usual();
        assert!(Report::of(&run).comparison.evidence.is_empty());
        let mut observed = observed();
        observed.hops[0].strategy = 99;
        run.observed = Some(observed);
        let bytes = run.to_json().expect("JSON");
        let error = crate::run_file::RunFile::from_json(&bytes).expect_err("damaged").to_string();
        assert!(error.contains("strategy 99"), "{error}");
    }
}
