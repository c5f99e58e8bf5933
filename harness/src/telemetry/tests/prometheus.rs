//! What a Prometheus server would get, whether its own tool finds anything wrong with it, and whether the dashboard asks for
//! what is there.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Command, Stdio},
};

use richter_core::live::Column;
use serde_json::Value;

use super::{super::dashboard::dashboard, *};

/// Fetches a page as Prometheus does.
fn fetch(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n").expect("sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head and a body");
    (head.to_owned(), body.to_owned())
}

/// What a Prometheus server would get.
fn scraped(column: Column) -> String {
    let args = TelemetryArgs { prometheus: Some(([127, 0, 0, 1], 0).into()), ..TelemetryArgs::default() };
    let mut page = String::new();
    tell(&args, column, |telemetry| {
        let address = telemetry.address().expect("it listens");
        let (head, body) = fetch(address, "/metrics");
        assert!(head.starts_with("HTTP/1.1 200 OK") && head.contains("text/plain; version=0.0.4"), "{head}");
        assert!(fetch(address, "/").0.starts_with("HTTP/1.1 404"));
        page = body;
    });
    page
}

/// Names of samples with the labels that each has.
fn exported(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let labels =
            line.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}')).map_or("", |(labels, _)| labels);
        let labels =
            labels.split("\",").filter_map(|label| label.split_once("=\"")).map(|(name, _)| name.to_owned());
        all.entry(name.to_owned()).or_default().extend(labels);
    }
    all
}

#[test]
fn prometheus_gets_the_same_names_with_the_recommended_bounds_and_two_more() {
    let page = scraped(Column::V1_41);
    for bound in ["0.01", "81.92", "163.84", "327.68", "+Inf"] {
        let wanted = format!("le=\"{bound}\"");
        let lines =
            page.lines().filter(|line| line.starts_with("gen_ai_client_operation_duration_seconds_bucket"));
        assert!(lines.clone().any(|line| line.contains(&wanted)), "no {bound}");
    }
    let names = exported(&page);
    assert!(
        names.contains_key("richter_requests_total") && names.contains_key("richter_spend_total"),
        "{page}"
    );
}

#[test]
fn promtool_finds_nothing_wrong_with_either_column() {
    for column in [Column::V1_41, Column::Latest] {
        let tool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut tool = match tool {
            Ok(tool) => tool,
            Err(error) => {
                assert!(
                    std::env::var_os("CI").is_none(),
                    "promtool (Debian: prometheus) does not start: {error}"
                );
                eprintln!("!! LEFT OUT: promtool is not there (Debian: prometheus)");
                return;
            }
        };
        let mut page = tool.stdin.take().expect("a pipe");
        page.write_all(scraped(column).as_bytes()).expect("written");
        drop(page);
        let done = tool.wait_with_output().expect("it ends");
        let said =
            String::from_utf8_lossy(&done.stderr).into_owned() + &String::from_utf8_lossy(&done.stdout);
        assert!(done.status.success() && said.is_empty(), "{said}");
    }
}

/// Metrics and labels that a query names.
fn named(query: &str) -> (BTreeSet<&str>, BTreeSet<&str>) {
    let (mut metrics, mut labels) = (BTreeSet::new(), BTreeSet::new());
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut rest = query;
    while let Some(at) = rest.find(word) {
        rest = &rest[at..];
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let ours = ["gen_ai_", "richter_", "error_", "cloud_"].iter().any(|prefix| name.starts_with(prefix));
        if ours && after.starts_with('{') {
            metrics.insert(name);
        } else if ours {
            labels.insert(name);
        }
        rest = after;
    }
    (metrics, labels)
}

#[test]
fn every_query_of_the_dashboard_asks_for_what_is_exported() {
    for column in [Column::V1_41, Column::Latest] {
        let exported = exported(&scraped(column));
        let dashboard = dashboard(Names::of(column));
        let panels = dashboard["panels"].as_array().expect("panels");
        assert!(panels.len() >= 10);
        let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("queries"));
        for query in queries.map(|target| target["expr"].as_str().expect("a query")) {
            let (metrics, labels) = named(query);
            assert!(!metrics.is_empty(), "{query}");
            for metric in metrics {
                let has = exported.get(metric).unwrap_or_else(|| panic!("{metric} is not exported; {query}"));
                let lacking: Vec<_> = labels.iter().filter(|label| !has.contains(**label)).collect();
                assert!(lacking.is_empty(), "{metric} has no {lacking:?}; {query}");
            }
        }
        let strategies = dashboard["templating"]["list"][1]["definition"].as_str().expect("a query");
        assert_eq!(strategies, "label_values(richter_requests_total, richter_strategy)");
    }
}

#[test]
fn the_committed_dashboard_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/grafana.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    assert!(
        committed == dashboard(Names::of(Column::V1_41)),
        "dashboards/grafana.json is stale; renew it: cargo run --features aws -- grafana > dashboards/grafana.json"
    );
}
