//! CloudWatch's embedded metric format: lines of JSON that CloudWatch Logs turns into metrics. Every ten seconds there is
//! a line for each strategy and error that callers met, and one for each target and error of an attempt, under the
//! names that OTLP has. Times are the run's own, so that the lines say when things happened and not when they were
//! written.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufWriter, Write as _},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

use richter_core::event::AttemptResult;
use richter_mock_bedrock::Nanos;
use serde_json::{Map, Value, json};

use super::{
    TelemetryError,
    facts::Facts,
    follow::{AttemptDone, Done, RequestDone},
    meter::{between, outcome},
    names::{STRATEGY, error_type, of},
};

/// How much time one line sums up.
const EVERY: Nanos = 10_000_000_000;
/// Most values of one metric in one line, by CloudWatch's specification; more go into further lines.
const VALUES_MAX: usize = 100;
const NAMESPACE: &str = "richter";

/// The file, shared by all strategies of a run.
#[derive(Debug, Clone)]
pub struct Lines {
    inside: Arc<Mutex<Inside>>,
    /// Of the cell that is told of.
    zero_ms: u64,
}

#[derive(Debug)]
struct Inside {
    out: BufWriter<File>,
    /// When the stretch of time began that is being summed up.
    from_ms: u64,
    sums: BTreeMap<Key, Sum>,
    /// The first thing that went wrong; nothing is written after it.
    broken: Option<io::Error>,
}

/// What a line is about, as its dimensions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    strategy: String,
    /// None for requests.
    target: Option<String>,
    error: Option<&'static str>,
}

#[derive(Debug, Default)]
struct Sum {
    count: u64,
    /// By metric.
    values: BTreeMap<&'static str, Vec<f64>>,
}

impl Lines {
    pub fn create(path: &Path) -> Result<Lines, TelemetryError> {
        let file = File::create(path).map_err(|error| TelemetryError::Emf(path.to_owned(), error))?;
        let inside = Inside { out: BufWriter::new(file), from_ms: 0, sums: BTreeMap::new(), broken: None };
        Ok(Lines { inside: Arc::new(Mutex::new(inside)), zero_ms: 0 })
    }

    /// The same file, for a cell whose time began at `zero`.
    pub fn of(&self, zero: SystemTime) -> Lines {
        let zero_ms = zero.duration_since(UNIX_EPOCH).map_or(0, |span| span.as_millis());
        Lines { inside: Arc::clone(&self.inside), zero_ms: u64::try_from(zero_ms).unwrap_or(0) }
    }

    pub fn on(&self, now: Nanos, facts: &Facts, done: &Done) {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        let from_ms = self.zero_ms.saturating_add(now / EVERY * (EVERY / 1_000_000));
        if from_ms != inside.from_ms {
            inside.write();
            inside.from_ms = from_ms;
        }
        match done {
            Done::Begun { .. } => {}
            Done::Attempt(attempt, _) => inside.attempt(facts, attempt),
            Done::Request(request) => inside.request(facts, request),
        }
    }

    /// Writes what is left. Gives the first thing that went wrong.
    pub fn finish(&self) -> io::Result<()> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.write();
        let flushed = inside.out.flush();
        inside.broken.take().map_or(flushed, Err)
    }
}

impl Inside {
    fn request(&mut self, facts: &Facts, done: &RequestDone) {
        let (_, error) = outcome(done.finish.outcome);
        let names = of(facts.names);
        let sum = self.sum(Key { strategy: facts.strategy.clone(), target: None, error });
        sum.count += 1;
        let intended = done.request.intended;
        sum.values.entry(names.duration).or_default().push(between(intended, done.ended));
        if let (true, Some(first)) = (done.request.api.streams(), done.finish.first) {
            sum.values.entry(names.first_chunk).or_default().push(between(intended, first));
        }
    }

    fn attempt(&mut self, facts: &Facts, done: &AttemptDone) {
        let error = match done.result {
            AttemptResult::Failed(failure) => Some(error_type(failure)),
            AttemptResult::Answered(_) | AttemptResult::Cancelled => None,
        };
        let target = facts.target(done.target).map(|target| target.name.clone());
        let sum = self.sum(Key {
            strategy: facts.strategy.clone(),
            target: Some(target.unwrap_or_default()),
            error,
        });
        sum.count += 1;
        sum.values.entry(of(facts.names).attempt_duration).or_default().push(between(done.sent, done.ended));
    }

    fn sum(&mut self, key: Key) -> &mut Sum {
        self.sums.entry(key).or_default()
    }

    fn write(&mut self) {
        let at = self.from_ms;
        for (key, sum) in std::mem::take(&mut self.sums) {
            for line in lines(at, &key, &sum) {
                if self.broken.is_none() {
                    self.broken = writeln!(self.out, "{line}").err();
                }
            }
        }
    }
}

/// One line, or more where there are more values than fit into one.
fn lines(at_ms: u64, key: &Key, sum: &Sum) -> Vec<Value> {
    let most = sum.values.values().map(Vec::len).max().unwrap_or(0);
    let parts = most.div_ceil(VALUES_MAX).max(1);
    (0..parts).map(|part| line(at_ms, key, sum, part)).collect()
}

fn line(at_ms: u64, key: &Key, sum: &Sum, part: usize) -> Value {
    let counted = if key.target.is_some() { "richter.attempts" } else { "richter.requests" };
    let dimensions = [
        Some((STRATEGY, key.strategy.clone())),
        key.target.clone().map(|target| ("richter.target", target)),
        key.error.map(|error| ("error.type", error.to_owned())),
    ];
    let dimensions: Vec<(&str, String)> = dimensions.into_iter().flatten().collect();
    let (mut body, mut metrics) = (Map::new(), Vec::new());
    if part == 0 {
        metrics.push(json!({ "Name": counted, "Unit": "Count" }));
        body.insert(counted.to_owned(), sum.count.into());
    }
    for (name, values) in &sum.values {
        let chunk = values.chunks(VALUES_MAX).nth(part).unwrap_or_default();
        if !chunk.is_empty() {
            metrics.push(json!({ "Name": name, "Unit": "Seconds" }));
            body.insert((*name).to_owned(), chunk.into());
        }
    }
    let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
    body.extend(dimensions.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())));
    let directive = json!({ "Namespace": NAMESPACE, "Dimensions": [names], "Metrics": metrics });
    body.insert("_aws".to_owned(), json!({ "Timestamp": at_ms, "CloudWatchMetrics": [directive] }));
    Value::Object(body)
}
