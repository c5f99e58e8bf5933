//! One request's story under one strategy: what was decided, why, and what came of it.

use std::fmt::Write as _;

use richter_core::{
    event::{AttemptResult, Event, Observer},
    failure::Failure,
    flight::{AttemptId, Outcome},
    request::{Priority, Request},
    strategy::Step,
};
use richter_mock_bedrock::Nanos;
use richter_reports::run_file::{RequestName, StoryLine};

use crate::{
    ground::{Witness, Work},
    load::Arrival,
    scenario::plan::Plan,
};

/// Listens for one request and writes down what happens to it.
#[derive(Debug)]
pub struct Story<'p> {
    plan: &'p Plan,
    number: u64,
    lines: Vec<StoryLine>,
    /// The attempt whose answer its strategy's `max_tokens` cut off.
    cut_short: Option<AttemptId>,
    finished: bool,
}

impl<'p> Story<'p> {
    pub fn new(plan: &'p Plan, number: u64) -> Self {
        Story { plan, number, lines: Vec::new(), cut_short: None, finished: false }
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn finished(&self) -> bool {
        self.finished
    }

    /// The lines so far; empty if the request never came.
    pub fn lines(&self) -> &[StoryLine] {
        &self.lines
    }

    fn tell(&mut self, now: Nanos, request: &Request, text: &str) {
        let since = (now - request.intended) as f64 / 1e6;
        self.lines.push(StoryLine { ms: Some(since), text: text.to_owned() });
    }

    fn target(&self, target: richter_core::target::TargetId) -> &'p str {
        &self.plan.targets[usize::from(target.0)].name
    }

    fn opening(&mut self, request: &Request) {
        let class = &self.plan.traffic.classes[usize::from(request.class)].name;
        let tenant = &self.plan.traffic.tenants[usize::from(request.tenant)];
        let tenant = if tenant == class { String::new() } else { format!(" of {tenant}") };
        let priority = match request.priority {
            Priority::Default => String::new(),
            priority => format!(", {}", priority.name()),
        };
        let max = request.max_tokens.map_or("max_tokens not set".into(), |max| format!("max_tokens {max}"));
        let at = request.intended as f64 / 1e9;
        let input = request.input_tokens;
        let text = format!(
            "request {}, class {class}{tenant}{priority}, {input} input tokens, {max}, due at {at:.3} s",
            RequestName(self.number)
        );
        self.lines.push(StoryLine { ms: None, text });
    }

    fn step(&self, step: &Step) -> String {
        match step {
            Step::Send(send) => {
                let set = send.max_tokens.map_or_else(String::new, |set| format!(" with max_tokens {set}"));
                format!("send to {}{set}", self.target(send.target))
            }
            Step::AskAgain { .. } => "wait".into(),
            Step::Stop => "no further attempt".into(),
        }
    }

    fn result(&self, attempt: AttemptId, end: &richter_core::event::Ended) -> String {
        let target = self.target(end.target);
        let mut text = format!("attempt {} to {target} ", attempt.number + 1);
        let cut = if self.cut_short == Some(attempt) { ", cut off by the strategy's max_tokens" } else { "" };
        let _ = match &end.result {
            AttemptResult::Answered(usage) => write!(text, "answered: {} output tokens{cut}", usage.output),
            AttemptResult::Failed(failure) => write!(text, "failed: {}", in_words(failure)),
            AttemptResult::Cancelled => write!(text, "was cancelled"),
        };
        text
    }
}

/// A failure with its details.
fn in_words(failure: &Failure) -> String {
    match failure {
        Failure::Throttle { scope, .. } => format!("throttle ({scope:?})").to_lowercase(),
        Failure::Transport(phase) => format!("transport ({phase:?})").to_lowercase(),
        Failure::Timeout(timer) => format!("timeout ({timer:?})").to_lowercase(),
        other => other.class().name().to_owned(),
    }
}

impl Observer for Story<'_> {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        let request = match event {
            Event::Begun { request, .. }
            | Event::Decided { request, .. }
            | Event::Sent { request, .. }
            | Event::Opened { request, .. }
            | Event::Committed { request, .. }
            | Event::AttemptEnded { request, .. }
            | Event::Finished { request, .. } => *request,
        };
        if request.number != self.number {
            return;
        }
        match event {
            Event::Begun { .. } => self.opening(request),
            Event::Decided { step, reason, .. } => {
                let mut text = format!("decided: {} ({})", self.step(step), reason.meaning());
                let at = match step {
                    Step::Send(send) => Some(send.at),
                    Step::AskAgain { at } => Some(*at),
                    Step::Stop => None,
                };
                if let Some(at) = at.filter(|at| *at > now) {
                    let _ = write!(text, ", in {:.1} ms", (at - now) as f64 / 1e6);
                }
                self.tell(now, request, &text);
            }
            Event::Sent { attempt, target, .. } => {
                let text = format!("attempt {} sent to {}", attempt.number + 1, self.target(*target));
                self.tell(now, request, &text);
            }
            Event::Opened { .. } => {}
            Event::Committed { .. } => self.tell(now, request, "first content reaches the caller"),
            Event::AttemptEnded { attempt, end, .. } => {
                let text = self.result(*attempt, end);
                self.tell(now, request, &text);
            }
            Event::Finished { finish, .. } => {
                let word = match &finish.outcome {
                    Outcome::Answered(_) => "answered".to_owned(),
                    Outcome::Failed(failure) => format!("failed: {}", in_words(failure)),
                    Outcome::Broken(failure) => format!("broke after some content: {}", in_words(failure)),
                    Outcome::Gone => "the caller left".to_owned(),
                };
                let attempts = if finish.attempts == 1 { "attempt" } else { "attempts" };
                let text =
                    format!("{word}, after {} {attempts} ({})", finish.attempts, finish.reason.meaning());
                self.tell(now, request, &text);
                self.finished = true;
            }
        }
    }
}

impl Witness for Story<'_> {
    fn arrived(&mut self, _: &Arrival) {}

    fn worked(&mut self, _: Nanos, work: &Work) {
        if work.cut_short {
            self.cut_short = Some(work.attempt);
        }
    }
}
