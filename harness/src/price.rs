//! What answers cost: from the scenario's `prices`, else from a small dated list. A price that is not known stays
//! unknown; it is never zero and never guessed.

pub mod list;
pub mod money;

use indexmap::IndexMap;
use richter_core::{
    request::Usage,
    target::{OnDemand, Profile, TargetSpec, base_model},
};
use richter_mock_bedrock::{Nanos, SpecProblem};
use schemars::JsonSchema;
use serde::Deserialize;

pub use self::money::{HourlyPrice, Money, TokenPrice};

/// US dollars; tokens per million.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Price {
    pub input: f64,
    pub output: f64,
    pub cache_read: f64,
    pub cache_write: f64,
    /// Provisioned capacity: per hour, whether used or not.
    pub hourly: f64,
}

impl Price {
    /// What the tokens of one answer cost.
    #[inline]
    pub fn cost_usd(&self, usage: Usage) -> f64 {
        let part = |tokens: u32, price: f64| f64::from(tokens) * price;
        let millionths = part(usage.input, self.input)
            + part(usage.output, self.output)
            + part(usage.cache_read, self.cache_read)
            + part(usage.cache_write, self.cache_write);
        millionths / 1e6
    }

    /// What having the target costs for this long, used or not.
    pub fn standing_usd(&self, time: Nanos) -> f64 {
        self.hourly * (time as f64 / 3.6e12)
    }
}

/// Prices by target name, model id or profile id; they replace the built-in list's.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct PricesSpec(pub IndexMap<String, PriceSpec>);

/// What one target costs: both token prices, or a price per hour, or all of them.
#[derive(Debug, Clone, PartialEq, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriceSpec {
    pub input: Option<TokenPrice>,
    pub output: Option<TokenPrice>,
    /// Tokens read from the prompt cache; the price of input when not given.
    pub cache_read: Option<TokenPrice>,
    /// Tokens written to the prompt cache; the price of input when not given.
    pub cache_write: Option<TokenPrice>,
    /// Provisioned capacity, all units together.
    pub hourly: Option<HourlyPrice>,
}

impl PriceSpec {
    fn resolved(&self) -> Price {
        let usd = |price: Option<TokenPrice>| price.map(|price| price.usd_per_million);
        let input = usd(self.input).unwrap_or(0.0);
        Price {
            input,
            output: usd(self.output).unwrap_or(0.0),
            cache_read: usd(self.cache_read).unwrap_or(input),
            cache_write: usd(self.cache_write).unwrap_or(input),
            hourly: self.hourly.map_or(0.0, |price| price.usd_per_hour),
        }
    }
}

impl PricesSpec {
    /// What is wrong with the prices, for these targets by name.
    pub fn check<'a>(&self, targets: impl Iterator<Item = (&'a str, &'a TargetSpec)>) -> Vec<SpecProblem> {
        let names: Vec<Vec<&str>> = targets.map(|(name, target)| keys(name, target)).collect();
        let mut problems = Vec::new();
        for (key, price) in &self.0 {
            let mut note = |message: String, hint: String| {
                problems.push(SpecProblem { path: vec![key.clone()], message, hint });
            };
            if !names.iter().flatten().any(|name| name == key) {
                let known: Vec<&str> = names.iter().filter_map(|keys| keys.first().copied()).collect();
                let hint =
                    format!("write a target's name ({}), or its model or profile id", known.join(", "));
                note(format!("no target is called \"{key}\" or has that model"), hint);
            }
            if price.input.is_some() != price.output.is_some() || (price.input, price.hourly) == (None, None)
            {
                note(
                    "a price needs both input and output, or hourly".to_owned(),
                    "write { input: \"0.25 USD/M\", output: \"1.25 USD/M\" } or { hourly: \"20 USD/h\" }"
                        .to_owned(),
                );
            }
        }
        problems
    }
}

/// The names under which a target's price is looked up, the closest first. An application profile costs what it
/// copies; a prompt router has no price but one under its own name, since its models differ.
fn keys<'a>(name: &'a str, target: &'a TargetSpec) -> Vec<&'a str> {
    let mut keys = vec![name, target.model_id(), last_part(target.model_id())];
    if !matches!(target, TargetSpec::PromptRouter(_)) {
        for id in target.leads_to() {
            keys.extend([id.as_str(), last_part(id), base_model(id)]);
        }
    }
    keys
}

/// The plain target that an id stands for which an application profile or a prompt router leads to.
pub fn stands_for(region: &str, id: &str) -> TargetSpec {
    if base_model(id) == last_part(id) {
        return TargetSpec::OnDemand(OnDemand {
            region: region.into(),
            model: id.into(),
            ..OnDemand::default()
        });
    }
    TargetSpec::Profile(Profile { source: region.into(), id: id.into(), ..Profile::default() })
}

/// What an ARN names, or the id itself.
fn last_part(id: &str) -> &str {
    id.rsplit('/').next().unwrap_or(id)
}

/// What these prices say of a target, under whatever name they have it.
pub fn named(name: &str, target: &TargetSpec, prices: &PricesSpec) -> Option<Price> {
    keys(name, target).into_iter().find_map(|key| prices.0.get(key)).map(PriceSpec::resolved)
}

/// What this target costs, if anybody said.
pub fn price_of(name: &str, target: &TargetSpec, prices: &PricesSpec) -> Option<Price> {
    named(name, target, prices).or_else(|| list::price(target))
}

#[cfg(test)]
mod tests {
    use richter_core::target::{ApplicationProfile, PromptRouter, Provisioned};

    use super::*;

    const HAIKU: &str = "anthropic.claude-3-haiku-20240307-v1:0";

    fn on_demand(model: &str) -> TargetSpec {
        TargetSpec::OnDemand(OnDemand {
            region: "us-east-1".into(),
            model: model.into(),
            ..OnDemand::default()
        })
    }

    fn profile(id: &str) -> TargetSpec {
        TargetSpec::Profile(Profile { source: "us-east-1".into(), id: id.into(), ..Profile::default() })
    }

    fn input(name: &str, target: &TargetSpec, prices: &PricesSpec) -> Option<f64> {
        price_of(name, target, prices).map(|price| price.input)
    }

    fn prices(entries: &[(&str, f64)]) -> PricesSpec {
        let spec = |usd_per_million| PriceSpec {
            input: Some(TokenPrice { usd_per_million }),
            output: Some(TokenPrice { usd_per_million: 2.0 * usd_per_million }),
            ..PriceSpec::default()
        };
        PricesSpec(entries.iter().map(|(key, price)| ((*key).to_owned(), spec(*price))).collect())
    }

    #[test]
    fn the_closest_name_decides() {
        let all = prices(&[(HAIKU, 1.0), ("us.anthropic.claude-3-haiku-20240307-v1:0", 2.0), ("mine", 3.0)]);
        let us = profile("us.anthropic.claude-3-haiku-20240307-v1:0");
        let eu = profile(
            "arn:aws:bedrock:eu-west-1:111122223333:inference-profile/eu.anthropic.claude-3-haiku-20240307-v1:0",
        );
        assert_eq!(input("mine", &us, &all), Some(3.0));
        assert_eq!(input("other", &us, &all), Some(2.0));
        assert_eq!(input("other", &eu, &all), Some(1.0));
        assert_eq!(input("other", &on_demand(HAIKU), &all), Some(1.0));
        assert_eq!(input("other", &on_demand(HAIKU), &PricesSpec::default()), Some(0.25));
    }

    #[test]
    fn a_price_that_nobody_gave_is_unknown_and_not_zero() {
        let none = PricesSpec::default();
        let arn = "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abcdefghijkl";
        let provisioned = TargetSpec::Provisioned(Provisioned { arn: arn.into(), ..Provisioned::default() });
        assert_eq!(price_of("pt", &provisioned, &none), None);
        assert_eq!(price_of("x", &on_demand("meta.some-model-v1:0"), &none), None);
        let opaque = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc123";
        assert_eq!(price_of("x", &profile(opaque), &none), None);
    }

    #[test]
    fn an_application_profile_costs_what_it_copies_and_a_router_has_no_price_of_its_own() {
        let all = prices(&[(HAIKU, 1.0), ("dear", 9.0)]);
        let copies = format!("us.{HAIKU}");
        let copy = TargetSpec::ApplicationProfile(ApplicationProfile {
            region: "us-east-1".into(),
            copies: copies.clone(),
            ..ApplicationProfile::default()
        });
        assert_eq!(input("mine", &copy, &all), Some(1.0));
        assert_eq!(input("mine", &copy, &PricesSpec::default()), Some(0.25), "the list's");
        let router = TargetSpec::PromptRouter(PromptRouter {
            region: "us-east-1".into(),
            models: vec![copies, "anthropic.claude-3-5-sonnet-20240620-v1:0".into()],
            ..PromptRouter::default()
        });
        assert_eq!((input("cheap", &router, &all), input("dear", &router, &all)), (None, Some(9.0)));
    }

    #[test]
    fn tokens_cost_by_the_million_and_capacity_by_the_hour() {
        let price = Price { input: 3.0, output: 15.0, cache_read: 0.3, cache_write: 3.75, hourly: 20.0 };
        let usage = Usage { input: 1_000_000, output: 100_000, cache_read: 200_000, cache_write: 40_000 };
        assert!((price.cost_usd(usage) - (3.0 + 1.5 + 0.06 + 0.15)).abs() < 1e-12);
        assert!((price.standing_usd(900_000_000_000) - 5.0).abs() < 1e-12);
    }

    #[test]
    fn half_a_price_and_a_price_for_nobody_are_problems() {
        let mut wrong = prices(&[("east", 1.0), ("nobody", 1.0)]);
        wrong.0.insert("west".into(), PriceSpec { output: None, ..wrong.0["east"].clone() });
        wrong.0.insert(HAIKU.into(), PriceSpec::default());
        let target = on_demand(HAIKU);
        let problems = wrong.check([("east", &target), ("west", &target)].into_iter());
        let found: Vec<(&str, &str)> =
            problems.iter().map(|problem| (&*problem.path[0], &*problem.message)).collect();
        let half = "a price needs both input and output, or hourly";
        assert_eq!(
            found,
            [("nobody", "no target is called \"nobody\" or has that model"), ("west", half), (HAIKU, half)]
        );
        assert!(problems[0].hint.contains("east, west"), "{}", problems[0].hint);
    }
}
