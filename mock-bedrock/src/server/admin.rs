//! The server's own pages under `/_richter`: what it is doing, and a few things that can be changed while it runs.
//!
//! ```text
//! GET  /_richter              a page for people
//! GET  /_richter/state        clock, pools that were used, faults, counts, connections
//! GET  /_richter/records      invocation records as NDJSON; ?from=N gives those from number N on
//! GET  /_richter/asked        what was asked, as IAM would have judged it: actions and the resources they need
//! POST /_richter/begin        lets the engine's time run, where it waits for a signal
//! POST /_richter/reset        everything anew: time, quotas, cache, counts, records, what callers created
//! POST /_richter/quota        { "pool": NAME, "requests": PER_MINUTE, "tokens": PER_MINUTE }
//! POST /_richter/faults       { "name": NAME, "fault": as in a scenario, without phases }
//! DELETE /_richter/faults/NAME
//! ```

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Site,
    live::Inside,
    path::segments,
    records::line,
    reply::{json as as_json, whole},
};
use crate::{Nanos, fault::FaultSpec, pool::NewQuotas, world::PoolId};

const PAGE: &str = include_str!("admin/page.html");

/// Why an admin request cannot be done: what is wrong and what to send instead.
type Refusal = (StatusCode, String);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct QuotaChange {
    pool: String,
    #[serde(default)]
    requests: Option<f64>,
    #[serde(default)]
    tokens: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FaultStart {
    name: String,
    fault: FaultSpec,
}

pub(super) fn answer(site: &Site, request: &Request<Bytes>) -> Response<Bytes> {
    let id = site.request_id();
    let path = segments(request.uri().path()).unwrap_or_default();
    let path: Vec<&str> = path.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    let done = match (request.method(), path.as_slice()) {
        (&Method::GET, ["_richter"]) => {
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            return whole(StatusCode::OK, html, Bytes::from_static(PAGE.as_bytes()), &id);
        }
        (&Method::GET, ["_richter", "records"]) => return records(site, request.uri().query(), &id),
        (&Method::GET, ["_richter", "state"]) => Ok(state(site)),
        (&Method::GET, ["_richter", "asked"]) => {
            let (asked, left_out) = site.asked();
            Ok(json!({ "asked": asked, "left_out": left_out }))
        }
        (&Method::POST, ["_richter", "begin"]) => {
            site.clock.begin();
            Ok(state(site))
        }
        (&Method::POST, ["_richter", "reset"]) => {
            site.reset();
            Ok(state(site))
        }
        (&Method::POST, ["_richter", "quota"]) => parse(request).and_then(|change| set_quota(site, &change)),
        (&Method::POST, ["_richter", "faults"]) => parse(request).and_then(|start| start_fault(site, &start)),
        (&Method::DELETE, ["_richter", "faults", name]) => stop_fault(site, name),
        _ => Err((StatusCode::NOT_FOUND, "no such page; see GET /_richter".to_owned())),
    };
    match done {
        Ok(body) => as_json(StatusCode::OK, &body, &id),
        Err((status, text)) => as_json(status, &json!({ "error": text }), &id),
    }
}

fn parse<'a, T: Deserialize<'a>>(request: &'a Request<Bytes>) -> Result<T, Refusal> {
    serde_json::from_slice(request.body()).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
}

fn state(site: &Site) -> Value {
    let clock = &site.clock;
    // Before the engine, as everywhere.
    let cloud = site.cloud().state();
    site.live.look(clock, |inside, moment| {
        let now = moment.now;
        json!({
            "clock": { "now_s": seconds(now), "runs": clock.runs(), "speed": clock.speed() },
            "connections": site.connections.load(std::sync::atomic::Ordering::Relaxed),
            "open_answers": inside.engine.open_calls(),
            "pools": pools(inside, now),
            "faults": faults(inside, now),
            "counts": counts(inside),
            "cloudwatch": cloud,
            "records": { "written": inside.ring.written(), "fallen_out": inside.ring.fallen_out() },
        })
    })
}

fn seconds(at: Nanos) -> f64 {
    at as f64 / 1e9
}

/// Pools that somebody has called.
fn pools(inside: &mut Inside, now: Nanos) -> Vec<Value> {
    let ids = (0..inside.engine.world().pools()).filter_map(|index| u16::try_from(index).ok()).map(PoolId);
    let told = ids.filter_map(|id| {
        let state = inside.engine.pool_state(now, id);
        let used = state.admitted + state.throttled > 0;
        used.then(|| {
            json!({
                "name": inside.engine.world().pool(id).name,
                "requests_left": state.requests_left,
                "tokens_left": state.tokens_left,
                "admitted": state.admitted,
                "throttled": state.throttled,
            })
        })
    });
    told.collect()
}

fn faults(inside: &Inside, now: Nanos) -> Vec<Value> {
    let faults = inside.engine.faults();
    let told = faults.hits().map(|(rule, hits)| {
        json!({
            "name": rule.name,
            "kind": rule.kind,
            "from_s": seconds(rule.from),
            "to_s": seconds(rule.to),
            "active": faults.is_active(&rule.name, now),
            "rolled": hits.rolled,
            "hit": hits.hit,
            "missed": hits.missed,
        })
    });
    told.collect()
}

fn counts(inside: &Inside) -> Vec<Value> {
    let told = inside.counts.iter().map(
        |((operation, outcome), count)| json!({ "operation": operation, "outcome": outcome, "count": count }),
    );
    told.collect()
}

fn records(site: &Site, query: Option<&str>, id: &str) -> Response<Bytes> {
    let from =
        query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("from=")?.parse().ok()));
    let mut out = Vec::new();
    for record in site.records_since(from.unwrap_or(0)).records {
        line(&record, &mut out);
    }
    whole(StatusCode::OK, HeaderValue::from_static("application/x-ndjson"), out.into(), id)
}

fn set_quota(site: &Site, change: &QuotaChange) -> Result<Value, Refusal> {
    let wrong = |quota: Option<f64>| quota.is_some_and(|quota| !quota.is_finite() || quota < 0.0);
    if wrong(change.requests) || wrong(change.tokens) {
        return Err((StatusCode::BAD_REQUEST, "a quota is a number from 0".to_owned()));
    }
    let world = &site.world;
    let mut pools = (0..world.pools()).filter_map(|index| u16::try_from(index).ok()).map(PoolId);
    let Some(pool) = pools.find(|id| world.pool(*id).name == change.pool) else {
        let text = format!(
            "no pool is called \"{}\"; a name is such as \"on_demand us-east-1 {}\"",
            change.pool,
            world.model_name(crate::world::ModelId(0))
        );
        return Err((StatusCode::NOT_FOUND, text));
    };
    let quotas = NewQuotas { requests: change.requests, tokens: change.tokens };
    site.live.look(&site.clock, |inside, moment| inside.engine.set_quotas(moment.now, pool, quotas));
    Ok(state(site))
}

fn start_fault(site: &Site, start: &FaultStart) -> Result<Value, Refusal> {
    let no_phase = |_: &str| None;
    let resolved = start.fault.resolve(&start.name, &site.world, &no_phase, Nanos::MAX / 2);
    let number = |name: &str| {
        let place = site.settings.tenants.iter().position(|tenant| tenant == name);
        place.and_then(|place| u16::try_from(place).ok())
    };
    let numbered = resolved.and_then(|mut rule| {
        rule.number_tenants(&number).map_err(|problem| vec![problem])?;
        Ok(rule)
    });
    let mut rule = numbered.map_err(|problems| {
        let texts: Vec<String> = problems
            .iter()
            .map(|problem| format!("{}: {}; {}", problem.path.join("."), problem.message, problem.hint))
            .collect();
        (StatusCode::BAD_REQUEST, texts.join("\n"))
    })?;
    site.live.look(&site.clock, |inside, moment| {
        // A window counts from when the fault is started.
        rule.from = rule.from.saturating_add(moment.now);
        rule.to = rule.to.saturating_add(moment.now);
        inside.engine.faults_mut().start(rule);
    });
    Ok(state(site))
}

fn stop_fault(site: &Site, name: &str) -> Result<Value, Refusal> {
    if site.live.look(&site.clock, |inside, _| inside.engine.faults_mut().stop(name)) {
        Ok(state(site))
    } else {
        Err((StatusCode::NOT_FOUND, format!("no fault is called \"{name}\"")))
    }
}
