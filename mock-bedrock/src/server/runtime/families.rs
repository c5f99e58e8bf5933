//! The dialects of requests and answers: Converse, which is the same for all models, and the native bodies of each model
//! family. One family, one file; each reads its requests into an [`Ask`] and writes a [`Telling`] in its own words.

mod claude;
pub(super) mod converse;
mod llama;
mod mistral;
mod nova;
mod titan;

use base64::Engine as _;
use bytes::BytesMut;
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    ask::{Ask, Extras},
    frame::Frames,
    script::{Block, Script, Words},
};
use crate::exception::Exception;

/// How bodies are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    Converse,
    Claude,
    Nova,
    Llama,
    Titan,
    Mistral,
}

/// An answer with everything that any dialect says of it.
#[derive(Debug)]
pub struct Telling {
    pub dialect: Dialect,
    /// Id of the base model.
    pub model: String,
    pub script: Script,
    /// Where ids and signatures come from.
    pub words: Words,
    pub usage: Usage,
    pub latency_ms: u64,
    pub first_byte_ms: u64,
    pub extras: Extras,
    /// Model that a prompt router picked, as its trace names it.
    pub invoked: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    pub input: u32,
    pub output: u32,
    pub read: u32,
    pub write: u32,
    pub write_1h: u32,
    /// Whether the prompt has checkpoints, so that the cache is spoken of.
    pub cached: bool,
    /// Whether totals count what the cache read and wrote.
    pub total_counts_cache: bool,
}

impl Usage {
    pub fn total(&self) -> u64 {
        let cache = if self.total_counts_cache { u64::from(self.read) + u64::from(self.write) } else { 0 };
        u64::from(self.input) + u64::from(self.output) + cache
    }
}

/// One step of a stream.
#[derive(Debug)]
pub enum Beat<'a> {
    Start,
    Open {
        index: usize,
        block: &'a Block,
    },
    /// Some tokens of a block; `delta` counts the deltas of the whole stream, `tokens` its tokens up to here.
    Part {
        index: usize,
        block: &'a Block,
        text: &'a str,
        delta: u32,
        tokens: u32,
        last: bool,
    },
    Close {
        index: usize,
        block: &'a Block,
    },
    End,
}

impl Dialect {
    /// The native dialect of a model, by the provider in its id. Claude's for what nobody knows.
    pub fn of_model(model: &str) -> Dialect {
        match model.split('.').next() {
            Some("amazon") if model.contains("titan") => Dialect::Titan,
            Some("amazon") => Dialect::Nova,
            Some("meta") => Dialect::Llama,
            Some("mistral") => Dialect::Mistral,
            _ => Dialect::Claude,
        }
    }

    /// Reads a request's body.
    pub fn read(self, body: &[u8]) -> Result<Ask, Exception> {
        match self {
            Dialect::Converse => converse::read(body),
            Dialect::Claude => claude::read(body),
            Dialect::Nova => nova::read(body),
            Dialect::Llama => llama::read(body),
            Dialect::Titan => titan::read(body),
            Dialect::Mistral => mistral::read(body),
        }
    }
}

impl Telling {
    /// The body of an answer that comes in one piece.
    pub fn whole(&self) -> Vec<u8> {
        match self.dialect {
            Dialect::Converse => bytes(&converse::whole(self)),
            dialect => bytes(&self.native(dialect)),
        }
    }

    /// The same as the invocation log has it: streams of Converse are merged into one object.
    pub fn logged(&self) -> Value {
        match self.dialect {
            Dialect::Converse => serde_json::to_value(converse::whole(self)).unwrap_or_default(),
            dialect => self.native(dialect),
        }
    }

    fn native(&self, dialect: Dialect) -> Value {
        match dialect {
            Dialect::Converse | Dialect::Claude => claude::whole(self),
            Dialect::Nova => nova::whole(self),
            Dialect::Llama => llama::whole(self),
            Dialect::Titan => titan::whole(self),
            Dialect::Mistral => mistral::whole(self),
        }
    }

    /// Writes the frames of one beat.
    pub fn write(&self, beat: &Beat<'_>, frames: &mut Frames, out: &mut BytesMut) {
        if self.dialect == Dialect::Converse {
            return converse::write(self, beat, frames, out);
        }
        self.native_events(beat, &mut |event| {
            let payload =
                Chunk { bytes: base64::prelude::BASE64_STANDARD.encode(bytes(&event)), p: frames.padding() };
            frames.event(out, "chunk", bytes(&payload));
        });
    }

    /// The model's own events of one beat.
    pub fn native_events(&self, beat: &Beat<'_>, send: &mut dyn FnMut(Value)) {
        match self.dialect {
            Dialect::Converse | Dialect::Claude => claude::events(self, beat, send),
            Dialect::Nova => nova::events(self, beat, send),
            Dialect::Llama => llama::events(self, beat, send),
            Dialect::Titan => titan::events(self, beat, send),
            Dialect::Mistral => mistral::events(self, beat, send),
        }
    }

    /// What the last native event of a stream carries besides.
    fn metrics(&self) -> Value {
        let usage = &self.usage;
        let mut metrics = json!({
            "inputTokenCount": usage.input,
            "outputTokenCount": usage.output,
            "invocationLatency": self.latency_ms,
            "firstByteLatency": self.first_byte_ms,
        });
        if usage.cached {
            metrics["cacheReadInputTokenCount"] = usage.read.into();
            metrics["cacheWriteInputTokenCount"] = usage.write.into();
        }
        metrics
    }

    /// All text of the answer, for models that know no blocks.
    fn text(&self) -> String {
        self.script.blocks.iter().map(Block::whole).collect()
    }

    /// An id that belongs to this answer and is the same in every run.
    fn id(&self, prefix: &str, length: usize) -> String {
        let letters = Words { block: ID, ..self.words }.letters(length);
        format!("{prefix}{}", letters.replace(['_', '-'], "0"))
    }

    /// The signature under a block of reasoning.
    fn signature(&self) -> String {
        Words { block: SIGNATURE, ..self.words }.letters(SIGNATURE_LETTERS)
    }
}

/// Purposes of this file's draws; blocks of text have the small numbers.
const ID: u32 = 1 << 25;
const SIGNATURE: u32 = 1 << 25 | 1;
const SIGNATURE_LETTERS: usize = 344;

/// The key of the last native event's metrics.
const METRICS: &str = "amazon-bedrock-invocationMetrics";

#[derive(Debug, Serialize)]
struct Chunk {
    bytes: String,
    p: &'static str,
}

/// Our own types serialise: their keys are strings and they hold no other numbers than plain ones.
fn bytes(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests;
