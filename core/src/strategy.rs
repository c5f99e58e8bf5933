//! What a strategy is: two synchronous functions, `step` and `learn`, over one request's attempts so far.
//!
//! Retry, failover, back-off and hedging are one mechanism: "send to this target at that time", or "ask me again
//! at that time". A strategy that limits its own rate also holds sendings back at the moment they are due. The flight
//! enforces everything that strategies share; a strategy has only its own idea.

mod backoff;
pub mod composed;
pub mod connect_helper;
pub mod cris;
pub mod direct;
mod limits;
pub mod manual_fallback;
pub mod ordered;
pub mod preset;
pub mod provisioned_spill;
mod reason;
pub mod sdk;
pub mod smart_balancer;

pub use limits::{HoldBack, PaceLimit, StreamRules, Timeouts, WorstCase};
pub use reason::Reason;

use std::time::Duration;

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    Nanos,
    failure::Failure,
    flight::{FlightId, FlightView},
    request::Usage,
    target::{Known, TargetId},
};

/// What to do next for one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Send one attempt at `at` (now or later); the flight does it without another step.
    Send(Send),
    /// Nothing now; ask again at this time, or earlier if an attempt ends.
    AskAgain { at: Nanos },
    /// Nothing more: the flight ends here, or asks again when an attempt that is still in the air ends without an
    /// answer.
    Stop,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Send {
    pub target: TargetId,
    pub at: Nanos,
    pub timeouts: Timeouts,
    /// Overrides the caller's `max_tokens`.
    pub max_tokens: Option<u32>,
    pub rules: StreamRules,
}

impl Send {
    /// With no limit and no rule of its own.
    pub const fn plain(target: TargetId, at: Nanos, timeouts: Timeouts) -> Send {
        let rules = StreamRules { hold_back: None, keeps_text: false };
        Send { target, at, timeouts, max_tokens: None, rules }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    pub step: Step,
    pub reason: Reason,
}

/// What all flights of a strategy must keep to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contract {
    /// First attempt, retries, failovers and hedges together.
    pub attempts_max: u32,
    /// Counted from the request's intended arrival.
    pub deadline: Option<Duration>,
}

/// What one attempt just showed; its times are in the flight's list of attempts. Each attempt is sent once and ends
/// once, and a strategy hears of both exactly once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lesson {
    Sent {
        target: TargetId,
        attempt: u32,
    },
    /// The head of a stream came, without content yet. Unary calls have no such moment.
    Opened {
        target: TargetId,
        attempt: u32,
    },
    Answered {
        target: TargetId,
        attempt: u32,
        usage: Usage,
    },
    Failed {
        target: TargetId,
        attempt: u32,
        committed: bool,
        failure: Failure,
    },
    /// We gave it up; it shows nothing about the target.
    Cancelled {
        target: TargetId,
        attempt: u32,
    },
}

impl Lesson {
    fn attempt(mut self) -> u32 {
        *self.number()
    }

    /// The same, told to someone who knows nothing of the flight's attempts before `first`.
    fn since(mut self, first: u32) -> Lesson {
        *self.number() -= first;
        self
    }

    fn number(&mut self) -> &mut u32 {
        match self {
            Lesson::Sent { attempt, .. }
            | Lesson::Opened { attempt, .. }
            | Lesson::Answered { attempt, .. }
            | Lesson::Failed { attempt, .. }
            | Lesson::Cancelled { attempt, .. } => attempt,
        }
    }
}

pub trait Strategy: std::fmt::Debug + std::marker::Send {
    fn contract(&self) -> Contract;

    /// How long any of its attempts waits for a connection; none for ever. Connections that are made in advance go by it, too.
    fn connect_limit(&self) -> Option<Duration> {
        None
    }

    /// Given this request's attempts so far, what next? Asked when the request begins, after each attempt it sent, when
    /// an attempt ends without an answer, and at the time it named itself.
    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision;

    /// May one more attempt be paid for? Called once for each attempt after the first, between the check of
    /// attempts left and the check of the deadline.
    fn withdraw(&mut self, _flight: &FlightView<'_>, _target: TargetId) -> bool {
        true
    }

    /// Asked at the moment of each sending, first or later, when everything else allows it: `None` lets it go; a time
    /// puts it off, to be asked again then, and a time after the deadline ends it.
    fn hold(&mut self, _flight: &FlightView<'_>, _now: Nanos) -> Option<Nanos> {
        None
    }

    /// What was put off will not come: neither the sending that was held nor the asking that the strategy named. The
    /// caller left, another attempt answered, or the time ran out. Called once.
    fn left(&mut self, _flight: &FlightView<'_>) {}

    /// A flight whose sending is held, or that waits to be asked, to turn to before the time that was named, and when.
    /// Asked after each input to any flight.
    fn call(&mut self, _now: Nanos) -> Option<(FlightId, Nanos)> {
        None
    }

    /// A whole answer came of which the caller has seen nothing. An imitated client that throws such an answer away,
    /// paid as it is, says what it takes it for, and hears of a failed attempt; all others hand it on.
    fn discard(&mut self, _flight: &FlightView<'_>, _attempt: u32, _dice: &mut dyn Rng) -> Option<Failure> {
        None
    }

    /// The answer broke after its caller had seen part of it. An attempt that goes on where it broke off, sent with what
    /// there is as the beginning of its answer; or `None`, and the answer stays visibly broken. It must pass what every
    /// further attempt must pass.
    fn mend(&mut self, _flight: &FlightView<'_>, _now: Nanos, _dice: &mut dyn Rng) -> Option<Send> {
        None
    }

    fn learn(&mut self, flight: &FlightView<'_>, lesson: &Lesson, now: Nanos);
}

/// What is behind a target's name.
pub type Find<'a> = dyn Fn(&str) -> Option<Known<'a>> + 'a;

/// A row of `richter list strategies` and of the README.
#[derive(Debug, Clone, Copy)]
pub struct StrategyInfo {
    pub name: &'static str,
    pub summary: &'static str,
}

/// A setting that cannot work, with the key it concerns.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SpecProblem {
    /// Path of keys inside the strategy, such as `["sdk", "target"]` or, for an item of a list,
    /// `["ordered", "targets", "1"]`.
    pub path: Vec<String>,
    pub message: String,
    pub hint: String,
}

impl SpecProblem {
    fn new(path: &[&str], message: impl Into<String>, hint: impl Into<String>) -> SpecProblem {
        SpecProblem {
            path: path.iter().map(|key| (*key).to_owned()).collect(),
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// The same problem, of a part that is written under this key.
    fn below(mut self, key: &str) -> SpecProblem {
        self.path.insert(0, key.to_owned());
        self
    }
}

/// Makes the settings enum and everything that must know all strategies from one list.
macro_rules! strategies {
    ($($(#[$doc:meta])* $variant:ident($module:ident::$spec:ident),)+) => {
        /// A strategy as written in a file.
        #[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        #[expect(clippy::large_enum_variant, reason = "there are a handful of them, and each is read once")]
        pub enum StrategySpec {
            $($(#[$doc])* $variant($module::$spec),)+
        }

        pub const STRATEGIES: &[StrategyInfo] = &[$($module::INFO),+];

        impl StrategySpec {
            /// Its name in files, such as `sdk`.
            pub fn kind(&self) -> &'static str {
                match self { $(StrategySpec::$variant(_) => $module::INFO.name,)+ }
            }

            /// Names of the targets it uses, each with the path of keys where it is written.
            pub fn targets(&self) -> Vec<(Vec<String>, &str)> {
                match self { $(StrategySpec::$variant(spec) => spec.targets(),)+ }
            }

            /// Settings that cannot work whatever the scenario.
            pub fn problems(&self) -> Vec<SpecProblem> {
                match self { $(StrategySpec::$variant(spec) => spec.problems(),)+ }
            }

            pub fn worst_case(&self) -> WorstCase {
                match self { $(StrategySpec::$variant(spec) => spec.worst_case(),)+ }
            }

            /// Builds the strategy; `find` tells what is behind a target's name. `None` if it does not know a name or there is none. Call
            /// after `problems` was found empty.
            pub fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
                match self { $(StrategySpec::$variant(spec) => spec.build(find),)+ }
            }
        }
    };
}

strategies! {
    /// One target, one attempt.
    Direct(direct::DirectSpec),
    /// One target, with the AWS SDK's own retries.
    Sdk(sdk::SdkSpec),
    /// Targets in list order, from the top for every request.
    Ordered(ordered::OrderedSpec),
    /// Bedrock Connect Helper: failover with primaries and a cool-down file, quirks included.
    ConnectHelper(connect_helper::ConnectHelperSpec),
    /// Provisioned throughput, and on-demand for what it throttles.
    ProvisionedSpill(provisioned_spill::ProvisionedSpillSpec),
    /// A cross-Region inference profile, alone or beside its base model.
    Cris(cris::CrisSpec),
    /// A sample's helper module around a fixed chain: rate limiter, lifetime breaker, 1-2-4 s retries.
    ManualFallback(manual_fallback::ManualFallbackSpec),
    /// Most headroom in a quota table that parallel routers share.
    SmartBalancer(smart_balancer::SmartBalancerSpec),
    /// Tiers of targets with gates, a selector, retries, budgets and more, each switched on here or by a preset.
    Composed(composed::ComposedSpec),
}

impl StrategySpec {
    /// Why it would never call a target with this model id, however well the service knows it.
    pub fn refuses_model(&self, model_id: &str) -> Option<String> {
        match self {
            StrategySpec::ManualFallback(spec) => spec.refuses_model(model_id),
            _ => None,
        }
    }

    /// Settings that cannot work with what is behind the targets' names.
    pub fn misfits(&self, find: &Find<'_>) -> Vec<SpecProblem> {
        match self {
            StrategySpec::Composed(spec) => spec.misfits(find),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
