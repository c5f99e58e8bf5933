//! Logs Insights queries: run when they are started, and kept until their results are read or many others came.

use std::collections::VecDeque;

use serde_json::{Value, json};

use super::{Logs, ingest::weight, no_group};
use crate::cloudwatch::{
    Answer, Fields, Millis, Refusal,
    insights::{self, Line, Query},
};

/// Most queries kept, and most rows of all of them.
const QUERIES_MAX: usize = 100;
const ROWS_MAX: usize = 500_000;
/// Most rows of one answer.
const PAGE_MAX: i64 = 10_000;
const GROUPS_MAX: usize = 50;

#[derive(Debug, Default)]
pub struct Queries {
    kept: VecDeque<Kept>,
    made: u64,
}

#[derive(Debug)]
struct Kept {
    id: String,
    text: String,
    groups: Vec<String>,
    began: Millis,
    rows: Vec<Vec<(String, String)>>,
    statistics: Value,
}

impl Logs {
    pub(super) fn start_query(&mut self, now: Millis, fields: &Fields<'_>) -> Answer {
        let text = fields.required("queryString", insights::QUERY_MAX)?;
        let language = fields.one_of("queryLanguage", &["CWLI", "SQL", "PPL"])?;
        if language.is_some_and(|language| language != "CWLI") {
            return Err(fields.invalid("Only queries in the language CWLI are served here"));
        }
        let second =
            |name: &str| fields.within(name, 0, Millis::MAX / 1_000)?.ok_or_else(|| fields.missing(name));
        let (from, to) = (second("startTime")? * 1_000, second("endTime")? * 1_000 + 999);
        if from > to {
            return Err(fields.invalid("The start time of a query must not be after its end time"));
        }
        let limit = fields.within("limit", 1, insights::ROWS_MAX as i64)?;
        let groups = self.asked_groups(fields)?;
        let query = Query::parse(text).map_err(|problem| malformed(text, &problem))?;
        let (mut lines, mut bytes) = (Vec::new(), 0);
        for name in &groups {
            let group = self.groups.get(name).ok_or_else(no_group)?;
            let from = from.max(group.kept_from(now));
            for (place, event) in group.events.range((from, 0)..=(to.max(from), u64::MAX)) {
                bytes += weight(&event.message);
                lines.push(Line {
                    group: name,
                    stream: &event.stream,
                    message: &event.message,
                    timestamp: place.0,
                    ingested: event.ingested,
                    number: place.1,
                });
            }
        }
        if groups.len() > 1 {
            lines.sort_by_key(|line| (line.timestamp, line.number));
        }
        let scanned = lines.len();
        let mut found = insights::run(&query, lines.into_iter());
        if let Some(limit) = limit {
            found.rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        let statistics = json!({
            "recordsMatched": found.matched as f64,
            "recordsScanned": scanned as f64,
            "estimatedRecordsSkipped": 0.0,
            "bytesScanned": bytes as f64,
            "estimatedBytesSkipped": 0.0,
            "logGroupsScanned": groups.len() as f64,
            "resultCount": found.rows.len() as f64,
        });
        let id = self.queries.keep(Kept {
            id: String::new(),
            text: text.to_owned(),
            groups,
            began: now,
            rows: found.rows,
            statistics,
        });
        Ok(json!({ "queryId": id }))
    }

    pub(super) fn query_results(&self, fields: &Fields<'_>) -> Answer {
        let kept = self.queries.find(fields)?;
        let skip = match fields.text("nextToken")? {
            None => 0,
            Some(token) => {
                token.parse().map_err(|_| fields.invalid("The specified nextToken is invalid."))?
            }
        };
        let most = fields.within("maxItems", 1, PAGE_MAX)?.unwrap_or(PAGE_MAX);
        let most = usize::try_from(most).unwrap_or(1);
        let row = |row: &Vec<(String, String)>| -> Value {
            row.iter().map(|(field, value)| json!({ "field": field, "value": value })).collect()
        };
        let page: Vec<Value> = kept.rows.iter().skip(skip).take(most).map(row).collect();
        let mut answer = json!({
            "queryLanguage": "CWLI", "results": page, "statistics": kept.statistics, "status": "Complete",
        });
        if skip.saturating_add(most) < kept.rows.len() {
            answer["nextToken"] = (skip + most).to_string().into();
        }
        Ok(answer)
    }

    /// A query is over as soon as it was started, so none can be stopped.
    pub(super) fn stop_query(&self, fields: &Fields<'_>) -> Answer {
        self.queries.find(fields)?;
        Err(fields.invalid("The query has already ended: it is Complete"))
    }

    pub(super) fn describe_queries(&self, fields: &Fields<'_>) -> Answer {
        let group = fields.limited("logGroupName", 512)?;
        let status = fields.text("status")?;
        let wanted = |kept: &&Kept| {
            status.is_none_or(|status| status == "Complete")
                && group.is_none_or(|group| kept.groups.iter().any(|own| own == group))
        };
        let told = self.queries.kept.iter().rev().filter(wanted).map(|kept| {
            json!({
                "queryLanguage": "CWLI",
                "queryId": kept.id,
                "queryString": kept.text,
                "status": "Complete",
                "createTime": kept.began,
                "logGroupName": kept.groups.first(),
            })
        });
        Ok(json!({ "queries": told.collect::<Vec<_>>() }))
    }

    /// The groups that a query names, by name or by ARN.
    fn asked_groups(&self, fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
        let mut names = Vec::new();
        names.extend(fields.text("logGroupName")?);
        names.extend(fields.texts("logGroupNames")?.unwrap_or_default());
        names.extend(fields.texts("logGroupIdentifiers")?.unwrap_or_default());
        if names.is_empty() || names.len() > GROUPS_MAX {
            let text = format!("A query must name between 1 and {GROUPS_MAX} log groups");
            return Err(fields.invalid(text));
        }
        let names: Vec<String> = names.into_iter().map(|name| super::name_in(name).to_owned()).collect();
        if names.iter().all(|name| self.groups.contains_key(name)) { Ok(names) } else { Err(no_group()) }
    }
}

impl Queries {
    fn keep(&mut self, mut kept: Kept) -> String {
        self.made += 1;
        let id = format!("{:08x}-0000-4000-8000-{:012x}", kept.began & 0xffff_ffff, self.made);
        kept.id.clone_from(&id);
        self.kept.push_back(kept);
        let rows = |kept: &VecDeque<Kept>| kept.iter().map(|kept| kept.rows.len()).sum::<usize>();
        while self.kept.len() > QUERIES_MAX || rows(&self.kept) > ROWS_MAX && self.kept.len() > 1 {
            self.kept.pop_front();
        }
        id
    }

    fn find(&self, fields: &Fields<'_>) -> Result<&Kept, Refusal> {
        let id = fields.required("queryId", 256)?;
        let found = self.kept.iter().find(|kept| kept.id == id);
        found
            .ok_or_else(|| Refusal::new("ResourceNotFoundException", format!("Query ID {id} does not exist")))
    }
}

fn malformed(text: &str, problem: &insights::QueryProblem) -> Refusal {
    let mut refusal = Refusal::new("MalformedQueryException", problem.message.clone());
    let place = json!({ "startCharOffset": problem.at, "endCharOffset": text.chars().count() });
    refusal.more.insert("queryCompileError".into(), json!({ "location": place, "message": problem.message }));
    refusal
}
