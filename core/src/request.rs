//! What a caller asks for, and what an answer used.

use crate::Nanos;

/// The four inference operations. All of them draw on the same quota.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
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
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
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

/// What a request may need of a model, and a target may lack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Need {
    /// Answers that come as a stream.
    Streaming,
    /// Tools that the model may call.
    Tools,
    /// Pictures or documents in the prompt.
    Images,
    /// Answers in the form of a schema.
    Json,
    /// Reasoning before the answer.
    Thinking,
    /// A beginning of the answer that the model goes on with.
    Prefill,
}

impl Need {
    pub const ALL: [Need; 6] =
        [Need::Streaming, Need::Tools, Need::Images, Need::Json, Need::Thinking, Need::Prefill];

    pub const fn name(self) -> &'static str {
        match self {
            Need::Streaming => "streaming",
            Need::Tools => "tools",
            Need::Images => "images",
            Need::Json => "json",
            Need::Thinking => "thinking",
            Need::Prefill => "prefill",
        }
    }
}

/// Any number of needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Needs(u8);

impl Needs {
    pub const NONE: Needs = Needs(0);

    #[must_use]
    pub const fn with(self, need: Need) -> Needs {
        Needs(self.0 | 1 << need as u8)
    }

    #[must_use]
    pub const fn and(self, others: Needs) -> Needs {
        Needs(self.0 | others.0)
    }

    pub const fn has(self, need: Need) -> bool {
        self.0 & 1 << need as u8 != 0
    }

    /// Whether one of these is among the others.
    pub const fn meets(self, others: Needs) -> bool {
        self.0 & others.0 != 0
    }
}

impl FromIterator<Need> for Needs {
    fn from_iter<I: IntoIterator<Item = Need>>(needs: I) -> Needs {
        needs.into_iter().fold(Needs::NONE, Needs::with)
    }
}

/// One caller's request, as it arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Request {
    /// Unique within a run; keys every draw made for this request.
    pub number: u64,
    pub api: Api,
    /// Which kind of traffic it belongs to. Core knows no kind by name; requests of one kind are taken to be alike.
    pub class: u16,
    /// On whose behalf it is made; each tenant has a number of its own.
    pub tenant: u16,
    pub priority: Priority,
    /// What it needs of the model beside text; that it streams, `api` says.
    pub needs: Needs,
    pub input_tokens: u32,
    /// What the caller set; `None` lets the model produce up to its maximum, and reserves that much quota.
    pub max_tokens: Option<u32>,
    /// Of the beginning of its prompt that others share and a target may have in its cache; `None` if there is none.
    pub prefix: Option<u64>,
    /// When it was due. Latency counts from here, however late the generator was.
    pub intended: Nanos,
}

impl Request {
    /// All that a target must not lack.
    pub const fn needed(&self) -> Needs {
        if self.api.streams() { self.needs.with(Need::Streaming) } else { self.needs }
    }

    /// Whether another model could go on with a part of the answer. What a tool is called with, what follows a schema and
    /// what was reasoned cannot be told from outside to be whole; and only Converse has one language for all models.
    pub const fn may_continue(&self) -> bool {
        let formed = self.needs.has(Need::Tools) || self.needs.has(Need::Json);
        matches!(self.api, Api::ConverseStream) && !formed && !self.needs.has(Need::Thinking)
    }
}

/// Tokens as the service reports them. `input` is the uncached part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Usage {
    pub input: u32,
    pub output: u32,
    pub cache_read: u32,
    pub cache_write: u32,
}
