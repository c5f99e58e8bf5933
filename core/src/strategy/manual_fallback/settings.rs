//! What a file may say about the fallback, what is wrong with it, and what it comes to at worst.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    INFO, ManualFallback, allow_list,
    breaker::{Breaker, BreakerSpec},
    course::{self, Course},
};
use crate::{
    Nanos,
    flight::ATTEMPTS_MAX,
    span,
    strategy::{
        Find, SpecProblem, Strategy, WorstCase,
        sdk::{Behaviour, Client, Mode, engine::Engine},
    },
};

const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);
const TIMEOUT_MAX: Duration = Duration::from_secs(300);
const TOKENS_DEFAULT: u32 = 1_000;
const TOKENS_MAX: u32 = 4_000;
/// Attempts of one SDK call in the mode that the sample's clients have by default.
const SDK_ATTEMPTS: u32 = 5;

#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManualFallbackSpec {
    /// What it falls back along.
    pub chain: Chain,
    /// How often the retry helper tries a failed chain again, after 1, 2, 4 s and so on.
    #[serde(default = "three")]
    pub retries: u32,
    #[serde(default)]
    pub breaker: BreakerSpec,
    /// The rate limiter's smallest gap between two requests; "0s" for no limiter.
    #[serde(default = "tenth", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub min_gap: Duration,
    /// The alarm on one call, SDK retries included: whole seconds. Out of range (0 < t ≤ 300 s) it is 30 s without a
    /// message, as in the original.
    #[serde(default = "thirty", deserialize_with = "span::required")]
    #[schemars(schema_with = "span::schema")]
    pub timeout: Duration,
    /// Asked for in place of the caller's own limit. Out of range (1 to 4000) it is 1000 without a message, as in the
    /// original.
    #[serde(default = "thousand")]
    pub max_tokens: i64,
    /// Token limits as in the demonstrations: 100 for an answer along a cross-Region chain; along the other two the
    /// caller gets what the availability probe of 50 tokens answered, and the prompt is ignored.
    #[serde(default)]
    pub as_demo: bool,
    /// Whether the SDK under it makes its own five attempts (legacy mode), or one.
    #[serde(default = "yes")]
    pub sdk_retries: bool,
}

/// Targets in the order in which they are called. The three differ in what changes along the chain, and in the
/// demonstrations' limits (`as_demo`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Chain {
    /// One model in several Regions.
    CrossRegion(Vec<String>),
    /// Several models of one vendor, the most able first.
    MultiModel(Vec<String>),
    /// Models of several vendors inside Bedrock.
    MultiProvider(Vec<String>),
}

fn three() -> u32 {
    3
}

fn tenth() -> Duration {
    Duration::from_millis(100)
}

fn thirty() -> Duration {
    TIMEOUT_DEFAULT
}

fn thousand() -> i64 {
    i64::from(TOKENS_DEFAULT)
}

fn yes() -> bool {
    true
}

impl Chain {
    fn key(&self) -> &'static str {
        match self {
            Chain::CrossRegion(_) => "cross_region",
            Chain::MultiModel(_) => "multi_model",
            Chain::MultiProvider(_) => "multi_provider",
        }
    }

    fn names(&self) -> &[String] {
        match self {
            Chain::CrossRegion(names) | Chain::MultiModel(names) | Chain::MultiProvider(names) => names,
        }
    }

    const fn demo_tokens(&self) -> u32 {
        match self {
            Chain::CrossRegion(_) => 100,
            Chain::MultiModel(_) | Chain::MultiProvider(_) => 50,
        }
    }
}

impl ManualFallbackSpec {
    pub(in crate::strategy) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        let path =
            |at: usize| vec![INFO.name.into(), "chain".into(), self.chain.key().into(), at.to_string()];
        self.chain.names().iter().enumerate().map(|(at, name)| (path(at), &**name)).collect()
    }

    pub(in crate::strategy) fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = self.chain_problems();
        problems.extend(self.breaker.problems(INFO.name));
        if self.attempts() > ATTEMPTS_MAX {
            let message = format!("a request could cost {} attempts", self.attempts());
            let hint = format!(
                "keep targets × (retries + 1) at {} or less, or write `sdk_retries: false`",
                ATTEMPTS_MAX / self.sdk().attempts_max
            );
            problems.push(SpecProblem::new(&[INFO.name, "retries"], message, hint));
        }
        if self.timeout.subsec_nanos() > 0 {
            let message = "the original's alarm counts whole seconds";
            problems.push(SpecProblem::new(&[INFO.name, "timeout"], message, "write a time such as \"30s\""));
        }
        problems
    }

    fn chain_problems(&self) -> Vec<SpecProblem> {
        let (key, names) = (self.chain.key(), self.chain.names());
        if names.is_empty() {
            let hint = "name at least one target";
            return vec![SpecProblem::new(&[INFO.name, "chain", key], "the chain is empty", hint)];
        }
        let twice = names.iter().enumerate().filter(|(at, name)| names[..*at].contains(name));
        twice
            .map(|(at, name)| {
                SpecProblem::new(
                    &[INFO.name, "chain", key, &at.to_string()],
                    format!("target \"{name}\" is in the chain twice"),
                    "list each target once; `retries` goes through the chain again",
                )
            })
            .collect()
    }

    /// Why its model check would refuse every call with this model id.
    pub(in crate::strategy) fn refuses_model(&self, model_id: &str) -> Option<String> {
        allow_list::refusal(model_id)
    }

    fn attempts(&self) -> u32 {
        let targets = u32::try_from(self.chain.names().len()).unwrap_or(u32::MAX);
        let calls = targets.saturating_mul(self.retries.saturating_add(1));
        calls.saturating_mul(self.sdk().attempts_max)
    }

    pub(in crate::strategy) fn worst_case(&self) -> WorstCase {
        // Nothing bounds the queue before the rate limiter.
        if !self.min_gap.is_zero() {
            return WorstCase { attempts: self.attempts(), wall: None };
        }
        let calls = self.attempts() / self.sdk().attempts_max;
        let waits = (1..=self.retries).map(course::wait).fold(0, Nanos::saturating_add);
        let wall = self.timeout().saturating_mul(calls).saturating_add(Duration::from_nanos(waits));
        WorstCase { attempts: self.attempts(), wall: Some(wall) }
    }

    pub(in crate::strategy) fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
        let targets = self
            .chain
            .names()
            .iter()
            .map(|name| find(name).map(|known| known.id))
            .collect::<Option<Vec<_>>>()?;
        if targets.is_empty() {
            return None;
        }
        Some(Box::new(ManualFallback {
            attempts_max: self.attempts(),
            max_tokens: self.max_tokens(),
            breaker: Breaker::new(self.breaker),
            min_gap: span::nanos(self.min_gap),
            next_turn: 0,
            course: Course {
                targets,
                tries_max: self.retries.saturating_add(1),
                timeout: span::nanos(self.timeout()),
                sdk: self.sdk(),
            },
        }))
    }

    fn timeout(&self) -> Duration {
        let in_range = !self.timeout.is_zero() && self.timeout <= TIMEOUT_MAX;
        if in_range { self.timeout } else { TIMEOUT_DEFAULT }
    }

    fn max_tokens(&self) -> u32 {
        let asked = u32::try_from(self.max_tokens).ok().filter(|tokens| (1..=TOKENS_MAX).contains(tokens));
        let asked = asked.unwrap_or(TOKENS_DEFAULT);
        if self.as_demo { self.chain.demo_tokens() } else { asked }
    }

    fn sdk(&self) -> Engine {
        Engine {
            client: Client::Boto3,
            mode: Mode::Legacy,
            behaviour: Behaviour::Before2026,
            attempts_max: if self.sdk_retries { SDK_ATTEMPTS } else { 1 },
        }
    }
}
