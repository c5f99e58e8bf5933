//! What was found out, before anybody judges it.

use std::collections::BTreeMap;

use crate::aws::{AccessError, Identity};

/// Everything about AWS.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The run's own account first, then each that a target names.
    pub accounts: Vec<AccountFacts>,
    /// Seconds that this machine's clock is ahead of AWS; none where no answer had a date.
    pub ahead_s: Option<i64>,
    pub targets: Vec<TargetFacts>,
    /// By account and Region.
    pub places: BTreeMap<(usize, String), PlaceFacts>,
    /// By account, Region and base model: the Regions that profiles lead to.
    pub destinations: BTreeMap<(usize, String, String), Result<Availability, AccessError>>,
}

#[derive(Debug, Clone)]
pub struct AccountFacts {
    /// As targets name it; empty for the run's own.
    pub name: String,
    pub credentials: Result<CredentialFacts, AccessError>,
    pub identity: Result<Identity, AccessError>,
}

#[derive(Debug, Clone)]
pub struct CredentialFacts {
    pub source: String,
    pub expires_unix_s: Option<u64>,
    /// Whether they are renewed by themselves before they end.
    pub renewed: bool,
    /// Whether they are temporary ones whose end is not known.
    pub end_unknown: bool,
    pub api_key: bool,
    pub keys: bool,
}

/// One target, and what Bedrock says of it.
#[derive(Debug, Clone)]
pub struct TargetFacts {
    pub name: String,
    /// Place in the accounts.
    pub account: usize,
    pub region: String,
    /// As the caller sends it.
    pub id: String,
    pub told: Told,
}

#[derive(Debug, Clone)]
pub enum Told {
    Model {
        model: String,
        on_demand: Result<bool, AccessError>,
        available: Result<Availability, AccessError>,
    },
    Profile {
        found: Result<ProfileFacts, AccessError>,
    },
    /// Provisioned throughput or a prompt router, with its status.
    Capacity {
        found: Result<String, AccessError>,
        wanted: &'static str,
    },
    /// Outside AWS, or of an account that cannot be asked.
    Nothing {
        why: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileFacts {
    pub status: String,
    pub models: Vec<String>,
    /// In the order in which Bedrock lists them.
    pub destinations: Vec<String>,
    pub global: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Availability {
    /// Authorised, entitled and with its agreement signed.
    pub granted: bool,
    pub in_region: bool,
}

/// What one account has in one Region.
#[derive(Debug, Clone)]
pub struct PlaceFacts {
    pub quotas: Result<Vec<QuotaFacts>, AccessError>,
    pub logging: Result<Option<LoggingFacts>, AccessError>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct QuotaFacts {
    pub code: String,
    pub name: String,
    pub value: f64,
    pub adjustable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggingFacts {
    /// Log group, if it goes to CloudWatch Logs.
    pub group: Option<String>,
    pub bucket: Option<String>,
}

/// This machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// None where the system does not say.
    pub open_files: Option<u64>,
    pub cores: usize,
}
