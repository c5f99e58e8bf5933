//! Selectors that lack what they compare.

use std::collections::BTreeSet;

use super::Found;
use crate::{
    policy::selector::SelectorSpec,
    strategy::composed::{ComposedSpec, settings::Settings},
};

impl Found {
    pub(super) fn selector(&mut self, spec: &ComposedSpec, listed: &BTreeSet<&String>) {
        let Some(settings) = Settings::of(spec) else { return };
        match settings.select {
            SelectorSpec::Headroom(_) if settings.quota.is_none() => {
                self.add(&["select"], "nobody knows how much room there is", "write `quota: {}`, too");
            }
            SelectorSpec::TtftPercentile(percentile) if !percentile.is_sound() => {
                let hint =
                    "write `quantile` from above \"0%\" to \"100%\", and `explore` of at most \"100%\"";
                self.add(&["select", "ttft_percentile"], "no first-token time is at this percentile", hint);
            }
            SelectorSpec::CostFirst(cost) if cost.slo.is_zero() => {
                let hint = "write a length of time such as \"4s\"";
                self.add(&["select", "cost_first", "slo"], "no answer is whole in no time", hint);
            }
            SelectorSpec::CacheAffinity(affinity) if !affinity.is_sound() => {
                let hint = "write `load` of at least 1, and `ttl` above zero";
                self.add(&["select", "cache_affinity"], "no prefix could keep to a target", hint);
            }
            _ => {}
        }
        self.prices(spec, listed, matches!(settings.select, SelectorSpec::CostFirst(_)));
    }

    fn prices(&mut self, spec: &ComposedSpec, listed: &BTreeSet<&String>, needed: bool) {
        for (name, price) in &spec.prices {
            if !listed.contains(name) {
                let message = format!("\"{name}\" has a price and is in no tier");
                self.add(&["prices", name], message, "list it in a tier, or remove the price");
            } else if !price.is_sound() {
                let hint = "write prices of a million tokens, such as 0.25";
                self.add(&["prices", name], "a price is not a number from 0 on", hint);
            } else if !needed {
                let hint = "write `select: { cost_first: { slo: 4s } }`, or remove the prices";
                self.add(&["prices", name], "nobody looks at this price", hint);
            }
        }
        let missing = listed.iter().find(|name| needed && !spec.prices.contains_key(**name));
        if let Some(name) = missing {
            let hint = format!("write `prices: {{ {name}: {{ input: 0.25, output: 1.25 }}, .. }}`");
            self.add(&["select"], format!("nobody knows what \"{name}\" costs"), hint);
        }
    }
}
