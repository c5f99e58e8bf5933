//! What one Region of an account should hold, once observe is set up: the one description from which calls, dashboards,
//! alarms and exported code are made. Made of settings, and checked; nothing here knows what the account holds already.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    alarm::{self, Alarm},
    dashboard,
    filter::{self, Filter},
    spec::{Existing, ObserveSpec},
};

/// Stream into which Bedrock writes; the service's own name.
pub const STREAM: &str = "aws/bedrock/modelinvocations";
/// Marks what richter made.
pub const TAG: (&str, &str) = ("richter", "observe");
/// Retentions that CloudWatch Logs takes.
const RETENTIONS: [u32; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
const TAGS_MAX: usize = 40;

/// One Region's wish.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub account: String,
    pub region: String,
    pub partition: String,
    pub group: String,
    pub retention_days: u32,
    pub role: Role,
    pub logging: Logging,
    pub existing: Existing,
    pub filters: Vec<Filter>,
    pub dashboard: Dashboard,
    pub alarms: Vec<Alarm>,
    pub tags: BTreeMap<String, String>,
}

/// Who writes into the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// There already, by its ARN.
    Given(String),
    /// To be made, by its name.
    Create(String),
}

/// The account's logging configuration, as the API has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logging {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloud_watch_config: Option<ToLogs>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3_config: Option<ToBucket>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text_data_delivery_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_data_delivery_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedding_data_delivery_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub video_data_delivery_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_data_delivery_enabled: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToLogs {
    pub log_group_name: String,
    pub role_arn: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large_data_delivery_s3_config: Option<ToBucket>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToBucket {
    pub bucket_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_prefix: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    pub name: String,
    pub body: Value,
}

/// What is called in the Region, and what is known of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scene {
    pub account: String,
    pub region: String,
    /// Model ids as called here: base models, profiles.
    pub models: Vec<String>,
    /// Tokens a minute of the models' quotas, where known.
    pub quotas: BTreeMap<String, f64>,
}

/// What cannot be wished for: the setting, what is wrong, and what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("observe.{setting}: {message}; {hint}")]
pub struct Unfit {
    pub setting: &'static str,
    pub message: String,
    pub hint: String,
}

impl Logging {
    /// Whether this is what was put as `other`: the service may answer flags that were not given.
    pub fn agrees_with(&self, other: &Logging) -> bool {
        let flag = |mine: Option<bool>, put: Option<bool>| put.is_none() || mine == put;
        self.cloud_watch_config == other.cloud_watch_config
            && self.s3_config == other.s3_config
            && flag(self.text_data_delivery_enabled, other.text_data_delivery_enabled)
            && flag(self.image_data_delivery_enabled, other.image_data_delivery_enabled)
            && flag(self.embedding_data_delivery_enabled, other.embedding_data_delivery_enabled)
            && flag(self.video_data_delivery_enabled, other.video_data_delivery_enabled)
            && flag(self.audio_data_delivery_enabled, other.audio_data_delivery_enabled)
    }
}

impl Wanted {
    pub fn new(spec: &ObserveSpec, scene: &Scene, create_role: bool) -> Result<Wanted, Vec<Unfit>> {
        let mut unfit = check(spec);
        let role = role(spec, scene, create_role);
        if let Err(missing) = &role {
            unfit.push(missing.clone());
        }
        let (Ok(role), true) = (role, unfit.is_empty()) else { return Err(unfit) };
        let mut tags: BTreeMap<String, String> =
            spec.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        tags.insert(TAG.0.to_owned(), TAG.1.to_owned());
        let partition = partition(&scene.region);
        let role_arn = match &role {
            Role::Given(arn) => arn.clone(),
            Role::Create(name) => format!("arn:{partition}:iam::{}:role/{name}", scene.account),
        };
        Ok(Wanted {
            account: scene.account.clone(),
            region: scene.region.clone(),
            partition: partition.to_owned(),
            group: spec.log_group.clone(),
            retention_days: spec.retention_days,
            role,
            logging: logging(spec, role_arn),
            existing: spec.existing,
            filters: filter::all(spec, &scene.region),
            dashboard: Dashboard {
                name: format!("{}{}", spec.prefix, scene.region),
                body: dashboard::body(spec, scene),
            },
            alarms: alarm::all(spec, scene),
            tags,
        })
    }

    /// Who may take the role: Bedrock, for this account and Region alone.
    pub fn trust_policy(&self) -> Value {
        let source = format!("arn:{}:bedrock:{}:{}:*", self.partition, self.region, self.account);
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": { "Service": "bedrock.amazonaws.com" },
                "Action": "sts:AssumeRole",
                "Condition": {
                    "StringEquals": { "aws:SourceAccount": self.account },
                    "ArnLike": { "aws:SourceArn": source }
                }
            }]
        })
    }

    /// What the role may do: write that stream of that group.
    pub fn role_policy(&self) -> Value {
        let stream = format!(
            "arn:{}:logs:{}:{}:log-group:{}:log-stream:{STREAM}",
            self.partition, self.region, self.account, self.group
        );
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": stream
            }]
        })
    }
}

/// Of the Region's part of AWS.
pub fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("us-gov-") => "aws-us-gov",
        region if region.starts_with("cn-") => "aws-cn",
        _ => "aws",
    }
}

fn role(spec: &ObserveSpec, scene: &Scene, create: bool) -> Result<Role, Unfit> {
    match (&spec.role.arn, &spec.role.name) {
        (Some(arn), _) if arn.starts_with("arn:") && arn.contains(":role/") => Ok(Role::Given(arn.clone())),
        (Some(arn), _) => Err(Unfit {
            setting: "role.arn",
            message: format!("{arn:?} is no role's ARN"),
            hint: "write such as arn:aws:iam::111122223333:role/NAME".to_owned(),
        }),
        (None, name) if create => Ok(Role::Create(name.clone().unwrap_or_else(|| role_name(spec, scene)))),
        (None, _) => Err(Unfit {
            setting: "role",
            message: "no role is named by which Bedrock may write into the log group".to_owned(),
            hint: "give --role-arn, or --create-role; richter observe role prints what the role must be"
                .to_owned(),
        }),
    }
}

/// Roles are the account's, groups the Region's: the name says which.
pub fn role_name(spec: &ObserveSpec, scene: &Scene) -> String {
    format!("{}bedrock-logs-{}", spec.prefix, scene.region)
}

fn logging(spec: &ObserveSpec, role_arn: String) -> Logging {
    Logging {
        cloud_watch_config: Some(ToLogs {
            log_group_name: spec.log_group.clone(),
            role_arn,
            large_data_delivery_s3_config: None,
        }),
        text_data_delivery_enabled: Some(spec.bodies.text),
        image_data_delivery_enabled: Some(spec.bodies.image),
        embedding_data_delivery_enabled: Some(spec.bodies.embedding),
        // Without an answer the service may switch these on.
        video_data_delivery_enabled: Some(false),
        audio_data_delivery_enabled: Some(false),
        s3_config: None,
    }
}

/// Every setting that AWS would refuse.
pub fn check(spec: &ObserveSpec) -> Vec<Unfit> {
    let mut unfit = Vec::new();
    let mut note = |setting, message: String, hint: &str| {
        unfit.push(Unfit { setting, message, hint: hint.to_owned() });
    };
    let named = |text: &str, max: usize, more: &str| {
        !text.is_empty()
            && text.len() <= max
            && text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    if !named(&spec.log_group, 512, "_/.#-") {
        let message = format!("{:?} is no name of a log group", spec.log_group);
        note("log_group", message, "use at most 512 letters, digits and _ - / . #");
    }
    if !RETENTIONS.contains(&spec.retention_days) {
        let message = format!("CloudWatch Logs keeps nothing for {} days", spec.retention_days);
        note(
            "retention_days",
            message,
            "write one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, ..",
        );
    }
    if !named(&spec.namespace, 255, "_/.#:-") || spec.namespace.starts_with("AWS/") {
        let message = format!("{:?} is no namespace of one's own", spec.namespace);
        note("namespace", message, "use letters, digits and _ - / . # :, and do not begin with AWS/");
    }
    if spec.prefix.len() > 100 || !(spec.prefix.is_empty() || named(&spec.prefix, 100, "_-")) {
        let message = format!("{:?} does not fit names of filters, alarms and dashboards", spec.prefix);
        note("prefix", message, "use at most 100 letters, digits, _ and -");
    }
    if spec.labels.len() > TAGS_MAX {
        note(
            "labels",
            format!("{} are more than {TAGS_MAX}", spec.labels.len()),
            "keep those that are searched by",
        );
    }
    for (key, value) in &spec.labels {
        if key.is_empty() || key.len() > 128 || key.to_lowercase().starts_with("aws:") || value.len() > 256 {
            let message = format!("{key:?} does not fit a tag");
            note(
                "labels",
                message,
                "use keys up to 128 characters that do not begin with aws:, and values up to 256",
            );
        }
    }
    for (setting, share) in
        [("alarms.rerouted", spec.alarms.rerouted), ("alarms.throttled", spec.alarms.throttled)]
    {
        if !(0.0..=1.0).contains(&share.0) {
            note(setting, format!("{share} is no share"), "write between 0% and 100%");
        }
    }
    unfit
}

#[cfg(test)]
mod tests;
