//! The calls that change an account, as data: what a dry run prints, what the shell sends, what undoes what.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    alarm::{Alarm, MINUTES},
    filter::Filter,
    wanted::Logging,
};

#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    CreateGroup {
        group: String,
        tags: BTreeMap<String, String>,
    },
    PutRetention {
        group: String,
        days: u32,
    },
    DeleteGroup {
        group: String,
    },
    CreateRole {
        name: String,
        trust: Value,
        tags: BTreeMap<String, String>,
    },
    PutRolePolicy {
        role: String,
        name: String,
        policy: Value,
    },
    DeleteRolePolicy {
        role: String,
        name: String,
    },
    DeleteRole {
        name: String,
    },
    /// `fresh_role`: the role was made a moment ago, and may not be usable yet.
    PutLogging {
        config: Logging,
        fresh_role: bool,
    },
    DeleteLogging,
    /// Changes nothing: asks which samples a pattern matches, and fails if they are others than expected.
    TestFilter {
        name: String,
        pattern: String,
        samples: Vec<String>,
        expected: Vec<i64>,
    },
    PutFilter {
        group: String,
        filter: Filter,
    },
    DeleteFilter {
        group: String,
        name: String,
    },
    PutDashboard {
        name: String,
        body: Value,
        tags: BTreeMap<String, String>,
    },
    DeleteDashboard {
        name: String,
    },
    PutAlarm {
        alarm: Alarm,
        tags: BTreeMap<String, String>,
    },
    DeleteAlarm {
        name: String,
    },
}

impl Call {
    /// As IAM names it.
    pub const fn action(&self) -> &'static str {
        match self {
            Call::CreateGroup { .. } => "logs:CreateLogGroup",
            Call::PutRetention { .. } => "logs:PutRetentionPolicy",
            Call::DeleteGroup { .. } => "logs:DeleteLogGroup",
            Call::CreateRole { .. } => "iam:CreateRole",
            Call::PutRolePolicy { .. } => "iam:PutRolePolicy",
            Call::DeleteRolePolicy { .. } => "iam:DeleteRolePolicy",
            Call::DeleteRole { .. } => "iam:DeleteRole",
            Call::PutLogging { .. } => "bedrock:PutModelInvocationLoggingConfiguration",
            Call::DeleteLogging => "bedrock:DeleteModelInvocationLoggingConfiguration",
            Call::TestFilter { .. } => "logs:TestMetricFilter",
            Call::PutFilter { .. } => "logs:PutMetricFilter",
            Call::DeleteFilter { .. } => "logs:DeleteMetricFilter",
            Call::PutDashboard { .. } => "cloudwatch:PutDashboard",
            Call::DeleteDashboard { .. } => "cloudwatch:DeleteDashboards",
            Call::PutAlarm { .. } => "cloudwatch:PutMetricAlarm",
            Call::DeleteAlarm { .. } => "cloudwatch:DeleteAlarms",
        }
    }

    /// What is sent, in the API's own words.
    pub fn body(&self) -> Value {
        let listed = |tags: &BTreeMap<String, String>| -> Vec<Value> {
            tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
        };
        match self {
            Call::CreateGroup { group, tags } => json!({ "logGroupName": group, "tags": tags }),
            Call::PutRetention { group, days } => json!({ "logGroupName": group, "retentionInDays": days }),
            Call::DeleteGroup { group } => json!({ "logGroupName": group }),
            Call::CreateRole { name, trust, tags } => json!({
                "RoleName": name, "AssumeRolePolicyDocument": trust, "Tags": listed(tags)
            }),
            Call::PutRolePolicy { role, name, policy } => {
                json!({ "RoleName": role, "PolicyName": name, "PolicyDocument": policy })
            }
            Call::DeleteRolePolicy { role, name } => json!({ "RoleName": role, "PolicyName": name }),
            Call::DeleteRole { name } => json!({ "RoleName": name }),
            Call::PutLogging { config, .. } => json!({ "loggingConfig": config }),
            Call::DeleteLogging => json!({}),
            Call::TestFilter { pattern, samples, .. } => {
                json!({ "filterPattern": pattern, "logEventMessages": samples })
            }
            Call::PutFilter { group, filter } => put_filter(group, filter),
            Call::DeleteFilter { group, name } => json!({ "logGroupName": group, "filterName": name }),
            Call::PutDashboard { name, body, tags } => json!({
                "DashboardName": name, "DashboardBody": body.to_string(), "Tags": listed(tags)
            }),
            Call::DeleteDashboard { name } => json!({ "DashboardNames": [name] }),
            Call::PutAlarm { alarm, tags } => {
                let mut body = alarm_body(alarm);
                body["Tags"] = listed(tags).into();
                body
            }
            Call::DeleteAlarm { name } => json!({ "AlarmNames": [name] }),
        }
    }

    /// Whether it leaves the account as it is.
    pub const fn only_asks(&self) -> bool {
        matches!(self, Call::TestFilter { .. })
    }
}

fn put_filter(group: &str, filter: &Filter) -> Value {
    let mut transformation = json!({
        "metricName": filter.metric,
        "metricNamespace": filter.namespace,
        "metricValue": filter.value,
    });
    if let Some(default) = filter.default {
        transformation["defaultValue"] = default.into();
    }
    if !filter.dimensions.is_empty() {
        transformation["dimensions"] = json!(filter.dimensions);
    }
    if let Some(unit) = &filter.unit {
        transformation["unit"] = unit.as_str().into();
    }
    json!({
        "logGroupName": group,
        "filterName": filter.name,
        "filterPattern": filter.pattern,
        "metricTransformations": [transformation],
    })
}

/// What `PutMetricAlarm` takes, and CloudFormation's `AWS::CloudWatch::Alarm` alike.
pub fn alarm_body(alarm: &Alarm) -> Value {
    let queries: Vec<Value> = alarm.queries.iter().map(|query| query.json()).collect();
    json!({
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "ActionsEnabled": true,
        "AlarmActions": alarm.actions,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": alarm.threshold,
        "EvaluationPeriods": MINUTES.0,
        "DatapointsToAlarm": MINUTES.1,
        "TreatMissingData": "notBreaching",
        "Metrics": queries,
    })
}
