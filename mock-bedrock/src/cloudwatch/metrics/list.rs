//! ListMetrics: which metrics there are, of those that were told something within two weeks.

use serde_json::{Value, json};

use super::{Dimensions, Key, Metrics};
use crate::cloudwatch::{Answer, Fields, Millis, Refusal};

/// Most metrics of one page.
const PAGE: usize = 500;
const TWO_WEEKS: Millis = 14 * 86_400_000;
const THREE_HOURS: Millis = 3 * 3_600_000;

/// What a metric must be like to be listed.
struct Wanted<'a> {
    namespace: Option<&'a str>,
    name: Option<&'a str>,
    /// Names, and perhaps their values.
    dimensions: Vec<(&'a str, Option<&'a str>)>,
}

impl Wanted<'_> {
    fn fits(&self, key: &Key) -> bool {
        let has = |(name, value): &(&str, Option<&str>)| {
            key.dimensions
                .pairs()
                .iter()
                .any(|(own, held)| own == name && value.is_none_or(|value| held == value))
        };
        self.namespace.is_none_or(|namespace| key.namespace == namespace)
            && self.name.is_none_or(|name| key.name == name)
            && self.dimensions.iter().all(has)
    }
}

impl Metrics {
    pub fn list(&self, now: Millis, fields: &Fields<'_>) -> Answer {
        let mut dimensions = Vec::new();
        for filter in fields.structures("Dimensions")?.unwrap_or_default() {
            dimensions.push((filter.required("Name", 255)?, filter.limited("Value", 1_024)?));
        }
        let wanted = Wanted {
            namespace: fields.limited("Namespace", 255)?,
            name: fields.limited("MetricName", 255)?,
            dimensions,
        };
        let recent = fields.one_of("RecentlyActive", &["PT3H"])?.is_some();
        let since = now - if recent { THREE_HOURS } else { TWO_WEEKS };
        let skip = match fields.text("NextToken")? {
            None => 0,
            Some(token) => token.parse().map_err(|_| {
                Refusal::new(
                    "InvalidParameterValueException",
                    "The value for parameter NextToken is invalid.",
                )
            })?,
        };
        let mut found =
            self.series.iter().filter(|(key, series)| series.last >= since && wanted.fits(key)).skip(skip);
        let page: Vec<Value> = found.by_ref().take(PAGE).map(|(key, _)| metric(key)).collect();
        let mut answer = json!({ "Metrics": page });
        if found.next().is_some() {
            answer["NextToken"] = (skip + PAGE).to_string().into();
        }
        Ok(answer)
    }
}

/// A metric as answers name it.
pub fn metric(key: &Key) -> Value {
    json!({ "Namespace": key.namespace, "MetricName": key.name, "Dimensions": pairs(&key.dimensions) })
}

fn pairs(dimensions: &Dimensions) -> Vec<Value> {
    dimensions.pairs().iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect()
}
