//! Provisioned throughput first, on-demand for what it throttles.
//!
//! Idea. The sample "Amazon Bedrock high availability": capacity bought by the hour answers what it can, and a request
//! that it throttles is sent once more, on demand and in another Region.
//! Chooses. The provisioned target for every request. The on-demand one only after an error whose code is
//! ThrottlingException, and that call's ending, good or bad, is the caller's.
//! Learns from. Nothing: in a long overload every request asks the provisioned target first.
//! Cold start. The same as later.
//! Throttling. The SDK underneath retries before the sample's own code hears of it: with its defaults of the day, legacy
//! mode, five attempts and their waits. Then the on-demand target, with as many again.
//! Bad at. Everything but throttles: a 503, a cold model, a timeout or a dead Region is not survived. And the waits
//! before the spill.
//!
//! What it could spill has to be an error of the call: one inside a stream that opened is the caller's, as the sample
//! reads no streams. `demo_fault` is the sample's own demonstration, an answer thrown away on purpose.
//!
//! Not about routing, and so not here: how the sample reads and checks Regions and the ARN (it may call an ARN in another
//! Region than its own), and how provisioned throughput is created and deleted. The ids of the two targets are the
//! scenario's; nothing checks that they are one model.

use std::time::Duration;

use rand_core::Rng;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    Contract, Decision, Find, Lesson, Reason, SpecProblem, Step, Strategy, StrategyInfo, WorstCase,
    sdk::{ClientSpec, Mode, Sdk, SdkSpec},
};
use crate::{
    Nanos,
    failure::{Code, Failure, ThrottleScope},
    flight::{ATTEMPTS_MAX, FlightId, FlightView},
};

pub const INFO: StrategyInfo = StrategyInfo {
    name: "provisioned_spill",
    summary: "a provisioned target first, an on-demand one on ThrottlingException only",
};

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProvisionedSpillSpec {
    /// Name of the provisioned target.
    pub primary: String,
    /// Name of the target for what the primary throttles. It may well be another model.
    pub secondary: String,
    /// The SDK under each of the two calls: legacy mode with five attempts unless set otherwise. `max_attempts: 1` turns
    /// its retries off.
    #[serde(default)]
    pub sdk: ClientSpec,
    /// The n-th request, counted from 1, whose good unary answer from the primary is thrown away as if it had been
    /// throttled. The sample does so with the fourth of its five requests, to show the spill.
    #[serde(default)]
    pub demo_fault: Option<u64>,
}

impl ProvisionedSpillSpec {
    pub(super) fn targets(&self) -> Vec<(Vec<String>, &str)> {
        let named = [("primary", &self.primary), ("secondary", &self.secondary)];
        named.map(|(key, name)| (vec![INFO.name.into(), key.into()], &**name)).into()
    }

    pub(super) fn problems(&self) -> Vec<SpecProblem> {
        let side = self.side(&self.primary);
        let mut problems: Vec<SpecProblem> =
            side.problems().into_iter().map(|problem| problem.below(INFO.name)).collect();
        let mut add = |path: &[&str], message: &str, hint: &str| {
            problems.push(SpecProblem::new(path, message, hint));
        };
        if self.primary == self.secondary {
            let hint = "name another target, such as the model on demand in another Region";
            add(&[INFO.name, "secondary"], "the spill goes back to the primary", hint);
        }
        let each = side.worst_case().attempts;
        if (ATTEMPTS_MAX / 2 + 1..=ATTEMPTS_MAX).contains(&each) {
            let hint = format!("write {} or less", ATTEMPTS_MAX / 2);
            add(&[INFO.name, "sdk", "max_attempts"], "both calls together would be too many attempts", &hint);
        }
        if self.demo_fault == Some(0) {
            let hint = "write 1 or more, or leave it out";
            add(&[INFO.name, "demo_fault"], "requests are counted from 1", hint);
        }
        problems
    }

    pub(super) fn worst_case(&self) -> WorstCase {
        let WorstCase { attempts, wall } = self.side(&self.primary).worst_case();
        WorstCase {
            attempts: attempts.saturating_mul(2),
            wall: wall.map(|wall: Duration| wall.saturating_mul(2)),
        }
    }

    pub(super) fn build(&self, find: &Find<'_>) -> Option<Box<dyn Strategy>> {
        let client = |name: &str| Some(self.side(name).client_of(find(name)?.id));
        Some(Box::new(ProvisionedSpill {
            primary: client(&self.primary)?,
            secondary: client(&self.secondary)?,
            spilled: Vec::new(),
            demo_fault: self.demo_fault,
            begun: 0,
            struck: None,
        }))
    }

    fn side(&self, target: &str) -> SdkSpec {
        self.sdk.calling(target, Mode::Legacy, None)
    }
}

#[derive(Debug)]
struct ProvisionedSpill {
    primary: Sdk,
    secondary: Sdk,
    /// By flight slot: how many attempts went to the primary before the spill, once it happened.
    spilled: Vec<Option<u32>>,
    demo_fault: Option<u64>,
    begun: u64,
    /// The flight that the demonstration is about.
    struck: Option<FlightId>,
}

impl ProvisionedSpill {
    fn begin(&mut self, flight: FlightId) {
        let slot = flight.slot as usize;
        if self.spilled.len() <= slot {
            self.spilled.resize(slot + 1, None);
        }
        self.spilled[slot] = None;
        self.begun += 1;
        if self.demo_fault == Some(self.begun) {
            self.struck = Some(flight);
        }
    }

    fn spilled(&self, flight: &FlightView<'_>) -> Option<u32> {
        self.spilled.get(flight.id.slot as usize).copied().flatten()
    }

    /// The client that has the request now, and what it has seen of it.
    fn side<'a>(&mut self, flight: &FlightView<'a>) -> (&mut Sdk, FlightView<'a>) {
        match self.spilled(flight) {
            Some(from) => (&mut self.secondary, flight.since(from)),
            None => (&mut self.primary, *flight),
        }
    }

    /// Whether the error that the primary's client is left with is the one that spills.
    fn spills(&self, flight: &FlightView<'_>) -> bool {
        let Some(last) = flight.attempts.last() else {
            return false;
        };
        let in_stream = flight.request.api.streams() && last.opened.is_some();
        let throttled = last.signs.code == Code::Throttling || self.struck == Some(flight.id);
        last.failure().is_some() && throttled && !in_stream
    }
}

/// What one client wants next. A client whose retry quota is empty gives up, so the quota is asked here: the flight
/// would take its refusal for the end of the request.
fn ask(client: &mut Sdk, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
    let decision = client.step(flight, now, dice);
    match decision.step {
        Step::Send(send) if !flight.attempts.is_empty() && !client.withdraw(flight, send.target) => {
            Decision { step: Step::Stop, reason: Reason::BudgetEmpty }
        }
        _ => decision,
    }
}

impl Strategy for ProvisionedSpill {
    fn contract(&self) -> Contract {
        let each = self.primary.contract().attempts_max;
        Contract { attempts_max: each.saturating_mul(2), deadline: None }
    }

    fn connect_limit(&self) -> Option<Duration> {
        self.primary.connect_limit()
    }

    fn step(&mut self, flight: &FlightView<'_>, now: Nanos, dice: &mut dyn Rng) -> Decision {
        if flight.attempts.is_empty() {
            self.begin(flight.id);
        }
        let spilled = self.spilled(flight).is_some();
        let (client, seen) = self.side(flight);
        let decision = ask(client, &seen, now, dice);
        if spilled || decision.step != Step::Stop || !self.spills(flight) {
            return decision;
        }
        let from = flight.attempts.len() as u32;
        self.spilled[flight.id.slot as usize] = Some(from);
        let decision = ask(&mut self.secondary, &flight.since(from), now, dice);
        Decision { reason: Reason::NextTarget, ..decision }
    }

    fn hold(&mut self, flight: &FlightView<'_>, now: Nanos) -> Option<Nanos> {
        let (client, seen) = self.side(flight);
        client.hold(&seen, now)
    }

    fn left(&mut self, flight: &FlightView<'_>) {
        let (client, seen) = self.side(flight);
        client.left(&seen);
    }

    fn call(&mut self, now: Nanos) -> Option<(FlightId, Nanos)> {
        self.primary.call(now).or_else(|| self.secondary.call(now))
    }

    fn discard(&mut self, flight: &FlightView<'_>, _: u32, _: &mut dyn Rng) -> Option<Failure> {
        let struck = self.struck == Some(flight.id) && self.spilled(flight).is_none();
        struck.then_some(Failure::Throttle { scope: ThrottleScope::Unknown, retry_after_ms: None })
    }

    fn learn(&mut self, flight: &FlightView<'_>, lesson: &Lesson, now: Nanos) {
        match self.spilled(flight) {
            Some(from) if lesson.attempt() >= from => {
                self.secondary.learn(&flight.since(from), &lesson.since(from), now);
            }
            _ => self.primary.learn(flight, lesson, now),
        }
    }
}

#[cfg(test)]
mod tests;
