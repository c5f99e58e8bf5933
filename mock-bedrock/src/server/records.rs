//! Invocation records as they are delivered to CloudWatch Logs: kept in a bounded ring, each with what the engine does
//! not know (bodies, the id as sent, metadata), and written out as JSON when somebody asks.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use serde_json::Value;

use super::runtime::{
    families::{Dialect, Telling},
    stream::Cursor,
};
use crate::{Nanos, engine::Operation, record::InvocationRecord};

/// Bodies above this are not in a record: the service puts them into S3, and here they are left out.
const BODY_BYTES_MAX: usize = 100_000;

/// What a record says besides what the engine knows.
#[derive(Debug, Clone)]
pub struct Sheet {
    pub operation: Operation,
    /// The same as in the answer's header.
    pub request_id: String,
    /// As the caller sent it.
    pub model_id: String,
    pub account: String,
    pub arn: String,
    pub metadata: std::collections::BTreeMap<String, String>,
    pub input: Bytes,
}

/// A record with what its bodies are made of.
#[derive(Debug)]
pub struct Entry {
    ended: Nanos,
    record: InvocationRecord,
    input: Option<Bytes>,
    telling: Option<Arc<Telling>>,
    operation: Operation,
}

/// Records that somebody asked for.
#[derive(Debug)]
pub struct Delivered {
    pub records: Vec<InvocationRecord>,
    /// Number of the first of them; above what was asked for where some had fallen out.
    pub from: u64,
    /// Number of the next one.
    pub next: u64,
}

/// The newest records, oldest first, counted from the first that ever was.
#[derive(Debug)]
pub struct Ring {
    entries: VecDeque<Arc<Entry>>,
    keep_max: usize,
    /// Number of the first entry kept.
    first: u64,
}

impl Ring {
    pub fn new(keep_max: usize) -> Ring {
        Ring { entries: VecDeque::new(), keep_max, first: 0 }
    }

    pub fn push(&mut self, entry: Arc<Entry>) {
        if self.keep_max == 0 {
            return;
        }
        if self.entries.len() == self.keep_max {
            self.entries.pop_front();
            self.first += 1;
        }
        self.entries.push_back(entry);
    }

    /// How many there ever were, those that fell out included.
    pub fn written(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Records that fell out before anybody could read them from here.
    pub fn fallen_out(&self) -> u64 {
        self.first
    }

    /// The records from number `from` on of what had ended by then, whole.
    pub fn since(&self, from: u64, ended_by: Nanos) -> Delivered {
        let from = from.max(self.first);
        let skip = usize::try_from(from - self.first).unwrap_or(usize::MAX);
        let wanted = self.entries.iter().skip(skip).take_while(|entry| entry.ended <= ended_by);
        let records: Vec<InvocationRecord> = wanted.map(|entry| entry.whole()).collect();
        Delivered { next: from + records.len() as u64, from, records }
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.first = 0;
    }
}

impl Entry {
    /// Adds to a record what the engine could not know.
    pub fn new(
        ended: Nanos,
        mut record: InvocationRecord,
        sheet: Sheet,
        telling: Option<Arc<Telling>>,
    ) -> Entry {
        record.request_id = sheet.request_id;
        record.model_id = sheet.model_id;
        record.account_id = sheet.account;
        record.identity.arn = sheet.arn;
        record.request_metadata = Some(sheet.metadata).filter(|metadata| !metadata.is_empty());
        let input = telling.is_some().then_some(sheet.input).filter(|body| body.len() <= BODY_BYTES_MAX);
        Entry { ended, record, input, telling, operation: sheet.operation }
    }

    /// The record without its bodies.
    pub fn record(&self) -> &InvocationRecord {
        &self.record
    }

    /// The record with its bodies.
    pub fn whole(&self) -> InvocationRecord {
        let mut record = self.record.clone();
        if let Some(input) = &mut record.input {
            input.input_body_json = self.input.as_ref().and_then(|body| serde_json::from_slice(body).ok());
        }
        if let (Some(output), Some(telling)) = (&mut record.output, &self.telling) {
            output.output_body_json = Some(said(telling, self.operation));
        }
        record
    }
}

/// Streams of native events are logged as the list of them, everything else as one object.
fn said(telling: &Telling, operation: Operation) -> Value {
    if operation != Operation::InvokeModelWithResponseStream || telling.dialect == Dialect::Converse {
        return telling.logged();
    }
    let mut events = Vec::new();
    let mut cursor = Cursor::default();
    let tokens = telling.script.tokens();
    cursor.start(telling, &mut |beat| telling.native_events(beat, &mut |event| events.push(event)));
    cursor.advance(telling, tokens, tokens.max(1), &mut |beat| {
        telling.native_events(beat, &mut |event| events.push(event));
    });
    cursor.end(telling, &mut |beat| telling.native_events(beat, &mut |event| events.push(event)));
    Value::Array(events)
}

/// One line of the journal.
pub fn line(record: &InvocationRecord, out: &mut Vec<u8>) {
    // Our own types serialise.
    if let Ok(json) = serde_json::to_vec(record) {
        out.extend_from_slice(&json);
        out.extend_from_slice(b"\n");
    }
}
