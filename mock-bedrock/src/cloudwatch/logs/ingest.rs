//! Events on their way in: the limits of a batch, the group's metric filters, and what must go to make room.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    BYTES_MAX, DAY, EVENT_BYTES, EVENTS_MAX, Group, LogEvent, Logs, Place, Stream, no_group, no_stream,
    streams::stream_name,
};
use crate::cloudwatch::{Answer, Datum, Fields, Millis, Refusal, pattern::Message};

/// Most events of one batch, and most bytes.
const BATCH_MAX: usize = 10_000;
const BATCH_BYTES_MAX: u64 = 1 << 20;
/// Most bytes of one event.
const EVENT_BYTES_MAX: usize = 1 << 20;
/// How far from now an event may be.
const AGE_MAX: Millis = 14 * DAY;
const AHEAD_MAX: Millis = 7_200_000;

/// There was no group to put an event into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost;

impl Logs {
    pub(super) fn put_events(&mut self, now: Millis, fields: &Fields<'_>) -> Answer {
        let stream = stream_name(fields)?;
        let batch = read_batch(fields)?;
        let group = self.groups.get_mut(self.group_name(fields)?).ok_or_else(no_group)?;
        let (stream, _) = group.streams.get_key_value(stream).ok_or_else(no_stream)?;
        let stream = stream.clone();
        let sorted = sort_out(now, &batch, group.retention_days);
        for (timestamp, message) in &batch[sorted.taken.clone()] {
            self.ingested += 1;
            let event = LogEvent { stream: stream.clone(), message: Arc::from(*message), ingested: now };
            group.take_in((*timestamp, self.ingested), event, &mut self.data);
        }
        let mut answer = json!({ "nextSequenceToken": format!("{:056}", self.ingested) });
        if let Some(rejected) = sorted.rejected {
            answer["rejectedLogEventsInfo"] = rejected;
        }
        Ok(answer)
    }

    /// An event of the service's own, into a stream that is made when it is needed.
    pub fn deliver(
        &mut self,
        now: Millis,
        group: &str,
        stream: &str,
        event: (Millis, &str),
    ) -> Result<(), Lost> {
        let group = self.groups.get_mut(group).ok_or(Lost)?;
        let stream: Arc<str> = Arc::from(stream);
        group.streams.entry(stream.clone()).or_insert(Stream { created: now, ..Stream::default() });
        self.ingested += 1;
        let (timestamp, message) = event;
        let event = LogEvent { stream, message: Arc::from(message), ingested: now };
        group.take_in((timestamp, self.ingested), event, &mut self.data);
        Ok(())
    }
}

impl Group {
    fn take_in(&mut self, place: Place, event: LogEvent, data: &mut Vec<Datum>) {
        let message = Message::new(&event.message);
        data.extend(self.filters.values().filter_map(|filter| filter.datum(place.0, &message)));
        if let Some(stream) = self.streams.get_mut(&event.stream) {
            stream.first = Some(stream.first.map_or(place.0, |first| first.min(place.0)));
            stream.last = Some(stream.last.map_or(place.0, |last| last.max(place.0)));
            stream.last_ingested = Some(event.ingested);
        }
        self.bytes += weight(&event.message);
        self.events.insert(place, event);
        self.order.push_back(place);
        self.make_room(EVENTS_MAX, BYTES_MAX);
    }

    pub(super) fn make_room(&mut self, events: usize, bytes: u64) {
        while self.events.len() > events || self.bytes > bytes && self.events.len() > 1 {
            let Some(first) = self.order.pop_front() else { return };
            if let Some(gone) = self.events.remove(&first) {
                self.bytes -= weight(&gone.message);
            }
        }
    }

    pub(super) fn forget(&mut self, gone: impl Fn(&LogEvent) -> bool) {
        self.events.retain(|_, event| !gone(event));
        self.bytes = self.events.values().map(|event| weight(&event.message)).sum();
        self.order.retain(|place| self.events.contains_key(place));
    }
}

pub(super) fn weight(message: &str) -> u64 {
    message.len() as u64 + EVENT_BYTES
}

/// A batch that holds to all limits that refuse it whole.
fn read_batch<'a>(fields: &Fields<'a>) -> Result<Vec<(Millis, &'a str)>, Refusal> {
    let events = fields.structures("logEvents")?.ok_or_else(|| fields.missing("logEvents"))?;
    if events.is_empty() || events.len() > BATCH_MAX {
        let rule = format!("Member must have length between 1 and {BATCH_MAX}, inclusive");
        return Err(fields.breaks("logEvents", events.len(), &rule));
    }
    let mut batch: Vec<(Millis, &str)> = Vec::with_capacity(events.len());
    let mut bytes = 0;
    for event in &events {
        let message = event.text("message")?.ok_or_else(|| event.missing("message"))?;
        if message.is_empty() {
            return Err(event.breaks("message", "", "Member must have length greater than or equal to 1"));
        }
        if message.len() > EVENT_BYTES_MAX {
            return Err(fields.invalid(format!(
                "Log event too large: {} bytes exceeds limit of {EVENT_BYTES_MAX}",
                message.len()
            )));
        }
        let timestamp =
            event.within("timestamp", 0, Millis::MAX)?.ok_or_else(|| event.missing("timestamp"))?;
        if batch.last().is_some_and(|(last, _)| *last > timestamp) {
            let text = "Log events in a single PutLogEvents request must be in chronological order.";
            return Err(fields.invalid(text));
        }
        bytes += weight(message);
        batch.push((timestamp, message));
    }
    if bytes > BATCH_BYTES_MAX {
        let text = format!("Upload too large: {bytes} bytes exceeds limit of {BATCH_BYTES_MAX}");
        return Err(fields.invalid(text));
    }
    if let [(first, _), .., (last, _)] = batch[..]
        && last - first > DAY
    {
        let text = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
        return Err(fields.invalid(text));
    }
    Ok(batch)
}

struct Sorted {
    taken: std::ops::Range<usize>,
    rejected: Option<Value>,
}

/// Which of a batch, in order of time, are neither too old nor too new.
fn sort_out(now: Millis, batch: &[(Millis, &str)], retention_days: Option<i64>) -> Sorted {
    let before = |limit: Millis| batch.partition_point(|(timestamp, _)| *timestamp < limit);
    let too_old = before(now - AGE_MAX);
    let expired = retention_days.map_or(0, |days| before(now - days.saturating_mul(DAY)));
    let too_new = batch.partition_point(|(timestamp, _)| *timestamp <= now + AHEAD_MAX);
    let mut rejected = json!({});
    if too_old > 0 {
        rejected["tooOldLogEventEndIndex"] = too_old.into();
    }
    if expired > 0 {
        rejected["expiredLogEventEndIndex"] = expired.into();
    }
    if too_new < batch.len() {
        rejected["tooNewLogEventStartIndex"] = too_new.into();
    }
    let from = too_old.max(expired);
    let any = rejected.as_object().is_some_and(|object| !object.is_empty());
    Sorted { taken: from.min(too_new)..too_new, rejected: any.then_some(rejected) }
}
