//! How an alarm judges, as the documentation's tables of missing data have it.
//!
//! Of the last periods and two more the newest points count, as many as the alarm evaluates. Where there are fewer, its
//! treatment of missing data decides about the rest.

use serde_json::json;

use super::{
    State,
    rule::{Gaps, Rule},
};
use crate::{
    cloudwatch::{
        Millis,
        metrics::{Metrics, Span},
    },
    record::rfc3339,
};

/// How many periods more than it evaluates an alarm looks back for points.
const MORE: i64 = 2;

#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    pub state: State,
    pub reason: String,
    pub evidence: String,
}

/// What is to be said of the periods that are over; none where the state stays as it is.
pub fn judge(rule: &Rule, now: Millis, metrics: &Metrics) -> Option<Verdict> {
    let to = now - now.rem_euclid(rule.period);
    let span = Span { from: to - (rule.periods + MORE) * rule.period, to };
    // An expression that cannot be evaluated says as much as no data.
    let lines = metrics.evaluate(&rule.queries, span).unwrap_or_default();
    let line =
        lines.into_iter().find(|(id, _, _)| *id == rule.judged).map(|(_, _, line)| line).unwrap_or_default();
    let wanted = usize::try_from(rule.periods).unwrap_or(1);
    let seen: Vec<(Millis, f64)> = line.into_iter().rev().take(wanted).collect();
    let values: Vec<f64> = seen.iter().map(|(_, value)| *value).collect();
    let state = state(rule, &values)?;
    Some(Verdict { state, reason: reason(rule, state, &seen), evidence: evidence(rule, now, &seen) })
}

/// The state that points lead to, newest first and no more than are evaluated.
fn state(rule: &Rule, values: &[f64]) -> Option<State> {
    let breaching = i64::try_from(values.iter().filter(|value| rule.breaches(**value)).count()).unwrap_or(0);
    let seen = i64::try_from(values.len()).unwrap_or(0);
    let absent = rule.periods - seen;
    let alarm =
        |breaching: i64, wanted: i64| Some(if breaching >= wanted { State::Alarm } else { State::Ok });
    match rule.missing {
        _ if absent <= 0 => alarm(breaching, rule.to_alarm),
        Gaps::Breaching => alarm(breaching + absent, rule.to_alarm),
        Gaps::NotBreaching => alarm(breaching, rule.to_alarm),
        Gaps::Ignore if breaching >= rule.to_alarm => Some(State::Alarm),
        Gaps::Ignore => (seen > breaching).then_some(State::Ok),
        Gaps::Missing if seen == 0 => Some(State::InsufficientData),
        Gaps::Missing => alarm(breaching, rule.to_alarm.min(seen)),
    }
}

fn reason(rule: &Rule, state: State, seen: &[(Millis, f64)]) -> String {
    let unknown = || format!("Insufficient Data: {} datapoints were unknown.", rule.periods);
    if seen.is_empty() {
        return match state {
            State::InsufficientData => unknown(),
            _ => format!(
                "Threshold Crossed: no datapoints were received for {} periods and missing data was treated as [{}].",
                rule.periods,
                if state == State::Alarm { "Breaching" } else { "NonBreaching" }
            ),
        };
    }
    let alarm = state == State::Alarm;
    let counted = seen.iter().filter(|(_, value)| rule.breaches(*value) == alarm);
    let points: Vec<String> = counted.map(|(at, value)| format!("{value:?} ({})", iso(*at))).collect();
    let (verb, not) = (if points.len() == 1 { "was" } else { "were" }, if alarm { "" } else { "not " });
    format!(
        "Threshold Crossed: {} out of the last {} datapoints [{}] {verb} {not}{} the threshold ({:?}).",
        points.len(),
        rule.periods,
        points.join(", "),
        rule.words(),
        rule.threshold
    )
}

fn evidence(rule: &Rule, now: Millis, seen: &[(Millis, f64)]) -> String {
    let oldest_first: Vec<f64> = seen.iter().rev().map(|(_, value)| *value).collect();
    let evaluated: Vec<_> =
        seen.iter().map(|(at, value)| json!({ "timestamp": iso(*at), "value": value })).collect();
    json!({
        "version": "1.0",
        "queryDate": iso(now),
        "period": rule.period / 1_000,
        "recentDatapoints": oldest_first,
        "threshold": rule.threshold,
        "evaluatedDatapoints": evaluated,
    })
    .to_string()
}

fn iso(at: Millis) -> String {
    rfc3339(u64::try_from(at / 1_000).unwrap_or(0))
}
