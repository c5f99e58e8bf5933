//! What a caller asks for, and what an answer used.

use crate::Nanos;

/// The four inference operations. All of them draw on the same quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    Converse,
    ConverseStream,
    InvokeModel,
    InvokeModelWithResponseStream,
}

impl Api {
    pub const fn streams(self) -> bool {
        matches!(self, Api::ConverseStream | Api::InvokeModelWithResponseStream)
    }
}

/// Who goes first when there is not enough for all: the variants stand in that order.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// A person waits, or money is lost.
    Critical,
    #[default]
    Default,
    /// Work that may be dropped when quota runs short, and done later.
    Sheddable,
}

impl Priority {
    pub const ALL: [Priority; 3] = [Priority::Critical, Priority::Default, Priority::Sheddable];

    pub const fn name(self) -> &'static str {
        match self {
            Priority::Critical => "critical",
            Priority::Default => "default",
            Priority::Sheddable => "sheddable",
        }
    }
}

/// One caller's request, as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Unique within a run; keys every draw made for this request.
    pub number: u64,
    pub api: Api,
    /// Which kind of traffic it belongs to. Core knows no kind by name; requests of one kind are taken to be alike.
    pub class: u16,
    /// On whose behalf it is made; each tenant has a number of its own.
    pub tenant: u16,
    pub priority: Priority,
    pub input_tokens: u32,
    /// What the caller set; `None` lets the model produce up to its maximum, and reserves that much quota.
    pub max_tokens: Option<u32>,
    /// Of the beginning of its prompt that others share and a target may have in its cache; `None` if there is none.
    pub prefix: Option<u64>,
    /// When it was due. Latency counts from here, however late the generator was.
    pub intended: Nanos,
}

/// Tokens as the service reports them. `input` is the uncached part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub input: u32,
    pub output: u32,
    pub cache_read: u32,
    pub cache_write: u32,
}
