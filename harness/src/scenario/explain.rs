//! What a plan will do, in words and before anything runs: the timeline, what the traffic asks of each quota, the worst
//! that can come of one request, and what a simulation cannot show.

mod table;

use std::fmt::Write;

use richter_core::request::Priority;
use richter_mock_bedrock::{
    Nanos,
    units::{Share, Span},
    world::{PoolInfo, RouteId},
};

use richter_reports::expect::ExpectSpec;

use self::table::{Align, Table};
use super::{
    demand::Demand,
    plan::{Plan, PlanStrategy},
};

/// The whole explanation, at most 100 columns wide where names allow it.
pub fn explain(plan: &Plan) -> String {
    let demand = Demand::of(&plan.traffic);
    let parts = [
        heading(plan),
        timeline(plan, &demand),
        classes(plan),
        faults(plan),
        quotas(plan, &demand),
        strategies(plan),
        verdict(plan),
    ];
    let mut text: String =
        parts.into_iter().filter(|part| !part.is_empty()).map(|part| part + "\n").collect();
    text += LIMITS;
    text
}

/// What no plan can promise.
const LIMITS: &str = "\
What a simulation cannot show
  - Whether Bedrock behaves as `world` says: quotas and latencies are the scenario's own.
  - The client's own cost: connections, TLS, serialisation. The mock over HTTP shows these.
  - What the answers are worth: only their sizes and times are modelled.
";

fn heading(plan: &Plan) -> String {
    let again = if plan.replications == 1 {
        "1 replication".into()
    } else {
        format!("{} replications", plan.replications)
    };
    format!("{}: seed {}, {again}, digest {}\n{}\n", plan.name, plan.seed, plan.digest, plan.question)
}

fn time(at: Nanos) -> String {
    Span(at).to_string()
}

fn timeline(plan: &Plan, demand: &Demand<'_>) -> String {
    let mut table = Table::new(&[
        ("phase", Align::Left),
        ("from", Align::Right),
        ("to", Align::Right),
        ("mean/min", Align::Right),
        ("peak/min", Align::Right),
        ("", Align::Left),
    ]);
    for (place, phase) in plan.traffic.phases.iter().enumerate() {
        let asked = demand.phase(place);
        let measured = if phase.measured { "" } else { "not judged" };
        table.row([
            phase.name.clone(),
            time(phase.from),
            time(phase.to),
            count(asked.mean),
            count(asked.peak),
            measured.to_owned(),
        ]);
    }
    format!("Requests offered over {}, then up to {} to drain\n{table}", time(plan.end), time(plan.drain))
}

/// Only where classes differ in what a strategy may treat them by.
fn classes(plan: &Plan) -> String {
    let classes = &plan.traffic.classes;
    if classes.iter().all(|class| class.priority == Priority::Default && class.tenants == 1) {
        return String::new();
    }
    let mut table = Table::new(&[
        ("class", Align::Left),
        ("share", Align::Right),
        ("priority", Align::Left),
        ("tenants", Align::Right),
    ]);
    for class in classes {
        table.row([
            class.name.clone(),
            Share(class.share).to_string(),
            class.priority.name().to_owned(),
            class.tenants.to_string(),
        ]);
    }
    format!("Classes of requests\n{table}")
}

fn faults(plan: &Plan) -> String {
    if plan.faults.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        ("fault", Align::Left),
        ("kind", Align::Left),
        ("from", Align::Right),
        ("to", Align::Right),
    ]);
    for fault in &plan.faults {
        table.row([fault.name.clone(), fault.kind.to_owned(), time(fault.from), time(fault.to)]);
    }
    format!("Faults\n{table}")
}

/// One block for each pool, as if all traffic came through its targets alone.
fn quotas(plan: &Plan, demand: &Demand<'_>) -> String {
    let mut text = "Offered at its peak against each quota, if all of it went there; ! exceeds\n".to_owned();
    for (pool, (route, names)) in pools(plan) {
        let info = plan.world.pool(plan.world.route_pool(route));
        let _ = writeln!(text, "  {pool} ({})", names.join(", "));
        text += &pool_lines(plan, demand, route, &info);
    }
    text
}

/// Pools in the order of the targets, each with a route to it and the targets that draw on it.
fn pools(plan: &Plan) -> indexmap::IndexMap<String, (RouteId, Vec<&str>)> {
    let mut pools: indexmap::IndexMap<String, (RouteId, Vec<&str>)> = indexmap::IndexMap::new();
    for (place, target) in plan.targets.iter().enumerate() {
        for route in plan.world.route_ways(RouteId(place as u16)) {
            let name = plan.world.pool(plan.world.route_pool(route)).name;
            pools.entry(name).or_insert((route, Vec::new())).1.push(&target.name);
        }
    }
    pools
}

fn pool_lines(plan: &Plan, demand: &Demand<'_>, route: RouteId, pool: &PoolInfo) -> String {
    let mut table = Table::new(&[
        ("", Align::Left),
        ("requests/min", Align::Right),
        ("", Align::Right),
        ("tokens/min", Align::Right),
        ("", Align::Right),
    ])
    .indented(4);
    let quota = |quota: Option<f64>| quota.map_or_else(|| "no limit".to_owned(), count);
    let row = |name: &str, cells: [String; 4]| {
        let [requests, over_requests, tokens, over_tokens] = cells;
        [name.to_owned(), requests, over_requests, tokens, over_tokens]
    };
    let limits =
        [quota(pool.requests_per_minute), String::new(), quota(pool.tokens_per_minute), String::new()];
    table.row(row("quota", limits));
    for (place, phase) in plan.traffic.phases.iter().enumerate() {
        let requests = demand.phase(place).peak;
        let tokens = requests * demand.reserve(&plan.world, route, place);
        let cells = [
            count(requests),
            times(requests, pool.requests_per_minute),
            count(tokens),
            times(tokens, pool.tokens_per_minute),
        ];
        table.row(row(&phase.name, cells));
    }
    let day = pool.tokens_per_day.map(|quota| format!("    and {} tokens a day\n", count(quota)));
    table.to_string() + &day.unwrap_or_default()
}

/// How many times a quota is asked for, marked where it is exceeded.
fn times(asked: f64, quota: Option<f64>) -> String {
    match quota {
        None => String::new(),
        Some(quota) if quota <= 0.0 => "!".to_owned(),
        Some(quota) if asked > quota => format!("{:.1}x !", asked / quota),
        Some(quota) => format!("{:.1}x  ", asked / quota),
    }
}

/// Three or four digits, as `240`, `2,400`, `746k` or `7.5M`.
fn count(number: f64) -> String {
    match number {
        999_500.0.. => format!("{:.1}M", number / 1e6),
        9_999.5.. => format!("{:.0}k", number / 1e3),
        999.5.. => format!("{},{:03}", (number.round() / 1e3).floor(), number.round() % 1e3),
        9.95.. => format!("{number:.0}"),
        _ => format!("{}", (number * 10.0).round() / 10.0),
    }
}

fn strategies(plan: &Plan) -> String {
    let mut table = Table::new(&[
        ("strategy", Align::Left),
        ("kind", Align::Left),
        ("attempts", Align::Right),
        ("time", Align::Right),
        ("targets", Align::Left),
    ]);
    for strategy in &plan.strategies {
        let wall = strategy.worst.wall.map(|wall| time(u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX)));
        table.row([
            strategy.name.clone(),
            strategy.kind.to_owned(),
            strategy.worst.attempts.to_string(),
            wall.unwrap_or_else(|| "no limit".to_owned()),
            used(strategy),
        ]);
    }
    format!("Strategies, with the most that one request can come to\n{table}")
}

fn used(strategy: &PlanStrategy) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (_, name) in strategy.spec.targets() {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn sentence(expected: &ExpectSpec) -> String {
    let mut text = expected.that.clone();
    for (word, names) in [("of", &expected.of), ("in", &expected.within)] {
        if !names.is_empty() {
            let names: Vec<&str> = names.iter().collect();
            let _ = write!(text, " {word} {}", names.join(", "));
        }
    }
    let parts = [("after", &expected.after), ("better than", &expected.better_than), ("by", &expected.by)];
    for (word, part) in parts {
        if let Some(part) = part {
            let _ = write!(text, " {word} {part}");
        }
    }
    text
}

fn verdict(plan: &Plan) -> String {
    let ms = |bound: f64| time((bound * 1e6) as Nanos);
    let first = plan.slo.first_token_ms.map(|bound| format!("its first token within {}", ms(bound)));
    let total = plan.slo.total_ms.map(|bound| format!("its last within {}", ms(bound)));
    let bounds: Vec<String> = [first, total].into_iter().flatten().collect();
    let mut text = match bounds.as_slice() {
        [] => "A good answer is a whole one\n".to_owned(),
        bounds => format!("A good answer is whole, {}\n", bounds.join(", ")),
    };
    for expected in &plan.expect {
        let _ = writeln!(text, "  expected: {}", sentence(expected));
    }
    if let Some(spend) = plan.abort.spend_usd {
        let _ = writeln!(text, "  a strategy stops after spending {spend} USD");
    }
    if let Some((share, length)) = plan.abort.success_below {
        let length = time(u64::try_from(length.as_nanos()).unwrap_or(u64::MAX));
        let _ = writeln!(text, "  a strategy stops when success stays below {}% for {length}", share * 100.0);
    }
    text
}
