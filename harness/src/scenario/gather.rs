//! Reads a tree into a type and collects everything that is wrong on the way, not only the first thing.
//!
//! A derived reader stops at its first error. So the wrong part is reported, marked dead, and the tree is read again
//! without it, until it reads clean. Where a missing part then makes its parent unreadable, the parent goes the same
//! way but silently: that is a consequence and not a second mistake.

use serde::de::DeserializeOwned;

use super::{
    problem::PROBLEMS_MAX,
    read::{
        Reader,
        error::{ReadError, What},
    },
    tree::{Node, Path, Step},
    words,
};

/// One mistake and where it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    pub path: Path,
    /// Whether it concerns the last key of the path and not its value.
    pub about_key: bool,
    pub what: What,
}

/// Reads all that can be read. The value is absent when the top itself became unreadable.
pub fn gather<T: DeserializeOwned>(tree: &mut Node) -> (Option<T>, Vec<Mistake>) {
    let mut mistakes = Vec::new();
    while mistakes.len() < PROBLEMS_MAX {
        let error = match T::deserialize(Reader::new(tree)) {
            Ok(value) => return (Some(value), mistakes),
            Err(error) => error,
        };
        let path = error.path();
        if !consequence(tree, &path, &error) {
            mistakes.push(mistake(tree, path.clone(), error));
        }
        match tree.find_mut(&path.0) {
            Some(node) if !node.dead && !path.0.is_empty() => node.dead = true,
            _ => break,
        }
    }
    (None, mistakes)
}

/// Whether the error would not be there without an earlier one.
fn consequence(tree: &Node, path: &Path, error: &ReadError) -> bool {
    let node = tree.find(&path.0).node;
    match &error.what {
        What::Missing { key } => node
            .entries()
            .iter()
            .filter(|entry| entry.value.dead)
            .any(|entry| entry.key == *key || words::nearest(&entry.key, &[key]).is_some()),
        _ => !error.about_key && node.has_dead_child(),
    }
}

/// Hand-written readers complain about an unknown choice from one level above the word; this points at the word.
fn mistake(tree: &Node, mut path: Path, error: ReadError) -> Mistake {
    let mut about_key = error.about_key;
    if let What::Unknown { word, .. } = &error.what {
        let node = tree.find(&path.0).node;
        if !about_key && node.entry(word).is_some() {
            path.0.push(Step::Key(word.clone()));
            about_key = true;
        }
    }
    Mistake { path, about_key, what: error.what }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::scenario::tree::parse::parse;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Room {
        doors: u32,
        height: u32,
        #[serde(default)]
        name: Option<String>,
    }

    fn gathered(text: &str) -> (Vec<String>, Vec<String>) {
        let mut tree = parse(text).expect("valid").tree;
        let (rooms, mistakes) = gather::<BTreeMap<String, Vec<Room>>>(&mut tree);
        let told =
            mistakes.iter().map(|mistake| format!("{}: {}", mistake.path, mistake.what.texts().0)).collect();
        (rooms.into_iter().flatten().map(|(name, rooms)| format!("{name} {}", rooms.len())).collect(), told)
    }

    #[test]
    fn what_is_wrong_is_left_out_and_the_rest_is_read() {
        let (rooms, told) = gathered("a: [{ doors: 1, height: 2 }, { doors: x, height: y }]\nb: 5\nc: []");
        assert_eq!(rooms, ["a 1", "c 0"]);
        assert_eq!(
            told,
            [
                "a[1].doors: expected a whole number, 0 or more, found x",
                "a[1].height: expected a whole number, 0 or more, found y",
                "b: expected a list, found 5",
            ]
        );
    }

    #[test]
    fn a_misspelt_key_is_not_reported_as_a_missing_one_too() {
        let (_, told) = gathered("a: [{ doors: 1, heigth: 2 }]");
        assert_eq!(told, ["a[0].heigth: unknown key \"heigth\""]);
    }

    #[test]
    fn a_missing_key_beside_a_wrong_one_is_reported() {
        let (_, told) = gathered("a: [{ doors: x }, { name: 5 }]");
        assert_eq!(
            told,
            [
                "a[0].doors: expected a whole number, 0 or more, found x",
                "a[1].name: expected text, found 5",
                "a[1]: \"doors\" is missing",
            ]
        );
    }
}
