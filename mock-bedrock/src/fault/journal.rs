//! The last strikes of a run one by one, for whoever wants to see why a call fared as it did. Bounded: what
//! no longer fits is counted and dropped, oldest first. Faults on pools and Regions belong to no single call
//! and are not in it.

use std::collections::VecDeque;

use super::Stage;
use crate::Nanos;

/// One rule's strike at one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strike {
    /// Place of the rule in the list as written.
    pub rule: u32,
    pub stage: Stage,
    pub at: Nanos,
    pub request: u64,
    pub attempt: u32,
    /// Whether it changed anything.
    pub applied: bool,
}

#[derive(Debug, Clone)]
pub struct Journal {
    limit: usize,
    strikes: VecDeque<Strike>,
    dropped: u64,
}

impl Journal {
    pub(super) fn new(limit: usize) -> Journal {
        Journal { limit, strikes: VecDeque::new(), dropped: 0 }
    }

    pub(super) fn note(&mut self, strike: Strike) {
        if self.strikes.len() >= self.limit {
            self.dropped += 1;
            self.strikes.pop_front();
        }
        if self.limit > 0 {
            self.strikes.push_back(strike);
        }
    }

    /// Oldest first.
    pub fn strikes(&self) -> impl Iterator<Item = &Strike> {
        self.strikes.iter()
    }

    /// How many strikes no longer fitted.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_last_strikes_and_counts_the_others() {
        let strike =
            |request| Strike { rule: 0, stage: Stage::Auth, at: 0, request, attempt: 0, applied: true };
        for (limit, kept, dropped) in [(0, vec![], 5), (2, vec![3, 4], 3), (9, vec![0, 1, 2, 3, 4], 0)] {
            let mut journal = Journal::new(limit);
            (0..5).for_each(|request| journal.note(strike(request)));
            assert_eq!(
                journal.strikes().map(|strike| strike.request).collect::<Vec<_>>(),
                kept,
                "limit {limit}"
            );
            assert_eq!(journal.dropped(), dropped, "limit {limit}");
        }
    }
}
