//! List prices of a few models, for scenarios that give none.
//!
//! As of [`AS_OF`], from the price map of the LiteLLM project (`model_prices_and_context_window.json`) compared with
//! published summaries of the Amazon Bedrock pricing page. Only figures on which these agree are here; for everything
//! else the scenario says the price. On-demand, prompts up to 200,000 tokens, five-minute prompt cache.
//!
//! A profile within a geography costs what its source Region costs. For Claude 4.5 and later the global profile is the
//! base price and everything within a Region or a geography costs 10 % more.

use richter_core::target::TargetSpec;

use super::{Price, last_part, stands_for};

/// When the list was last compared with its sources.
pub const AS_OF: &str = "2026-11-21";

/// Regions whose prices the older entries are.
const US: [&str; 3] = ["us-east-1", "us-east-2", "us-west-2"];

struct Entry {
    model: &'static str,
    /// Input, output, cache read, cache write. A model whose cache prices are not certain counts them as input.
    usd: [f64; 4],
    scope: Scope,
}

enum Scope {
    /// One price, known for [`US`] only.
    Us,
    /// The global profile's price; within a Region or geography 10 % more, the same in all commercial Regions.
    Global,
}

const WITHIN_A_GEOGRAPHY: f64 = 1.1;

const fn us(model: &'static str, input: f64, output: f64) -> Entry {
    Entry { model, usd: [input, output, input, input], scope: Scope::Us }
}

const fn global(model: &'static str, usd: [f64; 4]) -> Entry {
    Entry { model, usd, scope: Scope::Global }
}

const LIST: &[Entry] = &[
    us("anthropic.claude-3-haiku-20240307-v1:0", 0.25, 1.25),
    us("amazon.nova-micro-v1:0", 0.035, 0.14),
    us("amazon.nova-lite-v1:0", 0.06, 0.24),
    us("amazon.nova-pro-v1:0", 0.8, 3.2),
    global("anthropic.claude-haiku-4-5-20251001-v1:0", [1.0, 5.0, 0.1, 1.25]),
    global("anthropic.claude-sonnet-4-5-20250929-v1:0", [3.0, 15.0, 0.3, 3.75]),
    global("anthropic.claude-sonnet-4-6", [3.0, 15.0, 0.3, 3.75]),
    global("anthropic.claude-opus-4-5-20251101-v1:0", [5.0, 25.0, 0.5, 6.25]),
    global("anthropic.claude-opus-4-6-v1", [5.0, 25.0, 0.5, 6.25]),
];

/// The list price of a target, if the list has it.
pub fn price(target: &TargetSpec) -> Option<Price> {
    let (model, worldwide) = match target {
        TargetSpec::OnDemand(_) => (last_part(target.model_id()), false),
        TargetSpec::Profile(_) => {
            let (area, model) = last_part(target.model_id()).split_once('.')?;
            (model, area == "global")
        }
        TargetSpec::ApplicationProfile(own) => return price(&stands_for(&own.region, &own.copies)),
        // By the hour, by model, or by whatever its owner asks for.
        TargetSpec::Provisioned(_) | TargetSpec::PromptRouter(_) | TargetSpec::External(_) => return None,
    };
    let entry = LIST.iter().find(|entry| entry.model == model)?;
    let factor = match entry.scope {
        Scope::Us => (US.contains(&target.region()) && !worldwide).then_some(1.0)?,
        Scope::Global if target.region().starts_with("us-gov-") => return None,
        Scope::Global if worldwide => 1.0,
        Scope::Global => WITHIN_A_GEOGRAPHY,
    };
    let [input, output, cache_read, cache_write] = entry.usd.map(|usd| usd * factor);
    Some(Price { input, output, cache_read, cache_write, hourly: 0.0 })
}

#[cfg(test)]
mod tests {
    use richter_core::target::{OnDemand, Profile};

    use super::*;

    fn profile(source: &str, id: &str) -> Option<Price> {
        price(&TargetSpec::Profile(Profile { source: source.into(), id: id.into(), ..Profile::default() }))
    }

    fn on_demand(region: &str, model: &str) -> Option<Price> {
        price(&TargetSpec::OnDemand(OnDemand {
            region: region.into(),
            model: model.into(),
            ..OnDemand::default()
        }))
    }

    #[test]
    fn a_geographic_profile_costs_what_its_source_region_costs_and_a_global_one_less() {
        let model = "anthropic.claude-haiku-4-5-20251001-v1:0";
        let here = on_demand("eu-west-1", model).expect("listed");
        assert_eq!(profile("eu-west-1", &format!("eu.{model}")), Some(here));
        let global = profile("eu-west-1", &format!("global.{model}")).expect("listed");
        assert_eq!((global.input, global.output), (1.0, 5.0));
        assert!((here.input - 1.1).abs() < 1e-12 && (here.output - 5.5).abs() < 1e-12);
    }

    #[test]
    fn a_price_is_not_carried_to_where_it_is_not_known() {
        let model = "anthropic.claude-3-haiku-20240307-v1:0";
        assert_eq!(profile("us-west-2", &format!("us.{model}")), on_demand("us-east-1", model));
        assert_eq!(on_demand("ap-south-1", model), None);
        assert_eq!(on_demand("us-gov-west-1", "anthropic.claude-haiku-4-5-20251001-v1:0"), None);
        assert_eq!(on_demand("us-east-1", "anthropic.claude-9"), None);
    }

    #[test]
    fn every_listed_model_has_one_entry_and_sensible_proportions() {
        for (i, entry) in LIST.iter().enumerate() {
            let [input, output, cache_read, cache_write] = entry.usd;
            assert!(LIST[..i].iter().all(|other| other.model != entry.model), "{} twice", entry.model);
            assert!(output > input && cache_read <= input && cache_write >= input, "{}", entry.model);
        }
    }
}
