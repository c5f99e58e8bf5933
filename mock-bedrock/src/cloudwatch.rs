//! CloudWatch Logs and CloudWatch, as far as somebody needs them who watches Bedrock.
//!
//! Everything here is pure: a request is a JSON value and a time, an answer is a JSON value or a [`Refusal`]. It knows
//! no protocol; `server/cloud.rs` speaks them. Time is in milliseconds since 1970, as these services count it, and must
//! not go back. What takes its time (a record's delivery, a point's way into a metric) waits in one queue and happens in
//! the order of its time when somebody looks, so that no answer depends on when that was. Start at [`CloudWatch`].

mod alarms;
mod dashboards;
mod delivery;
mod fields;
pub mod insights;
pub mod logs;
pub mod metrics;
pub mod pattern;
#[cfg(test)]
mod tests;
mod watched;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use serde_json::{Map, Value};

pub use self::delivery::{Ended, Logging, Measured, Outcome, STREAM, Way};
use self::{
    alarms::Alarms,
    dashboards::Dashboards,
    fields::{Fields, Style},
    logs::Logs,
    metrics::{Datum, Dimensions, Metrics, Sample, UNITS},
};

/// Most things that wait for their time. What comes then happens at once, and is counted.
const DUE_MAX: usize = 1_000_000;

/// Milliseconds since 1970.
pub type Millis = i64;

pub type Answer = Result<Value, Refusal>;

/// Why a request is not done, by the name that the service has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub name: &'static str,
    pub message: String,
    /// Further members of the error.
    pub more: Map<String, Value>,
}

impl Refusal {
    pub fn new(name: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { name, message: message.into(), more: Map::new() }
    }

    fn unknown_operation(operation: &str) -> Refusal {
        Refusal::new("UnknownOperationException", format!("The operation {operation} is not known"))
    }
}

/// One request.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    pub now: Millis,
    pub account: &'a str,
    pub region: &'a str,
    pub body: &'a Map<String, Value>,
}

/// How long things take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// From a call's end until its record is in the log group.
    pub log_delay: Millis,
    /// From a datum until it can be read back.
    pub metric_delay: Millis,
}

/// Both services, of every account in every Region.
#[derive(Debug)]
pub struct CloudWatch {
    settings: Settings,
    corners: BTreeMap<(String, String), Corner>,
    /// By account; Regions share them.
    dashboards: BTreeMap<String, Dashboards>,
    /// Of alarms and dashboards, by ARN.
    tags: BTreeMap<String, BTreeMap<String, String>>,
    due: BinaryHeap<Reverse<Due>>,
    /// Things ever put into the queue: those of one time happen in this order.
    queued: u64,
    /// Things that did not wait because too many did.
    too_early: u64,
    now: Millis,
}

/// What one account has in one Region.
#[derive(Debug)]
struct Corner {
    logs: Logs,
    metrics: Metrics,
    alarms: Alarms,
}

#[derive(Debug)]
struct Due {
    at: Millis,
    number: u64,
    owner: (String, String),
    what: What,
}

#[derive(Debug)]
enum What {
    Record(delivery::Parcel),
    Datum(Datum),
    /// A call that is over, whose metrics it makes.
    Call(Box<Ended>),
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl CloudWatch {
    pub fn new(settings: Settings) -> CloudWatch {
        CloudWatch {
            settings,
            corners: BTreeMap::new(),
            dashboards: BTreeMap::new(),
            tags: BTreeMap::new(),
            due: BinaryHeap::new(),
            queued: 0,
            too_early: 0,
            now: 0,
        }
    }

    /// Lets happen what is due by now, and alarms judge at each step of time that is over.
    pub fn advance(&mut self, now: Millis) {
        while let Some(step) = self.next_step().filter(|step| *step <= now) {
            self.happen(step);
            self.judge(step);
        }
        self.happen(now);
    }

    fn happen(&mut self, now: Millis) {
        while self.due.peek().is_some_and(|Reverse(due)| due.at <= now) {
            let Some(Reverse(due)) = self.due.pop() else { break };
            self.now = self.now.max(due.at);
            match due.what {
                What::Record(parcel) => self.hand_over(due.at, due.owner, parcel),
                What::Datum(datum) => self.corner(&due.owner).metrics.take(datum),
                What::Call(call) => self.count(&due.owner, &call),
            }
        }
        self.now = self.now.max(now);
    }

    /// An operation of CloudWatch Logs.
    pub fn logs(&mut self, ask: &Ask<'_>, operation: &str) -> Answer {
        self.advance(ask.now);
        let owner = (ask.account.to_owned(), ask.region.to_owned());
        let answer = self.corner(&owner).logs.answer(ask, operation);
        self.pass_on(ask.now, &owner);
        answer
    }

    /// Whether a group exists.
    pub fn has_group(&self, account: &str, region: &str, group: &str) -> bool {
        let corner = self.corners.get(&(account.to_owned(), region.to_owned()));
        corner.is_some_and(|corner| corner.logs.has_group(group))
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        *self = CloudWatch::new(self.settings);
    }

    fn corner(&mut self, owner: &(String, String)) -> &mut Corner {
        // Asked first, since it is nearly always there and an entry takes a key of its own.
        if !self.corners.contains_key(owner) {
            let logs = Logs::new(&owner.0, &owner.1);
            let corner = Corner { logs, metrics: Metrics::default(), alarms: Alarms::default() };
            self.corners.insert(owner.clone(), corner);
        }
        self.corners.get_mut(owner).expect("it was made just now, if it was not there")
    }

    /// What metric filters made is on its way to their metrics.
    fn pass_on(&mut self, now: Millis, owner: &(String, String)) {
        for datum in self.corner(owner).logs.take_data() {
            self.queue(now + self.settings.metric_delay, owner, What::Datum(datum));
        }
    }

    /// Whether anything waits for its time.
    pub fn waits(&self) -> bool {
        !self.due.is_empty()
    }

    /// What waits, what came too early for want of room to wait, and data for which there was no metric left.
    pub fn state(&self) -> Value {
        let refused: u64 = self.corners.values().map(|corner| corner.metrics.refused()).sum();
        serde_json::json!({ "waiting": self.due.len(), "too_early": self.too_early, "metric_data_refused": refused })
    }

    fn queue(&mut self, at: Millis, owner: &(String, String), what: What) {
        let full = self.due.len() >= DUE_MAX;
        let at = if full { self.now } else { at };
        self.too_early += u64::from(full);
        self.queued += 1;
        self.due.push(Reverse(Due { at, number: self.queued, owner: owner.clone(), what }));
    }
}

/// The partition of a Region, as ARNs name it.
fn partition(region: &str) -> &'static str {
    if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else if region.starts_with("cn-") {
        "aws-cn"
    } else {
        "aws"
    }
}
