//! A cross-Region inference profile, called through the AWS SDK.
//!
//! Idea. The cross-Region inference module of the Amazon Bedrock workshop: let the service choose the Region, and leave
//! the rest to the SDK's retries.
//! Chooses. The profile. With `base`, the base model and the profile in turn, one request each, so that one run shows
//! both side by side.
//! Learns from. What the SDK's retry mode learns from; see `sdk`. One client calls both targets, so they share its
//! retry quota.
//! Cold start. As `sdk`.
//! Throttling. Retries on the same target, up to eleven attempts: the module gives its client 10, which counts retries.
//! The client reroutes nothing; if a request is rerouted, it was inside the service.
//! Bad at. A source Region that cannot be reached: every profile is called through its own. And eleven attempts in a row
//! when no Region has room.
//!
//! The profile may be geographic or global, by id or by ARN: that is written at the target.
//!
//! Not about routing, and so without a test here: the metric filter on the invocation log's `inferenceRegion` and its
//! set-up (F2.3, F2.4), the assumed role's keys (F2.5), and what cleaning up does to the account's logging (F2.7).

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Contract, Decision, Find, Lesson, SpecProblem, Strategy, StrategyInfo, WorstCase,
    sdk::{ClientSpec, Mode, Sdk, SdkSpec},
};
use crate::{
    Nanos,
    flight::{FlightId, FlightView},
    target::TargetId,
};

pub const INFO: StrategyInfo = StrategyInfo {
    name: "cris",
    summary: "a cross-Region profile under the SDK's retries, alone or in turn with its base model",
};

/// Ten retries after the first.
const ATTEMPTS: u32 = 11;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrisSpec {
    /// Name of the profile's target.
    pub profile: String,
    /// Name of the base model's target, called for every second request, from the first on.
    #[serde(default)]
    pub base: Option<String>,
    /// The SDK underneath: standard mode with eleven attempts unless set otherwise.
    #[serde(default)]
    pub sdk: ClientSpec,
}

impl CrisSpec {
    pub(super) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        let base = self.base.as_ref().map(|name| ("base", name));
        let named = [("profile", &self.profile)].into_iter().chain(base);
        named.map(|(key, name)| (vec![INFO.name.into(), key.into()], &**name)).collect()
    }

    pub(super) fn problems(&self) -> Vec<SpecProblem> {
        let mut problems: Vec<SpecProblem> =
            self.client().problems().into_iter().map(|problem| problem.below(INFO.name)).collect();
        if self.base.as_ref() == Some(&self.profile) {
            let hint = "name the target of the model in its source Region, or leave it out";
            let message = "the base model is the profile itself, so nothing is compared";
            problems.push(SpecProblem::new(&[INFO.name, "base"], message, hint));
        }
        problems
    }

    pub(super) fn worst_case(&self) -> WorstCase {
        self.client().worst_case()
    }

    pub(super) fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
        let profile = find(&self.profile)?.id;
        let base = match &self.base {
            Some(name) => Some(find(name)?.id),
            None => None,
        };
        Some(Box::new(Cris { client: self.client().client_of(profile), profile, base, begun: 0 }))
    }

    fn client(&self) -> SdkSpec {
        self.sdk.calling(&self.profile, Mode::Standard, Some(ATTEMPTS))
    }
}

#[derive(Debug)]
struct Cris {
    client: Sdk,
    profile: TargetId,
    base: Option<TargetId>,
    begun: u64,
}

impl Cris {
    /// The target of the next request.
    fn turn(&mut self) -> TargetId {
        self.begun += 1;
        self.base.filter(|_| self.begun % 2 == 1).unwrap_or(self.profile)
    }
}

impl Strategy for Cris {
    fn contract(&self) -> Contract {
        self.client.contract()
    }

    fn connect_limit(&self) -> Option<std::time::Duration> {
        self.client.connect_limit()
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        let target = flight.attempts.first().map_or_else(|| self.turn(), |first| first.target);
        self.client.aim(target);
        self.client.step(flight, now, dice)
    }

    fn withdraw(&mut self, flight: &FlightView<'_>, target: TargetId) -> bool {
        self.client.withdraw(flight, target)
    }

    fn hold(&mut self, flight: &FlightView<'_>, now: Nanos) -> Option<Nanos> {
        self.client.hold(flight, now)
    }

    fn left(&mut self, flight: &FlightView<'_>) {
        self.client.left(flight);
    }

    fn call(&mut self, now: Nanos) -> Option<(FlightId, Nanos)> {
        self.client.call(now)
    }

    fn learn(&mut self, flight: &FlightView<'_>, lesson: &Lesson, now: Nanos) {
        self.client.learn(flight, lesson, now);
    }
}

#[cfg(test)]
mod tests;
