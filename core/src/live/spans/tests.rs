use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    fmt::Debug,
    sync::Mutex,
};

use serde_json::json;
use tracing::{
    Subscriber,
    field::{Field, Visit},
    span,
};
use tracing_subscriber::{Layer, Registry, layer::Context, prelude::*, registry::LookupSpan};

use super::*;
use crate::{
    event::Blind,
    live::{Break, Clock, Column, Meaning, Opening, Refusal, Shell, ShellParts, Transport, dice},
    rig,
    strategy::StrategySpec,
};

/// What was recorded of one span.
#[derive(Debug, Clone, Default)]
struct Seen {
    name: &'static str,
    parent: Option<&'static str>,
    fields: BTreeMap<String, String>,
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.fields.insert(field.name().to_owned(), format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name().to_owned(), value.to_owned());
    }
}

/// Remembers every span, in the order of their beginning; an id may come back when its span is over.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Vec<(span::Id, Seen)>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Memory {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let parent = context.span(id).and_then(|span| Some(span.parent()?.name()));
        let mut seen = Seen { name: attributes.metadata().name(), parent, ..Seen::default() };
        attributes.record(&mut seen);
        self.0.lock().unwrap().push((id.clone(), seen));
    }

    fn on_record(&self, id: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        let mut all = self.0.lock().unwrap();
        if let Some((_, seen)) = all.iter_mut().rev().find(|(known, _)| known == id) {
            values.record(seen);
        }
    }
}

/// Ends attempts as it was told to.
struct Told(Mutex<VecDeque<Result<Usage, How>>>);

impl Transport for Told {
    type Call = ();
    type Answer = ();
    type Stream = Infallible;
    type Part = Infallible;

    async fn open(&self, _: Sending, (): &()) -> Result<Opening<(), Infallible>, Break> {
        match self.0.lock().unwrap().pop_front().unwrap() {
            Ok(usage) => Ok(Opening::Whole { answer: (), usage }),
            Err(how) => Err(Break { how, source: None }),
        }
    }

    async fn next(&self, stream: &mut Infallible) -> Result<Option<Infallible>, Break> {
        match *stream {}
    }

    fn meaning(&self, part: &Infallible) -> Meaning {
        match *part {}
    }
}

const USED: Usage = Usage { input: 7, output: 9, cache_read: 30, cache_write: 200 };

fn throttled() -> Result<Usage, How> {
    let name = Some("ThrottlingException".to_owned());
    Err(How::Refused(Refusal { name, status: Some(429), ..Refusal::default() }))
}

/// The spans of one request over two targets.
fn spans(column: Column, ends: impl IntoIterator<Item = Result<Usage, How>>) -> Vec<Seen> {
    let memory = Memory::default();
    let subscriber = Registry::default().with(memory.clone());
    let spec: StrategySpec = serde_json::from_value(json!({ "ordered": { "targets": ["a", "b"] } })).unwrap();
    let work = async {
        let shell = Shell::new(ShellParts {
            strategy: rig::built(&spec),
            targets: vec![("a".into(), rig::target("us-east-1")), ("b".into(), rig::target("us-west-2"))],
            clock: Clock::default(),
            dice: dice::seeded(1),
            observer: Box::new(Blind),
            names: Names::of(column),
        });
        let told = Arc::new(Told(Mutex::new(ends.into_iter().collect())));
        drop(shell.carry(told, (), rig::request(0, Api::Converse, 0), Some("asked-for")).await);
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    tracing::subscriber::with_default(subscriber, || runtime.block_on(work));
    let all = memory.0.lock().unwrap();
    all.iter()
        .map(|(_, seen)| seen.clone())
        .filter(|seen| ["request", "attempt"].contains(&seen.name))
        .collect()
}

#[test]
fn an_error_that_was_worked_round_stands_on_its_attempt_and_not_on_the_request() {
    let spans = spans(Column::V1_41, [throttled(), Ok(USED)]);
    let [request, first, second] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!((request.name, first.parent, second.parent), ("request", Some("request"), Some("request")));
    assert_eq!(request.fields.get("error.type"), None);
    assert_eq!(first.fields["error.type"], "ThrottlingException");
    assert_eq!(second.fields.get("error.type"), None);
    assert_eq!((&*request.fields["richter.attempts"], &*request.fields["richter.reason"]), ("2", "answered"));
    assert_eq!((&*first.fields["cloud.region"], &*second.fields["cloud.region"]), ("us-east-1", "us-west-2"));
    assert_eq!((&*first.fields["richter.target"], &*second.fields["richter.target"]), ("a", "b"));
    assert_eq!((&*first.fields["richter.result"], &*second.fields["richter.result"]), ("failed", "answered"));
}

#[test]
fn a_request_that_fails_has_the_error_of_its_last_attempt() {
    let spans = spans(Column::V1_41, [throttled(), Err(How::NotConnected)]);
    let errors: Vec<&str> = spans.iter().map(|seen| &*seen.fields["error.type"]).collect();
    assert_eq!(errors, ["timeout", "ThrottlingException", "timeout"]);
}

#[test]
fn both_columns_name_what_was_used_and_neither_uses_the_names_of_the_other() {
    let (old, new) = ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_write.input_tokens");
    for (column, own, other) in [(Column::V1_41, old, new), (Column::Latest, new, old)] {
        for seen in spans(column, [Ok(USED)]) {
            assert_eq!(seen.fields[own], "200", "{column:?} {}", seen.name);
            assert_eq!(seen.fields.get(other), None, "{column:?} {}", seen.name);
            let input = &seen.fields["gen_ai.usage.input_tokens"];
            assert_eq!((&**input, &*seen.fields["gen_ai.usage.output_tokens"]), ("237", "9"));
        }
    }
}

#[test]
fn what_samplers_want_is_there_from_the_start() {
    let spans = spans(Column::V1_41, [Ok(USED)]);
    let [request, attempt] = &spans[..] else { panic!("{spans:#?}") };
    assert_eq!(request.fields["otel.name"], "chat asked-for");
    assert_eq!(attempt.fields["otel.name"], "chat model");
    for seen in [request, attempt] {
        assert_eq!(seen.fields["gen_ai.operation.name"], "chat");
        assert_eq!(seen.fields["gen_ai.provider.name"], "aws.bedrock");
        assert_eq!(seen.fields["otel.kind"], "client");
    }
}
