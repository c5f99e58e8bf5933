//! What differs in what two runs were asked to do.

use crate::run_file::{RunFile, StrategyFacts};

/// In sentences; empty if both were asked the same. Times of day are no difference.
pub(super) fn differences(was: &RunFile, now: &RunFile) -> Vec<String> {
    let mut told = Vec::new();
    let mut plain = |what: &str, was: String, now: String| {
        if was != now {
            told.push(format!("{what}: {was}, then {now}"));
        }
    };
    let (old, new) = (&was.scenario, &now.scenario);
    plain("scenario", old.name.clone(), new.name.clone());
    plain("text of the scenario, by its digest", old.digest.clone(), new.digest.clone());
    plain("ground", format!("{:?}", was.ground).to_lowercase(), format!("{:?}", now.ground).to_lowercase());
    plain("seed", old.seed.to_string(), new.seed.to_string());
    plain("replications", old.replications.to_string(), new.replications.to_string());
    plain("good within", slo(was), slo(now));
    plain("made by", was.written_by.clone(), now.written_by.clone());
    plain("ended", format!("{:?}", was.status).to_lowercase(), format!("{:?}", now.status).to_lowercase());
    let expectations =
        |run: &RunFile| run.expect.iter().map(|one| one.that.clone()).collect::<Vec<_>>().join("; ");
    plain("expectations", expectations(was), expectations(now));
    let phase = |run: &RunFile| -> Vec<(String, String)> {
        let phases = run.phases.iter();
        phases
            .map(|one| {
                (
                    one.name.clone(),
                    span(one.from_s, one.to_s, if one.measured { "" } else { ", not measured" }),
                )
            })
            .collect()
    };
    named(&mut told, "phase", phase(was), phase(now));
    let target = |run: &RunFile| -> Vec<(String, String)> {
        let of =
            |one: &crate::run_file::TargetFacts| format!("{} {} in {}", one.kind, one.model_id, one.region);
        run.targets.iter().map(|one| (one.name.clone(), of(one))).collect()
    };
    named(&mut told, "target", target(was), target(now));
    let fault = |run: &RunFile| -> Vec<(String, String)> {
        let faults = run.faults.iter();
        faults.map(|one| (one.name.clone(), span(one.from_s, one.to_s, &format!(", {}", one.kind)))).collect()
    };
    named(&mut told, "fault", fault(was), fault(now));
    let strategy = |run: &RunFile| -> Vec<(String, String)> {
        run.strategies.iter().map(|one| (one.name.clone(), worst(one))).collect()
    };
    named(&mut told, "strategy", strategy(was), strategy(now));
    told
}

fn slo(run: &RunFile) -> String {
    let bound = |bound: Option<f64>| bound.map_or("any time".to_owned(), |ms| format!("{ms} ms"));
    let slo = &run.scenario.slo;
    format!("{} to the first token, {} in all", bound(slo.first_token_ms), bound(slo.total_ms))
}

fn span(from: f64, to: f64, aside: &str) -> String {
    format!("{from} to {to} s{aside}")
}

fn worst(one: &StrategyFacts) -> String {
    let wall = one.worst_wall_s.map_or("any time".to_owned(), |wall| format!("{wall} s"));
    format!("{}, at most {} attempts in {wall}", one.kind, one.worst_attempts)
}

/// Things with names: which are gone, which are new, which are others.
fn named(told: &mut Vec<String>, what: &str, was: Vec<(String, String)>, now: Vec<(String, String)>) {
    let find =
        |all: &[(String, String)], name: &str| all.iter().find(|one| one.0 == *name).map(|one| one.1.clone());
    for (name, old) in &was {
        match find(&now, name) {
            None => told.push(format!("{what} {name} is gone: {old}")),
            Some(new) if new != *old => told.push(format!("{what} {name}: {old}, then {new}")),
            Some(_) => {}
        }
    }
    let new = now.iter().filter(|(name, _)| find(&was, name).is_none());
    told.extend(new.map(|(name, new)| format!("{what} {name} is new: {new}")));
}
