//! Alarms of one account in one Region, which change their state as time passes.
//!
//! Each is looked at when a minute is over (every ten seconds where one has shorter periods), by [`Alarms::tick`]. What an
//! alarm wants is in [`rule`], how it judges in [`judge`]. Actions are kept and never carried out.

mod judge;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use self::rule::Rule;
use super::{Answer, Fields, Millis, Refusal, metrics::Metrics};

/// Most alarms of an account in a Region, and most entries of one answer.
const ALARMS_MAX: usize = 5_000;
const PAGE_MAX: i64 = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Ok,
    Alarm,
    InsufficientData,
}

impl State {
    const NAMES: [&'static str; 3] = ["OK", "ALARM", "INSUFFICIENT_DATA"];

    fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    fn of(name: &str) -> Option<State> {
        [State::Ok, State::Alarm, State::InsufficientData].into_iter().find(|state| state.name() == name)
    }
}

#[derive(Debug, Clone)]
struct Alarm {
    rule: Rule,
    configured: Millis,
    state: State,
    reason: String,
    /// Why, for programs.
    evidence: String,
    changed: Millis,
    updated: Millis,
}

#[derive(Debug, Default)]
pub struct Alarms {
    alarms: BTreeMap<String, Alarm>,
}

impl Alarms {
    /// Whether there is any alarm, and whether one looks more often than each minute.
    pub fn step(&self) -> Option<Millis> {
        let quick = self.alarms.values().any(|alarm| alarm.rule.period < 60_000);
        (!self.alarms.is_empty()).then_some(if quick { 10_000 } else { 60_000 })
    }

    /// A step of time is over: alarms judge what they see.
    pub fn tick(&mut self, now: Millis, metrics: &Metrics) {
        for alarm in self.alarms.values_mut() {
            let Some(verdict) = judge::judge(&alarm.rule, now, metrics) else { continue };
            if verdict.state != alarm.state {
                alarm.changed = now;
                alarm.updated = now;
                alarm.state = verdict.state;
                alarm.reason = verdict.reason;
                alarm.evidence = verdict.evidence;
            }
        }
    }

    pub fn has(&self, name: &str) -> bool {
        self.alarms.contains_key(name)
    }

    pub fn put(&mut self, now: Millis, fields: &Fields<'_>) -> Answer {
        let rule = Rule::read(fields)?;
        if self.alarms.len() >= ALARMS_MAX && !self.alarms.contains_key(&rule.name) {
            let text = format!("The account has {ALARMS_MAX} alarms, which is the limit.");
            return Err(Refusal::new("LimitExceededFault", text));
        }
        let state = match self.alarms.get(&rule.name) {
            // A change keeps the state until the next look.
            Some(before) => (before.state, before.reason.clone(), before.changed),
            None => (State::InsufficientData, "Unchecked: Initial alarm creation".to_owned(), now),
        };
        let (state, reason, changed) = state;
        let alarm =
            Alarm { configured: now, state, reason, evidence: String::new(), changed, updated: now, rule };
        self.alarms.insert(alarm.rule.name.clone(), alarm);
        Ok(json!({}))
    }

    pub fn describe(&self, fields: &Fields<'_>, arn: impl Fn(&str) -> String) -> Answer {
        let names = fields.texts("AlarmNames")?;
        let prefix = fields.limited("AlarmNamePrefix", 255)?;
        if names.is_some() && prefix.is_some() {
            let text = "AlarmNames and AlarmNamePrefix cannot both be set.";
            return Err(Refusal::new("InvalidParameterCombinationException", text));
        }
        let state = fields.one_of("StateValue", &State::NAMES)?.and_then(State::of);
        let kinds = fields.texts("AlarmTypes")?;
        let most = fields.within("MaxRecords", 1, PAGE_MAX)?.unwrap_or(PAGE_MAX);
        let after = fields.text("NextToken")?;
        let metric = kinds.is_none_or(|kinds| kinds.contains(&"MetricAlarm"));
        let fits = |(name, alarm): &(&String, &Alarm)| {
            metric
                && names.as_ref().is_none_or(|names| names.contains(&name.as_str()))
                && prefix.is_none_or(|prefix| name.starts_with(prefix))
                && state.is_none_or(|state| alarm.state == state)
                && after.is_none_or(|after| name.as_str() > after)
        };
        let mut found = self.alarms.iter().filter(fits);
        let page: Vec<(&String, &Alarm)> = found.by_ref().take(usize::try_from(most).unwrap_or(1)).collect();
        let told: Vec<Value> = page.iter().map(|(name, alarm)| alarm.tell(&arn(name))).collect();
        let mut answer = json!({ "MetricAlarms": told, "CompositeAlarms": [] });
        if let (Some(_), Some((last, _))) = (found.next(), page.last()) {
            answer["NextToken"] = last.as_str().into();
        }
        Ok(answer)
    }

    pub fn delete(&mut self, fields: &Fields<'_>) -> Result<Vec<String>, Refusal> {
        let names = fields.texts("AlarmNames")?.ok_or_else(|| fields.missing("AlarmNames"))?;
        if let Some(unknown) = names.iter().find(|name| !self.has(name)) {
            return Err(Refusal::new("ResourceNotFound", format!("The alarm {unknown} does not exist.")));
        }
        names.iter().for_each(|name| drop(self.alarms.remove(*name)));
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    pub fn set_state(&mut self, now: Millis, fields: &Fields<'_>) -> Answer {
        let name = fields.required("AlarmName", 255)?;
        let state = fields.one_of("StateValue", &State::NAMES)?.and_then(State::of);
        let state = state.ok_or_else(|| fields.missing("StateValue"))?;
        let reason = fields.required("StateReason", 1_023)?.to_owned();
        let evidence = fields.text("StateReasonData")?.unwrap_or_default().to_owned();
        let text = format!("The alarm {name} does not exist.");
        let alarm = self.alarms.get_mut(name).ok_or_else(|| Refusal::new("ResourceNotFound", text))?;
        if alarm.state != state {
            alarm.changed = now;
        }
        (alarm.state, alarm.reason, alarm.evidence, alarm.updated) = (state, reason, evidence, now);
        Ok(json!({}))
    }
}

impl Alarm {
    fn tell(&self, arn: &str) -> Value {
        let seconds = |at: Millis| at as f64 / 1_000.0;
        let mut told = self.rule.tell();
        let own = [
            ("AlarmArn", Value::from(arn)),
            ("StateValue", self.state.name().into()),
            ("StateReason", self.reason.as_str().into()),
            ("AlarmConfigurationUpdatedTimestamp", seconds(self.configured).into()),
            ("StateUpdatedTimestamp", seconds(self.updated).into()),
            ("StateTransitionedTimestamp", seconds(self.changed).into()),
        ];
        for (name, value) in own {
            told[name] = value;
        }
        if !self.evidence.is_empty() {
            told["StateReasonData"] = self.evidence.as_str().into();
        }
        told
    }
}
