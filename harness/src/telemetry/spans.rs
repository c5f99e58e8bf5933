//! Spans in two levels: the request as its caller saw it, and below it one for each attempt with its own error.

use std::time::{Duration, SystemTime};

use opentelemetry::{
    Context, KeyValue,
    trace::{Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _},
};
use opentelemetry_sdk::trace::SdkTracer;
use richter_core::{event::AttemptResult, flight::Outcome, request::Usage};
use richter_mock_bedrock::Nanos;

use super::{
    facts::Facts,
    follow::{AttemptDone, RequestDone},
    meter::{between, outcome},
    names::{RESPONSE_MODEL, error_type, is, operation},
};

/// Draws spans with the times of the run.
#[derive(Debug, Clone)]
pub struct Spans {
    tracer: SdkTracer,
    /// Time of day at the run's zero.
    zero: SystemTime,
}

impl Spans {
    pub fn new(tracer: SdkTracer, zero: SystemTime) -> Spans {
        Spans { tracer, zero }
    }

    fn at(&self, now: Nanos) -> SystemTime {
        self.zero.checked_add(Duration::from_nanos(now)).unwrap_or(self.zero)
    }

    pub fn draw(&self, facts: &Facts, done: &RequestDone) {
        let rows = facts.names.rows();
        let RequestDone { request, finish, .. } = done;
        let mut said = facts.of_request(request);
        if let Some(most) = request.max_tokens {
            said.push(is(rows.max_tokens, i64::from(most)));
        }
        let span = self.span(operation(request.api), &facts.model, request.intended, said);
        let mut span = span.start_with_context(&self.tracer, &Context::new());
        span.set_attribute(is(rows.attempts, i64::from(finish.attempts)));
        span.set_attribute(is(rows.reason, finish.reason.name()));
        if let (true, Some(first)) = (request.api.streams(), finish.first) {
            span.set_attribute(is(rows.first_chunk, between(request.intended, first)));
        }
        if let Some(target) = finish.target.and_then(|target| facts.target(target)) {
            span.set_attribute(is(RESPONSE_MODEL, target.base.clone()));
        }
        if let Outcome::Answered(usage) = finish.outcome {
            span.set_attributes(used(facts, usage));
        }
        if let (_, Some(error)) = outcome(finish.outcome) {
            span.set_attribute(is(rows.error_type, error));
            span.set_status(Status::error(error));
        }
        let parent = Context::new().with_span(span);
        for attempt in &done.attempts {
            self.attempt(facts, done, attempt, &parent);
        }
        parent.span().end_with_timestamp(self.at(done.ended));
    }

    fn attempt(&self, facts: &Facts, done: &RequestDone, attempt: &AttemptDone, parent: &Context) {
        let rows = facts.names.rows();
        let mut said = facts.of_attempt(&done.request, attempt.target);
        said.push(is(rows.attempt, i64::from(attempt.number)));
        let model = facts.target(attempt.target).map_or(&*facts.model, |target| &target.model_id);
        let span = self.span(operation(done.request.api), model, attempt.sent, said);
        let mut span = span.start_with_context(&self.tracer, parent);
        match attempt.result {
            AttemptResult::Answered(usage) => {
                span.set_attribute(is(rows.result, "answered"));
                span.set_attributes(used(facts, usage));
            }
            AttemptResult::Failed(failure) => {
                let error = error_type(failure);
                span.set_attribute(is(rows.result, "failed"));
                span.set_attribute(is(rows.error_type, error));
                span.set_status(Status::error(error));
            }
            AttemptResult::Cancelled => span.set_attribute(is(rows.result, "cancelled")),
        }
        span.end_with_timestamp(self.at(attempt.ended));
    }

    /// Samplers see what a span is made with, so it is made with everything that is known.
    fn span(&self, operation: &str, model: &str, from: Nanos, said: Vec<KeyValue>) -> SpanBuilder {
        SpanBuilder::from_name(format!("{operation} {model}"))
            .with_kind(SpanKind::Client)
            .with_start_time(self.at(from))
            .with_attributes(said)
    }
}

/// Input counts what came from the cache and went into it, as the conventions want it.
fn used(facts: &Facts, usage: Usage) -> [KeyValue; 4] {
    let rows = facts.names.rows();
    let input = i64::from(usage.input) + i64::from(usage.cache_read) + i64::from(usage.cache_write);
    [
        is(rows.input_tokens, input),
        is(rows.output_tokens, i64::from(usage.output)),
        is(rows.cache_read, i64::from(usage.cache_read)),
        is(rows.cache_write, i64::from(usage.cache_write)),
    ]
}
