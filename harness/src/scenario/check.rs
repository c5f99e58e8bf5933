//! From a scenario as written to a plan, or to all that speaks against it.
//!
//! Every check runs that can: a section that could not be read is left out of the checks that need it, and what merely
//! follows from an error is not reported again. Nothing here stops at the first problem.

mod basics;
mod expect;
mod names;
mod observe;
mod prices;
mod quota;
mod sizes;
mod strategies;
mod targets;
pub(crate) mod timeline;

use std::path::Path as FilePath;

use richter_mock_bedrock::{fault::FaultRule, world::World};

use super::{
    file::Scenario,
    places::Places,
    problem::{Problem, Problems, Severity},
    tree::Path,
};
use crate::load::Traffic;

/// What all checks look at, and where they report.
#[derive(Debug)]
pub struct Check<'a> {
    pub scenario: &'a Scenario,
    pub places: &'a Places,
    /// Where relative paths of traces begin.
    pub folder: &'a FilePath,
    pub problems: &'a mut Problems,
}

/// What the checks resolved on their way.
#[derive(Debug)]
pub struct Resolved {
    pub traffic: Traffic,
    pub world: World,
    pub faults: Vec<FaultRule>,
}

/// Runs every check. What was resolved is complete only if no error was reported.
pub fn check(check: &mut Check<'_>) -> Option<Resolved> {
    basics::check(check);
    names::check(check);
    targets::check(check);
    strategies::check(check);
    prices::check(check);
    observe::check(check);
    expect::check(check);
    timeline::fault_names(check);
    timeline::fault_phases(check);
    let traffic = timeline::traffic(check);
    let world = timeline::world(check);
    if let Some(world) = &world {
        sizes::check(check, world);
    }
    let (traffic, world) = (traffic?, world?);
    quota::check(check, &traffic, &world);
    let faults = timeline::faults(check, &traffic, &world);
    Some(Resolved { traffic, world, faults })
}

impl Check<'_> {
    /// Whether looking for more is of no use to anybody.
    pub fn is_full(&self) -> bool {
        self.problems.is_full()
    }

    fn report(&mut self, severity: Severity, path: Path, message: String, hint: String) {
        let spot = self.places.spot(&path);
        let problem = Problem::new(&self.problems.sources, severity, &spot, message).at(path).hint(hint);
        self.problems.push(problem);
    }

    pub fn error(&mut self, path: Path, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Severity::Error, path, message.into(), hint.into());
    }

    pub fn warning(&mut self, path: Path, message: impl Into<String>, hint: impl Into<String>) {
        self.report(Severity::Warning, path, message.into(), hint.into());
    }
}
