//! The state file: what observe made in one Region of one account, and what was there before. Teardown goes by it, and it
//! is written whole before each change, so that no crash can make richter forget what it did.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use richter_reports::run_file;
use serde::{Deserialize, Serialize};

use super::{alarm::Alarm, filter::Filter, wanted::Logging};

pub const FORMAT: &str = "richter-observe";
pub const VERSION: u32 = 1;
/// Longer files are not ours.
const BYTES_MAX: u64 = 4 << 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    pub format: String,
    pub version: u32,
    pub account: String,
    pub region: String,
    /// The group that filters stand on.
    pub group: String,
    /// In the order in which they were made.
    pub items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub made: Made,
    /// False from before the call until it succeeded: then it is not known whether it is there.
    pub done: bool,
}

/// One thing that did not exist, or was otherwise, before observe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Made {
    Group,
    Role { name: String },
    RolePolicy { role: String, name: String },
    Logging { was: Option<Logging>, is: Logging },
    Filter(Filter),
    Dashboard { name: String },
    Alarm(Alarm),
}

impl Made {
    /// Whether both speak of the same thing in the account, whatever its settings.
    pub fn is_same_thing(&self, other: &Made) -> bool {
        match (self, other) {
            (Made::Group, Made::Group) | (Made::Logging { .. }, Made::Logging { .. }) => true,
            (Made::Role { name: a }, Made::Role { name: b }) => a == b,
            (Made::RolePolicy { role: a, name: b }, Made::RolePolicy { role: c, name: d }) => {
                (a, b) == (c, d)
            }
            (Made::Filter(a), Made::Filter(b)) => a.name == b.name,
            (Made::Dashboard { name: a }, Made::Dashboard { name: b }) => a == b,
            (Made::Alarm(a), Made::Alarm(b)) => a.name == b.name,
            _ => false,
        }
    }

    pub fn describe(&self, group: &str) -> String {
        match self {
            Made::Group => format!("log group {group}"),
            Made::Role { name } => format!("role {name}"),
            Made::RolePolicy { role, name } => format!("policy {name} of role {role}"),
            Made::Logging { .. } => "the logging configuration".to_owned(),
            Made::Filter(filter) => format!("metric filter {}", filter.name),
            Made::Dashboard { name } => format!("dashboard {name}"),
            Made::Alarm(alarm) => format!("alarm {}", alarm.name),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", path.display())]
pub struct StateError {
    pub path: PathBuf,
    pub cause: Cause,
}

#[derive(Debug, thiserror::Error)]
pub enum Cause {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Write(#[from] run_file::WriteError),
    #[error("is no state of richter observe: {0}")]
    Json(#[from] serde_json::Error),
    #[error("is larger than any state of richter observe")]
    TooLarge,
    #[error("is of version {0}; this richter knows version {VERSION}")]
    Version(u32),
    #[error("is of account {found} in {region}, not of {wanted}; name another with --state")]
    Elsewhere { found: String, region: String, wanted: String },
}

impl State {
    pub fn new(account: &str, region: &str, group: &str) -> State {
        State {
            format: FORMAT.to_owned(),
            version: VERSION,
            account: account.to_owned(),
            region: region.to_owned(),
            group: group.to_owned(),
            items: Vec::new(),
        }
    }

    /// The state in a file; none if there is no file.
    pub fn read(path: &Path, account: &str, region: &str) -> Result<Option<State>, StateError> {
        let fail = |cause: Cause| StateError { path: path.to_owned(), cause };
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(fail(error.into())),
            Ok(facts) if facts.len() > BYTES_MAX => return Err(fail(Cause::TooLarge)),
            Ok(_) => {}
        }
        let bytes = fs::read(path).map_err(|error| fail(error.into()))?;
        let state: State = serde_json::from_slice(&bytes).map_err(|error| fail(error.into()))?;
        if state.version != VERSION || state.format != FORMAT {
            return Err(fail(Cause::Version(state.version)));
        }
        if (state.account.as_str(), state.region.as_str()) != (account, region) {
            let State { account: found, region: there, .. } = state;
            let wanted = format!("{account} in {region}");
            return Err(fail(Cause::Elsewhere { found, region: there, wanted }));
        }
        Ok(Some(state))
    }

    /// Writes it whole; a state without items is no state, and its file goes.
    pub fn keep(&self, path: &Path) -> Result<(), StateError> {
        let fail = |cause: Cause| StateError { path: path.to_owned(), cause };
        if self.items.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fail(error.into())),
                _ => Ok(()),
            };
        }
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| fail(error.into()))?;
        bytes.push(b'\n');
        run_file::write_whole(path, &bytes).map_err(|error| fail(error.into()))
    }

    pub fn find(&self, made: &Made) -> Option<&Item> {
        self.items.iter().find(|item| item.made.is_same_thing(made))
    }
}
