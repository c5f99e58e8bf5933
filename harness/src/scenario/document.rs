//! One file on its way from text to type, with every mistake on that way turned into a problem.

use std::ops::Range;

use serde::de::DeserializeOwned;

use super::{
    file::VERSION,
    gather::{Mistake, gather},
    problem::{Problem, Problems, Severity},
    read::error::What,
    source::{FileId, Spot},
    tree::{
        Node, Path,
        parse::{Flaw, parse},
    },
};

/// A file as a tree and, where it could be read at all, as a value.
#[derive(Debug)]
pub struct Document<T> {
    pub tree: Node,
    pub value: Option<T>,
}

/// Reads a file that is already among the sources. `None` when its text is no tree, or not of our version.
pub fn read<T: DeserializeOwned>(file: FileId, problems: &mut Problems) -> Option<Document<T>> {
    let parsed = match parse(&problems.sources.get(file).text) {
        Ok(parsed) => parsed,
        Err(flaw) => {
            report_flaw(file, flaw, problems);
            return None;
        }
    };
    parsed.flaws.into_iter().for_each(|flaw| report_flaw(file, flaw, problems));
    let mut tree = parsed.tree;
    if let Some((at, message, hint)) = foreign(&tree) {
        let path = Path::of(&["version"]);
        problems.push(problem(problems, file, at, message).at(path).hint(hint));
        return None;
    }
    let (value, mistakes) = gather(&mut tree);
    for mistake in mistakes {
        report(file, &tree, &mistake, problems);
    }
    Some(Document { tree, value })
}

fn problem(problems: &Problems, file: FileId, at: Range<usize>, message: impl Into<String>) -> Problem {
    Problem::new(&problems.sources, Severity::Error, &Spot { file, at }, message)
}

fn report_flaw(file: FileId, flaw: Flaw, problems: &mut Problems) {
    let found = problem(problems, file, flaw.at, flaw.message).hint(flaw.hint);
    problems.push(Problem { also: flaw.also, ..found });
}

/// What to say when the file is a map but not of the version that this program reads: all else would be noise.
fn foreign(tree: &Node) -> Option<(Range<usize>, String, String)> {
    let write = format!("write `version: {VERSION}` as the first line");
    let top = tree.entries().first()?;
    let Some(version) = tree.entry("version") else {
        return Some((top.key_at.clone(), "the file does not say its version".into(), write));
    };
    let number = version.value.text().unwrap_or_default();
    if number == VERSION.to_string() {
        return None;
    }
    let newer = number.parse::<u32>().is_ok_and(|number| number > VERSION);
    let hint = if newer { "a newer richter may read this file".into() } else { write };
    Some((version.value.at.clone(), format!("this richter reads version {VERSION}, not {number:?}"), hint))
}

fn report(file: FileId, tree: &Node, mistake: &Mistake, problems: &mut Problems) {
    let (message, hint) = mistake.what.texts();
    let at = place(tree, mistake);
    problems.push(problem(problems, file, at, message).at(&mistake.path).hint(hint));
}

/// What to point at: the key, the value, or for something missing the name of what lacks it.
fn place(tree: &Node, mistake: &Mistake) -> Range<usize> {
    let found = tree.find(&mistake.path.0);
    let key = found.key_at.cloned();
    match (&mistake.what, key) {
        (_, Some(key)) if mistake.about_key => key,
        (What::Missing { .. }, Some(key)) => key,
        (_, Some(key)) if found.node.at.is_empty() => key,
        _ => found.node.at.clone(),
    }
}
