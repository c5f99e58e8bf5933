//! The scenario file, from text to a plan or to everything that is wrong with it.
//!
//! The way: text to tree ([`tree`]), tree to the scenario as written (`gather`, [`mod@file`]), all checks ([`check`]), and
//! the plan ([`plan`]). Whatever the input, this ends soon and never panics: scenarios come from strangers.

pub mod check;
pub mod demand;
mod document;
pub mod explain;
pub mod file;
pub mod from_logs;
mod gather;
mod include;
pub mod init;
mod places;
pub mod plan;
pub mod problem;
mod read;
pub mod schema;
pub mod source;
#[cfg(test)]
mod tests;
pub mod tree;
mod words;

use std::path::Path as FilePath;

use self::{
    check::Check,
    file::{Scenario, Shared},
    places::{Included, Places},
    plan::Plan,
    problem::{Problem, Problems, Severity},
    source::{FileId, Spot},
    tree::{Node, Path},
};

/// A scenario that can be run, and what is doubtful about it.
#[derive(Debug)]
pub struct Checked {
    pub plan: Plan,
    pub warnings: Problems,
}

/// Reads and checks a scenario file with what it includes.
pub fn load(path: &FilePath) -> Result<Checked, Problems> {
    let name = path.display().to_string();
    match include::read(path) {
        Ok(text) => load_text(&name, &text, path.parent().unwrap_or(FilePath::new(""))),
        Err(refusal) => {
            let mut problems = Problems::default();
            let file = problems.sources.add(name, "");
            let problem =
                Problem::new(&problems.sources, Severity::Error, &Spot { file, at: 0..0 }, refusal.message);
            problems.push(problem.hint(refusal.hint));
            Err(problems)
        }
    }
}

/// Checks a scenario given as text; `folder` is where its include and its traces are looked for.
pub fn load_text(name: &str, text: &str, folder: &FilePath) -> Result<Checked, Problems> {
    let mut problems = Problems::default();
    let file = problems.sources.add(name, text);
    let plan = plan(file, folder, &mut problems);
    problems.sort();
    match plan {
        Some(plan) if problems.errors() == 0 => Ok(Checked { plan, warnings: problems }),
        _ => Err(problems),
    }
}

fn plan(file: FileId, folder: &FilePath, problems: &mut Problems) -> Option<Plan> {
    let document = document::read::<Scenario>(file, problems)?;
    let mut scenario = document.value?;
    let (base, base_tree) = match scenario.include.clone() {
        Some(include) => shared(&include, file, &document.tree, folder, problems),
        None => (None, Included::Nothing),
    };
    if let Some(base) = base {
        scenario = scenario.over(base);
    }
    let places = Places::new((file, document.tree), base_tree);
    let resolved = check::check(&mut Check { scenario: &scenario, places: &places, folder, problems })?;
    Some(Plan::new(scenario, resolved, problems.sources.digest()))
}

/// Reads the included file; problems inside it carry its own name.
fn shared(
    include: &str,
    file: FileId,
    tree: &Node,
    folder: &FilePath,
    problems: &mut Problems,
) -> (Option<Shared>, Included) {
    let path = include::inside(folder, include);
    let document = match path.and_then(|path| include::read(&path).map(|text| (path, text))) {
        Ok((path, text)) => {
            let file = problems.sources.add(path.display().to_string(), text);
            document::read::<Shared>(file, problems).map(|document| (file, document))
        }
        Err(refusal) => {
            let path = Path::of(&["include"]);
            let spot = Spot { file, at: tree.find(&path.0).node.at.clone() };
            let problem = Problem::new(&problems.sources, Severity::Error, &spot, refusal.message);
            problems.push(problem.at(path).hint(refusal.hint));
            None
        }
    };
    match document {
        Some((file, document)) => (document.value, Included::Read(file, document.tree)),
        None => (None, Included::Lost),
    }
}
