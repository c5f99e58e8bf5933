//! What is wrong with an expectation, before anything runs.

use super::{ExpectSpec, OneOrMany, Test};
use crate::metric::{Argument, nearest};

/// A setting that cannot work: where it is, what is wrong, what to write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpectProblem {
    /// Keys (and list indices, as text) from the top of the expectation.
    pub path: Vec<String>,
    pub message: String,
    pub hint: String,
}

/// The names that a scenario defines.
#[derive(Debug, Clone, Default)]
pub struct Names<'a> {
    pub strategies: Vec<&'a str>,
    pub phases: Vec<&'a str>,
    pub targets: Vec<&'a str>,
    /// Base models of the world.
    pub models: Vec<&'a str>,
    pub faults: Vec<&'a str>,
}

impl ExpectProblem {
    pub(super) fn at(key: &str, message: impl Into<String>, hint: impl Into<String>) -> ExpectProblem {
        ExpectProblem { path: vec![key.to_owned()], message: message.into(), hint: hint.into() }
    }
}

impl ExpectSpec {
    /// All problems at once; none means that it can be judged.
    pub fn check(&self, known: &Names<'_>) -> Vec<ExpectProblem> {
        let mut problems = Vec::new();
        problems.extend(unknown_names("of", &self.of, "strategy", &known.strategies));
        problems.extend(unknown_names("in", &self.within, "phase", &known.phases));
        if let Some(other) = &self.better_than {
            problems.extend(unknown("better_than", other, "strategy", &known.strategies));
        }
        if let Some(after) = &self.after {
            let triggers = [known.phases.as_slice(), known.faults.as_slice()].concat();
            problems.extend(unknown("after", after, "phase or fault", &triggers));
        }
        match self.test() {
            Err(problem) => problems.push(problem),
            Ok(test) => problems.extend(self.misplaced(&test, known)),
        }
        problems
    }

    /// Keys that are right by themselves but not together.
    fn misplaced(&self, test: &Test, known: &Names<'_>) -> Vec<ExpectProblem> {
        let mut problems = Vec::new();
        let metric = test.metric();
        let mut add = |key: &str, message: String, hint: &str| {
            problems.push(ExpectProblem::at(key, message, hint));
        };
        match (metric.kind.needs_trigger(), &self.after) {
            (true, None) => add("that", format!("{metric} needs to know after what"), "add `after: PHASE`"),
            (false, Some(_)) => {
                add(
                    "after",
                    format!("{metric} is not measured after anything"),
                    "write `in: PHASE`, or leave it out",
                );
            }
            _ => {}
        }
        if metric.kind.needs_trigger() && !self.within.is_empty() {
            add("in", format!("{metric} is measured over the whole run"), "leave `in` out");
        }
        if self.by.is_some() && self.better_than.is_none() {
            add(
                "by",
                "`by` says how much better, but not than what".to_owned(),
                "add `better_than: STRATEGY`",
            );
        }
        if let Some(other) = self.better_than.as_deref().filter(|other| self.of.iter().any(|of| of == *other))
        {
            add("better_than", format!("{other} cannot be better than itself"), "name another strategy");
        }
        match &metric.argument {
            Argument::Target(target) => problems.extend(unknown("that", target, "target", &known.targets)),
            Argument::Model(model) => problems.extend(unknown("that", model, "model", &known.models)),
            Argument::None | Argument::Percentile(_) => {}
        }
        problems
    }
}

fn unknown_names(key: &str, names: &OneOrMany, what: &str, known: &[&str]) -> Vec<ExpectProblem> {
    let one = names.0.len() == 1;
    let mut problems = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if let Some(mut problem) = unknown(key, name, what, known) {
            if !one {
                problem.path.push(index.to_string());
            }
            problems.push(problem);
        }
    }
    problems
}

fn unknown(key: &str, name: &str, what: &str, known: &[&str]) -> Option<ExpectProblem> {
    if known.contains(&name) {
        return None;
    }
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean {near}?"),
        None if known.is_empty() => format!("the scenario has no {what}"),
        None => format!("known: {}", known.join(", ")),
    };
    Some(ExpectProblem::at(key, format!("\"{name}\" is not a {what} of this scenario"), hint))
}
