//! What an alarm wants: as it was put, read and checked.

use serde_json::{Map, Value, json};

use crate::cloudwatch::{
    Fields, Millis, Refusal,
    metrics::{Asks, MetricStat, Query, Statistic, read_key, read_period, read_queries, read_unit},
};

/// Longest time that an alarm looks back: a day for periods under an hour, else a week.
const DAY: Millis = 86_400_000;
const WEEK: Millis = 7 * DAY;
const ACTIONS_MAX: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gaps {
    Breaching,
    NotBreaching,
    Ignore,
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    GreaterOrEqual,
    Greater,
    LessOrEqual,
    Less,
}

const COMPARISONS: [(&str, Comparison, &str); 4] = [
    ("GreaterThanOrEqualToThreshold", Comparison::GreaterOrEqual, "greater than or equal to"),
    ("GreaterThanThreshold", Comparison::Greater, "greater than"),
    ("LessThanOrEqualToThreshold", Comparison::LessOrEqual, "less than or equal to"),
    ("LessThanThreshold", Comparison::Less, "less than"),
];

const TREATMENTS: [&str; 4] = ["breaching", "notBreaching", "ignore", "missing"];

#[derive(Debug, Clone)]
pub struct Rule {
    pub name: String,
    pub queries: Vec<Query>,
    /// The one query whose line is judged.
    pub judged: String,
    pub period: Millis,
    pub periods: i64,
    pub to_alarm: i64,
    pub threshold: f64,
    pub comparison: Comparison,
    pub missing: Gaps,
    /// What is only given back.
    kept: Map<String, Value>,
}

impl Rule {
    pub fn read(fields: &Fields<'_>) -> Result<Rule, Refusal> {
        let name = fields.required("AlarmName", 255)?.to_owned();
        let queries =
            if fields.has("Metrics") { read_queries(fields, "Metrics")? } else { vec![single(fields)?] };
        let (judged, period) = judged(fields, &queries)?;
        let periods =
            positive(fields, "EvaluationPeriods")?.ok_or_else(|| fields.missing("EvaluationPeriods"))?;
        let to_alarm = positive(fields, "DatapointsToAlarm")?.unwrap_or(periods);
        if to_alarm > periods {
            return Err(fields.breaks(
                "DatapointsToAlarm",
                to_alarm,
                "Must not be greater than EvaluationPeriods",
            ));
        }
        let most = if period < 3_600_000 { DAY } else { WEEK };
        if periods.saturating_mul(period) > most {
            let text = "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400), or a \
                        week for periods of an hour and more.";
            return Err(fields.invalid(text));
        }
        let threshold = fields.number("Threshold")?.ok_or_else(|| fields.missing("Threshold"))?;
        if !threshold.is_finite() {
            return Err(fields.breaks("Threshold", threshold, "Must be a number"));
        }
        let comparison = comparison(fields)?;
        let missing = missing(fields)?;
        let kept = kept(fields)?;
        Ok(Rule { name, queries, judged, period, periods, to_alarm, threshold, comparison, missing, kept })
    }

    pub fn breaches(&self, value: f64) -> bool {
        match self.comparison {
            Comparison::GreaterOrEqual => value >= self.threshold,
            Comparison::Greater => value > self.threshold,
            Comparison::LessOrEqual => value <= self.threshold,
            Comparison::Less => value < self.threshold,
        }
    }

    /// The comparison in words.
    pub fn words(&self) -> &'static str {
        COMPARISONS
            .iter()
            .find(|(_, comparison, _)| *comparison == self.comparison)
            .map_or("", |(_, _, words)| words)
    }

    pub fn tell(&self) -> Value {
        let mut told = self.kept.clone();
        told.insert("AlarmName".into(), self.name.as_str().into());
        told.insert("EvaluationPeriods".into(), self.periods.into());
        told.insert("Threshold".into(), self.threshold.into());
        for list in ["OKActions", "AlarmActions", "InsufficientDataActions", "Dimensions"] {
            told.entry(list).or_insert_with(|| json!([]));
        }
        told.entry("ActionsEnabled").or_insert(true.into());
        Value::Object(told)
    }
}

/// The metric that is named by the alarm's own members.
fn single(fields: &Fields<'_>) -> Result<Query, Refusal> {
    let stat = match (fields.text("Statistic")?, fields.text("ExtendedStatistic")?) {
        (Some(stat), None) | (None, Some(stat)) => stat,
        _ => {
            let text = "Exactly one of Statistic and ExtendedStatistic must be set for a metric.";
            return Err(Refusal::new("InvalidParameterCombinationException", text));
        }
    };
    let stat = Statistic::parse(stat).ok_or_else(|| fields.breaks("Statistic", stat, "Unknown statistic"))?;
    let period = read_period(fields, "Period")?.ok_or_else(|| fields.missing("Period"))?;
    let asks = Asks::Metric(MetricStat { key: read_key(fields)?, period, stat, unit: read_unit(fields)? });
    Ok(Query { id: "metric".to_owned(), label: None, returned: true, asks })
}

/// Exactly one query returns data; the period is the longest of all metrics.
fn judged(fields: &Fields<'_>, queries: &[Query]) -> Result<(String, Millis), Refusal> {
    let returned: Vec<&Query> = queries.iter().filter(|query| query.returned).collect();
    let [one] = returned[..] else {
        return Err(fields.invalid("Exactly one element of the metrics list should return data."));
    };
    let periods = queries.iter().filter_map(|query| match &query.asks {
        Asks::Metric(metric) => Some(metric.period),
        Asks::Expression { period, .. } => *period,
    });
    let period = periods
        .max()
        .ok_or_else(|| fields.invalid("At least one element must be a metric, or have a period."))?;
    if !matches!(period, 10_000 | 20_000 | 30_000) && period % 60_000 != 0 {
        return Err(fields.breaks("Period", period / 1_000, "Must be 10, 20, 30 or a multiple of 60"));
    }
    Ok((one.id.clone(), period))
}

fn positive(fields: &Fields<'_>, name: &str) -> Result<Option<i64>, Refusal> {
    fields.within(name, 1, 1_440)
}

fn comparison(fields: &Fields<'_>) -> Result<Comparison, Refusal> {
    let names = COMPARISONS.map(|(name, _, _)| name);
    let given =
        fields.one_of("ComparisonOperator", &names)?.ok_or_else(|| fields.missing("ComparisonOperator"))?;
    let found = COMPARISONS.iter().find(|(name, _, _)| *name == given).map(|(_, comparison, _)| *comparison);
    found.ok_or_else(|| fields.missing("ComparisonOperator"))
}

fn missing(fields: &Fields<'_>) -> Result<Gaps, Refusal> {
    Ok(match fields.one_of("TreatMissingData", &TREATMENTS)? {
        Some("breaching") => Gaps::Breaching,
        Some("notBreaching") => Gaps::NotBreaching,
        Some("ignore") => Gaps::Ignore,
        _ => Gaps::Missing,
    })
}

/// Members that come back as they were put.
fn kept(fields: &Fields<'_>) -> Result<Map<String, Value>, Refusal> {
    const KEPT: [&str; 18] = [
        "AlarmDescription",
        "ActionsEnabled",
        "OKActions",
        "AlarmActions",
        "InsufficientDataActions",
        "MetricName",
        "Namespace",
        "Statistic",
        "ExtendedStatistic",
        "Dimensions",
        "Period",
        "Unit",
        "DatapointsToAlarm",
        "ComparisonOperator",
        "TreatMissingData",
        "EvaluateLowSampleCountPercentile",
        "Metrics",
        "ThresholdMetricId",
    ];
    for list in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        if fields.texts(list)?.is_some_and(|actions| actions.len() > ACTIONS_MAX) {
            return Err(fields.breaks(list, "", "The collection must have at most 5 members"));
        }
    }
    fields.flag("ActionsEnabled")?;
    fields.limited("AlarmDescription", 1_024)?;
    Ok(KEPT.iter().filter_map(|name| Some(((*name).to_owned(), fields.raw(name)?.clone()))).collect())
}
