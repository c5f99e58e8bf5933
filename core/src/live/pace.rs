//! How fast a stream comes, kept by the token: when it will have been too slow if nothing more comes.

use std::collections::VecDeque;

use crate::{Nanos, span, strategy::PaceLimit};

/// A limit on the pace of one stream.
#[derive(Debug)]
pub(super) struct Pace {
    limit: PaceLimit,
    /// When tokens came and how many, as far back as the limit looks.
    came: VecDeque<(Nanos, u64)>,
    /// All of those.
    tokens: u64,
}

impl Pace {
    pub(super) fn new(limit: PaceLimit) -> Pace {
        Pace { limit, came: VecDeque::new(), tokens: 0 }
    }

    pub(super) fn came(&mut self, tokens: u32, now: Nanos) {
        let tokens = u64::from(tokens);
        if tokens == 0 {
            return;
        }
        self.came.push_back((now, tokens));
        self.tokens += tokens;
        // A stretch begins with a token after which too few have come: none before the latest so many.
        while let Some((_, oldest)) = self.came.front().copied()
            && self.tokens - oldest >= u64::from(self.limit.tokens)
        {
            self.came.pop_front();
            self.tokens -= oldest;
        }
    }

    /// When the stream is too slow, unless more of it comes; `None` before its first token.
    pub(super) fn ends(&self) -> Option<Nanos> {
        self.came.front().map(|(from, _)| from.saturating_add(span::nanos(self.limit.within)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MS: Nanos = 1_000_000;

    #[test]
    fn the_limit_looks_back_by_so_many_tokens_however_they_come_in_parts() {
        let mut pace = Pace::new(PaceLimit { tokens: 3, within: Duration::from_millis(100) });
        assert_eq!(pace.ends(), None, "nothing has come");
        // (tokens that come, at; when it will be too slow)
        let table = [
            (1, 10, 110),
            (0, 20, 110),
            (1, 60, 110),
            (1, 70, 110),
            // The fourth: three have come after the first.
            (1, 90, 160),
            (1, 95, 170),
            (9, 100, 200),
            (1, 300, 200),
            (2, 310, 400),
        ];
        for (tokens, at, ends) in table {
            pace.came(tokens, at * MS);
            assert_eq!(pace.ends(), Some(ends * MS), "{tokens} at {at} ms");
        }
    }
}
