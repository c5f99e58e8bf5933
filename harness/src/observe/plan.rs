//! From what is wanted, what was found and what the state file remembers to a list of calls; or to the differences that
//! forbid it. Pure: the same function serves the dry run, the change and its repetition.
//!
//! Two rules hold in all of it. What richter did not make, it neither changes nor deletes; the one exception is the
//! account's logging configuration, of which there is one only, and that is put back as it was. And a plan for an account
//! that is already as wanted has no call in it.

mod teardown;

use std::{collections::BTreeMap, fmt};

pub use teardown::teardown;

use super::{
    alarm::Alarm,
    call::Call,
    filter::{self, Filter},
    spec::Existing,
    state::{Made, State},
    wanted::{Logging, Role, Wanted},
};

/// What one Region of the account holds of the names that matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    pub logging: Option<Logging>,
    /// The group that filters go to.
    pub group: Option<FoundGroup>,
    /// Of that group, by name.
    pub filters: BTreeMap<String, Filter>,
    /// Whether the role by the wanted name is there, and whether it has the policy.
    pub role: bool,
    pub role_policy: bool,
    pub dashboard: Option<serde_json::Value>,
    pub alarms: BTreeMap<String, Alarm>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct FoundGroup {
    pub retention_days: Option<u32>,
    /// Streams that others than Bedrock write.
    pub foreign_streams: Vec<String>,
}

/// One call, why it is made, and what the state file says before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub call: Call,
    pub why: String,
    pub made: Option<Made>,
    /// What is undone by it; the state forgets it afterwards.
    pub undoes: Option<Made>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// What stays as it is, and why.
    pub kept: Vec<String>,
    /// What teardown cannot undo, because somebody changed it since.
    pub left: Vec<String>,
    /// Entries of the state that have become void.
    pub gone: Vec<Made>,
}

/// Why a plan would change what is not ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub what: String,
    pub found: String,
    pub wanted: String,
    pub hint: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Difference { what, found, wanted, hint } = self;
        write!(f, "{what} is another one already\n  found:  {found}\n  wanted: {wanted}\n  help:   {hint}")
    }
}

/// Name of the policy in a role that richter makes.
pub const POLICY: &str = "write-invocation-log";

/// The group that filters stand on: the wanted one, or that of a configuration which is adopted.
pub fn group_of(wanted: &Wanted, logging: Option<&Logging>) -> String {
    let adopted = logging.and_then(|logging| logging.cloud_watch_config.as_ref());
    match adopted {
        Some(logs) if wanted.existing == Existing::Adopt => logs.log_group_name.clone(),
        _ => wanted.group.clone(),
    }
}

/// The way from what was found to what is wanted.
pub fn setup(wanted: &Wanted, found: &Found, state: Option<&State>) -> Result<Plan, Vec<Difference>> {
    let mut setup = Setup { wanted, found, state, plan: Plan::default(), against: Vec::new() };
    let adopted = setup.logging_to_put();
    match adopted {
        Logged::Adopted => {}
        Logged::Already | Logged::Put(_) => {
            setup.group();
            setup.role();
        }
    }
    if let Logged::Put(put) = adopted {
        setup.put_logging(put.config, put.was);
    }
    let group = group_of(wanted, found.logging.as_ref());
    setup.filters(&group);
    setup.dashboard();
    setup.alarms();
    if setup.against.is_empty() { Ok(setup.plan) } else { Err(setup.against) }
}

struct Setup<'a> {
    wanted: &'a Wanted,
    found: &'a Found,
    state: Option<&'a State>,
    plan: Plan,
    against: Vec<Difference>,
}

/// A configuration, and what stood there before it.
struct Put {
    config: Logging,
    was: Option<Logging>,
}

impl Logged {
    fn put(config: Logging, was: Option<Logging>) -> Logged {
        Logged::Put(Box::new(Put { config, was }))
    }
}

enum Logged {
    /// Somebody else's, which is used as it is.
    Adopted,
    Already,
    Put(Box<Put>),
}

impl Setup<'_> {
    fn ours(&self, made: &Made) -> bool {
        self.state.is_some_and(|state| state.find(made).is_some())
    }

    fn keep(&mut self, text: String) {
        self.plan.kept.push(text);
    }

    fn step(&mut self, call: Call, why: impl Into<String>, made: Option<Made>) {
        self.plan.steps.push(Step { call, why: why.into(), made, undoes: None });
    }

    fn refuse(&mut self, what: String, found: String, wanted: String, hint: &str) {
        self.against.push(Difference { what, found, wanted, hint: hint.to_owned() });
    }

    fn logging_to_put(&mut self) -> Logged {
        let wanted = &self.wanted.logging;
        let Some(there) = &self.found.logging else {
            return Logged::put(wanted.clone(), None);
        };
        let known = Made::Logging { was: None, is: wanted.clone() };
        if let Some(Made::Logging { was, is }) =
            self.state.and_then(|state| state.find(&known)).map(|item| &item.made)
            && there.agrees_with(is)
        {
            // Ours from before; what stood there before that stays what is put back.
            let goal = merged(wanted, was.as_ref(), self.wanted.existing).unwrap_or_else(|| wanted.clone());
            return match there.agrees_with(&goal) {
                true => Logged::Already,
                false => Logged::put(goal, was.clone()),
            };
        }
        if there.agrees_with(wanted) {
            self.keep(
                "the logging configuration is as wanted already, and not richter's: teardown leaves it"
                    .to_owned(),
            );
            return Logged::Already;
        }
        match self.wanted.existing {
            Existing::Adopt => self.adopt(there),
            Existing::Replace => Logged::put(wanted.clone(), Some(there.clone())),
            Existing::Merge => match merged(wanted, Some(there), Existing::Merge) {
                Some(config) => Logged::put(config, Some(there.clone())),
                None => {
                    self.refuse_merge(there);
                    Logged::Already
                }
            },
        }
    }

    fn adopt(&mut self, there: &Logging) -> Logged {
        match &there.cloud_watch_config {
            Some(logs) => {
                self.keep(format!(
                    "the logging configuration stays, and its log group {} is used",
                    logs.log_group_name
                ));
                Logged::Adopted
            }
            None => {
                self.refuse(
                    "the logging configuration".to_owned(),
                    told(there),
                    "one that delivers to a log group".to_owned(),
                    "there is no log group to adopt; --existing merge adds one",
                );
                Logged::Already
            }
        }
    }

    fn refuse_merge(&mut self, there: &Logging) {
        let hint = if there.cloud_watch_config.is_some() {
            "--existing adopt uses its log group; --existing replace puts ours in its place until teardown"
        } else {
            "it delivers bodies, which would go into the log group too: allow that with `bodies` in the settings, or use \
             --existing replace"
        };
        self.refuse("the logging configuration".to_owned(), told(there), told(&self.wanted.logging), hint);
    }

    fn group(&mut self) {
        let group = &self.wanted.group;
        match &self.found.group {
            None => {
                let (call, days) = (
                    Call::CreateGroup { group: group.clone(), tags: self.wanted.tags.clone() },
                    self.wanted.retention_days,
                );
                self.step(call, "records go there", Some(Made::Group));
                let retention = Call::PutRetention { group: group.clone(), days };
                self.step(retention, "what is not kept costs nothing", None);
            }
            Some(there) if self.ours(&Made::Group) => {
                if there.retention_days != Some(self.wanted.retention_days) {
                    let days = self.wanted.retention_days;
                    self.step(
                        Call::PutRetention { group: group.clone(), days },
                        "another retention is wanted",
                        None,
                    );
                }
            }
            Some(there) => {
                let days =
                    there.retention_days.map_or("for ever".to_owned(), |days| format!("for {days} days"));
                self.keep(format!(
                    "log group {group} is there, not richter's, and goes on to keep records {days}"
                ));
            }
        }
    }

    fn role(&mut self) {
        let Role::Create(name) = &self.wanted.role else { return };
        let role = Made::Role { name: name.clone() };
        if !self.found.role {
            let (trust, tags) = (self.wanted.trust_policy(), self.wanted.tags.clone());
            self.step(
                Call::CreateRole { name: name.clone(), trust, tags },
                "Bedrock writes by it",
                Some(role),
            );
        } else if !self.ours(&role) {
            self.refuse(
                format!("role {name}"),
                "a role of that name".to_owned(),
                "a new one".to_owned(),
                "give it with --role-arn if it is meant, or name another in role.name",
            );
            return;
        }
        if !self.found.role_policy {
            let made = Made::RolePolicy { role: name.clone(), name: POLICY.to_owned() };
            let policy = self.wanted.role_policy();
            let call = Call::PutRolePolicy { role: name.clone(), name: POLICY.to_owned(), policy };
            self.step(call, "it may write that stream and nothing else", Some(made));
        }
    }

    fn put_logging(&mut self, config: Logging, was: Option<Logging>) {
        let fresh_role = self.plan.steps.iter().any(|step| matches!(step.call, Call::CreateRole { .. }));
        let why = match &was {
            None => "invocation logging is off".to_owned(),
            Some(was) => format!("until teardown, in place of {}", told(was)),
        };
        let made = Made::Logging { was, is: config.clone() };
        self.step(Call::PutLogging { config, fresh_role }, why, Some(made));
    }

    fn filters(&mut self, group: &str) {
        let samples = filter::samples(&self.wanted.region);
        for filter in &self.wanted.filters {
            let made = Made::Filter(filter.clone());
            match self.found.filters.get(&filter.name) {
                Some(there) if there == filter => {
                    if !self.ours(&made) {
                        self.keep(format!(
                            "metric filter {} is as wanted already, and not richter's",
                            filter.name
                        ));
                    }
                    continue;
                }
                Some(there) if !self.ours(&made) => {
                    let what = format!("metric filter {}", filter.name);
                    self.refuse(what, there.pattern.clone(), filter.pattern.clone(), "choose another prefix");
                    continue;
                }
                _ => {}
            }
            let test = Call::TestFilter {
                name: filter.name.clone(),
                pattern: filter.pattern.clone(),
                samples: samples.clone(),
                expected: filter.expected(),
            };
            self.step(test, "the pattern must match what it should, and nothing else", None);
            let put = Call::PutFilter { group: group.to_owned(), filter: filter.clone() };
            self.step(put, format!("counts {}", filter.metric), Some(made));
        }
    }

    fn dashboard(&mut self) {
        let dashboard = &self.wanted.dashboard;
        let made = Made::Dashboard { name: dashboard.name.clone() };
        match &self.found.dashboard {
            Some(there) if *there == dashboard.body => return,
            Some(_) if !self.ours(&made) => {
                let what = format!("dashboard {}", dashboard.name);
                self.refuse(what, "somebody's".to_owned(), "ours".to_owned(), "choose another prefix");
                return;
            }
            _ => {}
        }
        let call = Call::PutDashboard {
            name: dashboard.name.clone(),
            body: dashboard.body.clone(),
            tags: self.wanted.tags.clone(),
        };
        self.step(call, "to look at", Some(made));
    }

    fn alarms(&mut self) {
        for alarm in &self.wanted.alarms {
            let made = Made::Alarm(alarm.clone());
            match self.found.alarms.get(&alarm.name) {
                Some(there) if there == alarm => continue,
                Some(_) if !self.ours(&made) => {
                    let what = format!("alarm {}", alarm.name);
                    self.refuse(what, "somebody's".to_owned(), "ours".to_owned(), "choose another prefix");
                    continue;
                }
                _ => {}
            }
            let call = Call::PutAlarm { alarm: alarm.clone(), tags: self.wanted.tags.clone() };
            self.step(call, alarm.description.clone(), Some(made));
        }
    }
}

/// The configuration to put where another one is; none if that must not be touched.
fn merged(wanted: &Logging, there: Option<&Logging>, existing: Existing) -> Option<Logging> {
    let Some(there) = there else { return Some(wanted.clone()) };
    if existing != Existing::Merge {
        return Some(wanted.clone());
    }
    // Flags hold for all destinations: what goes to S3 would go into the group, too.
    let flags = |of: &Logging| {
        [
            of.text_data_delivery_enabled,
            of.image_data_delivery_enabled,
            of.embedding_data_delivery_enabled,
            of.video_data_delivery_enabled,
            of.audio_data_delivery_enabled,
        ]
    };
    let more = flags(there).into_iter().zip(flags(wanted)).any(|(there, wanted)| {
        // The service delivers what nobody switched off.
        there != Some(false) && wanted == Some(false)
    });
    let free = there.cloud_watch_config.is_none() && there.s3_config.is_some() && !more;
    free.then(|| Logging { cloud_watch_config: wanted.cloud_watch_config.clone(), ..there.clone() })
}

/// In one line.
fn told(logging: &Logging) -> String {
    serde_json::to_string(logging).unwrap_or_default()
}

#[cfg(test)]
mod tests;
