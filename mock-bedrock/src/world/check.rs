//! What cannot work in a world as written: numbers out of range and names that nothing has.
//!
//! Everything is looked at, also what no route uses, because a shared world file serves many scenarios. Each problem
//! is said once.

use std::fmt::Display;

use indexmap::IndexMap;

mod named;

use super::spec::{
    CapacitySpec, ModelSpec, ProfileSpec, ProvisionedSpec, QuotaSpec, QuotasSpec, RegionSpec, WorldSpec,
};
use crate::{
    SpecProblem,
    dist::Dist,
    limiter::PER_MINUTE_MAX,
    profile::{DESTINATIONS_MAX, known_regions},
    units::{Quantity, Rate, Tokens},
};

pub use named::OWN;

/// Ids are 16 bits wide.
pub const ENTRIES_MAX: usize = u16::MAX as usize;
/// Far above any known rate (15), and small enough that settlement stays in range.
const BURNDOWN_MAX: f64 = 1_000.0;
/// Most times slower; beyond, an answer would outlast every run.
const SLOWDOWN_MAX: f64 = 1_000.0;
const TOKENS_MAX: u64 = u32::MAX as u64;
/// What a token cap of a day may be written as, at most.
const PER_DAY_MAX: u64 = 1_000_000_000_000_000;

/// Problems so far, each once.
#[derive(Debug, Default)]
pub struct Problems(Vec<SpecProblem>);

impl Problems {
    pub fn add(&mut self, path: &[&str], message: impl Display, hint: impl Display) {
        let path = path.iter().map(|key| (*key).to_owned()).collect();
        let problem = SpecProblem { path, message: message.to_string(), hint: hint.to_string() };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    pub fn into_result(self) -> Result<(), Vec<SpecProblem>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// `did you mean "x"?` for a near name, else the known names.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    /// Similarity from which a name is taken for a slip of the pen.
    const NEAR: f64 = 0.8;
    let known: Vec<&str> = known.into_iter().collect();
    let scored = known.iter().map(|other| (strsim::jaro_winkler(name, other), *other));
    match scored.max_by(|a, b| a.0.total_cmp(&b.0)) {
        Some((score, other)) if score >= NEAR => format!("did you mean \"{other}\"?"),
        Some(_) => format!("known: {}", some_of(&known)),
        None => "none is known".to_owned(),
    }
}

/// A handful of names, and whether there are more.
pub fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 9;
    let more = if names.len() > SHOWN { ", .." } else { "" };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}

/// Names that other parts of a world may refer to.
#[derive(Debug)]
pub struct Names<'a> {
    pub regions: Vec<&'a str>,
    pub models: Vec<&'a str>,
}

impl<'a> Names<'a> {
    /// Without a `regions` section, the Regions are those that routes name.
    pub fn of(spec: &'a WorldSpec, called: impl Iterator<Item = &'a str>) -> Names<'a> {
        let mut regions: Vec<&str> = match &spec.regions {
            Some(regions) => regions.keys().map(String::as_str).collect(),
            None => Vec::new(),
        };
        if spec.regions.is_none() {
            for region in called {
                if !regions.contains(&region) {
                    regions.push(region);
                }
            }
        }
        Names { regions, models: keys(&spec.models).collect() }
    }

    /// Whether the name is a Region of this world or of AWS.
    pub fn has_region(&self, name: &str) -> bool {
        self.regions.contains(&name) || known_regions().any(|region| region == name)
    }

    fn check_region(&self, path: &[&str], name: &str, problems: &mut Problems) {
        if !self.has_region(name) {
            let mut known: Vec<&str> = self.regions.clone();
            known_regions().for_each(|region| known.push(region));
            problems.add(path, format!("unknown Region \"{name}\""), did_you_mean(name, known));
        }
    }

    fn check_model(&self, path: &[&str], name: &str, problems: &mut Problems) {
        if !self.models.contains(&name) {
            problems.add(
                path,
                format!("model \"{name}\" has no entry in models"),
                did_you_mean(name, self.models.iter().copied()),
            );
        }
    }
}

fn keys<T>(section: &Option<IndexMap<String, T>>) -> impl Iterator<Item = &str> {
    section.iter().flat_map(IndexMap::keys).map(String::as_str)
}

fn entries<T>(section: &Option<IndexMap<String, T>>) -> impl Iterator<Item = (&str, &T)> {
    section.iter().flatten().map(|(key, value)| (key.as_str(), value))
}

/// Checks everything that does not depend on the routes.
pub fn check(spec: &WorldSpec, names: &Names<'_>, problems: &mut Problems) {
    for (section, len) in [("regions", names.regions.len()), ("models", names.models.len())] {
        // Room for the destinations that profiles bring in.
        let most = ENTRIES_MAX - known_regions().count();
        if len > most {
            problems.add(&[section], format!("{section} has {len} entries"), format!("at most {most} fit"));
        }
    }
    entries(&spec.regions).for_each(|(name, region)| check_one_region(name, region, names, problems));
    entries(&spec.models).for_each(|(name, model)| check_one_model(name, model, problems));
    entries(&spec.profiles).for_each(|(id, profile)| check_profile(id, profile, names, problems));
    entries(&spec.provisioned).for_each(|(arn, bought)| check_provisioned(arn, bought, names, problems));
    entries(&spec.capacity).for_each(|(region, capacity)| {
        names.check_region(&["capacity", region], region, problems);
        check_capacity(&["capacity", region], capacity, problems);
    });
    if let Some(quotas) = &spec.quotas {
        check_quotas(&["quotas"], quotas, names, problems);
    }
    named::check(spec, names, problems);
    if let Some(hop) = &spec.hop {
        check_dist(&["hop"], hop, problems);
    }
}

fn check_dist<Q: Quantity>(path: &[&str], dist: &Dist<Q>, problems: &mut Problems) {
    if let Some(problem) = dist.problem() {
        problems.add(path, problem, "write such as { log_normal: { p50: 450ms, p99: 2s } }");
    }
}

fn check_one_region(name: &str, region: &RegionSpec, names: &Names<'_>, problems: &mut Problems) {
    if let Some(rtt) = &region.rtt {
        check_dist(&["regions", name, "rtt"], rtt, problems);
    }
    for (place, model) in region.without.iter().enumerate() {
        names.check_model(&["regions", name, "without", &place.to_string()], model, problems);
    }
}

fn check_one_model(name: &str, model: &ModelSpec, problems: &mut Problems) {
    let at = |key| ["models", name, key];
    check_dist(&at("first_token"), &model.first_token, problems);
    check_dist(&at("per_token"), &model.per_token, problems);
    check_tokens(&at("max_output"), model.max_output, problems);
    if let Some(context) = model.context {
        check_tokens(&at("context"), context, problems);
    }
    if let Some(burndown) = model.burndown
        && !(1.0..=BURNDOWN_MAX).contains(&burndown)
    {
        problems.add(
            &at("burndown"),
            format!("burndown is {burndown}, but an output token costs 1 quota token or more"),
            format!("write a number from 1 to {BURNDOWN_MAX}, such as 5"),
        );
    }
    if let Some(outliers) = &model.outliers {
        check_dist(&["models", name, "outliers", "first_token"], &outliers.first_token, problems);
        if !(0.0..=1.0).contains(&outliers.share.0) {
            let path = ["models", name, "outliers", "share"];
            problems.add(&path, "a share lies between 0% and 100%", "write such as \"0.1%\"");
        }
    }
}

fn check_tokens(path: &[&str], tokens: Tokens, problems: &mut Problems) {
    if !(1..=TOKENS_MAX).contains(&tokens.0) {
        problems.add(
            path,
            format!("{tokens} tokens are not a possible limit"),
            format!("write a count from 1 to {TOKENS_MAX}, such as 4096"),
        );
    }
}

fn check_profile(id: &str, profile: &ProfileSpec, names: &Names<'_>, problems: &mut Problems) {
    if let Some(model) = &profile.model {
        names.check_model(&["profiles", id, "model"], model, problems);
    }
    for (source, destinations) in &profile.destinations {
        let path = ["profiles", id, "destinations", source.as_str()];
        names.check_region(&path, source, problems);
        if destinations.is_empty() {
            problems.add(
                &path,
                format!("source {source} has no destinations"),
                "write the Regions that may serve it, such as [us-east-1, us-west-2], or remove the source",
            );
        }
        if destinations.len() > DESTINATIONS_MAX {
            let many = format!("source {source} has {} destinations", destinations.len());
            problems.add(&path, many, format!("at most {DESTINATIONS_MAX} fit"));
        }
        for (place, destination) in destinations.iter().enumerate() {
            let place = place.to_string();
            names.check_region(&["profiles", id, "destinations", source, &place], destination, problems);
        }
    }
}

fn check_provisioned(arn: &str, bought: &ProvisionedSpec, names: &Names<'_>, problems: &mut Problems) {
    names.check_model(&["provisioned", arn, "model"], &bought.model, problems);
    check_rate(&["provisioned", arn, "requests"], bought.requests, problems);
    check_rate(&["provisioned", arn, "tokens"], bought.tokens, problems);
    if bought.concurrent == Some(0) {
        let path = ["provisioned", arn, "concurrent"];
        problems.add(&path, "concurrent is 0, so nothing would ever be served", "write 1 or more");
    }
}

fn check_rate(path: &[&str], rate: Option<Rate>, problems: &mut Problems) {
    let Some(rate) = rate else { return };
    let per_minute = rate.per_minute();
    let what = path.last().copied().unwrap_or_default();
    if per_minute <= 0.0 || per_minute.is_nan() {
        problems.add(
            path,
            format!("a quota of {rate} {what} lets nothing through"),
            "write a rate above zero, such as \"400/min\", or leave it out for no limit",
        );
    } else if per_minute > PER_MINUTE_MAX {
        problems.add(
            path,
            format!("a quota of {rate} {what} is beyond what can be counted"),
            format!("write at most {PER_MINUTE_MAX}/min, or leave it out for no limit"),
        );
    }
}

fn check_quotas(at: &[&str], quotas: &QuotasSpec, names: &Names<'_>, problems: &mut Problems) {
    let pools = [
        ("on_demand", &quotas.on_demand),
        ("profile", &quotas.profile),
        ("global_profile", &quotas.global_profile),
    ];
    for (pool, regions) in pools {
        for (region, quota) in regions {
            let at = [at, &[pool, region.as_str()]].concat();
            names.check_region(&at, region, problems);
            check_quota(&at, quota, names, problems);
        }
    }
    for (region, cap) in &quotas.tokens_per_day {
        let path = [at, &["tokens_per_day", region.as_str()]].concat();
        names.check_region(&path, region, problems);
        if cap.0 > PER_DAY_MAX {
            problems.add(
                &path,
                format!("{cap} tokens per day are too many to count"),
                "write at most 1000000B",
            );
        }
    }
}

fn check_quota(at: &[&str], quota: &QuotaSpec, names: &Names<'_>, problems: &mut Problems) {
    let rate = |keys: &[&str], rate, problems: &mut Problems| {
        check_rate(&[at, keys].concat(), rate, problems);
    };
    rate(&["requests"], quota.requests, problems);
    rate(&["tokens"], quota.tokens, problems);
    for (model, quota) in &quota.models {
        names.check_model(&[at, &["models", model]].concat(), model, problems);
        rate(&["models", model, "requests"], quota.requests, problems);
        rate(&["models", model, "tokens"], quota.tokens, problems);
    }
}

fn check_capacity(at: &[&str], capacity: &CapacitySpec, problems: &mut Problems) {
    if capacity.concurrent == 0 {
        let path = [at, &["concurrent"]].concat();
        problems.add(&path, "concurrent is 0, so the Region could serve nothing", "write 1 or more");
    }
    if let Some(knee) = capacity.knee
        && !(0.0..1.0).contains(&knee.0)
    {
        problems.add(
            &[at, &["knee"]].concat(),
            format!("knee is {knee}, but answers must slow down before the Region is full"),
            "write a share below 100%, such as \"80%\"",
        );
    }
    if let Some(slowdown) = capacity.slowdown
        && !(1.0..=SLOWDOWN_MAX).contains(&slowdown)
    {
        problems.add(
            &[at, &["slowdown"]].concat(),
            format!("slowdown is {slowdown}, but a full Region is not faster than an idle one"),
            format!("write how many times slower, from 1 to {SLOWDOWN_MAX}"),
        );
    }
    if let Some(above) = capacity.refuse_above
        && (above <= 0.0 || !above.is_finite())
    {
        problems.add(
            &[at, &["refuse_above"]].concat(),
            format!("refuse_above is {above}, so every call would be refused"),
            "write the share in use above which calls are refused, such as 1.2",
        );
    }
}
