//! The prompt cache: what was written at which checkpoint, until when it lives, and what a call reads and writes.
//!
//! An entry is a prefix's hash in one account's Region and model. A hit refreshes it. Too short a prefix is not cached at
//! all, and says nothing (AWS: "Prompt caching for faster model inference").

use indexmap::IndexMap;
use serde::Deserialize;

use crate::Nanos;

const MINUTE: Nanos = 60_000_000_000;
/// Entries kept, the oldest falling out first.
const ENTRIES_MAX: usize = 100_000;

/// How long an entry lives after its last use. Longer is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Deserialize)]
pub enum Ttl {
    #[default]
    #[serde(rename = "5m")]
    FiveMinutes,
    #[serde(rename = "1h")]
    OneHour,
}

impl Ttl {
    pub const fn name(self) -> &'static str {
        match self {
            Ttl::FiveMinutes => "5m",
            Ttl::OneHour => "1h",
        }
    }

    const fn span(self) -> Nanos {
        match self {
            Ttl::FiveMinutes => 5 * MINUTE,
            Ttl::OneHour => 60 * MINUTE,
        }
    }
}

/// A checkpoint of a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    pub prefix: u64,
    /// Tokens before it.
    pub tokens: u32,
    pub ttl: Ttl,
}

/// What the cache does for one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Use {
    pub read: u32,
    pub write: u32,
    /// The part of `write` that lives for an hour.
    pub write_1h: u32,
}

#[derive(Debug, Default)]
pub struct PromptCache {
    /// When each entry dies, by owner and prefix.
    entries: IndexMap<(u64, u64), Nanos>,
}

impl PromptCache {
    /// What a call with these checkpoints would read and write. `owner` stands for account, Region and model.
    pub fn look(&self, now: Nanos, owner: u64, points: &[Point], least: u32) -> Use {
        let alive = |point: &Point| self.entries.get(&(owner, point.prefix)).is_some_and(|dies| now < *dies);
        let usable = || points.iter().filter(|point| point.tokens >= least);
        let read = usable().filter(|point| alive(point)).map(|point| point.tokens).max().unwrap_or(0);
        let end = usable().map(|point| point.tokens).max().unwrap_or(0);
        let long = usable().filter(|point| point.ttl == Ttl::OneHour).map(|point| point.tokens).max();
        Use { read, write: end.saturating_sub(read), write_1h: long.unwrap_or(0).saturating_sub(read) }
    }

    /// The call was admitted: writes its entries, and refreshes those that it read.
    pub fn keep(&mut self, now: Nanos, owner: u64, points: &[Point], least: u32) {
        for point in points.iter().filter(|point| point.tokens >= least) {
            let dies = now.saturating_add(point.ttl.span());
            let entry = self.entries.entry((owner, point.prefix)).or_insert(dies);
            *entry = dies.max(*entry);
        }
        if self.entries.len() > ENTRIES_MAX {
            self.entries.retain(|_, dies| *dies > now);
            let above = self.entries.len().saturating_sub(ENTRIES_MAX);
            self.entries.drain(..above);
        }
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

/// The least tokens before a checkpoint for a model to cache them.
pub fn least_tokens(model: &str) -> u32 {
    const LONG: [&str; 4] = ["claude-opus-4-5", "claude-opus-4-6", "claude-haiku-4-5", "claude-sonnet-4-5"];
    if LONG.iter().any(|name| model.contains(name)) {
        4_096
    } else if model.contains("amazon.nova") {
        1_000
    } else {
        1_024
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(prefix: u64, tokens: u32) -> Point {
        Point { prefix, tokens, ttl: Ttl::FiveMinutes }
    }

    #[test]
    fn the_first_call_writes_and_the_next_ones_read() {
        let mut cache = PromptCache::default();
        let points = [point(1, 2_000), point(2, 3_000)];
        assert_eq!(cache.look(0, 7, &points, 1_024), Use { read: 0, write: 3_000, write_1h: 0 });
        cache.keep(0, 7, &points[..1], 1_024);
        assert_eq!(cache.look(MINUTE, 7, &points, 1_024), Use { read: 2_000, write: 1_000, write_1h: 0 });
        assert_eq!(cache.look(MINUTE, 8, &points, 1_024).read, 0, "another owner's entries are not ours");
    }

    #[test]
    fn an_entry_dies_after_its_time_unless_it_is_used() {
        let mut cache = PromptCache::default();
        let points = [point(1, 2_000)];
        cache.keep(0, 7, &points, 1_024);
        cache.keep(4 * MINUTE, 7, &points, 1_024);
        assert_eq!(cache.look(8 * MINUTE, 7, &points, 1_024).read, 2_000, "refreshed after four minutes");
        assert_eq!(cache.look(9 * MINUTE, 7, &points, 1_024).read, 0);
    }

    #[test]
    fn too_short_a_prefix_is_not_cached() {
        let mut cache = PromptCache::default();
        cache.keep(0, 7, &[point(1, 1_023)], 1_024);
        assert_eq!(cache.look(0, 7, &[point(1, 1_023)], 1_024), Use::default());
    }

    #[test]
    fn what_lives_for_an_hour_is_told_apart() {
        let points = [Point { ttl: Ttl::OneHour, ..point(1, 2_000) }, point(2, 5_000)];
        let used = PromptCache::default().look(0, 7, &points, 1_024);
        assert_eq!(used, Use { read: 0, write: 5_000, write_1h: 2_000 });
    }
}
