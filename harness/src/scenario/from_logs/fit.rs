//! What logged answers say of latencies and sizes.
//!
//! The log has one time for each Converse answer, from request to last token; a scenario has two: to the first token,
//! and for each token after it. A straight line through (output tokens, time) splits the one into the two. Its slope is
//! the median of the slopes between distant pairs (Theil and Sen), so a few stuck answers do not turn it.

use super::gather::{Call, End};

/// Below this, a quantile table is an anecdote.
pub const ENOUGH: usize = 20;
/// Pairs whose slopes are compared, at most.
const PAIRS_MAX: usize = 200_000;
/// Quantiles that a table has.
const AT: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99];

/// A measured quantile table: (share, value), rising in both.
pub type Table = Vec<(f64, f64)>;

/// How fast a model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Pace {
    /// Milliseconds to the first token.
    pub first_ms: Table,
    /// Milliseconds for each token after it.
    pub token_ms: f64,
    /// Answers behind it.
    pub answers: usize,
}

/// One answer's size and time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timed {
    pub output: f64,
    pub ms: f64,
}

/// The answers whose time is logged.
pub fn timed<'a>(calls: impl Iterator<Item = &'a Call>) -> Vec<Timed> {
    let answered = calls.filter(|call| call.end == End::Answered);
    answered
        .filter_map(|call| Some(Timed { output: f64::from(call.output?), ms: f64::from(call.latency_ms?) }))
        .collect()
}

/// The pace behind these answers; none if they are too few.
pub fn pace(answers: &[Timed]) -> Option<Pace> {
    if answers.len() < ENOUGH {
        return None;
    }
    let token_ms = slope(answers);
    Some(Pace { first_ms: table(first_tokens(answers, token_ms))?, token_ms, answers: answers.len() })
}

/// What each answer took less what its tokens took. At least a tenth of the whole: no service begins with its end.
pub fn first_tokens(answers: &[Timed], token_ms: f64) -> Vec<f64> {
    answers.iter().map(|one| (one.ms - token_ms * one.output).max(one.ms / 10.0).max(1.0)).collect()
}

/// The median slope between answers of unlike size; never below zero.
fn slope(answers: &[Timed]) -> f64 {
    let mut sorted = answers.to_vec();
    sorted.sort_by(|a, b| a.output.total_cmp(&b.output));
    let half = sorted.len() / 2;
    let mut slopes = Vec::new();
    // Each short answer with some long ones, at most so many pairs in all.
    let step = (half * (sorted.len() - half) / PAIRS_MAX).max(1);
    for (place, short) in sorted[..half].iter().enumerate() {
        for long in sorted[half..].iter().skip(place % step).step_by(step) {
            let more = long.output - short.output;
            if more >= 1.0 {
                slopes.push((long.ms - short.ms) / more);
            }
        }
    }
    slopes.sort_by(f64::total_cmp);
    slopes.get(slopes.len() / 2).copied().unwrap_or(0.0).max(0.0)
}

/// The quantile table of some values; none if there are too few.
pub fn table(mut values: Vec<f64>) -> Option<Table> {
    if values.len() < ENOUGH {
        return None;
    }
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share + 0.5) as usize];
    Some(AT.iter().map(|share| (*share, at(*share))).collect())
}

/// What `other` takes more than `base`, quantile by quantile: rising, and never below zero.
pub fn excess(other: &Table, base: &Table) -> Table {
    let mut least: f64 = 0.0;
    let pairs = other.iter().zip(base);
    pairs
        .map(|((at, more), (_, less))| {
            least = least.max(more - less);
            (*at, least)
        })
        .collect()
}

/// The middle of some values.
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// How many of the answers that `mine` picks were usually in production when one of the others began: the median over the
/// others. Calls of one second are spread evenly over it.
pub fn at_once_when_others_began(calls: &[Call], mine: impl Fn(&Call) -> bool) -> Option<usize> {
    // Ends go before starts of the same moment, and what is asked before both.
    let mut moves: Vec<(i64, i32)> = Vec::new();
    let answered: Vec<&Call> = calls.iter().filter(|call| call.end == End::Answered).collect();
    for second in answered.chunk_by(|a, b| a.unix_s == b.unix_s) {
        for (place, call) in (0..).zip(second) {
            let from = call.unix_s * 1000 + 1000 * place / second.len() as i64;
            match call.latency_ms {
                Some(ms) if mine(call) => moves.extend([(from, 1), (from + i64::from(ms), -1)]),
                _ if mine(call) => {}
                _ => moves.push((from, 0)),
            }
        }
    }
    moves.sort_unstable();
    let mut now = 0;
    let mut seen = Vec::new();
    for (_, change) in moves {
        now += change;
        if change == 0 {
            seen.push(f64::from(now));
        }
    }
    median(seen).map(|count| count as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_split_into_first_token_and_tokens_despite_stuck_answers() {
        let mut answers: Vec<Timed> = (0..400)
            .map(|i| {
                let output = f64::from(10 + i % 200);
                Timed { output, ms: 500.0 + f64::from(i % 7) * 10.0 + 9.0 * output }
            })
            .collect();
        for stuck in answers.iter_mut().step_by(25) {
            stuck.ms += 30_000.0;
        }
        let pace = pace(&answers).expect("enough answers");
        assert!((pace.token_ms - 9.0).abs() < 0.2, "{pace:?}");
        let median = pace.first_ms.iter().find(|(at, _)| *at == 0.5).expect("a median").1;
        assert!((median - 530.0).abs() < 30.0, "{pace:?}");
        assert!(pace.first_ms.last().expect("a tail").1 > 20_000.0, "the stuck ones are the tail: {pace:?}");
    }

    #[test]
    fn answers_of_one_size_give_no_slope_and_few_give_no_pace() {
        let same = vec![Timed { output: 100.0, ms: 1000.0 }; 50];
        assert_eq!(pace(&same).expect("enough").token_ms, 0.0);
        assert_eq!(pace(&same[..ENOUGH - 1]), None);
    }

    #[test]
    fn an_excess_rises_and_never_lies_below_zero() {
        let table = |values: [f64; 3]| -> Table { [0.1, 0.5, 0.9].into_iter().zip(values).collect() };
        assert_eq!(
            excess(&table([5.0, 40.0, 20.0]), &table([9.0, 10.0, 10.0])),
            table([0.0, 30.0, 30.0]),
            "the last quantile is not below the one before"
        );
    }
}
