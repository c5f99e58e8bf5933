//! A Terraform configuration, laid out as `terraform fmt` does.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

use super::logical;
use crate::observe::{
    alarm::{Alarm, MINUTES, Query, What},
    filter::Filter,
    plan::POLICY,
    wanted::{Role, Wanted},
};

/// One configuration for one Region.
pub fn terraform(wanted: &Wanted) -> String {
    let mut hcl = Hcl::default();
    let head = [
        "An account has one invocation-logging configuration in each Region: the last resource but the filters replaces",
        "whatever is there, and destroying it switches logging off. Import what is there first.",
    ];
    head.iter().for_each(|line| hcl.line(&format!("# {line}")));
    hcl.line("");
    log_group(&mut hcl, wanted);
    if let Role::Create(name) = &wanted.role {
        role(&mut hcl, wanted, name);
    }
    logging(&mut hcl, wanted);
    wanted.filters.iter().for_each(|filter| metric_filter(&mut hcl, filter));
    hcl.block("resource \"aws_cloudwatch_dashboard\" \"observe\"", |hcl| {
        hcl.pairs(&[
            ("dashboard_name", text(&wanted.dashboard.name)),
            ("dashboard_body", encoded(&wanted.dashboard.body)),
        ]);
    });
    wanted.alarms.iter().for_each(|alarm| self::alarm(&mut hcl, alarm, &wanted.tags));
    hcl.0.truncate(hcl.0.trim_end().len());
    hcl.0.push('\n');
    hcl.0
}

#[derive(Default)]
struct Hcl(String, usize);

impl Hcl {
    fn line(&mut self, line: &str) {
        let depth = if line.is_empty() { 0 } else { self.1 * 2 };
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "{:depth$}{line}", "");
    }

    /// Attributes side by side have their equals signs in one column.
    fn pairs(&mut self, pairs: &[(&str, String)]) {
        let width = pairs.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        for (key, value) in pairs {
            self.line(&format!("{key:width$} = {value}"));
        }
    }

    fn block(&mut self, head: &str, inside: impl FnOnce(&mut Hcl)) {
        self.line(&format!("{head} {{"));
        self.1 += 1;
        inside(self);
        self.1 -= 1;
        self.line("}");
        if self.1 == 0 {
            self.line("");
        }
    }

    fn map(&mut self, key: &str, map: &BTreeMap<String, String>) {
        if map.is_empty() {
            return;
        }
        self.block(&format!("{key} ="), |hcl| {
            let quoted: Vec<(String, String)> =
                map.iter().map(|(key, value)| (text(key), text(value))).collect();
            let pairs: Vec<(&str, String)> =
                quoted.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
            hcl.pairs(&pairs);
        });
    }
}

/// An HCL string: JSON's escapes hold, and `${` and `%{` begin nothing.
fn text(text: &str) -> String {
    Value::from(text).to_string().replace("${", "$${").replace("%{", "%%{")
}

/// A JSON document as a string.
fn encoded(document: &Value) -> String {
    text(&document.to_string())
}

fn log_group(hcl: &mut Hcl, wanted: &Wanted) {
    hcl.block("resource \"aws_cloudwatch_log_group\" \"observe\"", |hcl| {
        hcl.pairs(&[("name", text(&wanted.group)), ("retention_in_days", wanted.retention_days.to_string())]);
        hcl.map("tags", &wanted.tags);
    });
}

fn role(hcl: &mut Hcl, wanted: &Wanted, name: &str) {
    hcl.block("resource \"aws_iam_role\" \"delivery\"", |hcl| {
        hcl.pairs(&[("name", text(name)), ("assume_role_policy", encoded(&wanted.trust_policy()))]);
        hcl.map("tags", &wanted.tags);
    });
    hcl.block("resource \"aws_iam_role_policy\" \"delivery\"", |hcl| {
        hcl.pairs(&[
            ("name", text(POLICY)),
            ("role", "aws_iam_role.delivery.id".to_owned()),
            ("policy", encoded(&wanted.role_policy())),
        ]);
    });
}

fn logging(hcl: &mut Hcl, wanted: &Wanted) {
    let (logging, role) = (&wanted.logging, &wanted.role);
    let role_arn = match role {
        Role::Given(arn) => text(arn),
        Role::Create(_) => "aws_iam_role.delivery.arn".to_owned(),
    };
    hcl.block("resource \"aws_bedrock_model_invocation_logging_configuration\" \"observe\"", |hcl| {
        if matches!(role, Role::Create(_)) {
            hcl.line("depends_on = [aws_iam_role_policy.delivery]");
            hcl.line("");
        }
        hcl.block("logging_config", |hcl| {
            let flag = |flag: Option<bool>| flag.unwrap_or(false).to_string();
            hcl.pairs(&[
                ("text_data_delivery_enabled", flag(logging.text_data_delivery_enabled)),
                ("image_data_delivery_enabled", flag(logging.image_data_delivery_enabled)),
                ("embedding_data_delivery_enabled", flag(logging.embedding_data_delivery_enabled)),
                ("video_data_delivery_enabled", flag(logging.video_data_delivery_enabled)),
            ]);
            hcl.line("");
            hcl.block("cloudwatch_config", |hcl| {
                hcl.pairs(&[
                    ("log_group_name", "aws_cloudwatch_log_group.observe.name".to_owned()),
                    ("role_arn", role_arn),
                ]);
            });
        });
    });
}

fn metric_filter(hcl: &mut Hcl, filter: &Filter) {
    hcl.block(
        &format!("resource \"aws_cloudwatch_log_metric_filter\" \"{}\"", label(&filter.metric)),
        |hcl| {
            hcl.pairs(&[
                ("name", text(&filter.name)),
                ("pattern", text(&filter.pattern)),
                ("log_group_name", "aws_cloudwatch_log_group.observe.name".to_owned()),
            ]);
            hcl.line("");
            hcl.block("metric_transformation", |hcl| {
                let mut pairs = vec![
                    ("name", text(&filter.metric)),
                    ("namespace", text(&filter.namespace)),
                    ("value", text(&filter.value)),
                ];
                pairs.extend(filter.default.map(|default| ("default_value", text(&default.to_string()))));
                pairs.extend(filter.unit.as_ref().map(|unit| ("unit", text(unit))));
                hcl.pairs(&pairs);
                hcl.map("dimensions", &filter.dimensions);
            });
        },
    );
}

fn alarm(hcl: &mut Hcl, alarm: &Alarm, tags: &BTreeMap<String, String>) {
    hcl.block(&format!("resource \"aws_cloudwatch_metric_alarm\" \"{}\"", label(&alarm.name)), |hcl| {
        let actions: Vec<String> = alarm.actions.iter().map(|arn| text(arn)).collect();
        hcl.pairs(&[
            ("alarm_name", text(&alarm.name)),
            ("alarm_description", text(&alarm.description)),
            ("comparison_operator", text("GreaterThanThreshold")),
            ("threshold", alarm.threshold.to_string()),
            ("evaluation_periods", MINUTES.0.to_string()),
            ("datapoints_to_alarm", MINUTES.1.to_string()),
            ("treat_missing_data", text("notBreaching")),
            ("alarm_actions", format!("[{}]", actions.join(", "))),
        ]);
        hcl.map("tags", tags);
        for query in &alarm.queries {
            hcl.line("");
            metric_query(hcl, query);
        }
    });
}

fn metric_query(hcl: &mut Hcl, query: &Query) {
    hcl.block("metric_query", |hcl| {
        let mut pairs = vec![("id", text(&query.id)), ("label", text(&query.label))];
        if let What::Expression(expression) = &query.what {
            pairs.push(("expression", text(expression)));
        }
        pairs.push(("return_data", query.returns.to_string()));
        hcl.pairs(&pairs);
        if let What::Metric { namespace, name, model, stat } = &query.what {
            hcl.line("");
            hcl.block("metric", |hcl| {
                hcl.pairs(&[
                    ("namespace", text(namespace)),
                    ("metric_name", text(name)),
                    ("period", "60".to_owned()),
                    ("stat", text(stat)),
                ]);
                let model = model.iter().map(|model| ("ModelId".to_owned(), model.clone())).collect();
                hcl.map("dimensions", &model);
            });
        }
    });
}

/// Resources are labelled in snake case.
fn label(name: &str) -> String {
    let mut label = String::new();
    for (place, c) in logical(name).chars().enumerate() {
        if c.is_ascii_uppercase() && place > 0 {
            label.push('_');
        }
        label.push(c.to_ascii_lowercase());
    }
    label
}
