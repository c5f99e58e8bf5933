//! A live run as lines of text, for logs and build machines.

use std::time::Duration;

use super::screen::{cell_of, count, dollars, millis, mix, rate, span};
use crate::run::board::{Snapshot, State, StrategyNow};

/// A line comes this often at least.
const EVERY: Duration = Duration::from_secs(10);

/// Says when a line is due.
#[derive(Debug, Default)]
pub struct Lines {
    said_at: Option<Duration>,
    said_of: Option<(usize, u32, String, State)>,
}

impl Lines {
    /// The line that is due `now`, if one is.
    pub fn next(&mut self, now: Duration, snapshot: &Snapshot) -> Option<String> {
        let Snapshot { strategy, replication, phase, state, .. } = snapshot;
        let of = (*strategy, *replication, phase.clone(), *state);
        let old = self.said_at.is_some_and(|at| now.saturating_sub(at) < EVERY);
        if snapshot.scenario.is_empty() || (old && self.said_of.as_ref() == Some(&of)) {
            return None;
        }
        (self.said_at, self.said_of) = (Some(now), Some(of));
        Some(line(snapshot))
    }
}

fn line(snapshot: &Snapshot) -> String {
    let mut line = match snapshot.state {
        State::Done => format!("{} on {}: done", snapshot.scenario, snapshot.ground),
        _ => format!("{} on {}: {}", snapshot.scenario, snapshot.ground, cell_of(snapshot)),
    };
    if let (Some(now), true) = (snapshot.strategies.get(snapshot.strategy), snapshot.state != State::Done) {
        line.push_str(&numbers(now));
    }
    if let Some(spent) = snapshot.spent_usd {
        line.push_str(&format!(", {} spent", dollars(spent)));
    }
    if snapshot.state != State::Done {
        line.push_str(&format!(", {} left", span(snapshot.left_s)));
    }
    for said in snapshot.warnings.iter().chain(Some(&snapshot.note).filter(|note| !note.is_empty())) {
        line.push_str(&format!("; {said}"));
    }
    line
}

fn numbers(now: &StrategyNow) -> String {
    let mut text = format!(
        ": {} offered, {} good, first token p50 {} p99 {}, {} throttled, {} open",
        rate(now.offered_per_s),
        rate(now.good_per_s),
        millis(now.first_token_ms_p50),
        millis(now.first_token_ms_p99),
        rate(now.throttles_per_s),
        count(now.in_flight),
    );
    let served = mix(now);
    if !served.is_empty() {
        text.push_str(&format!(", {served}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{super::screen::tests::snapshot, *};

    #[test]
    fn a_line_says_all_that_counts() {
        let said = "viral-spike on mock: cris, strategy 2 of 3, replication 1 of 5, spike: 40.0/s offered, 38.2/s good, first \
                    token p50 450 ms p99 1.99 s, 1.2/s throttled, 31 open, us-east-1 75% us-west-2 25%, $0.27 spent, 2h \
                    08m left; the generator is late: 61.0 ms at p99";
        assert_eq!(line(&snapshot()), said);
        let done =
            Snapshot { state: State::Done, note: "interrupted".into(), warnings: Vec::new(), ..snapshot() };
        assert_eq!(line(&done), "viral-spike on mock: done, $0.27 spent; interrupted");
    }

    #[test]
    fn a_line_comes_every_ten_seconds_and_when_something_begins() {
        let mut lines = Lines::default();
        let mut at =
            |seconds, snapshot: &Snapshot| lines.next(Duration::from_secs(seconds), snapshot).is_some();
        assert!(!at(0, &Snapshot::default()), "nothing is known yet");
        let first = snapshot();
        assert!(at(1, &first));
        assert!(!at(5, &first));
        assert!(at(11, &first));
        let after = Snapshot { phase: "after".into(), ..first.clone() };
        assert!(at(12, &after));
        assert!(!at(13, &after));
        assert!(at(14, &Snapshot { strategy: 2, ..after }));
    }
}
