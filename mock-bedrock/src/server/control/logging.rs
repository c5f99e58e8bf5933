//! The configuration of model invocation logging: one for each account and Region, given back as it was put.

use serde_json::{Value, json};

use super::{
    Answer, Ask, Control,
    arn::partition,
    ask::{Allowed, Body, invalid, required},
    nothing, ok,
};
use crate::{cloudwatch::Logging, server::reply::WireError};

const FLAGS: [&str; 5] = [
    "textDataDeliveryEnabled",
    "imageDataDeliveryEnabled",
    "embeddingDataDeliveryEnabled",
    "videoDataDeliveryEnabled",
    "audioDataDeliveryEnabled",
];

impl Control {
    pub(super) fn get_logging(&self, ask: &Ask<'_>) -> Answer {
        ok(self
            .held(ask)
            .logging
            .as_ref()
            .map_or_else(|| json!({}), |config| json!({ "loggingConfig": config })))
    }

    pub(super) fn put_logging(&mut self, ask: &Ask<'_>) -> Answer {
        let body = Body::of(ask.request)?;
        let config =
            body.inner("loggingConfig", "loggingConfig")?.ok_or_else(|| required("loggingConfig"))?;
        let config = read(&config)?;
        let group = config["cloudWatchConfig"]["logGroupName"].as_str();
        if let Some(group) = group {
            let role = config["cloudWatchConfig"]["roleArn"].as_str().unwrap_or_default();
            self.check_permissions(ask, group, role)?;
            self.cloud().greet(ask.when.unix_ms(), &ask.caller.account, &ask.caller.region, group);
        }
        self.held_mut(ask).logging = Some(config);
        nothing()
    }

    /// The service tries whether it may write, before it takes a configuration.
    fn check_permissions(&self, ask: &Ask<'_>, group: &str, role: &str) -> Result<(), WireError> {
        let (account, region) = (&ask.caller.account, &ask.caller.region);
        let arn = format!("arn:{}:logs:{region}:{account}:log-group:{group}", partition(region));
        if self.cloud().has_group(account, region, group) && !self.role_refuses(ask, role, &arn) {
            return Ok(());
        }
        Err(invalid(format!(
            "Failed to validate permissions for log group: {group}, with role: {role}. Verify the IAM role permissions \
             are correct."
        )))
    }

    /// Where the records of a Region go, if they go to CloudWatch Logs. A flag that is not set is on.
    pub fn records_go_to(&self, account: &str, region: &str) -> Option<Logging> {
        let config = self.logging(account, region)?;
        let group = config["cloudWatchConfig"]["logGroupName"].as_str()?.to_owned();
        Some(Logging { group, bodies: config["textDataDeliveryEnabled"].as_bool().unwrap_or(true) })
    }

    pub(super) fn delete_logging(&mut self, ask: &Ask<'_>) -> Answer {
        self.held_mut(ask).logging = None;
        nothing()
    }
}

/// What is known of a configuration; what is not is left out, as a service that does not know it would.
fn read(config: &Body<'_>) -> Result<Value, WireError> {
    let mut kept = json!({});
    if let Some(logs) = config.inner("cloudWatchConfig", "loggingConfig.cloudWatchConfig")? {
        kept["cloudWatchConfig"] = cloud_watch(&logs)?;
    }
    if let Some(bucket) = config.inner("s3Config", "loggingConfig.s3Config")? {
        kept["s3Config"] = s3(&bucket, "loggingConfig.s3Config.bucketName")?;
    }
    for flag in FLAGS {
        if let Some(on) = config.flag(flag)? {
            kept[flag] = on.into();
        }
    }
    Ok(kept)
}

fn cloud_watch(logs: &Body<'_>) -> Result<Value, WireError> {
    let group = logs.limited("logGroupName", 512, Allowed::Anything)?;
    let group = group.ok_or_else(|| required("loggingConfig.cloudWatchConfig.logGroupName"))?;
    let role = logs.required_text("roleArn")?;
    if !is_role(role) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{role}' at 'loggingConfig.cloudWatchConfig.roleArn' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: arn:aws(-[^:]+)?:iam::([0-9]{{12}})?:role/.+"
        )));
    }
    let mut kept = json!({ "logGroupName": group, "roleArn": role });
    let at = "loggingConfig.cloudWatchConfig.largeDataDeliveryS3Config";
    if let Some(bucket) = logs.inner("largeDataDeliveryS3Config", at)? {
        kept["largeDataDeliveryS3Config"] = s3(&bucket, &format!("{at}.bucketName"))?;
    }
    Ok(kept)
}

fn s3(bucket: &Body<'_>, at: &str) -> Result<Value, WireError> {
    let name = bucket.limited("bucketName", 63, Allowed::Anything)?.ok_or_else(|| required(at))?;
    let mut kept = json!({ "bucketName": name });
    if let Some(prefix) = bucket.text("keyPrefix")? {
        kept["keyPrefix"] = prefix.into();
    }
    Ok(kept)
}

fn is_role(arn: &str) -> bool {
    let mut parts = arn.splitn(6, ':');
    let (Some("arn"), Some(partition), Some("iam"), Some("")) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let account = parts.next().unwrap_or("-");
    let numbered =
        account.is_empty() || account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let role = parts.next().and_then(|resource| resource.strip_prefix("role/"));
    partition.starts_with("aws") && numbered && role.is_some_and(|role| !role.is_empty())
}
