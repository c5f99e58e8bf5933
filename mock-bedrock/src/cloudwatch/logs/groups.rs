//! Log groups: their retention and their tags.

use std::collections::{BTreeMap, VecDeque};

use serde_json::json;

use super::{GROUPS_MAX, Group, Logs, check_name, listed, name_in, no_group, page};
use crate::cloudwatch::{Answer, Fields, Millis, Refusal};

/// The lengths of retention that there are.
const RETENTIONS: [i64; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827, 2_192, 2_557, 2_922, 3_288,
    3_653,
];
/// Most tags of one group.
const TAGS_MAX: usize = 50;

impl Logs {
    pub(super) fn create_group(&mut self, now: Millis, fields: &Fields<'_>) -> Answer {
        let name = fields.required("logGroupName", 512)?;
        check_name(fields, name)?;
        fields.one_of("logGroupClass", &["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"])?;
        let tags = fields.map("tags")?.unwrap_or_default();
        if self.groups.contains_key(name) {
            return Err(Refusal::new(
                "ResourceAlreadyExistsException",
                "The specified log group already exists",
            ));
        }
        if self.groups.len() >= GROUPS_MAX {
            return Err(limit_exceeded());
        }
        let tags = tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        check_tags(&tags)?;
        let group = Group {
            created: now,
            retention_days: None,
            tags,
            streams: BTreeMap::new(),
            filters: BTreeMap::new(),
            events: BTreeMap::new(),
            bytes: 0,
            order: VecDeque::new(),
        };
        self.groups.insert(name.to_owned(), group);
        Ok(json!({}))
    }

    pub(super) fn delete_group(&mut self, fields: &Fields<'_>) -> Answer {
        let name = self.group_name(fields)?;
        self.groups.remove(name).ok_or_else(no_group)?;
        Ok(json!({}))
    }

    pub(super) fn describe_groups(&self, fields: &Fields<'_>) -> Answer {
        let prefix = fields.limited("logGroupNamePrefix", 512)?;
        let part = fields.text("logGroupNamePattern")?;
        if prefix.is_some() && part.is_some() {
            let text = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.";
            return Err(fields.invalid(text));
        }
        let fits = |name: &str| {
            prefix.is_none_or(|prefix| name.starts_with(prefix))
                && part.is_none_or(|part| name.contains(part))
        };
        let groups = self.groups.iter().filter(|(name, _)| fits(name));
        let told = groups.map(|(name, group)| {
            let arn = self.arn(name);
            let mut told = json!({
                "logGroupName": name,
                "creationTime": group.created,
                "metricFilterCount": group.filters.len(),
                "arn": format!("{arn}:*"),
                "logGroupArn": arn,
                "storedBytes": group.bytes,
                "logGroupClass": "STANDARD",
            });
            if let Some(days) = group.retention_days {
                told["retentionInDays"] = days.into();
            }
            (name.clone(), told)
        });
        let (list, next) = page(fields, told, 50)?;
        listed("logGroups", list, next)
    }

    pub(super) fn put_retention(&mut self, fields: &Fields<'_>) -> Answer {
        let days = fields.integer("retentionInDays")?.ok_or_else(|| fields.missing("retentionInDays"))?;
        if !RETENTIONS.contains(&days) {
            let known: Vec<String> = RETENTIONS.iter().map(i64::to_string).collect();
            let rule = format!("Member must satisfy enum value set: [{}]", known.join(", "));
            return Err(fields.breaks("retentionInDays", days, &rule));
        }
        self.group_mut(fields)?.retention_days = Some(days);
        Ok(json!({}))
    }

    pub(super) fn delete_retention(&mut self, fields: &Fields<'_>) -> Answer {
        self.group_mut(fields)?.retention_days = None;
        Ok(json!({}))
    }

    /// The group that the older operations name and the newer ones give the ARN of.
    fn tagged(&mut self, fields: &Fields<'_>) -> Result<&mut Group, Refusal> {
        let name = match fields.limited("resourceArn", 1_011)? {
            Some(arn) => name_in(arn),
            None => fields.required("logGroupName", 512)?,
        };
        self.groups.get_mut(name).ok_or_else(no_group)
    }

    pub(super) fn tag(&mut self, fields: &Fields<'_>) -> Answer {
        let tags = fields.map("tags")?.ok_or_else(|| fields.missing("tags"))?;
        let group = self.tagged(fields)?;
        let mut all = group.tags.clone();
        all.extend(tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
        check_tags(&all)?;
        group.tags = all;
        Ok(json!({}))
    }

    pub(super) fn untag(&mut self, fields: &Fields<'_>) -> Answer {
        let member = if fields.has("tagKeys") { "tagKeys" } else { "tags" };
        let keys = fields.texts(member)?.ok_or_else(|| fields.missing(member))?;
        let group = self.tagged(fields)?;
        group.tags.retain(|key, _| !keys.contains(&key.as_str()));
        Ok(json!({}))
    }

    pub(super) fn list_tags(&mut self, fields: &Fields<'_>) -> Answer {
        Ok(json!({ "tags": self.tagged(fields)?.tags }))
    }
}

fn check_tags(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > TAGS_MAX {
        let text = format!("Number of tags exceeds the limit of {TAGS_MAX}");
        return Err(Refusal::new("TooManyTagsException", text));
    }
    Ok(())
}

pub(super) fn limit_exceeded() -> Refusal {
    Refusal::new("LimitExceededException", "Resource limit exceeded.")
}
