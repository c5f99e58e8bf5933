//! The calls of a log, small enough to hold millions of them: names are kept once, and each call is some forty bytes.

use std::{collections::BTreeSet, fmt};

use indexmap::{IndexMap, IndexSet};
use jiff::Timestamp;

use crate::observe::{
    join::folded,
    record::{Line, Record},
};

/// More calls than this are not taken; the log says so.
pub const CALLS_MAX: usize = 10_000_000;
/// Different ways, Regions and error codes that are told apart.
const NAMES_MAX: usize = 10_000;

/// What is called: a Region's endpoint, and the model id as callers send it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Way {
    pub region: String,
    pub model: String,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.model, self.region)
    }
}

/// One logged call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call {
    pub unix_s: i64,
    pub way: u16,
    pub operation: Operation,
    pub end: End,
    /// Place of the Region that served it, where the log names one.
    pub serving: Option<u16>,
    /// Whole prompt, cached parts included; absent where it was not logged.
    pub input: Option<u32>,
    pub output: Option<u32>,
    pub latency_ms: Option<u32>,
    pub max_tokens: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Converse,
    ConverseStream,
    InvokeModel,
    InvokeModelWithResponseStream,
}

impl Operation {
    fn of(name: &str) -> Option<Operation> {
        Some(match name {
            "Converse" => Operation::Converse,
            "ConverseStream" => Operation::ConverseStream,
            "InvokeModel" => Operation::InvokeModel,
            "InvokeModelWithResponseStream" => Operation::InvokeModelWithResponseStream,
            _ => return None,
        })
    }

    /// As a scenario writes it.
    pub const fn api(self) -> &'static str {
        match self {
            Operation::Converse => "converse",
            Operation::ConverseStream => "converse_stream",
            Operation::InvokeModel => "invoke_model",
            Operation::InvokeModelWithResponseStream => "invoke_model_with_response_stream",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Answered,
    Throttled,
    /// Place of the error's name.
    Failed(u16),
}

/// All calls of a log, and what else was in it.
#[derive(Debug, Default)]
pub struct Log {
    calls: Vec<Call>,
    ways: IndexMap<Way, u64>,
    regions: IndexSet<String>,
    errors: IndexSet<String>,
    /// By request id, folded to 128 bits.
    seen: BTreeSet<u128>,
    pub duplicates: u64,
    /// Records of other operations, such as embeddings in batch.
    pub other_operations: u64,
    /// Records beyond the limits.
    pub left_out: u64,
    lines: u64,
}

impl Log {
    pub fn take(&mut self, line: Line) {
        self.lines += 1;
        if let Line::Record(record) = line {
            self.record(&record);
        }
    }

    fn record(&mut self, record: &Record) {
        let Some(operation) = Operation::of(&record.operation) else {
            self.other_operations += 1;
            return;
        };
        if !self.seen.insert(folded(&record.request_id)) {
            self.duplicates += 1;
            return;
        }
        match self.call(record, operation) {
            Some(call) if self.calls.len() < CALLS_MAX => self.calls.push(call),
            _ => self.left_out += 1,
        }
    }

    fn call(&mut self, record: &Record, operation: Operation) -> Option<Call> {
        let way = Way { region: record.region.clone(), model: record.model_id.clone() };
        if self.ways.len() >= NAMES_MAX && !self.ways.contains_key(&way) {
            return None;
        }
        let entry = self.ways.entry(way);
        let place = entry.index();
        *entry.or_default() += 1;
        let end = match &record.error_code {
            None => End::Answered,
            Some(_) if record.is_throttled() => End::Throttled,
            Some(code) => End::Failed(named(&mut self.errors, code)?),
        };
        let serving = match &record.inference_region {
            Some(region) => Some(named(&mut self.regions, region)?),
            None => None,
        };
        Some(Call {
            unix_s: record.unix_s,
            way: u16::try_from(place).ok()?,
            operation,
            end,
            serving,
            input: record.prompt_tokens(),
            output: record.output_tokens,
            latency_ms: record.latency_ms,
            max_tokens: record.max_tokens,
        })
    }

    /// By time; calls of one second stay in the log's order.
    pub fn sort(&mut self) {
        self.calls.sort_by_key(|call| call.unix_s);
    }

    pub fn calls(&self) -> usize {
        self.calls.len()
    }

    pub fn way(&self, way: u16) -> &Way {
        // Places come from this very map.
        self.ways.get_index(usize::from(way)).map(|(way, _)| way).expect("a way that was gathered")
    }

    pub fn region(&self, place: u16) -> &str {
        self.regions.get_index(usize::from(place)).map_or("", String::as_str)
    }

    pub fn error(&self, place: u16) -> &str {
        self.errors.get_index(usize::from(place)).map_or("", String::as_str)
    }

    /// Ways with their numbers of records, the most called first.
    pub fn by_count(&self) -> Vec<(u16, u64)> {
        let mut ways: Vec<(u16, u64)> =
            self.ways.values().enumerate().map(|(place, count)| (place as u16, *count)).collect();
        ways.sort_by_key(|(place, count)| (std::cmp::Reverse(*count), *place));
        ways
    }

    pub fn of(&self, way: u16) -> impl Iterator<Item = &Call> {
        self.calls.iter().filter(move |call| call.way == way)
    }

    /// First and last second of a way's calls.
    pub fn reach(&self, way: u16) -> (i64, i64) {
        let mut times = self.of(way).map(|call| call.unix_s);
        let first = times.next().unwrap_or_default();
        (first, times.last().unwrap_or(first))
    }

    /// What was read, for an error.
    pub fn describe(&self) -> String {
        format!("{} lines, {} records of other operations", self.lines, self.other_operations)
    }
}

fn named(names: &mut IndexSet<String>, name: &str) -> Option<u16> {
    if let Some(place) = names.get_index_of(name) {
        return u16::try_from(place).ok();
    }
    if names.len() >= NAMES_MAX {
        return None;
    }
    u16::try_from(names.insert_full(name.to_owned()).0).ok()
}

/// A second since 1970 as a time of day.
pub fn time(unix_s: i64) -> String {
    Timestamp::from_second(unix_s).map_or_else(|_| format!("second {unix_s}"), |stamp| stamp.to_string())
}
