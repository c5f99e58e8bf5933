//! The world of a server that was given none: current models where AWS offers them, with the quotas that AWS lists as
//! defaults and latencies from public measurements. Orders of magnitude, not promises: what an account really has is in
//! its Service Quotas, and a scenario says what it wants.

use indexmap::IndexMap;
use serde_json::json;

use crate::{
    profile,
    world::{ModelSpec, QuotaSpec, QuotasSpec, RegionSpec, RouteKind, RouteSpec, World, WorldSpec},
};

/// A model, where it can be called on demand and through which geographies.
struct Offer {
    id: &'static str,
    /// Regions of on-demand calls; `*` for every commercial one.
    on_demand: &'static [&'static str],
    profiles: &'static [&'static str],
    /// Median and 99th percentile of the time to the first token.
    first_token: (&'static str, &'static str),
    per_token: (&'static str, &'static str),
    max_output: u64,
    context: u64,
    burndown: f64,
    /// Requests (0: not limited) and tokens per minute, on demand and through a profile.
    quotas: [(u32, &'static str); 2],
}

const CLAUDE: &[&str] = &["us", "eu", "jp", "au", "global"];
const US_EU: &[&str] = &["us", "eu"];
const US: &[&str] = &["us"];
const FEW: &[&str] = &["us-east-1", "us-west-2", "eu-central-1", "ap-northeast-1"];
const SLOW: ((&str, &str), (&str, &str)) = (("1200ms", "9s"), ("22ms", "60ms"));
const MIDDLE: ((&str, &str), (&str, &str)) = (("850ms", "4s"), ("15ms", "45ms"));
const FAST: ((&str, &str), (&str, &str)) = (("400ms", "1500ms"), ("6ms", "20ms"));

macro_rules! offers {
    ($($id:literal: $on_demand:expr, $profiles:expr, $pace:expr, $max:literal of $context:literal, x $burn:literal, $quotas:expr;)*) => {
        &[$(Offer {
            id: $id,
            on_demand: $on_demand,
            profiles: $profiles,
            first_token: $pace.0,
            per_token: $pace.1,
            max_output: $max,
            context: $context,
            burndown: $burn,
            quotas: $quotas,
        }),*]
    };
}

const OFFERS: &[Offer] = offers! {
    "anthropic.claude-opus-5-5": &[], CLAUDE, SLOW, 128_000 of 1_000_000, x 10.0, [(0, "15M/min"), (0, "30M/min")];
    "anthropic.claude-opus-5": &[], CLAUDE, SLOW, 128_000 of 1_000_000, x 10.0, [(0, "3M/min"), (0, "6M/min")];
    "anthropic.claude-sonnet-5-5": &[], CLAUDE, MIDDLE, 64_000 of 1_000_000, x 10.0, [(0, "3M/min"), (0, "6M/min")];
    "anthropic.claude-sonnet-5": FEW, CLAUDE, MIDDLE, 64_000 of 1_000_000, x 10.0, [(0, "3M/min"), (0, "6M/min")];
    "anthropic.claude-opus-4-8": &[], CLAUDE, SLOW, 64_000 of 200_000, x 15.0, [(0, "1M/min"), (0, "2M/min")];
    "anthropic.claude-opus-4-7": &[], CLAUDE, SLOW, 64_000 of 200_000, x 5.0, [(0, "1M/min"), (0, "2M/min")];
    "anthropic.claude-opus-4-1-20250805-v1:0": &[], US, SLOW, 32_000 of 200_000, x 5.0, [(50, "500k/min"), (50, "500k/min")];
    "anthropic.claude-sonnet-4-6": FEW, CLAUDE, MIDDLE, 64_000 of 200_000, x 5.0, [(5_000, "3M/min"), (10_000, "6M/min")];
    "anthropic.claude-sonnet-4-5-20250929-v1:0": &[], CLAUDE, MIDDLE, 64_000 of 200_000, x 5.0, [(500, "500k/min"), (1_000, "1M/min")];
    "anthropic.claude-haiku-4-5-20251001-v1:0": &[], CLAUDE, FAST, 64_000 of 200_000, x 5.0, [(5_000, "2500k/min"), (10_000, "5M/min")];
    "anthropic.claude-3-5-haiku-20241022-v1:0": &["us-west-2"], US, FAST, 8_192 of 200_000, x 1.0, [(1_000, "2M/min"), (2_000, "4M/min")];
    "anthropic.claude-3-haiku-20240307-v1:0": &["*"], US_EU, FAST, 4_096 of 200_000, x 1.0, [(1_000, "2M/min"), (2_000, "4M/min")];
    "amazon.nova-2-lite-v1:0": &["us-east-1"], &["us", "eu", "jp", "global"], FAST, 64_000 of 1_000_000, x 1.0, [(1_000, "4M/min"), (2_000, "8M/min")];
    "amazon.nova-pro-v1:0": &["us-east-1", "us-gov-west-1"], &["us", "eu", "apac"], FAST, 10_000 of 300_000, x 1.0, [(250, "1M/min"), (500, "2M/min")];
    "amazon.nova-lite-v1:0": &["us-east-1", "us-gov-west-1"], &["us", "eu", "apac"], FAST, 10_000 of 300_000, x 1.0, [(1_000, "4M/min"), (2_000, "8M/min")];
    "amazon.nova-micro-v1:0": &["us-east-1", "us-gov-west-1"], &["us", "eu", "apac"], FAST, 10_000 of 128_000, x 1.0, [(2_000, "4M/min"), (4_000, "8M/min")];
    "amazon.titan-text-express-v1": &["us-east-1", "us-west-2", "eu-central-1"], &[], FAST, 8_192 of 8_192, x 1.0, [(400, "300k/min"), (0, "1M/min")];
    "amazon.titan-text-lite-v1": &["us-east-1", "us-west-2", "eu-central-1"], &[], FAST, 4_096 of 4_096, x 1.0, [(800, "300k/min"), (0, "1M/min")];
    "meta.llama3-3-70b-instruct-v1:0": &["us-east-2"], US, FAST, 8_192 of 128_000, x 1.0, [(400, "300k/min"), (800, "600k/min")];
    "meta.llama3-1-70b-instruct-v1:0": &["us-west-2"], US, FAST, 8_192 of 128_000, x 1.0, [(400, "300k/min"), (800, "600k/min")];
    "mistral.mistral-large-2402-v1:0": &["us-east-1", "us-west-2", "eu-west-3"], &[], MIDDLE, 8_192 of 32_000, x 1.0, [(400, "300k/min"), (0, "1M/min")];
};

/// The standard world as it would be written.
pub fn world() -> (WorldSpec, Vec<RouteSpec<'static>>) {
    let regions: IndexMap<String, RegionSpec> =
        profile::known_regions().map(|region| (region.to_owned(), RegionSpec::default())).collect();
    let spec = WorldSpec {
        models: Some(OFFERS.iter().map(|offer| (offer.id.to_owned(), offer.model())).collect()),
        quotas: Some(QuotasSpec {
            on_demand: quotas(&regions, 0),
            profile: quotas(&regions, 1),
            global_profile: quotas(&regions, 1),
            tokens_per_day: IndexMap::new(),
        }),
        regions: Some(regions),
        ..WorldSpec::default()
    };
    let ways =
        profile::known_regions().flat_map(|region| OFFERS.iter().flat_map(move |offer| offer.ways(region)));
    (spec, ways.collect())
}

/// The standard world, resolved.
pub fn resolved() -> World {
    let (spec, ways) = world();
    spec.resolve(&ways).expect("a test resolves the standard world")
}

impl Offer {
    fn model(&self) -> ModelSpec {
        let range = |(p50, p99): (&str, &str)| json!({ "log_normal": { "p50": p50, "p99": p99 } });
        let written = json!({
            "first_token": range(self.first_token),
            "per_token": range(self.per_token),
            "max_output": self.max_output,
            "context": self.context,
            "burndown": self.burndown,
        });
        serde_json::from_value(written).expect("a test reads the standard world")
    }

    fn ways(&self, region: &'static str) -> impl Iterator<Item = RouteSpec<'static>> {
        let everywhere = self.on_demand == ["*"] && !region.starts_with("us-gov");
        let on_demand = (everywhere || self.on_demand.contains(&region))
            .then(|| RouteSpec::from((RouteKind::OnDemand, region, self.id)));
        let profiles =
            self.profiles.iter().filter(move |prefix| !profile::destinations(prefix, region).is_empty());
        let profiles = profiles.map(move |prefix| {
            let route = RouteSpec::from((RouteKind::Profile, region, ""));
            RouteSpec { id: format!("{prefix}.{}", self.id).into(), ..route }
        });
        on_demand.into_iter().chain(profiles)
    }
}

/// Each Region's quotas by model: `kind` 0 on demand, 1 through profiles.
fn quotas(regions: &IndexMap<String, RegionSpec>, kind: usize) -> IndexMap<String, QuotaSpec> {
    let written = |offer: &Offer| {
        let (requests, tokens) = offer.quotas[kind];
        let requests = (requests > 0).then(|| format!("{requests}/min"));
        (offer.id.to_owned(), json!({ "requests": requests, "tokens": tokens }))
    };
    let models: serde_json::Map<String, serde_json::Value> = OFFERS.iter().map(written).collect();
    let quota: QuotaSpec =
        serde_json::from_value(json!({ "models": models })).expect("a test reads the standard world");
    regions.keys().map(|region| (region.clone(), quota.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ways::Ways;

    #[test]
    fn the_standard_world_offers_models_where_aws_does() {
        let world = resolved();
        let ways = Ways::of(&world);
        let found = |region, id| ways.find("own", region, id).is_ok();
        assert!(found("us-east-1", "us.anthropic.claude-sonnet-4-6"));
        assert!(found("eu-west-1", "global.amazon.nova-2-lite-v1:0"));
        assert!(!found("ap-southeast-2", "au.amazon.nova-2-lite-v1:0"), "Nova 2 Lite has no au profile");
        assert!(found("us-east-1", "anthropic.claude-3-haiku-20240307-v1:0"));
        let needs = ways.find("own", "us-east-2", "amazon.nova-lite-v1:0").expect_err("not in-Region there");
        assert!(needs.message.contains("isn\u{2019}t supported"), "{}", needs.message);
        let world_has = |id: &str| world.model(id).is_some();
        assert!(OFFERS.iter().all(|offer| world_has(offer.id)));
    }
}
