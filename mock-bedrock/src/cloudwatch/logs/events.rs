//! Events on their way out: of one stream in either direction, or of a whole group by a pattern.

use std::ops::Bound;

use serde_json::{Value, json};

use super::{DAY, Group, LogEvent, Logs, Place, ingest::weight, no_stream, streams::stream_name};
use crate::cloudwatch::{
    Answer, Fields, Millis, Refusal,
    pattern::{Message, Pattern},
};

/// Most events of one answer, and most bytes.
const PAGE_MAX: i64 = 10_000;
const PAGE_BYTES_MAX: u64 = 1 << 20;
/// Most events looked at for one answer; the next one goes on from there, even where nothing was found.
const SEARCHED_MAX: usize = 200_000;

/// The times that are asked for, both ends included.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Millis,
    to: Millis,
}

impl Group {
    /// When the oldest event was that is still to be seen.
    pub(super) fn kept_from(&self, now: Millis) -> Millis {
        self.retention_days.map_or(0, |days| now - days.saturating_mul(DAY)).max(0)
    }
}

impl Logs {
    pub(super) fn filter_events(&self, now: Millis, fields: &Fields<'_>) -> Answer {
        let group = self.group(fields)?;
        let from = fields.within("startTime", 0, Millis::MAX)?.unwrap_or(0).max(group.kept_from(now));
        let to = fields.within("endTime", 0, Millis::MAX)?.unwrap_or(Millis::MAX);
        let streams = streams(fields)?;
        let pattern = fields.text("filterPattern")?.unwrap_or_default();
        let pattern = Pattern::parse(pattern).map_err(|problem| fields.invalid(problem.0))?;
        let limit = fields.within("limit", 1, PAGE_MAX)?.unwrap_or(PAGE_MAX);
        let start = match fields.text("nextToken")? {
            None => (from, 0),
            Some(token) => place_of(token).ok_or_else(|| no_such_token(fields))?.max((from, 0)),
        };
        if start > (to, u64::MAX) {
            return Ok(json!({ "events": [], "searchedLogStreams": [] }));
        }
        let mut found = Page::new(limit);
        let mut next = None;
        for (searched, (place, event)) in group.events.range(start..=(to, u64::MAX)).enumerate() {
            if searched == SEARCHED_MAX || found.is_full(event) {
                next = Some(token_of(*place));
                break;
            }
            if streams.accepts(&event.stream) && pattern.matches(&Message::new(&event.message)) {
                let mut told = tell(*place, event);
                told["logStreamName"] = (*event.stream).into();
                told["eventId"] = event_id(*place).into();
                found.push(told, event);
            }
        }
        let mut answer = json!({ "events": found.events, "searchedLogStreams": [] });
        if let Some(next) = next {
            answer["nextToken"] = next.into();
        }
        Ok(answer)
    }

    pub(super) fn get_events(&self, now: Millis, fields: &Fields<'_>) -> Answer {
        let group = self.group(fields)?;
        let stream = stream_name(fields)?;
        if !group.streams.contains_key(stream) {
            return Err(no_stream());
        }
        let from = fields.within("startTime", 0, Millis::MAX)?.unwrap_or(0).max(group.kept_from(now));
        // Unlike in FilterLogEvents, the end is not included.
        let to = fields.within("endTime", 0, Millis::MAX)?.map_or(Millis::MAX, |end| end - 1);
        let limit = fields.within("limit", 1, PAGE_MAX)?.unwrap_or(PAGE_MAX);
        let token = fields.text("nextToken")?;
        let token =
            token.map(|token| Direction::of(token).ok_or_else(|| no_such_token(fields))).transpose()?;
        let head = fields.flag("startFromHead")?.unwrap_or(false);
        let direction =
            token.unwrap_or(if head { Direction::Forward(None) } else { Direction::Backward(None) });
        let mut page = Page::new(limit);
        let own = |event: &LogEvent| &*event.stream == stream;
        let ends = match direction {
            _ if from > to => None,
            Direction::Forward(after) => {
                page.fill(group.forward(Span { from, to }, after).filter(|(_, event)| own(event)))
            }
            Direction::Backward(before) => {
                let filled =
                    page.fill(group.backward(Span { from, to }, before).filter(|(_, event)| own(event)));
                page.events.reverse();
                filled.map(|(first, last)| (last, first))
            }
        };
        let (first, last) = match (ends, direction) {
            (Some((first, last)), _) => (Some(first), Some(last)),
            (None, Direction::Forward(at) | Direction::Backward(at)) => (at, at),
        };
        Ok(json!({
            "events": page.events,
            "nextForwardToken": format!("f/{}", last.map_or_else(String::new, token_of)),
            "nextBackwardToken": format!("b/{}", first.map_or_else(String::new, token_of)),
        }))
    }
}

impl Group {
    fn forward(&self, span: Span, after: Option<Place>) -> impl Iterator<Item = (&Place, &LogEvent)> {
        let start = match after {
            Some(after) if after >= (span.from, 0) => Bound::Excluded(after.min((span.to, u64::MAX))),
            _ => Bound::Included((span.from, 0)),
        };
        self.events.range((start, Bound::Included((span.to, u64::MAX))))
    }

    fn backward(&self, span: Span, before: Option<Place>) -> impl Iterator<Item = (&Place, &LogEvent)> {
        let end = match before {
            Some(before) if before <= (span.to, u64::MAX) => Bound::Excluded(before.max((span.from, 1))),
            _ => Bound::Included((span.to, u64::MAX)),
        };
        self.events.range((Bound::Included((span.from, 0)), end)).rev()
    }
}

/// Where a reading of a stream goes on, and which way.
#[derive(Debug, Clone, Copy)]
enum Direction {
    Forward(Option<Place>),
    Backward(Option<Place>),
}

impl Direction {
    fn of(token: &str) -> Option<Direction> {
        let (way, place) = token.split_once('/')?;
        let place = if place.is_empty() { None } else { Some(place_of(place)?) };
        match way {
            "f" => Some(Direction::Forward(place)),
            "b" => Some(Direction::Backward(place)),
            _ => None,
        }
    }
}

/// What goes into one answer.
#[derive(Debug)]
struct Page {
    events: Vec<Value>,
    bytes: u64,
    most: usize,
}

impl Page {
    fn new(limit: i64) -> Page {
        Page { events: Vec::new(), bytes: 0, most: usize::try_from(limit).unwrap_or(1) }
    }

    /// One event fits, however large.
    fn is_full(&self, event: &LogEvent) -> bool {
        let too_large = self.bytes + weight(&event.message) > PAGE_BYTES_MAX && !self.events.is_empty();
        self.events.len() >= self.most || too_large
    }

    fn push(&mut self, told: Value, event: &LogEvent) {
        self.bytes += weight(&event.message);
        self.events.push(told);
    }

    /// Takes what fits; gives the places of the first and the last that it took.
    fn fill<'a>(
        &mut self,
        events: impl Iterator<Item = (&'a Place, &'a LogEvent)>,
    ) -> Option<(Place, Place)> {
        let mut ends: Option<(Place, Place)> = None;
        for (place, event) in events {
            if self.is_full(event) {
                break;
            }
            self.push(tell(*place, event), event);
            ends = Some((ends.map_or(*place, |(first, _)| first), *place));
        }
        ends
    }
}

/// Which streams of a group are searched.
enum Streams<'a> {
    All,
    Named(Vec<&'a str>),
    Prefixed(&'a str),
}

impl Streams<'_> {
    fn accepts(&self, stream: &str) -> bool {
        match self {
            Streams::All => true,
            Streams::Named(names) => names.contains(&stream),
            Streams::Prefixed(prefix) => stream.starts_with(prefix),
        }
    }
}

fn streams<'a>(fields: &Fields<'a>) -> Result<Streams<'a>, Refusal> {
    let (names, prefix) = (fields.texts("logStreamNames")?, fields.limited("logStreamNamePrefix", 512)?);
    match (names, prefix) {
        (Some(_), Some(_)) => {
            let text = "LogStreamNames and logStreamNamePrefix are mutually exclusive parameters.";
            Err(fields.invalid(text))
        }
        (Some(names), None) if names.is_empty() || names.len() > 100 => {
            let rule = "Member must have length between 1 and 100, inclusive";
            Err(fields.breaks("logStreamNames", names.len(), rule))
        }
        (Some(names), None) => Ok(Streams::Named(names)),
        (None, Some(prefix)) => Ok(Streams::Prefixed(prefix)),
        (None, None) => Ok(Streams::All),
    }
}

fn tell(place: Place, event: &LogEvent) -> Value {
    json!({ "timestamp": place.0, "message": &*event.message, "ingestionTime": event.ingested })
}

/// As long as the service's own, and in the same order as the events.
pub(super) fn event_id(place: Place) -> String {
    let number = u128::try_from(place.0).unwrap_or(0) << 64 | u128::from(place.1);
    format!("{number:056}")
}

fn token_of(place: Place) -> String {
    format!("{:016x}{:016x}", place.0, place.1)
}

fn place_of(token: &str) -> Option<Place> {
    let halves = (token.len() == 32 && token.is_ascii()).then(|| token.split_at(16))?;
    Some((Millis::from_str_radix(halves.0, 16).ok()?, u64::from_str_radix(halves.1, 16).ok()?))
}

fn no_such_token(fields: &Fields<'_>) -> Refusal {
    fields.invalid("The specified nextToken is invalid.")
}
