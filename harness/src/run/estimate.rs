//! What a run on the real service would send, use and cost, before anything is sent: requests, tokens, money as expected
//! and at worst, how much of each quota, and how long it takes.

use std::fmt::Write as _;

use richter_core::{request::Usage, strategy::StrategySpec};
use richter_mock_bedrock::{
    Nanos,
    units::Span,
    world::{PoolInfo, RouteId},
};
use richter_reports::quantity::thousands;

use crate::{
    price::{Price, list},
    scenario::{demand::Demand, plan::Plan},
};

/// The estimate of a whole run.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    pub requests: u64,
    pub input_tokens: u64,
    pub output_tokens: u64,
    /// If every request takes one attempt at its strategy's first target, and answers are as long as the traffic says;
    /// and if every attempt that is allowed is made at the dearest target, with answers as long as they may get.
    pub expected_usd: Option<f64>,
    pub worst_usd: Option<f64>,
    pub worst_requests: u64,
    pub seconds: f64,
    pub pools: Vec<PoolDemand>,
    /// Targets without a price.
    pub unpriced: Vec<String>,
}

/// The busiest minute of all traffic on one pool, beside its quota as the scenario has it.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolDemand {
    pub name: String,
    pub requests_per_minute: f64,
    pub tokens_per_minute: f64,
    pub quota: (Option<f64>, Option<f64>),
}

/// Mean tokens of a request that the traffic makes, over the whole run.
#[derive(Debug, Clone, Copy, Default)]
struct Mean {
    requests: f64,
    input: f64,
    output: f64,
    output_max: f64,
}

impl Estimate {
    /// `refill` is the wait between two cells.
    pub fn of(plan: &Plan, refill: Nanos) -> Estimate {
        let mean = Mean::of(plan);
        let cells = plan.strategies.len() as f64 * f64::from(plan.replications);
        let of_each = |each: &dyn Fn(&StrategySpec) -> Option<f64>| {
            let sums: Option<Vec<f64>> =
                plan.strategies.iter().map(|strategy| each(&strategy.spec)).collect();
            sums.map(|sums| sums.iter().sum::<f64>() * f64::from(plan.replications))
        };
        let usd = |price: &Price, output: f64| {
            let million = Usage { input: 1_000_000, ..Usage::default() };
            let input_usd = price.cost_usd(million) / 1e6 * mean.input;
            mean.requests * (input_usd + price.output / 1e6 * output)
        };
        let expected = |spec: &StrategySpec| first_price(plan, spec).map(|price| usd(&price, mean.output));
        let worst = |spec: &StrategySpec| {
            let attempts = f64::from(spec.worst_case().attempts);
            dearest(plan, spec).map(|price| attempts * usd(&price, mean.output_max))
        };
        let attempts: f64 = plan.strategies.iter().map(|strategy| f64::from(strategy.worst.attempts)).sum();
        let waits = (cells - 1.0).max(0.0) * seconds(refill);
        Estimate {
            requests: (mean.requests * cells).round() as u64,
            input_tokens: (mean.requests * mean.input * cells).round() as u64,
            output_tokens: (mean.requests * mean.output * cells).round() as u64,
            expected_usd: of_each(&expected),
            worst_usd: of_each(&worst),
            worst_requests: (mean.requests * attempts * f64::from(plan.replications)).round() as u64,
            seconds: cells * seconds(plan.end) + waits,
            pools: pools(plan),
            unpriced: unpriced(plan),
        }
    }
}

impl Mean {
    fn of(plan: &Plan) -> Mean {
        let traffic = &plan.traffic;
        let mut mean = Mean::default();
        for (place, phase) in traffic.phases.iter().enumerate() {
            let requests = traffic.expected(phase.from, phase.to);
            mean.requests += requests;
            for (class_at, class) in traffic.classes.iter().enumerate() {
                let (input, output) = traffic.mean_sizes(place, class_at);
                let part = requests * class.share;
                mean.input += part * input;
                mean.output += part * output;
                mean.output_max += part * class.max_tokens.map_or(f64::from(output_max(plan)), f64::from);
            }
        }
        if mean.requests > 0.0 {
            mean.input /= mean.requests;
            mean.output /= mean.requests;
            mean.output_max /= mean.requests;
        }
        mean
    }
}

/// The longest answer of any model of the plan.
pub fn output_max(plan: &Plan) -> u32 {
    let models = (0..plan.world.models()).filter_map(|place| u16::try_from(place).ok());
    let most = models.map(|place| plan.world.max_output(richter_mock_bedrock::world::ModelId(place)));
    most.max().unwrap_or(u32::MAX)
}

fn seconds(nanos: Nanos) -> f64 {
    nanos as f64 / 1e9
}

/// Prices of the targets that a strategy names, in its order.
fn prices<'p>(plan: &'p Plan, spec: &StrategySpec) -> Vec<Option<&'p Price>> {
    let named = spec.targets();
    let of = |name: &str| plan.targets.iter().find(|target| target.name == name);
    named.iter().filter_map(|(_, name)| of(name)).map(|target| target.price.as_ref()).collect()
}

fn first_price(plan: &Plan, spec: &StrategySpec) -> Option<Price> {
    prices(plan, spec).first().copied().flatten().copied()
}

/// Each part at its dearest; unknown if one is.
fn dearest(plan: &Plan, spec: &StrategySpec) -> Option<Price> {
    let mut dearest = Price::default();
    for price in prices(plan, spec) {
        let price = price?;
        dearest.input = dearest.input.max(price.input).max(price.cache_write);
        dearest.output = dearest.output.max(price.output);
    }
    Some(dearest)
}

fn unpriced(plan: &Plan) -> Vec<String> {
    let used = |name: &str| {
        plan.strategies
            .iter()
            .any(|strategy| strategy.spec.targets().iter().any(|(_, target)| *target == name))
    };
    let without = plan.targets.iter().filter(|target| target.price.is_none() && used(&target.name));
    without.map(|target| target.name.clone()).collect()
}

fn pools(plan: &Plan) -> Vec<PoolDemand> {
    let demand = Demand::of(&plan.traffic);
    let mut pools: Vec<PoolDemand> = Vec::new();
    for place in 0..plan.targets.len() {
        let route = RouteId(u16::try_from(place).unwrap_or(u16::MAX));
        for route in plan.world.route_ways(route) {
            let pool = plan.world.route_pool(route);
            let PoolInfo { name, requests_per_minute, tokens_per_minute, .. } = plan.world.pool(pool);
            if pools.iter().any(|known| known.name == name) {
                continue;
            }
            let phases = 0..plan.traffic.phases.len();
            let tokens =
                phases.map(|phase| demand.phase(phase).peak * demand.reserve(&plan.world, route, phase));
            pools.push(PoolDemand {
                name,
                requests_per_minute: demand.run().peak,
                tokens_per_minute: tokens.fold(0.0, f64::max),
                quota: (requests_per_minute, tokens_per_minute),
            });
        }
    }
    pools
}

/// In words, for somebody who is about to pay for it.
pub fn words(plan: &Plan, estimate: &Estimate, service: &str) -> String {
    let mut text = String::new();
    let count = |number: u64| thousands(number as f64);
    let strategies = plan.strategies.len();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{} would send this to {service}:", plan.name);
    let _ = writeln!(
        text,
        "  requests   {} ({strategies} strategies times {} replications), at most {} with every retry that is allowed",
        count(estimate.requests),
        plan.replications,
        count(estimate.worst_requests)
    );
    let _ = writeln!(
        text,
        "  tokens     {} of input, {} of output",
        count(estimate.input_tokens),
        count(estimate.output_tokens)
    );
    match (estimate.expected_usd, estimate.worst_usd) {
        (Some(expected), Some(worst)) => {
            let _ = writeln!(
                text,
                "  cost       ${expected:.2} expected, ${worst:.2} at worst, by the scenario's prices and else by list \
                 prices of {}",
                list::AS_OF
            );
        }
        _ => {
            let _ = writeln!(
                text,
                "  cost       not known: there is no price for {}; write it under `prices:` or give --prices",
                estimate.unpriced.join(", ")
            );
        }
    }
    let _ = writeln!(text, "  takes      {}", Span((estimate.seconds * 1e9) as Nanos));
    let _ = writeln!(text, "  quotas     at the busiest minute, if all traffic went one way:");
    for pool in &estimate.pools {
        let part = |asked: f64, quota: Option<f64>, what: &str| match quota {
            Some(quota) if quota > 0.0 => {
                format!(
                    "{} {what}/min of {} ({:.0} %)",
                    count(asked as u64),
                    count(quota as u64),
                    100.0 * asked / quota
                )
            }
            _ => format!("{} {what}/min", count(asked as u64)),
        };
        let (requests, tokens) = pool.quota;
        let _ = writeln!(
            text,
            "    {}: {}, {}",
            pool.name,
            part(pool.requests_per_minute, requests, "requests"),
            part(pool.tokens_per_minute, tokens, "tokens")
        );
    }
    text.push_str(
        "  Quotas are those of the scenario's world; `richter doctor` compares them with your account's.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::load_text;

    const TEXT: &str = "version: 1
name: priced
question: What would it cost?
replications: 2
targets:
  east: { on_demand: { region: us-east-1, model: m } }
  west: { on_demand: { region: us-west-2, model: m } }
world: { regions: { us-east-1: {}, us-west-2: {} }, models: { m: { first_token: 100ms, per_token: 5ms, max_output: 4000 } },
  quotas: { on_demand: { us-east-1: { requests: 300/min, tokens: 600k/min } } } }
prices: { east: { input: 10 USD/M, output: 100 USD/M }, west: { input: 20 USD/M, output: 200 USD/M } }
traffic:
  mix: { ask: { share: 100%, api: converse, input: 1000, output: 100, max_tokens: 500 } }
  phases: [{ name: all, for: 100s, rate: 10/s, arrivals: constant }]
strategies:
  only: { direct: { target: east } }
  other: { ordered: { targets: [east, west] } }
";

    fn plan(text: &str) -> Plan {
        load_text("priced.yaml", text, Path::new(""))
            .map_err(|problems| problems.to_string())
            .expect(text)
            .plan
    }

    #[test]
    fn requests_tokens_money_and_time_are_those_of_all_cells() {
        let plan = plan(TEXT);
        let estimate = Estimate::of(&plan, 90_000_000_000);
        // 1,000 requests in each of four cells.
        assert_eq!(estimate.requests, 4_000);
        assert_eq!((estimate.input_tokens, estimate.output_tokens), (4_000_000, 400_000));
        // A thousand tokens in and a hundred out: two cents in the east.
        assert!((estimate.expected_usd.expect("priced") - 4_000.0 * 0.02).abs() < 1e-6, "{estimate:?}");
        assert!((estimate.seconds - (400.0 + 270.0)).abs() < 1e-6);
        // Direct sends once in the east: 6 cents at worst. Ordered may also send in the west: 12 cents.
        let ordered = f64::from(plan.strategies[1].worst.attempts);
        let worst = 2_000.0 * 0.06 + 2_000.0 * ordered * 0.12;
        assert!((estimate.worst_usd.expect("priced") - worst).abs() < 1e-6, "{estimate:?}, {worst}");
        let east = &estimate.pools[0];
        assert_eq!((east.requests_per_minute.round(), east.quota), (600.0, (Some(300.0), Some(600_000.0))));
        let words = words(&plan, &estimate, "Amazon Bedrock");
        assert!(words.contains("600 requests/min of 300 (200 %)"), "{words}");
    }

    #[test]
    fn a_price_that_nobody_gave_is_asked_for_and_not_taken_for_nothing() {
        let plan = plan(&TEXT.replace(", west: { input: 20 USD/M, output: 200 USD/M }", ""));
        let estimate = Estimate::of(&plan, 0);
        assert_eq!((estimate.worst_usd, estimate.unpriced.clone()), (None, vec!["west".to_owned()]));
        assert!(words(&plan, &estimate, "Amazon Bedrock").contains("there is no price for west"));
    }
}
