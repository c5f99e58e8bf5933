//! What stands out, as sentences made from the data. Most important first.

use super::{Recovery, Scored};
use crate::{
    quantity::{Unit, Value},
    run_file::Status,
    stats::{
        self,
        flow::{Flow, Trigger},
    },
    tally::View,
};

/// More than a reader takes in.
const FINDINGS_MAX: usize = 10;
/// Attempts per request from which retries are a load of their own.
const AMPLIFIED: f64 = 1.5;
/// Failures from which it is worth saying what kind they were.
const FAILING: f64 = 0.01;
/// Callers who left from which it is worth saying.
const DESERTED: f64 = 0.01;
/// Part of all output from which waste is worth a sentence.
const WASTEFUL: f64 = 0.01;
/// Part of all attempts from which another Region is worth a sentence.
const ELSEWHERE: f64 = 0.01;
/// How much dearer than the cheapest is worth a sentence.
const DEARER: f64 = 0.05;

pub(super) fn findings(view: &View<'_>, scored: &[Scored], recovery: &Recovery) -> Vec<String> {
    // Who was stopped, or still runs, may yet recover.
    let over = view.run.status != Status::Interrupted;
    let mut findings = if over { no_recovery(view, recovery) } else { Vec::new() };
    findings.extend(scored.iter().filter_map(amplified));
    findings.extend(scored.iter().filter_map(failing));
    findings.extend(scored.iter().filter_map(turned_away));
    findings.extend(scored.iter().filter_map(cut_short));
    findings.extend(scored.iter().filter_map(deserted));
    findings.extend(scored.iter().enumerate().filter_map(|(index, one)| served_elsewhere(view, index, one)));
    findings.extend(dearest(scored));
    findings.extend(scored.iter().filter_map(wasteful));
    let more = findings.len().saturating_sub(FINDINGS_MAX);
    findings.truncate(FINDINGS_MAX);
    if more > 0 {
        findings.push(format!("{more} smaller findings are left out"));
    }
    findings
}

fn share(share: f64) -> String {
    Unit::Share.show(Value::Finite(share))
}

/// The mark of a metastable failure: the trigger is gone, the trouble stays.
fn no_recovery(view: &View<'_>, recovery: &Recovery) -> Vec<String> {
    let mut findings = Vec::new();
    for (strategy, row) in recovery.rows.iter().enumerate() {
        for (name, value) in recovery.triggers.iter().zip(&row.recovery) {
            let trigger = Trigger::find(view.run, name).filter(|_| *value == Value::Infinite);
            findings.extend(trigger.and_then(|trigger| stuck(view, strategy, &trigger)));
        }
    }
    findings
}

fn stuck(view: &View<'_>, strategy: usize, trigger: &Trigger) -> Option<String> {
    let flows: Vec<Flow> = view.cells(strategy).map(|cell| Flow::new(view.run, cell)).collect();
    let stuck: Vec<&Flow> = flows.iter().filter(|flow| flow.recovery(trigger) == Value::Infinite).collect();
    let after = stuck.iter().filter_map(|flow| flow.share_after(trigger)).min_by(f64::total_cmp)?;
    let often = match stuck.len() == flows.len() {
        true => String::new(),
        false => format!(" in {} of {} replications", stuck.len(), flows.len()),
    };
    let name = &view.run.strategies.get(strategy)?.name;
    Some(format!(
        "{name} did not recover from {} within the run{often}: afterwards {} of the requests got good answers",
        trigger.name,
        if after > 0.0 { format!("only {}", share(after)) } else { "none".to_owned() },
    ))
}

fn amplified(one: &Scored) -> Option<String> {
    let tries = stats::amplification(&one.pooled).number().filter(|tries| *tries >= AMPLIFIED)?;
    let throttled = match stats::throttles(&one.pooled).number() {
        Some(part) if part > 0.0 => format!("; {} of them were throttled", share(part)),
        _ => String::new(),
    };
    Some(format!("{} made {tries:.2} attempts per request{throttled}", one.name))
}

fn failing(one: &Scored) -> Option<String> {
    let failures = stats::failures(&one.pooled).number().filter(|failures| *failures >= FAILING)?;
    let classes = stats::failure_classes(&one.pooled);
    let (class, part) = classes.first()?;
    let kind = match *part {
        1.0 => format!("all by {class}"),
        part => format!("{} of these by {class}", share(part)),
    };
    Some(format!("{} failed {} of the requests, {kind}", one.name, share(failures)))
}

/// What the strategy refused, as opposed to what was refused to it.
fn turned_away(one: &Scored) -> Option<String> {
    let rejected = stats::rejected(&one.pooled).number().filter(|rejected| *rejected >= FAILING)?;
    let reasons: Vec<String> = stats::rejection_reasons(&one.pooled)
        .into_iter()
        .filter(|(_, part)| *part >= FAILING)
        .map(|(reason, part)| format!("{reason} {}", share(part)))
        .collect();
    let why = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join(", ")) };
    Some(format!("{} itself turned away {} of the requests{why}", one.name, share(rejected)))
}

/// However few they are: nobody else tells the caller that the rest of the answer is missing.
fn cut_short(one: &Scored) -> Option<String> {
    let cut = stats::cut_short(&one.pooled).number().filter(|cut| *cut > 0.0)?;
    Some(format!(
        "{} cut off {} of its answers by a max_tokens of its own; these do not count as good",
        one.name,
        share(cut)
    ))
}

/// Callers who leave make no failures, so nothing else tells of them.
fn deserted(one: &Scored) -> Option<String> {
    let left = stats::abandoned(&one.pooled).number().filter(|left| *left >= DESERTED)?;
    Some(format!("{} kept callers waiting until they left: {} of the requests", one.name, share(left)))
}

/// Only a profile can be served elsewhere than where it was called.
fn served_elsewhere(view: &View<'_>, strategy: usize, one: &Scored) -> Option<String> {
    let called: Vec<&str> = called_regions(view, one);
    let elsewhere: Vec<String> = stats::region_shares(&one.pooled)
        .into_iter()
        .filter(|(region, part)| !called.contains(&region.as_str()) && *part >= ELSEWHERE)
        .map(|(region, part)| format!("{region} served {}", share(part)))
        .collect();
    let name = &view.run.strategies.get(strategy)?.name;
    (!elsewhere.is_empty())
        .then(|| format!("{name} called {}, but {} of its attempts", called.join(", "), elsewhere.join(", ")))
}

fn called_regions<'a>(view: &View<'a>, one: &Scored) -> Vec<&'a str> {
    let targets = view.run.targets.iter().zip(&one.pooled.counts.attempts_by_target);
    let mut regions: Vec<&str> =
        targets.filter(|(_, attempts)| **attempts > 0).map(|(target, _)| target.region.as_str()).collect();
    regions.sort_unstable();
    regions.dedup();
    regions
}

fn dearest(scored: &[Scored]) -> Option<String> {
    let costs: Vec<(&str, f64)> = scored
        .iter()
        .filter_map(|one| {
            Some((one.name.as_str(), stats::cost(&one.pooled).number().filter(|cost| cost.is_finite())?))
        })
        .collect();
    let (cheap, low) = costs.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
    let (dear, high) = costs.iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let times = Some(high / low).filter(|times| times.is_finite() && *times >= 1.0 + DEARER)?;
    Some(match times {
        ..2.0 => format!("a good answer cost {} more with {dear} than with {cheap}", share(times - 1.0)),
        _ => format!("a good answer cost {times:.1} times as much with {dear} as with {cheap}"),
    })
}

fn wasteful(one: &Scored) -> Option<String> {
    let wasted = stats::wasted_tokens(&one.pooled).number().filter(|wasted| *wasted >= WASTEFUL)?;
    Some(format!("{} of the output that {} paid for reached nobody", share(wasted), one.name))
}
