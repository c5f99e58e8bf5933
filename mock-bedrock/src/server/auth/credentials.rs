//! The credentials that a server knows, as written in its file. Their secrets cannot be printed by accident.

use std::fmt;

use indexmap::IndexMap;
use serde::Deserialize;

/// Text that is compared and never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(super) fn is(&self, other: &str) -> bool {
        super::signature::same(&self.0, other)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Everybody whom the server knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialsSpec {
    /// By access key id.
    pub access_keys: IndexMap<String, AccessKeySpec>,
    pub api_keys: Vec<ApiKeySpec>,
}

/// One access key. With a session token it is a temporary one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccessKeySpec {
    pub secret: Secret,
    #[serde(default)]
    pub session_token: Option<Secret>,
    /// From then on the token is refused as expired. Seconds since 1970.
    #[serde(default)]
    pub expires_unix_s: Option<u64>,
    /// The account that the key belongs to; without it, the server's.
    #[serde(default)]
    pub account: Option<String>,
}

pub(super) type AccessKey = AccessKeySpec;

/// A Bedrock API key: a long-term one as it is, or any text that is to be accepted as a bearer token.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeySpec {
    pub key: Secret,
    #[serde(default)]
    pub expires_unix_s: Option<u64>,
    /// The one Region where it counts.
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub account: Option<String>,
}

impl CredentialsSpec {
    pub fn is_empty(&self) -> bool {
        self.access_keys.is_empty() && self.api_keys.is_empty()
    }

    pub(super) fn access_key(&self, id: &str) -> Option<&AccessKey> {
        self.access_keys.get(id)
    }
}
