//! GetMetricStatistics: several statistics of one metric.

use serde_json::{Map, Value, json};

use super::{Metrics, put, query, query::Span, statistic::Statistic};
use crate::cloudwatch::{Answer, Fields, Refusal};

/// Most points of one answer.
const POINTS_MAX: i64 = 1_440;

impl Metrics {
    pub fn get_statistics(&self, fields: &Fields<'_>) -> Answer {
        let key = query::key(fields)?;
        let period = query::period(fields, "Period")?.ok_or_else(|| fields.missing("Period"))?;
        let time = |name: &str| put::time(fields, name)?.ok_or_else(|| fields.missing(name));
        let span = Span { from: time("StartTime")?, to: time("EndTime")? };
        if span.from >= span.to {
            let text = "The parameter StartTime must be less than the parameter EndTime.";
            return Err(combination(text.to_owned()));
        }
        let points = (span.to - span.from + period - 1) / period;
        if points > POINTS_MAX {
            return Err(combination(format!(
                "You have requested up to {points} datapoints, which exceeds the limit of {POINTS_MAX}. You may reduce the \
                 datapoints requested by increasing Period, or decreasing the time range."
            )));
        }
        let (simple, extended) = wanted(fields)?;
        let unit = put::unit(fields)?;
        let mut told = Vec::new();
        for (at, bucket, unit) in self.periods_by_unit(&key, period, span, unit) {
            let mut point = json!({ "Timestamp": at as f64 / 1_000.0, "Unit": unit });
            for (name, statistic) in &simple {
                if let Some(value) = statistic.of(&bucket) {
                    point[*name] = value.into();
                }
            }
            let values = extended
                .iter()
                .filter_map(|(name, statistic)| Some(((*name).to_owned(), statistic.of(&bucket)?.into())));
            let values: Map<String, Value> = values.collect();
            if !values.is_empty() {
                point["ExtendedStatistics"] = values.into();
            }
            told.push(point);
        }
        Ok(json!({ "Label": key.name, "Datapoints": told }))
    }
}

fn combination(text: String) -> Refusal {
    Refusal::new("InvalidParameterCombinationException", text)
}

type Named<'a> = Vec<(&'a str, Statistic)>;

fn wanted<'a>(fields: &Fields<'a>) -> Result<(Named<'a>, Named<'a>), Refusal> {
    let read = |name: &str, is_extended: bool| -> Result<Named<'a>, Refusal> {
        let texts = fields.texts(name)?.unwrap_or_default();
        let parse = |text: &'a str| match Statistic::parse(text) {
            Some(statistic) if statistic.is_extended() == is_extended => Ok((text, statistic)),
            _ => Err(fields.breaks(name, text, "Unknown statistic")),
        };
        texts.into_iter().map(parse).collect()
    };
    let (simple, extended) = (read("Statistics", false)?, read("ExtendedStatistics", true)?);
    if simple.is_empty() && extended.is_empty() {
        let text = "At least one of the parameters Statistics and ExtendedStatistics must be specified.";
        return Err(Refusal::new("InvalidParameterCombinationException", text));
    }
    Ok((simple, extended))
}
