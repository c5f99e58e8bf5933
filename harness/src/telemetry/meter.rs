//! Samples for the metrics. An error that was worked round is on its attempt's sample, and not on the request's.

use opentelemetry::{
    KeyValue,
    metrics::{Counter, Histogram, Meter as Instruments, UpDownCounter},
};
use richter_core::{
    event::AttemptResult,
    flight::Outcome,
    live::{Column, Names},
    request::{Request, Usage},
};
use richter_mock_bedrock::Nanos;

use super::{
    facts::Facts,
    follow::{AttemptDone, Done, RequestDone},
    names::{
        METRIC_NAMES, MODALITY, Metrics, OUTCOME, RESPONSE_MODEL, SECONDS, STRATEGY, TOKEN_TYPE, TOKENS,
        error_type, is, of,
    },
};
use crate::ground::Work;

/// The instruments, shared by all strategies of a run.
#[derive(Debug, Clone)]
pub struct Meter {
    duration: Histogram<f64>,
    first_chunk: Histogram<f64>,
    per_chunk: Histogram<f64>,
    tokens: Tokens,
    requests: Counter<u64>,
    in_flight: UpDownCounter<i64>,
    lag: Histogram<f64>,
    attempts: Counter<u64>,
    attempt_duration: Histogram<f64>,
    spend: Counter<f64>,
}

/// The two columns count tokens differently.
#[derive(Debug, Clone)]
enum Tokens {
    ByType(Histogram<u64>),
    Apart(Box<Apart>),
}

#[derive(Debug, Clone)]
struct Apart {
    input: Histogram<u64>,
    output: Histogram<u64>,
    input_used: Counter<u64>,
    output_used: Counter<u64>,
    cache_read: Counter<u64>,
    cache_write: Counter<u64>,
}

/// Makes instruments with the units and descriptions of the table.
struct Maker<'a>(&'a Instruments);

impl Maker<'_> {
    fn row(name: &'static str) -> (&'static str, &'static str) {
        let row = METRIC_NAMES.iter().find(|row| row.v1_41 == name || row.latest == name);
        row.map_or(("", ""), |row| (row.unit, row.meaning))
    }

    fn seconds(&self, name: &'static str) -> Histogram<f64> {
        let (unit, meaning) = Maker::row(name);
        let builder = self.0.f64_histogram(name).with_unit(unit).with_description(meaning);
        builder.with_boundaries(SECONDS.to_vec()).build()
    }

    fn tokens(&self, name: &'static str) -> Histogram<u64> {
        let (unit, meaning) = Maker::row(name);
        let builder = self.0.u64_histogram(name).with_unit(unit).with_description(meaning);
        builder.with_boundaries(TOKENS.to_vec()).build()
    }

    fn counter(&self, name: &'static str) -> Counter<u64> {
        let (unit, meaning) = Maker::row(name);
        self.0.u64_counter(name).with_unit(unit).with_description(meaning).build()
    }
}

impl Meter {
    pub fn new(instruments: &Instruments, names: Names) -> Meter {
        let (make, rows): (Maker<'_>, &'static Metrics) = (Maker(instruments), of(names));
        let tokens = match names.column() {
            Column::V1_41 => Tokens::ByType(make.tokens(rows.tokens)),
            Column::Latest => Tokens::Apart(Box::new(Apart {
                input: make.tokens(rows.input_tokens),
                output: make.tokens(rows.output_tokens),
                input_used: make.counter(rows.input_used),
                output_used: make.counter(rows.output_used),
                cache_read: make.counter(rows.cache_read),
                cache_write: make.counter(rows.cache_write),
            })),
        };
        let (unit, meaning) = Maker::row(rows.in_flight);
        let in_flight = instruments.i64_up_down_counter(rows.in_flight).with_unit(unit);
        let (_, of_spend) = Maker::row(rows.spend);
        Meter {
            duration: make.seconds(rows.duration),
            first_chunk: make.seconds(rows.first_chunk),
            per_chunk: make.seconds(rows.per_chunk),
            tokens,
            requests: make.counter(rows.requests),
            in_flight: in_flight.with_description(meaning).build(),
            lag: make.seconds(rows.lag),
            attempts: make.counter(rows.attempts),
            attempt_duration: make.seconds(rows.attempt_duration),
            spend: instruments.f64_counter(rows.spend).with_unit("USD").with_description(of_spend).build(),
        }
    }

    pub fn on(&self, facts: &Facts, done: &Done) {
        let strategy = || [is(STRATEGY, facts.strategy.clone())];
        match done {
            Done::Begun { late } => {
                self.in_flight.add(1, &strategy());
                self.lag.record(seconds(*late), &strategy());
            }
            Done::Attempt(attempt, request) => self.attempt(facts, attempt, request),
            Done::Request(request) => {
                self.in_flight.add(-1, &strategy());
                self.request(facts, request);
            }
        }
    }

    /// What an answer cost, if its price is known.
    pub fn worked(&self, facts: &Facts, work: &Work) {
        let price = facts.prices.get(usize::from(work.route.0)).copied().flatten();
        if let Some(price) = price {
            let usage = Usage { output: work.output_tokens, ..work.input };
            self.spend.add(price.cost_usd(usage), &[is(STRATEGY, facts.strategy.clone())]);
        }
    }

    fn attempt(&self, facts: &Facts, done: &AttemptDone, request: &Request) {
        let rows = facts.names.rows();
        let mut said = facts.of_attempt(request, done.target);
        let result = match done.result {
            AttemptResult::Answered(_) => "answered",
            AttemptResult::Failed(_) => "failed",
            AttemptResult::Cancelled => "cancelled",
        };
        said.push(is(rows.result, result));
        if let AttemptResult::Failed(failure) = done.result {
            said.push(is(rows.error_type, error_type(failure)));
        }
        self.attempts.add(1, &said);
        self.attempt_duration.record(between(done.sent, done.ended), &said);
    }

    fn request(&self, facts: &Facts, done: &RequestDone) {
        let rows = facts.names.rows();
        let RequestDone { request, ended, finish, .. } = done;
        let mut said = facts.of_request(request);
        let (outcome, error) = outcome(finish.outcome);
        if let Some(target) = finish.target.and_then(|target| facts.target(target)) {
            said.push(is(RESPONSE_MODEL, target.base.clone()));
        }
        let mut counted = said.clone();
        counted.push(is(OUTCOME, outcome));
        counted.push(is(rows.reason, finish.reason.name()));
        if let Some(error) = error {
            said.push(is(rows.error_type, error));
            counted.push(is(rows.error_type, error));
        }
        self.requests.add(1, &counted);
        self.duration.record(between(request.intended, *ended), &said);
        if let (true, Some(first)) = (request.api.streams(), finish.first) {
            self.first_chunk.record(between(request.intended, first), &said);
        }
        if let Outcome::Answered(usage) = finish.outcome {
            self.answered(done, usage, &said);
        }
    }

    fn answered(&self, done: &RequestDone, usage: Usage, said: &[KeyValue]) {
        if let (true, Some(first)) = (done.request.api.streams() && usage.output > 1, done.finish.first) {
            self.per_chunk.record(between(first, done.ended) / f64::from(usage.output - 1), said);
        }
        let input = u64::from(usage.input) + u64::from(usage.cache_read) + u64::from(usage.cache_write);
        let with = |attribute: KeyValue| [said, &[attribute]].concat();
        match &self.tokens {
            Tokens::ByType(tokens) => {
                tokens.record(input, &with(is(TOKEN_TYPE, "input")));
                tokens.record(u64::from(usage.output), &with(is(TOKEN_TYPE, "output")));
            }
            Tokens::Apart(apart) => {
                let text = with(is(MODALITY, "text"));
                apart.input.record(input, said);
                apart.output.record(u64::from(usage.output), said);
                apart.input_used.add(input, &text);
                apart.output_used.add(u64::from(usage.output), &text);
                apart.cache_read.add(u64::from(usage.cache_read), &text);
                apart.cache_write.add(u64::from(usage.cache_write), &text);
            }
        }
    }
}

/// How a request ended, and the error that its caller met.
pub fn outcome(outcome: Outcome) -> (&'static str, Option<&'static str>) {
    match outcome {
        Outcome::Answered(_) => ("answered", None),
        Outcome::Failed(failure) => ("failed", Some(error_type(failure))),
        Outcome::Broken(failure) => ("broken", Some(error_type(failure))),
        Outcome::Gone => ("gone", None),
    }
}

pub fn between(from: Nanos, to: Nanos) -> f64 {
    seconds(to.saturating_sub(from))
}

pub fn seconds(span: Nanos) -> f64 {
    span as f64 / 1e9
}
