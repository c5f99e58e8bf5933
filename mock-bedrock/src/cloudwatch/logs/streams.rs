//! Log streams of a group.

use std::sync::Arc;

use serde_json::json;

use super::{Logs, STREAMS_MAX, Stream, groups::limit_exceeded, listed, no_stream, page};
use crate::cloudwatch::{Answer, Fields, Millis, Refusal};

impl Logs {
    pub(super) fn create_stream(&mut self, now: Millis, fields: &Fields<'_>) -> Answer {
        let name = stream_name(fields)?;
        let group = self.group_mut(fields)?;
        if group.streams.contains_key(name) {
            return Err(Refusal::new(
                "ResourceAlreadyExistsException",
                "The specified log stream already exists",
            ));
        }
        if group.streams.len() >= STREAMS_MAX {
            return Err(limit_exceeded());
        }
        group.streams.insert(Arc::from(name), Stream { created: now, ..Stream::default() });
        Ok(json!({}))
    }

    pub(super) fn delete_stream(&mut self, fields: &Fields<'_>) -> Answer {
        let name = stream_name(fields)?;
        let group = self.group_mut(fields)?;
        group.streams.remove(name).ok_or_else(no_stream)?;
        group.forget(|event| &*event.stream == name);
        Ok(json!({}))
    }

    pub(super) fn describe_streams(&self, fields: &Fields<'_>) -> Answer {
        let prefix = fields.limited("logStreamNamePrefix", 512)?;
        let by_time = fields.one_of("orderBy", &["LogStreamName", "LastEventTime"])? == Some("LastEventTime");
        let descending = fields.flag("descending")?.unwrap_or(false);
        if by_time && prefix.is_some() {
            return Err(fields.invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        let name = self.group_name(fields)?;
        let group = self.group(fields)?;
        let streams =
            group.streams.iter().filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)));
        let arn = self.arn(name);
        let mut told: Vec<(String, serde_json::Value)> = streams
            .map(|(name, stream)| {
                let key = if by_time {
                    format!("{:020} {name}", stream.last.unwrap_or(0))
                } else {
                    name.to_string()
                };
                (key, tell(name, stream, &arn))
            })
            .collect();
        told.sort_by(|(one, _), (other, _)| one.cmp(other));
        if descending {
            told.reverse();
            // Pages go on behind a key, so that keys must rise whichever way the list runs.
            for (place, (key, _)) in told.iter_mut().enumerate() {
                *key = format!("{place:010}");
            }
        }
        let (list, next) = page(fields, told.into_iter(), 50)?;
        listed("logStreams", list, next)
    }
}

fn tell(name: &str, stream: &Stream, arn: &str) -> serde_json::Value {
    let mut told = json!({
        "logStreamName": name,
        "creationTime": stream.created,
        "arn": format!("{arn}:log-stream:{name}"),
        "uploadSequenceToken": "0",
        // The service has said 0 here for years.
        "storedBytes": 0,
    });
    let times = [
        ("firstEventTimestamp", stream.first),
        ("lastEventTimestamp", stream.last),
        ("lastIngestionTime", stream.last_ingested),
    ];
    for (name, time) in times {
        if let Some(time) = time {
            told[name] = time.into();
        }
    }
    told
}

pub(super) fn stream_name<'a>(fields: &Fields<'a>) -> Result<&'a str, Refusal> {
    let name = fields.required("logStreamName", 512)?;
    if name.contains([':', '*']) {
        let rule = "Member must satisfy regular expression pattern: [^:*]*";
        return Err(fields.breaks("logStreamName", name, rule));
    }
    Ok(name)
}
