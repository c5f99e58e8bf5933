//! CloudWatch Logs of one account in one Region: groups, streams, events, metric filters, queries.
//!
//! What is ingested passes the group's metric filters at once, and only those that were there before it; the data that
//! they make wait in [`Logs::take_data`] for whoever owns the metrics. Everything that could grow has a limit.

mod events;
mod filters;
mod groups;
mod ingest;
mod queries;
mod streams;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use serde_json::{Value, json};

use self::{filters::MetricFilter, queries::Queries};
use super::{Answer, Ask, Datum, Fields, Millis, Refusal, Style};

pub use ingest::Lost;

/// Most groups of an account in a Region.
const GROUPS_MAX: usize = 10_000;
/// Most streams of a group.
const STREAMS_MAX: usize = 10_000;
/// Most events kept of a group; the oldest go.
pub const EVENTS_MAX: usize = 1_000_000;
/// Most bytes kept of a group.
pub const BYTES_MAX: u64 = 1 << 30;
/// What an event weighs besides its message.
const EVENT_BYTES: u64 = 26;
const DAY: Millis = 86_400_000;

#[derive(Debug)]
pub struct Logs {
    account: String,
    region: String,
    groups: BTreeMap<String, Group>,
    /// Events ever ingested, for their ids and their order.
    ingested: u64,
    data: Vec<Datum>,
    queries: Queries,
}

#[derive(Debug)]
struct Group {
    created: Millis,
    retention_days: Option<i64>,
    tags: BTreeMap<String, String>,
    streams: BTreeMap<Arc<str>, Stream>,
    filters: BTreeMap<String, MetricFilter>,
    /// By time, then in the order of ingestion.
    events: BTreeMap<Place, LogEvent>,
    bytes: u64,
    /// Places in the order of ingestion, so that the first that came is the first to go.
    order: VecDeque<Place>,
}

/// Where an event stands among all of its group.
type Place = (Millis, u64);

#[derive(Debug, Clone, Default)]
struct Stream {
    created: Millis,
    first: Option<Millis>,
    last: Option<Millis>,
    last_ingested: Option<Millis>,
}

#[derive(Debug)]
struct LogEvent {
    stream: Arc<str>,
    message: Arc<str>,
    ingested: Millis,
}

impl Logs {
    pub fn new(account: &str, region: &str) -> Logs {
        Logs {
            account: account.to_owned(),
            region: region.to_owned(),
            groups: BTreeMap::new(),
            ingested: 0,
            data: Vec::new(),
            queries: Queries::default(),
        }
    }

    /// Does one operation, whose name comes without the service's.
    pub fn answer(&mut self, ask: &Ask<'_>, operation: &str) -> Answer {
        let fields = &Fields::new(ask.body, Style::Logs);
        let now = ask.now;
        match operation {
            "CreateLogGroup" => self.create_group(now, fields),
            "DeleteLogGroup" => self.delete_group(fields),
            "DescribeLogGroups" => self.describe_groups(fields),
            "PutRetentionPolicy" => self.put_retention(fields),
            "DeleteRetentionPolicy" => self.delete_retention(fields),
            "TagLogGroup" | "TagResource" => self.tag(fields),
            "UntagLogGroup" | "UntagResource" => self.untag(fields),
            "ListTagsLogGroup" | "ListTagsForResource" => self.list_tags(fields),
            "CreateLogStream" => self.create_stream(now, fields),
            "DeleteLogStream" => self.delete_stream(fields),
            "DescribeLogStreams" => self.describe_streams(fields),
            "PutLogEvents" => self.put_events(now, fields),
            "GetLogEvents" => self.get_events(now, fields),
            "FilterLogEvents" => self.filter_events(now, fields),
            "PutMetricFilter" => self.put_filter(now, fields),
            "DescribeMetricFilters" => self.describe_filters(fields),
            "DeleteMetricFilter" => self.delete_filter(fields),
            "StartQuery" => self.start_query(now, fields),
            "GetQueryResults" => self.query_results(fields),
            "StopQuery" => self.stop_query(fields),
            "DescribeQueries" => self.describe_queries(fields),
            "TestMetricFilter" => filters::test(fields),
            _ => Err(Refusal::unknown_operation(operation)),
        }
    }

    /// What the metric filters made since this was last asked.
    pub fn take_data(&mut self) -> Vec<Datum> {
        std::mem::take(&mut self.data)
    }

    pub fn has_group(&self, name: &str) -> bool {
        self.groups.contains_key(name)
    }

    /// The group that a request names: by name, or by name or ARN in the newer member.
    fn group_name<'a>(&self, fields: &Fields<'a>) -> Result<&'a str, Refusal> {
        let name = match fields.limited("logGroupIdentifier", 2_048)? {
            Some(identifier) => name_in(identifier),
            None => fields.required("logGroupName", 512)?,
        };
        check_name(fields, name)?;
        Ok(name)
    }

    fn group(&self, fields: &Fields<'_>) -> Result<&Group, Refusal> {
        self.groups.get(self.group_name(fields)?).ok_or_else(no_group)
    }

    fn group_mut(&mut self, fields: &Fields<'_>) -> Result<&mut Group, Refusal> {
        let name = self.group_name(fields)?;
        self.groups.get_mut(name).ok_or_else(no_group)
    }

    fn arn(&self, group: &str) -> String {
        let partition = super::partition(&self.region);
        format!("arn:{partition}:logs:{}:{}:log-group:{group}", self.region, self.account)
    }
}

/// The name in an ARN, with or without the star at its end; a name is what it is.
fn name_in(identifier: &str) -> &str {
    let named = identifier.split_once(":log-group:").map_or(identifier, |(_, name)| name);
    named.strip_suffix(":*").unwrap_or(named)
}

fn check_name(fields: &Fields<'_>, name: &str) -> Result<(), Refusal> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '#');
    if name.is_empty() || !name.chars().all(allowed) {
        let rule = r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+";
        return Err(fields.breaks("logGroupName", name, rule));
    }
    Ok(())
}

fn no_group() -> Refusal {
    Refusal::new("ResourceNotFoundException", "The specified log group does not exist.")
}

fn no_stream() -> Refusal {
    Refusal::new("ResourceNotFoundException", "The specified log stream does not exist.")
}

/// A page of a list that is ordered by a key: what follows the key in the token, and the token of the next page.
fn page<T>(
    fields: &Fields<'_>,
    entries: impl Iterator<Item = (String, T)>,
    most: i64,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let limit = usize::try_from(fields.within("limit", 1, most)?.unwrap_or(most)).unwrap_or(1);
    let after = fields.text("nextToken")?;
    let mut rest = entries.skip_while(|(key, _)| after.is_some_and(|after| key.as_str() <= after)).peekable();
    let mut page = Vec::new();
    let mut last = None;
    while page.len() < limit {
        let Some((key, entry)) = rest.next() else { break };
        page.push(entry);
        last = Some(key);
    }
    let more = rest.peek().is_some();
    Ok((page, last.filter(|_| more)))
}

/// A list under its name, with the token of the next page where there is one.
fn listed(name: &str, list: Vec<Value>, next: Option<String>) -> Answer {
    let mut answer = json!({ name: list });
    if let Some(next) = next {
        answer["nextToken"] = next.into();
    }
    Ok(answer)
}
