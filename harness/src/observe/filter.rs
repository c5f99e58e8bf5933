//! The metric filters, and the proof of each: which of some sample records it must match, and with what values.
//!
//! A filter cannot have both a default value and dimensions, so there is one for each question. A metric that counts
//! something out of all has a default of 0, so that a minute without it is a zero and not a gap.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::spec::ObserveSpec;

/// Field of the record that names the serving Region.
const SERVING: &str = "$.inferenceRegion";
/// Dimension by destination.
pub const DESTINATION: &str = "InferenceRegion";

/// Names of the metrics, in one place: filters count them, dashboards and alarms show them, `collect` reads them.
pub mod metric {
    pub const LOGGED: &str = "LoggedCalls";
    pub const PROFILE: &str = "ProfileCalls";
    pub const REROUTED: &str = "ReroutedCalls";
    pub const SERVED_BY: &str = "CallsByServingRegion";
    pub const THROTTLED: &str = "ThrottledCalls";
    pub const INPUT: &str = "InputTokens";
    pub const OUTPUT: &str = "OutputTokens";
}

/// One metric filter, as the API has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub name: String,
    pub pattern: String,
    pub metric: String,
    pub namespace: String,
    /// A number, or the field whose number counts.
    pub value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<f64>,
    /// Name and field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A sample record, and what its Region and model are called in it.
struct Sample {
    text: &'static str,
    matched_by: &'static [&'static str],
}

/// The samples, in the order in which they are tested. SOURCE and OTHER stand for the called Region and another one.
const SAMPLES: [Sample; 6] = [
    // Answered on demand: names no serving Region.
    Sample {
        text: r#"{"timestamp":"2026-01-01T00:00:00Z","accountId":"111122223333","region":"SOURCE","requestId":"1","operation":"Converse","modelId":"anthropic.claude-3-haiku-20240307-v1:0","input":{"inputTokenCount":11},"output":{"outputTokenCount":7},"schemaType":"ModelInvocationLog","schemaVersion":"1.0"}"#,
        matched_by: &[metric::LOGGED, metric::INPUT, metric::OUTPUT],
    },
    // Through a profile, served by the source: some logs name it, some do not.
    Sample {
        text: r#"{"timestamp":"2026-01-01T00:00:00Z","accountId":"111122223333","region":"SOURCE","requestId":"2","operation":"Converse","modelId":"us.anthropic.claude-3-haiku-20240307-v1:0","input":{"inputTokenCount":11},"output":{"outputTokenCount":7},"schemaType":"ModelInvocationLog","schemaVersion":"1.0"}"#,
        matched_by: &[metric::LOGGED, metric::PROFILE, metric::INPUT, metric::OUTPUT],
    },
    Sample {
        text: r#"{"timestamp":"2026-01-01T00:00:00Z","accountId":"111122223333","region":"SOURCE","requestId":"3","operation":"Converse","modelId":"arn:aws:bedrock:SOURCE:111122223333:inference-profile/us.amazon.nova-lite-v1:0","input":{"inputTokenCount":11},"output":{"outputTokenCount":7},"inferenceRegion":"SOURCE","schemaType":"ModelInvocationLog","schemaVersion":"1.0"}"#,
        matched_by: &[metric::LOGGED, metric::PROFILE, metric::SERVED_BY, metric::INPUT, metric::OUTPUT],
    },
    // Rerouted.
    Sample {
        text: r#"{"timestamp":"2026-01-01T00:00:00Z","accountId":"111122223333","region":"SOURCE","requestId":"4","operation":"ConverseStream","modelId":"global.anthropic.claude-sonnet-5","input":{"inputTokenCount":11},"output":{"outputTokenCount":7},"inferenceRegion":"OTHER","schemaType":"ModelInvocationLog","schemaVersion":"1.0"}"#,
        matched_by: &[
            metric::LOGGED,
            metric::PROFILE,
            metric::REROUTED,
            metric::SERVED_BY,
            metric::INPUT,
            metric::OUTPUT,
        ],
    },
    // Throttled: names no serving Region, and must not pass for rerouted.
    Sample {
        text: r#"{"timestamp":"2026-01-01T00:00:00Z","accountId":"111122223333","region":"SOURCE","requestId":"5","operation":"Converse","modelId":"us.anthropic.claude-3-haiku-20240307-v1:0","errorCode":"ThrottlingException","schemaType":"ModelInvocationLog","schemaVersion":"1.0"}"#,
        matched_by: &[metric::LOGGED, metric::THROTTLED],
    },
    // What the service writes first.
    Sample { text: "Permissions are correctly set for Amazon Bedrock logs.", matched_by: &[] },
];

/// The geographies of cross-Region profiles, and the ARNs of profiles.
const PROFILE_IDS: [&str; 9] =
    ["us.*", "us-gov.*", "eu.*", "apac.*", "jp.*", "au.*", "ca.*", "global.*", "*inference-profile/*"];

/// The filters of one source Region.
pub fn all(spec: &ObserveSpec, region: &str) -> Vec<Filter> {
    let filter = |name: &str, metric: &str, pattern: String| Filter {
        name: format!("{}{name}", spec.prefix),
        pattern,
        metric: metric.to_owned(),
        namespace: spec.namespace.clone(),
        value: "1".to_owned(),
        default: Some(0.0),
        dimensions: BTreeMap::new(),
        unit: Some("Count".to_owned()),
    };
    let ids = PROFILE_IDS.map(|id| format!("($.modelId = \"{id}\")")).join(" || ");
    let rerouted = format!("{{ ({SERVING} = *) && ({SERVING} != \"{region}\") }}");
    let tokens = |name, metric, field: &str| Filter {
        value: field.to_owned(),
        ..filter(name, metric, format!("{{ {field} >= 0 }}"))
    };
    vec![
        filter("logged-calls", metric::LOGGED, "{ $.schemaType = \"ModelInvocationLog\" }".to_owned()),
        filter("profile-calls", metric::PROFILE, format!("{{ ({ids}) && ($.errorCode NOT EXISTS) }}")),
        filter("rerouted-calls", metric::REROUTED, rerouted),
        Filter {
            default: None,
            dimensions: BTreeMap::from([(DESTINATION.to_owned(), SERVING.to_owned())]),
            ..filter("calls-by-serving-region", metric::SERVED_BY, format!("{{ {SERVING} = * }}"))
        },
        filter("throttled-calls", metric::THROTTLED, "{ $.errorCode = \"ThrottlingException\" }".to_owned()),
        tokens("input-tokens", metric::INPUT, "$.input.inputTokenCount"),
        tokens("output-tokens", metric::OUTPUT, "$.output.outputTokenCount"),
    ]
}

/// The sample records of a source Region, for TestMetricFilter.
pub fn samples(region: &str) -> Vec<String> {
    let other = if region == "us-west-2" { "us-east-2" } else { "us-west-2" };
    SAMPLES.iter().map(|sample| sample.text.replace("SOURCE", region).replace("OTHER", other)).collect()
}

impl Filter {
    /// Numbers, from 1, of the samples that it must match.
    pub fn expected(&self) -> Vec<i64> {
        let numbered = (1..).zip(&SAMPLES);
        numbered
            .filter(|(_, sample)| sample.matched_by.contains(&&*self.metric))
            .map(|(number, _)| number)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_filter_fits_the_services_limits_and_has_samples_on_both_sides() {
        for region in ["us-east-1", "ap-southeast-2", "us-gov-west-1"] {
            let filters = all(&ObserveSpec::default(), region);
            for filter in &filters {
                assert!(filter.pattern.len() <= 1024, "{filter:?}");
                assert!(!filter.name.contains([':', '*']) && filter.name.len() <= 512);
                assert!(filter.default.is_none() || filter.dimensions.is_empty(), "they exclude each other");
                let expected = filter.expected().len();
                assert!((1..SAMPLES.len()).contains(&expected), "{}: {expected}", filter.name);
            }
            assert!(
                samples(region).iter().all(|sample| !sample.contains("SOURCE") && !sample.contains("OTHER"))
            );
        }
    }

    #[test]
    fn every_sample_is_what_the_log_reader_takes_for_a_record_or_a_notice() {
        use crate::observe::record::Line;
        let lines: Vec<Line> = samples("us-east-1").iter().map(|sample| Line::of(sample)).collect();
        let (notice, records) = lines.split_last().expect("samples");
        assert_eq!(*notice, Line::Notice);
        assert!(records.iter().all(|line| matches!(line, Line::Record(_))));
    }

    #[test]
    fn rerouted_needs_the_field_and_another_region() {
        let filters = all(&ObserveSpec::default(), "us-east-1");
        let rerouted = filters.iter().find(|filter| filter.metric == metric::REROUTED).expect("there");
        assert_eq!(rerouted.pattern, "{ ($.inferenceRegion = *) && ($.inferenceRegion != \"us-east-1\") }");
        assert_eq!(rerouted.expected(), [4]);
    }
}
