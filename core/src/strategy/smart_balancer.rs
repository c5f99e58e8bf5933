//! A front door that sends each request to the target with the most requests left in a shared table.
//!
//! Idea. A serverless load balancer: a function for each request, a table of quotas that all of them read and write.
//! Chooses. The target with the greatest rest of its requests per clock minute, the first in the table among equals,
//! also when nothing is left anywhere. Once per request: no other target is tried.
//! Learns from. Complete answers: each adds one to its target's count, whatever its tokens. Failures add nothing.
//! Cold start. Every target is empty, so the first in the table gets everything until an answer is complete.
//! Throttling. The caller gets it, after the SDK's own retries at the same target. A throttled target stays the
//! favourite, since its count did not rise.
//! Bad at. A dead target: it is never counted, so it always has the most left and draws all traffic (`count:
//! at_selection` halves that). Slow answers: all that begin between two of them go to one target. Quotas in tokens,
//! of which its table knows nothing. The turn of the minute, where each late reset wipes what was just counted.
//!
//! Each decision takes the table's `read` time and goes by what the table held before it. Whoever reads a row of an
//! older minute sets it back, one write after another, without asking whether somebody else has. With `routers: N` there
//! are only N deciders, each with one request at a time; calls in the air keep none of them busy.
//!
//! What is unlike the original. Its caller also waits for the write after the answer, and loses the answer if that
//! write fails. Its function goes on after a caller that left, and counts. Its gateway gives up after 29 s: set
//! `timeouts` and the traffic's `abandon_after` for that. All failures reach its caller as status 500.
//!
//! A request without a prompt, to which it answers 400 by itself, is one of no input tokens here: it ends without a call.
//! An empty table, to which it answers 500 for ever, is refused when the file is read.
//!
//! Source: the published handler of a "Smart Load Balancer" sample. The table is in `table`, the routers in `desks`.

mod desks;
mod table;

use std::time::Duration;

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use self::{
    desks::{Desks, Pace, Turn},
    table::{Change, Row, Table},
};
use super::{
    Contract, Decision, Find, Lesson, Reason, Send, SpecProblem, Step, Strategy, StrategyInfo, Timeouts,
    WorstCase,
    sdk::{
        Behaviour, Client, Mode,
        engine::{self, Engine},
    },
};
use crate::{Nanos, flight::FlightView, span, target::TargetId};

pub const INFO: StrategyInfo = StrategyInfo {
    name: "smart_balancer",
    summary: "a serverless balancer: most headroom in a shared quota table, counted after the answer",
};

/// Attempts of one SDK call in the mode that the sample's clients have by default.
const SDK_ATTEMPTS: u32 = 5;
const ROUTERS_MAX: u32 = 1_000;

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SmartBalancerSpec {
    /// Rows of the quota table, in the order in which a scan returns them.
    pub table: Vec<RowSpec>,
    /// When a request is counted.
    #[serde(default)]
    pub count: Count,
    /// How many requests can be decided at the same time, up to 1000; left out, all of them, as with functions.
    #[serde(default)]
    pub routers: Option<u32>,
    /// Time to read the table.
    #[serde(default = "five_ms", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub read: Duration,
    /// Time until one write stands.
    #[serde(default = "five_ms", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub write: Duration,
    /// Whether the SDK under it makes its own five attempts (legacy mode, a new client for each request), or one.
    #[serde(default = "yes")]
    pub sdk_retries: bool,
    /// Limits on each attempt; what is left out is as boto3 has it: 60 s to connect, 60 s of silence.
    #[serde(default)]
    pub timeouts: Timeouts,
}

/// One row of the quota table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RowSpec {
    /// Name of the target.
    pub target: String,
    /// Requests per minute that the table grants it; 500 in the original.
    #[serde(default = "five_hundred")]
    pub quota: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// After the whole answer, as in the original.
    #[default]
    AtCompletion,
    /// Before the request is sent, whatever becomes of it.
    AtSelection,
}

/// What DynamoDB promises: a time of a few milliseconds.
fn five_ms() -> Duration {
    Duration::from_millis(5)
}

fn five_hundred() -> u32 {
    500
}

fn yes() -> bool {
    true
}

impl SmartBalancerSpec {
    pub(super) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        let path = |at: usize| vec![INFO.name.into(), "table".into(), at.to_string(), "target".into()];
        self.table.iter().enumerate().map(|(at, row)| (path(at), &*row.target)).collect()
    }

    pub(super) fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = self.table_problems();
        problems.extend(self.timeouts.problems(INFO.name));
        if self.routers.is_some_and(|routers| !(1..=ROUTERS_MAX).contains(&routers)) {
            let hint = format!("write a number from 1 to {ROUTERS_MAX}, or leave it out");
            problems.push(SpecProblem::new(
                &[INFO.name, "routers"],
                "the number of routers is out of range",
                hint,
            ));
        }
        problems
    }

    fn table_problems(&self) -> Vec<SpecProblem> {
        if self.table.is_empty() {
            let message = "the table is empty, so every request would be answered with an error";
            let hint = "write at least one row such as { target: east, quota: 500 }";
            return vec![SpecProblem::new(&[INFO.name, "table"], message, hint)];
        }
        let rows = self.table.iter().enumerate();
        let twice = rows.filter(|(at, row)| self.table[..*at].iter().any(|other| other.target == row.target));
        twice
            .map(|(at, row)| {
                SpecProblem::new(
                    &[INFO.name, "table", &at.to_string(), "target"],
                    format!("target \"{}\" has two rows", row.target),
                    "the target is the table's key: give it one row with its whole quota",
                )
            })
            .collect()
    }

    pub(super) fn worst_case(&self) -> WorstCase {
        let sdk = self.sdk();
        let retries = (1..sdk.attempts_max).map(|retry| sdk.wait_max(retry)).fold(0, Nanos::saturating_add);
        let writes = self.write.saturating_mul(self.table.len() as u32 + 1);
        let waits = Duration::from_nanos(retries).saturating_add(self.read).saturating_add(writes);
        let worst = WorstCase::of(sdk.attempts_max, &self.timeouts, waits);
        match self.routers {
            // Nothing bounds the wait for a router.
            Some(_) => WorstCase { wall: None, ..worst },
            None => worst,
        }
    }

    pub(super) fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
        Some(Box::new(self.balancer(find)?))
    }

    fn balancer(&self, find: &Find<'_>) -> Option<SmartBalancer> {
        let row = |row: &RowSpec| Some(Row::new(find(&row.target)?.id, row.quota));
        let rows = self.table.iter().map(row).collect::<Option<Vec<_>>>()?;
        let (read, write) = (span::nanos(self.read), span::nanos(self.write));
        let pace = Pace { read, write: if self.count == Count::AtSelection { write } else { 0 } };
        (!rows.is_empty()).then(|| SmartBalancer {
            table: Table::new(rows),
            desks: Desks::new(self.routers, pace),
            count: self.count,
            read,
            write,
            sdk: self.sdk(),
            timeouts: self.timeouts.or(engine::default_timeouts(Client::Boto3)),
        })
    }

    fn sdk(&self) -> Engine {
        Engine {
            client: Client::Boto3,
            mode: Mode::Legacy,
            behaviour: Behaviour::Before2026,
            attempts_max: if self.sdk_retries { SDK_ATTEMPTS } else { 1 },
        }
    }
}

#[derive(Debug)]
struct SmartBalancer {
    table: Table,
    desks: Desks,
    count: Count,
    read: Nanos,
    write: Nanos,
    sdk: Engine,
    timeouts: Timeouts,
}

impl SmartBalancer {
    fn decide(&mut self, flight: &FlightView<'_>, now: Nanos) -> Decision {
        self.table.read_as_of(now.saturating_sub(self.read));
        let Some(place) = self.table.choice(now) else {
            return stop(Reason::TargetsSpent);
        };
        let renewed = self.table.renew(now, self.write);
        self.desks.delay(flight.id, renewed - now);
        let written = match self.count {
            Count::AtCompletion => renewed,
            Count::AtSelection => renewed.saturating_add(self.write),
        };
        if self.count == Count::AtSelection {
            self.table.write(place, Change::Count, written);
        }
        self.send(self.table.target_of(place), written, Reason::FirstChoice)
    }

    fn send(&self, target: TargetId, at: Nanos, reason: Reason) -> Decision {
        let send = Send::plain(target, at, self.timeouts);
        Decision { step: Step::Send(send), reason }
    }
}

const fn stop(reason: Reason) -> Decision {
    Decision { step: Step::Stop, reason }
}

impl Strategy for SmartBalancer {
    fn contract(&self) -> Contract {
        Contract { attempts_max: self.sdk.attempts_max, deadline: None }
    }

    fn connect_limit(&self) -> Option<Duration> {
        self.timeouts.connect
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        let Some(last) = flight.attempts.last() else {
            if flight.request.input_tokens == 0 {
                // Its handler looks for the prompt before it reads the table.
                return stop(Reason::NotRetryable);
            }
            return match self.desks.turn(flight, now) {
                Turn::Decide => self.decide(flight, now),
                Turn::Wait { until } => {
                    Decision { step: Step::AskAgain { at: until }, reason: Reason::ReadingState }
                }
            };
        };
        let Some(failure) = last.failure() else {
            return stop(Reason::StillInAir);
        };
        let retry = flight.attempts.len() as u32;
        match self.sdk.retries(last, flight.request.api) {
            None => stop(Reason::NotRetryable),
            Some(_) if retry >= self.sdk.attempts_max => stop(Reason::AttemptsSpent),
            Some(kind) => {
                let wait = self.sdk.wait(kind, retry, failure.retry_after_ms(), dice);
                self.send(last.target, now.saturating_add(wait), Reason::RetrySame)
            }
        }
    }

    fn learn(&mut self, _: &FlightView<'_>, lesson: &Lesson, now: Nanos) {
        let Lesson::Answered { target, .. } = *lesson else {
            return;
        };
        if let (Count::AtCompletion, Some(row)) = (self.count, self.table.row_of(target)) {
            self.table.write(row, Change::Count, now.saturating_add(self.write));
        }
    }
}

#[cfg(test)]
mod tests;
