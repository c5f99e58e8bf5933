//! Settings that cannot work.

use std::time::Duration;

use super::{ConnectHelperSpec, INFO};
use crate::{flight::ATTEMPTS_MAX, strategy::SpecProblem};

/// More processes than this on one account are hardly meant.
const INSTANCES_MAX: u32 = 10_000;

impl ConnectHelperSpec {
    pub(in crate::strategy) fn problems(&self) -> Vec<SpecProblem> {
        let mut problems = self.endpoint_problems();
        problems.extend(self.count_problems());
        problems.extend(self.time_problems());
        if self.not_text_first.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
            let hint = "write a number from 0 to 1, such as 0.1";
            problems.push(SpecProblem::new(&[INFO.name, "not_text_first"], "this is not a share", hint));
        }
        problems
    }

    fn endpoint_problems(&self) -> Vec<SpecProblem> {
        if self.endpoints.is_empty() {
            let hint = "write at least one, such as { target: east, primary: true }";
            return vec![SpecProblem::new(&[INFO.name, "endpoints"], "the list of endpoints is empty", hint)];
        }
        let mut problems = Vec::new();
        let targets = self.targets();
        for (at, (path, name)) in targets.iter().enumerate() {
            if targets[..at].iter().any(|(_, earlier)| earlier == name) {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                let message = format!("target \"{name}\" is listed twice");
                problems.push(SpecProblem::new(&path, message, "give each endpoint targets of its own"));
            }
        }
        for (place, endpoint) in self.endpoints.iter().enumerate() {
            let Some(prefix) = endpoint.prefix().filter(|_| self.enable_cross_region_inference) else {
                continue;
            };
            if !endpoint.profiles.contains_key(prefix) {
                problems.push(SpecProblem::new(
                    &[INFO.name, "endpoints", &place.to_string(), "region_profile_prefix"],
                    format!("no target is given for the profile \"{prefix}\" of this endpoint"),
                    format!("add profiles: {{ {prefix}: TARGET }}"),
                ));
            }
        }
        problems
    }

    fn count_problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        let counts = [
            ("max_retry_time", self.max_retry_time),
            ("max_retry_times_for_each_region", self.max_retry_times_for_each_region),
            ("instances", self.instances),
        ];
        for (key, _) in counts.into_iter().filter(|(_, count)| *count == 0) {
            let message = format!("{key} is 0, so nothing is ever sent");
            problems.push(SpecProblem::new(&[INFO.name, key], message, "write 1 or more"));
        }
        if self.attempts() > ATTEMPTS_MAX {
            let message = format!("a request could cost {} attempts", self.attempts());
            let hint = format!("write {ATTEMPTS_MAX} or less");
            problems.push(SpecProblem::new(&[INFO.name, "max_retry_time"], message, hint));
        }
        if self.instances > INSTANCES_MAX {
            let hint = format!("write {INSTANCES_MAX} or less");
            problems.push(SpecProblem::new(&[INFO.name, "instances"], "too many instances", hint));
        }
        problems
    }

    fn time_problems(&self) -> Vec<SpecProblem> {
        let mut problems = Vec::new();
        if self.lifetime.is_some_and(|lifetime| lifetime < Duration::from_secs(1)) {
            let message = "an instance lives at least a second, as the helper counts in whole seconds";
            let hint = "write 1s or more, or leave it out";
            problems.push(SpecProblem::new(&[INFO.name, "lifetime"], message, hint));
        }
        let timeouts =
            [("api_read_timeout", self.api_read_timeout), ("api_connect_timeout", self.api_connect_timeout)];
        for (key, _) in timeouts.into_iter().filter(|(_, span)| span.is_zero()) {
            let message = "a timeout of zero fails every attempt";
            let hint = "write a length of time such as \"5s\"";
            problems.push(SpecProblem::new(&[INFO.name, key], message, hint));
        }
        problems
    }
}
