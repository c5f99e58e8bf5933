//! Metric filters: kept, tested, and asked about each event that comes in.
//!
//! A filter sees what is ingested after it was put and nothing before. Its value is a number or a field that holds one;
//! with dimensions, an event that lacks one of the fields makes no datum. A default value stands for the minutes in
//! which events came and none matched.

use serde_json::{Value, json};

use super::{Logs, groups::limit_exceeded, listed, page};
use crate::cloudwatch::{
    Answer, Datum, Dimensions, Fields, Millis, Refusal, Sample, UNITS,
    metrics::MINUTE,
    pattern::{Message, Pattern, Selector},
};

/// Most filters of a group, and most of them with regular expressions.
const FILTERS_MAX: usize = 100;
const WITH_REGEX_MAX: usize = 5;
const DIMENSIONS_MAX: usize = 3;
/// Most messages of one test.
const MESSAGES_MAX: usize = 50;

#[derive(Debug, Clone)]
pub struct MetricFilter {
    created: Millis,
    text: String,
    pattern: Pattern,
    transformation: Transformation,
    on_transformed: bool,
}

#[derive(Debug, Clone)]
struct Transformation {
    name: String,
    namespace: String,
    value_text: String,
    value: Measure,
    default: Option<f64>,
    dimensions: Vec<(String, String, Selector)>,
    unit: Option<&'static str>,
}

#[derive(Debug, Clone)]
enum Measure {
    Constant(f64),
    Field(Selector),
}

impl MetricFilter {
    /// What an event says to this filter's metric.
    pub fn datum(&self, timestamp: Millis, message: &Message<'_>) -> Option<Datum> {
        let transformation = &self.transformation;
        let (sample, dimensions) = if self.pattern.matches(message) {
            let value = match &transformation.value {
                Measure::Constant(value) => *value,
                Measure::Field(selector) => self.pattern.value(message, selector)?.number?,
            };
            (Sample::Value { value, count: 1.0 }, self.dimensions(message)?)
        } else {
            (Sample::Default(transformation.default?), Dimensions::default())
        };
        Some(Datum {
            namespace: transformation.namespace.clone(),
            name: transformation.name.clone(),
            dimensions,
            unit: transformation.unit.unwrap_or("None"),
            at: timestamp,
            resolution: MINUTE,
            sample,
        })
    }

    fn dimensions(&self, message: &Message<'_>) -> Option<Dimensions> {
        let dimensions = self.transformation.dimensions.iter();
        let found = dimensions.map(|(name, _, selector)| {
            let value = self.pattern.value(message, selector)?.text;
            Some((name.clone(), value)).filter(|(_, value)| !value.is_empty())
        });
        found.collect::<Option<Vec<_>>>().map(Dimensions::new)
    }

    fn tell(&self, group: &str, name: &str) -> Value {
        let Transformation { name: metric, namespace, value_text, default, dimensions, unit, .. } =
            &self.transformation;
        let mut told =
            json!({ "metricName": metric, "metricNamespace": namespace, "metricValue": value_text });
        if let Some(default) = default {
            told["defaultValue"] = (*default).into();
        }
        if !dimensions.is_empty() {
            let dimensions = dimensions.iter().map(|(name, field, _)| (name.clone(), field.clone().into()));
            told["dimensions"] = Value::Object(dimensions.collect());
        }
        if let Some(unit) = unit {
            told["unit"] = (*unit).into();
        }
        json!({
            "filterName": name,
            "filterPattern": self.text,
            "metricTransformations": [told],
            "creationTime": self.created,
            "logGroupName": group,
            "applyOnTransformedLogs": self.on_transformed,
        })
    }
}

impl Logs {
    pub(super) fn put_filter(&mut self, now: Millis, fields: &Fields<'_>) -> Answer {
        let name = filter_name(fields)?;
        let text = fields.text("filterPattern")?.ok_or_else(|| fields.missing("filterPattern"))?;
        let pattern = Pattern::parse(text).map_err(|problem| fields.invalid(problem.0))?;
        let list = fields.structures("metricTransformations")?;
        let list = list.ok_or_else(|| fields.missing("metricTransformations"))?;
        let [transformation] = &list[..] else {
            let rule = "Member must have length less than or equal to 1";
            return Err(fields.breaks("metricTransformations", list.len(), rule));
        };
        let transformation = read(transformation, &pattern)?;
        let on_transformed = fields.flag("applyOnTransformedLogs")?.unwrap_or(false);
        let group = self.group_mut(fields)?;
        let others = || group.filters.iter().filter(|(other, _)| *other != name).map(|(_, filter)| filter);
        let with_regex = others().filter(|filter| filter.pattern.regexes() > 0).count();
        if others().count() >= FILTERS_MAX || pattern.regexes() > 0 && with_regex >= WITH_REGEX_MAX {
            return Err(limit_exceeded());
        }
        let filter =
            MetricFilter { created: now, text: text.to_owned(), pattern, transformation, on_transformed };
        group.filters.insert(name.to_owned(), filter);
        Ok(json!({}))
    }

    pub(super) fn describe_filters(&self, fields: &Fields<'_>) -> Answer {
        let prefix = fields.limited("filterNamePrefix", 512)?;
        let metric = (fields.limited("metricName", 255)?, fields.limited("metricNamespace", 255)?);
        let fits = |filter: &MetricFilter| match metric {
            (Some(name), Some(namespace)) => {
                filter.transformation.name == name && filter.transformation.namespace == namespace
            }
            _ => true,
        };
        if metric.0.is_some() != metric.1.is_some() {
            return Err(
                fields.invalid("Both metricName and metricNamespace are required when one of them is given.")
            );
        }
        let only = if fields.has("logGroupName") {
            self.group(fields)?;
            Some(self.group_name(fields)?)
        } else {
            None
        };
        let groups = self.groups.iter().filter(|(name, _)| only.is_none_or(|only| only == name.as_str()));
        let all = groups
            .flat_map(|(group, held)| held.filters.iter().map(move |(name, filter)| (group, name, filter)));
        let wanted = all
            .filter(|(_, name, filter)| prefix.is_none_or(|prefix| name.starts_with(prefix)) && fits(filter));
        // The key must order as the walk does: no name holds a colon.
        let told = wanted.map(|(group, name, filter)| (format!("{group}:{name}"), filter.tell(group, name)));
        let mut told: Vec<(String, Value)> = told.collect();
        told.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (list, next) = page(fields, told.into_iter(), 50)?;
        listed("metricFilters", list, next)
    }

    pub(super) fn delete_filter(&mut self, fields: &Fields<'_>) -> Answer {
        let name = filter_name(fields)?;
        self.group_mut(fields)?.filters.remove(name).ok_or_else(|| {
            Refusal::new("ResourceNotFoundException", "The specified metric filter does not exist.")
        })?;
        Ok(json!({}))
    }
}

/// TestMetricFilter, which needs no group.
pub(super) fn test(fields: &Fields<'_>) -> Answer {
    let text = fields.text("filterPattern")?.ok_or_else(|| fields.missing("filterPattern"))?;
    let messages = fields.texts("logEventMessages")?.ok_or_else(|| fields.missing("logEventMessages"))?;
    if messages.is_empty() || messages.len() > MESSAGES_MAX {
        let rule = format!("Member must have length between 1 and {MESSAGES_MAX}, inclusive");
        return Err(fields.breaks("logEventMessages", messages.len(), &rule));
    }
    let pattern = Pattern::parse(text).map_err(|problem| fields.invalid(problem.0))?;
    let matches = messages.iter().enumerate().filter_map(|(place, text)| {
        let message = Message::new(text);
        let matched = pattern.matches(&message);
        matched.then(|| json!({ "eventNumber": place + 1, "eventMessage": text, "extractedValues": pattern.extracted(&message) }))
    });
    Ok(json!({ "matches": matches.collect::<Vec<_>>() }))
}

fn filter_name<'a>(fields: &Fields<'a>) -> Result<&'a str, Refusal> {
    let name = fields.required("filterName", 512)?;
    if name.contains([':', '*']) {
        let rule = "Member must satisfy regular expression pattern: [^:*]*";
        return Err(fields.breaks("filterName", name, rule));
    }
    Ok(name)
}

fn read(fields: &Fields<'_>, pattern: &Pattern) -> Result<Transformation, Refusal> {
    let label = |name: &str| -> Result<String, Refusal> {
        let text = fields.required(name, 255)?;
        if text.contains([':', '*', '$']) {
            return Err(fields.breaks(name, text, "Member must satisfy regular expression pattern: [^:*$]*"));
        }
        Ok(text.to_owned())
    };
    let value_text = fields.required("metricValue", 100)?;
    let value = measure(fields, value_text)?;
    if matches!(value, Measure::Field(_)) && !pattern.has_fields() {
        return Err(fields.invalid(
            "Invalid metric transformation: the filter pattern has no fields to take a value from",
        ));
    }
    let default = fields.number("defaultValue")?;
    if default.is_some_and(|default| !default.is_finite()) {
        return Err(fields.invalid("Invalid metric transformation: defaultValue must be a number"));
    }
    let dimensions = dimensions(fields, pattern)?;
    if default.is_some() && !dimensions.is_empty() {
        let text =
            "Invalid metric transformation: dimensions and default value are mutually exclusive properties.";
        return Err(fields.invalid(text));
    }
    let unit = fields.one_of("unit", UNITS)?;
    let unit = unit.and_then(|unit| UNITS.iter().find(|known| **known == unit).copied());
    let (name, namespace) = (label("metricName")?, label("metricNamespace")?);
    Ok(Transformation {
        name,
        namespace,
        value_text: value_text.to_owned(),
        value,
        default,
        dimensions,
        unit,
    })
}

fn measure(fields: &Fields<'_>, text: &str) -> Result<Measure, Refusal> {
    if let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        return Ok(Measure::Constant(number));
    }
    Selector::parse(text).map(Measure::Field).map_err(|_| {
        fields.invalid(format!(
            "Invalid metric transformation: metricValue '{text}' is neither a number nor a field"
        ))
    })
}

fn dimensions(fields: &Fields<'_>, pattern: &Pattern) -> Result<Vec<(String, String, Selector)>, Refusal> {
    let given = fields.map("dimensions")?.unwrap_or_default();
    if given.len() > DIMENSIONS_MAX {
        let text = format!("Invalid metric transformation: at most {DIMENSIONS_MAX} dimensions can be set");
        return Err(fields.invalid(text));
    }
    if !given.is_empty() && !pattern.has_fields() {
        return Err(fields.invalid("The specified filter pattern does not support dimensions"));
    }
    let read =
        |(name, field): (&str, &str)| match Selector::parse(field) {
            Ok(selector) if !name.is_empty() && name.chars().count() <= 255 => {
                Ok((name.to_owned(), field.to_owned(), selector))
            }
            _ => Err(fields
                .invalid(format!("Invalid metric transformation: invalid dimension '{name}': '{field}'"))),
        };
    given.into_iter().map(read).collect()
}
