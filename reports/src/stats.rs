//! Every derived number, defined once. Each takes a sum of cells ([`Tally`]) and says in its text what it divides by
//! what; numbers about time after a trigger are in [`flow`].
//!
//! A number without its denominator is [`Value::NoData`], never 0.

pub mod flow;
pub mod over_time;

use crate::{
    quantity::Value,
    run_file::PhaseCell,
    samples::{Percentile, Samples},
    tally::Tally,
};

/// Fewer requests than this move a share by more than five points each.
pub const REQUESTS_MIN: u64 = 20;

/// Requests that did not end in a whole answer: failed, broken, abandoned, shed or still open.
pub fn unanswered(counts: &PhaseCell) -> u64 {
    counts.failed + counts.broken + counts.abandoned + counts.shed + counts.open
}

/// Offered requests that no count explains, or that were counted twice (negative). Not 0 means that the recorder is
/// wrong and nothing in the run can be trusted.
pub fn unexplained(counts: &PhaseCell) -> i128 {
    i128::from(counts.offered) - i128::from(counts.answered) - i128::from(unanswered(counts))
}

/// Whole answers of all offered requests.
pub fn success(tally: &Tally) -> Value {
    of_offered(tally, tally.counts.answered)
}

/// Whole answers within the SLO, of all offered requests.
pub fn goodput(tally: &Tally) -> Value {
    of_offered(tally, tally.counts.good)
}

/// Good answers per second of the phases.
pub fn goodput_rate(tally: &Tally) -> Value {
    Value::ratio(tally.counts.good as f64, tally.seconds)
}

/// Requests that failed or broke, of all offered.
pub fn failures(tally: &Tally) -> Value {
    of_offered(tally, tally.counts.failed + tally.counts.broken)
}

/// Requests whose caller left first, of all offered.
pub fn abandoned(tally: &Tally) -> Value {
    of_offered(tally, tally.counts.abandoned)
}

/// Requests that failed by the strategy's own decision, of all offered.
pub fn rejected(tally: &Tally) -> Value {
    of_offered(tally, tally.counts.failed_by_class.get("local_reject").copied().unwrap_or(0))
}

/// Answers that the strategy's own `max_tokens` cut off, of all whole answers; no data if the file does not tell.
pub fn cut_short(tally: &Tally) -> Value {
    let answered = tally.counts.answered as f64;
    tally.counts.cut_short.map_or(Value::NoData, |cut| Value::ratio(cut as f64, answered))
}

/// Why the strategy itself turned requests away, as shares, largest first.
pub fn rejection_reasons(tally: &Tally) -> Vec<(String, f64)> {
    shares(tally.counts.rejected_by_reason.iter().map(|(name, count)| (name.clone(), *count)))
}

/// Requests that the generator never began, of all offered.
pub fn shed(tally: &Tally) -> Value {
    of_offered(tally, tally.counts.shed)
}

/// Attempts per request that was begun (offered without shed).
pub fn amplification(tally: &Tally) -> Value {
    let begun = tally.counts.offered.saturating_sub(tally.counts.shed);
    Value::ratio(tally.counts.attempts as f64, begun as f64)
}

/// Throttled attempts, of all attempts.
pub fn throttles(tally: &Tally) -> Value {
    let throttled = tally.counts.attempts_failed_by_class.get("throttle").copied().unwrap_or(0);
    Value::ratio(throttled as f64, tally.counts.attempts as f64)
}

/// Output tokens produced for nobody, of all output tokens.
pub fn wasted_tokens(tally: &Tally) -> Value {
    Value::ratio(tally.counts.wasted_tokens as f64, tally.counts.output_tokens as f64)
}

/// Dollars per 1,000 good answers, with everything that was paid for the others; infinite if money was spent and no
/// answer was good, no data if a price is not known.
pub fn cost(tally: &Tally) -> Value {
    match (tally.counts.good, tally.counts.cost_usd) {
        (_, None) => Value::NoData,
        (0, Some(usd)) if usd > 0.0 => Value::Infinite,
        (good, Some(usd)) => Value::ratio(usd * 1_000.0, good as f64),
    }
}

/// Dollars per replication.
pub fn spend(tally: &Tally) -> Value {
    tally.counts.cost_usd.map_or(Value::NoData, |usd| Value::ratio(usd, f64::from(tally.replications)))
}

/// Whole answers that came from one target, of all whole answers.
pub fn target_share(tally: &Tally, target: usize) -> Value {
    let from_target = tally.counts.answered_by_target.get(target).copied().unwrap_or(0);
    Value::ratio(from_target as f64, tally.counts.answered as f64)
}

/// Whole answers that one model made, of all whole answers; no data where models were not counted.
pub fn model_share(tally: &Tally, model: &str) -> Value {
    let by_model = &tally.counts.answered_by_model;
    if by_model.is_empty() {
        return Value::NoData;
    }
    Value::ratio(by_model.get(model).copied().unwrap_or(0) as f64, tally.counts.answered as f64)
}

/// Whole answers by the model that made them, as shares, largest first.
pub fn model_shares(tally: &Tally) -> Vec<(String, f64)> {
    shares(tally.counts.answered_by_model.iter().map(|(name, count)| (name.clone(), *count)))
}

/// Served attempts by the Region that served them, as shares, largest first.
pub fn region_shares(tally: &Tally) -> Vec<(String, f64)> {
    shares(tally.counts.served_by_region.iter().map(|(name, count)| (name.clone(), *count)))
}

/// Failed and broken requests by class, as shares, largest first.
pub fn failure_classes(tally: &Tally) -> Vec<(String, f64)> {
    shares(tally.counts.failed_by_class.iter().map(|(name, count)| (name.clone(), *count)))
}

fn shares(counts: impl Iterator<Item = (String, u64)>) -> Vec<(String, f64)> {
    let mut counts: Vec<(String, u64)> = counts.filter(|(_, count)| *count > 0).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let whole: u64 = counts.iter().map(|(_, count)| count).sum();
    counts.into_iter().map(|(name, count)| (name, count as f64 / whole as f64)).collect()
}

fn of_offered(tally: &Tally, part: u64) -> Value {
    Value::ratio(part as f64, tally.counts.offered as f64)
}

/// What a latency is the latency of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// From the intended arrival to the first content.
    FirstToken,
    /// From the intended arrival to the last token.
    Total,
    /// Between tokens, averaged per answer.
    Gap,
    /// One attempt, from sending to end.
    Attempt,
}

/// A percentile over every offered request; those without a whole answer rank as infinitely slow. Gaps exist only in
/// answers, and attempts are recorded however they end, so for these two nothing is added.
pub fn latency(tally: &Tally, clock: Clock, percentile: Percentile) -> (Value, u64) {
    let samples = samples(tally, clock);
    let never = match clock {
        Clock::FirstToken | Clock::Total => unanswered(&tally.counts),
        Clock::Gap | Clock::Attempt => 0,
    };
    (samples.percentile(percentile, never), samples.len() + never)
}

/// The same percentile over whole answers only: how fast it was for those it was there for.
pub fn latency_of_answers(tally: &Tally, clock: Clock, percentile: Percentile) -> (Value, u64) {
    let samples = samples(tally, clock);
    (samples.percentile(percentile, 0), samples.len())
}

/// The value that one request in `one_in` lies beyond, over every offered request, and how many those are.
pub fn latency_beyond(tally: &Tally, clock: Clock, one_in: f64) -> (Value, u64) {
    let (samples, never) = (samples(tally, clock), unanswered(&tally.counts));
    (samples.beyond(one_in, never), samples.len() + never)
}

fn samples(tally: &Tally, clock: Clock) -> &Samples {
    match clock {
        Clock::FirstToken => &tally.times.first_token,
        Clock::Total => &tally.times.total,
        Clock::Gap => &tally.times.gap,
        Clock::Attempt => &tally.times.attempt,
    }
}

#[cfg(test)]
mod tests;
