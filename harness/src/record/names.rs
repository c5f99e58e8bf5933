//! A cell's attempts by the names that the service gave them, so that its log can be held against what the client saw.

use std::collections::BTreeMap;

use richter_core::event::{AttemptResult, Ended};
use richter_mock_bedrock::Nanos;

use super::books::Key;
use crate::observe::join::{Attempt, CellId, Sent};

#[derive(Debug, Default)]
pub struct Names {
    /// Of attempts whose end is still to come.
    open: BTreeMap<Key, u128>,
    ended: Vec<Attempt>,
    unnamed: u64,
}

impl Names {
    /// A call's answer has begun.
    pub fn named(&mut self, key: Key, [high, low]: [u64; 2]) {
        self.open.insert(key, u128::from(high) << 64 | u128::from(low));
    }

    /// An attempt is over, whatever came of it.
    pub fn ended(&mut self, key: Key, at: Nanos, end: &Ended) {
        let Some(id) = self.open.remove(&key) else {
            self.unnamed += 1;
            return;
        };
        let mut attempt = Attempt::new(id, 0, u32::try_from(end.sent / 1_000_000).unwrap_or(u32::MAX));
        if let Some(first) = end.first {
            attempt.first = hundredths(first.saturating_sub(end.sent));
        }
        attempt.took = hundredths(at.saturating_sub(end.sent));
        attempt.answered = matches!(end.result, AttemptResult::Answered(_));
        attempt.retry = key.1 > 0;
        self.ended.push(attempt);
    }

    /// The client's side of a cell that is over.
    pub fn close(self, cell: CellId) -> Sent {
        Sent { cells: vec![cell], attempts: self.ended, unnamed: self.unnamed }
    }
}

/// Of a millisecond.
fn hundredths(length: Nanos) -> u32 {
    u32::try_from(length / 10_000).unwrap_or(u32::MAX - 1)
}

#[cfg(test)]
mod tests {
    use richter_core::{request::Usage, target::TargetId};

    use super::*;

    #[test]
    fn an_attempt_has_the_name_that_came_with_its_answer_and_none_without_one() {
        let mut names = Names::default();
        let answered = AttemptResult::Answered(Usage::default());
        let end = |first, result| Ended { target: TargetId(0), sent: 2_000_000_000, first, result };
        names.named((7, 1), [1, 2]);
        names.ended((7, 0), 2_100_000_000, &end(None, AttemptResult::Cancelled));
        names.ended((7, 1), 2_500_000_000, &end(Some(2_050_000_000), answered));
        let cell = CellId { strategy: 3, replication: 1 };
        let Sent { cells, attempts, unnamed } = names.close(cell);
        assert_eq!((cells, unnamed), (vec![cell], 1));
        let Attempt { id, sent_ms, first, took, answered, retry, .. } = attempts[0];
        assert_eq!((id, sent_ms, first, took), ((1 << 64) + 2, 2_000, 5_000, 50_000));
        assert!(answered && retry);
    }
}
