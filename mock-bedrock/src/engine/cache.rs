//! Prompt caches: one for each Region and model, of the beginnings of prompts that were read there lately.
//!
//! An entry is there from the first token of the answer whose call wrote it, so that two calls at once both write. Each
//! use keeps it for another five minutes. What is read from it counts at admission and not at settlement, and takes no
//! time to read. Behind a cross-Region profile the cache is where the call was served.

use std::collections::BTreeMap;

use crate::{
    Nanos,
    world::{ModelId, RegionId},
};

/// An entry that is not used is gone after this.
const TTL: Nanos = 300 * 1_000_000_000;
/// Shorter beginnings are not cached. Some models ask for more.
pub const PREFIX_MIN: u32 = 1_024;
/// Entries kept at most. When all of them are warm, nothing new is written.
const ENTRIES_MAX: usize = 65_536;

/// The beginning of a prompt that other prompts share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// The same for all prompts that begin alike.
    pub key: u64,
    /// How long it is; part of the prompt's input tokens.
    pub tokens: u32,
}

/// Where a beginning is kept.
pub(super) type CacheKey = (RegionId, ModelId, u64);

#[derive(Debug, Clone, Copy)]
struct Entry {
    ready: Nanos,
    until: Nanos,
}

#[derive(Debug, Default)]
pub(super) struct PromptCache {
    entries: BTreeMap<CacheKey, Entry>,
}

impl PromptCache {
    /// Whether it is there; if it is, it stays for another while.
    pub(super) fn reads(&mut self, key: CacheKey, now: Nanos) -> bool {
        match self.entries.get_mut(&key) {
            Some(entry) if (entry.ready..entry.until).contains(&now) => {
                entry.until = now.saturating_add(TTL);
                true
            }
            _ => false,
        }
    }

    /// A call of now reads it anew; it is there when the answer's first token is.
    pub(super) fn writes(&mut self, key: CacheKey, ready: Nanos, now: Nanos) {
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.retain(|_, entry| now < entry.until);
        }
        if ready == Nanos::MAX || (self.entries.len() >= ENTRIES_MAX && !self.entries.contains_key(&key)) {
            return;
        }
        let fresh = Entry { ready, until: ready.saturating_add(TTL) };
        let entry = self.entries.entry(key).or_insert(fresh);
        // The earlier of two that write at once is there first; what has gone cold is written anew.
        if now >= entry.until || ready < entry.ready {
            *entry = fresh;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Nanos = 1_000_000_000;
    const KEY: CacheKey = (RegionId(0), ModelId(0), 7);

    #[test]
    fn what_was_written_can_be_read_from_its_first_token_on_and_is_kept_while_it_is_used() {
        let mut cache = PromptCache::default();
        assert!(!cache.reads(KEY, 0));
        cache.writes(KEY, 2 * SECOND, 0);
        let table = [(1, false), (2, true), (300, true), (599, true), (900, false)];
        for (second, hit) in table {
            assert_eq!(cache.reads(KEY, second * SECOND), hit, "at {second} s");
        }
        cache.writes(KEY, 901 * SECOND, 900 * SECOND);
        assert!(cache.reads(KEY, 902 * SECOND), "written anew");
        assert!(!cache.reads((RegionId(1), ModelId(0), 7), 902 * SECOND), "another Region has its own");
    }

    #[test]
    fn of_two_that_write_at_once_the_earlier_counts() {
        let mut cache = PromptCache::default();
        cache.writes(KEY, 5 * SECOND, 0);
        cache.writes(KEY, 3 * SECOND, SECOND);
        cache.writes(KEY, 9 * SECOND, SECOND);
        assert!(cache.reads(KEY, 3 * SECOND));
    }

    #[test]
    fn it_holds_so_much_and_forgets_what_is_cold_first() {
        let mut cache = PromptCache::default();
        (0..70_000u64).for_each(|key| cache.writes((RegionId(0), ModelId(0), key), 1, 0));
        assert_eq!(cache.entries.len(), ENTRIES_MAX);
        cache.writes((RegionId(0), ModelId(0), 99_999), 301 * SECOND, 301 * SECOND);
        assert_eq!(cache.entries.len(), 1);
    }
}
