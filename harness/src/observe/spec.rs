//! The section `observe` of a scenario file: what `richter observe` sets up in an account. All of it has defaults.

use indexmap::IndexMap;
use richter_mock_bedrock::units::{Share, Span};
use schemars::JsonSchema;
use serde::Deserialize;

/// What is set up, once in each Region that the targets call.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ObserveSpec {
    /// Where invocation records go; made if it is not there.
    pub log_group: String,
    /// How long a group that is made for this keeps them. A group that is there already keeps its own retention.
    pub retention_days: u32,
    pub role: RoleSpec,
    /// Whether the contents of requests and answers are logged. Without them no latencies are in the log.
    pub bodies: BodiesSpec,
    /// What to do with a logging configuration that the account already has.
    pub existing: Existing,
    /// Of the metrics that are counted out of the log.
    pub namespace: String,
    /// Begins the names of filters, alarms and the dashboard.
    pub prefix: String,
    /// Tags of everything that is made and can carry tags.
    pub labels: IndexMap<String, String>,
    pub alarms: AlarmsSpec,
}

impl Default for ObserveSpec {
    fn default() -> ObserveSpec {
        ObserveSpec {
            log_group: "/richter/bedrock".to_owned(),
            retention_days: 30,
            role: RoleSpec::default(),
            bodies: BodiesSpec::default(),
            existing: Existing::default(),
            namespace: "Richter/Bedrock".to_owned(),
            prefix: "richter-".to_owned(),
            labels: IndexMap::new(),
            alarms: AlarmsSpec::default(),
        }
    }
}

/// The role by which Bedrock writes into the log group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RoleSpec {
    /// ARN of a role that is there.
    pub arn: Option<String>,
    /// Name of the one that `--create-role` makes.
    pub name: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BodiesSpec {
    pub text: bool,
    pub image: bool,
    pub embedding: bool,
}

/// An account has one logging configuration in each Region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Existing {
    /// Add the log group to a configuration that delivers to S3 alone; refuse any other.
    #[default]
    Merge,
    /// Leave it as it is, and use its log group.
    Adopt,
    /// Put ours in its place, and put it back at teardown.
    Replace,
}

/// When to call somebody.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlarmsSpec {
    /// Share of a profile's answers that other Regions gave.
    pub rerouted: Share,
    /// Share of calls that were throttled.
    pub throttled: Share,
    /// 99th percentile of the time of whole answers, as the service measures it.
    pub latency: Span,
    /// ARNs of what is told, such as SNS topics.
    pub actions: Vec<String>,
}

impl Default for AlarmsSpec {
    fn default() -> AlarmsSpec {
        AlarmsSpec {
            rerouted: Share(0.5),
            throttled: Share(0.05),
            latency: Span(30_000_000_000),
            actions: Vec::new(),
        }
    }
}
