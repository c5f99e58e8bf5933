//! Tracing spans in two levels: one for the request as its caller sees it, and below it one for each attempt. An error
//! that was worked round stands on its attempt's span and not on the request's.
//!
//! Values of `error.type`: the exception's name as the service sent it; `timeout` for a limit of ours; `connect` and
//! `connection` for a connection that did not stand or broke; `truncated` for an answer without its end mark;
//! `_OTHER` when no attempt was made.

use std::sync::Arc;

use tracing::{Span, field::Empty};

use super::{
    attempt::Ending,
    names::{LATEST, Names, Rows, V1_41},
    trail::Trail,
    transport::{How, Sending},
};
use crate::{
    Nanos,
    failure::Phase,
    flight::Outcome,
    request::{Api, Request, Usage},
    target::TargetSpec,
};

const PROVIDER: &str = "aws.bedrock";
const NO_ATTEMPT: &str = "_OTHER";

/// What spans say of a target.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) name: Arc<str>,
    pub(super) spec: TargetSpec,
}

/// How a request's span is made.
#[derive(Debug, Clone)]
pub(super) struct Spans {
    pub(super) names: Names,
    pub(super) targets: Arc<[Facts]>,
}

/// The request, as its caller sees it.
#[derive(Debug, Clone)]
pub(super) struct RequestSpan {
    spans: Spans,
    span: Span,
    model: Arc<str>,
}

/// One attempt.
#[derive(Debug, Clone)]
pub(super) struct AttemptSpan {
    names: Names,
    span: Span,
}

/// What the conventions call the operation.
const fn operation(api: Api) -> &'static str {
    match api {
        Api::Converse | Api::ConverseStream => "chat",
        Api::InvokeModel | Api::InvokeModelWithResponseStream => "text_completion",
    }
}

impl Spans {
    /// `model` is what the caller asked for, if the call names a model at all.
    pub(super) fn request(&self, request: &Request, model: Option<&str>) -> RequestSpan {
        let first = self.targets.first().map(|facts| facts.spec.model_id());
        let model = model.or(first).unwrap_or_default();
        let operation = operation(request.api);
        let span = tracing::info_span!(
            target: "richter",
            "request",
            otel.name = format!("{operation} {model}"),
            otel.kind = "client",
            { V1_41.operation } = operation,
            { V1_41.provider } = PROVIDER,
            { V1_41.request_model } = model,
            { V1_41.stream } = request.api.streams(),
            { V1_41.max_tokens } = request.max_tokens,
            { V1_41.first_chunk } = Empty,
            { V1_41.input_tokens } = Empty,
            { V1_41.output_tokens } = Empty,
            { V1_41.cache_read } = Empty,
            { V1_41.cache_write } = Empty,
            { LATEST.cache_write } = Empty,
            { V1_41.error_type } = Empty,
            { V1_41.attempts } = Empty,
            { V1_41.reason } = Empty,
        );
        RequestSpan { spans: self.clone(), span, model: model.into() }
    }
}

impl RequestSpan {
    pub(super) fn attempt(&self, sending: &Sending) -> AttemptSpan {
        let facts = self.spans.targets.get(usize::from(sending.target.0));
        let model = facts.map_or(&*self.model, |facts| facts.spec.model_id());
        let operation = operation(sending.request.api);
        let span = tracing::info_span!(
            target: "richter",
            parent: &self.span,
            "attempt",
            otel.name = format!("{operation} {model}"),
            otel.kind = "client",
            { V1_41.operation } = operation,
            { V1_41.provider } = PROVIDER,
            { V1_41.request_model } = model,
            { V1_41.stream } = sending.request.api.streams(),
            { V1_41.max_tokens } = sending.max_tokens.or(sending.request.max_tokens),
            { V1_41.region } = facts.map(|facts| facts.spec.region()),
            { V1_41.address } = Empty,
            { V1_41.port } = Empty,
            { V1_41.target } = facts.map(|facts| &*facts.name),
            { V1_41.attempt } = sending.attempt.number,
            { V1_41.input_tokens } = Empty,
            { V1_41.output_tokens } = Empty,
            { V1_41.cache_read } = Empty,
            { V1_41.cache_write } = Empty,
            { LATEST.cache_write } = Empty,
            { V1_41.error_type } = Empty,
            { V1_41.result } = Empty,
        );
        AttemptSpan { names: self.spans.names, span }
    }

    /// The caller has its last word.
    pub(super) fn finished(&self, trail: &Trail, error: Option<&str>) {
        let names = self.spans.names.rows();
        self.span.record(names.attempts, trail.attempts.len());
        let Some(end) = &trail.end else {
            return;
        };
        self.span.record(names.reason, end.reason.name());
        let first = trail.attempts.iter().find_map(|tried| tried.first);
        if let Some(first) = first {
            self.span.record(names.first_chunk, seconds(first.saturating_sub(trail.begun)));
        }
        match end.outcome {
            Outcome::Answered(usage) => record_usage(&self.span, names, usage),
            Outcome::Failed(_) | Outcome::Broken(_) => {
                self.span.record(names.error_type, error.unwrap_or(NO_ATTEMPT));
            }
            Outcome::Gone => {}
        }
    }
}

impl AttemptSpan {
    /// For work that belongs to the attempt.
    pub(super) fn span(&self) -> &Span {
        &self.span
    }

    pub(super) fn answered(&self, usage: Usage) {
        record_usage(&self.span, self.names.rows(), usage);
        self.span.record(self.names.rows().result, "answered");
    }

    pub(super) fn broken(&self, error: &str) {
        self.span.record(self.names.rows().error_type, error);
        self.span.record(self.names.rows().result, "failed");
    }

    pub(super) fn cancelled(&self) {
        self.span.record(self.names.rows().result, "cancelled");
    }
}

/// Input counts what came from the cache and went into it, as the conventions want it.
fn record_usage(span: &Span, names: &Rows, usage: Usage) {
    let input = u64::from(usage.input) + u64::from(usage.cache_read) + u64::from(usage.cache_write);
    span.record(names.input_tokens, input);
    span.record(names.output_tokens, usage.output);
    span.record(names.cache_read, usage.cache_read);
    span.record(names.cache_write, usage.cache_write);
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

/// The value of `error.type`.
pub(super) fn error_type(ending: &Ending) -> String {
    let word = match ending {
        Ending::TimedOut(_) => "timeout",
        Ending::Told(broken) => match &broken.how {
            How::Refused(refusal) => return refusal.name.clone().unwrap_or_else(|| NO_ATTEMPT.to_owned()),
            How::Truncated => "truncated",
            How::Transport(Phase::Connect) => "connect",
            How::Transport(_) => "connection",
            How::NotConnected => "timeout",
        },
    };
    word.to_owned()
}

#[cfg(test)]
mod tests;
