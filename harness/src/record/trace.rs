//! What happened, event by event: a rolling hash of it, and the same as one line of JSON per attempt.

use std::io::{self, Write};

use richter_core::{
    event::{AttemptResult, Ended, Event, Observer},
    flight::AttemptId,
    request::Request,
};
use richter_mock_bedrock::Nanos;
use richter_reports::run_file::RequestName;
use serde::Serialize;

use crate::{
    ground::{Witness, Work},
    load::Arrival,
    scenario::plan::Plan,
};

/// A rolling hash over every event: equal runs have equal hashes. The mixing is pinned here, since the value is
/// written to run files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceHash(u64);

impl Default for TraceHash {
    fn default() -> Self {
        TraceHash(0x9e37_79b9_7f4a_7c15)
    }
}

impl TraceHash {
    pub const fn value(self) -> u64 {
        self.0
    }

    #[inline]
    fn add(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word).wrapping_mul(0xa076_1d64_78bd_642f_e703_7ed1_a0b4_28db);
        self.0 = (product as u64) ^ ((product >> 64) as u64) ^ word.rotate_left(32);
    }

    /// Two words per event: the time, and kind with all that identifies it.
    #[inline]
    pub fn event(&mut self, now: Nanos, event: &Event<'_>) {
        let (kind, request, detail) = match event {
            Event::Begun { request, .. } => (1, request.number, 0),
            Event::Decided { request, reason, .. } => (2, request.number, *reason as u64),
            Event::Sent { attempt, request, target } => {
                (3, request.number, (u64::from(attempt.number) << 16) | u64::from(target.0))
            }
            Event::Opened { attempt, request } => (4, request.number, u64::from(attempt.number)),
            Event::Committed { attempt, request, .. } => (5, request.number, u64::from(attempt.number)),
            Event::AttemptEnded { attempt, request, end } => {
                let result = match &end.result {
                    AttemptResult::Answered(usage) => (1 << 40) | u64::from(usage.output),
                    AttemptResult::Failed(failure) => (2 << 40) | failure.class() as u64,
                    AttemptResult::Cancelled => 3 << 40,
                };
                (6, request.number, (u64::from(attempt.number) << 48) ^ result)
            }
            Event::Finished { request, finish, .. } => {
                (7, request.number, (u64::from(finish.attempts) << 8) | finish.reason as u64)
            }
        };
        self.add(now ^ (kind << 60));
        self.add(request ^ (detail << 8));
    }

    #[inline]
    pub fn work(&mut self, work: &Work) {
        self.add(
            (u64::from(work.region.map_or(u16::MAX, |region| region.0)) << 40)
                ^ u64::from(work.output_tokens),
        );
    }
}

/// Writes one line of JSON per attempt.
#[derive(Debug)]
pub struct AttemptLog<'p, W: Write> {
    plan: &'p Plan,
    strategy: &'p str,
    replication: u32,
    out: W,
    /// The attempt that was served last, and the Region. What is heard of a cancelled attempt comes after its line.
    served: Option<(AttemptId, &'p str)>,
    failed: Option<io::Error>,
}

/// One attempt, as a line of the trace.
#[derive(Debug, Serialize)]
struct Line<'a> {
    strategy: &'a str,
    replication: u32,
    request: String,
    class: &'a str,
    tenant: &'a str,
    attempt: u32,
    target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    intended_s: f64,
    sent_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_content_s: Option<f64>,
    ended_s: f64,
    /// `answered`, `cancelled`, or the class of the failure.
    result: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens: Option<u32>,
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

impl<'p, W: Write> AttemptLog<'p, W> {
    pub fn new(plan: &'p Plan, strategy: usize, replication: u32, out: W) -> Self {
        let strategy = &plan.strategies[strategy].name;
        AttemptLog { plan, strategy, replication, out, served: None, failed: None }
    }

    /// Hands back the writer, or the first error that stopped the log.
    pub fn finish(mut self) -> io::Result<W> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| self.out),
        }
    }

    fn write(&mut self, now: Nanos, attempt: AttemptId, request: &Request, end: &Ended) -> io::Result<()> {
        let usage = match &end.result {
            AttemptResult::Answered(usage) => Some(usage),
            _ => None,
        };
        let line = Line {
            strategy: self.strategy,
            replication: self.replication,
            request: RequestName(request.number).to_string(),
            class: &self.plan.traffic.classes[usize::from(request.class)].name,
            tenant: &self.plan.traffic.tenants[usize::from(request.tenant)],
            attempt: attempt.number,
            target: &self.plan.targets[usize::from(end.target.0)].name,
            region: self.served.filter(|(served, _)| *served == attempt).map(|(_, region)| region),
            intended_s: seconds(request.intended),
            sent_s: seconds(end.sent),
            first_content_s: end.first.map(seconds),
            ended_s: seconds(now),
            result: match &end.result {
                AttemptResult::Answered(_) => "answered",
                AttemptResult::Cancelled => "cancelled",
                AttemptResult::Failed(failure) => failure.class().name(),
            },
            input_tokens: usage.map(|usage| usage.input),
            output_tokens: usage.map(|usage| usage.output),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }
}

impl<W: Write> Observer for AttemptLog<'_, W> {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        if let (Event::AttemptEnded { attempt, request, end }, None) = (event, &self.failed) {
            self.failed = self.write(now, *attempt, request, end).err();
        }
    }
}

impl<W: Write> Witness for AttemptLog<'_, W> {
    fn arrived(&mut self, _: &Arrival) {}

    fn worked(&mut self, _: Nanos, work: &Work) {
        self.served = work.region.map(|region| (work.attempt, self.plan.world.region_name(region)));
    }
}
