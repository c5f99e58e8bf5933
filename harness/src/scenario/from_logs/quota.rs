//! What throttled calls say of a quota.
//!
//! A token bucket that refuses is empty, and a call that it admits right after a refusal takes what has just flowed in. So
//! from one such call to another the bucket admitted exactly its rate. What it admitted before its first refusal it may
//! have had in store, and that says nothing.

use std::ops::Range;

use super::gather::{Call, End};

/// Refusals further apart belong to two stretches: in between the bucket may have filled up again.
const APART_S: i64 = 15;
/// A stretch that is shorter says little, since the log has whole seconds.
const LEAST_S: i64 = 5;
/// Parts into which stretches are cut, to see which of two rates is the steadier.
const PART_S: i64 = 10;

/// What was admitted while the service refused.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Seen {
    pub throttled: u64,
    /// Stretches of refusals that were long enough, and their length together.
    pub stretches: usize,
    pub seconds: i64,
    pub admitted: u64,
    /// Prompt and answer tokens of what was admitted.
    pub tokens: u64,
    /// Which of the two the refusals seem to have come from.
    pub binding: Option<Binding>,
    /// Most requests and tokens that were admitted within one minute by the clock, refusals or not.
    pub busiest_requests: u64,
    pub busiest_tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    Requests,
    Tokens,
}

impl Seen {
    /// Of calls in order of time.
    pub fn of(calls: &[Call]) -> Seen {
        let (busiest_requests, busiest_tokens) = busiest(calls);
        let throttled = calls.iter().filter(|call| call.end == End::Throttled).count() as u64;
        let mut seen = Seen { throttled, busiest_requests, busiest_tokens, ..Seen::default() };
        let mut parts = Vec::new();
        for stretch in stretches(calls) {
            let within = &calls[stretch];
            let seconds = within.last().map_or(0, |last| last.unix_s) - within[0].unix_s;
            seen.stretches += 1;
            seen.seconds += seconds;
            // The first of them took what flowed in before.
            let admitted = within.iter().skip(1).filter(|call| call.end != End::Throttled);
            seen.admitted += admitted.clone().count() as u64;
            seen.tokens += admitted.map(tokens).sum::<u64>();
            parts.extend(in_parts(within));
        }
        seen.binding = binding(&parts);
        seen
    }

    pub fn requests_per_minute(&self) -> Option<f64> {
        self.per_minute(self.admitted)
    }

    pub fn tokens_per_minute(&self) -> Option<f64> {
        self.per_minute(self.tokens)
    }

    fn per_minute(&self, count: u64) -> Option<f64> {
        (self.seconds > 0 && count > 0).then(|| count as f64 * 60.0 / self.seconds as f64)
    }
}

fn tokens(call: &Call) -> u64 {
    u64::from(call.input.unwrap_or(0)) + u64::from(call.output.unwrap_or(0))
}

/// Where the service refused again and again: from the first call that it admitted right after a refusal to the last.
fn stretches(calls: &[Call]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut first, mut last, mut refused_s) = (None, 0, i64::MIN / 2);
    for (place, call) in calls.iter().enumerate() {
        if call.unix_s - refused_s > APART_S {
            found.extend(first.take().map(|first| first..last + 1));
        }
        let right_after = place > 0 && calls[place - 1].end == End::Throttled;
        if call.end == End::Throttled {
            refused_s = call.unix_s;
        } else if right_after && call.unix_s - refused_s <= APART_S {
            first.get_or_insert(place);
            last = place;
        }
    }
    found.extend(first.map(|first| first..last + 1));
    found.retain(|range: &Range<usize>| calls[range.end - 1].unix_s - calls[range.start].unix_s >= LEAST_S);
    found
}

/// Requests and tokens admitted in each whole part of a stretch.
fn in_parts(within: &[Call]) -> Vec<(f64, f64)> {
    let from = within[0].unix_s;
    let length = within.last().map_or(0, |last| last.unix_s) - from;
    let mut parts = vec![(0.0, 0.0); usize::try_from(length / PART_S).unwrap_or(0)];
    for call in within.iter().filter(|call| call.end != End::Throttled) {
        let place = usize::try_from((call.unix_s - from) / PART_S).unwrap_or(usize::MAX);
        if let Some((requests, sum)) = parts.get_mut(place) {
            *requests += 1.0;
            *sum += tokens(call) as f64;
        }
    }
    parts
}

/// What limits flows evenly; what is limited along with it scatters with the sizes of requests.
fn binding(parts: &[(f64, f64)]) -> Option<Binding> {
    if parts.len() < 6 {
        return None;
    }
    let requests = spread(parts.iter().map(|part| part.0))?;
    let tokens = spread(parts.iter().map(|part| part.1))?;
    Some(if requests <= tokens { Binding::Requests } else { Binding::Tokens })
}

/// Standard deviation by mean.
fn spread(values: impl Iterator<Item = f64> + Clone) -> Option<f64> {
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean) * (value - mean)).sum::<f64>() / count;
    (mean > 0.0).then(|| libm::sqrt(variance) / mean)
}

fn busiest(calls: &[Call]) -> (u64, u64) {
    let (mut most, mut minute, mut now) = ((0, 0), i64::MIN, (0_u64, 0_u64));
    for call in calls.iter().filter(|call| call.end == End::Answered) {
        if call.unix_s.div_euclid(60) != minute {
            (minute, now) = (call.unix_s.div_euclid(60), (0, 0));
        }
        now = (now.0 + 1, now.1 + tokens(call));
        most = (most.0.max(now.0), most.1.max(now.1));
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::from_logs::gather::Operation;

    fn call(unix_s: i64, throttled: bool, size: u32) -> Call {
        Call {
            unix_s,
            way: 0,
            operation: Operation::Converse,
            end: if throttled { End::Throttled } else { End::Answered },
            serving: None,
            input: (!throttled).then_some(size),
            output: (!throttled).then_some(0),
            latency_ms: None,
            max_tokens: None,
        }
    }

    /// Calls at a steady rate into a bucket of so many a minute, each second by second.
    fn bucket(quota: f64, by_tokens: bool, per_second: u32, seconds: i64) -> Vec<Call> {
        let mut left = quota;
        let mut calls = Vec::new();
        for second in 0..seconds {
            left = (left + quota / 60.0).min(quota);
            for n in 0..per_second {
                let size = 50 + (u32::try_from(second).expect("small") * 37 + n * 101) % 900;
                let price = if by_tokens { f64::from(size) } else { 1.0 };
                let admitted = left >= price;
                left -= if admitted { price } else { 0.0 };
                calls.push(call(second, !admitted, size));
            }
        }
        calls
    }

    #[test]
    fn the_rate_of_a_bucket_is_recovered_from_its_refusals() {
        for quota in [60.0, 120.0, 300.0] {
            let seen = Seen::of(&bucket(quota, false, 8, 400));
            let found = seen.requests_per_minute().expect("refusals");
            assert!((found / quota - 1.0).abs() < 0.05, "{quota}: {found}");
            assert_eq!(seen.binding, Some(Binding::Requests), "{seen:?}");
        }
        let seen = Seen::of(&bucket(60_000.0, true, 8, 400));
        let found = seen.tokens_per_minute().expect("refusals");
        assert!((found / 60_000.0 - 1.0).abs() < 0.05, "{found}");
        assert_eq!(seen.binding, Some(Binding::Tokens), "{seen:?}");
    }

    #[test]
    fn without_refusals_or_with_a_single_one_nothing_is_claimed() {
        let calm: Vec<Call> = (0..300).map(|second| call(second, false, 100)).collect();
        let seen = Seen::of(&calm);
        assert_eq!((seen.requests_per_minute(), seen.binding, seen.busiest_requests), (None, None, 60));
        let mut one = calm;
        one[100] = call(100, true, 0);
        assert_eq!(Seen::of(&one).requests_per_minute(), None);
    }

    /// The public log of a low-quota account: seconds, and whether the call was admitted.
    const PUBLIC: [(i64, bool); 29] = [
        (56, true),
        (57, true),
        (60, true),
        (62, false),
        (63, false),
        (64, false),
        (68, false),
        (68, false),
        (72, false),
        (73, false),
        (74, false),
        (77, true),
        (79, false),
        (79, false),
        (81, false),
        (83, false),
        (86, false),
        (91, false),
        (92, false),
        (93, false),
        (96, false),
        (98, true),
        (102, false),
        (102, false),
        (103, false),
        (104, false),
        (112, false),
        (116, false),
        (117, true),
    ];

    #[test]
    fn a_real_log_of_three_requests_a_minute_is_read_as_that() {
        let calls = PUBLIC.map(|(second, admitted)| call(second, !admitted, 100));
        let seen = Seen::of(&calls);
        assert_eq!((seen.throttled, seen.stretches, seen.seconds, seen.admitted), (23, 1, 40, 2));
        assert_eq!(seen.requests_per_minute(), Some(3.0));
    }

    #[test]
    fn stretches_far_apart_are_not_joined() {
        let calls: Vec<Call> = [0, 3, 9, 60, 61, 66, 200]
            .into_iter()
            .flat_map(|second| [call(second, true, 0), call(second, false, 9)])
            .collect();
        assert_eq!(stretches(&calls), [1..6, 7..12]);
    }
}
