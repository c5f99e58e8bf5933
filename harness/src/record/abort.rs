//! The scenario's abort rules, watched while a strategy runs.

use richter_core::span;
use richter_mock_bedrock::{
    Nanos,
    units::{Share, Span},
};

use crate::scenario::plan::Abort;

const SECOND: Nanos = 1_000_000_000;
/// Fewer ended requests in the window say nothing about a share.
const ENDED_MIN: u64 = 10;

/// Watches spend and success; remembers the first rule that was broken.
#[derive(Debug)]
pub struct AbortWatch {
    rules: Abort,
    spent_usd: f64,
    /// Ended and answered requests per second of the success window, as a ring.
    ring: Vec<(u64, u64)>,
    ended: u64,
    answered: u64,
    second: u64,
    broken: Option<Broken>,
}

/// A broken abort rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    pub rule: String,
    pub spend: bool,
    pub at: Nanos,
}

impl AbortWatch {
    pub fn new(rules: Abort) -> AbortWatch {
        let seconds = rules.success_below.map_or(0, |(_, span)| span.as_secs().max(1));
        let ring = vec![(0, 0); usize::try_from(seconds).unwrap_or(usize::MAX).min(86_400)];
        AbortWatch { rules, spent_usd: 0.0, ring, ended: 0, answered: 0, second: 0, broken: None }
    }

    pub fn spent_usd(&self) -> f64 {
        self.spent_usd
    }

    pub fn broken(&self) -> Option<&Broken> {
        self.broken.as_ref()
    }

    #[inline]
    pub fn spent(&mut self, now: Nanos, usd: f64) {
        self.spent_usd += usd;
        if self.rules.spend_usd.is_some_and(|limit| self.spent_usd > limit) {
            self.trip(now, true);
        }
    }

    #[inline]
    pub fn ended(&mut self, now: Nanos, answered: bool) {
        if self.ring.is_empty() {
            return;
        }
        self.advance(now);
        let slot = (self.second % self.ring.len() as u64) as usize;
        self.ring[slot].0 += 1;
        self.ring[slot].1 += u64::from(answered);
        self.ended += 1;
        self.answered += u64::from(answered);
    }

    /// Closes the seconds that have passed; each full window is judged as it closes.
    fn advance(&mut self, now: Nanos) {
        while self.second < now / SECOND {
            let window = self.ring.len() as u64;
            if self.second + 1 >= window {
                self.judge(now);
            }
            self.second += 1;
            let slot = (self.second % window) as usize;
            self.ended -= self.ring[slot].0;
            self.answered -= self.ring[slot].1;
            self.ring[slot] = (0, 0);
        }
    }

    fn judge(&mut self, now: Nanos) {
        let Some((share, _)) = self.rules.success_below else { return };
        if self.ended >= ENDED_MIN && (self.answered as f64) < share * self.ended as f64 {
            self.trip(now, false);
        }
    }

    #[cold]
    fn trip(&mut self, at: Nanos, spend: bool) {
        if self.broken.is_some() {
            return;
        }
        let rule = match (spend, self.rules.spend_usd, self.rules.success_below) {
            (true, Some(limit), _) => format!("spend above {limit} USD"),
            (_, _, Some((share, length))) => {
                format!("success below {} for {}", Share(share), Span(span::nanos(length)))
            }
            _ => return,
        };
        self.broken = Some(Broken { rule, spend, at });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn success_must_stay_low_for_the_whole_window() {
        let rules = Abort { spend_usd: None, success_below: Some((0.5, Duration::from_secs(3))) };
        let mut watch = AbortWatch::new(rules);
        for second in 0..10u64 {
            let answered = second < 4;
            for _ in 0..10 {
                watch.ended(second * SECOND, answered);
            }
            // Seconds 4 and 5 are bad, 3 is good: the window [3, 5] stands at a third; it is judged when 6 begins.
            assert_eq!(watch.broken().is_some(), second >= 6, "second {second}");
        }
        assert_eq!(watch.broken().map(|b| b.rule.as_str()), Some("success below 50% for 3s"));
    }

    #[test]
    fn spend_trips_once_it_is_above_the_limit() {
        let mut watch = AbortWatch::new(Abort { spend_usd: Some(1.0), success_below: None });
        watch.spent(1, 1.0);
        assert!(watch.broken().is_none());
        watch.spent(2, 0.01);
        assert_eq!(watch.broken().map(|b| b.at), Some(2));
    }
}
