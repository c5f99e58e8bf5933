//! A Grafana dashboard over the metrics of live runs: classic JSON with a variable for the data source, so that any
//! Grafana takes it and nobody has to edit it. Its queries name what Prometheus calls the metrics; a test holds each
//! name and label against what is really exported.

use richter_core::live::Names;
use serde_json::{Value, json};

use super::names::of;

/// One chart.
struct Panel {
    title: &'static str,
    about: &'static str,
    unit: &'static str,
    /// Query and legend.
    queries: Vec<(String, &'static str)>,
}

/// What Prometheus calls a metric: points are underscores, and some units are part of the name.
fn in_prometheus(name: &str) -> String {
    name.replace('.', "_")
}

/// Chosen by the variable at the top.
const CHOSEN: &str = "richter_strategy=~\"$strategy\"";
const RATE: &str = "[$__rate_interval]";

fn per_second(metric: &str, by: &str, more: &str) -> String {
    format!("sum by ({by}) (rate({metric}_total{{{CHOSEN}{more}}}{RATE}))")
}

fn percentile(share: &str, metric: &str, by: &str) -> String {
    format!("histogram_quantile({share}, sum by (le, {by}) (rate({metric}_bucket{{{CHOSEN}}}{RATE})))")
}

fn panels(names: Names) -> Vec<Panel> {
    let rows = of(names);
    let seconds = |name: &str| format!("{}_seconds", in_prometheus(name));
    let (duration, first) = (seconds(rows.duration), seconds(rows.first_chunk));
    let (lag, attempt) = (seconds(rows.lag), seconds(rows.attempt_duration));
    let (requests, attempts) = (in_prometheus(rows.requests), in_prometheus(rows.attempts));
    let ms = |metric: &str| {
        vec![
            (percentile("0.5", metric, "richter_strategy"), "{{richter_strategy}} p50"),
            (percentile("0.99", metric, "richter_strategy"), "{{richter_strategy}} p99"),
        ]
    };
    vec![
        Panel {
            title: "Requests by outcome",
            about: "What callers got, per second.",
            unit: "reqps",
            queries: vec![(
                per_second(&requests, "richter_strategy, richter_outcome", ""),
                "{{richter_strategy}} {{richter_outcome}}",
            )],
        },
        Panel {
            title: "Answered",
            about: "Share of the requests that ended well.",
            unit: "percentunit",
            queries: vec![(
                format!(
                    "{} / {}",
                    per_second(&requests, "richter_strategy", ", richter_outcome=\"answered\""),
                    per_second(&requests, "richter_strategy", "")
                ),
                "{{richter_strategy}}",
            )],
        },
        Panel {
            title: "Time to first content",
            about: "Of streamed requests, from when they were due.",
            unit: "s",
            queries: ms(&first),
        },
        Panel {
            title: "Time to last word",
            about: "Of all requests, from when they were due.",
            unit: "s",
            queries: ms(&duration),
        },
        Panel {
            title: "Errors that callers met",
            about: "Requests per second that failed, by error; what was worked round is not among them.",
            unit: "reqps",
            queries: vec![(
                per_second(&requests, "richter_strategy, error_type", ", error_type!=\"\""),
                "{{richter_strategy}} {{error_type}}",
            )],
        },
        Panel {
            title: "Attempts that failed",
            about: "Per second, by target and error: throttles, and everything that was worked round.",
            unit: "ops",
            queries: vec![(
                per_second(&attempts, "richter_target, error_type", ", richter_result=\"failed\""),
                "{{richter_target}} {{error_type}}",
            )],
        },
        Panel {
            title: "Attempts by target",
            about: "Where requests were sent, per second.",
            unit: "ops",
            queries: vec![(
                per_second(&attempts, "richter_target, cloud_region", ""),
                "{{richter_target}} ({{cloud_region}})",
            )],
        },
        Panel {
            title: "Attempts per request",
            about: "How much the strategy multiplies traffic.",
            unit: "none",
            queries: vec![(
                format!(
                    "{} / {}",
                    per_second(&attempts, "richter_strategy", ""),
                    per_second(&requests, "richter_strategy", "")
                ),
                "{{richter_strategy}}",
            )],
        },
        Panel {
            title: "Time of one attempt",
            about: "99th percentile by target.",
            unit: "s",
            queries: vec![(percentile("0.99", &attempt, "richter_target"), "{{richter_target}}")],
        },
        Panel {
            title: "Requests under way",
            about: "Begun and not ended.",
            unit: "none",
            queries: vec![(
                format!("sum by (richter_strategy) ({}{{{CHOSEN}}})", in_prometheus(rows.in_flight)),
                "{{richter_strategy}}",
            )],
        },
        Panel {
            title: "Spend",
            about: "US dollars so far, where prices are known.",
            unit: "currencyUSD",
            queries: vec![(
                format!("sum by (richter_strategy) ({}_total{{{CHOSEN}}})", in_prometheus(rows.spend)),
                "{{richter_strategy}}",
            )],
        },
        Panel {
            title: "Lateness of the generator",
            about: "99th percentile. When it grows, latencies are the generator's and not the service's.",
            unit: "s",
            queries: vec![(percentile("0.99", &lag, "richter_strategy"), "{{richter_strategy}}")],
        },
    ]
}

/// The dashboard for one column of names.
pub fn dashboard(names: Names) -> Value {
    let panels = panels(names);
    let shown: Vec<Value> = panels.iter().enumerate().map(|(place, panel)| one(place, panel)).collect();
    let strategies = format!("label_values({}_total, richter_strategy)", in_prometheus(of(names).requests));
    json!({
        "title": "richter: live runs",
        "uid": "richter-live",
        "tags": ["richter", "bedrock"],
        "schemaVersion": 39,
        "editable": true,
        "refresh": "5s",
        "time": { "from": "now-15m", "to": "now" },
        "templating": { "list": [
            { "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus" },
            {
                "name": "strategy",
                "label": "Strategy",
                "type": "query",
                "datasource": source(),
                "query": { "query": strategies, "refId": "strategy" },
                "definition": strategies,
                "refresh": 2,
                "multi": true,
                "includeAll": true,
                "allValue": ".*",
                "current": { "text": "All", "value": "$__all" },
            },
        ] },
        "annotations": { "list": [] },
        "panels": shown,
    })
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// Two to a row.
fn one(place: usize, panel: &Panel) -> Value {
    let targets: Vec<Value> = (panel.queries.iter().zip('A'..))
        .map(|((expr, legend), id)| {
            json!({ "refId": id.to_string(), "expr": expr, "legendFormat": legend, "datasource": source() })
        })
        .collect();
    json!({
        "id": place + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": source(),
        "gridPos": { "h": 8, "w": 12, "x": (place % 2) * 12, "y": (place / 2) * 8 },
        "fieldConfig": { "defaults": { "unit": panel.unit, "min": 0 }, "overrides": [] },
        "options": { "legend": { "displayMode": "list", "placement": "bottom" }, "tooltip": { "mode": "multi" } },
        "targets": targets,
    })
}
