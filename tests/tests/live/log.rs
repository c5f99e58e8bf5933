//! What happened to each request, and when: enough to tell two runs apart, and to say where they part.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use richter::{
    ground::{Witness, Work},
    load::Arrival,
};
use richter_core::event::{AttemptResult, Event, Observer};
use richter_mock_bedrock::Nanos;

/// Lines by request. Clones write to the same log.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Mutex<BTreeMap<u64, Vec<String>>>>);

impl Log {
    pub fn requests(&self) -> usize {
        self.lock().len()
    }

    /// A rolling hash over every line of every request: FNV-1a.
    pub fn hash(&self) -> u64 {
        let log = self.lock();
        let lines = log.iter().flat_map(|(number, lines)| lines.iter().map(move |line| (number, line)));
        lines.fold(0xcbf2_9ce4_8422_2325, |hash, (number, line)| {
            let bytes = number.to_le_bytes().into_iter().chain(line.bytes());
            bytes.fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        })
    }

    /// How many lines hold this text.
    pub fn count(&self, text: &str) -> usize {
        self.lock().values().flatten().filter(|line| line.contains(text)).count()
    }

    /// The first request of which the two tell different things, and both stories.
    pub fn first_difference(&self, other: &Log) -> Option<String> {
        let (ours, theirs) = (self.lock(), other.lock());
        let number = ours.keys().chain(theirs.keys()).filter(|n| ours.get(n) != theirs.get(n)).min()?;
        let story = |log: &BTreeMap<u64, Vec<String>>| match log.get(number) {
            Some(lines) => lines.join("\n  "),
            None => "(never began)".to_owned(),
        };
        Some(format!("request {number}\nleft:\n  {}\nright:\n  {}", story(&ours), story(&theirs)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Vec<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Log {
    fn on(&mut self, now: Nanos, event: &Event<'_>) {
        let mut line = format!("{now} ");
        let number = describe(&mut line, event);
        self.lock().entry(number).or_default().push(line);
    }
}

fn describe(line: &mut String, event: &Event<'_>) -> u64 {
    let (request, written) = match event {
        Event::Begun { request, .. } => (request, write!(line, "begun {request:?}")),
        Event::Decided { request, step, reason, .. } => {
            (request, write!(line, "decided {step:?} {}", reason.name()))
        }
        Event::Sent { attempt, request, target } => {
            (request, write!(line, "sent {} to {}", attempt.number, target.0))
        }
        Event::Opened { attempt, request } => (request, write!(line, "opened {}", attempt.number)),
        Event::Committed { attempt, request, .. } => (request, write!(line, "committed {}", attempt.number)),
        Event::AttemptEnded { attempt, request, end } => {
            let result = match end.result {
                AttemptResult::Answered(usage) => format!("answered {usage:?}"),
                AttemptResult::Failed(failure) => format!("failed {failure:?}"),
                AttemptResult::Cancelled => "cancelled".to_owned(),
            };
            (request, write!(line, "ended {}: {result}", attempt.number))
        }
        Event::Finished { request, finish, .. } => (request, write!(line, "finished {finish:?}")),
    };
    written.expect("a string takes whatever is written to it");
    request.number
}

impl Witness for Log {
    fn arrived(&mut self, _: &Arrival) {}

    fn worked(&mut self, _: Nanos, _: &Work) {}
}
