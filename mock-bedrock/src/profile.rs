//! Cross-Region inference profiles: which Regions may serve a call, given where it is made, and which one does.
//!
//! Destinations depend on the source Region (AWS: model cards and "Supported Regions and models for inference
//! profiles"; the lists here are those of Claude Sonnet 4.5, the widest). A Region that is only a source is its own
//! extra destination and nobody else's. Other lists go into `profiles:`.

use crate::{
    latency::{Chance, Purpose, RegionLoad},
    world::{ChoiceRule, RegionId},
};

/// A geography's common destinations, and the Regions that may call it but serve only themselves besides.
#[derive(Debug)]
struct Geography {
    prefix: &'static str,
    common: &'static [&'static str],
    source_only: &'static [&'static str],
}

const GEOGRAPHIES: &[Geography] = &[
    Geography {
        prefix: "us",
        common: &["us-east-1", "us-east-2", "us-west-2"],
        source_only: &["us-west-1", "ca-central-1", "ca-west-1"],
    },
    // GovCloud callers use the `us.` id and stay in GovCloud.
    Geography { prefix: "us", common: GOVERNMENT, source_only: &[] },
    Geography { prefix: "us-gov", common: GOVERNMENT, source_only: &[] },
    Geography {
        prefix: "eu",
        common: &["eu-central-1", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-3"],
        source_only: &["eu-central-2", "eu-west-2"],
    },
    Geography {
        prefix: "apac",
        common: &[
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
        ],
        source_only: &[],
    },
    Geography { prefix: "jp", common: &["ap-northeast-1", "ap-northeast-3"], source_only: &[] },
    Geography {
        prefix: "au",
        common: &["ap-southeast-2", "ap-southeast-4"],
        source_only: &["ap-southeast-6"],
    },
    Geography { prefix: "ca", common: &["ca-central-1", "ca-west-1"], source_only: &[] },
    Geography { prefix: GLOBAL, common: COMMERCIAL, source_only: &[] },
];

/// Prefix of the profiles that lead anywhere; they have quotas of their own.
pub const GLOBAL: &str = "global";

const GOVERNMENT: &[&str] = &["us-gov-west-1", "us-gov-east-1"];

const COMMERCIAL: &[&str] = &[
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "ca-west-1",
    "sa-east-1",
    "mx-central-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "af-south-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
];

/// Regions that AWS has, so that a file may speak of one that it does not furnish.
pub fn known_regions() -> impl Iterator<Item = &'static str> {
    COMMERCIAL.iter().chain(GOVERNMENT).copied()
}

/// Prefixes of the geographies, each once.
pub fn geographies() -> impl Iterator<Item = &'static str> {
    let earlier = |place: usize| GEOGRAPHIES[..place].iter().map(|other| other.prefix);
    let all = GEOGRAPHIES.iter().enumerate();
    all.filter(move |(place, own)| earlier(*place).all(|other| other != own.prefix))
        .map(|(_, own)| own.prefix)
}

/// Splits `us.anthropic.claude…` into its geography and the base model id.
pub fn split_geography(id: &str) -> Option<(&'static str, &str)> {
    let (prefix, model) = id.split_once('.')?;
    GEOGRAPHIES.iter().find(|g| g.prefix == prefix).map(|g| (g.prefix, model))
}

/// Where a geography's profile may send a call made in `source`, the source first. Empty when it is no source.
pub fn destinations(geography: &str, source: &str) -> Vec<&'static str> {
    let of = |list: &'static [&'static str]| list.iter().copied().find(|region| *region == source);
    let found = GEOGRAPHIES.iter().filter(|g| g.prefix == geography).find_map(|g| {
        let own = of(g.common).or_else(|| of(g.source_only))?;
        Some((own, g.common))
    });
    found.map_or_else(Vec::new, |(own, common)| {
        std::iter::once(own).chain(common.iter().copied().filter(|region| *region != own)).collect()
    })
}

/// Sources of a geography, for hints.
pub fn sources(geography: &str) -> impl Iterator<Item = &'static str> {
    let of = GEOGRAPHIES.iter().filter(move |g| g.prefix == geography);
    of.flat_map(|g| g.common.iter().chain(g.source_only)).copied()
}

/// Most destinations of one profile; a set of them is one word.
pub const DESTINATIONS_MAX: usize = 64;

/// What the choice looks at: a profile's destinations, and each Region's capacity and load.
#[derive(Debug, Clone, Copy)]
pub struct Choice<'a> {
    pub rule: ChoiceRule,
    pub destinations: &'a [RegionId],
    pub load: &'a [RegionLoad],
    /// One bit per destination that may still be chosen.
    pub open: u64,
}

impl Choice<'_> {
    /// The place in `destinations` that serves, or none if none is open. Destinations with room come first; when
    /// every one is full, the least loaded takes it.
    pub fn pick(&self, chance: &Chance, salt: u32) -> Option<usize> {
        let with_room = self.places(self.open).filter(|place| !self.load(*place).full());
        let roomy = with_room.fold(0u64, |set, place| set | 1 << place);
        match self.rule {
            _ if roomy == 0 => self.least_loaded(self.open),
            ChoiceRule::SourceFirst => Some(roomy.trailing_zeros() as usize),
            ChoiceRule::LeastLoaded => self.least_loaded(roomy),
            ChoiceRule::Spread => {
                let unit = chance.unit(Purpose::Destination, salt);
                nth_set(roomy, (unit * f64::from(roomy.count_ones())) as u32)
            }
        }
    }

    fn places(&self, among: u64) -> impl Iterator<Item = usize> {
        (0..self.destinations.len().min(DESTINATIONS_MAX)).filter(move |place| among >> place & 1 == 1)
    }

    fn load(&self, place: usize) -> &RegionLoad {
        &self.load[usize::from(self.destinations[place].0)]
    }

    /// By share of capacity in use. Ties go to the fewer answers, then to the earlier place.
    fn least_loaded(&self, among: u64) -> Option<usize> {
        let key = |place: usize| (self.load(place).share(), self.load(place).running);
        self.places(among).min_by(|a, b| {
            let (a, b) = (key(*a), key(*b));
            a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
        })
    }
}

fn nth_set(set: u64, n: u32) -> Option<usize> {
    let rest = (0..n).fold(set, |set, _| set & set.wrapping_sub(1));
    (rest != 0).then(|| rest.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        latency::Capacity,
        luck::{Luck, Stream},
    };

    fn load(running: &[u32]) -> Vec<RegionLoad> {
        let capacity = Capacity { concurrent: 10, knee: 0.8, slowdown: 3.0, refuse_at: None };
        running.iter().map(|running| RegionLoad { capacity: Some(capacity), running: *running }).collect()
    }

    fn pick(rule: ChoiceRule, running: &[u32], open: u64, request: u64) -> Option<usize> {
        let load = load(running);
        let destinations: Vec<RegionId> = (0..running.len() as u16).map(RegionId).collect();
        let chance = Chance { draws: Luck::new(1, 0).stream(Stream::Routing), request, attempt: 0 };
        Choice { rule, destinations: &destinations, load: &load, open }.pick(&chance, 0)
    }

    #[test]
    fn each_rule_picks_by_what_it_looks_at() {
        use ChoiceRule::{LeastLoaded, SourceFirst};
        // (rule, answers running of 10 each, open, choice)
        let table: [(ChoiceRule, &[u32], u64, Option<usize>); 9] = [
            (SourceFirst, &[9, 0, 0], 0b111, Some(0)),
            (SourceFirst, &[10, 3, 0], 0b111, Some(1)),
            (SourceFirst, &[0, 3, 0], 0b110, Some(1)),
            (SourceFirst, &[12, 10, 11], 0b111, Some(1)),
            (SourceFirst, &[0, 0, 0], 0, None),
            (LeastLoaded, &[5, 4, 4], 0b111, Some(1)),
            (LeastLoaded, &[5, 4, 4], 0b101, Some(2)),
            (LeastLoaded, &[0, 0, 0], 0b111, Some(0)),
            (LeastLoaded, &[10, 12, 11], 0b110, Some(2)),
        ];
        for (rule, running, open, choice) in table {
            assert_eq!(pick(rule, running, open, 1), choice, "{rule:?} {running:?} {open:b}");
        }
    }

    #[test]
    fn spreading_is_even_over_those_with_room() {
        let mut hits = [0; 4];
        for request in 0..30_000 {
            hits[pick(ChoiceRule::Spread, &[0, 10, 5, 9], 0b1111, request).expect("one is open")] += 1;
        }
        assert_eq!(hits[1], 0, "the second is full");
        for place in [0, 2, 3] {
            assert!((9_700..10_300).contains(&hits[place]), "{hits:?}");
        }
    }

    #[test]
    fn ids_split_into_geography_and_base_model() {
        let table = [
            ("us.anthropic.claude", Some(("us", "anthropic.claude"))),
            ("us-gov.amazon.nova", Some(("us-gov", "amazon.nova"))),
            ("global.m", Some(("global", "m"))),
            ("anthropic.claude", None),
            ("plain", None),
        ];
        for (id, parts) in table {
            assert_eq!(split_geography(id), parts, "{id}");
        }
    }
}
