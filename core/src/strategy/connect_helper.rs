//! Bedrock Connect Helper: failover over Regions, primaries first, with a cool-down kept in a file.
//!
//! Idea. The helper class of aws-samples/amazon-bedrock-connect-helper: a list of endpoints, some of them primary, is
//! walked until one answers; endpoints that failed are left out for an hour.
//! Chooses. `faithful`, as its code does: an instance makes its list once, when it is built, with a primary drawn by
//! lot in front, and every request of the instance walks that list. Otherwise as its keys promise: a new lot for each
//! request, over the endpoints that are not cooling down.
//! Learns from. `faithful`: failures are noted on the instance and change nothing for it; with `auto_update_config` they
//! are written to the file when the instance is destroyed, for those built later. Otherwise a failure cools its
//! endpoint from that moment, for everybody.
//! Cold start. The records as they are written: nothing cools down unless they say so.
//! Throttling. The next endpoint at once, without a pause; a throttle, a refused access and a fault count alike.
//! Bad at. One long-lived instance, which puts all load on one primary; bans of an hour for quotas of a minute, that
//! all end in the same second; answers that take longer than its read timeout of five seconds; requests that are
//! wrong, which every endpoint gets to see; no endpoint left, which fails without a call.
//!
//! `check` refuses what cannot work, `order` makes an instance's list, `faithful` has instances and their file,
//! `promised` the other half. The requests are dealt to the instances in turn, by their number. One attempt is one
//! call: the helper turns the SDK's retries off. What a caller reads of a stream that breaks is told here as broken,
//! though the helper hands it on as if it were whole; either way no other endpoint is tried.
//!
//! Not keys here: `model_id` and `config_file_path` (the targets and `endpoints` say it), `debug_mode`,
//! `auto_load_config` (without its list nothing is ever sent) and the choice of the API, which is the traffic's. Its
//! sorting by next available time is promised in a comment only, and would ask first what failed last. Guardrails and
//! fields lost on the way, and a file read while it is empty for the moment of a rewrite, are not about routing.

mod check;
mod faithful;
mod order;
mod promised;

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::Deserialize;

use self::{faithful::Faithful, promised::Promised};
use super::{Find, Strategy, StrategyInfo, Timeouts, WorstCase};
use crate::{Nanos, span, target::TargetId};

pub const INFO: StrategyInfo = StrategyInfo {
    name: "connect_helper",
    summary: "Bedrock Connect Helper: failover with primaries and a cool-down file, quirks included",
};

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectHelperSpec {
    /// The endpoint file.
    pub endpoints: Vec<EndpointSpec>,
    /// Whether to do what its code does, or what its keys promise.
    #[serde(default = "yes")]
    pub faithful: bool,
    /// How many instances share the traffic; one for each process of the caller.
    #[serde(default = "one")]
    pub instances: u32,
    /// How long an instance lives before a new one takes its place, at least 1s; by default, the whole run. The first
    /// ones end one after the other, as in a rolling restart.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub lifetime: Option<Duration>,
    /// MAX_RETRY_TIME: failed attempts after which a request gives up.
    #[serde(default = "five")]
    pub max_retry_time: u32,
    /// MAX_RETRY_TIMES_FOR_EACH_REGION: attempts, not retries, at an endpoint before the next.
    #[serde(default = "one")]
    pub max_retry_times_for_each_region: u32,
    /// MULTI_REGION_RETRY: whether to go on to other endpoints. The code never reads it.
    #[serde(default = "yes")]
    pub multi_region_retry: bool,
    /// PRIMARY_REGION_RANDOM_DISTRIBUTION: primaries before the others and one of them, drawn by lot, in front. Without
    /// it the list is as in the file and `primary` means nothing.
    #[serde(default = "yes")]
    pub primary_region_random_distribution: bool,
    /// NEXT_RETRY_TIME_WINDOW: how long an endpoint that failed is left out. In the code it counts from when the instance
    /// was built, and nothing is written without auto_update_config.
    #[serde(default = "hour", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub cooldown: Duration,
    /// ENABLE_CROSS_REGION_INFERENCE: call each endpoint's profile instead of its model.
    #[serde(default)]
    pub enable_cross_region_inference: bool,
    /// Whether an instance writes its bans to the file when it is destroyed.
    #[serde(default)]
    pub auto_update_config: bool,
    /// Longest silence of a call.
    #[serde(default = "five_seconds", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub api_read_timeout: Duration,
    #[serde(default = "five_seconds", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub api_connect_timeout: Duration,
    /// Has no effect: the class has it and uses api_read_timeout.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub read_timeout: Option<Duration>,
    /// Has no effect: the class has it and uses api_connect_timeout.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub connect_timeout: Option<Duration>,
    /// The text of answers is extracted, and this share of them, from 0 to 1, begins with something else, such as a tool
    /// call: whole, paid, and taken for a failure of the endpoint.
    #[serde(default)]
    pub not_text_first: Option<f64>,
}

/// A record of the endpoint file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndpointSpec {
    /// Name of the target that is the plain model in the endpoint's Region.
    pub target: String,
    #[serde(default)]
    pub primary: bool,
    /// Not before this time, from the run's start.
    #[serde(default, deserialize_with = "span::optional")]
    #[schemars(schema_with = "span::schema")]
    pub next_available_time: Option<Duration>,
    /// Prefix of the profile to call here, such as us; "" for the plain model. In the code, a record without it ends the
    /// request that comes to it with enable_cross_region_inference.
    #[serde(default)]
    pub region_profile_prefix: Option<String>,
    /// Names of the targets that are profiles called from this Region, by prefix. An endpoint without a prefix of its own
    /// is called with the one before it in the list; if that has no target here, the Region does not know its
    /// id, and the tries there are counted without being sent.
    #[serde(default)]
    pub profiles: BTreeMap<String, String>,
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

fn five() -> u32 {
    5
}

fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

fn hour() -> Duration {
    Duration::from_secs(3_600)
}

impl EndpointSpec {
    fn prefix(&self) -> Option<&str> {
        self.region_profile_prefix.as_deref().filter(|prefix| !prefix.is_empty())
    }
}

impl ConnectHelperSpec {
    pub(super) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        let mut targets = Vec::new();
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            let path = |keys: &[&str]| {
                let place = place.to_string();
                let home = [INFO.name, "endpoints", &place];
                home.iter().chain(keys).map(|key| (*key).to_owned()).collect::<Vec<String>>()
            };
            targets.push((path(&["target"]), &*endpoint.target));
            let profiles = endpoint.profiles.iter();
            targets.extend(profiles.map(|(prefix, name)| (path(&["profiles", prefix]), &**name)));
        }
        targets
    }

    fn attempts(&self) -> u32 {
        let endpoints = u32::try_from(self.endpoints.len()).unwrap_or(u32::MAX);
        let list = endpoints.saturating_mul(self.max_retry_times_for_each_region);
        let one_region = !self.faithful && !self.multi_region_retry;
        self.max_retry_time.min(if one_region { u32::MAX } else { list })
    }

    pub(super) fn worst_case(&self) -> WorstCase {
        WorstCase::of(self.attempts(), &self.timeouts(), Duration::ZERO)
    }

    fn timeouts(&self) -> Timeouts {
        Timeouts {
            connect: Some(self.api_connect_timeout),
            idle: Some(self.api_read_timeout),
            ..Timeouts::default()
        }
    }

    pub(super) fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
        let settings = self.settings(find)?;
        if !self.faithful {
            return Some(Box::new(Promised::new(settings)));
        }
        let lifetime = self.lifetime.map(span::nanos);
        Some(Box::new(Faithful::new(settings, self.instances, lifetime)))
    }

    fn settings(&self, find: &Find<'_>) -> Option<Settings> {
        let endpoint = |spec: &EndpointSpec| {
            let profiles = spec.profiles.iter().map(|(prefix, name)| Some((prefix.clone(), find(name)?.id)));
            Some(Endpoint {
                target: find(&spec.target)?.id,
                primary: spec.primary,
                next_available: spec.next_available_time.map_or(0, span::nanos),
                prefix: spec.region_profile_prefix.clone(),
                profiles: profiles.collect::<Option<_>>()?,
            })
        };
        Some(Settings {
            endpoints: self.endpoints.iter().map(endpoint).collect::<Option<_>>()?,
            attempts_max: self.attempts(),
            cap: self.max_retry_time,
            attempts_each: self.max_retry_times_for_each_region,
            multi_region: self.multi_region_retry,
            distribute: self.primary_region_random_distribution,
            cooldown: span::nanos(self.cooldown),
            through_profiles: self.enable_cross_region_inference,
            writes: self.auto_update_config,
            timeouts: self.timeouts(),
            not_text_first: self.not_text_first,
        })
    }
}

/// What both halves go by.
#[derive(Debug)]
struct Settings {
    endpoints: Vec<Endpoint>,
    /// The cap, or the whole of the list if that is less.
    attempts_max: u32,
    cap: u32,
    attempts_each: u32,
    multi_region: bool,
    distribute: bool,
    cooldown: Nanos,
    through_profiles: bool,
    writes: bool,
    timeouts: Timeouts,
    not_text_first: Option<f64>,
}

#[derive(Debug)]
struct Endpoint {
    target: TargetId,
    primary: bool,
    next_available: Nanos,
    prefix: Option<String>,
    profiles: BTreeMap<String, TargetId>,
}

#[cfg(test)]
mod tests;
