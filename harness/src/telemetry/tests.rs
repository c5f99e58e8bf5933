//! A simulated run told to real exporters: what a collector, a Prometheus server and CloudWatch would get.

mod prometheus;

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::{
    collector::{metrics::v1::ExportMetricsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value::Value as Any},
    metrics::v1::metric::Data,
    trace::v1::Span,
};
use prost::Message as _;
use richter_core::live::Column;
use serde_json::Value;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::method};

use super::{
    names::{ERROR_TYPES, METRIC_NAMES, MetricName},
    *,
};
use crate::{ground::sim::Simulation, scenario};

/// The first target is throttled after a while, so that some errors are worked round and some are not.
const SCENARIO: &str = "version: 1
name: told
question: What is told of it?
targets:
  east: { on_demand: { region: us-east-1, model: anthropic.claude-3-haiku-20240307-v1:0 } }
  west: { on_demand: { region: us-west-2, model: anthropic.claude-3-haiku-20240307-v1:0 } }
world:
  models:
    anthropic.claude-3-haiku-20240307-v1:0: { first_token: 100ms, per_token: 5ms, max_output: 100 }
  quotas: { on_demand: { us-east-1: { requests: 60/min }, us-west-2: { requests: 120/min } } }
traffic:
  mix:
    ask: { share: 50%, api: converse, input: 10, output: 10, max_tokens: 50 }
    talk: { share: 50%, api: converse_stream, input: 10, output: 10, max_tokens: 50 }
  phases:
    - { name: all, for: 40s, rate: 10/s }
strategies:
  failover: { ordered: { targets: [east, west] } }
";

struct Told {
    plan: Plan,
    /// Requests, and attempts.
    counted: (usize, usize),
    lost: Vec<String>,
}

/// Plays the scenario and tells of it.
fn tell(args: &TelemetryArgs, column: Column, meanwhile: impl FnOnce(&Telemetry)) -> Told {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("s.yaml");
    std::fs::write(&path, SCENARIO).expect("written");
    let checked = scenario::load(&path).unwrap_or_else(|problems| panic!("{}", problems.render(false)));
    let plan = checked.plan;
    let zero = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let telemetry = Telemetry::start(args, Names::of(column)).expect("it starts");
    let both = crate::record::Both(telemetry.teller(&plan, 0, zero), Counter::default());
    let mut simulation = Simulation::new(&plan, 0, 0, both).expect("a simulation");
    while simulation.step().expect("no trace is read") {}
    let witness = simulation.witness();
    assert_eq!(witness.0.under_way(), 0, "nothing is left behind");
    let counted = (witness.1.requests, witness.1.attempts);
    meanwhile(&telemetry);
    let lost = telemetry.finish();
    Told { plan, counted, lost }
}

/// Counts by itself what should be told.
#[derive(Debug, Default)]
struct Counter {
    requests: usize,
    attempts: usize,
}

impl Observer for Counter {
    fn on(&mut self, _: Nanos, event: &Event<'_>) {
        match event {
            Event::Finished { .. } => self.requests += 1,
            Event::AttemptEnded { .. } => self.attempts += 1,
            _ => {}
        }
    }
}

impl Witness for Counter {
    fn arrived(&mut self, _: &Arrival) {}
    fn worked(&mut self, _: Nanos, _: &Work) {}
}

/// A collector: takes everything, and gives it back decoded.
struct Collector {
    runtime: tokio::runtime::Runtime,
    server: MockServer,
}

/// Attributes and value.
type Sample = (BTreeMap<String, String>, f64);

impl Collector {
    fn new(status: u16) -> Collector {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let server = runtime.block_on(async {
            let server = MockServer::start().await;
            Mock::given(method("POST")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
            server
        });
        Collector { runtime, server }
    }

    fn args(&self) -> TelemetryArgs {
        TelemetryArgs { otlp: Some(self.server.uri()), ..TelemetryArgs::default() }
    }

    fn bodies(&self, path: &str) -> Vec<Vec<u8>> {
        let all = self.runtime.block_on(self.server.received_requests()).expect("they are kept");
        let of_path = all.into_iter().filter(|request| request.url.path() == path);
        of_path
            .map(|request| {
                assert_eq!(request.headers["content-type"], "application/x-protobuf");
                request.body
            })
            .collect()
    }

    fn spans(&self) -> Vec<Span> {
        let bodies = self.bodies("/v1/traces");
        let requests =
            bodies.iter().map(|body| ExportTraceServiceRequest::decode(&**body).expect("protobuf"));
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }

    /// The last state of each metric: for each set of attributes its count or value.
    fn metrics(&self) -> BTreeMap<String, Vec<Sample>> {
        let bodies = self.bodies("/v1/metrics");
        let last = bodies.last().expect("something was pushed");
        let request = ExportMetricsServiceRequest::decode(&**last).expect("protobuf");
        let scopes = request.resource_metrics.into_iter().flat_map(|resource| resource.scope_metrics);
        scopes
            .flat_map(|scope| scope.metrics)
            .map(|metric| (metric.name.clone(), points(metric.data)))
            .collect()
    }
}

fn points(data: Option<Data>) -> Vec<(BTreeMap<String, String>, f64)> {
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value::{AsDouble, AsInt};
    match data {
        Some(Data::Histogram(histogram)) => {
            let points = histogram.data_points.into_iter();
            points.map(|point| (attributes(&point.attributes), point.count as f64)).collect()
        }
        Some(Data::Sum(sum)) => {
            let value = |value| match value {
                Some(AsInt(value)) => value as f64,
                Some(AsDouble(value)) => value,
                None => 0.0,
            };
            sum.data_points
                .into_iter()
                .map(|point| (attributes(&point.attributes), value(point.value)))
                .collect()
        }
        other => panic!("no such metric is made: {other:?}"),
    }
}

fn attributes(all: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |value: &Any| match value {
        Any::StringValue(text) => text.clone(),
        Any::IntValue(number) => number.to_string(),
        Any::BoolValue(flag) => flag.to_string(),
        Any::DoubleValue(number) => number.to_string(),
        other => panic!("no attribute is {other:?}"),
    };
    let value = |one: &KeyValue| one.value.as_ref().and_then(|any| any.value.as_ref()).map(text);
    all.iter().map(|one| (one.key.clone(), value(one).unwrap_or_default())).collect()
}

#[test]
fn a_collector_gets_metrics_and_spans_in_two_levels() {
    let collector = Collector::new(200);
    let told = tell(&collector.args(), Column::V1_41, |_| ());
    assert_eq!(told.lost, [""; 0]);
    let metrics = collector.metrics();
    let total = |name: &str| -> f64 { metrics[name].iter().map(|(_, value)| value).sum() };
    let (requests, attempts) = told.counted;
    assert!(attempts > requests && requests > 300, "{requests} {attempts}");
    assert_eq!(total("richter.requests"), requests as f64);
    assert_eq!(total("gen_ai.client.operation.duration"), requests as f64);
    assert_eq!(total("richter.attempts"), attempts as f64);
    assert_eq!(total("richter.requests.in_flight"), 0.0);
    assert!(total("richter.spend") > 0.0);
    let names: BTreeSet<&str> = metrics.keys().map(String::as_str).collect();
    let wanted: BTreeSet<&str> =
        METRIC_NAMES.iter().map(|name| name.v1_41).filter(|name| !name.is_empty()).collect();
    assert_eq!(names, wanted);

    let spans = collector.spans();
    let (parents, children): (Vec<&Span>, Vec<&Span>) =
        spans.iter().partition(|span| span.parent_span_id.is_empty());
    assert_eq!((parents.len(), children.len()), (requests, attempts));
    let ids: BTreeSet<&[u8]> = parents.iter().map(|span| &*span.span_id).collect();
    assert!(children.iter().all(|span| ids.contains(&*span.parent_span_id)));
    assert!(
        parents
            .iter()
            .all(|span| span.name == "chat anthropic.claude-3-haiku-20240307-v1:0" && span.kind == 3)
    );
    assert!(parents.iter().all(|span| span.start_time_unix_nano >= 1_800_000_000_000_000_000));
    assert_eq!(told.plan.strategies.len(), 1);
}

#[test]
fn an_error_that_was_worked_round_is_on_its_attempt_and_not_on_the_request() {
    let collector = Collector::new(200);
    tell(&collector.args(), Column::V1_41, |_| ());
    let spans = collector.spans();
    let said = |span: &Span| attributes(&span.attributes);
    let (mut worked_round, mut failed) = (0, 0);
    for parent in spans.iter().filter(|span| span.parent_span_id.is_empty()) {
        let children: Vec<_> =
            spans.iter().filter(|span| span.parent_span_id == parent.span_id).map(said).collect();
        let errors = children.iter().filter(|child| child.contains_key("error.type")).count();
        let parent = said(parent);
        match (errors, parent.get("error.type")) {
            (0, None) => {}
            (_, None) => {
                worked_round += 1;
                assert_eq!(children.iter().filter(|child| child["richter.result"] == "answered").count(), 1);
            }
            (errors, Some(error)) => {
                failed += 1;
                assert_eq!((errors, &**error), (children.len(), "ThrottlingException"));
            }
        }
    }
    assert!(worked_round > 0 && failed > 0, "{worked_round} {failed}");
    let metrics = collector.metrics();
    let errors: f64 = metrics["gen_ai.client.operation.duration"]
        .iter()
        .filter(|(said, _)| said.contains_key("error.type"))
        .map(|(_, count)| count)
        .sum();
    assert_eq!(errors, f64::from(failed));
}

#[test]
fn the_newest_names_are_used_where_they_are_asked_for() {
    let collector = Collector::new(200);
    tell(&collector.args(), Column::Latest, |_| ());
    let metrics = collector.metrics();
    let names: BTreeSet<&str> = metrics.keys().map(String::as_str).collect();
    let wanted: BTreeSet<&str> =
        METRIC_NAMES.iter().map(|name| name.latest).filter(|name| !name.is_empty()).collect();
    assert_eq!(names, wanted);
    let input = &metrics["gen_ai.client.inference.usage.input_tokens"];
    assert!(input.iter().all(|(said, _)| said["gen_ai.token.modality"] == "text"));
}

#[test]
fn a_collector_that_refuses_is_named_at_the_end() {
    let collector = Collector::new(400);
    let told = tell(&collector.args(), Column::V1_41, |_| ());
    assert!(
        !told.lost.is_empty() && told.lost.iter().all(|text| text.starts_with("--otlp: ")),
        "{:?}",
        told.lost
    );
}

#[test]
fn lines_for_cloudwatch_keep_to_its_format_and_hold_every_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("emf.jsonl");
    let args = TelemetryArgs { emf: Some(path.clone()), ..TelemetryArgs::default() };
    let told = tell(&args, Column::V1_41, |_| ());
    assert_eq!(told.lost, [""; 0]);
    let text = std::fs::read_to_string(&path).expect("lines");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let sum = |name: &str| lines.iter().filter_map(|line| line[name].as_u64()).sum::<u64>();
    assert_eq!(
        (sum("richter.requests"), sum("richter.attempts")),
        (told.counted.0 as u64, told.counted.1 as u64)
    );
    let mut durations = 0;
    for line in &lines {
        let at = line["_aws"]["Timestamp"].as_u64().expect("a time");
        assert!((1_800_000_000_000..=1_800_000_120_000).contains(&at) && at % 10_000 == 0, "{at}");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "richter");
        for dimension in directive["Dimensions"][0].as_array().expect("a set") {
            assert!(line[dimension.as_str().expect("text")].is_string(), "{line}");
        }
        for metric in directive["Metrics"].as_array().expect("a list") {
            let value = &line[metric["Name"].as_str().expect("text")];
            assert!(
                value.is_u64() || value.as_array().is_some_and(|values| (1..=100).contains(&values.len()))
            );
        }
        durations += line["gen_ai.client.operation.duration"].as_array().map_or(0, Vec::len);
    }
    assert_eq!(durations, told.counted.0);
}

#[test]
fn a_file_or_an_address_that_cannot_be_had_is_named() {
    let nowhere = TelemetryArgs { emf: Some("/nowhere/emf".into()), ..TelemetryArgs::default() };
    let error = Telemetry::start(&nowhere, Names::default()).expect_err("no folder");
    assert!(error.to_string().starts_with("--emf: cannot write /nowhere/emf: "), "{error}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let args = TelemetryArgs { prometheus: Some(address), ..TelemetryArgs::default() };
    let error = Telemetry::start(&args, Names::default()).expect_err("taken");
    assert!(error.to_string().starts_with(&format!("--prometheus: cannot listen on {address}: ")), "{error}");
}

#[test]
fn the_readme_lists_every_metric_and_every_error() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(readme).expect("the README");
    for MetricName { v1_41, latest, unit, meaning } in METRIC_NAMES {
        let unit = unit.trim_matches(['{', '}']);
        let row = match (*v1_41, *latest) {
            ("", newest) => format!("| `{newest}` | newest only | {unit} | {meaning} |"),
            (name, "") => format!("| `{name}` | released only | {unit} | {meaning} |"),
            (name, same) if name == same => format!("| `{name}` | the same | {unit} | {meaning} |"),
            (name, newest) => format!("| `{name}` | `{newest}` | {unit} | {meaning} |"),
        };
        assert!(readme.contains(&row), "README.md lacks: {row}");
    }
    for (name, when) in ERROR_TYPES {
        let row = format!("| `{name}` | {when} |");
        assert!(readme.contains(&row), "README.md lacks: {row}");
    }
}
