use super::*;
use crate::{samples::P99, synthetic};

#[test]
fn each_row_of_the_table_stands_at_the_place_of_its_kind() {
    for info in &METRICS {
        assert_eq!(info.kind.info(), info, "{}", info.name);
    }
}

#[test]
fn every_metric_of_the_table_is_read_and_written_back() {
    for info in &METRICS {
        let text = info.name.replace("pNN", "p99.9").replace("TARGET", "east");
        let metric = Metric::parse(&text).expect(&text);
        assert_eq!((metric.kind, metric.to_string()), (info.kind, text));
    }
    assert_eq!(Metric::parse("ttft.p99"), Ok(Metric::percentile(Kind::FirstToken, P99)));
}

#[test]
fn a_wrong_name_is_told_what_to_write() {
    let told = |text: &str| {
        let MetricProblem { message, hint } = Metric::parse(text).expect_err(text);
        format!("{message}; {hint}")
    };
    for (text, expected) in [
        ("succes", "\"succes\" is not a metric; did you mean success?"),
        ("TTFT.p99", "\"TTFT\" is not a metric; did you mean ttft.pNN?"),
        ("ttft", "\"ttft\" needs a percentile; write ttft.p50, ttft.p99 or ttft.p99.9"),
        ("ttft.p100", "\"ttft.p100\" needs a percentile; write ttft.p50, ttft.p99 or ttft.p99.9"),
        ("share", "\"share\" needs a target; write share(TARGET)"),
        ("model_share(", "\"model_share(\" needs a model; write model_share(MODEL), with a base model's id"),
        ("share()", "\"share()\" needs a target; write share(TARGET)"),
        ("success.p99", "success takes no \".p99\"; write success"),
    ] {
        assert_eq!(told(text), expected);
    }
    assert!(told("happiness").starts_with("\"happiness\" is not a metric; known metrics: success, goodput,"));
    assert!(told("").starts_with("\"\" is not a metric"));
    assert!(told("ünïcödé(").contains("is not a metric"));
}

#[test]
fn the_worst_replication_counts_where_pooling_would_hide_it() {
    let mut run = synthetic::run(&synthetic::sketches()[..1], 3);
    // One of three replications never comes back.
    run.cells[1].series.good_by_arrival[120..].fill(5);
    let view = View::new(&run);
    let over = Over { phases: vec![], trigger: Trigger::find(&run, "spike") };
    let recovery = Metric::plain(Kind::Recovery);
    let each = recovery.by_replication(&view, 0, &over);
    assert_eq!(each, [Value::Finite(0.0), Value::Infinite, Value::Finite(0.0)]);
    assert_eq!(recovery.measure(&view, 0, &over), Measured { value: Value::Infinite, n: 3, n_needed: 1 });
}

#[test]
fn pooled_numbers_are_made_from_sums_over_replications() {
    let run = synthetic::usual();
    let view = View::new(&run);
    let over = Over { phases: vec![1], trigger: None };
    // 60 % of 6,000, less 0 to 4 by replication.
    let success = Metric::plain(Kind::Success).measure(&view, 0, &over);
    assert_eq!(success, Measured { value: Value::Finite(17_990.0 / 30_000.0), n: 30_000, n_needed: 20 });
    let p99 = Metric::percentile(Kind::FirstToken, P99).measure(&view, 0, &over);
    assert_eq!(p99, Measured { value: Value::Infinite, n: 30_000, n_needed: 500 });
    let west = Metric::parse("share(west)").expect("a metric").measure(&view, 2, &over);
    assert!(west.value.number().is_some_and(|share| (share - 0.34).abs() < 0.001), "{west:?}");
}

#[test]
fn a_model_s_id_may_hold_dots_and_colons() {
    let text = "model_share(anthropic.claude-3-haiku-20240307-v1:0)";
    let metric = Metric::parse(text).expect("a metric");
    assert_eq!(metric.argument, Argument::Model("anthropic.claude-3-haiku-20240307-v1:0".to_owned()));
    assert_eq!(metric.to_string(), text);
}
