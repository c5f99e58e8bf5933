//! Everything that one way's calls say, as numbers; [`super::write`] puts them into words.

use super::{
    Refusal, Throttled, Wish,
    fit::{self, Pace, Table},
    gather::{Call, End, Log, Operation, Way},
    quota::{Binding, Seen},
};

/// Model name in the world where the log's id hides it.
pub const HIDDEN_MODEL: &str = "logged.model";
/// Prefixes of cross-Region profiles.
const GEOGRAPHIES: [&str; 8] = ["us.", "us-gov.", "eu.", "apac.", "jp.", "au.", "ca.", "global."];
/// Errors of the service; others are the caller's own and say nothing of it.
const SERVICE_ERRORS: [&str; 6] = [
    "InternalServerException",
    "ModelErrorException",
    "ModelNotReadyException",
    "ModelStreamErrorException",
    "ModelTimeoutException",
    "ServiceUnavailableException",
];
/// Share of rerouted answers outside of which the source Region's room cannot be told.
const MIXED: std::ops::RangeInclusive<f64> = 0.02..=0.98;

/// What a model id is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    OnDemand,
    Profile,
    GlobalProfile,
    Provisioned,
    ApplicationProfile,
}

#[derive(Debug)]
pub struct Facts {
    pub way: Way,
    pub kind: Kind,
    /// Base model, as the world calls it.
    pub base: String,
    pub first_s: i64,
    /// From the first call to the last, at least one.
    pub seconds: i64,
    pub rows: Vec<Row>,
    pub classes: Vec<Class>,
    pub answered: u64,
    pub pace: Option<Pace>,
    /// Whether the pace is that of answers which the source Region gave.
    pub pace_at_source: bool,
    pub hop: Option<Table>,
    /// Of a profile: who served, most first.
    pub serving: Vec<Serving>,
    /// Answers at once at which the source Region seems to have been full.
    pub room: Option<usize>,
    pub seen: Seen,
    pub errors: Option<Errors>,
    pub throttled_left_out: u64,
    pub caller_faults: u64,
    /// Rows whose sizes are borrowed from an answered call.
    pub borrowed: u64,
    pub most_output: u32,
}

/// One request of the trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    pub at_s: f64,
    pub input: u32,
    pub output: u32,
}

#[derive(Debug)]
pub struct Class {
    pub operation: Operation,
    pub share: f64,
    pub input: Vec<f64>,
    pub output: Vec<f64>,
    pub max_tokens: Option<u32>,
}

#[derive(Debug)]
pub struct Serving {
    pub region: String,
    pub answers: u64,
    /// Median, 90th and 99th percentile, in milliseconds, where they are logged.
    pub latency_ms: Option<[f64; 3]>,
}

/// What the service failed with.
#[derive(Debug)]
pub struct Errors {
    /// Seconds after the first call.
    pub from_s: i64,
    pub length_s: i64,
    /// Of the calls within that time that were not throttled.
    pub share: f64,
    pub by_name: Vec<(String, u64)>,
}

impl Facts {
    pub fn of(log: &Log, way: u16, calls: &[Call], wish: &Wish) -> Result<Facts, Refusal> {
        let way = log.way(way).clone();
        let (kind, base) = kind_of(&way.model);
        let usable = |call: &&Call| usable(log, call, wish.throttled);
        let kept: Vec<&Call> = calls.iter().filter(usable).collect();
        let answers = kept.iter().filter(|call| call.end == End::Answered && call.output.is_some());
        let Some((first, answered)) =
            kept.first().zip(Some(answers.count() as u64).filter(|count| *count > 0))
        else {
            let message = format!(
                "none of the {} calls of {way} was answered with its tokens logged, so there are no sizes to replay",
                calls.len()
            );
            return Err(Refusal::Unusable(message));
        };
        let first_s = first.unix_s;
        let profile = matches!(kind, Kind::Profile | Kind::GlobalProfile);
        let serving = if profile { serving(log, &way.region, calls) } else { Vec::new() };
        let (rows, borrowed) = rows(&kept, first_s);
        let failed = |call: &&Call| matches!(call.end, End::Failed(_));
        let caller_faults = calls.iter().filter(failed).count() - kept.iter().filter(|c| failed(c)).count();
        let throttled = |calls: &mut dyn Iterator<Item = &Call>| {
            calls.filter(|call| call.end == End::Throttled).count() as u64
        };
        let (pace, pace_at_source, hop) = paces(log, &way.region, calls, profile);
        Ok(Facts {
            kind,
            base,
            first_s,
            seconds: (kept.last().map_or(first_s, |last| last.unix_s) - first_s + 1).max(1),
            classes: classes(&kept),
            answered,
            pace,
            pace_at_source,
            hop,
            room: room(log, &way.region, calls, &serving),
            serving,
            seen: Seen::of(calls),
            errors: errors(log, calls, first_s),
            throttled_left_out: throttled(&mut calls.iter()) - throttled(&mut kept.iter().copied()),
            caller_faults: caller_faults as u64,
            borrowed,
            most_output: kept.iter().filter_map(|call| call.output.max(call.max_tokens)).max().unwrap_or(1),
            rows,
            way,
        })
    }

    /// The quota that the throttles point to: requests or tokens a minute.
    pub fn quota(&self) -> Option<(Binding, f64)> {
        let binding = self.seen.binding.unwrap_or(Binding::Requests);
        let rate = match binding {
            Binding::Requests => self.seen.requests_per_minute(),
            Binding::Tokens => self.seen.tokens_per_minute(),
        };
        rate.map(|rate| (binding, rate))
    }

    /// Share of a profile's answers that another Region than the source gave.
    pub fn rerouted(&self) -> f64 {
        share_elsewhere(&self.serving, &self.way.region)
    }
}

/// What a model id leads to, and the base model behind it where the id says so.
fn kind_of(id: &str) -> (Kind, String) {
    let name = id.rsplit('/').next().unwrap_or(id);
    let hidden = HIDDEN_MODEL.to_owned();
    if id.contains(":provisioned-model/") || id.contains(":custom-model") {
        return (Kind::Provisioned, hidden);
    }
    if id.contains(":application-inference-profile/") || id.contains("prompt-router/") {
        return (Kind::ApplicationProfile, hidden);
    }
    match GEOGRAPHIES.iter().find_map(|prefix| Some((prefix, name.strip_prefix(prefix)?))) {
        Some((&"global.", base)) => (Kind::GlobalProfile, base.to_owned()),
        Some((_, base)) => (Kind::Profile, base.to_owned()),
        None => (Kind::OnDemand, name.to_owned()),
    }
}

fn usable(log: &Log, call: &Call, throttled: Throttled) -> bool {
    match call.end {
        End::Answered => true,
        End::Throttled => throttled == Throttled::Keep,
        End::Failed(error) => SERVICE_ERRORS.contains(&log.error(error)),
    }
}

/// The trace: calls of one second are spread evenly over it. A call without sizes takes those of the answered call before
/// it, or of the first one.
fn rows(kept: &[&Call], first_s: i64) -> (Vec<Row>, u64) {
    let sizes = |call: &Call| Some((call.input?, call.output?));
    let mut last = kept.iter().find_map(|call| sizes(call)).unwrap_or((1, 1));
    let mut borrowed = 0;
    let mut rows = Vec::with_capacity(kept.len());
    for second in kept.chunk_by(|a, b| a.unix_s == b.unix_s) {
        for (place, call) in second.iter().enumerate() {
            borrowed += u64::from(sizes(call).is_none());
            last = sizes(call).unwrap_or(last);
            let within = (place as f64 + 0.5) / second.len() as f64;
            let at_s = (call.unix_s - first_s) as f64 + within;
            rows.push(Row { at_s, input: last.0.max(1), output: last.1.max(1) });
        }
    }
    (rows, borrowed)
}

fn classes(kept: &[&Call]) -> Vec<Class> {
    let mut operations: Vec<Operation> = kept.iter().map(|call| call.operation).collect();
    operations.sort_unstable();
    operations.dedup();
    let class = |operation: Operation| {
        let of: Vec<&&Call> = kept.iter().filter(|call| call.operation == operation).collect();
        Class {
            operation,
            share: of.len() as f64 / kept.len() as f64,
            input: of.iter().filter_map(|call| call.input).map(f64::from).collect(),
            output: of.iter().filter_map(|call| call.output).map(f64::from).collect(),
            max_tokens: usual_limit(&of),
        }
    };
    operations.into_iter().map(class).collect()
}

/// The limit that most calls set, if most calls are known to set one.
fn usual_limit(calls: &[&&Call]) -> Option<u32> {
    let mut limits: Vec<u32> = calls.iter().filter_map(|call| call.max_tokens).collect();
    let known = calls.iter().filter(|call| call.input.is_some()).count();
    if limits.len() * 2 <= known {
        return None;
    }
    limits.sort_unstable();
    limits.chunk_by(|a, b| a == b).max_by_key(|same| same.len()).map(|same| same[0])
}

/// Whether a profile's answer came from the source Region: the log names none then.
fn at_source(log: &Log, source: &str, call: &Call) -> bool {
    call.serving.is_none_or(|region| log.region(region) == source)
}

fn serving(log: &Log, source: &str, calls: &[Call]) -> Vec<Serving> {
    let answered: Vec<&Call> = calls.iter().filter(|call| call.end == End::Answered).collect();
    let name = |call: &Call| match call.serving {
        Some(region) => log.region(region).to_owned(),
        None => source.to_owned(),
    };
    let mut names: Vec<String> = answered.iter().map(|call| name(call)).collect();
    names.sort_unstable();
    names.dedup();
    let of = |region: String| {
        let served = answered.iter().filter(|call| name(call) == region);
        let mut times: Vec<f64> = served.clone().filter_map(|call| call.latency_ms).map(f64::from).collect();
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((times.len() - 1) as f64 * share + 0.5) as usize];
        let latency_ms = (!times.is_empty()).then(|| [at(0.5), at(0.9), at(0.99)]);
        Serving { answers: served.count() as u64, latency_ms, region }
    };
    let mut found: Vec<Serving> = names.into_iter().map(of).collect();
    found.sort_by_key(|serving| std::cmp::Reverse(serving.answers));
    found
}

fn share_elsewhere(serving: &[Serving], source: &str) -> f64 {
    let all: u64 = serving.iter().map(|serving| serving.answers).sum();
    let here = serving.iter().find(|serving| serving.region == source).map_or(0, |serving| serving.answers);
    if all == 0 { 0.0 } else { 1.0 - here as f64 / all as f64 }
}

/// How many answers the source Region gave at once when others had to help.
fn room(log: &Log, source: &str, calls: &[Call], serving: &[Serving]) -> Option<usize> {
    if !MIXED.contains(&share_elsewhere(serving, source)) {
        return None;
    }
    fit::at_once_when_others_began(calls, |call| at_source(log, source, call)).filter(|room| *room > 0)
}

/// The pace at the source, where enough answers came from there, or else of all; and what the others took longer.
fn paces(log: &Log, source: &str, calls: &[Call], profile: bool) -> (Option<Pace>, bool, Option<Table>) {
    let here = fit::timed(calls.iter().filter(|call| at_source(log, source, call)));
    let Some(pace) = fit::pace(&here) else { return (fit::pace(&fit::timed(calls.iter())), !profile, None) };
    let there = fit::timed(calls.iter().filter(|call| !at_source(log, source, call)));
    let elsewhere = fit::table(fit::first_tokens(&there, pace.token_ms));
    let hop = elsewhere.map(|elsewhere| fit::excess(&elsewhere, &pace.first_ms));
    (Some(pace), true, hop)
}

fn errors(log: &Log, calls: &[Call], first_s: i64) -> Option<Errors> {
    let name = |call: &Call| match call.end {
        End::Failed(error) => Some(log.error(error)).filter(|name| SERVICE_ERRORS.contains(name)),
        _ => None,
    };
    let failed: Vec<&Call> = calls.iter().filter(|call| name(call).is_some()).collect();
    let (from, to) = (failed.first()?.unix_s, failed.last()?.unix_s + 1);
    let within = |call: &&Call| (from..to).contains(&call.unix_s) && call.end != End::Throttled;
    let mut by_name: Vec<(String, u64)> = Vec::new();
    for name in failed.iter().filter_map(|call| name(call)) {
        match by_name.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => by_name.push((name.to_owned(), 1)),
        }
    }
    let share = failed.len() as f64 / calls.iter().filter(within).count().max(1) as f64;
    Some(Errors { from_s: from - first_s, length_s: to - from, share, by_name })
}
