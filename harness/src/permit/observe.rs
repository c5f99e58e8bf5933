//! What `richter observe` calls: it looks at a log group and at metrics, and sets up and takes down what they need. Names are
//! those that it gives to what it makes; they begin with `richter`.

use std::collections::BTreeSet;

use super::{names::Names, run::IDENTITY, statement::Statement};
use crate::scenario::plan::PlanTarget;

/// What the things that it makes are called, as patterns.
const GROUP: &str = "/richter/*";
const MADE: &str = "richter-*";

pub fn statements(targets: &[&PlanTarget], names: Names<'_>) -> Vec<Statement> {
    let called: BTreeSet<&str> = targets.iter().map(|target| target.spec.region()).collect();
    let account = names.account;
    let in_each = |arn: &dyn Fn(&str) -> String| -> Vec<String> { called.iter().map(|at| arn(at)).collect() };
    let groups = in_each(&|region| format!("arn:aws:logs:{region}:{account}:log-group:{GROUP}"));
    let alarms = in_each(&|region| format!("arn:aws:cloudwatch:{region}:{account}:alarm:{MADE}"));
    let role = format!("arn:aws:iam::{account}:role/{MADE}");
    vec![
        Statement::on_all("Identity", [IDENTITY]),
        Statement::on_all(
            "Look",
            [
                "bedrock:GetModelInvocationLoggingConfiguration",
                "cloudwatch:DescribeAlarms",
                "cloudwatch:GetMetricData",
                "logs:DescribeLogGroups",
                "logs:TestMetricFilter",
            ],
        )
        .in_regions(called.iter().copied()),
        Statement::on_all(
            "SetUp",
            [
                "bedrock:DeleteModelInvocationLoggingConfiguration",
                "bedrock:PutModelInvocationLoggingConfiguration",
                "cloudwatch:PutMetricData",
            ],
        )
        .in_regions(called.iter().copied()),
        Statement::new(
            "LogGroup",
            [
                "logs:CreateLogGroup",
                "logs:DeleteLogGroup",
                "logs:DeleteMetricFilter",
                "logs:DescribeLogStreams",
                "logs:DescribeMetricFilters",
                "logs:FilterLogEvents",
                "logs:ListTagsForResource",
                "logs:PutMetricFilter",
                "logs:PutRetentionPolicy",
                "logs:TagResource",
            ],
            groups,
        ),
        Statement::new("Alarms", ["cloudwatch:DeleteAlarms", "cloudwatch:PutMetricAlarm"], alarms),
        Statement::new(
            "Dashboards",
            [
                "cloudwatch:DeleteDashboards",
                "cloudwatch:GetDashboard",
                "cloudwatch:ListDashboards",
                "cloudwatch:PutDashboard",
            ],
            [format!("arn:aws:cloudwatch::{account}:dashboard/{MADE}")],
        ),
        Statement::new(
            "Role",
            [
                "iam:CreateRole",
                "iam:DeleteRole",
                "iam:DeleteRolePolicy",
                "iam:GetRole",
                "iam:GetRolePolicy",
                "iam:PutRolePolicy",
                "iam:TagRole",
            ],
            [role.clone()],
        ),
        Statement::new("HandRoleToBedrock", ["iam:PassRole"], [role]).when(
            "StringEquals",
            "iam:PassedToService",
            ["bedrock.amazonaws.com".to_owned()],
        ),
    ]
}
