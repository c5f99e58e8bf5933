//! PutMetricData: what comes in from callers, held to the documented limits.

use serde_json::{Value, json};

use super::{Datum, Dimensions, MINUTE, Sample, UNITS};
use crate::cloudwatch::{Fields, Millis, Refusal};

const DATA_MAX: usize = 1_000;
const VALUES_MAX: usize = 150;
pub const DIMENSIONS_MAX: usize = 30;
/// Largest number, either way: two to the power of 360.
const NUMBER_MAX: f64 = 2.348_542_582_773_833_2e108;
const OLDEST: Millis = 14 * 86_400_000;
const NEWEST: Millis = 7_200_000;

/// What a request puts, and the answer to it.
pub fn read(now: Millis, fields: &Fields<'_>) -> Result<(Vec<Datum>, Value), Refusal> {
    let namespace = fields.required("Namespace", 255)?;
    if namespace.starts_with("AWS/") {
        return Err(fields.invalid(format!("The value {namespace} for parameter Namespace is invalid.")));
    }
    let mut given = fields.structures("MetricData")?.unwrap_or_default();
    for entity in fields.structures("EntityMetricData")?.unwrap_or_default() {
        given.extend(entity.structures("MetricData")?.unwrap_or_default());
    }
    if given.is_empty() {
        return Err(fields.missing("MetricData"));
    }
    if given.len() > DATA_MAX {
        let text = format!("The collection MetricData must not have a size greater than {DATA_MAX}.");
        return Err(fields.invalid(text));
    }
    let mut data = Vec::new();
    for one in &given {
        data.extend(datum(now, namespace, one)?);
    }
    Ok((data, json!({})))
}

fn datum(now: Millis, namespace: &str, fields: &Fields<'_>) -> Result<Vec<Datum>, Refusal> {
    let name = fields.required("MetricName", 255)?;
    let dimensions = dimensions(fields)?;
    let unit = unit(fields)?.unwrap_or("None");
    let at = match time(fields, "Timestamp")? {
        None => now,
        Some(at) if at < now - OLDEST || at > now + NEWEST => {
            let text = "must specify a time no more than two weeks in the past and two hours in the future";
            return Err(fields.invalid(format!("The parameter {} {text}.", fields.path("Timestamp"))));
        }
        Some(at) => at,
    };
    let resolution = match fields.integer("StorageResolution")? {
        None | Some(60) => MINUTE,
        Some(1) => 1_000,
        Some(other) => return Err(fields.breaks("StorageResolution", other, "Valid values are 1 and 60")),
    };
    let datum = |sample| Datum {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        dimensions: dimensions.clone(),
        unit,
        at,
        resolution,
        sample,
    };
    Ok(samples(fields)?.into_iter().map(datum).collect())
}

/// One of three ways to say what was seen.
fn samples(fields: &Fields<'_>) -> Result<Vec<Sample>, Refusal> {
    let ways = ["Value", "StatisticValues", "Values"].map(|name| fields.has(name));
    match ways {
        [true, false, false] => {
            let value = fields.number("Value")?.ok_or_else(|| fields.missing("Value"))?;
            Ok(vec![Sample::Value { value: within(fields, "Value", value)?, count: 1.0 }])
        }
        [false, true, false] => summary(fields).map(|sample| vec![sample]),
        [false, false, true] => values(fields),
        [false, false, false] => Err(fields.missing("Value")),
        _ => Err(Refusal::new(
            "InvalidParameterCombinationException",
            format!(
                "The parameters {}Value, StatisticValues and Values are mutually exclusive.",
                fields.path("")
            ),
        )),
    }
}

fn summary(fields: &Fields<'_>) -> Result<Sample, Refusal> {
    let set = fields.structure("StatisticValues")?.ok_or_else(|| fields.missing("StatisticValues"))?;
    let number = |name: &str| {
        let value = set.number(name)?.ok_or_else(|| set.missing(name))?;
        within(&set, name, value)
    };
    let (count, sum) = (number("SampleCount")?, number("Sum")?);
    let (min, max) = (number("Minimum")?, number("Maximum")?);
    if count <= 0.0 {
        return Err(set.breaks("SampleCount", count, "Must be greater than zero"));
    }
    if min > max {
        return Err(set.breaks("Minimum", min, "Must not be greater than Maximum"));
    }
    Ok(Sample::Summary { count, sum, min, max })
}

fn values(fields: &Fields<'_>) -> Result<Vec<Sample>, Refusal> {
    let values = fields.numbers("Values")?.unwrap_or_default();
    let counts = fields.numbers("Counts")?;
    if values.is_empty() || values.len() > VALUES_MAX {
        return Err(fields.breaks(
            "Values",
            values.len(),
            "The collection must have between 1 and 150 members",
        ));
    }
    let counts = counts.unwrap_or_else(|| vec![1.0; values.len()]);
    if counts.len() != values.len() {
        return Err(
            fields.invalid("The parameters MetricData.member.Values and Counts must be of the same size.")
        );
    }
    let pair = |(value, count): (f64, f64)| {
        let value = within(fields, "Values", value)?;
        let count = within(fields, "Counts", count)?;
        if count < 0.0 {
            return Err(fields.breaks("Counts", count, "Must not be negative"));
        }
        Ok(Sample::Value { value, count })
    };
    values.into_iter().zip(counts).map(pair).collect()
}

fn within(fields: &Fields<'_>, name: &str, value: f64) -> Result<f64, Refusal> {
    if value.is_finite() && value.abs() <= NUMBER_MAX {
        return Ok(value);
    }
    Err(fields.breaks(name, value, "Must be a number between -2^360 and 2^360"))
}

pub fn dimensions(fields: &Fields<'_>) -> Result<Dimensions, Refusal> {
    let given = fields.structures("Dimensions")?.unwrap_or_default();
    if given.len() > DIMENSIONS_MAX {
        let text = format!(
            "The collection {} must not have a size greater than {DIMENSIONS_MAX}.",
            fields.path("Dimensions")
        );
        return Err(fields.invalid(text));
    }
    let mut pairs = Vec::new();
    for one in given {
        let name = one.required("Name", 255)?;
        if name.starts_with(':') {
            return Err(one.breaks("Name", name, "Must not begin with a colon"));
        }
        pairs.push((name.to_owned(), one.required("Value", 1_024)?.to_owned()));
    }
    Ok(Dimensions::new(pairs))
}

pub fn unit(fields: &Fields<'_>) -> Result<Option<&'static str>, Refusal> {
    let given = fields.one_of("Unit", UNITS)?;
    Ok(given.and_then(|unit| UNITS.iter().find(|known| **known == unit).copied()))
}

/// A time in seconds since 1970.
pub fn time(fields: &Fields<'_>, name: &str) -> Result<Option<Millis>, Refusal> {
    let Some(seconds) = fields.number(name)? else { return Ok(None) };
    if !seconds.is_finite() || seconds.abs() > 1e12 {
        return Err(fields.breaks(name, seconds, "Must be a time in seconds since 1970"));
    }
    Ok(Some((seconds * 1_000.0).round() as Millis))
}
