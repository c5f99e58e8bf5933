//! What to beware of before believing the tables. A report that may mislead says so first.

use super::Scored;
use crate::{
    paired::PAIRS_MIN,
    quantity::{Unit, Value, thousands},
    run_file::{Ground, Live},
    samples::P99,
    stats::{self, Clock},
    tally::View,
};

/// A fault with fewer hits than this was barely tested.
const HITS_MIN: u64 = 10;

/// Strategies named in one sentence.
const NAMES_MAX: usize = 20;
/// More than a reader takes in.
const CAVEATS_MAX: usize = 40;

pub(super) fn caveats(view: &View<'_>, scored: &[Scored]) -> Vec<String> {
    let mut caveats = Vec::new();
    caveats.extend(view.run.live.iter().flat_map(live));
    caveats.extend(few_replications(scored));
    caveats.extend(few_samples(scored));
    caveats.extend(faults(view));
    caveats.extend(scored.iter().filter_map(shed));
    caveats.extend(scored.iter().filter_map(open));
    let more = caveats.len().saturating_sub(CAVEATS_MAX);
    caveats.truncate(CAVEATS_MAX);
    if more > 0 {
        caveats.push(format!("{more} more of this kind are left out"));
    }
    caveats.extend(no_bound(view));
    caveats.extend(ground_limits(view.run.ground).map(str::to_owned));
    caveats
}

/// What was done on our side of the connection comes first: the numbers are not the service's alone.
fn live(live: &Live) -> Vec<String> {
    let faults = live.client_faults.iter();
    let mut caveats: Vec<String> =
        faults.map(|fault| format!("injected on our side, not by the service: {fault}")).collect();
    caveats.extend(live.caveats.iter().cloned());
    caveats
}

/// Of a run that goes on, or was stopped, some have not begun.
fn ran(scored: &[Scored]) -> impl Iterator<Item = &Scored> {
    scored.iter().filter(|one| !one.each.is_empty())
}

fn few_replications(scored: &[Scored]) -> Option<String> {
    let least = ran(scored).map(|one| one.each.len()).min()?;
    (least < PAIRS_MIN).then(|| {
        format!("no difference is called real: that takes {PAIRS_MIN} replications, and there are {least}")
    })
}

fn few_samples(scored: &[Scored]) -> Option<String> {
    let needed = P99.samples_needed();
    let n = ran(scored).map(|one| stats::latency(&one.pooled, Clock::FirstToken, P99).1).min()?;
    (n < needed).then(|| format!("too few samples for p99: n = {n}, needs {needed}"))
}

/// Faults that hit little, or some strategies only.
fn faults(view: &View<'_>) -> Vec<String> {
    let mut caveats = Vec::new();
    for (index, fault) in view.run.faults.iter().enumerate() {
        let hits_of = |strategy: usize| -> u64 {
            view.cells(strategy).filter_map(|cell| cell.faults.get(index)).map(|hits| hits.hit).sum()
        };
        let hits: Vec<(&str, u64)> = view
            .run
            .strategies
            .iter()
            .enumerate()
            .filter(|(place, _)| view.cells(*place).next().is_some())
            .map(|(place, strategy)| (strategy.name.as_str(), hits_of(place)))
            .collect();
        let all: u64 = hits.iter().map(|(_, hits)| hits).sum();
        let missed: Vec<&str> = hits.iter().filter(|(_, hits)| *hits == 0).map(|(name, _)| *name).collect();
        if all == 0 {
            continue; // The verdict says so.
        }
        if all < HITS_MIN {
            caveats.push(format!("the fault {} barely hit: {all} in all replications", fault.name));
        }
        if !missed.is_empty() {
            let more = match missed.len().saturating_sub(NAMES_MAX) {
                0 => String::new(),
                more => format!(" and {more} others"),
            };
            let names = &missed[..missed.len().min(NAMES_MAX)];
            caveats.push(format!("the fault {} never hit {}{more}", fault.name, names.join(", ")));
        }
    }
    caveats
}

fn shed(one: &Scored) -> Option<String> {
    let shed = one.pooled.counts.shed;
    (shed > 0).then(|| {
        let part = Unit::Share.show(stats::shed(&one.pooled));
        format!("the generator reached its limit: {} ({part}) for {} never begun", requests(shed), one.name)
    })
}

fn open(one: &Scored) -> Option<String> {
    let counts = &one.pooled.counts;
    (counts.open > 0).then(|| {
        let part = Unit::Share.show(Value::ratio(counts.open as f64, counts.offered as f64));
        format!(
            "still open at the end, and counted as unanswered: {} ({part}) of {}",
            requests(counts.open),
            one.name
        )
    })
}

fn requests(count: u64) -> String {
    match count {
        1 => "1 request".to_owned(),
        _ => format!("{} requests", thousands(count as f64)),
    }
}

fn no_bound(view: &View<'_>) -> Option<String> {
    let slo = view.run.scenario.slo;
    (slo.first_token_ms.is_none() && slo.total_ms.is_none())
        .then(|| "the scenario sets no SLO: every whole answer counts as good, however late".to_owned())
}

/// What a ground cannot show.
pub(crate) fn ground_limits(ground: Ground) -> Option<&'static str> {
    match ground {
        Ground::Sim => Some(
            "simulated: this compares strategies against a model of Bedrock; it shows neither Bedrock's own latency \
             nor what connections, TLS and the client cost",
        ),
        Ground::Mock => Some(
            "measured against the mock over real sockets: the latency of the model is the scenario's, not Bedrock's",
        ),
        Ground::Bedrock => None,
    }
}
