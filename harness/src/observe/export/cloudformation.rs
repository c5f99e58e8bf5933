//! A CloudFormation template.

use serde_json::{Map, Value, json};

use super::logical;
use crate::observe::{
    call::alarm_body,
    filter::Filter,
    plan::POLICY,
    wanted::{Role, Wanted},
};

/// One template for one Region.
pub fn cloudformation(wanted: &Wanted) -> Value {
    let mut resources = Map::new();
    resources.insert("LogGroup".to_owned(), log_group(wanted));
    if let Role::Create(name) = &wanted.role {
        resources.insert("DeliveryRole".to_owned(), role(wanted, name));
    }
    for filter in &wanted.filters {
        resources.insert(format!("Filter{}", logical(&filter.metric)), metric_filter(filter));
    }
    let dashboard = json!({
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {
            "DashboardName": wanted.dashboard.name,
            "DashboardBody": wanted.dashboard.body.to_string(),
        },
    });
    resources.insert("Dashboard".to_owned(), dashboard);
    for alarm in &wanted.alarms {
        let mut properties = alarm_body(alarm);
        properties["Tags"] = tags(wanted);
        let id =
            format!("Alarm{}", logical(alarm.name.trim_start_matches(|c: char| !c.is_ascii_alphanumeric())));
        resources.insert(id, json!({ "Type": "AWS::CloudWatch::Alarm", "Properties": properties }));
    }
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!(
            "Evidence of cross-Region inference in {}. CloudFormation cannot switch invocation logging on: put the configuration \
             in Metadata with `aws bedrock put-model-invocation-logging-configuration`, and mind that an account has only one.",
            wanted.region
        ),
        "Metadata": { "LoggingConfig": wanted.logging },
        "Resources": resources,
    })
}

fn tags(wanted: &Wanted) -> Value {
    wanted.tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn log_group(wanted: &Wanted) -> Value {
    json!({
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "LogGroupName": wanted.group,
            "RetentionInDays": wanted.retention_days,
            "Tags": tags(wanted),
        },
    })
}

fn role(wanted: &Wanted, name: &str) -> Value {
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": name,
            "AssumeRolePolicyDocument": wanted.trust_policy(),
            "Policies": [{ "PolicyName": POLICY, "PolicyDocument": wanted.role_policy() }],
            "Tags": tags(wanted),
        },
    })
}

fn metric_filter(filter: &Filter) -> Value {
    let mut transformation = json!({
        "MetricName": filter.metric,
        "MetricNamespace": filter.namespace,
        "MetricValue": filter.value,
    });
    if let Some(default) = filter.default {
        transformation["DefaultValue"] = default.into();
    }
    if let Some(unit) = &filter.unit {
        transformation["Unit"] = unit.as_str().into();
    }
    if !filter.dimensions.is_empty() {
        transformation["Dimensions"] =
            filter.dimensions.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
    }
    json!({
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "FilterName": filter.name,
            "FilterPattern": filter.pattern,
            "LogGroupName": { "Ref": "LogGroup" },
            "MetricTransformations": [transformation],
        },
    })
}
