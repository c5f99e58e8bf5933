//! GetMetricData: metrics and what is made of them, page by page.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    Key, Metrics,
    math::{self, Frame, Line},
    put,
    statistic::Statistic,
};
use crate::cloudwatch::{Answer, Fields, Millis, Refusal};

/// Most queries of one request, and most points of one answer.
const QUERIES_MAX: usize = 500;
const POINTS_MAX: i64 = 100_800;
/// Most points of all lines of one request, so that no request is too much work.
const WORK_MAX: Millis = 5_000_000;

/// A time, the end not included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: Millis,
    pub to: Millis,
}

/// One statistic of one metric over periods of time.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricStat {
    pub key: Key,
    pub period: Millis,
    pub stat: Statistic,
    pub unit: Option<&'static str>,
}

/// One entry of a list of queries, as alarms have them too.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub id: String,
    pub label: Option<String>,
    pub returned: bool,
    pub asks: Asks,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Asks {
    Metric(MetricStat),
    Expression { text: String, period: Option<Millis> },
}

impl Metrics {
    pub fn get_data(&self, fields: &Fields<'_>) -> Answer {
        let time = |name: &str| put::time(fields, name)?.ok_or_else(|| fields.missing(name));
        let span = Span { from: time("StartTime")?, to: time("EndTime")? };
        if span.from >= span.to {
            let text = "The parameter StartTime must be less than the parameter EndTime.";
            return Err(Refusal::new("InvalidParameterCombinationException", text));
        }
        let queries = read(fields, "MetricDataQueries")?;
        let newest_first = fields.one_of("ScanBy", &["TimestampDescending", "TimestampAscending"])?
            != Some("TimestampAscending");
        let most = fields.within("MaxDatapoints", 1, POINTS_MAX)?.unwrap_or(POINTS_MAX);
        let skip = match fields.text("NextToken")? {
            None => 0,
            Some(token) => {
                token.parse().map_err(|_| fields.invalid("The value for parameter NextToken is invalid."))?
            }
        };
        let lines = self.evaluate(&queries, span).map_err(|text| fields.invalid(text))?;
        Ok(Pages { skip, left: usize::try_from(most).unwrap_or(1), newest_first, cut: None, passed: 0 }
            .tell(lines))
    }

    /// The lines that queries ask for, in their order, with id and label.
    pub fn evaluate(&self, queries: &[Query], span: Span) -> Result<Vec<(String, String, Line)>, String> {
        let mut frame = Frame { span, period: 60_000, lines: BTreeMap::new() };
        let mut work = 0;
        for query in queries {
            if let Asks::Metric(metric) = &query.asks {
                work += (span.to - span.from) / metric.period + 1;
                if work > WORK_MAX {
                    return Err("The queries ask for too many points at once".to_owned());
                }
                frame.lines.insert(query.id.clone(), (metric.period, self.line(metric, span)));
            }
        }
        let shortest = frame.lines.values().map(|(period, _)| *period).min();
        frame.period = shortest.unwrap_or(60_000);
        let mut told = Vec::new();
        let made = math::evaluate_all(queries, &mut frame)?;
        for query in queries.iter().filter(|query| query.returned) {
            match &query.asks {
                Asks::Metric(metric) => {
                    let label = query.label.clone().unwrap_or_else(|| metric.key.name.clone());
                    let line = frame.lines.get(&query.id).map(|(_, line)| line.clone()).unwrap_or_default();
                    told.push((query.id.clone(), label, line));
                }
                Asks::Expression { .. } => {
                    for line in made.get(&query.id).into_iter().flatten() {
                        let label = query.label.clone().unwrap_or_else(|| query.id.clone());
                        told.push((query.id.clone(), label, line.clone()));
                    }
                }
            }
        }
        Ok(told)
    }

    /// A statistic of each period in which there was something.
    pub fn line(&self, metric: &MetricStat, span: Span) -> Line {
        let periods = self.periods(&metric.key, metric.period, span, metric.unit);
        periods.into_iter().filter_map(|(at, bucket)| Some((at, metric.stat.of(&bucket)?))).collect()
    }
}

/// What goes into one answer out of all lines, one behind the other.
struct Pages {
    skip: usize,
    left: usize,
    newest_first: bool,
    cut: Option<usize>,
    passed: usize,
}

impl Pages {
    fn tell(mut self, lines: Vec<(String, String, Line)>) -> Value {
        let mut results = Vec::new();
        for (id, label, line) in lines {
            let mut points: Vec<(Millis, f64)> = line.into_iter().collect();
            if self.newest_first {
                points.reverse();
            }
            let whole = points.len();
            let begin = self.skip.saturating_sub(self.passed).min(whole);
            let end = (begin + self.left).min(whole);
            self.left -= end - begin;
            self.passed += whole;
            if end < whole && self.cut.is_none() {
                self.cut = Some(self.passed - whole + end);
            }
            if whole > 0 && begin == whole && self.skip > 0 {
                continue;
            }
            let (times, values): (Vec<f64>, Vec<f64>) =
                points[begin..end].iter().map(|(at, value)| (*at as f64 / 1_000.0, *value)).unzip();
            let status = if end < whole { "PartialData" } else { "Complete" };
            results.push(json!({ "Id": id, "Label": label, "Timestamps": times, "Values": values, "StatusCode": status }));
        }
        let mut answer = json!({ "MetricDataResults": results, "Messages": [] });
        if let Some(cut) = self.cut {
            answer["NextToken"] = cut.to_string().into();
        }
        answer
    }
}

/// Reads a list of queries and what they must agree in.
pub fn read(fields: &Fields<'_>, name: &str) -> Result<Vec<Query>, Refusal> {
    let given = fields.structures(name)?.ok_or_else(|| fields.missing(name))?;
    if given.is_empty() || given.len() > QUERIES_MAX {
        let rule = format!("The collection must have between 1 and {QUERIES_MAX} members");
        return Err(fields.breaks(name, given.len(), &rule));
    }
    let mut queries: Vec<Query> = Vec::with_capacity(given.len());
    for one in &given {
        let query = query(one)?;
        if queries.iter().any(|other| other.id == query.id) {
            return Err(fields.invalid(format!("The values for parameter id in {name} are not unique.")));
        }
        queries.push(query);
    }
    Ok(queries)
}

fn query(fields: &Fields<'_>) -> Result<Query, Refusal> {
    let id = fields.required("Id", 255)?;
    let letters = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !letters || !id.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err(fields.breaks(
            "Id",
            id,
            "Must begin with a lower-case letter and hold letters, digits and underscores",
        ));
    }
    let asks = match (fields.structure("MetricStat")?, fields.limited("Expression", 2_048)?) {
        (Some(stat), None) => Asks::Metric(metric_stat(&stat)?),
        (None, Some(text)) => Asks::Expression { text: text.to_owned(), period: period(fields, "Period")? },
        _ => {
            let text = "Exactly one of MetricStat and Expression must be set in a query.";
            return Err(Refusal::new("InvalidParameterCombinationException", text));
        }
    };
    Ok(Query {
        id: id.to_owned(),
        label: fields.text("Label")?.map(str::to_owned),
        returned: fields.flag("ReturnData")?.unwrap_or(true),
        asks,
    })
}

fn metric_stat(fields: &Fields<'_>) -> Result<MetricStat, Refusal> {
    let metric = fields.structure("Metric")?.ok_or_else(|| fields.missing("Metric"))?;
    let stat = fields.required("Stat", 64)?;
    Ok(MetricStat {
        key: key(&metric)?,
        period: period(fields, "Period")?.ok_or_else(|| fields.missing("Period"))?,
        stat: Statistic::parse(stat).ok_or_else(|| fields.breaks("Stat", stat, "Unknown statistic"))?,
        unit: put::unit(fields)?,
    })
}

/// A metric's namespace, name and dimensions.
pub fn key(fields: &Fields<'_>) -> Result<Key, Refusal> {
    Ok(Key {
        namespace: fields.required("Namespace", 255)?.to_owned(),
        name: fields.required("MetricName", 255)?.to_owned(),
        dimensions: put::dimensions(fields)?,
    })
}

/// A period in milliseconds.
pub fn period(fields: &Fields<'_>, name: &str) -> Result<Option<Millis>, Refusal> {
    match fields.integer(name)? {
        None => Ok(None),
        Some(seconds @ (1 | 5 | 10 | 20 | 30)) => Ok(Some(seconds * 1_000)),
        Some(seconds) if seconds > 0 && seconds % 60 == 0 && seconds <= 86_400 * 365 => {
            Ok(Some(seconds * 1_000))
        }
        Some(other) => Err(fields.breaks(name, other, "Must be 1, 5, 10, 20, 30 or a multiple of 60")),
    }
}
