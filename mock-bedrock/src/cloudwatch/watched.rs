//! CloudWatch's own operations: metrics, alarms, dashboards and the tags of both.

use serde_json::{Value, json};

use super::{Answer, Ask, CloudWatch, Fields, Millis, Refusal, Style, What, metrics::read_data, partition};

/// Most tags on one resource.
const TAGS_MAX: usize = 50;

impl CloudWatch {
    /// An operation of CloudWatch.
    pub fn metrics(&mut self, ask: &Ask<'_>, operation: &str) -> Answer {
        self.advance(ask.now);
        let fields = &Fields::new(ask.body, Style::Metrics);
        let owner = (ask.account.to_owned(), ask.region.to_owned());
        let arn = |name: &str| alarm_arn(ask, name);
        match operation {
            "PutMetricData" => self.put_data(ask, fields),
            "ListMetrics" => self.corner(&owner).metrics.list(ask.now, fields),
            "GetMetricData" => self.corner(&owner).metrics.get_data(fields),
            "GetMetricStatistics" => self.corner(&owner).metrics.get_statistics(fields),
            "PutMetricAlarm" => self.put_alarm(ask, fields),
            "DescribeAlarms" => self.corner(&owner).alarms.describe(fields, arn),
            "SetAlarmState" => self.corner(&owner).alarms.set_state(ask.now, fields),
            "DeleteAlarms" => {
                let gone = self.corner(&owner).alarms.delete(fields)?;
                gone.iter().for_each(|name| drop(self.tags.remove(&arn(name))));
                Ok(json!({}))
            }
            "PutDashboard" => self.put_dashboard(ask, fields),
            "GetDashboard" => self.boards(ask).get(fields, |name| board_arn(ask, name)),
            "ListDashboards" => self.boards(ask).list(fields, |name| board_arn(ask, name)),
            "DeleteDashboards" => {
                let gone = self.boards(ask).delete(fields)?;
                gone.iter().for_each(|name| drop(self.tags.remove(&board_arn(ask, name))));
                Ok(json!({}))
            }
            "TagResource" | "UntagResource" | "ListTagsForResource" => self.tagging(ask, fields, operation),
            _ => Err(Refusal::unknown_operation(operation)),
        }
    }

    fn put_data(&mut self, ask: &Ask<'_>, fields: &Fields<'_>) -> Answer {
        let (data, answer) = read_data(ask.now, fields)?;
        let owner = (ask.account.to_owned(), ask.region.to_owned());
        for datum in data {
            self.queue(ask.now.saturating_add(self.settings.metric_delay), &owner, What::Datum(datum));
        }
        self.advance(ask.now);
        Ok(answer)
    }

    fn put_alarm(&mut self, ask: &Ask<'_>, fields: &Fields<'_>) -> Answer {
        let owner = (ask.account.to_owned(), ask.region.to_owned());
        let name = fields.required("AlarmName", 255)?;
        let tags = read_tags(fields)?;
        let known = self.corner(&owner).alarms.has(name);
        let answer = self.corner(&owner).alarms.put(ask.now, fields)?;
        // Tags of an alarm that is there are changed by TagResource alone.
        if !known && !tags.is_empty() {
            self.tags.insert(alarm_arn(ask, name), tags.into_iter().collect());
        }
        Ok(answer)
    }

    fn put_dashboard(&mut self, ask: &Ask<'_>, fields: &Fields<'_>) -> Answer {
        let tags = read_tags(fields)?;
        let answer = self.boards(ask).put(ask.now, fields)?;
        if !tags.is_empty() {
            let name = fields.required("DashboardName", 255)?;
            self.tags.insert(board_arn(ask, name), tags.into_iter().collect());
        }
        Ok(answer)
    }

    fn boards(&mut self, ask: &Ask<'_>) -> &mut super::Dashboards {
        self.dashboards.entry(ask.account.to_owned()).or_default()
    }

    fn tagging(&mut self, ask: &Ask<'_>, fields: &Fields<'_>, operation: &str) -> Answer {
        let arn = fields.required("ResourceARN", 1_024)?;
        let last = |mark: &str| arn.rsplit_once(mark).map(|(_, name)| name);
        let owner = (ask.account.to_owned(), ask.region.to_owned());
        let is_alarm = last(":alarm:").is_some_and(|name| self.corner(&owner).alarms.has(name));
        let is_board = last(":dashboard/").is_some_and(|name| self.boards(ask).has(name));
        if !is_alarm && !is_board {
            let text = format!("The resource {arn} does not exist");
            return Err(Refusal::new("ResourceNotFoundException", text));
        }
        let held = self.tags.entry(arn.to_owned()).or_default();
        match operation {
            "TagResource" => {
                let mut all = held.clone();
                all.extend(read_tags(fields)?);
                if all.len() > TAGS_MAX {
                    return Err(fields.invalid(format!("A resource may have at most {TAGS_MAX} tags")));
                }
                *held = all;
                Ok(json!({}))
            }
            "UntagResource" => {
                let keys = fields.texts("TagKeys")?.ok_or_else(|| fields.missing("TagKeys"))?;
                held.retain(|key, _| !keys.contains(&key.as_str()));
                Ok(json!({}))
            }
            _ => {
                let tags = held.iter().map(|(key, value)| json!({ "Key": key, "Value": value }));
                Ok(json!({ "Tags": tags.collect::<Vec<Value>>() }))
            }
        }
    }

    /// When alarms next judge, if there are any.
    pub(super) fn next_step(&self) -> Option<Millis> {
        let step = self.corners.values().filter_map(|corner| corner.alarms.step()).min()?;
        Some(self.now - self.now.rem_euclid(step) + step)
    }

    pub(super) fn judge(&mut self, now: Millis) {
        for corner in self.corners.values_mut() {
            // Alarms of a minute judge when it is over, though others judge more often.
            if corner.alarms.step().is_some_and(|step| now.rem_euclid(step) == 0) {
                corner.alarms.tick(now, &corner.metrics);
            }
        }
    }
}

fn alarm_arn(ask: &Ask<'_>, name: &str) -> String {
    format!("arn:{}:cloudwatch:{}:{}:alarm:{name}", partition(ask.region), ask.region, ask.account)
}

fn board_arn(ask: &Ask<'_>, name: &str) -> String {
    format!("arn:{}:cloudwatch::{}:dashboard/{name}", partition(ask.region), ask.account)
}

fn read_tags(fields: &Fields<'_>) -> Result<Vec<(String, String)>, Refusal> {
    let mut tags = Vec::new();
    for tag in fields.structures("Tags")?.unwrap_or_default() {
        let key = tag.required("Key", 128)?;
        let value = tag.text("Value")?.ok_or_else(|| tag.missing("Value"))?;
        tags.push((key.to_owned(), value.to_owned()));
    }
    if tags.len() > TAGS_MAX {
        return Err(fields.invalid(format!("A resource may have at most {TAGS_MAX} tags")));
    }
    Ok(tags)
}
