//! The SDK underneath another strategy: the keys of `sdk` without its target.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Behaviour, Client, Mode, RetryQuota, SdkSpec};
use crate::strategy::Timeouts;

/// The SDK client that calls are made through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientSpec {
    /// Left out, as the imitated program has it.
    #[serde(default)]
    pub mode: Option<Mode>,
    #[serde(default)]
    pub client: Client,
    #[serde(default)]
    pub behaviour: Behaviour,
    /// Attempts of one call, the first included: 1 turns the SDK's retries off. Left out, as the imitated program has it.
    #[serde(default)]
    pub max_attempts: Option<u32>,
    /// Where the retry quota is kept; by default shared. Legacy mode has none.
    #[serde(default)]
    pub retry_quota: Option<RetryQuota>,
    /// Limits on each attempt; what is left out is as the client has it by default.
    #[serde(default)]
    pub timeouts: Timeouts,
}

impl ClientSpec {
    /// This client for one target; `mode` and `max_attempts` are those of the imitated program.
    pub(in crate::strategy) fn calling(
        &self,
        target: &str,
        mode: Mode,
        max_attempts: Option<u32>,
    ) -> SdkSpec {
        SdkSpec {
            target: target.to_owned(),
            mode: self.mode.unwrap_or(mode),
            client: self.client,
            behaviour: self.behaviour,
            max_attempts: self.max_attempts.or(max_attempts),
            retry_quota: self.retry_quota,
            timeouts: self.timeouts,
        }
    }
}
