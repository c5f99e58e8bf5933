//! Sends what `observe::publish` made of a run.

use aws_sdk_cloudwatch::{primitives::DateTime, types as cloudwatch};

use super::{Cloud, explained};
use crate::observe::publish::{DIMENSIONS, NAMESPACE, POINTS_MAX, Point, Unit};

impl Cloud {
    /// Puts the points, as many in each request as it takes; gives how many requests that were.
    pub async fn publish(&self, points: &[Point]) -> anyhow::Result<usize> {
        let mut requests = 0;
        for some in points.chunks(POINTS_MAX) {
            let data = some.iter().map(datum).collect();
            let ask = self.metrics.put_metric_data().namespace(NAMESPACE).set_metric_data(Some(data));
            ask.send().await.map_err(explained)?;
            requests += 1;
        }
        Ok(requests)
    }
}

fn datum(point: &Point) -> cloudwatch::MetricDatum {
    let dimension =
        |(name, value): (&&str, &String)| cloudwatch::Dimension::builder().name(*name).value(value).build();
    let (values, counts) = point.values.iter().copied().unzip();
    let unit = match point.unit {
        Unit::Count => cloudwatch::StandardUnit::Count,
        Unit::Milliseconds => cloudwatch::StandardUnit::Milliseconds,
    };
    cloudwatch::MetricDatum::builder()
        .metric_name(point.name)
        .set_dimensions(Some(DIMENSIONS.iter().zip(&point.dimensions).map(dimension).collect()))
        .timestamp(DateTime::from_secs(point.unix_s))
        .set_values(Some(values))
        .set_counts(Some(counts))
        .unit(unit)
        .build()
}
