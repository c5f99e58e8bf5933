//! What a cell decided and how its attempts ended, packed: enough for later code to name the first decision that it
//! takes differently.
//!
//! A rolling hash tells that two runs differ, not where. Whole decisions with their times would tell all, and fill a
//! repository. But whoever plays the scenario again has the arrivals, the requests and the times already, as long as
//! nothing has differed yet. So only what was decided is kept, word by word in order, and waits as differences from the
//! latest wait of the same word; both deflate to a fraction of a byte per decision. What is left is a world that answers
//! otherwise before any decision differs: for that the hash is kept after each block of events.

use std::io::{self, Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use indexmap::IndexSet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Events between two hashes that are kept: half a bit of hash for each event.
pub const BLOCK_EVENTS: u64 = 64;
/// More than a cell of 20 million requests needs; what claims to unpack to more is damaged.
const UNPACKED_MAX: u64 = 256 << 20;
/// Kinds of decisions that one cell can know.
const WORDS_MAX: usize = 1 << 16;

#[derive(Debug, thiserror::Error)]
pub enum DecisionsError {
    #[error("decisions are not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("decisions do not unpack: {0}")]
    Io(#[from] io::Error),
    #[error("decisions unpack to more than {} MiB", UNPACKED_MAX >> 20)]
    TooLarge,
    #[error("decisions are damaged: {0}")]
    Damaged(&'static str),
}

/// The packed decisions of one cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decisions {
    /// How many events the hash went over.
    pub events: u64,
    /// How many entries follow.
    pub entries: u64,
    /// What entries say, by the index that `words_packed` uses.
    pub words: Vec<Word>,
    /// Of each entry its word; variable-length numbers, deflated, base64.
    pub words_packed: String,
    /// What belongs to entries: waits in nanoseconds as differences, and token limits. Packed likewise.
    pub numbers_packed: String,
    /// After each 64 events: milliseconds since the block before, and 32 bits of the rolling hash. Packed likewise.
    pub blocks_packed: String,
}

/// What one entry says, without its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Word {
    pub kind: WordKind,
    /// Attempts that the request had sent before; of an attempt's end, those before it.
    pub after: u32,
    /// By name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The reason of a decision, the class of a failure; by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WordKind {
    /// Decided: send, with a wait that is mostly 0.
    Send,
    /// Decided: send with a `max_tokens` of the strategy's own.
    SendCapped,
    /// Decided: ask again after a wait.
    Wait,
    /// Decided: no further attempt.
    Stop,
    /// An attempt ended in a whole answer.
    Answered,
    Failed,
    Cancelled,
}

impl WordKind {
    pub const fn is_decision(self) -> bool {
        matches!(self, WordKind::Send | WordKind::SendCapped | WordKind::Wait | WordKind::Stop)
    }

    const fn waits(self) -> bool {
        matches!(self, WordKind::Send | WordKind::SendCapped | WordKind::Wait)
    }
}

/// One decision, or one attempt's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Index into the words.
    pub word: u32,
    /// Of a decision to send or to ask again.
    pub wait_ns: u64,
    /// Of a capped sending.
    pub max_tokens: u32,
}

/// The hash after a block of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    pub hash: u32,
    /// When its last event happened.
    pub at_ms: u64,
}

/// Packs entries and blocks as they come.
#[derive(Debug)]
pub struct Writer {
    words: IndexSet<Word>,
    /// The latest wait of each word.
    waits: Vec<u64>,
    entries: u64,
    blocks_at_ms: u64,
    word_bytes: DeflateEncoder<Vec<u8>>,
    number_bytes: DeflateEncoder<Vec<u8>>,
    block_bytes: DeflateEncoder<Vec<u8>>,
}

const IN_MEMORY: &str = "writing to memory cannot fail";

impl Default for Writer {
    fn default() -> Self {
        let encoder = || DeflateEncoder::new(Vec::new(), Compression::best());
        Writer {
            words: IndexSet::new(),
            waits: Vec::new(),
            entries: 0,
            blocks_at_ms: 0,
            word_bytes: encoder(),
            number_bytes: encoder(),
            block_bytes: encoder(),
        }
    }
}

impl Writer {
    /// The index of a word, for entries.
    pub fn word(&mut self, word: Word) -> u32 {
        let (index, new) = self.words.insert_full(word);
        if new {
            self.waits.push(0);
        }
        index as u32
    }

    pub fn push(&mut self, entry: Entry) {
        let index = entry.word as usize;
        let kind = self.words[index].kind;
        put(&mut self.word_bytes, u64::from(entry.word));
        if kind.waits() {
            let change = entry.wait_ns.wrapping_sub(self.waits[index]) as i64;
            self.waits[index] = entry.wait_ns;
            put(&mut self.number_bytes, ((change << 1) ^ (change >> 63)) as u64);
        }
        if kind == WordKind::SendCapped {
            put(&mut self.number_bytes, u64::from(entry.max_tokens));
        }
        self.entries += 1;
    }

    pub fn block(&mut self, block: Block) {
        put(&mut self.block_bytes, block.at_ms.saturating_sub(self.blocks_at_ms));
        self.blocks_at_ms = block.at_ms;
        self.block_bytes.write_all(&block.hash.to_le_bytes()).expect(IN_MEMORY);
    }

    pub fn finish(self, events: u64) -> Decisions {
        let text = |encoder: DeflateEncoder<Vec<u8>>| STANDARD.encode(encoder.finish().expect(IN_MEMORY));
        Decisions {
            events,
            entries: self.entries,
            words: self.words.into_iter().collect(),
            words_packed: text(self.word_bytes),
            numbers_packed: text(self.number_bytes),
            blocks_packed: text(self.block_bytes),
        }
    }
}

fn put(out: &mut impl Write, mut number: u64) {
    let mut bytes = [0; 10];
    let mut length = 0;
    loop {
        bytes[length] = (number & 0x7f) as u8 | if number > 0x7f { 0x80 } else { 0 };
        length += 1;
        number >>= 7;
        if number == 0 {
            return out.write_all(&bytes[..length]).expect(IN_MEMORY);
        }
    }
}

/// Unpacked decisions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    pub words: Vec<Word>,
    pub entries: Vec<Entry>,
    pub blocks: Vec<Block>,
    pub events: u64,
}

impl Decisions {
    pub fn unpack(&self) -> Result<Log, DecisionsError> {
        if self.words.len() > WORDS_MAX {
            return Err(DecisionsError::Damaged("too many words"));
        }
        let (word_bytes, number_bytes) = (inflate(&self.words_packed)?, inflate(&self.numbers_packed)?);
        let (mut word_bytes, mut number_bytes) = (word_bytes.as_slice(), number_bytes.as_slice());
        let mut waits = vec![0_u64; self.words.len()];
        let mut entries = Vec::new();
        while !word_bytes.is_empty() {
            let index = get(&mut word_bytes)?;
            let word = usize::try_from(index).ok().and_then(|index| self.words.get(index));
            let word = word.ok_or(DecisionsError::Damaged("an entry has no word"))?;
            let mut entry = Entry { word: index as u32, wait_ns: 0, max_tokens: 0 };
            if word.kind.waits() {
                let coded = get(&mut number_bytes)?;
                let change = (coded >> 1) ^ (coded & 1).wrapping_neg();
                let wait = &mut waits[index as usize];
                *wait = wait.wrapping_add(change);
                entry.wait_ns = *wait;
            }
            if word.kind == WordKind::SendCapped {
                let tokens = u32::try_from(get(&mut number_bytes)?);
                entry.max_tokens =
                    tokens.map_err(|_| DecisionsError::Damaged("a token limit is too large"))?;
            }
            entries.push(entry);
        }
        if entries.len() as u64 != self.entries || !number_bytes.is_empty() {
            return Err(DecisionsError::Damaged("not as many entries as there should be"));
        }
        Ok(Log { words: self.words.clone(), entries, blocks: self.unpack_blocks()?, events: self.events })
    }

    fn unpack_blocks(&self) -> Result<Vec<Block>, DecisionsError> {
        let bytes = inflate(&self.blocks_packed)?;
        let mut bytes = bytes.as_slice();
        let mut blocks = Vec::new();
        let mut at_ms = 0_u64;
        while !bytes.is_empty() {
            at_ms = at_ms.saturating_add(get(&mut bytes)?);
            let (hash, rest) =
                bytes.split_first_chunk().ok_or(DecisionsError::Damaged("a block is cut off"))?;
            bytes = rest;
            blocks.push(Block { hash: u32::from_le_bytes(*hash), at_ms });
        }
        match blocks.len() as u64 == self.events / BLOCK_EVENTS {
            true => Ok(blocks),
            false => Err(DecisionsError::Damaged("not as many blocks as events need")),
        }
    }
}

fn inflate(text: &str) -> Result<Vec<u8>, DecisionsError> {
    let packed = STANDARD.decode(text)?;
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed.as_slice()).take(UNPACKED_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > UNPACKED_MAX { Err(DecisionsError::TooLarge) } else { Ok(bytes) }
}

fn get(bytes: &mut &[u8]) -> Result<u64, DecisionsError> {
    let mut number = 0;
    for place in 0..10 {
        let Some((byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << (7 * place);
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(DecisionsError::Damaged("a number is cut off"))
}

impl Log {
    /// An entry in words, such as `send to west after 412.0 ms (the same target again, after a back-off)`. `meaning` explains
    /// a reason's name where it is still known.
    pub fn tell(&self, entry: &Entry, meaning: impl Fn(&str) -> Option<&'static str>) -> String {
        let Some(word) = self.words.get(entry.word as usize) else { return "?".to_owned() };
        let target = word.target.as_deref().unwrap_or("?");
        let after = match entry.wait_ns {
            0 => String::new(),
            wait => format!(" after {:.3} ms", wait as f64 / 1e6),
        };
        let why = word.why.as_deref().unwrap_or("?");
        let reason = meaning(why).map_or_else(|| why.replace('_', " "), str::to_owned);
        match word.kind {
            WordKind::Send => format!("send to {target}{after} ({reason})"),
            WordKind::SendCapped => {
                format!("send to {target}{after} with max_tokens {} ({reason})", entry.max_tokens)
            }
            WordKind::Wait => format!("ask again{after} ({reason})"),
            WordKind::Stop => format!("no further attempt ({reason})"),
            WordKind::Answered => format!("an attempt to {target} answered"),
            WordKind::Failed => format!("an attempt to {target} failed: {}", why.replace('_', " ")),
            WordKind::Cancelled => format!("an attempt to {target} was cancelled"),
        }
    }
}

/// Where two logs first say different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fork {
    /// The first entry that is not the same, if one is not.
    pub entry: Option<usize>,
    /// Until when every event was the same.
    pub same_until_ms: u64,
}

/// Compares two logs of the same cell; `None` if they say the same.
pub fn fork(left: &Log, right: &Log) -> Option<Fork> {
    let same_blocks = left.blocks.iter().zip(&right.blocks).take_while(|(l, r)| l == r).count();
    let same =
        left.entries.iter().zip(&right.entries).take_while(|(l, r)| same_entry(left, l, right, r)).count();
    let entry = (same < left.entries.len().max(right.entries.len())).then_some(same);
    let all_blocks = same_blocks == left.blocks.len().max(right.blocks.len());
    if entry.is_none() && all_blocks && left.events == right.events {
        return None;
    }
    let same_until_ms = same_blocks.checked_sub(1).map_or(0, |last| left.blocks[last].at_ms);
    Some(Fork { entry, same_until_ms })
}

fn same_entry(left: &Log, l: &Entry, right: &Log, r: &Entry) -> bool {
    left.words.get(l.word as usize) == right.words.get(r.word as usize)
        && (l.wait_ns, l.max_tokens) == (r.wait_ns, r.max_tokens)
}

#[cfg(test)]
mod tests;
