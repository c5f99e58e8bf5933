//! What a look at an account and a machine gives: checks, each with a fix where one is needed.

use schemars::{JsonSchema, Schema};
use serde::Serialize;

/// Version of the report as JSON. A field that is added does not change it; one that goes, or means something else, does.
const VERSION: u32 = 1;

/// All checks of one look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Report {
    pub version: u32,
    pub scenario: String,
    pub ok: usize,
    pub warn: usize,
    pub fail: usize,
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Check {
    pub check: Kind,
    /// What it is about: a target, a Region, a pool; empty where there is only one.
    pub about: String,
    pub status: Status,
    /// What was found.
    pub says: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Ok,
    /// It will run, but not as expected, or it could not be found out.
    Warn,
    /// It will not run.
    Fail,
}

macro_rules! checks {
    ($($kind:ident: $name:literal, $asks:literal, $fails:literal;)+) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Kind { $($kind),+ }

        /// The row of each check, in the order in which they are made.
        pub const CHECKS: &[CheckInfo] =
            &[$(CheckInfo { kind: Kind::$kind, name: $name, asks: $asks, fails: $fails }),+];
    };
}

/// A row of the README.
#[derive(Debug, Clone, Copy)]
pub struct CheckInfo {
    pub kind: Kind,
    pub name: &'static str,
    pub asks: &'static str,
    pub fails: &'static str,
}

checks! {
    Credentials: "credentials", "are there any, and do they last as long as the run?", "there are none, or they end before the run does";
    Clock: "clock", "does this machine's clock agree with AWS?", "it is four minutes off or more; signatures count for five";
    Identity: "identity", "who calls, and in which account?", "STS refuses to say";
    Model: "model", "may this account use the model in this Region, on demand?", "access is not granted, the Region lacks it, or it needs a profile";
    Profile: "profile", "is the inference profile there, and where does it lead?", "it is not there or not active";
    Capacity: "capacity", "is the provisioned throughput or the prompt router there?", "it is not there or not in service";
    Destination: "destination", "may the account use the model in each Region that a profile leads to?", "a policy of the organisation closes the Region: one closed Region breaks the whole profile";
    Quota: "quota", "what are the quotas beside the scenario's peak?", "a quota is zero";
    Logging: "logging", "is model invocation logging on, and where to?", "never: only `richter observe` needs it";
    OpenFiles: "open_files", "may this process open enough connections?", "the limit is below the connections expected at the peak";
    Cpu: "cpu", "can this machine's cores make the calls of the peak?", "they cannot";
}

impl Kind {
    pub fn name(self) -> &'static str {
        CHECKS.iter().find(|info| info.kind == self).map_or("", |info| info.name)
    }
}

impl Status {
    pub const fn name(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
        }
    }
}

impl Check {
    fn new(check: Kind, about: impl Into<String>, status: Status, says: impl Into<String>) -> Check {
        Check { check, about: about.into(), status, says: says.into(), fix: None }
    }

    pub fn ok(check: Kind, about: impl Into<String>, says: impl Into<String>) -> Check {
        Check::new(check, about, Status::Ok, says)
    }

    pub fn warn(
        check: Kind,
        about: impl Into<String>,
        says: impl Into<String>,
        fix: impl Into<String>,
    ) -> Check {
        Check { fix: Some(fix.into()), ..Check::new(check, about, Status::Warn, says) }
    }

    pub fn fail(
        check: Kind,
        about: impl Into<String>,
        says: impl Into<String>,
        fix: impl Into<String>,
    ) -> Check {
        Check { fix: Some(fix.into()), ..Check::new(check, about, Status::Fail, says) }
    }
}

impl Report {
    pub fn new(scenario: String, mut checks: Vec<Check>) -> Report {
        checks.sort_by_key(|check| check.check);
        let count = |status: Status| checks.iter().filter(|check| check.status == status).count();
        let (ok, warn, fail) = (count(Status::Ok), count(Status::Warn), count(Status::Fail));
        Report { version: VERSION, scenario, ok, warn, fail, checks }
    }
}

/// The JSON Schema of the report.
pub fn schema() -> Schema {
    schemars::schema_for!(Report)
}
